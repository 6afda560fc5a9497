//! The way in for a Kafka source: raw batches, with back-pressure.

use crate::error::Closed;
use crate::metrics;
use crate::shared::Shared;
use crossbeam_channel::Sender;
use model::identifier::Identifier;
use model::timestamp::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// How often a source that is held looks whether it may go on.
const LOOK: Duration = Duration::from_millis(2);

/// Messages of one partition in the order of their offsets, as they came.
#[derive(Clone, Debug)]
pub struct RawBatch {
    /// Where they came from.
    pub topic: Identifier,
    /// Which partition of it.
    pub partition: u32,
    /// The bytes of all messages.
    pub bytes: Vec<u8>,
    /// Which bytes are whose.
    pub messages: Vec<RawMessage>,
}

/// One message of a batch.
#[derive(Clone, Debug)]
pub struct RawMessage {
    /// Its first byte in the batch.
    pub start: u32,
    /// Its length there.
    pub len: u32,
    /// Its offset in the partition.
    pub offset: u64,
    /// The broker's time stamp.
    pub at: Timestamp,
    /// The message was larger than is taken: its true size and the SHA-256 of all of it. The batch holds its beginning.
    pub oversize: Option<(u64, [u8; 32])>,
    /// It says of itself that it is an XML document; on the topic of advices it is read as one.
    pub document: bool,
    /// The W3C trace context it came with, when that is sampled.
    pub traceparent: Option<Box<str>>,
}

impl RawBatch {
    /// One without messages.
    #[must_use]
    pub fn new(topic: Identifier, partition: u32) -> RawBatch {
        RawBatch { topic, partition, bytes: Vec::new(), messages: Vec::new() }
    }

    /// Appends a message, whose bytes `write` puts behind those that are there: protobuf, whole and without a trace, unless
    /// what is returned is told otherwise.
    ///
    /// # Panics
    /// When the batch has grown beyond 4 GiB.
    pub fn push(&mut self, offset: u64, at: Timestamp, write: impl FnOnce(&mut Vec<u8>)) -> &mut RawMessage {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let [start, len] = [start, self.bytes.len() - start].map(|size| u32::try_from(size).expect("below 4 GiB"));
        self.messages.push(RawMessage { start, len, offset, at, oversize: None, document: false, traceparent: None });
        self.messages.last_mut().expect("the one just pushed")
    }

    /// The bytes of a message, as far as the batch holds them.
    ///
    /// # Panics
    /// When the message does not lie within the batch.
    #[must_use]
    pub fn raw(&self, message: &RawMessage) -> &[u8] {
        &self.bytes[message.start as usize..][..message.len as usize]
    }
}

/// What the decode stage is sent.
pub(crate) enum Incoming {
    Batch(RawBatch),
    /// A source has handed over everything stamped before an instant.
    Through {
        source: usize,
        at: Timestamp,
    },
    /// Nothing more comes.
    End,
}

/// A source's way into the shard. While one is there, cut-offs wait for [`Intake::consumed_through`].
pub struct Intake {
    lane: Sender<Incoming>,
    source: usize,
    shared: Arc<Shared>,
    hold: Option<Hold>,
}

/// Whether a source has to wait before it hands over more.
type Hold = Box<dyn Fn() -> bool + Send + Sync>;

impl Intake {
    pub(crate) fn new(lane: Sender<Incoming>, source: usize, shared: Arc<Shared>) -> Intake {
        Intake { lane, source, shared, hold: None }
    }

    /// The same, but each batch waits while `hold` says so. Only this source waits: calls are taken as ever.
    #[must_use]
    pub fn held_while(self, hold: impl Fn() -> bool + Send + Sync + 'static) -> Intake {
        Intake { hold: Some(Box::new(hold)), ..self }
    }

    /// Hands over a batch; blocks while it is held or the shard is behind. Offsets that are in the log already are passed over.
    ///
    /// # Errors
    /// [`Closed`] when the engine takes nothing more. What was not committed is to be sent again after the next start,
    /// from the cursor.
    pub fn send(&self, batch: RawBatch) -> Result<(), Closed> {
        self.wait_while_held();
        self.put(Incoming::Batch(batch))
    }

    fn wait_while_held(&self) {
        let Some(hold) = self.hold.as_ref().filter(|hold| hold()) else { return };
        metrics::intake_held(true);
        while !self.shared.is_closing() && hold() {
            std::thread::sleep(LOOK);
        }
        metrics::intake_held(false);
    }

    /// Says that everything the source stamped before `at` has been sent. A cut-off at T waits until every source has
    /// said so of T or a later instant.
    ///
    /// # Errors
    /// [`Closed`] when the engine takes nothing more.
    pub fn consumed_through(&self, at: Timestamp) -> Result<(), Closed> {
        self.put(Incoming::Through { source: self.source, at })
    }

    fn put(&self, incoming: Incoming) -> Result<(), Closed> {
        if self.shared.is_closing() {
            return Err(Closed);
        }
        self.lane.send(incoming).map_err(|_| Closed)
    }
}
