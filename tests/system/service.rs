//! Engine and consumer in this process, as the composition root puts them together.

use crate::Rig;
pub use crate::prepared::{copy, flow, load_reference, options, prepare, submit, until};
use engine::Engine;
use kafka::{Consumer, Halt, Source, State};
use model::identifier::Identifier;
use std::path::Path;
use std::time::Duration;
use store::Log;

/// A running service on a directory.
pub struct Service {
    pub engine: Engine,
    pub consumer: Consumer,
}

pub fn name(text: &str) -> Identifier {
    Identifier::parse(text).expect("a name")
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
