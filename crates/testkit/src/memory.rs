//! A shard in memory: the same deciding and folding as the service's, without store, broker or clock.
//!
//! It is what `quittance fold`, the scenarios and the tests of the flow run on. Every record is checked as it is made:
//! its postings balance, and its bytes read back to the same record.

use clearing::{Explanation, IdKey, Past, Sought, State};
use model::command::{Command, CutOff, Inbound, Origin};
use model::date::Date;
use model::identifier::Identifier;
use model::ledger::check_balanced;
use model::record::{Content, FactContent, Genesis, Outcome, RULES_VERSION, Record};
use model::reference::CutOffRule;
use model::timestamp::Timestamp;
use std::collections::HashMap;

/// State and log of one shard. A copy goes its own way.
#[derive(Clone)]
pub struct Shard {
    state: State,
    log: Log,
    /// Bytes of the record being checked.
    buffer: Vec<u8>,
}

/// The records and the ids that lead to them.
#[derive(Clone, Default)]
struct Log {
    records: Vec<Record>,
    ids: HashMap<IdKey, u64>,
}

impl Past for Log {
    fn sequence_of(&self, key: &IdKey) -> Option<u64> {
        self.ids.get(key).copied()
    }

    fn record(&self, sequence: u64) -> Option<Record> {
        self.at(sequence).cloned()
    }

    fn payload_hash(&self, sequence: u64) -> Option<[u8; 32]> {
        let mut bytes = Vec::new();
        wire::record::encode(self.at(sequence)?, None, &mut bytes);
        wire::record::payload_hash(&bytes)
    }
}

impl Log {
    fn at(&self, sequence: u64) -> Option<&Record> {
        usize::try_from(sequence).ok()?.checked_sub(1).and_then(|place| self.records.get(place))
    }
}

impl Shard {
    /// A log that has its first record.
    pub fn new(genesis: Genesis) -> Shard {
        let mut shard = Shard { state: State::default(), log: Log::default(), buffer: Vec::new() };
        shard.keep(Record { sequence: 1, rules_version: RULES_VERSION, content: Content::Genesis(genesis) });
        shard
    }

    /// Decides a command, then does the long work it set going until none is left. The command's own record.
    pub fn submit(&mut self, inbound: Inbound) -> &Record {
        let sequence = self.submit_alone(inbound).sequence;
        while self.work().is_some() {}
        self.log.at(sequence).expect("it was just written")
    }

    /// Decides a command and leaves the work it set going undone.
    pub fn submit_alone(&mut self, inbound: Inbound) -> &Record {
        let outcome = clearing::decide(&self.state, &inbound, &self.log);
        let sequence = self.log.records.len() as u64 + 1;
        self.keep(Record { sequence, rules_version: RULES_VERSION, content: Content::Decided { inbound, outcome } })
    }

    /// One step of long work, stamped like the last record; `None` when there is none to do.
    pub fn work(&mut self) -> Option<&Record> {
        let task = clearing::next_task(&self.state)?;
        let record = self.submit_alone(Inbound {
            command: Command::Continue(task),
            origin: Origin::Engine,
            actor: Identifier::parse("engine").expect("a name"),
            reason: String::new(),
            at: self.log.records.last().expect("a log begins with its genesis").at(),
        });
        let done = matches!(&record.content, Content::Decided { outcome: Outcome::Accepted(_), .. });
        assert!(done, "work that was to be done was refused: {record:?}");
        Some(record)
    }

    /// Every record, from the genesis.
    pub fn records(&self) -> &[Record] {
        &self.log.records
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// What keeps it from settling, and what would settle it; nothing when it is not open. Cut-offs are taken as if each
    /// domain's clocks showed UTC.
    pub fn explain(&self, sought: &Sought) -> Option<Explanation> {
        let excerpt = self.state.excerpt_now(sought)?;
        let days = |_: &str, rules: &[CutOffRule], date: Date| {
            let at = |minute: u16| Timestamp::start_of(date).add_micros(i64::from(minute) * 60_000_000);
            let cut_off =
                |rule: &CutOffRule| Some(CutOff { currency: rule.currency, at: at(rule.minute_of_day).ok()? });
            rules.iter().filter_map(cut_off).collect()
        };
        Some(clearing::explain(excerpt, &self.log, &days))
    }

    /// The log's bytes, a record each.
    pub fn bytes(&self) -> impl Iterator<Item = Vec<u8>> {
        self.log.records.iter().map(|record| {
            let mut bytes = Vec::new();
            wire::record::encode(record, None, &mut bytes);
            bytes
        })
    }

    /// What recovery makes of the log: a state folded from the bytes of the facts, deciding nothing.
    pub fn recovered(&self) -> Shard {
        let mut shard = Shard { state: State::default(), log: Log::default(), buffer: Vec::new() };
        for bytes in self.bytes() {
            let record = wire::record::decode(&bytes).expect("what is in the log can be read");
            let facts = wire::record::facts(&bytes).expect("what is in the log can be read");
            assert_eq!((facts.sequence, facts.at), (record.sequence, record.at()));
            shard.remember(&record);
            match &facts.content {
                FactContent::Genesis(genesis) => clearing::begin(&mut shard.state, genesis),
                FactContent::Outcome(Outcome::Accepted(events)) => {
                    shard.fold(facts.sequence, facts.at, &facts.actor, events)
                }
                FactContent::Outcome(_) => shard.fold(facts.sequence, facts.at, &facts.actor, &[]),
            }
            shard.log.records.push(record);
        }
        shard
    }

    /// What a snapshot makes of the state: written and read back; the log stays.
    pub fn restored(self) -> Shard {
        let mut pieces = Vec::new();
        self.state.write_snapshot(&mut |piece| pieces.push(piece.to_vec()));
        let state = State::read_snapshot(pieces.into_iter()).expect("a snapshot just written can be read");
        Shard { state, ..self }
    }

    fn keep(&mut self, record: Record) -> &Record {
        self.check(&record);
        self.remember(&record);
        match &record.content {
            Content::Genesis(genesis) => clearing::begin(&mut self.state, genesis),
            Content::Decided { inbound, .. } => {
                self.fold(record.sequence, inbound.at, &inbound.actor, record.events());
            }
        }
        self.log.records.push(record);
        self.log.records.last().expect("it was just pushed")
    }

    fn fold(&mut self, sequence: u64, at: Timestamp, actor: &Identifier, events: &[model::event::Event]) {
        clearing::apply(&mut self.state, sequence, at, actor, events);
    }

    /// The ids that lead to this record from now on; the state must not know the record yet.
    fn remember(&mut self, record: &Record) {
        for key in clearing::ids(&self.state, record) {
            self.log.ids.insert(key, record.sequence);
        }
    }

    /// What must hold of every record before it is written.
    fn check(&mut self, record: &Record) {
        let postings: Vec<_> = record.events().iter().flat_map(|event| event.postings()).copied().collect();
        if let Err(imbalance) = check_balanced(&postings) {
            panic!("ownership and location part in record {}: {imbalance:?}\n{record:#?}", record.sequence);
        }
        self.buffer.clear();
        wire::record::encode(record, None, &mut self.buffer);
        let read = wire::record::decode(&self.buffer).expect("a record written can be read");
        assert_eq!(&read, record, "a record reads back as it was written");
    }
}

/// Bytes from a source as a command: the trade they are, or, when they make no sense, their quarantine.
pub fn admitted(bytes: &[u8], origin: Origin, at: Timestamp) -> Inbound {
    let (command, actor) = match wire::trade::decode(bytes) {
        Ok(trade) => {
            let actor = trade.source.clone();
            (Command::Trade(Box::new(trade)), actor)
        }
        Err(error) => {
            let actor = Identifier::parse("intake").expect("a name");
            (Command::Quarantine(Box::new(wire::command::unreadable(bytes, error))), actor)
        }
    };
    Inbound { command, origin, actor, reason: String::new(), at }
}
