//! A shard of one's own over an excerpt: it decides and folds as the real one does, and nobody ever sees its records.

use super::excerpt::Excerpt;
use crate::machine::{apply, decide, next_task};
use crate::past::{IdKey, Past, ids};
use crate::state::State;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use model::command::{Command, Inbound, Origin};
use model::event::Event;
use model::identifier::Identifier;
use model::record::{Content, Outcome, RULES_VERSION, Record};
use model::rejection::{Reason, Rejection};
use model::timestamp::Timestamp;

/// So many steps of long work at most: an excerpt is small.
const STEPS: usize = 5_000;

/// The copy as it is after some commands.
#[derive(Clone)]
pub(super) struct Scratch<'p> {
    pub state: State,
    past: &'p dyn Past,
    /// The last record that is really there.
    base: u64,
    records: Vec<Record>,
    ids: BTreeMap<IdKey, u64>,
    /// Trades whose instruction settled, by number.
    settled: BTreeSet<u64>,
}

impl Past for Scratch<'_> {
    fn sequence_of(&self, key: &IdKey) -> Option<u64> {
        // The log may have gone on since the copy was made.
        self.ids.get(key).copied().or_else(|| self.past.sequence_of(key).filter(|sequence| *sequence <= self.base))
    }

    fn record(&self, sequence: u64) -> Option<Record> {
        match sequence.checked_sub(self.base + 1) {
            Some(at) => self.records.get(at as usize).cloned(),
            None => self.past.record(sequence),
        }
    }

    fn payload_hash(&self, sequence: u64) -> Option<[u8; 32]> {
        (sequence <= self.base).then(|| self.past.payload_hash(sequence)).flatten()
    }
}

impl<'p> Scratch<'p> {
    /// The excerpt, once the work that was under way is done.
    pub fn new(excerpt: Excerpt, past: &'p dyn Past) -> Scratch<'p> {
        let state = excerpt.state;
        let base = state.sequence;
        let mut scratch =
            Scratch { state, past, base, records: Vec::new(), ids: BTreeMap::new(), settled: BTreeSet::new() };
        scratch.work();
        scratch
    }

    pub fn has_settled(&self, trade: u64) -> bool {
        self.settled.contains(&trade)
    }

    /// Decides a command, by two persons where it needs two, and does the work it sets going.
    ///
    /// # Errors
    /// The refusal.
    pub fn submit(&mut self, command: &Command, not_before: Option<Timestamp>) -> Result<(), Rejection> {
        let at = self.state.at.max(not_before).unwrap_or(Timestamp::start_of(model::date::Date::MIN));
        let (maker, checker) = ("explain:maker", "explain:checker");
        self.decide(command.clone(), maker, at)?;
        let proposed = self
            .records
            .last()
            .filter(|record| record.events().iter().any(|event| matches!(event, Event::Proposed { .. })));
        if let Some(proposal) = proposed.map(|record| record.sequence) {
            self.decide(Command::Approve { proposal, payload_hash: None }, checker, at)?;
        }
        self.work();
        Ok(())
    }

    fn work(&mut self) {
        let at = self.state.at.unwrap_or(Timestamp::start_of(model::date::Date::MIN));
        for _ in 0..STEPS {
            let Some(task) = next_task(&self.state) else { return };
            if self.decide(Command::Continue(task), "explain:engine", at).is_err() {
                return;
            }
        }
    }

    fn decide(&mut self, command: Command, actor: &str, at: Timestamp) -> Result<(), Rejection> {
        let actor = Identifier::parse(actor).expect("a name");
        let inbound = Inbound { command, origin: Origin::Engine, actor, reason: String::new(), at };
        let outcome = decide(&self.state, &inbound, self);
        let refused = match &outcome {
            Outcome::Rejected(rejection) => Err(rejection.clone()),
            Outcome::Duplicate { .. } => Err(Reason::NothingToChange.into()),
            Outcome::Accepted(_) => Ok(()),
        };
        let sequence = self.state.sequence + 1;
        let (at, actor) = (inbound.at, inbound.actor.clone());
        let record = Record { sequence, rules_version: RULES_VERSION, content: Content::Decided { inbound, outcome } };
        self.ids.extend(ids(&self.state, &record).into_iter().map(|key| (key, sequence)));
        let settled = self.settled_by(&record);
        self.settled.extend(settled);
        apply(&mut self.state, sequence, at, &actor, record.events());
        self.records.push(record);
        refused
    }

    /// The trades that a record settles whole; asked before it is applied.
    fn settled_by(&self, record: &Record) -> Vec<u64> {
        let mut numbers = BTreeMap::new();
        let mut settled = Vec::new();
        for event in record.events() {
            match event {
                Event::InstructionIssued { instruction, links, .. } => {
                    numbers.extend(links.first().map(|link| (*instruction, link.trade)));
                }
                Event::InstructionsSettled { deliver, receive, .. } => settled.extend([*deliver, *receive]),
                Event::InstructionConfirmed { instruction, open_quantity: 0, .. } => settled.push(*instruction),
                _ => {}
            }
        }
        let trade = |number: &u64| {
            let open = self.state.instruction(*number).map(|(_, open)| self.state.trades[open.trade].number);
            open.or_else(|| numbers.get(number).copied())
        };
        settled.iter().filter_map(trade).collect()
    }
}
