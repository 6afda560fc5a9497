//! Records of a partition become one [`RawBatch`]: one buffer, and who lies where in it.

use crate::event::sampled;
use engine::{RawBatch, RawMessage};
use model::identifier::Identifier;
use model::timestamp::Timestamp;
use sha2::{Digest, Sha256};

/// A batch is full after so many records …
pub(crate) const MOST_RECORDS: usize = 1_024;
/// … or so many bytes. It may be overshot by what one call to librdkafka brings.
pub(crate) const MOST_BYTES: usize = 512 << 10;

/// Of a message too large to be taken so much is kept, for a person to see what it is.
const BEGINNING: usize = 1_024;

/// Collects records.
pub(crate) struct Batch {
    bytes: Vec<u8>,
    messages: Vec<RawMessage>,
    /// Records without a stamp of the broker.
    pub unstamped: u64,
    pub oversize: u64,
}

/// What the next start must find: the offset after the last record, and that record's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub next: u64,
    pub hash: [u8; 32],
}

impl Batch {
    pub(crate) fn new() -> Batch {
        Batch { bytes: Vec::new(), messages: Vec::new(), unstamped: 0, oversize: 0 }
    }

    /// Copies a record. `appended` is the broker's stamp in milliseconds; `document`: it says that it is XML.
    pub(crate) fn push(
        &mut self,
        offset: u64,
        payload: &[u8],
        appended: Option<i64>,
        document: bool,
        trace: Option<&[u8]>,
    ) {
        let too_large = payload.len() > if document { wire::MAX_DOCUMENT } else { wire::MAX_TRADE };
        let kept = if too_large { &payload[..BEGINNING] } else { payload };
        // A message that the producer stamped, from before the topic was set right, has no time of its own: the engine gives it
        // that of the record before, since stamps never go back.
        let at = appended.and_then(|millis| Timestamp::from_millis(millis).ok()).unwrap_or_else(|| {
            self.unstamped += 1;
            Timestamp::EPOCH
        });
        self.oversize += u64::from(too_large);
        self.messages.push(RawMessage {
            // Both stay far below 4 GiB: the batch is bounded, and so is what is kept of a message.
            start: self.bytes.len() as u32,
            len: kept.len() as u32,
            offset,
            at,
            oversize: too_large.then(|| (payload.len() as u64, Sha256::digest(payload).into())),
            document,
            traceparent: trace.and_then(sampled).map(Into::into),
        });
        self.bytes.extend_from_slice(kept);
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.messages.len() >= MOST_RECORDS || self.bytes.len() >= MOST_BYTES
    }

    /// Forgets what was collected.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.messages.clear();
    }

    /// Where a consumer that had sent this batch would go on.
    pub(crate) fn place(&self) -> Option<Place> {
        let last = self.messages.last()?;
        let hash = match last.oversize {
            Some((_, hash)) => hash,
            None => Sha256::digest(&self.bytes[last.start as usize..][..last.len as usize]).into(),
        };
        Some(Place { next: last.offset + 1, hash })
    }

    /// When the broker appended the last record.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.messages.last().map(|last| last.at)
    }

    /// Hands over what was collected and starts anew, with buffers of about the right size.
    pub(crate) fn finish(&mut self, topic: &Identifier, partition: u32) -> RawBatch {
        let bytes = Vec::with_capacity(self.bytes.len());
        let messages = Vec::with_capacity(self.messages.len());
        RawBatch {
            topic: topic.clone(),
            partition,
            bytes: std::mem::replace(&mut self.bytes, bytes),
            messages: std::mem::replace(&mut self.messages, messages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_lie_one_after_the_other() {
        let mut batch = Batch::new();
        assert_eq!(batch.place(), None);
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        batch.push(7, b"one", Some(1_000), false, None);
        batch.push(9, b"", None, false, Some(trace.as_bytes()));
        batch.push(10, b"three", Some(2_000), false, Some(b"nonsense"));
        let hash: [u8; 32] = Sha256::digest(b"three").into();
        assert_eq!(batch.place(), Some(Place { next: 11, hash }));
        assert_eq!((batch.unstamped, batch.oversize), (1, 0));
        let topic = Identifier::parse("t").expect("a name");
        let raw = batch.finish(&topic, 3);
        assert!(batch.is_empty());
        let read: Vec<_> =
            raw.messages.iter().map(|m| (m.offset, &raw.bytes[m.start as usize..][..m.len as usize])).collect();
        assert_eq!(read, [(7, &b"one"[..]), (9, b""), (10, b"three")]);
        assert_eq!(raw.messages[0].at, Timestamp::from_millis(1_000).expect("an instant"));
        assert_eq!(raw.messages[1].at, Timestamp::EPOCH);
        assert_eq!(raw.messages[1].traceparent.as_deref(), Some(trace));
        assert_eq!(raw.messages[2].traceparent, None);
    }

    #[test]
    fn of_an_oversize_message_size_hash_and_beginning_are_kept() {
        let mut batch = Batch::new();
        let most = vec![b'x'; wire::MAX_TRADE];
        let more = vec![b'x'; wire::MAX_TRADE + 1];
        batch.push(0, &most, Some(0), false, None);
        batch.push(1, &more, Some(0), false, None);
        let hash: [u8; 32] = Sha256::digest(&more).into();
        assert_eq!(batch.place(), Some(Place { next: 2, hash }));
        assert_eq!(batch.oversize, 1);
        let raw = batch.finish(&Identifier::parse("t").expect("a name"), 0);
        assert_eq!(raw.messages[0].oversize, None);
        assert_eq!(raw.messages[1].oversize, Some((more.len() as u64, hash)));
        assert_eq!(raw.messages[1].len as usize, BEGINNING);

        // XML takes more bytes to say the same.
        batch.push(2, &more, Some(0), true, None);
        batch.push(3, &vec![b'<'; wire::MAX_DOCUMENT + 1], Some(0), true, None);
        let raw = batch.finish(&Identifier::parse("t").expect("a name"), 0);
        assert!(raw.messages[0].oversize.is_none() && raw.messages[1].oversize.is_some());
        assert!(raw.messages.iter().all(|message| message.document));
    }
}
