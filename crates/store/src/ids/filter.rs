//! A filter over all ids of a log: "certainly new" in one look at memory, or "ask further".
//!
//! It is a Bloom filter whose bits for one id lie in one cache line. Its size is fixed, so with more ids it lets more pass: at 12 bits an id
//! about one in a hundred, at 6 about one in ten, and each that passes costs a look into the table.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const WORDS: usize = 8;
const PROBES: usize = 6;

#[derive(Default)]
#[repr(align(64))]
struct Line([AtomicU64; WORDS]);

/// Ids are added by the writer and looked up by anyone, without a lock.
pub(super) struct Filter {
    lines: Box<[Line]>,
    complete: AtomicBool,
}

impl Filter {
    pub(super) fn new(bytes: usize) -> Filter {
        let count = (bytes / size_of::<Line>()).max(1);
        Filter { lines: (0..count).map(|_| Line::default()).collect(), complete: AtomicBool::new(false) }
    }

    /// Relaxed is enough: whoever may rely on an id being there learnt of it from the writer by other means.
    pub(super) fn add(&self, id: &[u8; 16]) {
        let (line, probes) = self.place(id);
        for probe in 0..PROBES {
            let (word, bit) = position(probes, probe);
            line.0[word].fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Every id that was there before is added now; answers may be believed.
    pub(super) fn complete(&self) {
        self.complete.store(true, Ordering::Release);
    }

    /// Whether an id is certainly not among those that were added.
    pub(super) fn excludes(&self, id: &[u8; 16]) -> bool {
        if !self.complete.load(Ordering::Acquire) {
            return false;
        }
        let (line, probes) = self.place(id);
        (0..PROBES).any(|probe| {
            let (word, bit) = position(probes, probe);
            line.0[word].load(Ordering::Relaxed) & bit == 0
        })
    }

    /// The line of an id and the bits that choose places in it. An id is a hash, so its halves serve as they are.
    fn place(&self, id: &[u8; 16]) -> (&Line, u64) {
        let id = u128::from_be_bytes(*id);
        let (high, low) = ((id >> 64) as u64, id as u64);
        let index = (u128::from(high) * self.lines.len() as u128) >> 64;
        (&self.lines[index as usize], low)
    }
}

/// Nine bits for each probe: three choose the word, six the bit.
fn position(probes: u64, probe: usize) -> (usize, u64) {
    let nine = probes >> (9 * probe);
    ((nine & 7) as usize, 1 << (nine >> 3 & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> [u8; 16] {
        let mut id = [0; 16];
        id.copy_from_slice(&crate::chain::leaf(&number.to_be_bytes())[..16]);
        id
    }

    #[test]
    fn never_excludes_what_was_added_and_mostly_what_was_not() {
        let filter = Filter::new(15_000);
        for number in 0..10_000 {
            filter.add(&id(number));
        }
        assert!(!filter.excludes(&id(1_000_000)), "not before it is complete");
        filter.complete();
        assert!((0..10_000).all(|number| !filter.excludes(&id(number))));
        let passed = (10_000..20_000).filter(|&number| !filter.excludes(&id(number))).count();
        // 12 bits an id.
        assert!(passed < 200, "{passed} of 10000 pass");
    }
}
