//! What became of a command, told to the caller: a receipt, or the business's refusal.

use model::event::Event;
use model::record::{FactContent, Outcome};
use model::rejection::Rejection;
use model::timestamp::Timestamp;
use model::trade::Defect;
use tonic::Status;
use wire::pb::service as pb;
use wire::pb::view;

use crate::backend::Backend;
use crate::failure;

/// The record that answers a command.
pub(crate) struct Verdict {
    pub(crate) sequence: u64,
    pub(crate) at: Timestamp,
    /// It answered another call before.
    pub(crate) duplicate: bool,
    pub(crate) outcome: Result<Box<pb::Receipt>, Rejection>,
}

impl Verdict {
    /// The answer of a call that has one outcome.
    pub(crate) fn into_receipt(self) -> Result<Option<pb::Receipt>, Status> {
        match self.outcome {
            Ok(receipt) => Ok(Some(*receipt)),
            Err(rejection) => Err(failure::rejected(&rejection, self.sequence, self.duplicate)),
        }
    }
}

impl Backend {
    /// What a committed outcome means for the caller. For a duplicate it is the answer that was given before.
    pub(crate) fn verdict(&self, sequence: u64, at: Timestamp, outcome: &Outcome) -> Result<Verdict, Status> {
        match outcome {
            Outcome::Accepted(events) => Ok(accepted(sequence, at, events, false)),
            Outcome::Rejected(rejection) => Ok(refused(sequence, at, rejection, false)),
            Outcome::Duplicate { of } => self.earlier(*of),
        }
    }

    /// The answer that a record of the log was.
    fn earlier(&self, sequence: u64) -> Result<Verdict, Status> {
        let block = self.log()?.block_holding(sequence).map_err(|error| failure::store(&error))?;
        let lost =
            |why: &dyn std::fmt::Display| failure::damaged(format!("record {sequence}, which answers this, {why}"));
        let stored =
            block.as_ref().and_then(|block| block.record(sequence)).ok_or_else(|| lost(&"is not in the log"))?;
        let facts = wire::record::facts(stored).map_err(|error| lost(&format_args!("cannot be read: {error}")))?;
        match facts.content {
            FactContent::Outcome(Outcome::Accepted(events)) => Ok(accepted(sequence, facts.at, &events, true)),
            FactContent::Outcome(Outcome::Rejected(rejection)) => Ok(refused(sequence, facts.at, &rejection, true)),
            // Ids are claimed by what was decided, never by a duplicate or the genesis.
            FactContent::Outcome(Outcome::Duplicate { .. }) | FactContent::Genesis(_) => Err(lost(&"answers nothing")),
        }
    }
}

fn refused(sequence: u64, at: Timestamp, rejection: &Rejection, duplicate: bool) -> Verdict {
    Verdict { sequence, at, duplicate, outcome: Err(rejection.clone()) }
}

fn accepted(sequence: u64, at: Timestamp, events: &[Event], duplicate: bool) -> Verdict {
    let mut receipt = pb::Receipt { sequence, at: Some(timestamp(at)), duplicate, ..Default::default() };
    for event in events {
        match event {
            Event::Proposed { proposal, .. } => receipt.proposal = Some(*proposal),
            Event::TradeCaptured { trade, defects, .. } | Event::TradeChanged { trade, defects, .. } => {
                receipt.trade = Some(*trade);
                receipt.defects = defects.iter().map(defect).collect();
            }
            Event::TradeCancelled { trade, .. } | Event::TradeChangeRequested { trade, .. } => {
                receipt.trade = Some(*trade)
            }
            Event::TradeAwaited { .. } => receipt.awaits_trade = true,
            Event::InstructionIssued { instruction, .. } => receipt.issued.push(*instruction),
            Event::InstructionsSettled { deliver, receive, .. } => receipt.settled.extend([*deliver, *receive]),
            Event::InstructionConfirmed { instruction, .. } => receipt.settled.push(*instruction),
            _ => {}
        }
    }
    Verdict { sequence, at, duplicate, outcome: Ok(Box::new(receipt)) }
}

fn defect(defect: &Defect) -> view::Defect {
    view::Defect { code: defect.kind.code().to_owned(), subject: defect.subject.to_string() }
}

/// An instant as protobuf has it.
pub(crate) fn timestamp(at: Timestamp) -> pbjson_types::Timestamp {
    let micros = at.micros();
    pbjson_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        // Below a thousand million, so it fits.
        nanos: (micros.rem_euclid(1_000_000) * 1_000) as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_before_the_epoch_have_positive_nanos() {
        let at = Timestamp::from_micros(-1).expect("in range");
        assert_eq!(timestamp(at), pbjson_types::Timestamp { seconds: -1, nanos: 999_999_000 });
    }

    #[test]
    fn a_receipt_names_what_a_caller_goes_on_with() {
        let at = Timestamp::EPOCH;
        let events = [
            Event::Progressed {
                task: model::command::Task::Retry,
                examined: 1,
                remaining: false,
                cursor: model::event::Cursor::default(),
            },
            Event::Proposed {
                proposal: 7,
                command: Box::new(model::command::Command::Reverse { sequence: 3, instruction: None }),
            },
        ];
        let receipt = accepted(7, at, &events, true).into_receipt().expect("accepted").expect("always one");
        assert_eq!((receipt.sequence, receipt.proposal, receipt.duplicate), (7, Some(7), true));
        assert_eq!(receipt.trade, None);
    }
}
