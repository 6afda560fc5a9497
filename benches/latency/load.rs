//! The front office of `latency`: what it sends, and when it means to.

use super::{Times, note, times};
use anyhow::{Context, Result};
use kafka::topics;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};
use testkit::flow::{Body, Flow, Step};

/// Messages on their way with which librdkafka begins to wait.
const IN_FLIGHT: i32 = 5;

/// Messages ready to be sent, and what is asked about them.
pub struct Load {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The member whose instructions are watched.
    pub party: String,
    /// Its trades: source and id, and which message brings each first.
    pub watched: HashMap<(String, String), u64>,
}

/// When each message is meant to be produced.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub start: Instant,
    rate: u64,
}

impl Pace {
    /// Begins in a moment.
    pub fn from_now(rate: u64) -> Pace {
        Pace { start: Instant::now() + Duration::from_millis(200), rate: rate.max(1) }
    }

    pub fn intended(&self, message: u64) -> Instant {
        self.start + Duration::from_nanos(message * 1_000_000_000 / self.rate)
    }
}

impl Load {
    pub fn of(flow: &Flow) -> Result<Load> {
        let (mut load, mut party) =
            (Load { bytes: Vec::new(), ends: Vec::new(), party: String::new(), watched: HashMap::new() }, None);
        for item in flow.week() {
            let Step::Message(message) = item.step else { continue };
            if let Body::Trade(trade) = &message.body
                && let Some(details) = &trade.details
            {
                let member = party.get_or_insert_with(|| details.party.clone());
                if details.party == *member {
                    let key = (trade.source.to_string(), trade.id.to_string());
                    load.watched.entry(key).or_insert(load.ends.len() as u64);
                }
            }
            message.encode(&mut load.bytes);
            load.ends.push(load.bytes.len());
        }
        load.party = party.context("the flow has no trade")?.to_string();
        Ok(load)
    }

    pub fn count(&self) -> u64 {
        self.ends.len() as u64
    }

    fn message(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }
}

/// Sends each message when it is due, never waiting for an answer; how late each was handed to the producer.
pub fn produce(load: &Load, pace: Pace, brokers: &str) -> Result<Times> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "0.2")
        .set("compression.type", "lz4")
        .set("queue.buffering.max.messages", "1000000")
        .create()?;
    let (mut late, mut at, count) = (times(), 0, load.count());
    while at < count {
        let early = pace.intended(at).saturating_duration_since(Instant::now());
        if early > Duration::from_micros(200) {
            thread::sleep(early);
        }
        // One request of a partition is on its way at a time, and while more is due behind it librdkafka asks 27,000 times a second
        // whether it may. What is due waits here instead, goes together, and is as late as it is.
        while producer.in_flight_count() >= IN_FLIGHT {
            thread::sleep(Duration::from_micros(300));
        }
        let now = Instant::now();
        while at < count && pace.intended(at) <= now {
            let record = BaseRecord::<(), [u8]>::to(topics::TRADES).partition(0).payload(load.message(at as usize));
            producer.send(record).map_err(|(error, _)| error)?;
            note(&mut late, pace, at, now);
            at += 1;
        }
    }
    producer.flush(Duration::from_secs(60))?;
    Ok(late)
}
