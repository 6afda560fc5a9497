//! Which blocks of the records topic count.
//!
//! A starting publisher writes a *fence*; its generation is that fence's own offset. A block is accepted only if its generation is
//! the newest fence seen so far and its first record is the next. Everybody who reads the topic from its beginning by this rule
//! reads the same records once and in order, whatever an engine that lost its place still sends.

use super::header::Entry;
use store::{Block, Head};

/// What a message of the topic came to.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// A publisher began: from here on only its blocks count.
    Fence {
        /// Which one, as it names itself.
        instance: String,
    },
    /// The next block.
    Accepted(Block),
    /// It does not count.
    Dropped(Dropped),
}

/// Why a message does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// A newer fence came before it.
    OldGeneration,
    /// Its records came before, or records before it are missing.
    NotNext,
    /// It is neither a fence nor a block.
    Strange,
}

/// Where a reader of the topic stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The newest fence.
    pub generation: Option<u64>,
    /// The last record accepted.
    pub last: Head,
}

impl Default for Rule {
    fn default() -> Rule {
        Rule { generation: None, last: Head::EMPTY }
    }
}

impl Rule {
    /// Takes the next message of the partition.
    ///
    /// # Errors
    /// When a block that should count cannot be read, or does not go on from the one before: no publisher of ours sends such a one.
    pub(crate) fn take(&mut self, offset: u64, entry: Entry<'_>) -> Result<Verdict, String> {
        self.take_reading(offset, entry, Block::from_stored)
    }

    /// The same, reading a block's stored bytes in a way of the caller's own: who has sent them knows what is in them.
    ///
    /// # Errors
    /// As [`Rule::take`].
    pub(crate) fn take_reading(
        &mut self,
        offset: u64,
        entry: Entry<'_>,
        read: impl FnOnce(&[u8]) -> Result<Block, store::Error>,
    ) -> Result<Verdict, String> {
        let (generation, stored) = match entry {
            Entry::Fence { instance } => {
                self.generation = Some(offset);
                return Ok(Verdict::Fence { instance: instance.to_owned() });
            }
            Entry::Strange => return Ok(Verdict::Dropped(Dropped::Strange)),
            Entry::Block { generation, stored } => (generation, stored),
        };
        if self.generation != Some(generation) {
            return Ok(Verdict::Dropped(Dropped::OldGeneration));
        }
        let block = read(stored).map_err(|error| error.to_string())?;
        if block.first() != self.last.sequence + 1 {
            return Ok(Verdict::Dropped(Dropped::NotNext));
        }
        if block.prior_chain() != self.last.chain {
            return Err(format!("block {} goes on from another history", block.first()));
        }
        self.last = block.head();
        Ok(Verdict::Accepted(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::BlockBuilder;

    /// Blocks of two records each, as they are stored.
    fn blocks(count: usize, from: Head) -> Vec<Vec<u8>> {
        let mut builder = BlockBuilder::after(from);
        let mut next = |_| {
            builder.push(b"one");
            builder.push(b"two");
            builder.finish().to_stored(1).expect("encodes")
        };
        (0..count).map(&mut next).collect()
    }

    fn fence(instance: &str) -> Entry<'_> {
        Entry::Fence { instance }
    }

    fn block(generation: u64, stored: &[u8]) -> Entry<'_> {
        Entry::Block { generation, stored }
    }

    fn accepted(verdict: Result<Verdict, String>) -> Option<u64> {
        match verdict.expect("sound") {
            Verdict::Accepted(block) => Some(block.first()),
            _ => None,
        }
    }

    #[test]
    fn blocks_of_the_newest_fence_count_once_and_in_order() {
        let blocks = blocks(3, Head::EMPTY);
        let mut rule = Rule::default();
        assert_eq!(rule.take(0, block(0, &blocks[0])), Ok(Verdict::Dropped(Dropped::OldGeneration)), "no fence yet");
        assert_eq!(rule.take(1, fence("a")), Ok(Verdict::Fence { instance: "a".to_owned() }));
        assert_eq!(accepted(rule.take(2, block(1, &blocks[0]))), Some(1));
        assert_eq!(rule.take(3, block(1, &blocks[0])), Ok(Verdict::Dropped(Dropped::NotNext)), "it came before");
        assert_eq!(rule.take(4, block(1, &blocks[2])), Ok(Verdict::Dropped(Dropped::NotNext)), "one is missing");
        assert_eq!(rule.take(5, fence("b")), Ok(Verdict::Fence { instance: "b".to_owned() }));
        assert_eq!(rule.take(6, block(1, &blocks[1])), Ok(Verdict::Dropped(Dropped::OldGeneration)), "a zombie");
        assert_eq!(accepted(rule.take(7, block(5, &blocks[1]))), Some(3));
        assert_eq!(rule.take(8, Entry::Strange), Ok(Verdict::Dropped(Dropped::Strange)));
        assert_eq!(accepted(rule.take(9, block(5, &blocks[2]))), Some(5));
        assert_eq!(rule, Rule { generation: Some(5), last: Block::from_stored(&blocks[2]).expect("sound").head() });
    }

    #[test]
    fn a_block_that_should_count_and_is_broken_is_an_error() {
        let mut rule = Rule::default();
        rule.take(0, fence("a")).expect("a fence");
        assert!(rule.take(1, block(0, b"nonsense")).is_err());
        let elsewhere = blocks(1, Head { sequence: 0, chain: [1; 32] });
        assert!(rule.take(2, block(0, &elsewhere[0])).is_err_and(|why| why.contains("another history")));
        assert_eq!(rule.last, Head::EMPTY);
    }
}
