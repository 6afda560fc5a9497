//! A shard with its records topic in this process, as the composition root puts it together: it follows, then leads, then consumes.

use crate::Rig;
use crate::service::{flow, name, options, until};
use engine::{Engine, Intake, Options};
use kafka::records::{Rule, Seen, scan};
use kafka::{Brokers, Consumer, Records, RecordsHalt, RecordsOptions, RecordsState, Source, Topic};
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::{Block, Log, WitnessCheck};

/// The topics of a shard.
#[derive(Clone)]
pub struct Topics {
    pub trades: String,
    pub records: String,
}

impl Topics {
    /// New ones on the running broker.
    pub fn new(rig: &Rig, what: &str) -> Topics {
        let trades = rig.broker.new_topic(what);
        let records = format!("{trades}.records");
        rig.broker.make(Topic::records(&records));
        Topics { trades, records }
    }
}

/// A running node.
pub struct Node {
    pub engine: Engine,
    pub records: Records,
    /// Trades are consumed once it leads.
    pub consumer: Option<Consumer>,
    intake: Option<Intake>,
    brokers: Brokers,
    topics: Topics,
}

/// The options of a node's engine: a directory that is not there is filled from the topic.
pub fn engine_options(dir: &Path) -> Options {
    let create = !dir.exists();
    let options = options(dir, flow(0, 1).genesis());
    let store = store::Options { witness_check: WitnessCheck::CatchUp, ..options.store };
    Options { follow: true, create, store, ..options }
}

/// Where a node notes how far it read the topic.
pub fn place(dir: &Path) -> PathBuf {
    let mut path = dir.as_os_str().to_owned();
    path.push(".place");
    path.into()
}

/// The records topic of a shard, as a node uses it.
pub fn records_options(brokers: &Brokers, topics: &Topics, dir: &Path) -> RecordsOptions {
    RecordsOptions { topic: topics.records.clone(), ..RecordsOptions::new(brokers.clone(), place(dir)) }
}

impl Node {
    pub fn start(brokers: &Brokers, dir: &Path, topics: &Topics, reader: bool) -> Result<Node, engine::Error> {
        let engine = Engine::start(engine_options(dir))?;
        let intake = Some(engine.handle().intake());
        let options = RecordsOptions { reader, ..records_options(brokers, topics, dir) };
        let records = Records::start(engine.replica(), options).expect("the settings are right");
        let (brokers, topics) = (brokers.clone(), topics.clone());
        Ok(Node { engine, records, consumer: None, intake, brokers, topics })
    }

    /// One that leads, and consumes.
    pub fn leading(rig: &Rig, dir: &Path, topics: &Topics) -> Node {
        let mut node = Node::start(&rig.broker.brokers(), dir, topics, false).expect("the log opens");
        node.wait_leading(Duration::from_secs(60));
        node
    }

    /// Begins to consume when it leads; whether it does.
    pub fn consume_if_leading(&mut self) -> bool {
        if self.consumer.is_none() && matches!(self.records.state(), RecordsState::Leading(_)) {
            let topic = name(&self.topics.trades);
            let cursor = engine::cursor(&self.engine.log(), &topic, 0).expect("the cursor is readable");
            let source = Source::new(self.brokers.clone(), topic, cursor);
            let intake = self.intake.take().expect("not used before");
            self.consumer = Some(Consumer::start(source, intake).expect("the settings are right"));
        }
        self.consumer.is_some()
    }

    pub fn wait_leading(&mut self, within: Duration) {
        let described = std::cell::RefCell::new(String::new());
        until(
            "the node leads",
            within,
            || {
                let leads = self.consume_if_leading();
                if !leads {
                    *described.borrow_mut() = format!("{:?}", self.records.state());
                }
                leads
            },
            &|| described.borrow().clone(),
        );
    }

    /// Waits until every message before an offset is on disk.
    pub fn wait_durable(&self, next: u64, within: Duration) {
        let log = self.engine.log();
        let durable = || crate::service::durable(&log, &self.topics.trades);
        until(&format!("offset {next} is durable"), within, || durable() >= next, &|| self.describe());
    }

    /// Waits until all that is in its log is in the topic.
    pub fn wait_published(&self, within: Duration) {
        let log = self.engine.log();
        let all = || self.records.counts().published >= log.head().sequence;
        until("everything is published", within, all, &|| self.describe());
    }

    /// Waits until it has what another one has.
    pub fn wait_head(&self, sequence: u64, within: Duration) {
        let log = self.engine.log();
        until(&format!("record {sequence} came"), within, || log.head().sequence >= sequence, &|| self.describe());
    }

    pub fn wait_halted(&self, within: Duration) -> RecordsHalt {
        let halted = || matches!(self.records.state(), RecordsState::Halted(_));
        until("the node is halted", within, halted, &|| self.describe());
        let RecordsState::Halted(halt) = self.records.state() else { unreachable!("it stays so") };
        halt
    }

    pub fn describe(&self) -> String {
        let consumer = self.consumer.as_ref().map(Consumer::state);
        let status = self.engine.handle().status();
        format!(
            "{:?} {:?} {consumer:?} record {} {:?}",
            self.records.state(),
            self.records.counts(),
            status.sequence,
            status.failed
        )
    }

    /// Stops in order; what is not published stays so.
    pub fn stop(self) {
        let Node { engine, records, consumer, intake, .. } = self;
        drop((consumer, intake));
        records.stop();
        engine.stop().expect("stops in order");
    }
}

/// What a follower reads of the records topic: every accepted block with its generation, and what does not count.
pub struct Published {
    pub rule: Rule,
    pub blocks: Vec<(u64, Block, Vec<u8>)>,
    pub fences: Vec<(u64, String)>,
    pub dropped: usize,
}

pub fn published(rig: &Rig, topics: &Topics) -> Published {
    let (mut blocks, mut fences, mut dropped) = (Vec::new(), Vec::new(), 0);
    let rule = scan(&rig.broker.brokers(), &topics.records, 0, |seen| match seen {
        Seen::Accepted { generation, block, stored, .. } => blocks.push((generation, block, stored)),
        Seen::Fence { offset, instance } => fences.push((offset, instance)),
        Seen::Dropped { .. } => dropped += 1,
    });
    Published { rule: rule.expect("the topic keeps its rule"), blocks, fences, dropped }
}

/// Topic and store hold the same blocks to the byte.
pub fn same_to_the_byte(topic: &Published, log: &Log) {
    assert_eq!(topic.rule.last, log.head(), "topic and log end alike");
    for (_, block, stored) in &topic.blocks {
        let ours = log.stored_block(block.first()).expect("reads");
        assert_eq!(ours.as_ref(), Some(stored), "block {}", block.first());
    }
}
