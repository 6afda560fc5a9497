//! Any event of an external settlement domain.

use super::event::{postings, trade_ref};
use super::settlement::outbound;
use super::*;
use model::breaks::{AgentStanding, Answered, BreakItem, BreakKind, Resolution};
use model::event::Event;
use model::index::{AccountIx, BookIx};
use proptest::sample::select;

pub fn resolution() -> impl Strategy<Value = Resolution> {
    use Resolution::*;
    select(&[Explained, ToBook, ToParty, WriteOff, Undo][..])
}

fn items() -> impl Strategy<Value = Vec<BreakItem>> {
    some((maybe(small()), asset(), integer(), integer()).prop_map(|(account, asset, ours, theirs)| BreakItem {
        account: account.map(AccountIx),
        asset,
        ours,
        theirs,
    }))
}

pub fn outside() -> Vec<BoxedStrategy<Event>> {
    use AgentStanding::*;
    let standing = select(&[Sent, Accepted, Unmatched, Matched, Pending, Failing, Rejected, Cancelled, Other][..]);
    let answered = select(&[Answered::Done, Answered::Refused, Answered::Underway][..]);
    vec![
        (natural(), outbound())
            .prop_map(|(instruction, message)| Event::InstructionSent { instruction, message: Box::new(message) })
            .boxed(),
        (identifier(), identifier(), small(), maybe(natural()))
            .prop_map(|(sender, id, reuse, instruction)| Event::AdviceTaken { sender, id, reuse, instruction })
            .boxed(),
        (natural(), standing, text(), some(text()), text(), text())
            .prop_map(|(instruction, standing, status, reasons, narrative, agent_reference)| {
                Event::InstructionAdvised { instruction, standing, status, reasons, narrative, agent_reference }
            })
            .boxed(),
        (
            (natural(), small(), integer(), currency(), integer()),
            date(),
            integer(),
            integer(),
            any::<bool>(),
            postings(),
            trade_ref(),
        )
            .prop_map(|(what, effective_date, open_quantity, open_amount, ended, postings, trade)| {
                let (instruction, book, quantity, currency, amount) = what;
                let book = BookIx(book);
                Event::InstructionConfirmed {
                    instruction,
                    book,
                    quantity,
                    currency,
                    amount,
                    effective_date,
                    open_quantity,
                    open_amount,
                    ended,
                    postings,
                    trade,
                }
            })
            .boxed(),
        (natural(), any::<bool>(), answered, text(), some(text()))
            .prop_map(|(instruction, cancel, answered, status, reasons)| Event::RequestAnswered {
                instruction,
                cancel,
                answered,
                status,
                reasons,
            })
            .boxed(),
        ((natural(), select(BreakKind::ALL), maybe(natural())), text(), items(), any::<bool>(), date(), postings())
            .prop_map(|((number, kind, instruction), subject, items, booked, since, postings)| Event::BreakOpened {
                number,
                kind,
                instruction,
                subject,
                items,
                booked,
                since,
                postings,
            })
            .boxed(),
        (natural(), items()).prop_map(|(number, items)| Event::BreakChanged { number, items }).boxed(),
        (natural(), identifier()).prop_map(|(number, owner)| Event::BreakAssigned { number, owner }).boxed(),
        (natural(), resolution(), postings())
            .prop_map(|(number, resolution, postings)| Event::BreakClosed { number, resolution, postings })
            .boxed(),
    ]
}
