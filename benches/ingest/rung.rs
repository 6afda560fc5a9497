//! One run of `ingest`: how much of the service follows the engine, and what came of it.

use crate::house;
use anyhow::{Context, Result, ensure};
use engine::{Engine, Intake, Options};
use kafka::{
    Brokers, Consumer, Records, RecordsOptions, RecordsState, Source, StatusOptions, StatusPublisher, Topic, TopicPlan,
    topics,
};
use model::identifier::Identifier;
use projections::{Bound, Projections, Runner, RunnerOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Log;
use testkit::flow::Flow;

/// How far the source lets the views fall behind: what the service's configuration says when nothing else is said.
pub const VIEWS_BEHIND: u64 = 100_000;

/// The longest wait for whatever follows.
const LONG: Duration = Duration::from_secs(120);

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    Engine,
    Views,
    /// Views, and the records out to a topic and read back.
    Published,
    /// And the front office's answers: everything that a service with Kafka does beside calls. There is no external domain in
    /// the load, so agents have nothing to be told.
    All,
}

/// How far a follower was when the last message was durable, and when it had caught up.
pub struct Behind {
    pub records: u64,
    pub seconds: f64,
}

/// What was measured.
pub struct Run {
    pub rate: f64,
    pub seconds: f64,
    pub cpu_us: f64,
    pub settled: u64,
    pub commits: f64,
    pub disk: f64,
    pub raw_rate: f64,
    pub stored_rate: f64,
    pub views: Option<Behind>,
    pub topic: Option<Behind>,
    pub answers: Option<Behind>,
    /// CPU seconds by thread.
    pub threads: Vec<(String, f64)>,
}

impl Rung {
    pub const ALL: [Rung; 4] = [Rung::Engine, Rung::Views, Rung::Published, Rung::All];

    pub fn name(self) -> &'static str {
        match self {
            Rung::Engine => "rung 1: engine",
            Rung::Views => "rung 2: engine and views",
            Rung::Published => "rung 3: engine, views and publisher",
            Rung::All => "rung 4: engine, all views, publisher and trade status",
        }
    }

    /// Reads the topic into a new log until the last message is durable, and verifies the log.
    pub fn run(self, brokers: &Brokers, flow: &Flow, messages: u64, round: u32) -> Result<Run> {
        let dir = tempfile::tempdir()?;
        let log_dir = dir.path().join("log");
        let mut engine = house::create(&log_dir, flow)?;
        let records = if matches!(self, Rung::Published | Rung::All) {
            engine.stop()?;
            engine = Engine::start(Options { timer: false, follow: true, ..Options::new(&log_dir, flow.genesis()) })?;
            Some(publish(self, &engine, brokers, &dir.path().join("place"), round)?)
        } else {
            None
        };
        let views = if self == Rung::Engine { None } else { Some(follow(&engine, &dir.path().join("views"))?) };
        let log = engine.log();
        let statuses = match self {
            Rung::All => Some(answer(&engine, brokers, &dir.path().join("status"), round)?),
            _ => None,
        };
        let setup = log.head().sequence;
        let (cpu, before, start) = (house::process_cpu(), house::threads_cpu(), Instant::now());
        let source = Source::new(brokers.clone(), Identifier::parse(topics::TRADES)?, None);
        let consumer = Consumer::start(source, intake(&engine, views.as_ref()))?;
        wait_durable(&log, messages)?;
        let seconds = start.elapsed().as_secs_f64();
        let cpu_us = (house::process_cpu() - cpu).as_secs_f64() * 1e6 / messages as f64;
        let threads = house::threads_cpu().into_iter();
        let threads = threads.map(|(name, now)| (now - before.get(&name).copied().unwrap_or(0.0), name));
        let threads = threads.map(|(seconds, name)| (name, seconds)).collect();
        let head = log.head().sequence;
        let published = records.as_ref().map(|records| records.counts().published);
        let views_behind = views.as_ref().map(|views| views_at(views, head)).transpose()?;
        let topic_behind = records.as_ref().map(|records| published_at(records, published, head)).transpose()?;
        let answers_behind = statuses.as_ref().map(|statuses| answered_at(statuses, head)).transpose()?;
        consumer.stop();
        if let Some(statuses) = statuses {
            statuses.stop()?;
        }
        if let Some((_, runner)) = views {
            runner.stop()?;
        }
        drop((records, log));
        engine.stop()?;
        let found = weigh(&log_dir, messages, setup)?;
        Ok(Run {
            rate: messages as f64 / seconds,
            seconds,
            cpu_us,
            settled: found.settled,
            commits: found.blocks as f64 / seconds,
            disk: found.disk,
            raw_rate: found.raw as f64 / seconds,
            stored_rate: found.stored as f64 / seconds,
            views: views_behind,
            topic: topic_behind,
            answers: answers_behind,
            threads,
        })
    }
}

fn wait_durable(log: &Log, messages: u64) -> Result<()> {
    let (topic, start) = (Identifier::parse(topics::TRADES)?, Instant::now());
    loop {
        let sequence = log.head().sequence;
        let next = engine::cursor(log, &topic, 0)?.map_or(0, |cursor| cursor.next_offset);
        if next >= messages {
            return Ok(());
        }
        ensure!(start.elapsed() < Duration::from_secs(600), "only {next} of {messages} after ten minutes");
        let _ = log.wait_past(sequence, Duration::from_millis(100));
    }
}

type Views = (Projections, Runner);

fn follow(engine: &Engine, dir: &Path) -> Result<Views> {
    let rows = store::Views::open(dir, &store::Options::default())?;
    let (projections, folder) = Projections::open(Arc::new(rows))?;
    let runner = Runner::start(engine.log(), folder, RunnerOptions::default())?;
    Ok((projections, runner))
}

/// The engine's intake, held while the views are too far behind.
fn intake(engine: &Engine, views: Option<&Views>) -> Intake {
    let intake = engine.handle().intake();
    let Some((projections, _)) = views else { return intake };
    let (bound, head) = (Bound::new(projections.clone(), VIEWS_BEHIND), engine.handle().head());
    intake.held_while(move || bound.is_exceeded(head.borrow().sequence))
}

/// The publisher on a topic of its own, once it leads.
fn publish(rung: Rung, engine: &Engine, brokers: &Brokers, place: &Path, round: u32) -> Result<Records> {
    let topic = format!("{}.{}.round-{round}", topics::RECORDS, if rung == Rung::All { "all" } else { "published" });
    topics::apply(brokers, &TopicPlan { topics: vec![Topic::records(&topic)] })?;
    let options = RecordsOptions { topic, ..RecordsOptions::new(brokers.clone(), place.to_path_buf()) };
    let records = Records::start(engine.replica(), options)?;
    let start = Instant::now();
    while !matches!(records.state(), RecordsState::Leading(_)) {
        ensure!(start.elapsed() < LONG, "the publisher does not lead: {:?}", records.state());
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(records)
}

fn views_at((projections, runner): &Views, head: u64) -> Result<Behind> {
    let folded = projections.standing().iter().map(|view| view.sequence).min().unwrap_or(0);
    let start = Instant::now();
    runner.save_up_to(head, LONG)?;
    Ok(Behind { records: head.saturating_sub(folded), seconds: start.elapsed().as_secs_f64() })
}

fn published_at(records: &Records, published: Option<u64>, head: u64) -> Result<Behind> {
    let start = Instant::now();
    while records.counts().published < head {
        ensure!(start.elapsed() < LONG, "{:?} of {head} records are published", records.counts());
        std::thread::sleep(Duration::from_millis(1));
    }
    let records = head.saturating_sub(published.unwrap_or(0));
    Ok(Behind { records, seconds: start.elapsed().as_secs_f64() })
}

/// The publisher of trade statuses, on a topic of its own.
fn answer(engine: &Engine, brokers: &Brokers, dir: &Path, round: u32) -> Result<StatusPublisher> {
    let topic = format!("{}.round-{round}", topics::TRADE_STATUS);
    topics::apply(brokers, &TopicPlan { topics: vec![Topic::compacted(&topic)] })?;
    let options = StatusOptions { topic, ..StatusOptions::new(brokers.clone(), dir.to_path_buf()) };
    Ok(StatusPublisher::start(engine.log(), options)?)
}

fn answered_at(statuses: &StatusPublisher, head: u64) -> Result<Behind> {
    let (told, start) = (statuses.told(), Instant::now());
    while statuses.told() < head {
        ensure!(start.elapsed() < LONG, "statuses of {} of {head} records are told", statuses.told());
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(Behind { records: head.saturating_sub(told), seconds: start.elapsed().as_secs_f64() })
}

/// What is in a log that was closed.
struct Weight {
    settled: u64,
    blocks: u64,
    raw: usize,
    stored: usize,
    /// Bytes on disk for each settled trade.
    disk: f64,
}

fn weigh(dir: &Path, messages: u64, setup: u64) -> Result<Weight> {
    let log = Log::open(dir, &store::Options::default()).context("cannot open the log that was just closed")?;
    let proof = house::verified(&log)?;
    let count = proof.settled.count;
    ensure!(count * 100 >= messages * 70, "only {count} of {messages} instructions settled");
    let (mut blocks, mut raw, mut stored) = (0, 0, 0);
    // What the house was set up with came before the messages, a block for each command.
    for block in log.blocks_from(setup + 1) {
        let block = block?;
        blocks += 1;
        raw += block.byte_len();
        stored += log.stored_block(block.first())?.map_or(0, |bytes| bytes.len());
    }
    log.compact();
    drop(log);
    let settled = count / 2;
    Ok(Weight { settled, blocks, raw, stored, disk: house::on_disk(dir) as f64 / settled as f64 })
}
