//! A follower of the log that feeds a topic, each letter once: instructions to agents, an agent's advices, positions.
//!
//! Where it goes on after a crash is read from the topic itself: what of ours stands there already is not sent again. A
//! small file beside the log ([`place`]) only saves reading. While it lives its producer gives nothing up, so nothing
//! comes twice. What remains is a process that was killed with letters on their way that reach the broker after the next
//! one has looked: a letter's id (`ce_source`, `ce_id`) is the same each time, and whoever reads goes by it.

mod kept;
mod letter;
mod place;
mod there;

pub use letter::{Letter, Letters};

use crate::brokers::Brokers;
use crate::error::Error;
use crate::event::{Event, put};
use crate::outlet::{Outlet, WAIT, Worker};
use crate::produce::{Outgoing, Producer};
use crate::reader::Reader;
use kept::Kept;
use place::Place;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use store::{Block, Head, Log};
use there::There;
use tokio::sync::watch;

/// A fold that needs all records is kept when so many came after it was kept last; and when the feed stops in order.
const KEEP: u64 = 250_000;
/// How often the place is written down, while there is something new.
const SAVE: Duration = Duration::from_secs(1);
/// So many letters go to the brokers before they are waited for.
const BATCH: usize = 4_096;
/// What may still be overtaken waits so long for each letter that went last: 10,000 letters a second, of which none is older than ...
const PACE: Duration = Duration::from_micros(100);
/// ... this, and at most so many of them. Whoever reads positions wants the last one, and few of them at once come at once.
const LONGEST: Duration = Duration::from_secs(1);
const MOST: usize = 65_536;
/// The header that says of which record a letter comes.
const SEQUENCE: &str = "ce_sequence";
/// The header that says of which log: the hash of its first record.
const LOG: &str = "ce_log";

/// What is fed, and where.
#[derive(Clone, Debug)]
pub struct FeedOptions {
    /// What is fed, for people: `instructions`. Its thread and its metric are called so.
    pub what: &'static str,
    /// Where Kafka is.
    pub brokers: Brokers,
    /// The topic.
    pub topic: String,
    /// The shard's partition of it.
    pub partition: u32,
    /// Who we are: `ce_source`, a URI reference that no other feed of the topic uses.
    pub source: String,
    /// What the letters are: `ce_type`.
    pub kind: &'static str,
    /// The file that says how far it has come. It may be deleted: then the topic is read from its beginning.
    pub place: PathBuf,
    /// Only records up to here are told of: what another engine may still undo is not said to the outside. Absent: all.
    pub through: Option<watch::Receiver<u64>>,
}

/// Where a feed of the shard's log goes.
#[derive(Clone, Debug)]
pub struct FeedTo {
    /// Where Kafka is.
    pub brokers: Brokers,
    /// The topic.
    pub topic: String,
    /// The shard's partition of it.
    pub partition: u32,
    /// The file that says how far it has come; see [`FeedOptions::place`].
    pub place: PathBuf,
    /// How far the records are published, where they are.
    pub through: Option<watch::Receiver<u64>>,
}

impl FeedTo {
    /// For the only shard.
    pub fn new(brokers: Brokers, topic: impl Into<String>, place: PathBuf) -> FeedTo {
        FeedTo { brokers, topic: topic.into(), partition: 0, place, through: None }
    }

    /// With what goes there, and who says it.
    pub(crate) fn options(self, what: &'static str, kind: &'static str, source: String) -> FeedOptions {
        let FeedTo { brokers, topic, partition, place, through } = self;
        FeedOptions { what, brokers, topic, partition, source, kind, place, through }
    }
}

/// A running feed. Dropping it stops it.
pub struct Feed {
    worker: Worker,
    fed: Arc<AtomicU64>,
    from: Arc<AtomicU64>,
}

impl Feed {
    /// Starts to follow a log. Needs no broker to start.
    ///
    /// # Errors
    /// [`Error::Settings`], [`Error::File`] when the place cannot be read, [`Error::Log`].
    pub fn start<L: Letters>(log: Arc<Log>, options: FeedOptions, letters: L) -> Result<Feed, Error> {
        let place = Place::open(&options.place, &log)?;
        let (stop, fed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let from = Arc::new(AtomicU64::new(0));
        let kept = L::KEPT.map(|version| Kept::beside(&options.place, version));
        let what = options.what;
        let outlet = Outlet::new(format!("topic {}", options.topic), &options.brokers, stop.clone())?;
        let follower = Follower {
            log,
            outlet,
            letters,
            at: 0,
            place,
            kept,
            there: There::default(),
            log_id: String::new(),
            pending: Vec::new(),
            due: Instant::now(),
            fed: fed.clone(),
            from: from.clone(),
            counter: metrics::counter!("quittance_kafka_letters_published_total", "feed" => what),
            options,
        };
        let worker = Worker::start(what, what, stop, move || follower.run())?;
        Ok(Feed { worker, fed, from })
    }

    /// The last record of which the brokers have every letter.
    pub fn fed(&self) -> u64 {
        self.fed.load(Ordering::Acquire)
    }

    /// The record after which it began to fold when it was started: 0 for the beginning of the log, and until it is known.
    pub fn folds_from(&self) -> u64 {
        self.from.load(Ordering::Acquire)
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

struct Follower<L> {
    log: Arc<Log>,
    outlet: Outlet,
    letters: L,
    /// The last record folded.
    at: u64,
    place: Place,
    kept: Option<Kept>,
    there: There,
    log_id: String,
    /// Letters of records up to `at` that the brokers may not have yet.
    pending: Vec<(u64, Letter)>,
    /// When letters that may be overtaken go out next.
    due: Instant,
    options: FeedOptions,
    fed: Arc<AtomicU64>,
    from: Arc<AtomicU64>,
    counter: metrics::Counter,
}

impl<L: Letters> Follower<L> {
    fn run(mut self) -> Result<(), Error> {
        let followed = self.follow();
        if let Err(error) = &followed {
            tracing::error!("no {} go out any more: {error}", self.options.what);
        }
        followed
    }

    fn follow(&mut self) -> Result<(), Error> {
        if !self.look()? {
            return Ok(());
        }
        self.at = if L::NEEDS_ALL { self.take_up() } else { self.place.sequence() };
        self.from.store(self.at, Ordering::Release);
        let mut saved_at = Instant::now();
        while !self.outlet.stopping() {
            let limit = self.limit();
            if limit > self.at {
                let next = self.at + 1;
                let unreadable = |cause: store::Error| Error::Log { cause: cause.to_string() };
                if let Some(block) = self.log.block_holding(next).map_err(unreadable)? {
                    self.fold(&block, next, limit)?;
                }
                // As long as there is more and hands are not full, nothing is waited for.
                if self.pending.len() < BATCH && self.letters.waiting() < MOST && self.limit_now() > self.at {
                    continue;
                }
            }
            if self.rest().is_some() {
                continue;
            }
            if !self.deliver()? {
                // Stopped before it was certain: the next start looks what is there.
                return Ok(());
            }
            if saved_at.elapsed() >= SAVE {
                self.place.save()?;
                saved_at = Instant::now();
            }
            self.keep(KEEP)?;
        }
        if self.deliver()? {
            self.place.save()?;
            self.keep(1)?;
        }
        Ok(())
    }

    /// The record after which the fold stands: as it was kept, or at the beginning.
    fn take_up(&mut self) -> u64 {
        let Some(kept) = &mut self.kept else { return 0 };
        let Some((sequence, fold)) = kept.read(&self.log, self.place.sequence()) else { return 0 };
        match self.letters.take_up(&fold) {
            Ok(()) => {
                tracing::info!(sequence, "{} go on from the fold that was kept", self.options.what);
                kept.taken(sequence);
                sequence
            }
            Err(cause) => kept.refuse(&cause).unwrap_or(0),
        }
    }

    /// Keeps the fold when so many records came. All of them were told, and the place says so before.
    fn keep(&mut self, every: u64) -> Result<(), Error> {
        let Some(kept) = self.kept.as_mut().filter(|kept| self.at >= kept.sequence() + every) else { return Ok(()) };
        if self.at != self.place.sequence() {
            // Folded again, up to what was told before.
            return Ok(());
        }
        self.place.save()?;
        kept.write(self.place.head(), &self.letters.keep());
        Ok(())
    }

    /// How long what is in hand may still be overtaken before it goes out.
    fn rest(&self) -> Option<Duration> {
        let waiting = self.letters.waiting();
        let may_wait = self.pending.is_empty() && waiting > 0 && waiting < MOST;
        may_wait.then(|| self.due.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// How far the log may be told of, waiting a little for more.
    fn limit(&mut self) -> u64 {
        let wait = self.rest().map_or(WAIT, |left| left.min(WAIT));
        let head = self.log.wait_past(self.at, wait).sequence;
        let limit = self.limit_now();
        if limit <= self.at && head > self.at {
            // It is in the log, and not yet certain.
            thread::sleep(Duration::from_millis(2));
        }
        limit
    }

    fn limit_now(&self) -> u64 {
        let head = self.log.head().sequence;
        self.options.through.as_ref().map_or(head, |through| head.min(*through.borrow()))
    }

    /// Looks what of ours is in the topic already, waiting for the brokers; false: asked to stop.
    fn look(&mut self) -> Result<bool, Error> {
        let mut told = false;
        while !self.outlet.stopping() {
            // A log without its first record has nothing to tell.
            let Some(log) = self.log_id()? else {
                let _ = self.log.wait_past(0, WAIT);
                continue;
            };
            let from = self.place.offset();
            let reader = Reader::new(&self.options.brokers, &self.options.topic, self.options.partition, from)?;
            let mut there = There { sequence: self.place.sequence(), ..There::default() };
            let mut foreign = None;
            let looked = reader.to_end(from, |message| {
                if message.header("ce_source") == self.options.source {
                    if message.header(LOG) != log {
                        foreign = Some(message.offset);
                    } else if let Ok(sequence) = message.header(SEQUENCE).parse() {
                        there.note(sequence, message.header("ce_id"));
                    }
                }
            });
            if let Some(offset) = foreign {
                let (topic, source) = (&self.options.topic, &self.options.source);
                let cause = format!(
                    "{topic} holds at offset {offset} what another log of {source} said: its references are not ours; use a new topic"
                );
                return Err(Error::Log { cause });
            }
            match looked {
                Ok(end) => {
                    (self.there, self.log_id) = (There { end, ..there }, log);
                    return Ok(true);
                }
                Err(error) if !told => {
                    tracing::warn!("waits to look what {} are in {}: {error}", self.options.what, self.options.topic);
                    told = true;
                }
                Err(_) => thread::sleep(WAIT),
            }
        }
        Ok(false)
    }

    /// What names the log: the hash of its first record.
    fn log_id(&self) -> Result<Option<String>, Error> {
        let chain = self.log.chain_at(1).map_err(|cause| Error::Log { cause: cause.to_string() })?;
        Ok(chain.map(|chain| chain[..8].iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    fn fold(&mut self, block: &Block, from: u64, to: u64) -> Result<(), Error> {
        let mut letters = Vec::new();
        for (sequence, bytes) in block.iter().filter(|(sequence, _)| (from..=to).contains(sequence)) {
            self.letters
                .record(sequence, bytes, &mut letters)
                .map_err(|error| Error::Log { cause: format!("record {sequence} cannot be read: {error}") })?;
            for letter in letters.drain(..) {
                self.take(sequence, letter);
            }
            self.at = sequence;
        }
        Ok(())
    }

    /// Takes a letter in hand, unless the topic has it.
    fn take(&mut self, sequence: u64, letter: Letter) {
        if sequence > self.place.sequence() && !self.there.holds(sequence, &letter.id) {
            self.pending.push((sequence, letter));
        }
    }

    /// Sends what is in hand and waits until the brokers have it. False: asked to stop before.
    fn deliver(&mut self) -> Result<bool, Error> {
        let latest = self.letters.latest();
        for (sequence, letter) in latest.map_err(|error| Error::Log { cause: error.to_string() })? {
            self.take(sequence, letter);
        }
        if !self.pending.is_empty() {
            let (options, log, pending) = (&self.options, &self.log_id, &self.pending);
            if !self.outlet.deliver(|producer| send(producer, options, log, pending))? {
                return Ok(false);
            }
            self.counter.increment(self.pending.len() as u64);
            let letters = u32::try_from(self.pending.len()).unwrap_or(u32::MAX);
            self.due = Instant::now() + PACE.saturating_mul(letters).min(LONGEST);
            self.pending.clear();
        }
        if self.at > self.place.sequence() {
            let chain = self.log.chain_at(self.at).map_err(|cause| Error::Log { cause: cause.to_string() })?;
            let chain = chain.ok_or_else(|| Error::Log { cause: format!("record {} is gone", self.at) })?;
            // What was found when it was looked is passed only when its records are.
            let looked = (self.at >= self.there.sequence).then_some(self.there.end);
            let offset = looked.max(self.outlet.delivered_to().filter(|_| looked.is_some()));
            self.place.move_to(Head { sequence: self.at, chain }, offset);
        }
        self.fed.store(self.at, Ordering::Release);
        Ok(true)
    }
}

fn send(producer: &Producer, options: &FeedOptions, log: &str, pending: &[(u64, Letter)]) -> Result<(), Error> {
    let (topic, partition) = (&options.topic, i32::try_from(options.partition).ok());
    pending.iter().try_for_each(|(sequence, letter)| {
        let content_type = letter.content_type;
        let event = Event { content_type, ..Event::protobuf(&letter.id, options.kind, &options.source) };
        let headers = put(put(event.headers(), SEQUENCE, &sequence.to_string()), LOG, log);
        match &letter.payload {
            Some(payload) => {
                let message = Outgoing { topic, partition, key: &letter.key, payload, event, tag: 0 };
                producer.send_with(&message, headers)
            }
            None => producer.send_tombstone(topic, partition, &letter.key, headers),
        }
    })
}

#[cfg(test)]
mod tests;
