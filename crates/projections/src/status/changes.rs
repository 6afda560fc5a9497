//! The newest changes: which instruction changed at which record, within a bound.
//!
//! This is all that a subscriber costs the fold: one entry for each change, whoever reads it. Subscribers read at their own
//! pace with their own place; one whose place has left the window starts again from a snapshot.

use std::collections::VecDeque;

pub(crate) struct Changes {
    /// Sequence and instruction number, rising by sequence.
    recent: VecDeque<(u64, u64)>,
    limit: usize,
    /// Changes up to this record may be missing.
    floor: u64,
}

impl Changes {
    const DEFAULT_LIMIT: usize = 1 << 20;

    /// An empty window after the record at `floor`.
    pub(crate) fn after(floor: u64) -> Changes {
        Changes { recent: VecDeque::new(), limit: Changes::DEFAULT_LIMIT, floor }
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    pub(crate) fn push(&mut self, sequence: u64, number: u64) {
        if self.recent.back() == Some(&(sequence, number)) {
            return;
        }
        if self.recent.len() >= self.limit
            && let Some((dropped, _)) = self.recent.pop_front()
        {
            self.floor = dropped;
        }
        self.recent.push_back((sequence, number));
    }

    /// Does the window hold all changes after the record?
    pub(crate) fn reaches(&self, sequence: u64) -> bool {
        sequence >= self.floor
    }

    /// The changes after a record, oldest first.
    pub(crate) fn since(&self, sequence: u64) -> impl Iterator<Item = (u64, u64)> {
        let from = self.recent.partition_point(|(each, _)| *each <= sequence);
        self.recent.range(from..).copied()
    }
}

impl Default for Changes {
    fn default() -> Self {
        Changes::after(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_and_knows_what_it_lost() {
        let mut changes = Changes::after(10);
        changes.set_limit(3);
        assert!(!changes.reaches(9) && changes.reaches(10));
        for (sequence, number) in [(11, 1), (11, 2), (11, 2), (12, 1)] {
            changes.push(sequence, number);
        }
        assert!(changes.since(10).eq([(11, 1), (11, 2), (12, 1)]));
        assert!(changes.since(11).eq([(12, 1)]));
        changes.push(13, 5);
        // Half of record 11 is gone: who stands at 10 must not get the other half as if it were all.
        assert!(!changes.reaches(10) && changes.reaches(11));
    }
}
