//! A block: consecutive records that are committed together, with the chain before and after them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::{Hash, Head, chain};

/// Bytes before each record in a block's payload: its length, big-endian.
pub(crate) const PREFIX: usize = 4;

/// Consecutive records that are committed together; at least one.
///
/// Cheap to clone: the bytes are shared. A block that was read from a store or decoded from bytes has been verified, so its
/// records hash to its chain.
#[derive(Clone)]
pub struct Block {
    inner: Arc<Inner>,
}

struct Inner {
    first: u64,
    prior: Hash,
    after: Hash,
    /// Records one after the other, each behind its length: exactly what is compressed and stored.
    payload: Vec<u8>,
    /// Where each record ends in the payload.
    ends: Vec<u32>,
}

impl Block {
    pub(crate) fn new(first: u64, prior: Hash, after: Hash, payload: Vec<u8>, ends: Vec<u32>) -> Block {
        debug_assert!(first > 0 && !ends.is_empty());
        Block { inner: Arc::new(Inner { first, prior, after, payload, ends }) }
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
    #[expect(clippy::len_without_is_empty, reason = "a block is never empty")]
    pub fn len(&self) -> usize {
        self.inner.ends.len()
    }

    /// Chain after the last record.
    #[must_use]
    pub fn chain(&self) -> Hash {
        self.inner.after
    }

    /// Chain before the first record.
    #[must_use]
    pub fn prior_chain(&self) -> Hash {
        self.inner.prior
    }

    /// The head of a log that ends with this block.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { sequence: self.last(), chain: self.inner.after }
    }

    /// Bytes of the records, with four more for each.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.inner.payload.len()
    }

    /// A record's bytes, if it is in this block.
    #[must_use]
    pub fn record(&self, sequence: u64) -> Option<&[u8]> {
        let index = usize::try_from(sequence.checked_sub(self.inner.first)?).ok()?;
        (index < self.len()).then(|| self.at(index))
    }

    /// The records in order, each with its sequence.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &[u8])> + Clone {
        (0..self.len()).map(|index| (self.inner.first + index as u64, self.at(index)))
    }

    /// Chain after the record at `sequence`, by hashing from the start of the block; also for the record just before the block.
    #[must_use]
    pub fn chain_at(&self, sequence: u64) -> Option<Hash> {
        if sequence == self.last() {
            return Some(self.inner.after);
        }
        let count = (sequence + 1).checked_sub(self.inner.first)?;
        let count = usize::try_from(count).ok()?;
        (count < self.len()).then(|| {
            (0..count).fold(self.inner.prior, |chain, index| chain::link(&chain, &chain::leaf(self.at(index))))
        })
    }

    /// The records after `sequence` as a block of their own, in the same history; `None` when there are none.
    #[must_use]
    pub fn after(&self, sequence: u64) -> Option<Block> {
        if sequence < self.first() {
            return Some(self.clone());
        }
        let mut rest = BlockBuilder::new(sequence.checked_add(1)?, self.chain_at(sequence)?);
        for (_, record) in self.iter().filter(|(each, _)| *each > sequence) {
            rest.push(record);
        }
        (!rest.is_empty()).then(|| rest.finish())
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.inner.payload
    }

    /// What the block costs in memory.
    pub(crate) fn footprint(&self) -> usize {
        self.inner.payload.capacity() + self.inner.ends.capacity() * size_of::<u32>() + size_of::<Inner>()
    }

    fn at(&self, index: usize) -> &[u8] {
        &self.inner.payload[record_range(&self.inner.ends, index)]
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Block({}..={})", self.first(), self.last())
    }
}

/// Two blocks are equal when they hold the same records at the same place in the same history.
impl PartialEq for Block {
    fn eq(&self, other: &Block) -> bool {
        self.inner.first == other.inner.first
            && self.inner.prior == other.inner.prior
            && self.inner.payload == other.inner.payload
    }
}

impl Eq for Block {}

fn record_range(ends: &[u32], index: usize) -> Range<usize> {
    let start = if index == 0 { 0 } else { ends[index - 1] as usize };
    start + PREFIX..ends[index] as usize
}

/// Collects records into a block, hashing and linking each as it comes.
///
/// Use one builder for one writer: after [`BlockBuilder::finish`] it stands at the next sequence with buffers of the right size,
/// so pushing a record allocates nothing.
pub struct BlockBuilder {
    first: u64,
    prior: Hash,
    chain: Hash,
    payload: Vec<u8>,
    ends: Vec<u32>,
}

impl BlockBuilder {
    /// Most bytes in one block, 1 GiB. It guards against a length that went wrong; blocks of a few hundred KiB are best.
    pub const MAX_BYTES: usize = 1 << 30;

    /// A builder whose first record gets the sequence `first` (1 for an empty log) and links to `prior_chain`.
    ///
    /// # Panics
    /// If `first` is 0: sequence 0 means "no record".
    #[must_use]
    pub fn new(first: u64, prior_chain: Hash) -> BlockBuilder {
        assert!(first > 0, "sequence 0 means that there is no record");
        BlockBuilder { first, prior: prior_chain, chain: prior_chain, payload: Vec::new(), ends: Vec::new() }
    }

    /// A builder that goes on where a log ends.
    #[must_use]
    pub fn after(head: Head) -> BlockBuilder {
        BlockBuilder::new(head.sequence + 1, head.chain)
    }

    /// Appends a record and returns its sequence.
    ///
    /// # Panics
    /// If the block grows beyond [`BlockBuilder::MAX_BYTES`].
    pub fn push(&mut self, record: &[u8]) -> u64 {
        self.push_with(|payload| payload.extend_from_slice(record))
    }

    /// Appends the record that `encode` writes at the end of the buffer it is given, and returns the record's sequence.
    /// Saves the copy when a record is encoded straight into its block.
    ///
    /// # Panics
    /// If `encode` removes bytes that were there, or the block grows beyond [`BlockBuilder::MAX_BYTES`].
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
        self.chain = chain::link(&self.chain, &chain::leaf(&self.payload[start..]));
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

    /// A record's bytes, if it was pushed since the last [`BlockBuilder::finish`].
    #[must_use]
    pub fn record(&self, sequence: u64) -> Option<&[u8]> {
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        (index < self.ends.len()).then(|| &self.payload[record_range(&self.ends, index)])
    }

    /// The head of a log that ends with what was pushed so far.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { sequence: self.first + self.ends.len() as u64 - 1, chain: self.chain }
    }

    /// Hands over what was pushed as a block and stands at the next sequence.
    ///
    /// # Panics
    /// If nothing was pushed.
    pub fn finish(&mut self) -> Block {
        assert!(!self.is_empty(), "a block holds at least one record");
        // A little more room than this block took, so that a steady flow neither grows a buffer nor wastes much of one.
        let payload = Vec::with_capacity(self.payload.len() + self.payload.len() / 8);
        let ends = Vec::with_capacity(self.ends.len() + self.ends.len() / 8);
        let next = self.head();
        let block = Block::new(
            self.first,
            self.prior,
            self.chain,
            std::mem::replace(&mut self.payload, payload),
            std::mem::replace(&mut self.ends, ends),
        );
        self.first = next.sequence + 1;
        self.prior = next.chain;
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_gives_back_its_records_and_chain() {
        let mut builder = BlockBuilder::new(5, [7; 32]);
        assert_eq!(builder.head(), Head { sequence: 4, chain: [7; 32] });
        assert_eq!(builder.push(b"one"), 5);
        assert_eq!(builder.push(b""), 6);
        assert_eq!(builder.push_with(|bytes| bytes.push(b'3')), 7);
        assert_eq!(builder.record(5), Some(&b"one"[..]));
        assert_eq!(builder.record(8), None);
        let block = builder.finish();
        assert_eq!((block.first(), block.last(), block.len()), (5, 7, 3));
        assert_eq!(block.record(4), None);
        assert_eq!(block.record(6), Some(&b""[..]));
        assert_eq!(block.record(8), None);
        let all: Vec<_> = block.iter().collect();
        assert_eq!(all, [(5, &b"one"[..]), (6, b""), (7, b"3")]);

        let one = chain::link(&[7; 32], &chain::leaf(b"one"));
        let two = chain::link(&one, &chain::leaf(b""));
        let three = chain::link(&two, &chain::leaf(b"3"));
        assert_eq!(block.chain(), three);
        assert_eq!(block.chain_at(3), None);
        assert_eq!(block.chain_at(4), Some([7; 32]));
        assert_eq!(block.chain_at(5), Some(one));
        assert_eq!(block.chain_at(6), Some(two));
        assert_eq!(block.chain_at(7), Some(three));
        assert_eq!(block.chain_at(8), None);
    }

    #[test]
    fn what_comes_after_a_record_is_a_block_of_the_same_history() {
        let mut builder = BlockBuilder::new(5, [7; 32]);
        for record in [&b"one"[..], b"two", b"three"] {
            builder.push(record);
        }
        let block = builder.finish();
        let rest = block.after(5).expect("two records");
        assert_eq!((rest.first(), rest.last(), rest.chain()), (6, 7, block.chain()));
        assert_eq!(rest.prior_chain(), block.chain_at(5).expect("in the block"));
        assert_eq!(rest.record(6), Some(&b"two"[..]));
        assert_eq!(block.after(3).expect("all"), block);
        assert_eq!(block.after(7), None);
        assert_eq!(block.after(9), None);
    }

    #[test]
    fn a_finished_builder_goes_on_after_its_block() {
        let mut builder = BlockBuilder::after(Head::EMPTY);
        builder.push(b"a");
        let first = builder.finish();
        assert!(builder.is_empty() && builder.byte_len() == 0);
        assert_eq!(builder.push(b"b"), 2);
        let second = builder.finish();
        assert_eq!(second.prior_chain(), first.chain());
    }

    #[test]
    #[should_panic(expected = "at least one record")]
    fn an_empty_block_is_a_bug() {
        let _ = BlockBuilder::after(Head::EMPTY).finish();
    }
}
