//! A record of the log: what was asked and what came of it. Records are the truth; all else is a fold of them.

use crate::command::{Inbound, Origin};
use crate::event::Event;
use crate::identifier::Identifier;
use crate::rejection::Rejection;
use crate::timestamp::Timestamp;
use alloc::string::String;
use alloc::vec::Vec;

/// The number of the rules by which this build decides. Stands in each record; only an audit needs it.
pub const RULES_VERSION: u32 = 1;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the log, from 1, without gaps.
    pub sequence: u64,
    pub rules_version: u32,
    pub content: Content,
}

/// Record 1 is the genesis, every other one a command with its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Genesis(Genesis),
    Decided { inbound: Inbound, outcome: Outcome },
}

/// What the log is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Of the record format.
    pub format: u32,
    /// The house whose books these are.
    pub house: Identifier,
    pub shard: u32,
    /// The settlement domains this shard owns; empty: all.
    pub domains: Vec<Identifier>,
    /// Kafka's cluster id, when there is one.
    pub cluster: Option<String>,
    pub at: Timestamp,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Facts.
    Accepted(Vec<Event>),
    /// The business says no.
    Rejected(Rejection),
    /// The same was asked before: the answer is that record's.
    Duplicate { of: u64 },
}

/// A record without its command: all that a fold needs (recovery, views, subscribers), and cheap to decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub sequence: u64,
    pub at: Timestamp,
    pub actor: Identifier,
    pub content: FactContent,
}

/// What a fold reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactContent {
    Genesis(Genesis),
    Outcome(Outcome),
}

impl Record {
    /// The facts, if any.
    pub fn events(&self) -> &[Event] {
        match &self.content {
            Content::Decided { outcome: Outcome::Accepted(events), .. } => events,
            _ => &[],
        }
    }

    /// When it was stamped.
    pub fn at(&self) -> Timestamp {
        match &self.content {
            Content::Genesis(genesis) => genesis.at,
            Content::Decided { inbound, .. } => inbound.at,
        }
    }

    /// Where its command came from.
    pub fn origin(&self) -> Option<&Origin> {
        match &self.content {
            Content::Genesis(_) => None,
            Content::Decided { inbound, .. } => Some(&inbound.origin),
        }
    }
}
