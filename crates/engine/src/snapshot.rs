//! Snapshots while the engine runs, on a thread of its own; they cost the middle stage next to nothing.
//!
//! While the state is small, the middle stage writes it into memory between two commands, which takes less time than the
//! disk takes for a block (measured: 16 MiB in 5 to 7 ms, 90,000 open trades), and this thread puts it into the store
//! once its last record is on disk. When the state is larger, this thread folds a state of its own from the last snapshot
//! and drops it afterwards: no pause at all, but each record is folded once more (measured: 3.6 us of CPU a record, and
//! as much memory again for a moment). A state kept folded all the time would save the reading and unpacking (2.6 us a
//! record) at the price of that memory for good.

use crate::error::Error;
use crate::handle::Call;
use crate::metrics;
use crate::recovery::recover_with;
use crate::shared::Shared;
use clearing::{SNAPSHOT_VERSION, State};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::{Head, Log};

/// How often it looks whether a snapshot is due.
const LOOK: Duration = Duration::from_millis(500);
/// Between two pieces, so that commits are not kept waiting behind them.
const BREATH: Duration = Duration::from_millis(4);
/// What an open trade adds to a snapshot, with all that hangs on it; for an estimate (measured: 175).
const BYTES_A_TRADE: u64 = 200;

/// From this size on a snapshot is not written as often as is planned.
const LARGE: u64 = 16 << 20;
/// Half of what a record takes on disk.
const BYTES_A_RECORD: u64 = 100;

/// When and how snapshots are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Records between two of them.
    pub every: u64,
    /// The largest snapshot for which the middle stage pauses.
    pub pause_bytes: u64,
}

/// A state as the middle stage wrote it between two commands.
pub(crate) struct Live {
    sequence: u64,
    pieces: Vec<Vec<u8>>,
}

impl Live {
    pub fn of(state: &State) -> Live {
        let mut pieces = Vec::new();
        state.write_snapshot(&mut |piece| pieces.push(piece.to_vec()));
        Live { sequence: state.sequence(), pieces }
    }
}

/// The body of the thread. Ends when `stop` is dropped, or with the first error, which it reports.
pub(crate) fn run(stop: &Receiver<()>, log: &Arc<Log>, calls: &Sender<Call>, plan: Plan, shared: &Shared) {
    let mut snapshots = Snapshots { stop, log, calls, plan, shared, last_size: Size::default() };
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(LOOK) {
        if shared.is_abandoned() {
            return;
        }
        let last = shared.snapshot.load(Ordering::Acquire);
        if log.head().sequence.saturating_sub(last) < snapshots.last_size.every(plan.every) {
            continue;
        }
        match snapshots.take() {
            Ok(Some(sequence)) => shared.snapshot.store(sequence, Ordering::Release),
            Ok(None) => return,
            Err(Error::Store(error)) => return shared.fail_by("snapshot", &error),
            Err(error) => return shared.fail("snapshot", error.to_string()),
        }
    }
}

/// What is known of how large a snapshot gets.
#[derive(Clone, Copy, Default)]
struct Size {
    bytes: u64,
    trades: u64,
}

impl Size {
    /// Records between two snapshots: as planned, but a large state is not written again before the records since then
    /// weigh about twice as much.
    fn every(self, planned: u64) -> u64 {
        if self.bytes < LARGE { planned } else { planned.max(self.bytes / BYTES_A_RECORD) }
    }
}

struct Snapshots<'a> {
    stop: &'a Receiver<()>,
    log: &'a Log,
    calls: &'a Sender<Call>,
    plan: Plan,
    shared: &'a Shared,
    last_size: Size,
}

impl Snapshots<'_> {
    /// Takes a snapshot; its sequence, or `None` when it was broken off.
    fn take(&mut self) -> Result<Option<u64>, Error> {
        let open = self.shared.report().open;
        let trades = open.iter().find(|(kind, _)| *kind == "trades").map_or(0, |(_, count)| *count) as u64;
        let expected = self.last_size.bytes + trades.saturating_sub(self.last_size.trades) * BYTES_A_TRADE;
        let small = self.plan.pause_bytes > 0 && expected <= self.plan.pause_bytes;
        let written = if small { self.take_live() } else { self.take_folded() }?;
        Ok(written.map(|(sequence, bytes)| {
            self.last_size = Size { bytes, trades };
            sequence
        }))
    }

    fn is_stopping(&self) -> bool {
        self.shared.is_abandoned() || !matches!(self.stop.try_recv(), Err(TryRecvError::Empty))
    }

    /// Asks the middle stage for its state, waits until all of it is on disk, and stores it.
    fn take_live(&self) -> Result<Option<(u64, u64)>, Error> {
        let (to, from) = bounded(1);
        if self.calls.send(Call::Snapshot { to }).is_err() {
            return Ok(None);
        }
        let Live { sequence, pieces } = loop {
            match from.recv_timeout(LOOK) {
                Ok(live) => break live,
                Err(RecvTimeoutError::Timeout) if !self.is_stopping() => {}
                Err(_) => return Ok(None),
            }
        };
        while self.log.wait_past(sequence - 1, LOOK).sequence < sequence {
            if self.is_stopping() {
                return Ok(None);
            }
        }
        self.write(sequence, Content::Pieces(&pieces))
    }

    /// Folds what came since the last snapshot and stores the result.
    fn take_folded(&self) -> Result<Option<(u64, u64)>, Error> {
        let state = recover_with(self.log, &mut |_| {})?;
        self.write(state.sequence(), Content::State(&state))
    }

    fn write(&self, sequence: u64, content: Content<'_>) -> Result<Option<(u64, u64)>, Error> {
        let Some(chain) = self.log.chain_at(sequence)? else { return Ok(None) };
        let written = write(self.log, Head { sequence, chain }, content, BREATH, &|| self.is_stopping())?;
        Ok(written.map(|bytes| (sequence, bytes)))
    }
}

/// What goes into a snapshot.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    State(&'a State),
    Pieces(&'a [Vec<u8>]),
}

impl Content<'_> {
    fn each(self, put: &mut dyn FnMut(&[u8])) {
        match self {
            Content::State(state) => state.write_snapshot(put),
            Content::Pieces(pieces) => pieces.iter().for_each(|piece| put(piece)),
        }
    }
}

/// Stores a state that stands at a head; how large it is, or `None` when it was broken off.
pub(crate) fn write(
    log: &Log,
    head: Head,
    content: Content<'_>,
    breath: Duration,
    stopping: &dyn Fn() -> bool,
) -> Result<Option<u64>, Error> {
    let started = Instant::now();
    let mut writer = log.snapshot_writer(head, SNAPSHOT_VERSION)?;
    let mut failed = None;
    let mut broken_off = false;
    content.each(&mut |piece| {
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
        return Ok(None);
    }
    let bytes = writer.bytes();
    writer.finish()?;
    let took = started.elapsed();
    metrics::snapshot_written(head.sequence, bytes, took);
    tracing::info!(head.sequence, bytes, ?took, "a snapshot is written");
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_state_is_written_less_often() {
        let every = |mebibytes: u64| Size { bytes: mebibytes << 20, trades: 0 }.every(250_000);
        assert_eq!((every(0), every(15)), (250_000, 250_000));
        assert_eq!(every(64), (64 << 20) / 100);
        assert_eq!(Size { bytes: 64 << 20, trades: 0 }.every(5_000_000), 5_000_000, "never more often than planned");
    }
}
