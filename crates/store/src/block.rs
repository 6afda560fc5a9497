//! A block: consecutive records that are committed together, with the chain before and after them.

use std::fmt;

use crate::records::{Records, RecordsBuilder};
use crate::{Hash, Head, chain};

/// Consecutive records that are committed together; at least one.
///
/// Cheap to clone: the bytes are shared. A block that was read from a store or decoded from bytes has been verified, so its
/// records hash to its chain.
#[derive(Clone)]
pub struct Block {
    records: Records,
    prior: Hash,
    after: Hash,
}

impl Block {
    pub(crate) fn new(first: u64, prior: Hash, after: Hash, payload: Vec<u8>, ends: Vec<u32>) -> Block {
        Block { records: Records::new(first, payload, ends), prior, after }
    }

    /// Hashes records into the chain that ends with `prior`.
    #[must_use]
    pub fn linked(records: Records, prior: Hash) -> Block {
        let after = records.iter().fold(prior, |chain, (_, record)| chain::link(&chain, &chain::leaf(record)));
        Block { records, prior, after }
    }

    /// Sequence of the first record.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.records.first()
    }

    /// Sequence of the last record.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.records.last()
    }

    /// Number of records, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a block is never empty")]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Chain after the last record.
    #[must_use]
    pub fn chain(&self) -> Hash {
        self.after
    }

    /// Chain before the first record.
    #[must_use]
    pub fn prior_chain(&self) -> Hash {
        self.prior
    }

    /// The head of a log that ends with this block.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { sequence: self.last(), chain: self.after }
    }

    /// Bytes of the records, with four more for each.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.records.byte_len()
    }

    /// A record's bytes, if it is in this block.
    #[must_use]
    pub fn record(&self, sequence: u64) -> Option<&[u8]> {
        self.records.record(sequence)
    }

    /// The records in order, each with its sequence.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &[u8])> + Clone {
        self.records.iter()
    }

    /// Chain after the record at `sequence`, by hashing from the start of the block; also for the record just before the block.
    #[must_use]
    pub fn chain_at(&self, sequence: u64) -> Option<Hash> {
        if sequence == self.last() {
            return Some(self.after);
        }
        let count = (sequence + 1).checked_sub(self.first())?;
        let count = usize::try_from(count).ok()?;
        (count < self.len()).then(|| {
            let before = self.iter().take(count);
            before.fold(self.prior, |chain, (_, record)| chain::link(&chain, &chain::leaf(record)))
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
        self.records.payload()
    }

    /// What the block costs in memory.
    pub(crate) fn footprint(&self) -> usize {
        self.records.footprint() + size_of::<Block>()
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
        self.first() == other.first() && self.prior == other.prior && self.payload() == other.payload()
    }
}

impl Eq for Block {}

/// Collects records into a block.
///
/// Use one builder for one writer: after [`BlockBuilder::finish`] it stands at the next sequence with buffers of the right size,
/// so pushing a record allocates nothing.
pub struct BlockBuilder {
    records: RecordsBuilder,
    prior: Hash,
}

impl BlockBuilder {
    /// Most bytes in one block, as [`RecordsBuilder::MAX_BYTES`].
    pub const MAX_BYTES: usize = RecordsBuilder::MAX_BYTES;

    /// A builder whose first record gets the sequence `first` (1 for an empty log) and links to `prior_chain`.
    ///
    /// # Panics
    /// If `first` is 0: sequence 0 means "no record".
    #[must_use]
    pub fn new(first: u64, prior_chain: Hash) -> BlockBuilder {
        BlockBuilder { records: RecordsBuilder::new(first), prior: prior_chain }
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

    /// Appends a record that is written where it will stand, as [`RecordsBuilder::push_with`].
    ///
    /// # Panics
    /// As [`RecordsBuilder::push_with`].
    pub fn push_with(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> u64 {
        self.records.push_with(encode)
    }

    /// Number of records so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no record was pushed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Hands over what was pushed as a block and stands at the next sequence.
    ///
    /// # Panics
    /// If nothing was pushed.
    pub fn finish(&mut self) -> Block {
        let block = Block::linked(self.records.finish(), self.prior);
        self.prior = block.chain();
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_gives_back_its_records_and_chain() {
        let mut builder = BlockBuilder::new(5, [7; 32]);
        assert_eq!(builder.push(b"one"), 5);
        assert_eq!(builder.push(b""), 6);
        assert_eq!(builder.push_with(|bytes| bytes.push(b'3')), 7);
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
        assert!(builder.is_empty());
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
