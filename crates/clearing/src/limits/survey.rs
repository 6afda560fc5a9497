//! A look over the instruments and the open trades for what a new limit counts, what could not be measured until now, and
//! what issuers' limits count at new prices.

use super::follow::reserve;
use super::holdings::look_at;
use crate::draft::Draft;
use alloc::vec::Vec;
use model::command::Task;
use model::event::{Cursor, Event};
use model::index::{InstrumentIx, Kind};
use model::limit::LimitKind;
use model::rejection::{Reason, Rejection};

/// One step. It ends early where it has told as much as one record may hold.
pub(crate) fn continue_reserve(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let state = draft.state;
    let Some(from) = state.limits.surveying else { return Err(Reason::NothingToDo.into()) };
    let parameters = &state.reference.parameters;
    let examined = parameters.examined_per_step.max(1);
    let most = parameters.attempts_per_step.max(1) as usize;
    // The instruments are first: there are seldom more of them, so that nothing is passed over when there are. The first limit
    // on an issuer begins the walk anew.
    let issuers = state.limits.limits.keys().any(|key| key.2 == LimitKind::Issuer);
    let instruments = if issuers { state.names.count(Kind::Instrument) } else { 0 };
    let end = instruments + state.trades.places.len() as u32;
    let (mut place, mut count, mut reserved) = (from, 0, 0);
    while place < end && count < examined && reserved < most {
        let mut told = Vec::new();
        match place.checked_sub(instruments) {
            None => look_at(draft, InstrumentIx(place), &mut told),
            Some(at) => {
                if let Some(trade) = state.trades.get(at) {
                    reserve(draft, trade.number, &state.terms_of(trade), true, &mut told);
                }
            }
        }
        reserved += told.iter().filter(|event| is_reservation(event)).count();
        draft.events.append(&mut told);
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

fn is_reservation(event: &Event) -> bool {
    matches!(event, Event::LimitReserved(_) | Event::HoldingReserved(_))
}
