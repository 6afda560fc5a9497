//! The generator's own list of what it sent and what must be there in the end: to be laid beside the service's figures.

use super::{Body, Expected, Flow, Item, Message, Step};
use model::command::{Command, Inbound, What};
use model::decimal::Decimal;
use model::identifier::Identifier;
use std::collections::BTreeMap;

/// A message that was sent, as a list outside the service keeps it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sent {
    pub source: Identifier,
    pub id: Identifier,
    pub version: u32,
    pub expected: Expected,
}

impl Message {
    /// Which trade and version it is about; `None` for bytes that make no sense.
    pub fn sent(&self) -> Option<Sent> {
        match &self.body {
            Body::Trade(trade) => {
                let (source, id) = (trade.source.clone(), trade.id.clone());
                Some(Sent { source, id, version: trade.version, expected: self.expected })
            }
            Body::Bytes(_) => None,
        }
    }
}

/// Counts of what was sent, and what all accounts together must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub messages: BTreeMap<Expected, u64>,
    pub commands: u64,
    /// Opening balances and deposits less withdrawals, by currency or instrument, in the scale they were sent in.
    /// Settlement moves nothing of it.
    pub holdings: BTreeMap<String, Decimal>,
}

impl Tally {
    /// With the opening balances of a flow.
    pub fn opening(flow: &Flow) -> Tally {
        let mut tally = Tally::default();
        for inbound in flow.reference() {
            tally.command(&inbound);
        }
        tally
    }

    /// Takes note of an item that was sent.
    pub fn note(&mut self, item: &Item) {
        match &item.step {
            Step::Message(message) => *self.messages.entry(message.expected).or_default() += 1,
            Step::Command(inbound) => self.command(inbound),
            Step::Steer { .. } | Step::Approve { .. } | Step::CloseUnreadable { .. } => self.commands += 1,
        }
    }

    /// All messages.
    pub fn sent(&self) -> u64 {
        self.messages.values().sum()
    }

    fn command(&mut self, inbound: &Inbound) {
        self.commands += 1;
        match &inbound.command {
            Command::Open(opening) => self.hold(&opening.what, opening.quantity, 1),
            Command::Transfer(transfer) if transfer.from.is_none() => self.hold(&transfer.what, transfer.quantity, 1),
            Command::Transfer(transfer) if transfer.to.is_none() => self.hold(&transfer.what, transfer.quantity, -1),
            _ => {}
        }
    }

    fn hold(&mut self, what: &What, quantity: Decimal, sign: i128) {
        let name = match what {
            What::Currency(currency) => currency.to_string(),
            What::Instrument(instrument) => instrument.to_string(),
        };
        let held = self.holdings.entry(name).or_insert(Decimal { unscaled: 0, scale: quantity.scale });
        let scale = held.scale.max(quantity.scale);
        let units = |amount: Decimal| amount.to_scale(scale).expect("no digits are lost at the larger scale");
        *held = Decimal::from_units(units(*held) + sign * units(quantity), scale).expect("holdings fit 64 bits");
    }
}
