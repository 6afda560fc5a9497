//! Messages: back-pressure, cursors, and what cannot be read.

use crate::support::{TOPIC, batch, name, options, oracle, play, prepared, records, request, start, wait_for};
use engine::{Options, RawBatch, cursor};
use model::command::{Command, Origin};
use model::record::{Content, Outcome};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

#[test]
fn poison_is_kept_and_the_partition_flows_on() {
    let oracle = oracle(31, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, rest) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    let handle = engine.handle();
    let good = rest.iter().find(|input| matches!(input.inbound.command, Command::Trade(_))).expect("a trade");
    let mut batch = batch(&[good]);
    let mut add = |bytes: &[u8], oversize| {
        let offset = batch.messages.last().expect("one").offset + 1;
        batch.push(offset, good.inbound.at, |end| end.extend_from_slice(bytes)).oversize = oversize;
    };
    add(b"\xff\xffno trade", None);
    add(b"", None);
    add(&[b'x'; 1_000], Some((100_000_000, [9; 32])));
    add(&vec![b'y'; wire::MAX_TRADE + 1], None);
    let after = good.raw.clone().expect("a message");
    add(&after, None);
    let head = engine.log().head().sequence;
    let last = batch.messages.last().expect("one").offset;
    handle.intake().send(batch).expect("runs");
    // Engine work may come between: look for the last message's own record.
    let log = engine.log();
    while cursor(&log, &name(TOPIC), 0).expect("reads").is_none_or(|cursor| cursor.next_offset <= last) {
        std::thread::sleep(Duration::from_millis(1));
    }
    // The cursor is on disk a moment before the head is told: a question sees both.
    handle.ask_blocking(|_| ()).expect("answers");
    let records = records(&log);
    let new = records[head as usize..].iter().filter_map(|record| match &record.content {
        Content::Decided { inbound, outcome } if inbound.origin != Origin::Engine => Some((inbound, outcome)),
        _ => None,
    });
    let new: Vec<_> = new.collect();
    assert_eq!(new.len(), 6);
    let unreadable: Vec<_> = new[1..5]
        .iter()
        .map(|(inbound, outcome)| {
            assert!(matches!(outcome, Outcome::Accepted(_)));
            match &inbound.command {
                Command::Quarantine(unreadable) => unreadable,
                other => panic!("not set aside: {other:?}"),
            }
        })
        .collect();
    assert_eq!(unreadable[0].bytes, b"\xff\xffno trade");
    assert_eq!(unreadable[0].hash, <[u8; 32]>::from(Sha256::digest(b"\xff\xffno trade")));
    assert_eq!((unreadable[1].bytes.len(), unreadable[1].size), (0, 0));
    assert_eq!((unreadable[2].bytes.len(), unreadable[2].size, unreadable[2].hash), (0, 100_000_000, [9; 32]));
    assert_eq!((unreadable[3].bytes.len(), unreadable[3].size), (0, wire::MAX_TRADE as u64 + 1));
    assert_eq!(*new[5].1, Outcome::Duplicate { of: head + 1 }, "the good message, sent again");
    assert_eq!(handle.ask_blocking(|state| state.quarantined().count()).expect("answers"), 4);
    assert!(engine::verify(&log, &mut |_| {}).expect("reads").is_sound());
}

#[test]
fn the_cursor_moves_with_the_records() {
    let mut oracle = oracle(32, 60);
    oracle.genesis.cluster = Some("c-1".to_owned());
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, rest) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    let (log, handle) = (engine.log(), engine.handle());
    assert_eq!(cursor(&log, &name(TOPIC), 0).expect("reads"), None);
    let messages: Vec<_> = rest.iter().take_while(|input| input.raw.is_some()).take(10).collect();
    handle.intake().send(batch(&messages)).expect("runs");
    wait_for(&handle, messages.last().expect("ten").ends_at);
    let found = cursor(&log, &name(TOPIC), 0).expect("reads").expect("moved");
    let last = messages.last().expect("ten");
    let Origin::Kafka { offset, .. } = last.inbound.origin else { panic!("a message") };
    assert_eq!((found.cluster.as_str(), found.next_offset), ("c-1", offset + 1));
    assert_eq!(found.last_hash, <[u8; 32]>::from(Sha256::digest(last.raw.as_ref().expect("a message"))));
    assert_eq!(cursor(&log, &name(TOPIC), 1).expect("reads"), None);
    // What is in the log already is passed over, also after a restart.
    drop(engine);
    drop(log);
    drop(handle);
    let engine = start(options(dir.path(), &oracle.genesis));
    let head = engine.log().head();
    let intake = engine.handle().intake();
    intake.send(batch(&messages)).expect("runs");
    let more: Vec<_> = rest.iter().take_while(|input| input.raw.is_some()).skip(10).take(1).collect();
    intake.send(batch(&more)).expect("runs");
    wait_for(&engine.handle(), head.sequence + 1);
    assert_eq!(records(&engine.log())[head.sequence as usize].origin(), Some(&more[0].inbound.origin));
}

/// While the middle stage is held up, a source can put in so much and no more.
#[test]
fn a_source_waits_while_the_shard_is_behind() {
    let oracle = oracle(33, 200);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, rest) = prepared(Options { intake_batches: 2, ..options(dir.path(), &oracle.genesis) }, &oracle);
    let handle = engine.handle();
    let messages: Vec<_> = rest.iter().filter(|input| input.raw.is_some()).cloned().collect();
    let (release, held) = mpsc::channel::<()>();
    let holding = std::thread::spawn({
        let handle = handle.clone();
        move || handle.ask_blocking(move |_| held.recv().is_ok())
    });
    std::thread::sleep(Duration::from_millis(20));
    let sent = Arc::new(AtomicUsize::new(0));
    let source = std::thread::spawn({
        let (intake, sent, messages) = (handle.intake(), sent.clone(), messages.clone());
        move || {
            for message in &messages {
                intake.send(batch(&[message])).expect("runs");
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    std::thread::sleep(Duration::from_millis(300));
    let stuck_at = sent.load(Ordering::Relaxed);
    assert!(stuck_at < 40 && stuck_at < messages.len(), "{stuck_at} batches went in while nothing was taken");
    release.send(()).expect("somebody waits");
    assert_eq!(holding.join().expect("ends"), Ok(true));
    source.join().expect("ends");
    assert_eq!(sent.load(Ordering::Relaxed), messages.len());
    engine.stop().expect("stops");
    // What was sent before the stop was finished.
    let engine = start(options(dir.path(), &oracle.genesis));
    let last = messages.last().expect("some");
    let Origin::Kafka { offset, .. } = last.inbound.origin else { panic!("a message") };
    assert_eq!(cursor(&engine.log(), &name(TOPIC), 0).expect("reads").expect("moved").next_offset, offset + 1);
}

#[test]
fn two_partitions_have_two_cursors() {
    let oracle = oracle(34, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, rest) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    let (log, handle) = (engine.log(), engine.handle());
    let messages: Vec<_> = rest.iter().take_while(|input| input.raw.is_some()).take(4).collect();
    let other = |batch: RawBatch| RawBatch { partition: 7, ..batch };
    let intake = handle.intake();
    intake.send(batch(&messages[..2])).expect("runs");
    intake.send(other(batch(&messages[2..3]))).expect("runs");
    intake.send(batch(&messages[3..])).expect("runs");
    play(&handle, &intake, &[], 1);
    wait_for(&handle, messages[3].ends_at);
    let offset = |place: usize| match messages[place].inbound.origin {
        Origin::Kafka { offset, .. } => offset,
        _ => panic!("a message"),
    };
    let next = |partition| cursor(&log, &name(TOPIC), partition).expect("reads").expect("moved").next_offset;
    assert_eq!((next(0), next(7)), (offset(3) + 1, offset(2) + 1));
}

#[test]
fn a_source_that_is_held_waits_while_calls_are_answered() {
    let oracle = oracle(35, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, rest) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    let handle = engine.handle();
    let messages: Vec<_> = rest.iter().take_while(|input| input.raw.is_some()).take(2).collect();
    let before = engine.log().head().sequence;
    let held = Arc::new(AtomicBool::new(true));
    let (asked, is_asked) = mpsc::channel();
    let intake = handle.intake().held_while({
        let held = held.clone();
        move || {
            let _ = asked.send(());
            held.load(Ordering::Acquire)
        }
    });
    let sending = std::thread::spawn({
        let (first, second) = (batch(&messages[..1]), batch(&messages[1..]));
        move || intake.send(first).and_then(|()| intake.send(second))
    });
    // It has asked more than once: it waits, and a call is answered all the same.
    for _ in 0..3 {
        is_asked.recv_timeout(Duration::from_secs(60)).expect("it asks again and again");
    }
    let again = request(&oracle.inputs[0].inbound);
    handle.submit_blocking(again).expect("a call is never held");
    assert_eq!(cursor(&engine.log(), &name(TOPIC), 0).expect("reads"), None, "nothing of the source came in");
    held.store(false, Ordering::Release);
    sending.join().expect("ends").expect("both batches went in");
    engine.stop().expect("stops");
    let engine = start(options(dir.path(), &oracle.genesis));
    let Origin::Kafka { offset, .. } = messages[1].inbound.origin else { panic!("a message") };
    assert_eq!(cursor(&engine.log(), &name(TOPIC), 0).expect("reads").expect("moved").next_offset, offset + 1);
    assert!(engine.log().head().sequence > before);
}

#[test]
fn a_source_that_is_held_is_let_go_when_the_engine_ends() {
    let oracle = oracle(36, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, rest) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    let message = rest.iter().find(|input| input.raw.is_some()).expect("a message");
    let intake = engine.handle().intake().held_while(|| true);
    let sending = std::thread::spawn({
        let batch = batch(&[message]);
        move || intake.send(batch)
    });
    engine.stop().expect("stops");
    assert_eq!(sending.join().expect("ends"), Err(engine::Closed));
}

/// A block for which nobody waits stays open for more; a question, a command and the end are not kept waiting.
#[test]
fn blocks_for_which_nobody_waits_are_kept_apart() {
    let oracle = oracle(37, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let rests = Options { block_pause: Duration::from_secs(86_400), ..options(dir.path(), &oracle.genesis) };
    let (engine, rest) = prepared(rests, &oracle);
    let log = engine.log();
    let head = log.head().sequence;
    let messages: Vec<_> = rest.iter().filter(|input| input.raw.is_some()).take(9).collect();
    let intake = engine.handle().intake();
    for message in &messages[..8] {
        intake.send(batch(&[*message])).expect("runs");
    }
    // Calls go first: it is asked until the messages were decided, and what was seen is on disk with each answer.
    let Origin::Kafka { offset, .. } = messages[7].inbound.origin else { panic!("a message") };
    while cursor(&log, &name(TOPIC), 0).expect("reads").is_none_or(|cursor| cursor.next_offset <= offset) {
        engine.handle().ask_blocking(|_| ()).expect("answers");
    }
    let asked = log.head().sequence;
    assert!(asked > head);
    intake.send(batch(&messages[8..])).expect("runs");
    engine.stop().expect("stops");
    drop(log);
    let engine = start(options(dir.path(), &oracle.genesis));
    let log = engine.log();
    assert!(log.head().sequence > asked, "what was open when it stopped is on disk");
    assert!(log.blocks_from(asked + 1).count() == 1, "and was one block");
}
