//! Trades in repair: resolved again when somebody mends them, or when reference data came.

use crate::draft::Draft;
use crate::limits;
use crate::past::trade_key;
use crate::resolve::resolve;
use crate::trade::{Change, details_of, differ_economically, is_about_book, issue, push_changed};
use alloc::vec::Vec;
use model::command::{Repair, Task};
use model::event::{Cursor, Event};
use model::rejection::{Reason, Rejection};
use model::trade::{Defect, Details, Terms};

pub(crate) fn decide_repair(draft: &mut Draft<'_>, repair: &Repair) -> Result<(), Rejection> {
    let key = trade_key(&repair.source, &repair.id);
    let unknown = || Rejection::new(Reason::UnknownTrade, repair.id.as_str());
    let place = draft.state.place_of(&key).ok_or_else(unknown)?;
    let trade = &draft.state.trades[place];
    if trade.has_instruction() && !draft.state.repairs.contains_key(&trade.number) {
        return Err(Rejection::new(Reason::NotInRepair, repair.id.as_str()));
    }
    if trade.partly_settled && !trade.has_instruction() {
        // What is left is instructed again as it is; other details would owe again what has settled.
        if repair.details.is_some() {
            return Err(Rejection::new(Reason::PartlySettled, repair.id.as_str()));
        }
        issue(draft, trade.number, place, &draft.state.terms_of(trade));
        return Ok(());
    }
    let details_in = if repair.details.is_some() { draft.sequence } else { draft.state.trades[place].current };
    resolve_again(draft, place, repair.details.as_ref(), details_in, repair.details.is_none(), true)
}

/// Resolves a trade in repair anew, and instructs it when nothing is wrong any more.
fn resolve_again(
    draft: &mut Draft<'_>,
    place: u32,
    given: Option<&Details>,
    details_in: u64,
    accept_amounts: bool,
    always: bool,
) -> Result<(), Rejection> {
    let trade = &draft.state.trades[place];
    let stored;
    let wanted = match given {
        Some(given) => given,
        None => {
            stored = draft.past.record(trade.current).expect("the record of the details in force is in the log");
            details_of(&stored).expect("it holds details")
        }
    };
    let (mut terms, defects) = resolve(draft, wanted, accept_amounts)?;
    let before = draft.state.terms_of(trade);
    if trade.has_instruction() {
        return rebook(draft, place, details_in, (&before, &terms), &defects, always);
    }
    // What repairs it may take it over a limit.
    limits::hold(draft, trade.number, Some(&before), &mut terms);
    let known = trade.loose.as_ref().map_or(&[][..], |loose| &loose.defects);
    if !always && terms == before && defects == known {
        return Ok(());
    }
    let change = Change { trade: trade.number, version: trade.version, details_in, amounts_accepted: accept_amounts };
    push_changed(draft, change, true, &before, &terms, &defects)?;
    if defects.is_empty() {
        issue(draft, trade.number, place, &terms);
    }
    Ok(())
}

/// A matched trade whose book was unknown: the instruction stands, the position finds its book.
///
/// Anything else that differs now needs the counterparty's consent, and so an amendment.
fn rebook(
    draft: &mut Draft<'_>,
    place: u32,
    details_in: u64,
    (before, resolved): (&Terms, &Terms),
    defects: &[Defect],
    always: bool,
) -> Result<(), Rejection> {
    let trade = &draft.state.trades[place];
    // What is instructed is not moved by reference data that came meanwhile.
    let after = Terms { book: resolved.book, ..before.clone() };
    let asked = Terms { depot: before.depot, nostro: before.nostro, ..resolved.clone() };
    if details_in == draft.sequence && differ_economically(before, &asked) {
        return Err(Rejection::new(Reason::NotInRepair, "only the book"));
    }
    let about_book: Vec<Defect> = defects.iter().filter(|defect| is_about_book(defect)).cloned().collect();
    if !always && !about_book.is_empty() {
        return Ok(());
    }
    let change =
        Change { trade: trade.number, version: trade.version, details_in, amounts_accepted: trade.amounts_accepted };
    push_changed(draft, change, false, before, &after, &about_book)
}

/// A step through the trades in repair after reference data came.
pub(crate) fn continue_repair(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let state = draft.state;
    let Some(from) = state.repairing else { return Err(Reason::NothingToDo.into()) };
    let budget = state.reference.parameters.attempts_per_step.max(1) as usize;
    let mut examined = 0;
    let mut cursor = from;
    for (number, place) in state.repairs.range(from..).take(budget) {
        let trade = &state.trades[*place];
        // What cannot be resolved even now stays in repair; a person repairs it.
        let _ = resolve_again(draft, *place, None, trade.current, trade.amounts_accepted, false);
        examined += 1;
        cursor = number + 1;
    }
    let remaining = state.repairs.range(cursor..).next().is_some();
    draft.push(Event::Progressed {
        task: Task::Repair,
        examined,
        remaining,
        cursor: Cursor { place: cursor, ..Cursor::default() },
    });
    Ok(())
}
