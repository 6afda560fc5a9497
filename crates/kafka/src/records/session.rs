//! One session with the topic: from the checks to whatever interrupts it. Doubt ends a session; the next one proves everything again.

mod open;
mod publish;

use super::header::Entry;
use super::place::Place;
use super::rule::{Rule, Verdict};
use super::tail::{Item, Tail};
use super::{RecordsHalt, RecordsOptions, RecordsState, Shared};
use crate::source::Halt;
use engine::{ImportError, Replica};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use store::Block;

/// The longest wait for a message; also how long a request to stop may wait.
const WAIT: Duration = Duration::from_millis(50);
/// The same while something that was sent is to come back.
const SOON: Duration = Duration::from_millis(2);
/// How long a fence may take to come back before the producer is given up.
const FENCE: Duration = Duration::from_secs(30);
/// Sent and not yet read back: so many bytes or blocks. All else waits in the log.
const WINDOW_BYTES: usize = 16 << 20;
const WINDOW_BLOCKS: usize = 512;
/// Between two savings of the place.
const SAVE: Duration = Duration::from_secs(1);
/// Of a block that has to be packed anew because log and topic cut it differently.
const LEVEL: i32 = 1;

/// Why a session ended.
pub(crate) enum Pause {
    Stopped,
    Halt(RecordsHalt),
    /// Try again in a moment.
    Wait(String),
}

/// What lasts from session to session.
pub(crate) struct Session<'a> {
    options: &'a RecordsOptions,
    name: &'a str,
    replica: &'a Replica,
    shared: &'a Shared,
    cluster: Option<String>,
    /// The last block accepted, and the fence before it.
    place: Option<Place>,
    saved: Option<(Option<Place>, Instant)>,
    /// Names this process; each fence has a number behind it.
    instance: String,
    fences: u64,
    /// The engine decides.
    leads: bool,
    metrics: Metrics,
}

/// What a session reads with.
struct Reading {
    tail: Tail,
    rule: Rule,
    /// The newest fence that was read, and whose it is.
    fence: Option<(u64, String)>,
    /// What had been appended when reading began was read.
    ended: bool,
    end: u64,
}

/// A block on its way, as the log has it and as it was sent.
struct Sent {
    block: Block,
    stored: Vec<u8>,
}

struct Metrics {
    published: metrics::Gauge,
    behind: metrics::Gauge,
    generation: metrics::Gauge,
    sent: metrics::Counter,
    imported: metrics::Counter,
    dropped: metrics::Counter,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        options: &'a RecordsOptions,
        name: &'a str,
        replica: &'a Replica,
        shared: &'a Shared,
    ) -> Session<'a> {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let metrics = Metrics {
            published: metrics::gauge!("quittance_records_published_sequence"),
            behind: metrics::gauge!("quittance_records_unpublished"),
            generation: metrics::gauge!("quittance_records_generation"),
            sent: metrics::counter!("quittance_records_blocks_sent_total"),
            imported: metrics::counter!("quittance_records_blocks_imported_total"),
            dropped: metrics::counter!("quittance_records_messages_dropped_total"),
        };
        Session {
            options,
            name,
            replica,
            shared,
            cluster: options.cluster.clone(),
            place: Place::load(&options.place),
            saved: None,
            instance: format!("{}-{nanos:x}", std::process::id()),
            fences: 0,
            leads: false,
            metrics,
        }
    }

    /// Follows or leads until something interrupts.
    pub(crate) fn run(&mut self) -> Pause {
        match self.attempt() {
            Ok(never) => match never {},
            Err(pause) => pause,
        }
    }

    /// Writes down how far the topic was read.
    pub(crate) fn save(&mut self) {
        let Some(place) = &self.place else { return };
        if self.saved.as_ref().is_some_and(|(saved, _)| saved.as_ref() == Some(place)) {
            return;
        }
        if let Err(error) = place.save(&self.options.place) {
            tracing::warn!(%error, "the place in the records topic is not saved: the next start reads more of it");
        }
        self.saved = Some((self.place.clone(), Instant::now()));
    }

    fn attempt(&mut self) -> Result<std::convert::Infallible, Pause> {
        self.unless_stopped()?;
        let mut reading = self.open()?;
        // First to the end: an engine that was asleep must learn that another one leads before it takes the lead from it.
        while !reading.ended {
            self.step(&mut reading, WAIT)?;
        }
        if !self.shared.lead.load(Ordering::Acquire) {
            self.tell(RecordsState::Following);
            self.replica.explain(&format!("this service only reads {}: ask the one that leads the shard", self.name));
            while !self.shared.lead.load(Ordering::Acquire) {
                self.step(&mut reading, WAIT)?;
            }
        }
        let (producer, generation) = self.fence(&mut reading)?;
        self.compare(&reading)?;
        if !self.leads {
            if let Some(seen) = self.replica.log().missing_until() {
                return Err(Pause::Halt(RecordsHalt::Lost { name: self.name.to_owned(), sequence: seen.sequence }));
            }
            match self.replica.promote() {
                Ok(()) => self.leads = true,
                Err(ImportError::Empty) => {
                    return Err(Pause::Wait(format!("this log and {} are both empty: `quittance init`", self.name)));
                }
                Err(_) => return Err(Pause::Stopped),
            }
        }
        tracing::info!(
            topic = self.name,
            generation,
            sequence = reading.rule.last.sequence,
            "this engine leads the shard"
        );
        self.tell(RecordsState::Leading(generation));
        self.publish(&mut reading, &producer, generation)
    }

    fn unless_stopped(&self) -> Result<(), Pause> {
        let ended = self.shared.stop.load(Ordering::Acquire) || self.replica.has_ended();
        if ended { Err(Pause::Stopped) } else { Ok(()) }
    }

    fn tell(&self, state: RecordsState) {
        self.shared.state.send_replace(state);
    }

    /// Takes what comes next, if anything does in time; a block that the log lacks is taken over.
    fn step(&mut self, reading: &mut Reading, wait: Duration) -> Result<Option<Block>, Pause> {
        self.step_expecting(reading, wait, None)
    }

    /// The same. What comes back byte for byte as it was sent is not read again: it is the log's own block.
    fn step_expecting(
        &mut self,
        reading: &mut Reading,
        wait: Duration,
        sent: Option<&Sent>,
    ) -> Result<Option<Block>, Pause> {
        self.unless_stopped()?;
        let Reading { tail, rule, fence, ended, end } = reading;
        let name = self.name;
        let taken = tail.next(wait, |item| {
            let (offset, entry) = match item {
                Item::Record { offset, entry } => (offset, entry),
                Item::End => {
                    *ended = true;
                    return Ok(None);
                }
                Item::Broken(why) => return Err(Pause::Wait(why)),
            };
            *ended |= offset + 1 >= *end;
            let broken = |cause| Pause::Halt(RecordsHalt::Broken { name: name.to_owned(), offset, cause });
            let mut back = false;
            let read = |stored: &[u8]| match sent.filter(|sent| sent.stored == stored) {
                Some(sent) => {
                    back = true;
                    Ok(sent.block.clone())
                }
                None => Block::from_stored(stored),
            };
            let verdict = rule.take_reading(offset, entry, read).map_err(broken)?;
            let stored = match (&verdict, entry) {
                (Verdict::Accepted(_), Entry::Block { stored, .. }) if !back => Some(stored.to_vec()),
                _ => None,
            };
            Ok(Some((offset, verdict, stored)))
        });
        let Some((offset, verdict, stored)) = taken.transpose()?.flatten() else { return Ok(None) };
        match verdict {
            Verdict::Fence { instance } => {
                *fence = Some((offset, instance));
                self.refuse_if_superseded(reading)?;
                Ok(None)
            }
            Verdict::Dropped(why) => {
                tracing::debug!(topic = name, offset, ?why, "a message does not count");
                self.shared.counters.dropped.fetch_add(1, Ordering::Release);
                self.metrics.dropped.increment(1);
                Ok(None)
            }
            Verdict::Accepted(block) => {
                let generation = rule.generation.unwrap_or_default();
                if let Some(stored) = stored {
                    self.take_over(&block, stored)?;
                }
                self.place = Some(Place { offset, generation, last: block.head() });
                self.accepted(block.last());
                Ok(Some(block))
            }
        }
    }

    /// Compares an accepted block with the log, and imports what the log lacks of it.
    fn take_over(&mut self, block: &Block, stored: Vec<u8>) -> Result<(), Pause> {
        let log = self.replica.log();
        let unreadable = |error: store::Error| Pause::Halt(RecordsHalt::Topic(Halt::Settings(error.to_string())));
        let diverged = |sequence| Err(Pause::Halt(RecordsHalt::Diverged { name: self.name.to_owned(), sequence }));
        let head = log.head();
        // By the rule the block goes on from one that was compared or imported before, so nothing lies between it and the log.
        if block.last() <= head.sequence {
            // Mostly cut alike; then there is nothing to be unpacked.
            let same = log.stored_block(block.first()).map_err(unreadable)?.is_some_and(|ours| ours == stored);
            let same = same || log.chain_at(block.last()).map_err(unreadable)? == Some(block.chain());
            return if same { Ok(()) } else { diverged(block.last()) };
        }
        if self.leads || block.chain_at(head.sequence) != Some(head.chain) {
            return diverged(block.last());
        }
        let Some(rest) = block.after(head.sequence) else { return Ok(()) };
        let stored = if rest.first() == block.first() { stored } else { rest.to_stored(LEVEL).map_err(unreadable)? };
        match self.replica.import(rest, stored) {
            Ok(_) => {
                self.shared.counters.imported.fetch_add(1, Ordering::Release);
                self.metrics.imported.increment(1);
                Ok(())
            }
            Err(error @ ImportError::Record { .. }) => {
                let (name, cause) = (self.name.to_owned(), error.to_string());
                Err(Pause::Halt(RecordsHalt::Broken { name, offset: block.first(), cause }))
            }
            // The engine has failed or ends.
            Err(_) => Err(Pause::Stopped),
        }
    }

    fn accepted(&mut self, sequence: u64) {
        self.shared.counters.published.store(sequence, Ordering::Release);
        self.shared.published.send_replace(sequence);
        self.metrics.published.set(sequence as f64);
        if self.saved.as_ref().is_none_or(|(_, at)| at.elapsed() >= SAVE) {
            self.save();
        }
    }

    /// The newest fence is another engine's, though this one led.
    fn refuse_if_superseded(&self, reading: &Reading) -> Result<(), Pause> {
        let ours = self.shared.counters.generation.load(Ordering::Acquire);
        let Some((fence, instance)) = &reading.fence else { return Ok(()) };
        if !self.leads || *fence <= ours || self.is_ours(instance) {
            return Ok(());
        }
        let published = self.shared.counters.published.load(Ordering::Acquire);
        Err(Pause::Halt(RecordsHalt::Superseded {
            name: self.name.to_owned(),
            fence: *fence,
            instance: instance.clone(),
            ours,
            unpublished: self.replica.log().head().sequence.saturating_sub(published),
        }))
    }

    fn is_ours(&self, instance: &str) -> bool {
        instance.rsplit_once('/').is_some_and(|(process, _)| process == self.instance)
    }
}
