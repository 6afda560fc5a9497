//! Any message to an agent, and any from one.

use super::event::movement;
use super::trade::{cum_ex, method, quantity_type};
use super::*;
use model::advice::*;
use model::identifier::{Bic, Isin, Lei};
use model::outbound::*;

/// One message in a test must not be beyond the size of all.
fn short() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("MACH".to_owned()), text()]
}

pub fn advice() -> impl Strategy<Value = Advice> {
    (identifier(), identifier(), short(), short(), body()).prop_map(|(sender, id, reference, agent_reference, body)| {
        Advice { sender, id, reference, agent_reference, body }
    })
}

fn body() -> impl Strategy<Value = AdviceBody> {
    let lines =
        some((short(), decimal()).prop_map(|(instrument, quantity)| SecuritiesBalance { instrument, quantity }));
    let cash = some((currency(), decimal()).prop_map(|(currency, amount)| CashBalance { currency, amount }));
    prop_oneof![
        (short(), some(short()), short())
            .prop_map(|(status, reasons, narrative)| { AdviceBody::Status(Status { status, reasons, narrative }) }),
        confirmation().prop_map(|said| AdviceBody::Confirmation(Box::new(said))),
        answer().prop_map(AdviceBody::CancellationAnswer),
        answer().prop_map(AdviceBody::ModificationAnswer),
        allegement().prop_map(|said| AdviceBody::Allegement(Box::new(said))),
        (short(), currency(), decimal(), date(), short(), short()).prop_map(
            |(account, currency, amount, value_date, code, narrative)| {
                AdviceBody::CashEntry(CashEntry { account, currency, amount, value_date, code, narrative })
            }
        ),
        (short(), date(), any::<bool>(), lines).prop_map(|(account, date, complete, lines)| {
            AdviceBody::SecuritiesBalances(SecuritiesBalances { account, date, complete, lines })
        }),
        (short(), date(), cash)
            .prop_map(|(account, date, lines)| { AdviceBody::CashBalances(CashBalances { account, date, lines }) }),
        (identifier(), maybe(movement()), maybe(method())).prop_map(|(allegement, movement, payment)| {
            AdviceBody::AllegementRemoval(AllegementRemoval { allegement, movement, payment })
        }),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    (short(), some(short()), short()).prop_map(|(status, reasons, narrative)| Answer { status, reasons, narrative })
}

fn confirmation() -> impl Strategy<Value = Confirmation> {
    let moved = (movement(), short(), decimal(), maybe(currency()), maybe(decimal()));
    (moved, short(), date(), short(), short()).prop_map(|(moved, partial, effective_date, account, cash_account)| {
        let (movement, instrument, quantity, currency, amount) = moved;
        Confirmation {
            movement,
            instrument,
            quantity,
            currency,
            amount,
            partial,
            effective_date,
            account,
            cash_account,
        }
    })
}

fn allegement() -> impl Strategy<Value = Allegement> {
    let moved = (movement(), short(), decimal(), maybe(currency()), maybe(decimal()));
    (moved, maybe(date()), maybe(date()), short(), short()).prop_map(
        |(moved, trade_date, settlement_date, counterparty, account)| {
            let (movement, instrument, quantity, currency, amount) = moved;
            Allegement {
                movement,
                instrument,
                quantity,
                currency,
                amount,
                trade_date,
                settlement_date,
                counterparty,
                account,
            }
        },
    )
}

pub fn outbound() -> impl Strategy<Value = OutboundInstruction> {
    let body = prop_oneof![
        instruct().prop_map(|said| OutboundBody::Instruct(Box::new(said))),
        (short(), identifier(), maybe(movement()), maybe(method())).prop_map(
            |(agent_reference, depot, movement, payment)| {
                OutboundBody::Cancel(RequestCancellation { agent_reference, depot, movement, payment })
            }
        ),
        (short(), identifier(), maybe(any::<bool>()), maybe(any::<u8>())).prop_map(
            |(agent_reference, depot, hold, priority)| {
                OutboundBody::Modify(RequestModification { agent_reference, depot, hold, priority })
            }
        ),
    ];
    (maybe(identifier()), identifier(), identifier(), identifier(), body).prop_map(
        |(sender, reference, domain, instruction, body)| OutboundInstruction {
            sender,
            reference,
            domain,
            instruction,
            body,
        },
    )
}

fn party() -> impl Strategy<Value = PartyReference> {
    let lei = maybe(Just(Lei::parse("529900T8BM49AURSDO55").unwrap()));
    let bic = maybe(Just(Bic::parse("QALPFRP0").unwrap()));
    (identifier(), lei, bic).prop_map(|(id, lei, bic)| PartyReference { id, lei, bic })
}

fn instruct() -> impl Strategy<Value = Instruct> {
    let kind = (movement(), method(), date(), date(), cum_ex(), any::<bool>());
    let isin = maybe(Just(Isin::parse("DE0007164600").unwrap()));
    let what = (identifier(), isin, decimal(), quantity_type(), maybe(currency()), maybe(decimal()));
    let who = (party(), party(), identifier(), maybe(identifier()));
    let how = (code(), any::<bool>(), prop_oneof![Just(4u8), any::<u8>()], natural());
    let optional = (maybe(identifier()), maybe(identifier()), maybe(identifier()));
    (kind, what, who, how, optional).prop_map(|(kind, what, who, how, optional)| Instruct {
        movement: kind.0,
        payment: kind.1,
        trade_date: kind.2,
        settlement_date: kind.3,
        cum_ex: kind.4,
        opt_out: kind.5,
        instrument: what.0,
        isin: what.1,
        quantity: what.2,
        quantity_type: what.3,
        currency: what.4,
        amount: what.5,
        party: who.0,
        counterparty: who.1,
        depot: who.2,
        nostro: who.3,
        transaction_type: how.0,
        hold: how.1,
        priority: how.2,
        trade: how.3,
        common_reference: optional.0,
        delivering_client: optional.1,
        receiving_client: optional.2,
    })
}
