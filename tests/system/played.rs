//! A week of the generator that has been played, its log yet to be filled, and a compacted topic for what is told of it.

use crate::Rig;
use kafka::{Topic, TopicPlan};
use projections::{Projections, Runner, RunnerOptions};
use std::sync::Arc;
use store::{BlockBuilder, Log, Views};
use testkit::flow::{Flow, Shape, play};
use testkit::memory::Shard;

pub struct Played {
    pub topic: String,
    pub flow: Flow,
    pub records: Vec<Vec<u8>>,
    pub dir: tempfile::TempDir,
    pub log: Arc<Log>,
}

impl Played {
    pub fn new(rig: &Rig, what: &str) -> Played {
        rig.broker.start();
        let topic = rig.broker.topic_name(what);
        let plan = TopicPlan { topics: vec![Topic::compacted(&topic)] };
        assert!(kafka::topics::apply(&rig.broker.brokers(), &plan).expect("a topic is made")[0].is_right());

        let flow = Flow::new(rig.seed, Shape { trades: 2_000, ..Shape::demo() });
        let mut shard = Shard::new(flow.genesis());
        assert!(play(&flow, &mut shard).is_empty(), "the week goes as the generator foretold");
        let records: Vec<Vec<u8>> = shard.bytes().collect();

        let dir = tempfile::tempdir().expect("a directory");
        let log = Arc::new(Log::create(&dir.path().join("log"), &store::Options::default()).expect("a log"));
        Played { topic, flow, records, dir, log }
    }

    /// The views of the log, followed as long as the runner lives.
    pub fn views(&self) -> (Projections, Runner) {
        let rows = Views::open(&self.dir.path().join("views"), &store::Options::default()).expect("a database");
        let (views, folder) = Projections::open(Arc::new(rows)).expect("the views open");
        let runner = Runner::start(self.log.clone(), folder, RunnerOptions::default()).expect("the views start");
        (views, runner)
    }
}

/// Commits in blocks of a few, as a busy shard would.
pub fn commit(log: &Log, records: &[Vec<u8>]) {
    for block in records.chunks(50) {
        let mut builder = BlockBuilder::after(log.head());
        block.iter().for_each(|bytes| _ = builder.push(bytes));
        log.commit(&builder.finish(), &[], &[]).expect("commits");
    }
}
