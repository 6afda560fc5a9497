//! A change of a trade that had to wait until its instruction was gone: carried out once both sides, or the agent, agree.

use crate::draft::Draft;
use crate::instruction::capture_postings;
use crate::limits;
use crate::resolve::resolve;
use crate::state::Pending;
use crate::trade::{Change, details_of, issue, push_changed};
use model::event::Event;
use model::instruction::code;
use model::ledger::reversed;
use model::rejection::Rejection;
use model::trade::Terms;

/// Both sides have asked: both instructions end, and each trade goes the way its own side asked.
pub(crate) fn cancel_both(draft: &mut Draft<'_>, mine: u32, change: Option<Pending>) -> Result<(), Rejection> {
    let state = draft.state;
    let theirs = state.instructions[mine].partner;
    for place in [mine, theirs] {
        let number = state.instructions[place].number;
        draft.push(Event::InstructionCancelled { instruction: number, reason: code::CANI });
        draft.set_gone(number);
    }
    let pending = |place: u32| state.trades[state.instructions[place].trade].pending.as_deref().cloned();
    let changes = [(mine, change.or_else(|| pending(mine))), (theirs, pending(theirs))];
    let mut replacements = alloc::vec::Vec::new();
    for (instruction, change) in changes {
        let place = state.instructions[instruction].trade;
        let trade = &state.trades[place];
        match change {
            // Only the instruction was asked to go: the trade stays, without one.
            None => {}
            Some(change) if change.cancel => {
                push_cancelled(draft, trade.number, &state.terms_of(trade), change.version);
            }
            Some(change) => {
                if let Some(terms) = carry_out(draft, place, &change)? {
                    replacements.push((trade.number, place, terms));
                }
            }
        }
    }
    for (number, place, terms) in replacements {
        issue(draft, number, place, &terms);
    }
    Ok(())
}

/// The trade is no more: what is still owed of it is undone.
pub(crate) fn push_cancelled(draft: &mut Draft<'_>, trade: u64, open: &Terms, version: u32) {
    draft.push(Event::TradeCancelled { trade, version, postings: reversed(&capture_postings(open)) });
}

/// Makes the version that waited the one in force. Its terms, when it can be instructed.
pub(crate) fn carry_out(draft: &mut Draft<'_>, place: u32, change: &Pending) -> Result<Option<Terms>, Rejection> {
    let state = draft.state;
    let trade = &state.trades[place];
    let own = change.sequence == draft.sequence;
    let wanted = if own { draft.own_details.clone() } else { None };
    let wanted = wanted.or_else(|| details_of(&draft.past.record(change.sequence)?).cloned());
    let wanted = wanted.expect("the record of a requested amendment holds its details");
    let (mut terms, defects) = resolve(draft, &wanted, false)?;
    let before = state.terms_of(trade);
    limits::hold(draft, trade.number, Some(&before), &mut terms);
    let changed =
        Change { trade: trade.number, version: change.version, details_in: change.sequence, amounts_accepted: false };
    push_changed(draft, changed, true, &before, &terms, &defects)?;
    Ok(defects.is_empty().then_some(terms))
}
