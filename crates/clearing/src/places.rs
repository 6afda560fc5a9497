//! Tables from a key to the place of the thing that has it. The thing holds its key itself, so an entry is eight bytes: the
//! place, and half of the key's hash, which tells nearly every other thing apart without a look at it and lets the table
//! grow without one.
//!
//! Entries with the same beginning lie beside each other (linear probing; what is taken out is closed up at once), so a
//! look-up touches one cache line and then the thing: a table with tags apart from its entries touches one more, and a
//! settled trade needs some twenty look-ups (docs/PERFORMANCE.md).

use crate::slab::NONE;
use alloc::boxed::Box;
use alloc::vec;

/// Half of a hash, and a place; `NONE` where nothing is.
type Entry = (u32, u32);

const EMPTY: Entry = (0, NONE);

/// Places by a key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// A power of two of them, or none; at least a quarter is empty.
    entries: Box<[Entry]>,
    count: usize,
}

/// The hash that a table wants which takes its tags from the highest bits and its buckets from the lowest.
pub(crate) fn spread(half: u32) -> u64 {
    let mixed = u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

impl Places {
    /// Where the search for a hash begins.
    fn home(&self, hash: u32) -> usize {
        spread(hash) as usize & self.mask()
    }

    fn mask(&self) -> usize {
        self.entries.len().wrapping_sub(1)
    }

    /// The place whose thing has the key; `has_key` is asked of places that may be it.
    #[inline]
    pub fn find(&self, hash: u32, mut has_key: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let mut at = self.home(hash);
        loop {
            let (half, place) = self.entries[at];
            if place == NONE {
                return None;
            }
            if half == hash && has_key(place) {
                return Some(place);
            }
            at = (at + 1) & self.mask();
        }
    }

    /// The place that most likely is the one of a hash, if any is: what stands where the search for it begins.
    #[inline]
    pub fn likely(&self, hash: u32) -> Option<u32> {
        self.entries.get(self.home(hash)).map(|entry| entry.1)
    }

    /// Adds a place. Its key must not be in the table.
    pub fn add(&mut self, hash: u32, place: u32) {
        assert_ne!(place, NONE, "a place is where something is");
        if (self.count + 1) * 4 > self.entries.len() * 3 {
            self.grow();
        }
        self.count += 1;
        self.put((hash, place));
    }

    fn put(&mut self, entry: Entry) {
        let mut at = self.home(entry.0);
        while self.entries[at].1 != NONE {
            at = (at + 1) & self.mask();
        }
        self.entries[at] = entry;
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![EMPTY; (self.entries.len() * 2).max(8)].into_boxed_slice();
        let smaller = core::mem::replace(&mut self.entries, larger);
        for entry in smaller.iter().filter(|entry| entry.1 != NONE) {
            self.put(*entry);
        }
    }

    /// Takes a place out.
    pub fn remove(&mut self, hash: u32, place: u32) {
        if self.count == 0 {
            return;
        }
        let mut hole = self.home(hash);
        while self.entries[hole] != (hash, place) {
            if self.entries[hole].1 == NONE {
                return;
            }
            hole = (hole + 1) & self.mask();
        }
        self.count -= 1;
        // What stands further from its home than the hole does moves into it, and leaves a hole of its own.
        let mut at = hole;
        loop {
            at = (at + 1) & self.mask();
            let entry = self.entries[at];
            if entry.1 == NONE {
                break;
            }
            let (from_home, from_hole) = (at.wrapping_sub(self.home(entry.0)), at.wrapping_sub(hole));
            if from_home & self.mask() >= from_hole & self.mask() {
                self.entries[hole] = entry;
                hole = at;
            }
        }
        self.entries[hole] = EMPTY;
    }
}

/// Half of the hash of a number that the log gives one after the other.
pub(crate) fn of_number(number: u64) -> u32 {
    (number ^ (number >> 32)) as u32
}

/// Half of the hash of a key that is a hash itself.
pub(crate) fn of_key(key: &crate::past::IdKey) -> u32 {
    u32::from_le_bytes([key[0], key[1], key[2], key[3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn what_comes_and_goes_is_as_in_a_map() {
        // Few homes, so that runs of entries wrap round the end and holes are closed over.
        let mut places = Places::default();
        let mut plain = alloc::collections::BTreeMap::new();
        let mut random = 88_172_645_463_325_252_u64;
        for _ in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let place = (random % 90) as u32;
            let hash = place % 23;
            if plain.remove(&place).is_some() {
                places.remove(hash, place);
            } else {
                plain.insert(place, hash);
                places.add(hash, place);
            }
            assert_eq!(places.count, plain.len());
            for place in 0..90 {
                let found = places.find(place % 23, |found| found == place);
                assert_eq!(found, plain.contains_key(&place).then_some(place));
            }
        }
    }

    #[test]
    fn finds_each_key_also_where_half_hashes_are_equal() {
        // Only a hundred hashes for a thousand keys.
        let keys: Vec<u64> = (0..1_000).map(|number| number * 7).collect();
        let hash = |key: u64| (key % 100) as u32;
        let mut places = Places::default();
        for (place, key) in keys.iter().enumerate() {
            places.add(hash(*key), place as u32);
        }
        for place in (0..1_000).step_by(3) {
            places.remove(hash(keys[place]), place as u32);
        }
        for (place, key) in keys.iter().enumerate() {
            let expected = (place % 3 != 0).then_some(place as u32);
            assert_eq!(places.find(hash(*key), |found| keys[found as usize] == *key), expected);
        }
        assert_eq!(places.find(hash(5), |found| keys[found as usize] == 5), None);
    }
}
