//! Sending: an idempotent producer that neither loses, doubles nor reorders what it was given, as long as it lives.
//!
//! It is the front office of the demonstration, the tests and the benches, and what our own topics are written with. No Kafka
//! transactions: librdkafka takes 100 ms for each.

use crate::brokers::{Brokers, Quiet};
use crate::error::Error;
use crate::event::Event;
use crate::topics::MAX_BLOCK;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a full buffer is left alone before the next attempt.
const BUFFER_FULL: Duration = Duration::from_millis(1);

/// An idempotent producer, shared by reference among threads. Dropping it without [`Producer::flush`] throws away what was not
/// delivered yet.
pub struct Producer {
    inner: ThreadedProducer<Context>,
    fate: Arc<Fate>,
}

/// A message to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Where to.
    pub topic: &'a str,
    /// `None`: the key decides.
    pub partition: Option<i32>,
    /// The settlement domain of a trade: what settles together stays in one partition, in order.
    pub key: &'a str,
    /// The protobuf message.
    pub payload: &'a [u8],
    /// Its attributes.
    pub event: Event<'a>,
    /// Comes back with the delivery.
    pub tag: usize,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// As it was sent.
    pub tag: usize,
    /// Partition and offset, or why it is not there. After an error it may be there all the same.
    pub outcome: Result<(i32, i64), String>,
}

/// Counts of what became of the messages.
#[derive(Default)]
struct Fate {
    sent: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    /// The first offset behind what was delivered; 0 while nothing was.
    next: AtomicU64,
    first_error: Mutex<Option<String>>,
    /// Told when the fate of everything sent is known.
    settled: Condvar,
}

impl Fate {
    fn is_settled(&self) -> bool {
        self.delivered.load(Ordering::Acquire) + self.failed.load(Ordering::Acquire)
            >= self.sent.load(Ordering::Acquire)
    }
}

type Listener = dyn Fn(Delivery) + Send + Sync;

struct Context {
    lines: Quiet,
    fate: Arc<Fate>,
    listener: Option<Box<Listener>>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.lines.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.lines.error(error, reason);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        let outcome = match result {
            Ok(message) => {
                // Below zero where the brokers had it already and do not say where.
                let next = u64::try_from(message.offset()).map_or(0, |offset| offset + 1);
                self.fate.next.fetch_max(next, Ordering::Release);
                self.fate.delivered.fetch_add(1, Ordering::Release);
                Ok((message.partition(), message.offset()))
            }
            Err((error, _)) => {
                let text = error.to_string();
                let mut first = self.fate.first_error.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| text.clone());
                self.fate.failed.fetch_add(1, Ordering::Release);
                Err(text)
            }
        };
        if let Some(listener) = &self.listener {
            listener(Delivery { tag, outcome });
        }
        if self.fate.is_settled() {
            // Behind the lock, so that who has just looked and begins to wait hears it.
            drop(self.fate.first_error.lock().unwrap_or_else(PoisonError::into_inner));
            self.fate.settled.notify_all();
        }
    }
}

impl Producer {
    /// A producer that counts deliveries. Does not wait for the brokers to be there.
    ///
    /// # Errors
    /// [`Error::Settings`].
    pub fn new(brokers: &Brokers) -> Result<Producer, Error> {
        Producer::with(brokers, None)
    }

    /// A producer that gives nothing up while it lives: what it was told to send stands in the topic once, however long the
    /// brokers were away.
    pub(crate) fn patient(brokers: &Brokers) -> Result<Producer, Error> {
        // Its callers send by the batch and wait for it: what lingers longer is only waited for.
        Producer::with_settings(brokers, None, &[("message.timeout.ms", "0"), ("linger.ms", "1")])
    }

    /// A producer that reports each delivery, from a thread of its own.
    ///
    /// # Errors
    /// [`Error::Settings`].
    pub fn reporting(
        brokers: &Brokers,
        listener: impl Fn(Delivery) + Send + Sync + 'static,
    ) -> Result<Producer, Error> {
        Producer::with(brokers, Some(Box::new(listener)))
    }

    /// A producer of stored blocks: large, packed already, wanted at once, and never given up.
    pub(crate) fn for_blocks(brokers: &Brokers) -> Result<Producer, Error> {
        let largest = MAX_BLOCK.to_string();
        let settings = [
            ("compression.type", "none"),
            ("linger.ms", "0"),
            ("message.max.bytes", largest.as_str()),
            // A block that was given up would be a gap; who sends it ends the session instead.
            ("message.timeout.ms", "0"),
        ];
        Producer::with_settings(brokers, None, &settings)
    }

    fn with(brokers: &Brokers, listener: Option<Box<Listener>>) -> Result<Producer, Error> {
        Producer::with_settings(brokers, listener, &[])
    }

    fn with_settings(
        brokers: &Brokers,
        listener: Option<Box<Listener>>,
        more: &[(&str, &str)],
    ) -> Result<Producer, Error> {
        let fate = Arc::new(Fate::default());
        let context = Context { lines: Quiet::default(), fate: fate.clone(), listener };
        let mut config = brokers.config();
        config
            // With it come acks=all, endless retries, and order kept through them.
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            // Bounds what waits here while the brokers are away; a full buffer makes `send` wait.
            .set("queue.buffering.max.messages", "200000")
            .set("queue.buffering.max.kbytes", "131072");
        for (name, value) in more {
            config.set(*name, *value);
        }
        let inner = config.create_with_context(context).map_err(Error::settings)?;
        Ok(Producer { inner, fate })
    }

    /// Puts a message on its way; waits while the buffer is full.
    ///
    /// # Errors
    /// [`Error::Send`] when it can never be delivered: too large, or the producer broke.
    pub fn send(&self, message: &Outgoing<'_>) -> Result<(), Error> {
        self.send_with(message, message.event.headers())
    }

    pub(crate) fn send_with(&self, message: &Outgoing<'_>, headers: OwnedHeaders) -> Result<(), Error> {
        let record = BaseRecord::with_opaque_to(message.topic, message.tag).key(message.key).payload(message.payload);
        let record = record.headers(headers);
        self.put(BaseRecord { partition: message.partition, ..record })
    }

    /// A message without a value: in a compacted topic what stood under its key is no more.
    pub(crate) fn send_tombstone(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: &str,
        headers: OwnedHeaders,
    ) -> Result<(), Error> {
        let record = BaseRecord::<str, [u8], usize>::with_opaque_to(topic, 0).key(key).headers(headers);
        self.put(BaseRecord { partition, ..record })
    }

    fn put(&self, mut record: BaseRecord<'_, str, [u8], usize>) -> Result<(), Error> {
        let topic = record.topic;
        loop {
            match self.inner.send(record) {
                Ok(()) => {
                    self.fate.sent.fetch_add(1, Ordering::Release);
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    thread::sleep(BUFFER_FULL);
                }
                Err((cause, _)) => return Err(Error::Send { topic: topic.to_owned(), cause: cause.to_string() }),
            }
        }
    }

    /// Waits until all that was sent has been delivered.
    ///
    /// # Errors
    /// [`Error::Undelivered`] when some failed, now or earlier, or the time is over.
    pub fn flush(&self, timeout: Duration) -> Result<(), Error> {
        // Starts what still lingers. To wait as well, librdkafka's binding would poll for the deliveries, which the producer's own
        // thread takes from under it: then it sleeps for its 100 ms after the last of them.
        let _ = self.inner.flush(Duration::ZERO);
        let first = self.fate.first_error.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, _) = self
            .fate
            .settled
            .wait_timeout_while(first, timeout, |_| !self.fate.is_settled())
            .unwrap_or_else(PoisonError::into_inner);
        let failed = self.failed();
        if self.fate.is_settled() && failed == 0 {
            return Ok(());
        }
        let waiting = u64::try_from(self.inner.in_flight_count()).unwrap_or(0);
        let cause = first.clone().unwrap_or_else(|| "no answer in time".to_owned());
        Err(Error::Undelivered { failed, waiting, cause })
    }

    /// Messages that the brokers have.
    pub fn delivered(&self) -> u64 {
        self.fate.delivered.load(Ordering::Acquire)
    }

    /// The first offset behind all that was delivered, where one partition is written to.
    pub(crate) fn delivered_to(&self) -> Option<u64> {
        Some(self.fate.next.load(Ordering::Acquire)).filter(|next| *next > 0)
    }

    /// Messages that were given up.
    pub fn failed(&self) -> u64 {
        self.fate.failed.load(Ordering::Acquire)
    }

    /// Messages on their way.
    pub fn in_flight(&self) -> u64 {
        u64::try_from(self.inner.in_flight_count()).unwrap_or(0)
    }
}
