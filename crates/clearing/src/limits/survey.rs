//! A look over the open trades for what a new limit counts, or what could not be measured until now.

use super::follow::reserve;
use crate::draft::Draft;
use alloc::vec::Vec;
use model::command::Task;
use model::event::{Cursor, Event};
use model::rejection::{Reason, Rejection};

/// One step. It ends early where it has told as much as one record may hold.
pub(crate) fn continue_reserve(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let state = draft.state;
    let Some(from) = state.limits.surveying else { return Err(Reason::NothingToDo.into()) };
    let parameters = &state.reference.parameters;
    let examined = parameters.examined_per_step.max(1);
    let most = parameters.attempts_per_step.max(1) as usize;
    let end = state.trades.places.len() as u32;
    let (mut place, mut count, mut reserved) = (from, 0, 0);
    while place < end && count < examined && reserved < most {
        if let Some(trade) = state.trades.get(place) {
            let mut told = Vec::new();
            reserve(draft, trade.number, &state.terms_of(trade), true, &mut told);
            reserved += usize::from(!told.is_empty());
            draft.events.append(&mut told);
        }
        (place, count) = (place + 1, count + 1);
    }
    draft.push(Event::Progressed {
        task: Task::Reserve,
        examined: count,
        remaining: place < end,
        cursor: Cursor { place: u64::from(place), ..Cursor::default() },
    });
    Ok(())
}
