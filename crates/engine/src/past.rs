//! What the log remembers, for a decision: the block being built, the blocks on their way to the disk, then the store.

use clearing::{IdKey, Past};
use foldhash::fast::RandomState;
use model::record::Record;
use std::collections::{HashMap, VecDeque};
use store::{Log, Records, RecordsBuilder};

/// The ids that are not on disk yet: the store knows all others.
#[derive(Default)]
pub(crate) struct UncommittedIds {
    by_key: HashMap<IdKey, u64, RandomState>,
    order: VecDeque<(IdKey, u64)>,
}

impl UncommittedIds {
    pub fn get(&self, key: &IdKey) -> Option<u64> {
        self.by_key.get(key).copied()
    }

    /// Remembers an id until its record is on disk.
    pub fn insert(&mut self, key: IdKey, sequence: u64) {
        self.by_key.insert(key, sequence);
        self.order.push_back((key, sequence));
    }

    /// Everything through `committed` is on disk.
    pub fn forget_through(&mut self, committed: u64) {
        while let Some((key, sequence)) = self.order.front().copied()
            && sequence <= committed
        {
            self.order.pop_front();
            // It may lead to a newer record by now.
            if self.by_key.get(&key) == Some(&sequence) {
                self.by_key.remove(&key);
            }
        }
    }
}

/// The past as the record being decided sees it.
pub(crate) struct ShardPast<'a> {
    pub ids: &'a UncommittedIds,
    pub building: &'a RecordsBuilder,
    pub in_flight: &'a VecDeque<Records>,
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
        self.read(sequence, |bytes| match wire::record::decode(bytes) {
            Ok(record) => record,
            Err(cause) => panic!("record {sequence} of the log cannot be read: {cause}"),
        })
    }

    fn payload_hash(&self, sequence: u64) -> Option<[u8; 32]> {
        self.read(sequence, wire::record::payload_hash)?
    }
}

impl ShardPast<'_> {
    /// What is read from the bytes of a record, wherever it is.
    fn read<T>(&self, sequence: u64, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        if let Some(bytes) = self.building.record(sequence) {
            return Some(read(bytes));
        }
        if let Some(bytes) = self.in_flight.iter().find_map(|block| block.record(sequence)) {
            return Some(read(bytes));
        }
        let block = self.log.block_holding(sequence);
        let block = block.unwrap_or_else(|cause| panic!("the past cannot be read: {cause}"))?;
        block.record(sequence).map(read)
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
    fn forgets_what_is_on_disk_but_nothing_claimed_again() {
        let mut ids = UncommittedIds::default();
        for number in 1..=5 {
            ids.insert(key(number), number);
        }
        ids.insert(key(2), 6);
        ids.forget_through(3);
        assert_eq!(ids.get(&key(1)), None);
        assert_eq!(ids.get(&key(2)), Some(6), "claimed again");
        assert_eq!(ids.get(&key(3)), None);
        assert_eq!(ids.get(&key(4)), Some(4));
        ids.forget_through(6);
        assert!(ids.by_key.is_empty() && ids.order.is_empty());
    }
}
