//! What the log remembers, for a decision: the block being built, the blocks on their way to the disk, recent ids in
//! memory, then the store.

use clearing::{IdKey, Past};
use foldhash::fast::RandomState;
use model::record::Record;
use std::collections::{HashMap, VecDeque};
use store::{Block, BlockBuilder, Log};

/// The newest ids in memory: all that are not yet committed, and as many more as there is room for.
pub(crate) struct RecentIds {
    by_key: HashMap<IdKey, u64, RandomState>,
    order: VecDeque<(IdKey, u64)>,
    room: usize,
}

impl RecentIds {
    pub fn new(room: usize) -> RecentIds {
        RecentIds {
            by_key: HashMap::with_capacity_and_hasher(room + 1, RandomState::default()),
            order: VecDeque::new(),
            room,
        }
    }

    pub fn get(&self, key: &IdKey) -> Option<u64> {
        self.by_key.get(key).copied()
    }

    /// Remembers an id; forgets the oldest beyond the room, but none of a record after `committed`.
    pub fn insert(&mut self, key: IdKey, sequence: u64, committed: u64) {
        self.by_key.insert(key, sequence);
        self.order.push_back((key, sequence));
        while self.order.len() > self.room
            && let Some((oldest, sequence)) = self.order.front().copied()
            && sequence <= committed
        {
            self.order.pop_front();
            // It may lead to a newer record by now.
            if self.by_key.get(&oldest) == Some(&sequence) {
                self.by_key.remove(&oldest);
            }
        }
    }
}

/// The past as the record being decided sees it.
pub(crate) struct ShardPast<'a> {
    pub ids: &'a RecentIds,
    pub building: &'a BlockBuilder,
    pub in_flight: &'a VecDeque<Block>,
    pub log: &'a Log,
}

impl Past for ShardPast<'_> {
    fn sequence_of(&self, key: &IdKey) -> Option<u64> {
        if let Some(sequence) = self.ids.get(key) {
            return Some(sequence);
        }
        // A read that fails stops the shard: a decision that does not know its past must not be taken.
        self.log.id(key).unwrap_or_else(|cause| panic!("the past cannot be read: {cause}"))
    }

    fn record(&self, sequence: u64) -> Option<Record> {
        let decode = |bytes: &[u8]| match wire::record::decode(bytes) {
            Ok(record) => record,
            Err(cause) => panic!("record {sequence} of the log cannot be read: {cause}"),
        };
        if let Some(bytes) = self.building.record(sequence) {
            return Some(decode(bytes));
        }
        if let Some(bytes) = self.in_flight.iter().find_map(|block| block.record(sequence)) {
            return Some(decode(bytes));
        }
        let block = self.log.block_holding(sequence);
        let block = block.unwrap_or_else(|cause| panic!("the past cannot be read: {cause}"))?;
        block.record(sequence).map(decode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> IdKey {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&number.to_be_bytes());
        key
    }

    #[test]
    fn forgets_the_oldest_but_nothing_uncommitted_and_nothing_claimed_again() {
        let mut ids = RecentIds::new(3);
        for number in 1..=5 {
            ids.insert(key(number), number, 0);
        }
        assert!((1..=5).all(|number| ids.get(&key(number)) == Some(number)), "none is committed");
        ids.insert(key(2), 6, 3);
        assert_eq!(ids.get(&key(1)), None);
        assert_eq!(ids.get(&key(2)), Some(6), "claimed again");
        assert_eq!(ids.get(&key(3)), None);
        assert_eq!(ids.get(&key(4)), Some(4));
        assert_eq!(ids.order.len(), 3);
    }
}
