//! Engine and consumer in this process, as the composition root puts them together.

use crate::Rig;
use engine::{Answer, Engine, Options, Pace, Request};
use kafka::{Consumer, Halt, Source, State};
use model::command::Inbound;
use model::identifier::Identifier;
use model::record::{Genesis, Outcome};
use std::path::Path;
use std::time::{Duration, Instant};
use store::Log;
use testkit::flow::{Flow, Item, Shape, Step};

/// A running service on a directory.
pub struct Service {
    pub engine: Engine,
    pub consumer: Consumer,
}

/// How the engine is run here: time comes with the commands, and long work is done at once, so that the same input gives the same
/// records whatever the timing.
pub fn options(dir: &Path, genesis: Genesis) -> Options {
    Options { timer: false, pace: Pace::DRAIN, snapshot_every: 20_000, ..Options::new(dir, genesis) }
}

pub fn name(text: &str) -> Identifier {
    Identifier::parse(text).expect("a name")
}

/// A flow of nothing but messages after its opening, small in members and securities so that its log is made quickly.
pub fn flow(seed: u64, messages: u64) -> Flow {
    Flow::new(seed, Shape { members: 24, instruments: 40, ..Shape::bench(messages) })
}

/// Makes the log of a flow: reference data, and the commands of the week before its first message. Returns the rest of the week.
pub fn prepare(dir: &Path, flow: &Flow) -> impl Iterator<Item = Item> + use<> {
    let engine = Engine::start(options(dir, flow.genesis()).creating()).expect("a new log");
    load_reference(&engine, flow);
    let mut week = flow.week().peekable();
    while let Some(Item { step: Step::Command(inbound), .. }) =
        week.next_if(|item| matches!(item.step, Step::Command(_)))
    {
        let answer = submit(&engine, inbound);
        assert!(matches!(answer.outcome, Outcome::Accepted(_)), "{answer:?}");
    }
    engine.stop().expect("stops in order");
    week
}

/// Submits what a flow stands on, many commands at a time.
pub fn load_reference(engine: &Engine, flow: &Flow) {
    let handle = engine.handle();
    let send = |inbound| handle.send_blocking(request(inbound)).expect("the engine takes it");
    let pending: Vec<_> = flow.reference().into_iter().map(send).collect();
    for each in pending {
        let answer = each.wait().expect("the engine answers");
        assert!(matches!(answer.outcome, Outcome::Accepted(_)), "{answer:?}");
    }
}

fn request(inbound: Inbound) -> Request {
    let Inbound { command, origin, actor, reason, at } = inbound;
    Request { command, origin, actor, reason, at: Some(at), raw_trade: None }
}

/// Submits a command and waits for its record.
pub fn submit(engine: &Engine, inbound: Inbound) -> Answer {
    engine.handle().submit_blocking(request(inbound)).expect("the engine answers")
}

/// Opens a log that is there.
pub fn open(dir: &Path) -> Engine {
    // The genesis is for a new log only.
    Engine::start(options(dir, flow(0, 1).genesis())).expect("the log opens")
}

impl Service {
    /// Opens the directory and consumes a topic from where its log ends.
    pub fn start(rig: &Rig, dir: &Path, topic: &str) -> Service {
        Service::with(rig, open(dir), topic)
    }

    /// Consumes a topic into an engine.
    pub fn with(rig: &Rig, engine: Engine, topic: &str) -> Service {
        let topic = name(topic);
        let cursor = engine::cursor(&engine.log(), &topic, 0).expect("the cursor is readable");
        Service::from(engine, Source::new(rig.broker.brokers(), topic, cursor))
    }

    /// Consumes a source as it is described.
    pub fn from(engine: Engine, source: Source) -> Service {
        let consumer = Consumer::start(source, engine.handle().intake()).expect("the settings are right");
        Service { engine, consumer }
    }

    /// Waits until everything before an offset is on disk.
    pub fn wait_durable(&self, topic: &str, next: u64, within: Duration) {
        let log = self.engine.log();
        until(&format!("offset {next} of {topic} is durable"), within, || durable(&log, topic) >= next, &|| {
            self.describe()
        });
    }

    /// Waits for the consumer to read.
    pub fn wait_running(&self, within: Duration) {
        until("the consumer reads", within, || self.consumer.state() == State::Running, &|| self.describe());
    }

    /// Waits until it waits, and says for what.
    pub fn wait_waiting(&self, text: &str, within: Duration) {
        let waits = || matches!(self.consumer.state(), State::Waiting(why) if why.contains(text));
        until(&format!("the consumer waits: {text}"), within, waits, &|| self.describe());
    }

    /// Waits until it is halted, and says why.
    pub fn wait_halted(&self, within: Duration) -> Halt {
        let halted = || matches!(self.consumer.state(), State::Halted(_));
        until("the consumer is halted", within, halted, &|| self.describe());
        let State::Halted(halt) = self.consumer.state() else { unreachable!("it stays so") };
        halt
    }

    /// Stops both in order; the engine is still there to be looked at.
    pub fn stop_consumer(self) -> Engine {
        self.consumer.stop();
        self.engine
    }

    fn describe(&self) -> String {
        format!("{:?}, progress {:?}", self.consumer.state(), self.consumer.progress())
    }
}

/// The first offset of a topic that is not on disk.
pub fn durable(log: &Log, topic: &str) -> u64 {
    engine::cursor(log, &name(topic), 0).expect("the cursor is readable").map_or(0, |cursor| cursor.next_offset)
}

/// Waits for something to become true; the longest times are for a machine that is busy with other things.
pub fn until(what: &str, within: Duration, mut holds: impl FnMut() -> bool, describe: &dyn Fn() -> String) {
    let deadline = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {} s: {what}; {}", within.as_secs(), describe());
        std::thread::sleep(Duration::from_millis(2));
    }
}
