//! Snapshots and verification: what is sound is found sound, and what is not is named.

use crate::support::{Oracle, options, oracle, play, start};
use engine::{Engine, Error, Options, recover, verify};
use model::event::Event;
use model::record::{Content, Outcome, Record};
use std::time::{Duration, Instant};
use store::{BlockBuilder, Log};

fn played(oracle: &Oracle, options: Options) -> Engine {
    let engine = start(options.creating());
    let handle = engine.handle();
    play(&handle, &handle.intake(), &oracle.inputs, 100);
    engine
}

fn bytes_of(state: &clearing::State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.write_snapshot(&mut |piece| bytes.extend_from_slice(piece));
    bytes
}

#[test]
fn snapshot_and_tail_are_the_full_fold() {
    let oracle = oracle(61, 150);
    let (first, second) = oracle.inputs.split_at(oracle.inputs.len() / 2);
    // Taken from the running state, and folded beside it.
    for snapshot_pause_bytes in [16 << 20, 0] {
        let dir = tempfile::tempdir().expect("a directory");
        let with = |snapshot_every| Options {
            snapshot_every,
            snapshot_pause_bytes,
            snapshot_on_stop: false,
            ..options(dir.path(), &oracle.genesis)
        };
        let engine = start(with(100).creating());
        play(&engine.handle(), &engine.handle().intake(), first, 100);
        let deadline = Instant::now() + Duration::from_secs(20);
        while engine.log().newest_snapshot().expect("reads").is_none() {
            assert!(Instant::now() < deadline, "no snapshot was written");
            std::thread::sleep(Duration::from_millis(20));
        }
        engine.stop().expect("stops");
        let engine = start(with(0));
        play(&engine.handle(), &engine.handle().intake(), second, 100);
        let log = engine.log();
        drop(engine);
        let at = log.newest_snapshot().expect("reads").expect("written").head().sequence;
        assert!(at > 100 && at < oracle.head.sequence);
        assert_eq!(log.head(), oracle.head);
        assert!(bytes_of(&recover(&log).expect("recovers")) == bytes_of(oracle.shard.state()));
        let report = verify(&log, &mut |_| {}).expect("reads");
        assert_eq!(report.violation, None);
        assert_eq!((report.snapshot, report.sequence), (Some(at), oracle.head.sequence));
    }
}

/// Writes a snapshot at the head of a log.
fn put_snapshot(log: &Log, version: u32, pieces: &[&[u8]]) {
    let mut writer = log.snapshot_writer(log.head(), version).expect("begins");
    for piece in pieces {
        writer.put(piece).expect("writes");
    }
    writer.finish().expect("finishes");
}

#[test]
fn a_snapshot_that_cannot_be_used_is_passed_over_and_one_that_lies_is_found() {
    let oracle = oracle(64, 60);
    let sound = bytes_of(oracle.shard.state());
    let (_, _dir, log) = forged(&oracle, |record| record.sequence == 1);
    let recovered = || bytes_of(&recover(&log).expect("recovers"));
    put_snapshot(&log, clearing::SNAPSHOT_VERSION + 1, &[&sound]);
    assert!(recovered() == sound, "of another release");
    put_snapshot(&log, clearing::SNAPSHOT_VERSION, &[b"no state at all"]);
    assert!(recovered() == sound, "garbage");
    let violation = verify(&log, &mut |_| {}).expect("reads").violation.expect("found");
    assert!(violation.what.contains("cannot be read"), "{violation:?}");
    let earlier = oracle.inputs.len() / 2;
    let mut shard = testkit::memory::Shard::new(oracle.genesis.clone());
    for input in &oracle.inputs[..earlier] {
        shard.submit(input.inbound.clone());
    }
    put_snapshot(&log, clearing::SNAPSHOT_VERSION, &[&bytes_of(shard.state())]);
    assert!(recovered() == sound, "of another record");
    // The state of another history, at the right record.
    let last = oracle.head.sequence;
    let (_, _other_dir, other) = forged(&oracle, |record| match &mut record.content {
        Content::Decided { inbound, .. } if record.sequence == last => {
            inbound.at = inbound.at.add_micros(1).expect("an instant");
            true
        }
        _ => false,
    });
    put_snapshot(&log, clearing::SNAPSHOT_VERSION, &[&bytes_of(&recover(&other).expect("recovers"))]);
    let violation = verify(&log, &mut |_| {}).expect("reads").violation.expect("found");
    assert_eq!(violation.sequence, last);
    assert!(violation.what.contains("snapshot"), "{violation:?}");
}

#[test]
fn a_record_that_cannot_be_read_stops_recovery_and_is_named() {
    let oracle = oracle(65, 60);
    let (_, _dir, log) = forged(&oracle, |record| record.sequence == 1);
    let mut building = BlockBuilder::after(log.head());
    let bad = building.push(b"no record");
    log.commit(&building.finish(), &[], &[]).expect("commits");
    assert!(matches!(recover(&log), Err(Error::Record { sequence, .. }) if sequence == bad));
    let violation = verify(&log, &mut |_| {}).expect("reads").violation.expect("found");
    assert_eq!(violation.sequence, bad);
}

#[test]
fn a_sound_log_is_found_sound_with_all_its_figures() {
    let oracle = oracle(62, 150);
    let dir = tempfile::tempdir().expect("a directory");
    let engine = played(&oracle, options(dir.path(), &oracle.genesis));
    engine.stop().expect("stops");
    let log = Log::open_read_only(&dir.path().join("log"), &store::Options::default()).expect("opens");
    let mut told = Vec::new();
    let report = verify(&log, &mut |progress| told.push(progress.sequence)).expect("reads");
    assert_eq!(report.violation, None);
    assert_eq!(report.sequence, oracle.head.sequence);
    assert_eq!(report.snapshot, Some(oracle.head.sequence), "written when it stopped");
    assert_eq!(report.accepted + report.rejected + report.duplicates + 1, oracle.head.sequence);
    assert_eq!(report.instructed.count, report.settled.count + report.cancelled.count + report.open.count);
    assert!(report.settled.count > 100 && report.cancelled.count > 0 && report.open.count > 0, "{report:?}");
    assert!(report.balances > 10 && report.postings > 500);
    assert_eq!(told.last(), Some(&oracle.head.sequence));
}

/// A log that says what `change` makes of the oracle's records, with a chain that fits.
fn forged(oracle: &Oracle, change: impl Fn(&mut Record) -> bool) -> (u64, tempfile::TempDir, Log) {
    let dir = tempfile::tempdir().expect("a directory");
    let log = Log::create(&dir.path().join("log"), &crate::support::small_store()).expect("creates");
    let mut building = BlockBuilder::after(log.head());
    let mut changed = 0;
    for record in oracle.shard.records() {
        let mut record = record.clone();
        if changed == 0 && change(&mut record) {
            changed = record.sequence;
        }
        building.push_with(|out| wire::record::encode(&record, None, out));
        if building.len() == 50 {
            log.commit(&building.finish(), &[], &[]).expect("commits");
        }
    }
    if !building.is_empty() {
        log.commit(&building.finish(), &[], &[]).expect("commits");
    }
    assert!(changed > 0, "nothing to forge");
    (changed, dir, log)
}

fn events(record: &mut Record) -> Option<&mut Vec<Event>> {
    match &mut record.content {
        Content::Decided { outcome: Outcome::Accepted(events), .. } => Some(events),
        _ => None,
    }
}

#[test]
fn forgeries_with_a_fitting_chain_are_found_where_they_are() {
    let oracle = oracle(63, 150);
    let forge = |what: &str, words: &str, change: &dyn Fn(&mut Record) -> bool| {
        let (changed, _dir, log) = forged(&oracle, change);
        let report = verify(&log, &mut |_| {}).expect("reads");
        let violation = report.violation.unwrap_or_else(|| panic!("{what} was not found"));
        assert!(violation.what.contains(words), "{what}: {violation:?}");
        assert_eq!(violation.sequence, changed, "{what}: {violation:?}");
    };
    forge("an amount posted that is not there", "part by", &|record| {
        let Some(events) = events(record) else { return false };
        events.iter_mut().any(|event| match event {
            Event::InstructionsSettled { postings, .. } => {
                postings[0].amount += 1;
                true
            }
            _ => false,
        })
    });
    forge("a settlement of another quantity", "settles", &|record| {
        let Some(events) = events(record) else { return false };
        events.iter_mut().any(|event| match event {
            Event::InstructionsSettled { quantity, .. } => {
                *quantity += 1;
                true
            }
            _ => false,
        })
    });
    forge("a settlement that happens twice", "", &|record| {
        let Some(events) = events(record) else { return false };
        let twice = events.iter().find(|event| matches!(event, Event::InstructionsSettled { .. })).cloned();
        twice.map(|event| events.push(event)).is_some()
    });
    forge("time going back", "time goes back", &|record| match &mut record.content {
        Content::Decided { inbound, .. } if record.sequence > 100 => {
            inbound.at = inbound.at.add_micros(-86_400_000_000).expect("an instant");
            true
        }
        _ => false,
    });
    forge("more taken from a depot than it holds", "below", &|record| {
        let sequence = record.sequence;
        let Some(events) = events(record) else { return false };
        sequence > 100
            && events.iter_mut().any(|event| match event {
                Event::InstructionsSettled { postings, .. } => {
                    for posting in postings {
                        posting.amount *= 1_000_000;
                    }
                    true
                }
                _ => false,
            })
    });
}
