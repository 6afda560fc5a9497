//! What people do to an instruction: hold, release, prioritise, cancel, and take a request for cancellation back.

use crate::change::cancel_both;
use crate::draft::Draft;
use crate::instruction::{Instruction, Stage};
use crate::outside;
use crate::settlement::hold_reasons;
use crate::slab::NONE;
use crate::state::State;
use alloc::string::ToString;
use model::event::Event;
use model::instruction::{Movement, PRIORITIES, Steer, code};
use model::rejection::{Reason, Rejection};

pub(crate) fn decide_steer(draft: &mut Draft<'_>, number: u64, steer: Steer) -> Result<(), Rejection> {
    let state = draft.state;
    let unknown = || Rejection::new(Reason::UnknownInstruction, number.to_string());
    let (place, instruction) = state.instruction(number).ok_or_else(unknown)?;
    if instruction.outside.is_some() {
        return outside::steer(draft, place, steer);
    }
    let matched = instruction.partner != NONE;
    let (mut held, mut priority, mut cancel) = (instruction.held, instruction.priority, instruction.cancel_requested);
    match steer {
        Steer::Hold => held = true,
        Steer::Release => held = false,
        Steer::Prioritise(to) if PRIORITIES.contains(&to) => priority = to,
        Steer::Prioritise(to) => return Err(Rejection::new(Reason::PriorityOutOfRange, to.to_string())),
        Steer::Cancel if !matched => {
            draft.push(Event::InstructionCancelled { instruction: number, reason: code::CANI });
            return Ok(());
        }
        Steer::Cancel => cancel = true,
        Steer::KeepAfterAll => cancel = false,
    }
    if (held, priority, cancel) == (instruction.held, instruction.priority, instruction.cancel_requested) {
        return Err(Rejection::new(Reason::NothingToChange, number.to_string()));
    }
    let asks = cancel && !instruction.cancel_requested;
    if asks || cancel != instruction.cancel_requested {
        draft.push(Event::InstructionSteered { instruction: number, held, priority, cancel_requested: cancel });
        let both = asks && state.instructions[instruction.partner].cancel_requested;
        return if both { cancel_both(draft, place, None) } else { Ok(()) };
    }
    steer_to(draft, place, held, priority, false);
    Ok(())
}

/// Sets hold and priority of an instruction, and takes its request for cancellation back when that is `withdrawn`;
/// a pair that a hold kept back, or that the day's cycle would miss, is tried at once.
pub(crate) fn steer_to(draft: &mut Draft<'_>, place: u32, held: bool, priority: u8, withdrawn: bool) {
    let state = draft.state;
    let instruction = &state.instructions[place];
    if instruction.outside.is_some() {
        return outside::steer_wanted(draft, place, held, priority);
    }
    let cancel_requested = instruction.cancel_requested && !withdrawn;
    let before = (instruction.held, instruction.priority, instruction.cancel_requested);
    if (held, priority, cancel_requested) == before {
        return;
    }
    draft.push(Event::InstructionSteered { instruction: instruction.number, held, priority, cancel_requested });
    if instruction.partner == NONE {
        return;
    }
    if priority != instruction.priority && held == instruction.held {
        retry_if_passed_by(draft, place, priority);
    }
    if held != instruction.held {
        let after = Instruction { held, ..instruction.clone() };
        let other = state.instructions[instruction.partner].clone();
        let (deliver, receive) = if after.movement == Movement::Deliver { (after, other) } else { (other, after) };
        match hold_reasons(deliver.held, receive.held) {
            Some(reasons) => draft.push(Event::InstructionsPending {
                deliver: deliver.number,
                receive: receive.number,
                reasons,
                waits: None,
            }),
            None => {
                let own = instruction.movement == Movement::Deliver;
                draft.try_pair(if own { place } else { instruction.partner }, None);
            }
        }
    }
}

/// A pair that moves ahead of where the day's cycle stands would not be met by it any more: it is tried at once.
fn retry_if_passed_by(draft: &mut Draft<'_>, place: u32, priority: u8) {
    let state = draft.state;
    let instruction = &state.instructions[place];
    let deliver = if instruction.movement == Movement::Deliver { place } else { instruction.partner };
    let own = &state.instructions[deliver];
    let cursor = state.day(own.domain).and_then(|day| day.cycle);
    let other = state.instructions[instruction.partner].priority;
    let rank = (priority.min(other), own.date.days(), own.number);
    if own.stage == Stage::Due && cursor.is_some_and(|cursor| rank <= (cursor.priority, cursor.date, cursor.place)) {
        draft.try_pair(deliver, None);
    }
}

impl State {
    pub(crate) fn apply_steered(&mut self, number: u64, held: bool, priority: u8, cancel_requested: bool) {
        let (place, instruction) = self.instruction(number).expect("what is steered is open");
        let deliver = if instruction.movement == Movement::Deliver { place } else { instruction.partner };
        let moves = instruction.priority != priority && instruction.partner != NONE;
        let stage = if moves { self.instructions[deliver].stage } else { Stage::Idle };
        if moves {
            self.leave_queue(deliver);
        }
        let instruction = &mut self.instructions[place];
        instruction.held = held;
        instruction.priority = priority;
        let taken_back = instruction.cancel_requested && !cancel_requested;
        instruction.cancel_requested = cancel_requested;
        let trade = instruction.trade;
        if taken_back {
            // With the request goes what the trade wanted to become.
            self.trades[trade].pending = None;
        }
        match stage {
            Stage::Idle => {}
            Stage::Due => self.queue_due(deliver),
            Stage::Waiting(slot) => self.queue_waiting(deliver, slot),
        }
    }
}
