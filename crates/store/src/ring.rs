//! The newest blocks in memory: followers that keep up never touch the disk.

use std::collections::VecDeque;

use crate::Block;

/// Blocks without a gap, newest last, within a bound on their bytes; at least the newest stays.
pub(crate) struct Ring {
    blocks: VecDeque<Block>,
    bytes: usize,
    limit: usize,
}

impl Ring {
    pub(crate) fn new(limit: usize) -> Ring {
        Ring { blocks: VecDeque::new(), bytes: 0, limit }
    }

    pub(crate) fn push(&mut self, block: Block) {
        debug_assert!(self.blocks.back().is_none_or(|newest| newest.last() + 1 == block.first()));
        self.bytes += block.footprint();
        self.blocks.push_back(block);
        while self.bytes > self.limit && self.blocks.len() > 1 {
            if let Some(oldest) = self.blocks.pop_front() {
                self.bytes -= oldest.footprint();
            }
        }
    }

    /// The block that holds a record, if it is among the newest.
    pub(crate) fn holding(&self, sequence: u64) -> Option<Block> {
        let index = self.blocks.partition_point(|block| block.last() < sequence);
        let block = self.blocks.get(index)?;
        (block.first() <= sequence).then(|| block.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BlockBuilder, Head};

    #[test]
    fn keeps_the_newest_within_its_bound() {
        let mut builder = BlockBuilder::after(Head::EMPTY);
        let mut ring = Ring::new(10_000);
        assert!(ring.holding(1).is_none());
        for _ in 0..20 {
            for _ in 0..10 {
                builder.push(&[0; 100]);
            }
            ring.push(builder.finish());
        }
        assert!(ring.bytes <= 10_000);
        assert!(ring.holding(1).is_none());
        assert!(ring.holding(201).is_none());
        assert_eq!(ring.holding(200).map(|block| block.first()), Some(191));
        assert_eq!(ring.holding(191).map(|block| block.first()), Some(191));
        assert_eq!(ring.holding(190).map(|block| block.first()), Some(181));
    }

    #[test]
    fn a_block_beyond_the_bound_is_kept_while_it_is_the_newest() {
        let mut builder = BlockBuilder::after(Head::EMPTY);
        let mut ring = Ring::new(10);
        builder.push(&[0; 100]);
        ring.push(builder.finish());
        assert!(ring.holding(1).is_some());
        builder.push(&[0; 100]);
        ring.push(builder.finish());
        assert!(ring.holding(1).is_none());
        assert!(ring.holding(2).is_some());
    }
}
