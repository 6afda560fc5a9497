//! Ids in memory: those of the newest blocks, and a full batch of older ones while it is moved into the table.

use std::collections::HashMap;
use std::sync::Arc;

use super::Claim;

/// An id as two numbers, which order as its bytes do; a `u128` would cost eight bytes more for each in memory.
pub(super) type Key = (u64, u64);

/// Hashed again with a seed of the process, since outsiders choose what ids are made from.
pub(super) type Map = HashMap<Key, u64, foldhash::fast::RandomState>;

/// Ids that are being moved into the table.
pub(super) struct Full {
    pub ids: Map,
    /// The last of their blocks, by its first record: its claims and all before it are in `ids`.
    pub through: u64,
}

pub(super) struct Recent {
    young: Map,
    full: Option<Arc<Full>>,
    /// The last block whose ids are in `young`, by its first record.
    through: u64,
    limit: usize,
}

impl Recent {
    pub(super) fn new(limit: usize) -> Recent {
        Recent { young: map(limit), full: None, through: 0, limit }
    }

    pub(super) fn get(&self, id: &[u8; 16]) -> Option<u64> {
        let id = key(id);
        let older = || self.full.as_ref()?.ids.get(&id);
        self.young.get(&id).or_else(older).copied()
    }

    pub(super) fn insert(&mut self, claims: &[Claim]) {
        for (id, sequence) in claims {
            self.young.insert(key(id), *sequence);
        }
    }

    /// The ids of the block that begins at `first`, and of all before it, were inserted.
    pub(super) fn reaches(&mut self, first: u64) {
        self.through = first;
    }

    /// Like [`Recent::reaches`]; if there are enough ids and none are being moved, sets them aside to be moved.
    pub(super) fn freeze_if_full(&mut self, first: u64) -> bool {
        self.reaches(first);
        let full = self.young.len() >= self.limit && self.full.is_none();
        if full {
            self.full = Some(Arc::new(Full {
                ids: std::mem::replace(&mut self.young, map(self.limit)),
                through: self.through,
            }));
        }
        full
    }

    pub(super) fn full(&self) -> Option<Arc<Full>> {
        self.full.clone()
    }

    /// They are in the table now.
    pub(super) fn forget_full(&mut self) {
        self.full = None;
    }

    pub(super) fn len(&self) -> usize {
        self.young.len() + self.full.as_ref().map_or(0, |full| full.ids.len())
    }
}

fn key(id: &[u8; 16]) -> Key {
    let id = u128::from_be_bytes(*id);
    ((id >> 64) as u64, id as u64)
}

/// The bytes of an id.
pub(super) fn bytes(key: Key) -> [u8; 16] {
    (u128::from(key.0) << 64 | u128::from(key.1)).to_be_bytes()
}

fn map(limit: usize) -> Map {
    // Room from the start: growing a large map would stop a commit for milliseconds.
    Map::with_capacity_and_hasher(limit, Default::default())
}
