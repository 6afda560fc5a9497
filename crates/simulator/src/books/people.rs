//! Who asks, twice or with a second person; and what cannot be read.

use super::{Answer, Books, books_something};
use model::command::{Command, Inbound, Origin, Replay};
use model::reference::{FourEyes, Reference};
use model::rejection::Reason;
use model::trade::TradeMessage;
use std::rc::Rc;

/// What a command is, on the list of what needs two persons.
fn kind(command: &Command) -> Option<FourEyes> {
    Some(match command {
        Command::Open(_) => FourEyes::Opening,
        Command::Transfer(_) => FourEyes::Transfer,
        Command::Reverse { .. } => FourEyes::Adjustment,
        Command::SignOff(_) => FourEyes::SignOff,
        Command::CloseBreak(closing) if books_something(closing.resolution) => FourEyes::Adjustment,
        Command::SetReference(reference) => match **reference {
            Reference::Ssi(_) => FourEyes::Ssi,
            Reference::CreditLimit(_)
            | Reference::CounterpartyLimit(_)
            | Reference::AddOn(_)
            | Reference::ClearingTerms(_) => FourEyes::CreditLimit,
            Reference::Parameters(_) => FourEyes::Parameters,
            Reference::PriceSet(_) => FourEyes::PriceSet,
            Reference::Grant(_) => FourEyes::Grant,
            _ => return None,
        },
        _ => return None,
    })
}

/// Commands for which a person has to say why.
fn wants_reason(command: &Command) -> bool {
    !matches!(
        command,
        Command::Trade(_)
            | Command::Advice(_)
            | Command::Approve { .. }
            | Command::Refuse { .. }
            | Command::Continue(_)
            | Command::Quarantine(_)
            | Command::Day(_)
            | Command::ControlTotals(_)
            | Command::Accounting(_)
    )
}

impl Books {
    pub(super) fn ask(&mut self, inbound: &Inbound) -> Answer {
        if let Err(reason) = self.permitted(inbound) {
            // Who may not ask takes nobody's answer away, and gets none that stands.
            if reason == Reason::NotPermitted {
                return Answer::Rejected(reason);
            }
            let used = matches!(&inbound.origin, Origin::Call { request_id } if self.requests.contains_key(request_id));
            self.claim_request(inbound);
            return Answer::Rejected(if used { Reason::RequestIdReused } else { reason });
        }
        if let Origin::Call { request_id } = &inbound.origin {
            match self.requests.get(request_id) {
                Some((sequence, earlier)) if **earlier == inbound.command => return Answer::Duplicate(*sequence),
                Some(_) => return Answer::Rejected(Reason::RequestIdReused),
                None => {}
            }
        }
        let command = Rc::new(inbound.command.clone());
        let answer = self.answer(inbound, &command).unwrap_or_else(Answer::Rejected);
        if answer != Answer::Accepted {
            self.facts.clear();
        }
        self.claim_request(inbound);
        answer
    }

    /// The first answer to a request stands for ever.
    fn claim_request(&mut self, inbound: &Inbound) {
        if let Origin::Call { request_id } = &inbound.origin {
            let sequence = self.sequence;
            let first = || (sequence, Rc::new(inbound.command.clone()));
            self.requests.entry(request_id.clone()).or_insert_with(first);
        }
    }

    fn answer(&mut self, inbound: &Inbound, command: &Rc<Command>) -> Result<Answer, Reason> {
        let by_person = matches!(inbound.origin, Origin::Call { .. } | Origin::File { .. });
        if by_person && wants_reason(command) && inbound.reason.trim().is_empty() {
            return Err(Reason::ReasonMissing);
        }
        if kind(command).is_some_and(|kind| self.known.parameters.four_eyes.contains(&kind)) {
            // What could not be done is refused to the first person already.
            self.clone().carry_out(command)?;
            self.proposals.insert(self.sequence, (self.actor.clone(), self.at, command.clone()));
            return Ok(Answer::Accepted);
        }
        match &**command {
            Command::Trade(message) => self.trade_message(&Rc::new(TradeMessage::clone(message))),
            Command::Advice(advice) => self.advice(advice),
            _ => self.carry_out(command).map(|()| Answer::Accepted),
        }
    }

    fn carry_out(&mut self, command: &Command) -> Result<(), Reason> {
        match command {
            Command::SetReference(reference) => self.set(reference),
            Command::Open(opening) => self.open(opening),
            Command::Transfer(transfer) => self.transfer(transfer),
            Command::Reverse { sequence, instruction } => self.reverse(*sequence, *instruction),
            Command::Repair(repair) => self.repair(repair),
            Command::Steer { instruction, steer } => self.steer(*instruction, *steer),
            Command::Day(step) => self.day_step(step),
            Command::Continue(task) => self.go_on(*task),
            Command::Quarantine(_) => {
                self.quarantined.insert(self.sequence);
                Ok(())
            }
            Command::CloseQuarantined { sequence, replay } => self.close_quarantined(*sequence, replay.as_ref()),
            Command::Approve { proposal, payload_hash } => self.approve(*proposal, payload_hash.is_some()),
            Command::Refuse { proposal } => self.proposals.remove(proposal).map(|_| ()).ok_or(Reason::UnknownProposal),
            Command::CloseBreak(closing) => self.close_break(closing),
            Command::AssignBreak { number, .. } => self.breaks.get(number).map(|_| ()).ok_or(Reason::UnknownBreak),
            Command::ControlTotals(said) => self.control_totals(said),
            Command::SignOff(said) => self.sign_off(said),
            Command::Accounting(day) => self.accounting(day),
            Command::IssueMarginCalls(issue) => self.maintenance_calls(issue),
            Command::IssueInitialCalls(issue) => self.initial_calls(issue),
            Command::AnswerMarginCall { number, answer } => self.answer_call(*number, *answer),
            Command::Trade(_) | Command::Advice(_) => unreachable!("{} is answered by itself", command.name()),
        }
    }

    /// The generator sends no true hash: one that is given is that of something else.
    fn approve(&mut self, number: u64, other_hash: bool) -> Result<(), Reason> {
        let (maker, since, command) = self.proposals.get(&number).cloned().ok_or(Reason::UnknownProposal)?;
        if self.same_person(&maker, &self.actor) {
            return Err(Reason::SamePerson);
        }
        let lasts = i64::from(self.known.parameters.proposal_minutes) * 60_000_000;
        if self.at.micros_since(since) > lasts {
            return Err(Reason::ProposalLapsed);
        }
        if other_hash {
            return Err(Reason::PayloadDiffers);
        }
        self.carry_out(&command)?;
        self.proposals.remove(&number);
        Ok(())
    }

    fn close_quarantined(&mut self, sequence: u64, replay: Option<&Replay>) -> Result<(), Reason> {
        if !self.quarantined.contains(&sequence) {
            return Err(Reason::NotQuarantined);
        }
        match replay {
            Some(Replay::Trade(message)) => {
                let message = Rc::new((**message).clone());
                self.trade_message(&message)?;
                self.remember(&message);
            }
            Some(Replay::Advice(advice)) => _ = self.advice(advice)?,
            None => {}
        }
        self.quarantined.remove(&sequence);
        Ok(())
    }
}
