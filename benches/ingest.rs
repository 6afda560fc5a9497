//! `ingest`: a topic of a real broker, filled beforehand, until the last message is durable; beside a bare consumer that
//! only polls and decodes, on the same topic in the same run, in turn. Then what the log takes on disk.

mod rung;

use crate::broker::Broker;
use crate::report::Report;
use anyhow::Result;
use kafka::{Brokers, Event, Outgoing, Producer, TopicPlan, topics};
use prost::Message as _;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};
use rung::{Run, Rung, VIEWS_BEHIND};
use std::time::{Duration, Instant};
use testkit::flow::{Flow, Shape, Step};

/// How many messages, how often, and which rung; all of them when absent.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub messages: u64,
    pub rounds: u32,
    pub rung: Option<u8>,
}

/// Runs it.
///
/// # Errors
/// When a check fails: then there is no figure.
pub fn run(seed: u64, plan: Plan, report: &mut Report) -> Result<()> {
    let Plan { messages: count, rounds, rung } = plan;
    eprintln!("ingest: starting a broker and filling its topic with {count} messages");
    let broker = Broker::start()?;
    let brokers = Brokers::new(broker.address());
    topics::apply(&brokers, &TopicPlan::new(1))?;
    let flow = Flow::new(seed, Shape::bench(count));
    let messages = fill(&brokers, &flow)?;
    let mut bare = Vec::new();
    let chosen = Rung::ALL.into_iter().zip(1..).filter(|(_, number)| rung.is_none_or(|rung| rung == *number));
    let mut rungs: Vec<_> = chosen.map(|(rung, _)| (rung, Vec::new())).collect();
    for round in 1..=rounds {
        bare.push(bare_rate(&broker.address(), messages)?);
        for (rung, runs) in &mut rungs {
            let run = rung.run(&brokers, &flow, messages, round)?;
            eprintln!(
                "ingest: round {round} of {rounds}: {} {:.0}/s, bare {:.0}/s",
                rung.name(),
                run.rate,
                bare[bare.len() - 1]
            );
            runs.push(run);
        }
    }
    let bare = median(bare);
    report.add("ingest", "bare consumer, poll and prost decode", bare, "1/s", "median");
    for (rung, mut runs) in rungs {
        runs.sort_by(|one, other| one.rate.total_cmp(&other.rate));
        tell(rung, &runs.swap_remove(runs.len() / 2), bare, report);
    }
    Ok(())
}

fn tell(rung: Rung, run: &Run, bare: f64, report: &mut Report) {
    let name = rung.name();
    let mut add =
        |what: &str, value, unit, note: &str| report.add("ingest", format!("{name}, {what}"), value, unit, note);
    let goal = if rung == Rung::Engine { "goal ≥ 0.5" } else { "" };
    add("messages", run.rate, "1/s", "median; until the last is durable");
    add("against bare", run.rate / bare, "ratio", goal);
    add("settled trades", run.settled as f64 / run.seconds, "1/s", "");
    add("CPU", run.cpu_us, "us/message", "all threads of the engine's process");
    add("commits", run.commits, "1/s", "one fsync each");
    add("records committed", run.raw_rate / 1e6, "MB/s", "before compression");
    add("blocks written", run.stored_rate / 1e6, "MB/s", "compressed");
    for (thread, seconds) in &run.threads {
        let each = seconds * 1e6 / run.settled.max(1) as f64;
        if each >= 0.1 {
            add(&format!("CPU of {thread}"), each, "us/settled trade", "");
        }
    }
    if let Some(behind) = &run.views {
        let bound = format!("bound {VIEWS_BEHIND}");
        add("views behind when the last was durable", behind.records as f64, "records", &bound);
        add("views at the head after", behind.seconds, "s", "from the last durable on");
    }
    if let Some(behind) = &run.topic {
        add("unpublished when the last was durable", behind.records as f64, "records", "");
        add("all published after", behind.seconds, "s", "from the last durable on");
    }
    if let Some(behind) = &run.answers {
        add("records without their statuses told when the last was durable", behind.records as f64, "records", "");
        add("all statuses told after", behind.seconds, "s", "from the views' head on");
    }
    if rung == Rung::Engine {
        let note = "goal ≤ 250; compacted, with ids and snapshot";
        report.add("size", "log on disk per settled trade", run.disk, "B", note);
    }
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
