//! Snapshots while the engine runs, on a thread of its own that only reads what is committed.
//!
//! A second state is folded from the last snapshot when the next one is due, written piece by piece, and dropped: it
//! costs memory for a moment and the middle stage nothing. Why it is not kept folded all the time: see the crate's
//! measurements in `docs/decisions`.

use crate::error::Error;
use crate::metrics;
use crate::recovery::recover_with;
use crate::shared::Shared;
use clearing::{SNAPSHOT_VERSION, State};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::{Head, Log};

/// How often it looks whether a snapshot is due.
const LOOK: Duration = Duration::from_millis(500);
/// Between two pieces, so that commits are not kept waiting behind them.
const BREATH: Duration = Duration::from_millis(4);

/// The body of the thread. Ends when `stop` is dropped, or with the first error, which it reports.
pub(crate) fn run(stop: &Receiver<()>, log: &Arc<Log>, every: u64, shared: &Shared) {
    let mut last = shared.snapshot.load(Ordering::Acquire);
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(LOOK) {
        if shared.is_abandoned() {
            return;
        }
        if log.head().sequence.saturating_sub(last) < every {
            continue;
        }
        let stopping = || !matches!(stop.try_recv(), Err(crossbeam_channel::TryRecvError::Empty));
        match follow(log, &stopping) {
            Ok(Some(head)) => {
                last = head.sequence;
                shared.snapshot.store(last, Ordering::Release);
            }
            Ok(None) => return,
            Err(error) => return shared.fail("snapshot", error.to_string()),
        }
    }
}

/// Folds what came since the last snapshot, and writes the next.
fn follow(log: &Log, stopping: &dyn Fn() -> bool) -> Result<Option<Head>, Error> {
    let state = recover_with(log, &mut |_| {})?;
    let sequence = state.sequence();
    let Some(chain) = log.chain_at(sequence)? else { return Ok(None) };
    let head = Head { sequence, chain };
    Ok(write(log, &state, head, BREATH, stopping)?.then_some(head))
}

/// Writes a state; `false` when it was broken off.
pub(crate) fn write(
    log: &Log,
    state: &State,
    head: Head,
    breath: Duration,
    stopping: &dyn Fn() -> bool,
) -> Result<bool, Error> {
    let started = Instant::now();
    let mut writer = log.snapshot_writer(head, SNAPSHOT_VERSION)?;
    let mut failed = None;
    let mut broken_off = false;
    state.write_snapshot(&mut |piece| {
        if failed.is_some() || broken_off {
            return;
        }
        if let Err(error) = writer.put(piece) {
            failed = Some(error);
            return;
        }
        if !breath.is_zero() {
            std::thread::sleep(breath);
            broken_off = stopping();
        }
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    if broken_off {
        return Ok(false);
    }
    let bytes = writer.bytes();
    writer.finish()?;
    let took = started.elapsed();
    metrics::snapshot_written(head.sequence, bytes, took);
    tracing::info!(head.sequence, bytes, ?took, "a snapshot is written");
    Ok(true)
}
