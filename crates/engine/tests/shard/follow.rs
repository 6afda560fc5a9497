//! A shard that follows another one's log: the same bytes, ids and cursors; no commands; and when promoted it goes on as the other
//! would have.

use crate::support::{Oracle, batch, options, oracle, play, request, start, wait_for};
use engine::{Engine, ImportError, Options, Replica, SubmitError};
use std::path::Path;
use store::{Block, Log};

fn following(dir: &Path, oracle: &Oracle, create: bool) -> Engine {
    start(Options { follow: true, create, ..options(dir, &oracle.genesis) })
}

/// Brings a follower to the end of a log.
pub fn catch_up(replica: &Replica, from: &Log) {
    let mut next = replica.log().head().sequence + 1;
    while next <= from.head().sequence {
        let stored = from.stored_block(next).expect("reads").expect("a block begins there");
        let block = Block::from_stored(&stored).expect("sound");
        next = replica.import(block, stored).expect("it follows").sequence + 1;
    }
}

#[test]
fn a_follower_is_the_log_it_follows_and_goes_on_as_it_would() {
    let oracle = oracle(21, 150);
    let half = oracle.inputs.len() * 2 / 3;
    let (first, rest) = oracle.inputs.split_at(half);
    let (there, here) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let leader = start(Options { block_records: 5, ..options(there.path(), &oracle.genesis) }.creating());
    play(&leader.handle(), &leader.handle().intake(), first, 40);
    let led = leader.log();

    let follower = following(here.path(), &oracle, true);
    let replica = follower.replica();
    assert_eq!(replica.promote(), Err(ImportError::Empty));
    catch_up(&replica, &led);
    let log = follower.log();
    assert_eq!(log.head(), led.head());
    assert_eq!(log.cursors().expect("reads"), led.cursors().expect("reads"));
    let mut first_of_block = 1;
    while let Some(stored) = led.stored_block(first_of_block).expect("reads") {
        assert_eq!(log.stored_block(first_of_block).expect("reads").as_ref(), Some(&stored), "verbatim");
        first_of_block = Block::from_stored(&stored).expect("sound").last() + 1;
    }

    // It answers questions and takes no commands.
    let handle = follower.handle();
    replica.explain("a reader of quittance.records.v1");
    let call = oracle.inputs.iter().find(|input| input.raw.is_none()).expect("the flow has calls");
    let refused = handle.submit_blocking(request(&call.inbound));
    assert_eq!(refused, Err(SubmitError::Following("a reader of quittance.records.v1".to_owned())));
    let sequence = handle.ask_blocking(|state| state.sequence()).expect("answers");
    assert_eq!(sequence, led.head().sequence);

    // A restart keeps it where it was.
    drop((replica, log));
    follower.stop().expect("stops");
    let follower = following(here.path(), &oracle, false);
    let replica = follower.replica();
    assert_eq!(replica.log().head(), led.head());

    // Promoted it knows what was consumed and which ids were claimed, so what comes again does nothing.
    let intake = follower.handle().intake();
    replica.promote().expect("it is promoted");
    let again: Vec<_> = first.iter().filter(|input| input.raw.is_some()).collect();
    intake.send(batch(&again)).expect("the engine runs");
    play(&follower.handle(), &intake, rest, 40);
    wait_for(&follower.handle(), oracle.head.sequence);
    assert_eq!(follower.log().head(), oracle.head);
    let late = Block::from_stored(&led.stored_block(1).expect("reads").expect("there")).expect("sound");
    assert_eq!(replica.import(late, Vec::new()), Err(ImportError::NotFollowing));
    drop(replica);
    follower.stop().expect("stops");
    leader.stop().expect("stops");
}

#[test]
fn a_block_of_another_history_leaves_nothing_behind() {
    let (one, mut two) = (oracle(22, 20), oracle(22, 20));
    // The same commands to another shard: what they become hangs from another genesis.
    two.genesis.shard = 9;
    let dirs = [0; 3].map(|_| tempfile::tempdir().expect("a directory"));
    let played = |dir: &Path, oracle: &Oracle| {
        let engine = start(options(dir, &oracle.genesis).creating());
        play(&engine.handle(), &engine.handle().intake(), &oracle.inputs[..20], 1);
        engine
    };
    let (leader, stranger) = (played(dirs[0].path(), &one), played(dirs[1].path(), &two));
    let follower = following(dirs[2].path(), &one, true);
    let replica = follower.replica();
    catch_up(&replica, &leader.log());
    let head = replica.log().head();
    let stored = |log: &Log, at| {
        let block = log.block_holding(at).expect("reads").expect("a block").after(at - 1).expect("it holds it");
        (block.clone(), block.to_stored(1).expect("encodes"))
    };
    let (strange, bytes) = stored(&stranger.log(), head.sequence);
    assert!(matches!(replica.import(strange, bytes), Err(ImportError::NotNext { .. })), "it begins too early");
    play(&stranger.handle(), &stranger.handle().intake(), &two.inputs[20..], 1);
    let (strange, bytes) = stored(&stranger.log(), head.sequence + 1);
    let refused = replica.import(strange, bytes);
    assert!(matches!(refused, Err(ImportError::NotNext { why, .. }) if why.contains("another history")), "{refused:?}");
    assert_eq!(replica.log().head(), head);
    for engine in [leader, stranger, follower] {
        drop(engine);
    }
}
