//! `ingest`: a topic of a real broker, filled beforehand, until the last message is durable; beside a bare consumer that
//! only polls and decodes, on the same topic in the same run, in turn. Then what the log takes on disk.

use crate::broker::Broker;
use crate::house;
use crate::report::Report;
use anyhow::{Context, Result, ensure};
use engine::Engine;
use kafka::{Brokers, Consumer, Event, Outgoing, Producer, Source, TopicPlan, topics};
use model::identifier::Identifier;
use projections::Bound;
use prost::Message as _;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::flow::{Flow, Shape, Step};

/// Runs it.
///
/// # Errors
/// When a check fails: then there is no figure.
pub fn run(seed: u64, count: u64, rounds: u32, report: &mut Report) -> Result<()> {
    eprintln!("ingest: starting a broker and filling its topic with {count} messages");
    let broker = Broker::start()?;
    let brokers = Brokers::new(broker.address());
    topics::apply(&brokers, &TopicPlan::new(1))?;
    let flow = Flow::new(seed, Shape::bench(count));
    let messages = fill(&brokers, &flow)?;
    let mut bare = Vec::new();
    let mut rungs = [Vec::new(), Vec::new()];
    for round in 1..=rounds {
        bare.push(bare_rate(&broker.address(), messages)?);
        for (rung, rates) in rungs.iter_mut().enumerate() {
            let run = ingest(&brokers, &flow, messages, rung == 1)?;
            eprintln!(
                "ingest: round {round} of {rounds}: rung {} {:.0}/s, bare {:.0}/s",
                rung + 1,
                run.rate,
                bare[bare.len() - 1]
            );
            rates.push(run);
        }
    }
    let bare = median(bare);
    report.add("ingest", "bare consumer, poll and prost decode", bare, "1/s", "median");
    for (rung, mut runs) in rungs.into_iter().enumerate() {
        runs.sort_by(|one, other| one.rate.total_cmp(&other.rate));
        let run = runs.swap_remove(runs.len() / 2);
        let name = if rung == 0 { "rung 1: engine" } else { "rung 2: engine and views" };
        report.add("ingest", format!("{name}, messages"), run.rate, "1/s", "median; until the last is durable");
        report.add(
            "ingest",
            format!("{name}, against bare"),
            run.rate / bare,
            "ratio",
            if rung == 0 { "goal ≥ 0.5" } else { "" },
        );
        report.add("ingest", format!("{name}, settled trades"), run.settled as f64 / run.seconds, "1/s", "");
        report.add("ingest", format!("{name}, CPU"), run.cpu_us, "us/message", "all threads of the engine's process");
        report.add("ingest", format!("{name}, commits"), run.commits, "1/s", "one fsync each");
        report.add("ingest", format!("{name}, records committed"), run.raw_rate / 1e6, "MB/s", "before compression");
        report.add("ingest", format!("{name}, blocks written"), run.stored_rate / 1e6, "MB/s", "compressed");
        for (thread, seconds) in &run.threads {
            let each = seconds * 1e6 / run.settled.max(1) as f64;
            if each >= 0.1 {
                report.add("ingest", format!("{name}, CPU of {thread}"), each, "us/settled trade", "");
            }
        }
        if rung == 1 {
            let note = format!("bound {VIEWS_BEHIND}");
            report.add("ingest", "views behind when the last was durable", run.lag as f64, "records", &note);
            report.add("ingest", "views at the head after", run.caught_up, "s", "from the last durable on");
        } else {
            report.add(
                "size",
                "log on disk per settled trade",
                run.disk,
                "B",
                "goal ≤ 250; compacted, with ids and snapshot",
            );
        }
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn fill(brokers: &Brokers, flow: &Flow) -> Result<u64> {
    let producer = Producer::new(brokers)?;
    let (mut sent, mut payload) = (0u64, Vec::new());
    for item in flow.week() {
        let Step::Message(message) = item.step else { continue };
        payload.clear();
        message.encode(&mut payload);
        let id = sent.to_string();
        let event = Event::protobuf(&id, "quittance.trade.v1", "/bench");
        let key = message.key.as_str();
        producer.send(&Outgoing {
            topic: topics::TRADES,
            partition: Some(0),
            key,
            payload: &payload,
            event,
            tag: 0,
        })?;
        sent += 1;
    }
    producer.flush(Duration::from_secs(120))?;
    Ok(sent)
}

/// What nothing faster can be built on in the ordinary way: poll, decode with prost, forget.
fn bare_rate(address: &str, messages: u64) -> Result<f64> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("fetch.queue.backoff.ms", "2")
        .set("check.crcs", "true")
        .create()?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topics::TRADES, 0, Offset::Beginning)?;
    let start = Instant::now();
    consumer.assign(&list)?;
    let mut seen = 0;
    while seen < messages {
        let Some(message) = consumer.poll(Duration::from_secs(30)) else { anyhow::bail!("the broker fell silent") };
        let message = message?;
        let trade = wire::pb::trade::Trade::decode(message.payload().unwrap_or_default())?;
        std::hint::black_box(trade);
        seen += 1;
    }
    Ok(messages as f64 / start.elapsed().as_secs_f64())
}

/// How far the source lets the views fall behind: what the service's configuration says when nothing else is said.
const VIEWS_BEHIND: u64 = 200_000;

struct Run {
    rate: f64,
    seconds: f64,
    cpu_us: f64,
    settled: u64,
    commits: f64,
    lag: u64,
    caught_up: f64,
    disk: f64,
    raw_rate: f64,
    stored_rate: f64,
    /// CPU seconds by thread.
    threads: Vec<(String, f64)>,
}

fn ingest(brokers: &Brokers, flow: &Flow, messages: u64, with_views: bool) -> Result<Run> {
    let dir = tempfile::tempdir()?;
    let log_dir = dir.path().join("log");
    let engine = house::create(&log_dir, flow)?;
    let views = if with_views { Some(follow(&engine, &dir.path().join("views"))?) } else { None };
    let topic = Identifier::parse(topics::TRADES)?;
    let source = Source::new(brokers.clone(), topic.clone(), None);
    let intake = match &views {
        None => engine.handle().intake(),
        Some((projections, _)) => {
            let (bound, head) = (Bound::new(projections.clone(), VIEWS_BEHIND), engine.handle().head());
            engine.handle().intake().held_while(move || bound.is_exceeded(head.borrow().sequence))
        }
    };
    let (cpu, before, start) = (house::process_cpu(), house::threads_cpu(), Instant::now());
    let consumer = Consumer::start(source, intake)?;
    let log = engine.log();
    loop {
        let sequence = log.head().sequence;
        let next = engine::cursor(&log, &topic, 0)?.map_or(0, |cursor| cursor.next_offset);
        if next >= messages {
            break;
        }
        ensure!(start.elapsed() < Duration::from_secs(600), "only {next} of {messages} after ten minutes");
        let _ = log.wait_past(sequence, Duration::from_millis(100));
    }
    let seconds = start.elapsed().as_secs_f64();
    let cpu_us = (house::process_cpu() - cpu).as_secs_f64() * 1e6 / messages as f64;
    let threads = house::threads_cpu().into_iter();
    let threads = threads.map(|(name, now)| (now - before.get(&name).copied().unwrap_or(0.0), name));
    let threads = threads.map(|(seconds, name)| (name, seconds)).collect();
    let head = log.head().sequence;
    let (lag, caught_up) = match &views {
        Some((projections, runner)) => {
            let folded = projections.standing().iter().map(|view| view.sequence).min().unwrap_or(0);
            let behind = Instant::now();
            runner.save_up_to(head, Duration::from_secs(120))?;
            (head.saturating_sub(folded), behind.elapsed().as_secs_f64())
        }
        None => (0, 0.0),
    };
    consumer.stop();
    if let Some((_, runner)) = views {
        runner.stop()?;
    }
    drop(log);
    engine.stop()?;
    let log =
        store::Log::open(&log_dir, &store::Options::default()).context("cannot open the log that was just closed")?;
    let proof = house::verified(&log)?;
    ensure!(
        proof.settled.count * 100 >= messages * 70,
        "only {} of {messages} instructions settled",
        proof.settled.count
    );
    let (mut raw, mut stored) = (0, 0);
    for block in log.blocks_from(1) {
        let block = block?;
        raw += block.byte_len();
        stored += log.stored_block(block.first())?.map_or(0, |bytes| bytes.len());
    }
    log.compact();
    drop(log);
    let settled = proof.settled.count / 2;
    let disk = house::on_disk(&log_dir) as f64 / settled as f64;
    Ok(Run {
        rate: messages as f64 / seconds,
        seconds,
        cpu_us,
        settled,
        commits: proof.blocks as f64 / seconds,
        lag,
        caught_up,
        disk,
        raw_rate: raw as f64 / seconds,
        stored_rate: stored as f64 / seconds,
        threads,
    })
}

type Views = (projections::Projections, projections::Runner);

fn follow(engine: &Engine, dir: &Path) -> Result<Views> {
    let rows = store::Views::open(dir, &store::Options::default())?;
    let (projections, folder) = projections::Projections::open(Arc::new(rows))?;
    let runner = projections::Runner::start(engine.log(), folder, projections::RunnerOptions::default())?;
    Ok((projections, runner))
}
