//! What is asked of an agent, one request at a time for each instruction; what comes of the answer.

use super::{Outside, Request, reference_of, send};
use crate::change::{carry_out, push_cancelled};
use crate::draft::Draft;
use crate::instruction::Instruction;
use alloc::format;
use alloc::string::ToString;
use model::event::Event;
use model::identifier::Identifier;
use model::index::Kind;
use model::instruction::{Code, PRIORITIES, Steer, code};
use model::outbound::{OutboundBody, RequestCancellation, RequestModification};
use model::rejection::{Reason, Rejection};
use model::trade::Terms;

/// What a person asks of an instruction that an agent has.
pub(crate) fn steer(draft: &mut Draft<'_>, place: u32, steer: Steer) -> Result<(), Rejection> {
    let instruction = &draft.state.instructions[place];
    let outside = instruction.outside.as_deref().expect("an agent has it");
    let number = instruction.number.to_string();
    let (mut held, mut priority) = (instruction.held, instruction.priority);
    match steer {
        Steer::Hold => held = true,
        Steer::Release => held = false,
        Steer::Prioritise(to) if PRIORITIES.contains(&to) => priority = to,
        Steer::Prioritise(to) => return Err(Rejection::new(Reason::PriorityOutOfRange, to.to_string())),
        Steer::Cancel => {}
        Steer::KeepAfterAll if instruction.cancel_requested => {
            return Err(Rejection::new(Reason::CannotRecall, number));
        }
        Steer::KeepAfterAll => return Err(Rejection::new(Reason::NothingToChange, number)),
    }
    let stands = (held, priority) == (instruction.held, instruction.priority) && steer != Steer::Cancel;
    if stands || (steer == Steer::Cancel && instruction.cancel_requested) {
        return Err(Rejection::new(Reason::NothingToChange, number));
    }
    if outside.request.is_some() {
        return Err(Rejection::new(Reason::RequestPending, number));
    }
    match steer {
        Steer::Cancel => ask_to_cancel(draft, instruction, outside),
        _ => ask_to_modify(draft, instruction, outside, (held, priority)),
    }
    Ok(())
}

/// A new version of a trade wants its instruction gone at the agent first. Without a pending request it is asked at
/// once, else when that one is answered.
pub(crate) fn request_change(draft: &mut Draft<'_>, place: u32, version: u32, cancel: bool) {
    let trade = &draft.state.trades[place];
    let instruction = &draft.state.instructions[trade.instruction];
    let outside = instruction.outside.as_deref().expect("an agent has it");
    draft.push(Event::TradeChangeRequested { trade: trade.number, version, cancel });
    if outside.request.is_none() {
        ask_to_cancel(draft, instruction, outside);
    }
}

/// A version of a trade that leaves what is owed alone may want another hold or priority.
pub(crate) fn steer_wanted(draft: &mut Draft<'_>, place: u32, held: bool, priority: u8) {
    let instruction = &draft.state.instructions[place];
    let outside = instruction.outside.as_deref().expect("an agent has it");
    if outside.request.is_none() && (held, priority) != (instruction.held, instruction.priority) {
        ask_to_modify(draft, instruction, outside, (held, priority));
    }
}

fn ask(draft: &mut Draft<'_>, instruction: &Instruction, outside: &Outside, body: OutboundBody) {
    let own = reference_of(draft.state, instruction.number);
    let reference = Identifier::parse(&format!("{own}-{}", outside.requests + 1)).expect("it is short and plain");
    send(draft, instruction, reference, body);
}

fn depot(draft: &Draft<'_>, instruction: &Instruction) -> Identifier {
    draft.state.names.name(Kind::Account, instruction.depot.0).expect("a depot has its name").clone()
}

fn ask_to_cancel(draft: &mut Draft<'_>, instruction: &Instruction, outside: &Outside) {
    if !instruction.cancel_requested {
        steered(draft, instruction, (instruction.held, instruction.priority), true);
    }
    let (agent_reference, depot) = (outside.agent_reference.clone(), depot(draft, instruction));
    let movement = Some(instruction.movement);
    let payment = Some(instruction.method);
    let request = RequestCancellation { agent_reference, depot, movement, payment };
    ask(draft, instruction, outside, OutboundBody::Cancel(request));
}

fn ask_to_modify(draft: &mut Draft<'_>, instruction: &Instruction, outside: &Outside, (held, priority): (bool, u8)) {
    let body = RequestModification {
        agent_reference: outside.agent_reference.clone(),
        depot: depot(draft, instruction),
        hold: (held != instruction.held).then_some(held),
        priority: (priority != instruction.priority).then_some(priority),
    };
    ask(draft, instruction, outside, OutboundBody::Modify(body));
}

fn steered(draft: &mut Draft<'_>, instruction: &Instruction, (held, priority): (bool, u8), cancel_requested: bool) {
    let instruction = instruction.number;
    draft.push(Event::InstructionSteered { instruction, held, priority, cancel_requested });
}

/// The agent refused to cancel, or answered another request: the instruction stands, and what was wanted meanwhile is
/// asked now.
pub(super) fn stands(draft: &mut Draft<'_>, place: u32, request: Request, done: bool) {
    let state = draft.state;
    let mut after = state.instructions[place].clone();
    let outside = after.outside.clone().expect("an agent has it");
    let pending = state.trades[after.trade].pending.is_some();
    match request {
        // With the request goes what the trade wanted to become.
        Request::Cancel => steered(draft, &after, (after.held, after.priority), false),
        Request::Modify(held, priority) if done => {
            steered(draft, &after, (held, priority), after.cancel_requested);
            (after.held, after.priority) = (held, priority);
        }
        Request::Modify(..) => {}
    }
    let wanted = outside.wanted.filter(|wanted| *wanted != (after.held, after.priority));
    match (request, wanted) {
        (Request::Modify(..), _) if pending => ask_to_cancel(draft, &after, &outside),
        (_, Some(wanted)) => {
            after.cancel_requested = false;
            ask_to_modify(draft, &after, &outside, wanted);
        }
        _ => {}
    }
}

/// The instruction ends without settlement, wholly or for what is left of it; its trade goes the way it asked to.
pub(super) fn ends(draft: &mut Draft<'_>, place: u32, reason: Code) {
    let instruction = &draft.state.instructions[place];
    draft.push(Event::InstructionCancelled { instruction: instruction.number, reason });
    draft.set_gone(instruction.number);
    follow_trade(draft, instruction.trade, instruction.number, &instruction.terms());
}

/// Carries out the change that waited until its instruction was gone; `open` is what is still owed.
pub(super) fn follow_trade(draft: &mut Draft<'_>, place: u32, instruction: u64, open: &Terms) {
    let trade = &draft.state.trades[place];
    let Some(change) = trade.pending.as_deref().cloned() else { return };
    if change.cancel {
        return push_cancelled(draft, trade.number, open, change.version);
    }
    let impossible = |draft: &mut Draft<'_>, why: &str| {
        let found = crate::breaks::Found::new(model::breaks::BreakKind::CannotBook, Some(instruction), why);
        draft.tell_break(found, alloc::vec::Vec::new());
    };
    if draft.partly_settled(place) {
        return impossible(draft, "the trade cannot be amended: a part has settled");
    }
    match carry_out(draft, place, &change) {
        Ok(Some(terms)) => crate::trade::issue(draft, trade.number, place, &terms),
        Ok(None) => {}
        Err(rejection) => impossible(draft, rejection.reason.code()),
    }
}

/// The code of an end, as far as it is one of ours' form.
pub(super) fn end_code(reasons: &[alloc::string::String], otherwise: Code) -> Code {
    reasons.iter().find_map(|text| Code::parse(text)).unwrap_or(otherwise)
}

/// Cancelled as we asked.
pub(super) const BY_US: Code = code::CANI;
/// Cancelled or rejected by the agent.
pub(super) const BY_AGENT: Code = code::CANS;
