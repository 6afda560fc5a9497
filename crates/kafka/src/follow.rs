//! One session of reading a partition: from the checks to whatever interrupts it.
//!
//! The session begins one record *before* the place where the log ends. That record must be the one the log has; then what comes
//! after it is its continuation. Another leader or a lost connection ends the session, so that this is proven again.

use crate::batch::{Batch, MOST_RECORDS, Place};
use crate::brokers::Quiet;
use crate::consumer::Pause;
use crate::error::Error;
use crate::establish;
use crate::event::{CONTENT_TYPE_C, TRACEPARENT_C, is_xml};
use crate::lag::Lag;
use crate::partition_queue::{Item, PartitionQueue, Record};
use crate::source::{Halt, Source};
use engine::Intake;
use model::timestamp::Timestamp;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The longest wait for a record; also how long a request to stop may wait.
const WAIT: Duration = Duration::from_millis(100);
/// The first record of a session must come within this time.
const FIRST: Duration = Duration::from_secs(15);
/// So many items are taken from librdkafka at a time: the bytes of a batch are looked at in between.
const STRIDE: usize = 256;
/// Of a batch so many records at most are asked for a trace: to parse the headers costs more than all the rest of reading a record,
/// and a block is linked to a few traces anyway. On a quiet partition that is every record.
const MOST_TRACED: usize = 8;

const SHOW: Duration = Duration::from_secs(1);
const COMMIT: Duration = Duration::from_secs(5);
const PARTITIONS: Duration = Duration::from_secs(30);
const THROUGH: Duration = Duration::from_millis(500);
/// Broker and service stamp by their own clocks. On an idle partition we say "all before now has come"; by so much the broker's
/// clock may be behind ours without making that untrue.
const CLOCKS_APART: Duration = Duration::from_secs(1);

/// What a session works with.
pub(crate) struct Session<'a> {
    pub source: &'a Source,
    pub intake: &'a Intake,
    pub stop: &'a AtomicBool,
    pub lag: &'a Lag,
    /// Called once it is reading.
    pub running: &'a dyn Fn(),
}

/// Where the session stands.
struct Reading<'c> {
    consumer: &'c BaseConsumer<Quiet>,
    queue: PartitionQueue<'c>,
    batch: Batch,
    /// Messages are asked for their content type.
    documents: bool,
    /// The leader whose records are being read.
    epoch: Option<i32>,
    /// The end of the partition was reached here, and nothing has come since.
    ended: Option<u64>,
    shown: Instant,
    committed: Instant,
    counted: Instant,
    through: Instant,
}

impl Session<'_> {
    /// A client with the settings of a source that must not lose anything.
    pub(crate) fn client(source: &Source) -> Result<BaseConsumer<Quiet>, Error> {
        source
            .brokers
            .config()
            .set("group.id", &source.group)
            // The place is the log's affair.
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // Never skip to the end or back to the beginning by itself.
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            .set("enable.partition.eof", "true")
            // The default of a second stalls a fast consumer.
            .set("fetch.queue.backoff.ms", "2")
            // A shard that is behind makes us wait, for as long as it takes; we are in no group that could think us dead.
            .set("max.poll.interval.ms", "86400000")
            // Bounds what lies ready in memory.
            .set("queued.max.messages.kbytes", "32768")
            // For one line of its log: see `Quiet::another_topic`.
            .set("debug", "metadata")
            .set_log_level(RDKafkaLogLevel::Debug)
            .create_with_context(Quiet::default())
            .map_err(Error::settings)
    }

    /// Reads until something interrupts. `place` moves on with what the engine took.
    pub(crate) fn run(&self, place: &mut Option<Place>, cluster: &mut Option<String>) -> Pause {
        match self.attempt(place, cluster) {
            Ok(never) => match never {},
            Err(pause) => pause,
        }
    }

    fn attempt(
        &self,
        place: &mut Option<Place>,
        cluster: &mut Option<String>,
    ) -> Result<std::convert::Infallible, Pause> {
        self.unless_stopped()?;
        let consumer = Self::client(self.source).map_err(|error| Pause::Halt(Halt::Settings(error.to_string())))?;
        let bounds = establish::check(self.source, place.as_ref(), cluster, &consumer)?;
        let next = place.as_ref().map_or(bounds.begin, |place| place.next);
        let mut reading = self.assign(&consumer, place.as_ref().map_or(next, |place| place.next - 1))?;
        if let Some(place) = place {
            self.prove(&mut reading, place)?;
        }
        let behind = bounds.end.saturating_sub(next);
        tracing::info!(source = self.source.name(), offset = next, behind, "reading from Kafka");
        self.lag.begin(next, bounds.end);
        (self.running)();
        loop {
            self.unless_stopped()?;
            self.round(&mut reading, place)?;
        }
    }

    fn unless_stopped(&self) -> Result<(), Pause> {
        if self.stop.load(Ordering::Relaxed) { Err(Pause::Stopped) } else { Ok(()) }
    }

    fn assign<'c>(&self, consumer: &'c BaseConsumer<Quiet>, offset: u64) -> Result<Reading<'c>, Pause> {
        let topic = self.source.topic.as_str();
        let partition = self.partition();
        let settings = |cause: String| Pause::Halt(Halt::Settings(cause));
        let queue = PartitionQueue::split(consumer, topic, partition)
            .ok_or_else(|| settings(format!("{topic} is no name of a topic")))?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, position(offset))
            .and_then(|()| consumer.assign(&list))
            .map_err(|cause| settings(cause.to_string()))?;
        let now = Instant::now();
        let (batch, documents) = (Batch::new(), self.source.documents);
        let (shown, committed, counted, through) = (now, now, now, now);
        Ok(Reading { consumer, queue, batch, documents, epoch: None, ended: None, shown, committed, counted, through })
    }

    /// The first record must be the last one that the log has.
    fn prove(&self, reading: &mut Reading<'_>, place: &Place) -> Result<(), Pause> {
        let (offset, deadline) = (place.next - 1, Instant::now() + FIRST);
        let differs = |what| {
            let source_name = self.source.name();
            Err(Pause::Halt(Halt::Replaced { source_name, offset, what }))
        };
        while Instant::now() < deadline {
            self.unless_stopped()?;
            let mut seen = None;
            reading.queue.take(1, WAIT, |item| {
                seen = Some(match item {
                    Item::Record(record) => Ok(Some((record.offset, <[u8; 32]>::from(Sha256::digest(record.payload))))),
                    Item::End(_) => Ok(None),
                    Item::Failed(code) => Err(code),
                });
            });
            reading.trouble()?;
            match seen {
                None => {}
                Some(Err(code)) => return Err(Pause::Again(format!("{}: {code}", self.source.name()))),
                Some(Ok(Some((found, hash)))) if found == offset => {
                    return if place.hash == hash {
                        Ok(())
                    } else {
                        differs("has another content than the one consumed")
                    };
                }
                Some(Ok(_)) => return differs("is not there any more"),
            }
        }
        Err(Pause::Again(format!("the record at offset {offset} did not come within {} s", FIRST.as_secs())))
    }

    /// Takes what is there, hands it over, and sees to what is due.
    fn round(&self, reading: &mut Reading<'_>, place: &mut Option<Place>) -> Result<(), Pause> {
        let interrupted = reading.fill();
        // A lost connection was reported before anything that was read after it: asked for now, the answer is about this batch.
        reading.trouble()?;
        if let Some(moved) = reading.batch.place() {
            self.hand_over(reading)?;
            self.lag.show(moved.next, None);
            *place = Some(moved);
        }
        if let Some(why) = interrupted {
            return Err(Pause::Again(format!("{}: {why}", self.source.name())));
        }
        let next = place.as_ref().map_or(0, |place| place.next);
        self.show(reading, next);
        self.tell_idle(reading, next)?;
        if due(&mut reading.counted, PARTITIONS) {
            // No answer is no news.
            if let Err(halt @ Pause::Halt(_)) = establish::check_partitions(self.source, reading.consumer.client()) {
                return Err(halt);
            }
        }
        Ok(())
    }

    fn hand_over(&self, reading: &mut Reading<'_>) -> Result<(), Pause> {
        let (oversize, unstamped) = (reading.batch.oversize, reading.batch.unstamped);
        (reading.batch.oversize, reading.batch.unstamped) = (0, 0);
        let at = reading.batch.at();
        let batch = reading.batch.finish(&self.source.topic, self.source.partition);
        self.lag.received(batch.messages.len(), batch.bytes.len(), oversize, unstamped);
        self.intake.send(batch).map_err(|_| Pause::Stopped)?;
        if let Some(at) = at
            && due(&mut reading.through, THROUGH)
        {
            // The broker stamps in order: whatever it stamped before this record has come.
            self.consumed_through(at)?;
        }
        Ok(())
    }

    /// On an idle partition time goes on as well: says so, once the broker confirms that there is nothing more.
    fn tell_idle(&self, reading: &mut Reading<'_>, next: u64) -> Result<(), Pause> {
        let Some(ended) = reading.ended else { return Ok(()) };
        if !due(&mut reading.through, THROUGH) {
            return Ok(());
        }
        let asked = SystemTime::now();
        let bounds =
            reading.consumer.fetch_watermarks(self.source.topic.as_str(), self.partition(), Duration::from_secs(1));
        // No answer is no news; if the broker is gone, the next round hears of it.
        let Ok((_, end)) = bounds else { return Ok(()) };
        if u64::try_from(end).is_ok_and(|end| end > ended.max(next)) {
            return Ok(());
        }
        let since = asked.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(CLOCKS_APART);
        let at = i64::try_from(since.as_micros()).ok().and_then(|micros| Timestamp::from_micros(micros).ok());
        at.map_or(Ok(()), |at| self.consumed_through(at))
    }

    fn consumed_through(&self, at: Timestamp) -> Result<(), Pause> {
        self.intake.consumed_through(at).map_err(|_| Pause::Stopped)
    }

    fn show(&self, reading: &mut Reading<'_>, next: u64) {
        if due(&mut reading.shown, SHOW) {
            self.lag.show(next, reading.queue.known_end());
        }
        if next > 0 && due(&mut reading.committed, COMMIT) {
            let mut list = TopicPartitionList::new();
            // For displays of lag only; whether it succeeds is of no consequence.
            let _ = list
                .add_partition_offset(self.source.topic.as_str(), self.partition(), position(next))
                .and_then(|()| reading.consumer.commit(&list, CommitMode::Async));
        }
    }

    fn partition(&self) -> i32 {
        i32::try_from(self.source.partition).unwrap_or(i32::MAX)
    }
}

impl Reading<'_> {
    /// Takes what lies ready, up to a full batch; waits a little if there is nothing. Says what ended the flow, if anything did.
    fn fill(&mut self) -> Option<String> {
        let mut interrupted = None;
        let Reading { queue, batch, documents, epoch, ended, .. } = self;
        batch.clear();
        loop {
            let wait = if batch.is_empty() { WAIT } else { Duration::ZERO };
            let most = STRIDE.min(MOST_RECORDS - batch.len());
            let taken = queue.take(most, wait, |item| match item {
                // What comes after an interruption is read again.
                _ if interrupted.is_some() => {}
                Item::Record(record) => {
                    *ended = None;
                    interrupted = another_leader(epoch, &record);
                    if interrupted.is_none() {
                        let trace = if batch.len() < MOST_TRACED { record.header(TRACEPARENT_C) } else { None };
                        let document = *documents && record.header(CONTENT_TYPE_C).is_some_and(is_xml);
                        batch.push(record.offset, record.payload, record.appended, document, trace);
                    }
                }
                Item::End(offset) => *ended = Some(offset),
                Item::Failed(code) => interrupted = Some(code.to_string()),
            });
            if taken < most || interrupted.is_some() || batch.is_full() {
                return interrupted;
            }
        }
    }

    /// What the client as a whole reports, all of it.
    fn trouble(&self) -> Result<(), Pause> {
        // One by one: a poll that returns nothing may have served a report that has no result.
        for _ in 0..self.queue.reports_waiting() {
            match self.consumer.poll(Duration::ZERO) {
                None => {}
                Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AllBrokersDown))) => {
                    return Err(Pause::Again("the connection to the brokers is lost".to_owned()));
                }
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                    return Err(Pause::Again(format!("the client gave up: {code}")));
                }
                // Of one broker among several, or of the group that only displays use: librdkafka sees to it.
                Some(Err(error)) => tracing::debug!(%error, "librdkafka reports"),
                // The queue of the partition was split off before it was assigned; to pass this by would lose it.
                Some(Ok(_)) => return Err(Pause::Again("a record came by the wrong way".to_owned())),
            }
        }
        if self.consumer.client().context().another_topic() {
            return Err(Pause::Again("the topic was deleted and created again".to_owned()));
        }
        Ok(())
    }
}

/// Whether a record was appended by another leader than the one before it. After an election the log may have lost its end and
/// used the offsets again: then the record before is not the one we read.
fn another_leader(epoch: &mut Option<i32>, record: &Record<'_>) -> Option<String> {
    match epoch.replace(record.epoch) {
        Some(before) if before != record.epoch => Some(format!(
            "another leader appended the record at offset {} (epoch {before}, now {})",
            record.offset, record.epoch
        )),
        _ => None,
    }
}

fn position(offset: u64) -> Offset {
    Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX))
}

/// Whether it is time again; if so, the time starts anew.
fn due(last: &mut Instant, every: Duration) -> bool {
    let due = last.elapsed() >= every;
    if due {
        *last = Instant::now();
    }
    due
}
