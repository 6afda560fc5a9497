//! What is asked of an agent, one request at a time for each instruction; and what comes of the answer.

use super::outside::{Quoted, Request};
use super::{Books, Pending};
use model::advice::{Advice, Answer};
use model::breaks::{Answered, BreakKind};
use model::instruction::{Code, Steer, code};
use model::rejection::Reason;

impl Books {
    pub(super) fn steer_outside(&mut self, number: u64, steer: Steer) -> Result<(), Reason> {
        let instruction = &self.instructions[&number];
        let (mut held, mut priority) = (instruction.held, instruction.priority);
        match steer {
            Steer::Hold => held = true,
            Steer::Release => held = false,
            Steer::Prioritise(to) if (1..=4).contains(&to) => priority = to,
            Steer::Prioritise(_) => return Err(Reason::PriorityOutOfRange),
            Steer::Cancel => {}
            Steer::KeepAfterAll if instruction.cancel_requested => return Err(Reason::CannotRecall),
            Steer::KeepAfterAll => return Err(Reason::NothingToChange),
        }
        let cancels = steer == Steer::Cancel;
        let stands = (held, priority) == (instruction.held, instruction.priority);
        if (stands && !cancels) || (cancels && instruction.cancel_requested) {
            return Err(Reason::NothingToChange);
        }
        if instruction.outside.as_ref().is_some_and(|outside| outside.request.is_some()) {
            return Err(Reason::RequestPending);
        }
        if cancels {
            self.ask_to_cancel(number)
        } else {
            self.ask_to_modify(number, (held, priority))
        }
        Ok(())
    }

    fn is_asked(&self, number: u64) -> bool {
        self.instructions[&number].outside.as_ref().is_some_and(|outside| outside.request.is_some())
    }

    /// A new version of the trade wants the instruction gone first; it is asked at once, or when the last request is answered.
    pub(super) fn ask_to_cancel_first(&mut self, number: u64) {
        if !self.is_asked(number) {
            self.ask_to_cancel(number);
        }
    }

    pub(super) fn steer_wanted(&mut self, number: u64, held: bool, priority: u8) {
        let instruction = &self.instructions[&number];
        let differs = (held, priority) != (instruction.held, instruction.priority);
        if differs && !self.is_asked(number) {
            self.ask_to_modify(number, (held, priority));
        }
    }

    fn ask_to_cancel(&mut self, number: u64) {
        let instruction = self.instructions.get_mut(&number).expect("it is open");
        instruction.cancel_requested = true;
        instruction.agent().requests += 1;
        instruction.agent().request = Some(Request::Cancel);
    }

    fn ask_to_modify(&mut self, number: u64, (held, priority): (bool, u8)) {
        let agent = self.instructions.get_mut(&number).expect("it is open").agent();
        agent.requests += 1;
        (agent.request, agent.wanted) = (Some(Request::Modify(held, priority)), None);
    }

    pub(super) fn agent_answers(&mut self, advice: &Advice, said: &Answer, cancel: bool) {
        let (number, request) = match self.quoted(&advice.reference) {
            Quoted::Open(number, request) => (number, request),
            Quoted::Ended(_) => return,
            Quoted::Unknown => return self.tell(BreakKind::UnknownReference, Vec::new()),
        };
        let answered = Answered::of(&said.status);
        let agent = self.instructions.get_mut(&number).expect("it is open").agent();
        let ours = request.is_none_or(|request| request == agent.requests);
        let Some(pending) = agent.request.filter(|pending| ours && (*pending == Request::Cancel) == cancel) else {
            if cancel && answered == Answered::Done {
                return self.gone(number, &said.reasons);
            }
            return self.tell(BreakKind::UnexpectedAnswer, Vec::new());
        };
        if answered == Answered::Underway {
            return;
        }
        agent.request = None;
        match answered {
            Answered::Done if cancel => self.ends(number, code::CANI),
            _ => self.stands(number, pending, answered == Answered::Done),
        }
    }

    /// The instruction stands; what was wanted meanwhile is asked now.
    fn stands(&mut self, number: u64, request: Request, done: bool) {
        let instruction = self.instructions.get_mut(&number).expect("it is open");
        let trade = self.trades.get_mut(&instruction.trade).expect("it is open");
        let waits = trade.pending.is_some();
        match request {
            Request::Cancel => {
                // With the request goes what the trade wanted to become.
                if instruction.cancel_requested {
                    trade.pending = None;
                }
                instruction.cancel_requested = false;
            }
            Request::Modify(held, priority) if done => (instruction.held, instruction.priority) = (held, priority),
            Request::Modify(..) => {}
        }
        let now = (instruction.held, instruction.priority);
        let wanted = instruction.agent().wanted.filter(|wanted| *wanted != now);
        match (request, wanted) {
            (Request::Modify(..), _) if waits => self.ask_to_cancel(number),
            (_, Some(wanted)) => self.ask_to_modify(number, wanted),
            _ => {}
        }
    }

    /// The instruction ends without settlement; its trade goes the way it asked to.
    pub(super) fn ends(&mut self, number: u64, reason: Code) {
        let trade = self.instructions[&number].trade;
        self.cancel_instruction(number, reason);
        self.follow_trade(trade);
    }

    /// Carries out the change that waited until the instruction was gone.
    pub(super) fn follow_trade(&mut self, number: u64) {
        let trade = &self.trades[&number];
        let Some(Pending { version, details }) = trade.pending.clone() else { return };
        let Some(details) = details else { return self.cancel_trade(number) };
        let resolved = match trade.partly_settled {
            true => None,
            false => self.resolve(&details, false).ok(),
        };
        match resolved {
            None => self.tell(BreakKind::CannotBook, Vec::new()),
            Some(resolved) => {
                let resolved = self.held_by_limits(number, resolved);
                self.change(number, Some(version), details, false, resolved);
                self.issue_if_sound(number);
            }
        }
    }
}
