//! Any event.

use super::command::{command, cut_off, task, what};
use super::outside::outside;
use super::reference::reference;
use super::trade::{cum_ex, method, side, trade};
use super::*;
use model::event::{Cursor, Event, Link, ReversedTrade, TradeRef, Wait};
use model::index::{AccountIx, BookIx, DomainIx, InstrumentIx, Kind, PartyIx, SourceIx};
use model::instruction::Movement;
use model::ledger::{LedgerAccount, Posting};
use model::trade::{Defect, DefectKind, Terms};
use proptest::sample::select;
use proptest::strategy::Union;

pub fn event() -> impl Strategy<Value = Event> {
    let ours = trades().into_iter().chain(instructions()).chain(others());
    Union::new(
        ours.chain(super::control::events())
            .chain(super::limit::events())
            .chain(super::margin::events())
            .chain(outside()),
    )
}

fn trades() -> Vec<BoxedStrategy<Event>> {
    let body = || (terms().prop_map(Box::new), some(defect()), postings());
    vec![
        (natural(), small(), identifier(), small(), body())
            .prop_map(|(trade, source, id, version, (terms, defects, postings))| Event::TradeCaptured {
                trade,
                source: SourceIx(source),
                id,
                version,
                terms,
                defects,
                postings,
            })
            .boxed(),
        (natural(), small(), any::<bool>(), natural(), any::<bool>(), body())
            .prop_map(|(trade, version, economic, details_in, amounts_accepted, (terms, defects, postings))| {
                Event::TradeChanged { trade, version, economic, details_in, amounts_accepted, terms, defects, postings }
            })
            .boxed(),
        (natural(), small(), any::<bool>())
            .prop_map(|(trade, version, cancel)| Event::TradeChangeRequested { trade, version, cancel })
            .boxed(),
        (natural(), small(), postings())
            .prop_map(|(trade, version, postings)| Event::TradeCancelled { trade, version, postings })
            .boxed(),
        (small(), trade())
            .prop_map(|(source, message)| Event::TradeAwaited { source: SourceIx(source), message: Box::new(message) })
            .boxed(),
    ]
}

fn instructions() -> Vec<BoxedStrategy<Event>> {
    let link = (natural(), integer(), integer()).prop_map(|(trade, quantity, amount)| Link { trade, quantity, amount });
    let wait = (small(), asset(), integer()).prop_map(|(account, asset, need)| Wait {
        account: AccountIx(account),
        asset,
        need,
    });
    let pair = || (natural(), natural());
    vec![
        (natural(), some(link), movement(), integer(), integer())
            .prop_map(|(instruction, links, movement, quantity, amount)| Event::InstructionIssued {
                instruction,
                links,
                movement,
                quantity,
                amount,
            })
            .boxed(),
        (natural(), some(code()))
            .prop_map(|(instruction, reasons)| Event::InstructionUnmatched { instruction, reasons })
            .boxed(),
        (pair(), integer(), maybe((code(), code())))
            .prop_map(|((deliver, receive), amount, reasons)| Event::InstructionsMatched {
                deliver,
                receive,
                amount,
                reasons,
            })
            .boxed(),
        (pair(), (code(), code()), maybe(wait))
            .prop_map(|((deliver, receive), reasons, waits)| Event::InstructionsPending {
                deliver,
                receive,
                reasons,
                waits,
            })
            .boxed(),
        (natural(), any::<bool>(), any::<u8>(), any::<bool>())
            .prop_map(|(instruction, held, priority, cancel_requested)| Event::InstructionSteered {
                instruction,
                held,
                priority,
                cancel_requested,
            })
            .boxed(),
        (pair(), (small(), small()), integer(), currency(), integer(), date(), postings(), (trade_ref(), trade_ref()))
            .prop_map(|((deliver, receive), books, quantity, currency, amount, value_date, postings, trades)| {
                let books = (BookIx(books.0), BookIx(books.1));
                let (deliver_trade, receive_trade) = trades;
                Event::InstructionsSettled {
                    deliver,
                    receive,
                    books,
                    quantity,
                    currency,
                    amount,
                    value_date,
                    postings,
                    deliver_trade,
                    receive_trade,
                }
            })
            .boxed(),
        (natural(), code())
            .prop_map(|(instruction, reason)| Event::InstructionCancelled { instruction, reason })
            .boxed(),
        (small(), date(), some(natural()))
            .prop_map(|(domain, date, instructions)| Event::InstructionsFailing {
                domain: DomainIx(domain),
                date,
                instructions,
            })
            .boxed(),
    ]
}

fn others() -> Vec<BoxedStrategy<Event>> {
    let cursor =
        (any::<u8>(), any::<i32>(), natural()).prop_map(|(priority, date, place)| Cursor { priority, date, place });
    vec![
        (select(&Kind::ALL[..]), small(), identifier())
            .prop_map(|(kind, index, id)| Event::Interned { kind, index, id })
            .boxed(),
        (reference(), maybe(any::<u8>()))
            .prop_map(|(reference, scale)| Event::ReferenceSet { reference: Box::new(reference), scale })
            .boxed(),
        (small(), small(), postings(), maybe((currency(), integer())))
            .prop_map(|(account, book, postings, cost)| Event::Opened {
                account: AccountIx(account),
                book: BookIx(book),
                postings,
                cost,
            })
            .boxed(),
        (what(), postings()).prop_map(|(what, postings)| Event::Transferred { what, postings }).boxed(),
        (natural(), proptest::option::of(natural()), postings(), some(reversed_trade()))
            .prop_map(|(sequence, instruction, postings, trades)| Event::Reversed {
                sequence,
                instruction,
                postings,
                trades,
            })
            .boxed(),
        (small(), date(), some(cut_off()))
            .prop_map(|(domain, date, cut_offs)| Event::DayOpened { domain: DomainIx(domain), date, cut_offs })
            .boxed(),
        (small(), date(), maybe(currency()))
            .prop_map(|(domain, date, currency)| Event::CutOffPassed { domain: DomainIx(domain), date, currency })
            .boxed(),
        (small(), date()).prop_map(|(domain, date)| Event::DayClosed { domain: DomainIx(domain), date }).boxed(),
        (task(), small(), any::<bool>(), cursor)
            .prop_map(|(task, examined, remaining, cursor)| Event::Progressed { task, examined, remaining, cursor })
            .boxed(),
        (natural(), command())
            .prop_map(|(proposal, command)| Event::Proposed { proposal, command: Box::new(command) })
            .boxed(),
        (natural(), any::<bool>())
            .prop_map(|(proposal, approved)| Event::ProposalClosed { proposal, approved })
            .boxed(),
        Just(Event::Quarantined {}).boxed(),
        (natural(), any::<bool>())
            .prop_map(|(sequence, replayed)| Event::QuarantineClosed { sequence, replayed })
            .boxed(),
    ]
}

pub fn movement() -> impl Strategy<Value = Movement> {
    prop_oneof![Just(Movement::Deliver), Just(Movement::Receive)]
}

fn defect() -> impl Strategy<Value = Defect> {
    (select(&DefectKind::ALL[..]), identifier()).prop_map(|(kind, subject)| Defect { kind, subject })
}

pub fn postings() -> impl Strategy<Value = Vec<Posting>> {
    let account = (index(), index(), 0..5).prop_map(|(entity, other, kind)| {
        let entity = PartyIx(entity);
        match kind {
            0 => LedgerAccount::Book { entity, book: BookIx(other) },
            1 => LedgerAccount::Counterparty { entity, party: PartyIx(other) },
            2 => LedgerAccount::Difference { entity },
            3 => LedgerAccount::Break { entity },
            _ => LedgerAccount::Location { entity, account: AccountIx(other) },
        }
    });
    let posting = (account, asset(), integer()).prop_map(|(account, asset, amount)| Posting {
        account,
        asset,
        amount: i128::from(amount),
    });
    collection::vec(posting, 0..9)
}

fn terms() -> impl Strategy<Value = Terms> {
    let numbers = (small(), small(), small(), small(), small());
    let kind = (side(), method(), cum_ex(), any::<bool>(), any::<bool>(), any::<bool>(), code());
    let amounts = (integer(), currency(), integer(), integer(), integer(), integer());
    let places = (date(), date(), maybe(small()), maybe(small()), maybe(natural()));
    let clients = (maybe(identifier()), maybe(identifier()), maybe(identifier()), prop_oneof![Just(4), any::<u8>()]);
    (numbers, kind, amounts, places, clients).prop_map(|(numbers, kind, amounts, places, clients)| Terms {
        party: PartyIx(numbers.0),
        counterparty: PartyIx(numbers.1),
        book: BookIx(numbers.2),
        domain: DomainIx(numbers.3),
        instrument: InstrumentIx(numbers.4),
        side: kind.0,
        method: kind.1,
        cum_ex: kind.2,
        opt_out: kind.3,
        hold: kind.4,
        late: kind.5,
        transaction_type: kind.6,
        quantity: amounts.0,
        currency: amounts.1,
        gross: amounts.2,
        accrued: amounts.3,
        charges: amounts.4,
        net: amounts.5,
        trade_date: places.0,
        intended_settlement_date: places.1,
        depot: places.2.map(AccountIx),
        nostro: places.3.map(AccountIx),
        ssi: places.4,
        common_reference: clients.0,
        delivering_client: clients.1,
        receiving_client: clients.2,
        priority: clients.3,
    })
}

pub fn trade_ref() -> impl Strategy<Value = Option<TradeRef>> {
    maybe((natural(), date()).prop_map(|(trade, trade_date)| TradeRef { trade, trade_date }))
}

fn reversed_trade() -> impl Strategy<Value = ReversedTrade> {
    (small(), small(), natural(), date()).prop_map(|(entity, book, trade, trade_date)| {
        let (entity, book) = (PartyIx(entity), BookIx(book));
        ReversedTrade { entity, book, trade, trade_date }
    })
}
