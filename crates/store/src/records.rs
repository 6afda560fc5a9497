//! Consecutive records that are not hashed yet: who decides them need not wait for their chain.

use std::ops::Range;
use std::sync::Arc;

/// Bytes before each record in a payload: its length, big-endian.
pub(crate) const PREFIX: usize = 4;

/// Consecutive records, at least one. Cheap to clone: the bytes are shared. [`crate::Block::linked`] makes a block of them.
#[derive(Clone)]
pub struct Records {
    inner: Arc<Inner>,
}

struct Inner {
    first: u64,
    /// Records one after the other, each behind its length: exactly what is compressed and stored.
    payload: Vec<u8>,
    /// Where each record ends in the payload.
    ends: Vec<u32>,
}

impl Records {
    pub(crate) fn new(first: u64, payload: Vec<u8>, ends: Vec<u32>) -> Records {
        debug_assert!(first > 0 && !ends.is_empty());
        Records { inner: Arc::new(Inner { first, payload, ends }) }
    }

    /// Sequence of the first record.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.inner.first
    }

    /// Sequence of the last record.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.inner.first + self.inner.ends.len() as u64 - 1
    }

    /// Number of records, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is at least one")]
    pub fn len(&self) -> usize {
        self.inner.ends.len()
    }

    /// Bytes of the records, with four more for each.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.inner.payload.len()
    }

    /// A record's bytes, if it is one of these.
    #[must_use]
    pub fn record(&self, sequence: u64) -> Option<&[u8]> {
        record(self.inner.first, &self.inner.payload, &self.inner.ends, sequence)
    }

    /// The records in order, each with its sequence.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &[u8])> + Clone {
        let Inner { first, payload, ends } = &*self.inner;
        (0..ends.len()).map(move |index| (first + index as u64, &payload[range(ends, index)]))
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.inner.payload
    }

    /// What they cost in memory.
    pub(crate) fn footprint(&self) -> usize {
        self.inner.payload.capacity() + self.inner.ends.capacity() * size_of::<u32>() + size_of::<Inner>()
    }
}

fn range(ends: &[u32], index: usize) -> Range<usize> {
    let start = if index == 0 { 0 } else { ends[index - 1] as usize };
    start + PREFIX..ends[index] as usize
}

fn record<'a>(first: u64, payload: &'a [u8], ends: &[u32], sequence: u64) -> Option<&'a [u8]> {
    let index = usize::try_from(sequence.checked_sub(first)?).ok()?;
    (index < ends.len()).then(|| &payload[range(ends, index)])
}

/// Collects records, each written where it will stand.
///
/// After [`RecordsBuilder::finish`] it stands at the next sequence with buffers of the right size, so pushing a record allocates
/// nothing.
pub struct RecordsBuilder {
    first: u64,
    payload: Vec<u8>,
    ends: Vec<u32>,
}

impl RecordsBuilder {
    /// Most bytes at once, 1 GiB. It guards against a length that went wrong; blocks of a few hundred KiB are best.
    pub const MAX_BYTES: usize = 1 << 30;

    /// A builder whose first record gets the sequence `first`, which is 1 for an empty log.
    ///
    /// # Panics
    /// If `first` is 0: sequence 0 means "no record".
    #[must_use]
    pub fn new(first: u64) -> RecordsBuilder {
        assert!(first > 0, "sequence 0 means that there is no record");
        RecordsBuilder { first, payload: Vec::new(), ends: Vec::new() }
    }

    /// Appends the record that `encode` writes at the end of the buffer it is given, and returns the record's sequence.
    /// Saves the copy when a record is encoded straight into its place.
    ///
    /// # Panics
    /// If `encode` removes bytes that were there, or there are more than [`RecordsBuilder::MAX_BYTES`].
    pub fn push_with(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let start = self.payload.len() + PREFIX;
        self.payload.resize(start, 0);
        encode(&mut self.payload);
        let end = self.payload.len();
        assert!(end >= start, "an encoder may only append to the block's bytes");
        assert!(
            end <= Self::MAX_BYTES,
            "a block of {end} bytes: the largest is {} bytes, commit earlier",
            Self::MAX_BYTES
        );
        // Both fit in 32 bits because of the bound just checked.
        let length = (end - start) as u32;
        self.payload[start - PREFIX..start].copy_from_slice(&length.to_be_bytes());
        self.ends.push(end as u32);
        self.first + self.ends.len() as u64 - 1
    }

    /// Number of records so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether no record was pushed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes so far, with four for each record.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.payload.len()
    }

    /// A record's bytes, if it was pushed since the last [`RecordsBuilder::finish`].
    #[must_use]
    pub fn record(&self, sequence: u64) -> Option<&[u8]> {
        record(self.first, &self.payload, &self.ends, sequence)
    }

    /// Hands over what was pushed and stands at the next sequence.
    ///
    /// # Panics
    /// If nothing was pushed.
    pub fn finish(&mut self) -> Records {
        assert!(!self.is_empty(), "a block holds at least one record");
        // A little more room than these took, so that a steady flow neither grows a buffer nor wastes much of one.
        let payload = Vec::with_capacity(self.payload.len() + self.payload.len() / 8);
        let ends = Vec::with_capacity(self.ends.len() + self.ends.len() / 8);
        let payload = std::mem::replace(&mut self.payload, payload);
        let records = Records::new(self.first, payload, std::mem::replace(&mut self.ends, ends));
        self.first = records.last() + 1;
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_while_they_are_collected_and_afterwards() {
        let mut builder = RecordsBuilder::new(5);
        for record in [&b"one"[..], b"", b"three"] {
            builder.push_with(|out| out.extend_from_slice(record));
        }
        assert_eq!((builder.record(5), builder.record(8)), (Some(&b"one"[..]), None));
        let records = builder.finish();
        assert_eq!((records.first(), records.last(), records.len(), records.byte_len()), (5, 7, 3, 20));
        assert_eq!((records.record(4), records.record(6), records.record(8)), (None, Some(&b""[..]), None));
        assert!(builder.is_empty() && builder.byte_len() == 0);
        assert_eq!(builder.push_with(|out| out.push(4)), 8);
    }
}
