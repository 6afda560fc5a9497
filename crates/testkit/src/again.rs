//! A log decided again: the recorded commands, in their order and at their instants, by the rules of this build, some of them
//! changed. What comes of it is another log, to be held beside the recorded one.
//!
//! Long work is done where it was recorded; where the recorded log had none left and this one has, it is done before
//! the next command, as the engine would. Commands that name a record, a trade's instruction or a proposal by its number mean
//! the same thing when it has got another number here; breaks and margin calls keep the number that was recorded.

use std::collections::{HashMap, HashSet};

use clearing::State;
use model::command::{Command, Inbound, Origin};
use model::event::Event;
use model::identifier::Identifier;
use model::index::{Kind, SourceIx};
use model::record::{Content, Genesis, Outcome, Record};

use crate::memory::Shard;

/// What is to be otherwise at a recorded command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another command in its place, asked by the same person at the same instant.
    Replace(Command),
    /// It was never asked.
    Drop,
    /// One more right after it, asked by the same person at the same instant.
    After(Command),
}

/// A command whose outcome is another one than recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    pub sequence: u64,
    pub was: String,
    pub now: String,
}

/// What numbers no command means: nothing has it.
const NOTHING: u64 = u64::MAX;

/// A log that is being decided again.
pub struct Again {
    shard: Shard,
    /// What the recorded log comes to, to know its numbers and whether it has work left.
    was: State,
    numbers_were: Numbers,
    numbers_are: Numbers,
    /// Where each recorded command stands now.
    sequences: HashMap<u64, u64>,
    /// Recorded commands that are another one now.
    changed: HashSet<u64>,
    turned: Vec<Turned>,
    added: u64,
}

impl Again {
    /// Begins with the recorded genesis.
    pub fn new(genesis: &Genesis) -> Again {
        let mut was = State::default();
        clearing::begin(&mut was, genesis);
        Again {
            shard: Shard::new(genesis.clone()),
            was,
            numbers_were: Numbers::default(),
            numbers_are: Numbers::default(),
            sequences: HashMap::from([(1, 1)]),
            changed: HashSet::new(),
            turned: Vec::new(),
            added: 0,
        }
    }

    /// Decides the next recorded command again, with what is to be otherwise there. A genesis is passed over.
    pub fn take(&mut self, record: &Record, changes: &[Change]) {
        let Content::Decided { inbound, outcome } = &record.content else { return };
        if clearing::next_task(&self.was).is_none() {
            while let Some(task) = clearing::next_task(self.shard.state()) {
                self.submit(Inbound { command: Command::Continue(task), ..own(inbound) });
            }
        }
        if let Command::Continue(_) = inbound.command {
            if let Some(task) = clearing::next_task(self.shard.state()) {
                self.submit(Inbound { command: Command::Continue(task), ..inbound.clone() });
            }
        } else if !changes.contains(&Change::Drop) {
            let replaced = changes.iter().find_map(|change| match change {
                Change::Replace(command) => Some(command.clone()),
                Change::Drop | Change::After(_) => None,
            });
            let command = self.meant(replaced.unwrap_or_else(|| inbound.command.clone()));
            if command != inbound.command {
                self.changed.insert(record.sequence);
            }
            let (sequence, now) = self.submit(Inbound { command, ..inbound.clone() });
            self.sequences.insert(record.sequence, sequence);
            let (was, now) = (told(outcome), now);
            if was != now {
                self.turned.push(Turned { sequence: record.sequence, was, now });
            }
        }
        clearing::apply(&mut self.was, record.sequence, inbound.at, &inbound.actor, record.events());
        self.numbers_were.note(&self.was, record.events());
        for change in changes {
            if let Change::After(command) = change {
                self.added += 1;
                let request_id = Identifier::parse(&format!("what-if-{}", self.added)).expect("a name");
                let origin = Origin::Call { request_id };
                self.submit(Inbound { command: command.clone(), origin, ..inbound.clone() });
            }
        }
    }

    /// The other log, with its long work done if that of the recorded one was, and the commands that were answered otherwise.
    pub fn finish(mut self) -> (Shard, Vec<Turned>) {
        if clearing::next_task(&self.was).is_none() {
            while self.shard.work().is_some() {}
        }
        (self.shard, self.turned)
    }

    /// Its sequence, and what came of it in a word.
    fn submit(&mut self, inbound: Inbound) -> (u64, String) {
        let record = self.shard.submit_alone(inbound);
        let (sequence, events) = (record.sequence, record.events().to_vec());
        let Content::Decided { outcome, .. } = &record.content else { unreachable!("a command was decided") };
        let told = told(outcome);
        self.numbers_are.note(self.shard.state(), &events);
        (sequence, told)
    }

    /// A command with the numbers that things have here.
    fn meant(&self, command: Command) -> Command {
        let record = |sequence: u64| self.sequences.get(&sequence).copied().unwrap_or(NOTHING);
        let instruction = |number: u64| match self.numbers_were.instructions.get(&number) {
            // It names nothing that was: let it be refused as it was.
            None => number,
            Some(key) => self.numbers_are.numbers.get(key).copied().unwrap_or(NOTHING),
        };
        match command {
            Command::Reverse { sequence, instruction: of } => {
                Command::Reverse { sequence: record(sequence), instruction: of.map(instruction) }
            }
            Command::Steer { instruction: number, steer } => Command::Steer { instruction: instruction(number), steer },
            Command::Approve { proposal, payload_hash } => Command::Approve {
                proposal: record(proposal),
                // What the checker saw is not what is approved here: that is the change.
                payload_hash: payload_hash.filter(|_| !self.changed.contains(&proposal)),
            },
            Command::Refuse { proposal } => Command::Refuse { proposal: record(proposal) },
            Command::CloseQuarantined { sequence, replay } => {
                Command::CloseQuarantined { sequence: record(sequence), replay }
            }
            other => other,
        }
    }
}

/// The engine's own, at the instant of a command.
fn own(inbound: &Inbound) -> Inbound {
    Inbound {
        origin: Origin::Engine,
        actor: Identifier::parse("engine").expect("a name"),
        reason: String::new(),
        ..inbound.clone()
    }
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted(_) => "accepted".to_owned(),
        Outcome::Rejected(rejection) => format!("rejected {}", rejection.reason.code()),
        Outcome::Duplicate { .. } => "duplicate".to_owned(),
    }
}

/// A trade by the name its source gave it, and which of its instructions.
type Key = (String, Identifier, usize);

/// What the numbers of a log stand for.
#[derive(Default)]
struct Numbers {
    trades: HashMap<u64, (String, Identifier)>,
    issued: HashMap<u64, usize>,
    instructions: HashMap<u64, Key>,
    numbers: HashMap<Key, u64>,
}

impl Numbers {
    fn note(&mut self, state: &State, events: &[Event]) {
        for event in events {
            match event {
                Event::TradeCaptured { trade, source: SourceIx(source), id, .. } => {
                    let source = &state.names(Kind::Source)[*source as usize];
                    self.trades.insert(*trade, (source.to_string(), id.clone()));
                }
                Event::InstructionIssued { instruction, links, .. } => {
                    let Some(link) = links.first() else { continue };
                    let Some((source, id)) = self.trades.get(&link.trade) else { continue };
                    let count = self.issued.entry(link.trade).or_default();
                    let key = (source.clone(), id.clone(), *count);
                    *count += 1;
                    self.instructions.insert(*instruction, key.clone());
                    self.numbers.insert(key, *instruction);
                }
                _ => {}
            }
        }
    }
}
