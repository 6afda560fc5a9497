//! Any message that the standard has room for.

use crate::samples::Sample;
use model::advice::*;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{Bic, CurrencyCode, Identifier, Isin, Lei};
use model::instruction::{Code, Movement};
use model::outbound::*;
use model::trade::{CumEx, Method, QuantityType};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

pub fn identifier(most: usize) -> impl Strategy<Value = Identifier> {
    let plain = proptest::string::string_regex(&format!("[A-Za-z0-9._:/+-]{{1,{most}}}")).expect("a pattern");
    // What another one might take for a BIC.
    prop_oneof![9 => plain, 1 => "[A-Z]{4}DE[A-Z0-9]{2}"].prop_map(|text| Identifier::parse(&text).expect("plain"))
}

/// A text as the standard has it: something, without blanks around it.
pub fn text(most: usize) -> impl Strategy<Value = String> {
    let pattern = format!("[!-~äöüßéñÅ中文€]([ -~äöüßéñÅ中文€]{{0,{}}}[!-~äöüßéñÅ中文€])?", most - 2);
    proptest::string::string_regex(&pattern)
        .expect("a pattern")
        .prop_filter("not the word for none", |text| text != "NONREF")
}

fn maybe_text(most: usize) -> impl Strategy<Value = String> {
    prop_oneof![1 => Just(String::new()), 3 => text(most)]
}

fn day() -> impl Strategy<Value = Date> {
    (Date::MIN.days()..=Date::MAX.days()).prop_map(|days| Date::from_days(days).expect("in range"))
}

/// Above zero, of at most eighteen digits and so many decimals.
fn positive(most: u32) -> impl Strategy<Value = Decimal> {
    (0..60u32, any::<u64>(), 0..=most).prop_map(|(shift, value, scale)| Decimal {
        unscaled: ((value >> shift) % 999_999_999_999_999_999) as i64 + 1,
        scale,
    })
}

fn signed(most: u32) -> impl Strategy<Value = Decimal> {
    (positive(most), any::<bool>()).prop_map(|(number, below)| Decimal {
        unscaled: if below { -number.unscaled } else { number.unscaled },
        ..number
    })
}

fn currency() -> impl Strategy<Value = CurrencyCode> {
    "[A-Z]{3}".prop_map(|text| CurrencyCode::parse(&text).expect("three letters"))
}

fn movement() -> impl Strategy<Value = Movement> {
    select(&[Movement::Deliver, Movement::Receive][..])
}

fn method() -> impl Strategy<Value = Method> {
    select(&[Method::Dvp, Method::Fop][..])
}

fn isin() -> impl Strategy<Value = Isin> {
    "DE[0-9A-Z]{9}".prop_map(|body| Isin::with_check_digit(&body).expect("a body"))
}

fn bic() -> impl Strategy<Value = Bic> {
    "[A-Z]{4}(DE|FR|LU)[A-Z0-9]{2}([A-Z0-9]{3})?".prop_map(|text| Bic::parse(&text).expect("a BIC"))
}

fn party() -> impl Strategy<Value = PartyReference> {
    let lei = "[0-9A-Z]{18}".prop_map(|body| Lei::with_check_digit(&body).expect("a body"));
    (identifier(35), of(lei), of(bic())).prop_map(|(id, lei, bic)| PartyReference { id, lei, bic })
}

fn instruct() -> impl Strategy<Value = Instruct> {
    let what = (movement(), day(), day(), identifier(35), of(isin()));
    let pieces = positive(17).prop_map(|quantity| (quantity, QuantityType::Unit));
    let face = positive(5).prop_map(|quantity| (quantity, QuantityType::Face));
    let paid = prop_oneof![
        (currency(), signed(5)).prop_map(|paid| (Method::Dvp, Some(paid))),
        Just((Method::Fop, None)),
        (currency(), signed(5)).prop_map(|paid| (Method::Fop, Some(paid))),
    ];
    let who = (party(), party(), identifier(35), of(identifier(34)));
    let code = "[A-Z0-9]{4}".prop_map(|text| Code::parse(&text).expect("four"));
    let terms = (prop_oneof![Just(Code::of("REPU")), code], any::<bool>(), 1..=4u8, of(identifier(35)));
    let cum_ex = of(select(&[CumEx::Cum, CumEx::Ex][..]));
    let rest = (of(identifier(64)), of(identifier(64)), cum_ex, any::<bool>(), any::<u64>());
    (what, prop_oneof![pieces, face], paid, who, terms, rest).prop_map(|(what, counted, paid, who, terms, rest)| {
        let (movement, trade_date, settlement_date, instrument, isin) = what;
        let (quantity, quantity_type) = counted;
        let (payment, paid) = paid;
        let (party, counterparty, depot, nostro) = who;
        let (transaction_type, hold, priority, common_reference) = terms;
        let (delivering_client, receiving_client, cum_ex, opt_out, trade) = rest;
        Instruct {
            movement,
            payment,
            trade_date,
            settlement_date,
            instrument,
            isin,
            quantity,
            quantity_type,
            currency: paid.map(|(currency, _)| currency),
            amount: paid.map(|(_, amount)| amount),
            party,
            counterparty,
            depot,
            nostro,
            transaction_type,
            hold,
            priority,
            common_reference,
            delivering_client,
            receiving_client,
            cum_ex,
            opt_out,
            trade,
        }
    })
}

pub fn outbound() -> impl Strategy<Value = Sample> {
    let cancel = (maybe_text(35), identifier(35), movement(), method()).prop_map(
        |(agent_reference, depot, movement, payment)| {
            let (movement, payment) = (Some(movement), Some(payment));
            OutboundBody::Cancel(RequestCancellation { agent_reference, depot, movement, payment })
        },
    );
    let modify = (maybe_text(35), identifier(35), of(any::<bool>()), of(1..=4u8)).prop_map(
        |(agent_reference, depot, hold, priority)| {
            OutboundBody::Modify(RequestModification { agent_reference, depot, hold, priority })
        },
    );
    let body =
        prop_oneof![3 => instruct().prop_map(|said| OutboundBody::Instruct(Box::new(said))), 1 => cancel, 1 => modify];
    (identifier(35), identifier(16), identifier(35), identifier(16), body).prop_map(
        |(sender, reference, domain, instruction, body)| {
            let sender = Some(sender);
            Sample::Instruction(OutboundInstruction { sender, reference, domain, instruction, body })
        },
    )
}

/// Statuses with a place of their own, and reasons of the list and beside it.
fn answer(codes: &'static [&'static str], own: &'static [&'static str]) -> impl Strategy<Value = Answer> {
    let reason = prop_oneof![select(&["LACK", "DMON", "DSET", "OTHR"][..]).prop_map(str::to_owned), "[A-Z0-9]{4}"];
    let listed = (select(codes).prop_map(str::to_owned), vec(reason.clone(), 0..4), maybe_text(210)).prop_map(
        |(status, mut reasons, narrative)| {
            // Words stand beside a reason.
            if reasons.is_empty() && !narrative.is_empty() {
                reasons.push("OTHR".to_owned());
            }
            Answer { status, reasons, narrative }
        },
    );
    let single = (select(own).prop_map(str::to_owned), of(reason.clone()), maybe_text(210))
        .prop_map(|(status, reason, narrative)| Answer { status, reasons: reason.into_iter().collect(), narrative });
    let theirs = ("Z[A-Z0-9]{3}", vec(reason, 0..3), maybe_text(210)).prop_map(|(status, reasons, narrative)| Answer {
        status,
        reasons,
        narrative,
    });
    prop_oneof![4 => listed, 2 => single, 1 => theirs]
}

fn instrument() -> impl Strategy<Value = String> {
    prop_oneof![isin().prop_map(|isin| isin.to_string()), text(35)]
}

fn paid() -> impl Strategy<Value = Option<(CurrencyCode, Decimal)>> {
    of((currency(), signed(5)))
}

fn bodies() -> BoxedStrategy<AdviceBody> {
    let status =
        answer(&["PACK", "PPRC", "REJT", "REPR", "CAND", "CANP", "NMAT", "PEND", "PENF"], &["CPRC", "MPRC", "MACH"])
            .prop_map(|Answer { status, reasons, narrative }| {
                AdviceBody::Status(Status { status, reasons, narrative })
            });
    let confirmation = (
        (movement(), instrument(), positive(17), paid()),
        select(&["", "PAIN", "PARC"][..]),
        (day(), maybe_text(35), maybe_text(34)),
    )
        .prop_map(|((movement, instrument, quantity, paid), partial, (effective_date, account, cash_account))| {
            AdviceBody::Confirmation(Box::new(Confirmation {
                movement,
                instrument,
                quantity,
                currency: paid.map(|(currency, _)| currency),
                amount: paid.map(|(_, amount)| amount),
                partial: partial.to_owned(),
                effective_date,
                account,
                cash_account,
            }))
        });
    let name = prop_oneof![Just(String::new()), text(35), text(300), bic().prop_map(|bic| bic.to_string())];
    let allegement = ((movement(), instrument(), positive(17), paid()), (of(day()), day()), (name, maybe_text(35)))
        .prop_map(
            |((movement, instrument, quantity, paid), (trade_date, settlement_date), (counterparty, account))| {
                AdviceBody::Allegement(Box::new(Allegement {
                    movement,
                    instrument,
                    quantity,
                    currency: paid.map(|(currency, _)| currency),
                    amount: paid.map(|(_, amount)| amount),
                    trade_date,
                    settlement_date: Some(settlement_date),
                    counterparty,
                    account,
                }))
            },
        );
    let removal = (identifier(35), movement(), method()).prop_map(|(allegement, movement, payment)| {
        let (movement, payment) = (Some(movement), Some(payment));
        AdviceBody::AllegementRemoval(AllegementRemoval { allegement, movement, payment })
    });
    let code = prop_oneof![Just(String::new()), "[A-Z]{4}/[A-Z]{4}/[A-Z]{4}", text(35)];
    let entry = (text(34), currency(), signed(5), day(), code, maybe_text(300)).prop_map(
        |(account, currency, amount, value_date, code, narrative)| {
            AdviceBody::CashEntry(CashEntry { account, currency, amount, value_date, code, narrative })
        },
    );
    let lines = vec((instrument(), signed(17)), 0..5).prop_map(|lines| {
        lines.into_iter().map(|(instrument, quantity)| SecuritiesBalance { instrument, quantity }).collect()
    });
    let securities = (text(35), day(), any::<bool>(), lines).prop_map(|(account, date, complete, lines)| {
        AdviceBody::SecuritiesBalances(SecuritiesBalances { account, date, complete, lines })
    });
    let lines = proptest::collection::btree_map("[A-Z]{3}", signed(5), 1..4).prop_map(|lines| {
        let line = |(text, amount): (String, Decimal)| {
            let currency = CurrencyCode::parse(&text).expect("three letters");
            CashBalance { currency, amount }
        };
        lines.into_iter().map(line).collect()
    });
    let cash = (text(34), day(), lines)
        .prop_map(|(account, date, lines)| AdviceBody::CashBalances(CashBalances { account, date, lines }));
    let cancellation = answer(&["CANP", "REJT", "REPR", "PACK", "DEND", "CAND"], &["ZZZZ"]);
    let modification = answer(&["PACK", "REJT", "DEND", "MODP"], &["MODC"]);
    prop_oneof![
        2 => status,
        2 => confirmation,
        1 => cancellation.prop_map(AdviceBody::CancellationAnswer),
        1 => modification.prop_map(AdviceBody::ModificationAnswer),
        1 => allegement,
        1 => removal,
        1 => entry,
        1 => securities,
        1 => cash,
    ]
    .boxed()
}

pub fn advice() -> impl Strategy<Value = Sample> {
    (identifier(35), identifier(35), maybe_text(35), maybe_text(35), bodies()).prop_map(
        |(sender, id, mut reference, mut agent_reference, body)| {
            // What the standard has no place for.
            let statement = matches!(body, AdviceBody::SecuritiesBalances(_) | AdviceBody::CashBalances(_));
            if statement || matches!(body, AdviceBody::AllegementRemoval(_)) {
                reference.clear();
            }
            if statement {
                agent_reference.clear();
            }
            Sample::Advice(Advice { sender, id, reference, agent_reference, body })
        },
    )
}

pub fn any_sample() -> impl Strategy<Value = Sample> {
    prop_oneof![2 => outbound(), 3 => advice()]
}
