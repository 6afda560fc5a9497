//! The flow generator: a realistic week of a market, from a seed.
//!
//! Members with invented names and valid codes trade real securities with each other; each reports its own side from
//! its own front office, at its own time, and now and then wrongly. Demo, benches and the simulator play the same flow.
//! What was sent and what must come of it is known here, independently of the service: see [`Expected`] and [`Tally`].

mod deal;
mod desk;
mod history;
mod limits;
mod market;
mod poison;
mod random;
mod session;
mod setup;
mod shape;
mod story;
mod tally;
#[cfg(test)]
mod tests;
mod week;
mod world;

pub use desk::{Desk, TOPIC, is_expected, play, play_with};
pub use history::SOURCE as SYNTHETIC;
pub use market::Security;
pub use random::{Random, Zipf};
pub use shape::{Lag, Mix, Shape};
pub use tally::{Sent, Tally};
pub use week::Week;
pub use world::{DOMAIN, MONDAY, Member};

use model::command::Inbound;
use model::identifier::Identifier;
use model::instruction::Steer;
use model::record::Genesis;
use model::rejection::Reason;
use model::timestamp::Timestamp;
use model::trade::TradeMessage;
use std::sync::Arc;
use world::World;

/// A flow: the same seed and shape give the same commands and messages, to the byte.
#[derive(Clone, Debug)]
pub struct Flow {
    world: Arc<World>,
}

impl Flow {
    /// # Panics
    /// If the shape has fewer than three members or two securities, or not one to five days.
    pub fn new(seed: u64, shape: Shape) -> Flow {
        Flow { world: Arc::new(World::new(seed, shape)) }
    }

    /// The first record of a log that this flow goes into.
    pub fn genesis(&self) -> Genesis {
        setup::genesis(&self.world)
    }

    /// Loads reference data, limits, prices and opening balances. Must be the first commands after the genesis: the
    /// approvals among them name the sequences that their proposals get there. All of them must be accepted.
    pub fn reference(&self) -> Vec<Inbound> {
        setup::commands(&self.world)
    }

    /// Who issues what, and so many closes of the business days before the first observed one: made, not observed, with
    /// [`SYNTHETIC`] as their source. May follow the reference data.
    ///
    /// # Panics
    /// Where the calendars shipped do not go back so far: about seven hundred closes.
    pub fn history(&self, closes: usize) -> Vec<Inbound> {
        history::commands(&self.world, closes)
    }

    /// Limits on counterparties, to follow the reference data where a flow is to have them: all warn, some are breached.
    /// `first` is the sequence that the first of them gets. All of them must be accepted.
    pub fn limits(&self, first: u64) -> Vec<Inbound> {
        let last = self.reference().last().map_or(self.genesis().at, |inbound| inbound.at);
        limits::commands(&self.world, first, last)
    }

    /// The week, in order of time. In the bench shapes: the opening of the one day, then nothing but messages.
    pub fn week(&self) -> Week {
        Week::new(self.world.clone())
    }

    pub fn members(&self) -> &[Member] {
        &self.world.members
    }

    pub fn securities(&self) -> &[Security] {
        &self.world.securities
    }
}

/// Something that happens in the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// For a message: when the broker gets it.
    pub at: Timestamp,
    pub step: Step,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A front office sends.
    Message(Message),
    /// A person or the timer asks.
    Command(Inbound),
    /// A person acts on the instruction of a trade; its number is known to the service alone.
    Steer { source: Identifier, id: Identifier, steer: Steer, actor: Identifier },
    /// A person approves what was proposed by the call with this request id.
    Approve { request: Identifier, actor: Identifier },
    /// A person closes the n-th message (from 0) that could not be read.
    CloseUnreadable { unreadable: u64, replay: Option<Box<TradeMessage>>, actor: Identifier, reason: String },
}

/// What goes on the trades topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Key of the Kafka record: the settlement domain.
    pub key: Identifier,
    pub body: Body,
    /// What must come of it.
    pub expected: Expected,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Trade(Box<TradeMessage>),
    /// Bytes as they are.
    Bytes(Vec<u8>),
}

impl Message {
    /// The bytes on the topic, appended to a buffer.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        match &self.body {
            Body::Trade(trade) => wire::trade::encode(trade, buffer),
            Body::Bytes(bytes) => buffer.extend_from_slice(bytes),
        }
    }
}

/// What must come of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expected {
    Accepted,
    /// The same message came before.
    Duplicate,
    Rejected(Reason),
    /// Recorded and quarantined.
    Unreadable,
}
