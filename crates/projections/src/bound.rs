//! A bound on how far the views may fall behind the log, for a source that can wait.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Projections;

/// Views that have not moved for so long hold nobody up: their thread is gone, or hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells a source when to wait for the views.
///
/// Views are a cache, so they must never stop the business: what has stopped (UNAVAILABLE) is not waited for, nor what hangs,
/// nor a start on which they are rebuilt from record 1: they have to come within the bound once before it holds.
pub struct Bound {
    views: Projections,
    records: u64,
    patience: Duration,
    seen: Mutex<Seen>,
}

struct Seen {
    /// The views have been within the bound.
    armed: bool,
    /// Where they stood when they last moved, and when that was seen.
    at: u64,
    since: Instant,
}

impl Bound {
    /// At most so many records behind.
    #[must_use]
    pub fn new(views: Projections, records: u64) -> Bound {
        Bound::with_patience(views, records, PATIENCE)
    }

    fn with_patience(views: Projections, records: u64, patience: Duration) -> Bound {
        let seen = Seen { armed: false, at: 0, since: Instant::now() };
        Bound { views, records, patience, seen: Mutex::new(seen) }
    }

    /// Whether a source should wait, with the log's head.
    #[must_use]
    pub fn is_exceeded(&self, head: u64) -> bool {
        let Some(at) = self.views.slowest() else { return false };
        // Each change of it is an assignment.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if at != seen.at {
            (seen.at, seen.since) = (at, Instant::now());
        }
        let within = head.saturating_sub(at) <= self.records;
        seen.armed |= within;
        seen.armed && !within && seen.since.elapsed() < self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Folder;
    use model::record::{FactContent, Facts, Outcome};
    use std::sync::Arc;

    fn empty() -> (tempfile::TempDir, Projections, Folder) {
        let dir = tempfile::tempdir().expect("a directory");
        let options = store::Options { memory: store::Memory::new(1 << 20, 1 << 20), ..store::Options::default() };
        let rows = store::Views::open(dir.path(), &options).expect("opens");
        let (views, folder) = Projections::open(Arc::new(rows)).expect("opens");
        (dir, views, folder)
    }

    fn fold_through(folder: &mut Folder, from: u64, to: u64) {
        let actor = model::identifier::Identifier::parse("somebody").expect("a name");
        let at = model::timestamp::Timestamp::EPOCH;
        let content = FactContent::Outcome(Outcome::Accepted(Vec::new()));
        let facts: Vec<_> = (from..=to)
            .map(|sequence| Facts { sequence, at, actor: actor.clone(), content: content.clone() })
            .collect();
        folder.fold(&facts);
    }

    #[test]
    fn a_source_waits_while_the_views_are_too_far_behind_and_goes_on_when_they_have_come() {
        let (_dir, views, mut folder) = empty();
        let bound = Bound::with_patience(views, 10, Duration::from_secs(3_600));
        fold_through(&mut folder, 1, 5);
        assert!(!bound.is_exceeded(15), "ten behind");
        assert!(bound.is_exceeded(16), "eleven behind");
        fold_through(&mut folder, 6, 6);
        assert!(!bound.is_exceeded(16));
    }

    #[test]
    fn views_that_are_being_rebuilt_hold_nobody_up() {
        let (_dir, views, mut folder) = empty();
        let bound = Bound::with_patience(views, 10, Duration::from_secs(3_600));
        assert!(!bound.is_exceeded(1_000_000), "they begin at record 1");
        fold_through(&mut folder, 1, 50);
        assert!(!bound.is_exceeded(1_000_000), "and are on their way");
        assert!(!bound.is_exceeded(60), "there");
        assert!(bound.is_exceeded(61), "from now on the bound holds");
    }

    #[test]
    fn views_that_have_stopped_hold_nobody_up() {
        let (_dir, views, mut folder) = empty();
        let bound = Bound::with_patience(views, 10, Duration::from_secs(3_600));
        fold_through(&mut folder, 1, 5);
        assert!(!bound.is_exceeded(5) && bound.is_exceeded(100));
        folder.stop("the disk refuses");
        assert!(!bound.is_exceeded(100));
    }

    #[test]
    fn views_that_hang_hold_nobody_up_for_long() {
        let (_dir, views, mut folder) = empty();
        let bound = Bound::with_patience(views, 10, Duration::ZERO);
        fold_through(&mut folder, 1, 5);
        assert!(!bound.is_exceeded(5));
        assert!(!bound.is_exceeded(100), "they have not moved for as long as anybody waits");
    }
}
