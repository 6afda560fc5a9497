//! Where a flow meets an engine: makes each item the command it stands for, with the numbers that only the engine's
//! answers tell.

use super::{Expected, Flow, Item, Message, Step};
use crate::memory::{Shard, admitted};
use model::command::{Command, Inbound, Origin, Replay};
use model::identifier::Identifier;
use model::record::{Content, Outcome, Record};
use std::collections::BTreeMap;

/// The topic that a flow's messages are on.
pub const TOPIC: &str = "quittance.trades.v1";

/// What the people of a flow remember: which record answered which call, and which records could not be read.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    answers: BTreeMap<Identifier, u64>,
    unreadable: Vec<u64>,
    offset: u64,
    calls: u64,
}

impl Desk {
    /// The command of an item. `instruction_of` finds the open instruction of a trade by source and id. `None` when there
    /// is nothing to act on: the instruction is gone, or what was to be approved was refused.
    pub fn command(
        &mut self,
        item: &Item,
        instruction_of: impl Fn(&Identifier, &Identifier) -> Option<u64>,
    ) -> Option<Inbound> {
        let by_hand = |desk: &mut Desk, command: Command, actor: &Identifier, reason: &str| {
            desk.calls += 1;
            let request_id = Identifier::parse(&format!("desk-{:06}", desk.calls)).expect("a name");
            Inbound {
                command,
                origin: Origin::Call { request_id },
                actor: actor.clone(),
                reason: reason.to_owned(),
                at: item.at,
            }
        };
        match &item.step {
            Step::Message(message) => {
                let topic = Identifier::parse(TOPIC).expect("a name");
                let origin = Origin::Kafka { topic, partition: 0, offset: self.offset };
                self.offset += 1;
                let mut bytes = Vec::new();
                message.encode(&mut bytes);
                Some(admitted(&bytes, origin, item.at))
            }
            Step::Command(inbound) => Some(inbound.clone()),
            Step::Steer { source, id, steer, actor } => {
                let command = Command::Steer { instruction: instruction_of(source, id)?, steer: *steer };
                Some(by_hand(self, command, actor, "as agreed with the counterparty"))
            }
            Step::Approve { request, actor } => {
                let proposal = *self.answers.get(request)?;
                Some(by_hand(self, Command::Approve { proposal, payload_hash: None }, actor, "checked"))
            }
            Step::CloseUnreadable { unreadable, replay, actor, reason } => {
                let sequence = *self.unreadable.get(usize::try_from(*unreadable).ok()?)?;
                let replay = replay.clone().map(Replay::Trade);
                Some(by_hand(self, Command::CloseQuarantined { sequence, replay }, actor, reason))
            }
        }
    }

    /// Takes note of the record that answered an item.
    pub fn answered(&mut self, item: &Item, sequence: u64) {
        match &item.step {
            Step::Message(message) if message.expected == Expected::Unreadable => self.unreadable.push(sequence),
            Step::Command(inbound) => {
                if let Origin::Call { request_id } = &inbound.origin {
                    self.answers.insert(request_id.clone(), sequence);
                }
            }
            _ => {}
        }
    }
}

/// Whether a record is the answer that a message was to get.
pub fn is_expected(expected: Expected, record: &Record) -> bool {
    let Content::Decided { inbound, outcome } = &record.content else { return false };
    match (expected, outcome) {
        (Expected::Unreadable, Outcome::Accepted(_)) => matches!(inbound.command, Command::Quarantine(_)),
        (Expected::Accepted, Outcome::Accepted(_)) => matches!(inbound.command, Command::Trade(_)),
        (Expected::Duplicate, Outcome::Duplicate { .. }) => true,
        (Expected::Rejected(reason), Outcome::Rejected(rejection)) => rejection.reason == reason,
        _ => false,
    }
}

/// Plays a flow on a shard in memory; each item that did not get the answer it should, with that answer.
pub fn play(flow: &Flow, shard: &mut Shard) -> Vec<(Option<Item>, Record)> {
    play_with(flow, shard, |_| Vec::new())
}

/// The same, with further commands after the reference data; they are told the sequence that the first of them gets.
pub fn play_with(
    flow: &Flow,
    shard: &mut Shard,
    further: impl FnOnce(u64) -> Vec<Inbound>,
) -> Vec<(Option<Item>, Record)> {
    let mut unexpected = Vec::new();
    let reference = flow.reference();
    // One record is there already, and loading sets no work going.
    let further = further(reference.len() as u64 + shard.records().len() as u64 + 1);
    for inbound in reference.into_iter().chain(further) {
        let record = shard.submit(inbound);
        if !matches!(&record.content, Content::Decided { outcome: Outcome::Accepted(_), .. }) {
            unexpected.push((None, record.clone()));
        }
    }
    let mut desk = Desk::default();
    for item in flow.week() {
        let Some(inbound) = desk.command(&item, |source, id| shard.state().instruction_of(source, id)) else {
            continue;
        };
        let record = shard.submit(inbound);
        desk.answered(&item, record.sequence);
        let fine = match &item.step {
            Step::Message(Message { expected, .. }) => is_expected(*expected, record),
            _ => matches!(&record.content, Content::Decided { outcome: Outcome::Accepted(_), .. }),
        };
        if !fine {
            let record = record.clone();
            unexpected.push((Some(item), record));
        }
    }
    unexpected
}
