//! What people do to an instruction: hold, release, prioritise, cancel; and what both sides must agree to.

use super::settle::hold_reasons;
use super::{Books, Pending, Stage};
use model::instruction::{Steer, code};
use model::rejection::Reason;

impl Books {
    pub(super) fn steer(&mut self, number: u64, steer: Steer) -> Result<(), Reason> {
        let instruction = self.instructions.get(&number).ok_or(Reason::UnknownInstruction)?;
        if instruction.is_outside() {
            return self.steer_outside(number, steer);
        }
        let (mut held, mut priority) = (instruction.held, instruction.priority);
        let mut cancel = instruction.cancel_requested;
        match steer {
            Steer::Hold => held = true,
            Steer::Release => held = false,
            Steer::Prioritise(to) if (1..=4).contains(&to) => priority = to,
            Steer::Prioritise(_) => return Err(Reason::PriorityOutOfRange),
            Steer::Cancel if instruction.partner.is_none() => {
                self.cancel_instruction(number, code::CANI);
                return Ok(());
            }
            Steer::Cancel => cancel = true,
            Steer::KeepAfterAll => cancel = false,
        }
        let before = (instruction.held, instruction.priority, instruction.cancel_requested);
        if (held, priority, cancel) == before {
            return Err(Reason::NothingToChange);
        }
        if cancel == instruction.cancel_requested {
            self.steer_to(number, held, priority, false);
            return Ok(());
        }
        let partner = instruction.partner;
        let trade = instruction.trade;
        if cancel && partner.is_some_and(|partner| self.instructions[&partner].cancel_requested) {
            return self.cancel_both(number, None);
        }
        self.instructions.get_mut(&number).expect("it is open").cancel_requested = cancel;
        if !cancel {
            self.trades.get_mut(&trade).expect("it is open").pending = None;
        }
        Ok(())
    }

    /// Sets hold and priority, and takes back a request to cancel; a pair that a hold kept back, or that the running cycle
    /// would miss, is tried at once.
    pub(super) fn steer_to(&mut self, number: u64, held: bool, priority: u8, withdrawn: bool) {
        let before = self.instructions[&number].clone();
        if before.is_outside() {
            return self.steer_wanted(number, held, priority);
        }
        let cancel_requested = before.cancel_requested && !withdrawn;
        let instruction = self.instructions.get_mut(&number).expect("it is open");
        (instruction.held, instruction.priority, instruction.cancel_requested) = (held, priority, cancel_requested);
        if before.cancel_requested && !cancel_requested {
            self.trades.get_mut(&before.trade).expect("it is open").pending = None;
        }
        if before.partner.is_none() {
            return;
        }
        let (deliver, receive) = self.pair(number);
        if held == before.held {
            let stands = &self.instructions[&deliver];
            let cursor = self.days.get(&stands.deal.domain).and_then(|day| day.cycle);
            let passed_by = cursor.is_some_and(|cursor| self.rank(stands) <= cursor);
            if priority != before.priority && stands.stage == Stage::Due && passed_by {
                self.try_pair(deliver, None);
            }
            return;
        }
        match hold_reasons(self.instructions[&deliver].held, self.instructions[&receive].held) {
            Some(reasons) => self.set_pending(deliver, receive, reasons),
            None => self.try_pair(deliver, None),
        }
    }

    /// A version of a matched trade, or of one that an agent has, waits until its instruction is gone.
    pub(super) fn request_change(&mut self, number: u64, change: Pending) -> Result<(), Reason> {
        let trade = &self.trades[&number];
        let own = trade.instruction.expect("only an instruction keeps a change waiting");
        let instruction = &self.instructions[&own];
        if instruction.is_outside() {
            self.trades.get_mut(&number).expect("it is open").pending = Some(change);
            self.ask_to_cancel_first(own);
            return Ok(());
        }
        let partner = instruction.partner.expect("it is matched");
        if self.instructions[&partner].cancel_requested {
            return self.cancel_both(own, Some(change));
        }
        self.trades.get_mut(&number).expect("it is open").pending = Some(change);
        self.instructions.get_mut(&own).expect("it is open").cancel_requested = true;
        Ok(())
    }

    /// Both have asked: both instructions end, and each trade goes the way its own side asked.
    fn cancel_both(&mut self, mine: u64, change: Option<Pending>) -> Result<(), Reason> {
        let theirs = self.instructions[&mine].partner.expect("it is matched");
        let pending = |number: u64| self.trades[&self.instructions[&number].trade].pending.clone();
        let changes = [(mine, change.or_else(|| pending(mine))), (theirs, pending(theirs))];
        // What cannot be carried out is refused before anything ends.
        let mut todo = Vec::new();
        for (number, change) in changes {
            let resolved = match change.as_ref().and_then(|change| change.details.as_ref()) {
                Some(details) => Some(self.resolve(details, false)?),
                None => None,
            };
            todo.push((self.instructions[&number].trade, change, resolved));
        }
        self.cancel_instruction(mine, code::CANI);
        self.cancel_instruction(theirs, code::CANI);
        let mut again = Vec::new();
        for (trade, change, resolved) in todo {
            match (change, resolved) {
                (None, _) => {}
                (Some(_), None) => self.cancel_trade(trade),
                (Some(change), Some(resolved)) => {
                    let details = change.details.expect("what was resolved has details");
                    let resolved = self.held_by_limits(trade, resolved);
                    self.change(trade, Some(change.version), details, false, resolved);
                    again.push(trade);
                }
            }
        }
        for trade in again {
            self.issue_if_sound(trade);
        }
        Ok(())
    }
}
