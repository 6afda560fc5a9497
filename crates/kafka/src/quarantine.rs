//! A follower of the log that publishes what could not be read, for whoever sent it.
//!
//! The log holds every such message already; the topic is the letter to the sender. It is published at least once: after a crash the
//! last ones may come again, with the same `ce_source` and `ce_id`. Whether a message was replayed or discarded later is in the log.

mod checkpoint;

use crate::brokers::Brokers;
use crate::error::Error;
use crate::event::{Event, put};
use crate::outlet::{Outlet, WAIT, Worker};
use crate::produce::{Outgoing, Producer};
use crate::topics::QUARANTINE;
use checkpoint::Checkpoint;
use model::command::{Command, Origin, Unreadable};
use model::event::Event as Fact;
use model::record::{Content, Outcome};
use rdkafka::message::OwnedHeaders;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{Block, Log};

/// Without anything to publish the checkpoint is written so often: it only saves looking again.
const LOOK: Duration = Duration::from_secs(10);

/// How a record ends whose one event is `Quarantined`: field 25 of an event, empty. Records are written in one form only, so no
/// quarantined record ends otherwise, and the others need not be decoded. `follows_the_encoding` holds it.
const ENDS: &[u8] = &[0xca, 0x01, 0x00];

/// What is published, and where.
#[derive(Clone, Debug)]
pub struct QuarantineOptions {
    /// Where Kafka is.
    pub brokers: Brokers,
    /// The topic, [`QUARANTINE`].
    pub topic: String,
    /// The shard's partition of it.
    pub partition: u32,
    /// Who we are: `ce_source`, a URI reference.
    pub source: String,
    /// The file that says how far it has come.
    pub checkpoint: PathBuf,
}

impl QuarantineOptions {
    /// For the only shard, with the usual topic.
    pub fn new(brokers: Brokers, checkpoint: PathBuf) -> QuarantineOptions {
        let (topic, source) = (QUARANTINE.to_owned(), "/quittance/shard/0".to_owned());
        QuarantineOptions { brokers, topic, partition: 0, source, checkpoint }
    }
}

/// A running publisher. Dropping it stops it.
pub struct QuarantinePublisher {
    worker: Worker,
    published: Arc<AtomicU64>,
}

impl QuarantinePublisher {
    /// Starts to follow a log from where its checkpoint stands. Needs no broker to start.
    ///
    /// # Errors
    /// [`Error::Settings`], [`Error::File`] when the checkpoint cannot be read.
    pub fn start(log: Arc<Log>, options: QuarantineOptions) -> Result<QuarantinePublisher, Error> {
        let checkpoint = Checkpoint::open(&options.checkpoint, &log)?;
        let (stop, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let outlet = Outlet::new(format!("quarantine topic {}", options.topic), &options.brokers, stop.clone())?;
        let follower = Follower {
            log,
            outlet,
            checkpoint,
            options,
            published: published.clone(),
            counter: metrics::counter!("quittance_kafka_quarantined_published_total"),
        };
        let worker = Worker::start("quarantine", "the quarantine topic", stop, move || follower.run())?;
        Ok(QuarantinePublisher { worker, published })
    }

    /// How many were published since the start.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Whether it still runs; it ends by itself only when the log cannot be read.
    pub fn is_running(&self) -> bool {
        self.worker.is_running()
    }

    /// Stops it.
    ///
    /// # Errors
    /// What it ended with.
    pub fn stop(mut self) -> Result<(), Error> {
        self.worker.stop()
    }
}

struct Follower {
    log: Arc<Log>,
    outlet: Outlet,
    checkpoint: Checkpoint,
    options: QuarantineOptions,
    published: Arc<AtomicU64>,
    counter: metrics::Counter,
}

impl Follower {
    fn run(mut self) -> Result<(), Error> {
        let followed = self.follow();
        if let Err(error) = &followed {
            tracing::error!("the quarantine topic is not fed any more: {error}");
        }
        followed
    }

    fn follow(&mut self) -> Result<(), Error> {
        let mut looked = Instant::now();
        while !self.outlet.stopping() {
            let head = self.log.wait_past(self.checkpoint.sequence(), WAIT);
            if head.sequence <= self.checkpoint.sequence() {
                continue;
            }
            let next = self.checkpoint.sequence() + 1;
            let unreadable = |cause: store::Error| Error::Log { cause: cause.to_string() };
            let Some(block) = self.log.block_holding(next).map_err(unreadable)? else { continue };
            let letters = letters(&block, next)?;
            let (count, options) = (letters.len() as u64, &self.options);
            if count > 0 && !self.outlet.deliver(|producer| send(producer, options, &letters))? {
                // Stopped before it was certain: it is sent again after the next start.
                return Ok(());
            }
            self.checkpoint.move_to(block.head());
            if count > 0 || looked.elapsed() > LOOK {
                looked = Instant::now();
                self.checkpoint.save()?;
            }
            self.published.fetch_add(count, Ordering::Release);
            self.counter.increment(count);
        }
        self.checkpoint.save()
    }
}

/// What could not be read: the record that says so, where it came from, and what it is.
type Letter = (u64, Origin, Box<Unreadable>);

/// What a block holds of it, from a sequence on.
fn letters(block: &Block, from: u64) -> Result<Vec<Letter>, Error> {
    let mut letters = Vec::new();
    for (sequence, bytes) in block.iter().filter(|(sequence, bytes)| *sequence >= from && bytes.ends_with(ENDS)) {
        let record = wire::record::decode(bytes)
            .map_err(|error| Error::Log { cause: format!("record {sequence} cannot be read: {error}") })?;
        let Content::Decided { inbound, outcome: Outcome::Accepted(facts) } = record.content else { continue };
        if let (Command::Quarantine(unreadable), [Fact::Quarantined {}]) = (inbound.command, &facts[..]) {
            letters.push((sequence, inbound.origin, unreadable));
        }
    }
    Ok(letters)
}

fn send(producer: &Producer, options: &QuarantineOptions, letters: &[Letter]) -> Result<(), Error> {
    letters.iter().try_for_each(|(sequence, origin, unreadable)| {
        let id = sequence.to_string();
        let event = Event {
            id: &id,
            kind: "quittance.quarantine.v1",
            source: &options.source,
            // What it is nobody knows; that is why it is here.
            content_type: "application/octet-stream",
            traceparent: None,
        };
        let headers = describe(event.headers(), *sequence, origin, unreadable);
        let key = match origin {
            Origin::Kafka { topic, partition, .. } => format!("{topic}/{partition}"),
            _ => String::new(),
        };
        let partition = i32::try_from(options.partition).ok();
        let message =
            Outgoing { topic: &options.topic, partition, key: &key, payload: &unreadable.bytes, event, tag: 0 };
        producer.send_with(&message, headers)
    })
}

/// Where it came from and what is wrong with it, as extension attributes.
fn describe(headers: OwnedHeaders, sequence: u64, origin: &Origin, unreadable: &Unreadable) -> OwnedHeaders {
    let hash: String = unreadable.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = put(headers, "ce_reason", &unreadable.reason);
    let headers = put(headers, "ce_path", &unreadable.path);
    let headers = put(headers, "ce_sequence", &sequence.to_string());
    let headers = put(headers, "ce_size", &unreadable.size.to_string());
    let headers = put(headers, "ce_sha256", &hash);
    match origin {
        Origin::Kafka { topic, partition, offset } => {
            let headers = put(headers, "ce_topic", topic.as_str());
            let headers = put(headers, "ce_partition", &partition.to_string());
            put(headers, "ce_offset", &offset.to_string())
        }
        _ => headers,
    }
}

#[cfg(test)]
mod tests;
