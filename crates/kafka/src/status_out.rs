//! A follower of the log that answers the front office: how each trade stands, on a compacted topic keyed by the trade.
//!
//! A status is published at least once, in the order of the log. What was told and up to which record stands in a small
//! database of the publisher's own ([`kept`]); it is written only after the brokers have everything up to there, so after
//! a crash the last statuses come again, with the same sequences, and none is missing. While the brokers are away the
//! publisher waits with at most [`BATCH`] statuses and one block in its hands, and goes on from there.
//!
//! Each status is told, as long as the publisher keeps up. With its hands full it is behind, and of each trade only the last of what it
//! holds goes out: what has been overtaken would be compacted away, and would make all others later.

mod fold;
mod kept;
mod status;
mod trade;

pub use fold::{Before, StatusFold, Update};
pub use status::key;
pub(crate) use trade::stamp;

use crate::brokers::Brokers;
use crate::error::Error;
use crate::event::Event;
use crate::outlet::{Outlet, WAIT, Worker};
use crate::produce::{Outgoing, Producer};
use crate::topics::TRADE_STATUS;
use kept::Kept;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{Block, Head, Log};

/// How often what was told is written down, while there is something new.
const SAVE: Duration = Duration::from_secs(1);
/// So many statuses go to the brokers before they are waited for.
const BATCH: usize = 8_192;

/// What is published, and where.
#[derive(Clone)]
pub struct StatusOptions {
    /// Where Kafka is.
    pub brokers: Brokers,
    /// The topic, [`TRADE_STATUS`].
    pub topic: String,
    /// The shard's partition of it.
    pub partition: u32,
    /// Who we are: `ce_source`, a URI reference.
    pub source: String,
    /// The directory of what was told. It may be deleted: then all is told again.
    pub dir: PathBuf,
    /// How its database is opened.
    pub store: store::Options,
}

impl StatusOptions {
    /// For the only shard, with the usual topic.
    pub fn new(brokers: Brokers, dir: PathBuf) -> StatusOptions {
        let (topic, source) = (TRADE_STATUS.to_owned(), "/quittance/shard/0".to_owned());
        StatusOptions { brokers, topic, partition: 0, source, dir, store: store::Options::default() }
    }
}

/// A running publisher. Dropping it stops it.
pub struct StatusPublisher {
    worker: Worker,
    told: Arc<AtomicU64>,
}

impl StatusPublisher {
    /// Starts to follow a log from where its database stands. Needs no broker to start.
    ///
    /// # Errors
    /// [`Error::Settings`], [`Error::File`] when the database cannot be opened, [`Error::Log`].
    pub fn start(log: Arc<Log>, options: StatusOptions) -> Result<StatusPublisher, Error> {
        let (kept, fold, place) = Kept::open(&options.dir, &options.store, &log)?;
        let (stop, told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(place.sequence)));
        let outlet = Outlet::new(format!("status topic {}", options.topic), &options.brokers, stop.clone())?;
        let follower = Follower {
            log,
            outlet,
            kept,
            fold,
            place,
            saved: place.sequence,
            pending: Vec::new(),
            options,
            told: told.clone(),
            counter: metrics::counter!("quittance_kafka_statuses_published_total"),
        };
        let worker = Worker::start("trade-status", "the statuses of trades", stop, move || follower.run())?;
        Ok(StatusPublisher { worker, told })
    }

    /// The last record of which the brokers have every status.
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Acquire)
    }

    /// Whether it still runs; it ends by itself only when the log or its own database fails it.
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
    kept: Kept,
    fold: StatusFold,
    /// The last record folded.
    place: Head,
    /// The last record written down.
    saved: u64,
    /// Statuses up to `place` that the brokers may not have yet.
    pending: Vec<Update>,
    options: StatusOptions,
    told: Arc<AtomicU64>,
    counter: metrics::Counter,
}

impl Follower {
    fn run(mut self) -> Result<(), Error> {
        let followed = self.follow();
        if let Err(error) = &followed {
            tracing::error!("the front office is not answered any more: {error}");
        }
        followed
    }

    fn follow(&mut self) -> Result<(), Error> {
        let mut saved_at = Instant::now();
        while !self.outlet.stopping() {
            let head = self.log.wait_past(self.place.sequence, WAIT);
            if head.sequence > self.place.sequence {
                let next = self.place.sequence + 1;
                let unreadable = |cause: store::Error| Error::Log { cause: cause.to_string() };
                if let Some(block) = self.log.block_holding(next).map_err(unreadable)? {
                    self.fold(&block, next)?;
                }
                // As long as there is more and hands are not full, nothing is waited for.
                if self.pending.len() < BATCH && self.log.head().sequence > self.place.sequence {
                    continue;
                }
            }
            if !self.deliver()? {
                // Stopped before it was certain: it is told again after the next start.
                return Ok(());
            }
            if saved_at.elapsed() >= SAVE {
                self.save()?;
                saved_at = Instant::now();
            }
        }
        if self.deliver()? { self.save() } else { Ok(()) }
    }

    fn fold(&mut self, block: &Block, from: u64) -> Result<(), Error> {
        let failed: RefCell<Option<Error>> = RefCell::new(None);
        let kept = &self.kept;
        let told = |key: &str| {
            kept.told(key).unwrap_or_else(|error| {
                *failed.borrow_mut() = Some(error);
                None
            })
        };
        let settled = |sequence: u64| {
            kept.settled(sequence).unwrap_or_else(|error| {
                *failed.borrow_mut() = Some(error);
                Vec::new()
            })
        };
        let before = Before { told: &told, settled: &settled };
        for (sequence, bytes) in block.iter().filter(|(sequence, _)| *sequence >= from) {
            let folded = self.fold.record(bytes, before, &mut self.pending);
            folded.map_err(|error| Error::Log { cause: format!("record {sequence} cannot be read: {error}") })?;
            if let Some(error) = failed.take() {
                return Err(error);
            }
        }
        self.place = block.head();
        Ok(())
    }

    /// Sends what is in hand and waits until the brokers have it, sending all of it again if they gave some of it up.
    /// False: asked to stop before.
    fn deliver(&mut self) -> Result<bool, Error> {
        if self.pending.len() >= BATCH {
            keep_latest(&mut self.pending);
        }
        if !self.pending.is_empty() {
            let (options, pending) = (&self.options, &self.pending);
            if !self.outlet.deliver(|producer| send(producer, options, pending))? {
                return Ok(false);
            }
            self.counter.increment(self.pending.len() as u64);
            self.pending.clear();
        }
        self.told.store(self.place.sequence, Ordering::Release);
        Ok(true)
    }

    fn save(&mut self) -> Result<(), Error> {
        if self.saved != self.place.sequence {
            self.kept.save(&mut self.fold, self.place)?;
            self.saved = self.place.sequence;
        }
        Ok(())
    }
}

fn send(producer: &Producer, options: &StatusOptions, pending: &[Update]) -> Result<(), Error> {
    let (topic, partition) = (&options.topic, i32::try_from(options.partition).ok());
    let mut id = String::new();
    for Update { key, sequence, payload } in pending {
        id.clear();
        // A record tells a trade once, so its sequence and the key name the message. A string takes all that is written.
        let _ = write!(id, "{sequence}/{key}");
        let event = Event::protobuf(&id, "quittance.trade-status.v1", &options.source);
        producer.send(&Outgoing { topic, partition, key, payload, event, tag: 0 })?;
    }
    Ok(())
}

/// Of each trade the last status, in the order of the log.
fn keep_latest(pending: &mut Vec<Update>) {
    let mut seen = HashSet::with_capacity(pending.len());
    let mut latest: Vec<Update> =
        std::mem::take(pending).into_iter().rev().filter(|update| seen.insert(update.key.clone())).collect();
    latest.reverse();
    *pending = latest;
}

#[cfg(test)]
mod tests;
