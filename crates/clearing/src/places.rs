//! Tables from a key to the place of the thing that has it. The thing holds its key itself, so an entry is eight bytes: the
//! place, and half of the key's hash, which tells nearly every other thing apart without a look at it and lets the table
//! grow without one.

use hashbrown::HashTable;

/// Half of a hash, and a place.
type Entry = (u32, u32);

/// Places by a key.
#[derive(Debug, Default)]
pub(crate) struct Places {
    table: HashTable<Entry>,
}

/// The hash that the table wants: its tags are the highest bits, its buckets the lowest.
pub(crate) fn spread(half: u32) -> u64 {
    let mixed = u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

impl Places {
    /// The place whose thing has the key; `has_key` is asked of places that may be it.
    pub fn find(&self, hash: u32, mut has_key: impl FnMut(u32) -> bool) -> Option<u32> {
        let found = self.table.find(spread(hash), |(half, place)| *half == hash && has_key(*place));
        found.map(|(_, place)| *place)
    }

    /// Adds a place. Its key must not be in the table.
    pub fn add(&mut self, hash: u32, place: u32) {
        self.table.insert_unique(spread(hash), (hash, place), |(half, _)| spread(*half));
    }

    /// Takes a place out.
    pub fn remove(&mut self, hash: u32, place: u32) {
        if let Ok(entry) = self.table.find_entry(spread(hash), |entry| *entry == (hash, place)) {
            entry.remove();
        }
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
