//! The first stage: bytes become commands. What cannot be read becomes a command too: to set it aside.

use crate::intake::{Incoming, RawBatch, RawMessage};
use crate::shared::Shared;
use crossbeam_channel::{Receiver, Sender};
use model::advice::Advice;
use model::command::{Command, Unreadable};
use model::identifier::Identifier;
use model::timestamp::Timestamp;
use model::trade::TradeMessage;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use wire::DecodeError;

/// Reads a trade message.
type Decode = fn(&[u8]) -> Result<TradeMessage, DecodeError>;

/// How the messages of a topic are read.
pub(crate) struct Decoders {
    pub trade: Decode,
    /// The topic whose messages are advices.
    pub advices: Identifier,
}

/// So many messages go on together: few enough that the next stage starts early and calls are not kept waiting.
const CHUNK: usize = 256;

/// What the middle stage gets.
pub(crate) enum Arrival {
    Chunk(Chunk),
    Through { source: usize, at: Timestamp },
    End,
}

/// Some messages of a batch, read.
pub(crate) struct Chunk {
    pub batch: Arc<RawBatch>,
    /// Which message of the batch is the first.
    pub first: usize,
    /// One for each message.
    pub reads: Vec<Read>,
}

/// What a message was found to be. Small, since it is moved from stage to stage.
pub(crate) enum Read {
    Trade(Box<TradeMessage>),
    Advice(Box<Advice>),
    Unreadable(Box<Unreadable>),
}

impl From<Read> for Command {
    fn from(read: Read) -> Command {
        match read {
            Read::Trade(trade) => Command::Trade(trade),
            Read::Advice(advice) => Command::Advice(advice),
            Read::Unreadable(unreadable) => Command::Quarantine(unreadable),
        }
    }
}

/// The body of the thread. Ends when nothing more comes or the next stage is gone.
pub(crate) fn run(incoming: &Receiver<Incoming>, onward: &Sender<Arrival>, decoders: &Decoders, shared: &Shared) {
    for item in incoming {
        if shared.is_abandoned() || !take(item, onward, decoders) {
            return;
        }
    }
}

/// Reads what came in and sends it on; `false` when nothing more comes or the next stage is gone.
pub(crate) fn take(item: Incoming, onward: &Sender<Arrival>, decoders: &Decoders) -> bool {
    let sent = match item {
        Incoming::End => {
            let _ = onward.send(Arrival::End);
            return false;
        }
        Incoming::Through { source, at } => onward.send(Arrival::Through { source, at }),
        Incoming::Batch(batch) => send_batch(Arc::new(batch), onward, decoders),
    };
    sent.is_ok()
}

fn send_batch(
    batch: Arc<RawBatch>,
    onward: &Sender<Arrival>,
    decoders: &Decoders,
) -> Result<(), crossbeam_channel::SendError<Arrival>> {
    let mut first = 0;
    let advices = batch.topic == decoders.advices;
    while first < batch.messages.len() {
        let messages = &batch.messages[first..batch.messages.len().min(first + CHUNK)];
        let reads = messages.iter().map(|message| read(&batch, message, decoders, advices)).collect();
        let count = messages.len();
        onward.send(Arrival::Chunk(Chunk { batch: batch.clone(), first, reads }))?;
        first += count;
    }
    Ok(())
}

fn read(batch: &RawBatch, message: &RawMessage, decoders: &Decoders, advices: bool) -> Read {
    let raw = batch.raw(message);
    let (what, limit) = match (advices, message.document) {
        (true, true) => ("an XML document", wire::MAX_DOCUMENT),
        (true, false) => ("an advice", wire::MAX_ADVICE),
        (false, _) => ("a trade message", wire::MAX_TRADE),
    };
    if message.oversize.is_some() || raw.len() > limit {
        let size = message.oversize.map_or(raw.len() as u64, |(size, _)| size);
        let reason = format!("{size} bytes are more than {what} may have ({limit})");
        let error = DecodeError { path: String::new(), reason };
        return Read::Unreadable(set_aside(error, raw, message));
    }
    // The decoder has no state, so a panic in it is one more way of saying that these bytes make no sense.
    let read = || match (advices, message.document) {
        (true, true) => document(raw).map(|advice| Read::Advice(Box::new(advice))),
        (true, false) => wire::settlement::decode_advice(raw).map(|advice| Read::Advice(Box::new(advice))),
        (false, _) => (decoders.trade)(raw).map(|trade| Read::Trade(Box::new(trade))),
    };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => Read::Unreadable(set_aside(error, raw, message)),
        Err(panic) => {
            let reason = format!("the decoder failed: {}", crate::error::panic_text(&*panic));
            tracing::error!(topic = %batch.topic, batch.partition, message.offset, reason, "a message is set aside");
            Read::Unreadable(set_aside(DecodeError { path: String::new(), reason }, raw, message))
        }
    }
}

/// Reads an advice from ISO 20022 XML. What is said of a document quotes it, and is kept with it: it is bounded here.
fn document(raw: &[u8]) -> Result<Advice, DecodeError> {
    iso20022::read_advice(raw).map_err(|error| {
        let line = error.line(raw);
        DecodeError {
            path: quotable(&error.path),
            reason: format!("{} (line {line}, byte {})", quotable(&error.reason), error.offset),
        }
    })
}

/// The longest quotation from a document.
const MOST_QUOTED: usize = 500;

/// What may stand in a record's reason and on a screen.
fn quotable(text: &str) -> String {
    text.chars().take(MOST_QUOTED).map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// What is kept of what nobody could read; of what is too large only size and hash.
#[cold]
pub(crate) fn set_aside(error: DecodeError, raw: &[u8], message: &RawMessage) -> Box<Unreadable> {
    let mut unreadable = match message.document {
        true => wire::command::unreadable_document(raw, error),
        false => wire::command::unreadable(raw, error),
    };
    if let Some((size, hash)) = message.oversize {
        unreadable = Unreadable { bytes: Vec::new(), size, hash, ..unreadable };
    }
    Box::new(unreadable)
}
