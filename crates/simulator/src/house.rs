//! The house under test: the real shard, store and views, on one thread, with the topics they read and the people who
//! call; and the bookkeeper beside it, who is told of every record.

mod faults;
mod rest;
mod topic;

use crate::books::{Answer, Books};
use crate::compare::{self, Difference};
use crate::input::{Input, PARTITIONS, Step};
use crate::known_words;
use crate::tally::Tally;
use crate::world;
use engine::{Clock, Intake, Options, Pace, Pending, Request, Stepped};
use model::command::{Command, Inbound, Origin};
use model::identifier::Identifier;
use model::record::{Content, Outcome, Record};
use model::timestamp::Timestamp;
use projections::{Projections, RunnerOptions};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use store::{Head, Log, Views};
use tempfile::TempDir;
use testkit::flow::Random;
use topic::Topic;

/// What runs, and dies with a crash.
struct Machine {
    engine: Stepped,
    intakes: Vec<Intake>,
    views: Projections,
    follower: projections::Stepped<Arc<Log>>,
}

/// A call without an answer.
struct Call {
    id: Identifier,
    command: Rc<Command>,
    pending: Pending,
}

/// The house, its surroundings, and what it should be.
pub struct House {
    dir: TempDir,
    options: Options,
    clock: Arc<AtomicI64>,
    machine: Option<Machine>,
    topics: [Topic; 3],
    calls: Vec<Call>,
    /// Calls that were decided, and whose answer is not known to whoever made them.
    asked: BTreeMap<Identifier, Rc<Command>>,
    books: Books,
    /// The books as they were at a record that is on disk and acknowledged: what a restart is checked from.
    base: (u64, Books),
    records: Vec<Record>,
    /// The last block that was written, told of or not.
    on_disk: Head,
    /// The last record of which somebody was told.
    told: u64,
    pub tally: Tally,
}

impl House {
    /// An empty house; the seed says how its engine is set.
    pub fn new(seed: u64) -> House {
        let memory = std::path::Path::new("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let dir = dir.expect("a temporary directory");
        let mut random = Random::new(seed ^ 0x5eed);
        let clock = Arc::new(AtomicI64::new(world::start().micros()));
        let reading = clock.clone();
        let now = move || Timestamp::from_micros(reading.load(Ordering::Relaxed)).expect("within the century");
        let pace = *random.pick(&[
            Pace::DRAIN,
            Pace::default(),
            Pace { retries: 1, steps: 1, when_idle: true },
            Pace { retries: 0, steps: 0, when_idle: true },
        ]);
        let genesis = world::genesis();
        let options = Options {
            create: true,
            snapshot_every: 0,
            block_records: random.between(1, 40) as usize,
            pace,
            clock: Clock::from_fn(now),
            store: store_options(),
            ..Options::new(dir.path().join("log"), genesis.clone())
        };
        let books = Books::new(&genesis);
        let record =
            Record { sequence: 1, rules_version: model::record::RULES_VERSION, content: Content::Genesis(genesis) };
        let mut house = House {
            dir,
            options,
            clock,
            machine: None,
            topics: PARTITIONS.map(|(name, partition)| Topic::new(name, partition)),
            calls: Vec::new(),
            asked: BTreeMap::new(),
            base: (1, books.clone()),
            books,
            records: vec![record],
            on_disk: Head::EMPTY,
            told: 1,
            tally: Tally { runs: 1, ..Tally::default() },
        };
        house.machine = Some(house.boot());
        house.options.create = false;
        house.on_disk = house.machine().engine.log().head();
        house
    }

    pub fn books(&self) -> &Books {
        &self.books
    }

    fn machine(&mut self) -> &mut Machine {
        self.machine.as_mut().expect("it runs")
    }

    fn boot(&self) -> Machine {
        let engine = Stepped::start(&self.options).unwrap_or_else(|error| panic!("the engine does not start: {error}"));
        let handle = engine.handle();
        let intakes = PARTITIONS.iter().map(|_| handle.intake()).collect();
        let (views, follower) = self.open_views(engine.log());
        Machine { engine, intakes, views, follower }
    }

    fn open_views(&self, log: Arc<Log>) -> (Projections, projections::Stepped<Arc<Log>>) {
        let rows = Views::open(&self.dir.path().join("views"), &self.options.store).expect("the views open");
        let (views, folder) = Projections::open(Arc::new(rows)).expect("the views load");
        let options = RunnerOptions { idle: Duration::MAX, save_every: 200, ..RunnerOptions::default() };
        let follower = projections::Stepped::start(log, folder, options).expect("the views follow");
        (views, follower)
    }

    /// Lets something happen, and the machine go on for a while.
    pub fn step(&mut self, step: &Step) -> Result<(), Difference> {
        self.tally.steps += 1;
        let mut random = Random::new(step.chance);
        match &step.input {
            Input::Clock(at) => {
                let before = self.clock.swap(at.micros(), Ordering::Relaxed);
                let passed = u64::try_from(at.micros() - before).unwrap_or(0);
                self.tally.simulated += Duration::from_micros(passed);
                if passed == 0 && at.micros() < before {
                    self.tally.fault("clock set back");
                } else if passed > 12 * 3_600_000_000 {
                    self.tally.fault("clock jump");
                }
            }
            Input::Call { id, command, actor, reason } => self.call(id, command, actor, reason),
            Input::Message { partition, bytes, means } => {
                let at = self.now();
                if means.is_none() {
                    self.tally.fault("poison");
                }
                self.topics[*partition].put(bytes.clone(), means.clone(), at, &mut random);
            }
            Input::Fault(fault) => self.fault(*fault, &mut random)?,
        }
        self.go_on(&mut random)?;
        if random.chance(400) {
            self.settle()?;
        }
        Ok(())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.load(Ordering::Relaxed)).expect("within the century")
    }

    fn call(&mut self, id: &Identifier, command: &Rc<Command>, actor: &Identifier, reason: &str) {
        let origin = Origin::Call { request_id: id.clone() };
        let (command, actor, reason) = (command.clone(), actor.clone(), reason.to_owned());
        let request = Request { command: (*command).clone(), origin, actor, reason, at: None, raw_trade: None };
        let pending = self.machine().engine.handle().send_blocking(request).expect("the engine takes calls");
        self.calls.push(Call { id: id.clone(), command, pending });
    }

    /// Some of each stage's work, as chance has it: the disk is slow or fast, the source is ahead or behind.
    fn go_on(&mut self, random: &mut Random) -> Result<(), Difference> {
        for partition in 0..PARTITIONS.len() {
            if random.chance(7_000) {
                let most = random.between(1, 9) as usize;
                self.feed(partition, most, random);
            }
        }
        for _ in 0..random.below(5) {
            if !self.turn()? {
                break;
            }
        }
        if random.chance(6_000) {
            self.write();
        }
        if random.chance(7_000) {
            self.tell()?;
        }
        if random.chance(2_000) {
            self.follow()?;
        }
        if random.chance(200) {
            self.machine().follower.save().map_err(|error| format!("the views cannot be saved: {error}"))?;
        }
        Ok(())
    }

    /// Hands messages to the engine; sometimes with some that it had before, as a consumer does that began too early.
    fn feed(&mut self, partition: usize, most: usize, random: &mut Random) {
        let again = if random.chance(200) { random.below(4) as usize } else { 0 };
        let topic = &mut self.topics[partition];
        if again > 0 && topic.fed > 0 {
            self.tally.fault("messages delivered again");
            topic.fed -= again.min(topic.fed);
        }
        let batch = topic.next(most);
        let now = self.now();
        let Machine { engine, intakes, .. } = self.machine.as_mut().expect("it runs");
        if let Some(batch) = batch {
            intakes[partition].send(batch).expect("the engine takes messages");
        }
        if self.topics[partition].is_fed() {
            intakes[partition].consumed_through(now).expect("the engine takes messages");
        }
        engine.decode();
    }

    /// One turn of the middle stage, and the bookkeeper's word on what was decided in it.
    fn turn(&mut self) -> Result<bool, Difference> {
        let went = self.machine().engine.turn();
        self.observe()?;
        Ok(went)
    }

    fn observe(&mut self) -> Result<(), Difference> {
        let machine = self.machine.as_ref().expect("it runs");
        let top = machine.engine.state().sequence();
        let first = self.records.len() as u64 + 1;
        let fresh: Vec<Record> = (first..=top)
            .map(|sequence| machine.engine.record(sequence).ok_or(format!("record {sequence} cannot be read back")))
            .collect::<Result<_, _>>()?;
        for record in fresh {
            self.take(record)?;
        }
        if top >= first {
            self.tally.compared += 1;
            let machine = self.machine.as_ref().expect("it runs");
            let last = self.records.last().expect("it was just taken");
            compare::state(&self.books, machine.engine.state())
                .map_err(|difference| format!("after record {top}: {difference}; it was {last:?}"))?;
        }
        Ok(())
    }

    /// A record that was just decided: whether it is of what came in, and what the bookkeeper says of it.
    fn take(&mut self, record: Record) -> Result<(), Difference> {
        let sequence = record.sequence;
        let Content::Decided { inbound, outcome } = &record.content else {
            return Err(format!("record {sequence} is a second genesis"));
        };
        let before = self.records.last().map(Record::at).expect("a log begins with its genesis");
        if inbound.at < before {
            return Err(format!("record {sequence} is stamped {} and the one before it {before}", inbound.at));
        }
        self.check_origin(sequence, inbound)?;
        let postings: Vec<_> = record.events().iter().flat_map(|event| event.postings()).copied().collect();
        if let Err(parted) = model::ledger::check_balanced(&postings) {
            return Err(format!("record {sequence}: ownership and location part: {parted:?}"));
        }
        *self.tally.commands.entry(inbound.command.name()).or_default() += 1;
        let expected = self.books.take(sequence, inbound);
        let found = match outcome {
            Outcome::Accepted(_) => Answer::Accepted,
            Outcome::Duplicate { of } => Answer::Duplicate(*of),
            Outcome::Rejected(rejection) => Answer::Rejected(rejection.reason),
        };
        if found != expected {
            let command = &inbound.command;
            return Err(format!(
                "record {sequence}: the house says {found:?}, the bookkeeper {expected:?}: {command:?}"
            ));
        }
        let machine = self.machine.as_ref().expect("it runs");
        compare::record(&self.books, machine.engine.state(), &record)?;
        self.count(&record, &found);
        self.records.push(record);
        Ok(())
    }

    fn count(&mut self, record: &Record, answer: &Answer) {
        self.tally.records += 1;
        match answer {
            Answer::Accepted => self.tally.accepted += 1,
            Answer::Duplicate(_) => self.tally.duplicates += 1,
            Answer::Rejected(reason) => {
                self.tally.rejected += 1;
                *self.tally.refusals.entry(reason.code()).or_default() += 1;
            }
        }
        if let (Content::Decided { inbound, .. }, Answer::Accepted) = (&record.content, answer) {
            *self.tally.taken.entry(known_words::command(&inbound.command)).or_default() += 1;
        }
        for event in record.events() {
            *self.tally.events.entry(known_words::event(event)).or_default() += 1;
            match event {
                model::event::Event::InstructionsSettled { .. } => self.tally.settled += 1,
                model::event::Event::InstructionConfirmed { .. } => self.tally.confirmed += 1,
                model::event::Event::BreakOpened { .. } => self.tally.breaks += 1,
                _ => {}
            }
        }
    }

    fn check_origin(&mut self, sequence: u64, inbound: &Inbound) -> Result<(), Difference> {
        match &inbound.origin {
            Origin::Kafka { topic, partition, offset } => {
                let found = self.topics.iter_mut().find(|each| each.is(topic, *partition));
                let topic = found.ok_or_else(|| format!("record {sequence} is of a partition that nobody reads"))?;
                topic.check(*offset, inbound).map_err(|difference| format!("record {sequence}: {difference}"))
            }
            Origin::Call { request_id } => {
                let call = self.calls.iter().find(|call| call.id == *request_id && *call.command == inbound.command);
                match call {
                    Some(call) => {
                        self.asked.insert(request_id.clone(), call.command.clone());
                        Ok(())
                    }
                    None => Err(format!("record {sequence} answers a call {request_id} that nobody made")),
                }
            }
            Origin::Engine => match &inbound.command {
                Command::Continue(_) => Ok(()),
                Command::Day(_) if inbound.actor.as_str() == "timer" => Ok(()),
                other => Err(format!("record {sequence}: the engine asks itself {other:?}")),
            },
            Origin::File { .. } => Err(format!("record {sequence} comes from a file")),
        }
    }

    /// Writes the oldest block that was cut.
    fn write(&mut self) -> bool {
        let written = self.machine().engine.write();
        if written {
            self.on_disk = self.machine().engine.log().head();
        }
        written
    }

    /// Tells of the oldest block on disk, and looks who has an answer now.
    fn tell(&mut self) -> Result<bool, Difference> {
        if !self.machine().engine.tell() {
            return Ok(false);
        }
        self.told = self.machine().engine.handle().head().borrow().sequence;
        let mut open = Vec::new();
        for mut call in std::mem::take(&mut self.calls) {
            match call.pending.try_answer() {
                None => open.push(call),
                // It was on its way when the process died twice: nobody tries it a third time.
                Some(Err(engine::SubmitError::Crashed { .. })) => self.tally.fault("call refused after two crashes"),
                Some(Err(error)) => return Err(format!("the call {} got no answer: {error}", call.id)),
                Some(Ok(answer)) => {
                    let record = &self.records[answer.sequence as usize - 1];
                    let Content::Decided { inbound, outcome } = &record.content else { unreachable!("the genesis") };
                    if inbound.command != *call.command || *outcome != answer.outcome || answer.sequence > self.told {
                        return Err(format!("the call {} was answered with record {}", call.id, answer.sequence));
                    }
                }
            }
        }
        self.calls = open;
        let sequence = self.records.len() as u64;
        if self.told == sequence && sequence >= self.base.0 + 64 {
            self.base = (sequence, self.books.clone());
        }
        Ok(true)
    }

    fn follow(&mut self) -> Result<(), Difference> {
        self.machine().follower.catch_up().map_err(|error| format!("the views cannot follow: {error}"))
    }
}

/// Small: opened and closed dozens of times.
fn store_options() -> store::Options {
    let memory = store::Memory::new(4 << 20, 8 << 20);
    store::Options { memory, ids_in_memory: 2_000, id_filter_bytes: 1 << 14, ..store::Options::default() }
}
