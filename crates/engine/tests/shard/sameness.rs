//! The same inbound order gives the same bytes: blocks of one and of many, restarts, kills.

use crate::support::{options, oracle, play, records, small_oracle, start, wait_for};
use engine::{Engine, Options, recover};
use std::path::Path;

/// Plays an oracle's inputs and returns the engine, which must stand where the oracle does.
fn played(dir: &Path, oracle: &crate::support::Oracle, change: impl Fn(Options) -> Options, at_once: usize) -> Engine {
    let engine = start(change(options(dir, &oracle.genesis)).creating());
    let handle = engine.handle();
    play(&handle, &handle.intake(), &oracle.inputs, at_once);
    engine
}

#[test]
fn records_are_those_of_a_shard_in_memory_however_blocks_are_cut() {
    let oracle = oracle(11, 150);
    for (block_records, at_once) in [(1, 64), (64, 64), (4_096, 1), (4_096, 10_000), (7, 100)] {
        let dir = tempfile::tempdir().expect("a directory");
        let engine = played(dir.path(), &oracle, |options| Options { block_records, ..options }, at_once);
        let log = engine.log();
        if log.head() != oracle.head {
            // Say where they part.
            for (mine, theirs) in records(&log).iter().zip(oracle.shard.records()) {
                assert_eq!(mine, theirs);
            }
        }
        assert_eq!(log.head(), oracle.head, "blocks of {block_records}, {at_once} at once");
        engine.stop().expect("stops");
    }
}

#[test]
fn a_restart_after_every_step_changes_nothing() {
    let oracle = small_oracle(12, 30);
    for (block_records, kill, snapshots) in [(1, false, true), (64, true, false), (64, false, true)] {
        let dir = tempfile::tempdir().expect("a directory");
        let with = |create| {
            let options = options(dir.path(), &oracle.genesis);
            Options { block_records, create, snapshot_on_stop: snapshots, ..options }
        };
        drop(start(with(true)));
        for input in &oracle.inputs {
            let engine = start(with(false));
            let handle = engine.handle();
            play(&handle, &handle.intake(), std::slice::from_ref(input), 1);
            if kill {
                drop(engine);
            } else {
                engine.stop().expect("stops");
            }
        }
        let engine = start(with(false));
        assert_eq!(engine.log().head(), oracle.head, "blocks of {block_records}, killed: {kill}");
        let state = engine.handle().ask_blocking(|state| state.balances().collect::<Vec<_>>()).expect("answers");
        assert_eq!(state, oracle.shard.state().balances().collect::<Vec<_>>());
    }
}

/// Killed at any moment, the source goes on from the cursor, and the caller with what was not answered.
#[test]
fn kills_at_any_moment_lose_nothing_and_double_nothing() {
    let oracle = small_oracle(13, 400);
    let dir = tempfile::tempdir().expect("a directory");
    let with = |create| Options { create, block_records: 16, ..options(dir.path(), &oracle.genesis) };
    drop(start(with(true)));
    let mut random = testkit::flow::Random::new(7);
    let mut kills = 0;
    loop {
        let engine = start(with(false));
        let handle = engine.handle();
        if handle.status().halted.is_some() {
            // On a busy machine two of these deaths may meet at one message, which is then rightly suspected. Somebody has looked.
            drop(engine);
            std::fs::remove_file(dir.path().join("log.crash")).expect("the mark is there");
            continue;
        }
        let head = engine.log().head().sequence;
        let done = oracle.inputs.partition_point(|input| input.ends_at <= head);
        let last = done.checked_sub(1).map_or(1, |last| oracle.inputs[last].ends_at);
        assert_eq!(last, head, "a command and the work it set going are never parted");
        if done == oracle.inputs.len() {
            assert_eq!(engine.log().head(), oracle.head);
            break;
        }
        let some = &oracle.inputs[done..oracle.inputs.len().min(done + 1 + random.below(120) as usize)];
        let same_lane = some.iter().take_while(|input| input.raw.is_some() == some[0].raw.is_some()).count();
        let some = &some[..same_lane];
        if some[0].raw.is_some() {
            // Sent again from the start of the batch before, as a consumer does that reconnects.
            let again = oracle.inputs[..done].iter().rev().take(3).filter(|input| input.raw.is_some()).count();
            let from = if again == 3 { done - 3 } else { done };
            let batch = crate::support::batch(&oracle.inputs[from..done + same_lane].iter().collect::<Vec<_>>());
            handle.intake().send(batch).expect("the engine runs");
        } else {
            for input in some {
                drop(handle.send_blocking(crate::support::request(&input.inbound)).expect("the engine runs"));
            }
        }
        let target = some[random.below(same_lane as u64) as usize].ends_at;
        wait_for(&handle, target);
        drop(engine);
        kills += 1;
    }
    assert!(kills > 20, "{kills}");
}

#[test]
fn a_recovered_state_is_the_state_that_ran() {
    let oracle = oracle(14, 150);
    let dir = tempfile::tempdir().expect("a directory");
    let engine = played(dir.path(), &oracle, |options| options, 100);
    let log = engine.log();
    let mut live = Vec::new();
    let pieces = engine.handle().ask_blocking(|state| {
        let mut pieces = Vec::new();
        state.write_snapshot(&mut |piece| pieces.push(piece.to_vec()));
        pieces
    });
    live.extend(pieces.expect("answers"));
    let mut folded = Vec::new();
    recover(&log).expect("recovers").write_snapshot(&mut |piece| folded.push(piece.to_vec()));
    assert!(folded == live, "the fold of the log is not the state");
}
