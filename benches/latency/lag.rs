//! How far the views are behind what is durable: from the moment a record is durable until every view has folded it.

use super::{Shared, Times, WARM, times};
use projections::Projections;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::Log;

/// How often it is looked at; a lag is known to so much.
const LOOK: Duration = Duration::from_millis(1);

/// Watches until the run stops; the lag of each durable head that was seen, once the run is warm.
pub fn watch(log: &Log, views: &Projections, shared: &Arc<Shared>) -> Times {
    let (mut times, mut waiting, mut last) = (times(), VecDeque::new(), 0);
    while !shared.stop.load(Ordering::Acquire) {
        let (head, now) = (log.head().sequence, Instant::now());
        if head > last {
            waiting.push_back((head, now));
            last = head;
        }
        let folded = views.slowest().unwrap_or(0);
        while let Some((_, since)) = waiting.pop_front_if(|(sequence, _)| *sequence <= folded) {
            if since >= shared.pace.start + WARM {
                let micros = now.saturating_duration_since(since).as_micros();
                times.saturating_record(u64::try_from(micros).unwrap_or(u64::MAX).max(1));
            }
        }
        std::thread::sleep(LOOK);
    }
    times
}
