//! What people do to an instruction: hold, release, prioritise, cancel, and take a request for cancellation back.

use crate::draft::Draft;
use crate::instruction::{Instruction, Stage};
use crate::settlement::hold_reasons;
use crate::slab::NONE;
use crate::state::State;
use crate::trade::cancel_both;
use alloc::string::ToString;
use model::event::Event;
use model::instruction::{Movement, PRIORITIES, Steer, code};
use model::rejection::{Reason, Rejection};

pub(crate) fn decide_steer(draft: &mut Draft<'_>, number: u64, steer: Steer) -> Result<(), Rejection> {
    let state = draft.state;
    let unknown = || Rejection::new(Reason::UnknownInstruction, number.to_string());
    let (place, instruction) = state.instruction(number).ok_or_else(unknown)?;
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
    draft.push(Event::InstructionSteered { instruction: number, held, priority, cancel_requested: cancel });
    if !matched {
        return Ok(());
    }
    if cancel && !instruction.cancel_requested {
        if state.instructions[instruction.partner].cancel_requested {
            return cancel_both(draft, place, None);
        }
        return Ok(());
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
            None => draft
                .try_pair(if instruction.movement == Movement::Deliver { place } else { instruction.partner }, None),
        }
    }
    Ok(())
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
        instruction.cancel_requested = cancel_requested;
        match stage {
            Stage::Idle => {}
            Stage::Due => self.queue_due(deliver),
            Stage::Waiting(slot) => self.queue_waiting(deliver, slot),
        }
    }
}
