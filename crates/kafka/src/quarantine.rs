//! A follower of the log that publishes what could not be read, for whoever sent it.
//!
//! The log holds every such message already; the topic is the letter to the sender. It is published at least once: after a crash the
//! last ones may come again, with the same `ce_source` and `ce_id`. Whether a message was replayed or discarded later is in the log.

mod checkpoint;

use crate::brokers::Brokers;
use crate::error::Error;
use crate::event::{Event, put};
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
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use store::{Block, Log};

/// The longest wait for a record; also how long a request to stop may wait.
const WAIT: Duration = Duration::from_millis(200);
/// How long the brokers are given for what was sent, before it is complained about.
const FLUSH: Duration = Duration::from_secs(5);
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
    stop: Arc<AtomicBool>,
    published: Arc<AtomicU64>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl QuarantinePublisher {
    /// Starts to follow a log from where its checkpoint stands. Needs no broker to start.
    ///
    /// # Errors
    /// [`Error::Settings`], [`Error::File`] when the checkpoint cannot be read.
    pub fn start(log: Arc<Log>, options: QuarantineOptions) -> Result<QuarantinePublisher, Error> {
        let checkpoint = Checkpoint::open(&options.checkpoint, &log)?;
        let producer = Producer::new(&options.brokers)?;
        let (stop, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let follower = Follower {
            log,
            producer,
            checkpoint,
            options,
            stop: stop.clone(),
            published: published.clone(),
            counter: metrics::counter!("quittance_kafka_quarantined_published_total"),
        };
        let thread = thread::Builder::new()
            .name("quarantine".to_owned())
            .spawn(move || follower.run())
            .map_err(|cause| Error::Settings { cause: format!("no thread for the quarantine topic: {cause}") })?;
        Ok(QuarantinePublisher { stop, published, thread: Some(thread) })
    }

    /// How many were published since the start.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Whether it still runs; it ends by itself only when the log cannot be read.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops it.
    ///
    /// # Errors
    /// What it ended with.
    pub fn stop(mut self) -> Result<(), Error> {
        self.join()
    }

    fn join(&mut self) -> Result<(), Error> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(_)) => Err(Error::Log { cause: "the thread of the quarantine topic panicked".to_owned() }),
            None => Ok(()),
        }
    }
}

impl Drop for QuarantinePublisher {
    fn drop(&mut self) {
        let _ = self.join();
    }
}

struct Follower {
    log: Arc<Log>,
    producer: Producer,
    checkpoint: Checkpoint,
    options: QuarantineOptions,
    stop: Arc<AtomicBool>,
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
        while !self.stopping() {
            let head = self.log.wait_past(self.checkpoint.sequence(), WAIT);
            if head.sequence <= self.checkpoint.sequence() {
                continue;
            }
            let next = self.checkpoint.sequence() + 1;
            let unreadable = |cause: store::Error| Error::Log { cause: cause.to_string() };
            let Some(block) = self.log.block_holding(next).map_err(unreadable)? else { continue };
            let count = self.send(&block, next)?;
            if count > 0 && !self.deliver(&block, next)? {
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

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sends what a block holds of it, from a sequence on.
    fn send(&self, block: &Block, from: u64) -> Result<u64, Error> {
        let mut count = 0;
        for (sequence, bytes) in block.iter().filter(|(sequence, bytes)| *sequence >= from && bytes.ends_with(ENDS)) {
            let record = wire::record::decode(bytes)
                .map_err(|error| Error::Log { cause: format!("record {sequence} cannot be read: {error}") })?;
            let Content::Decided { inbound, outcome: Outcome::Accepted(facts) } = &record.content else { continue };
            if let (Command::Quarantine(unreadable), [Fact::Quarantined {}]) = (&inbound.command, &facts[..]) {
                self.publish(sequence, &inbound.origin, unreadable)?;
                count += 1;
            }
        }
        Ok(count)
    }

    fn publish(&self, sequence: u64, origin: &Origin, unreadable: &Unreadable) -> Result<(), Error> {
        let id = sequence.to_string();
        let event = Event {
            id: &id,
            kind: "quittance.quarantine.v1",
            source: &self.options.source,
            // What it is nobody knows; that is why it is here.
            content_type: "application/octet-stream",
            traceparent: None,
        };
        let headers = describe(event.headers(), sequence, origin, unreadable);
        let key = match origin {
            Origin::Kafka { topic, partition, .. } => format!("{topic}/{partition}"),
            _ => String::new(),
        };
        let partition = i32::try_from(self.options.partition).ok();
        let message =
            Outgoing { topic: &self.options.topic, partition, key: &key, payload: &unreadable.bytes, event, tag: 0 };
        self.producer.send_with(&message, headers)
    }

    /// Waits until the brokers have what was sent of a block, sending it again if they gave it up. False: asked to stop before.
    fn deliver(&mut self, block: &Block, from: u64) -> Result<bool, Error> {
        let mut since = Instant::now();
        loop {
            // Short, so that a request to stop is heard.
            match self.producer.flush(WAIT) {
                Ok(()) => return Ok(true),
                Err(_) if self.stopping() => return Ok(false),
                Err(error) => {
                    if since.elapsed() >= FLUSH {
                        since = Instant::now();
                        tracing::warn!("the quarantine topic {} cannot be written: {error}", self.options.topic);
                    }
                    if self.producer.failed() > 0 {
                        thread::sleep(WAIT);
                        // Counts and queue start anew.
                        self.producer = Producer::new(&self.options.brokers)?;
                        self.send(block, from)?;
                    }
                }
            }
        }
    }
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
