//! What is committed is there: at once, from memory, from disk, and after opening again.

use std::sync::Arc;
use std::time::Duration;

use store::{Block, Head, Log};

use crate::opening::with_raw;
use crate::place::{Place, check_all, fill, id, next_block, record};

#[test]
fn a_new_log_is_empty() {
    let place = Place::new();
    let log = place.create();
    assert_eq!(log.head(), Head::EMPTY);
    assert_eq!(log.block_holding(1).expect("reads"), None);
    assert_eq!(log.blocks_from(1).count(), 0);
    assert_eq!(log.chain_at(0).expect("reads"), Some(store::chain::ORIGIN));
    assert!(log.cursors().expect("reads").is_empty());
    assert!(log.newest_snapshot().expect("reads").is_none());
    log.background_error().expect("no error");
}

#[test]
fn a_committed_block_is_there_at_once_and_after_opening_again() {
    let place = Place::new();
    let log = place.create();
    let block = next_block(&log, 3);
    let cursors = [(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), vec![])];
    let committed = log.commit(&block, &[(id(2), 2)], &cursors).expect("commits");
    assert_eq!(committed.head, block.head());
    assert_eq!(committed.raw_bytes, block.byte_len());
    assert!(committed.stored_bytes < committed.raw_bytes);

    let check = |log: &Log| {
        assert_eq!(log.head(), block.head());
        for sequence in 1..=3 {
            let held = log.block_holding(sequence).expect("reads").expect("block");
            assert_eq!(held, block);
            assert_eq!(held.record(sequence), Some(&record(sequence)[..]));
            assert_eq!(log.chain_at(sequence).expect("reads"), block.chain_at(sequence));
        }
        let stored = log.stored_block(1).expect("reads").expect("block");
        assert_eq!(store::Block::from_stored(&stored).expect("sound"), block);
        assert_eq!(log.stored_block(2).expect("reads"), None);
        assert_eq!(log.block_holding(0).expect("reads"), None);
        assert_eq!(log.block_holding(4).expect("reads"), None);
        assert_eq!(log.id(&id(2)).expect("reads"), Some(2));
        assert_eq!(log.id(&id(3)).expect("reads"), None);
        assert_eq!(log.cursor(b"a").expect("reads"), Some(b"1".to_vec()));
        assert_eq!(log.cursor(b"c").expect("reads"), None);
        assert_eq!(log.cursors().expect("reads"), cursors);
    };
    check(&log);
    drop(log);
    check(&place.open().expect("opens"));
    check(&Log::open_read_only(&place.dir(), &place.options).expect("opens"));
}

#[test]
fn many_blocks_are_read_in_order_from_anywhere() {
    let mut place = Place::new();
    place.options.ring_bytes = 20_000;
    let log = place.create();
    fill(&log, 50);
    check_all(&log);
    for from in [1, 2, 10, 11, 255, 500] {
        let first = log.blocks_from(from).next().expect("block").expect("sound");
        assert!(first.first() <= from && from <= first.last());
        let count = log.blocks_from(from).count() as u64;
        assert_eq!(count, 50 - (from - 1) / 10);
        let held = log.block_holding(from).expect("reads").expect("block");
        assert_eq!(held, first);
    }
    assert_eq!(log.blocks_from(501).count(), 0);
    assert_eq!(log.blocks_from(0).count(), 50);
    drop(log);
    let log = place.open().expect("opens");
    check_all(&log);
    log.compact();
    check_all(&log);
    log.verify_tables().expect("all is sound");
    let sizes = log.estimated_size();
    assert!(sizes.blocks > 0 && sizes.ids > 0 && sizes.total() >= sizes.blocks + sizes.ids);
}

/// Followers that keep up share what was committed, and neither read nor unpack it.
#[test]
fn recent_blocks_are_shared_from_memory() {
    let mut place = Place::new();
    place.options.ring_bytes = 64 << 20;
    let log = place.create();
    fill(&log, 2_000);
    for sequence in [1, 10_000, 19_999, 20_000] {
        let [one, other] = [(); 2].map(|()| log.block_holding(sequence).expect("reads").expect("block"));
        let bytes = |block: &Block| block.record(sequence).map(<[u8]>::as_ptr);
        assert_eq!(bytes(&one), bytes(&other), "record {sequence} was read twice");
    }
}

#[test]
fn ids_stay_for_ever_and_others_are_not_found() {
    let place = Place::new();
    let log = place.create();
    let check = |log: &Log| {
        let head = log.head().sequence;
        for sequence in 1..=head {
            assert_eq!(log.id(&id(sequence)).expect("reads"), Some(sequence));
        }
        for sequence in head + 1..head + 1000 {
            assert_eq!(log.id(&id(sequence)).expect("reads"), None);
        }
    };
    for _ in 0..10 {
        fill(&log, 9);
        // Wherever they are just now: in memory, on the way, or in the table.
        check(&log);
    }
    log.compact();
    check(&log);
    drop(log);
    let log = place.open().expect("opens");
    check(&log);
    fill(&log, 10);
    check(&log);
    let reader = Log::open_read_only(&place.dir(), &place.options).expect("opens");
    check(&reader);
    log.verify_tables().expect("all is sound");
}

#[test]
fn ids_are_moved_into_their_table_and_their_claims_removed() {
    let place = Place::new();
    drop(place.create());
    // Moving is for another thread, so how far it has come when the log closes is its affair; that it goes on is not.
    loop {
        let log = place.open().expect("opens");
        fill(&log, 10);
        let head = log.head().sequence;
        drop(log);
        let (moved, claimed) = id_rows(&place);
        assert!(moved + claimed >= head, "no id is lost on the way");
        if moved > 300 && claimed < head {
            break;
        }
    }
}

/// Ids in their table, and ids in claims.
fn id_rows(place: &Place) -> (u64, u64) {
    let mut counts = (0, 0);
    with_raw(place, |db| {
        let rows = |name| {
            let table = db.cf_handle(name).expect("a table");
            db.iterator_cf(table, rocksdb::IteratorMode::Start).map(|row| row.expect("reads"))
        };
        counts.0 = rows("ids").count() as u64;
        counts.1 = rows("claims").map(|(_, claims)| claims.len() as u64 / 24).sum();
    });
    counts
}

#[test]
fn a_cursor_is_replaced_by_the_next() {
    let place = Place::new();
    let log = place.create();
    fill(&log, 3);
    let last = 30_u64.to_be_bytes().to_vec();
    assert_eq!(log.cursors().expect("reads"), [(b"trades/0".to_vec(), last)]);
}

#[test]
#[should_panic(expected = "right after the head")]
fn a_block_that_leaves_a_gap_is_a_bug() {
    let place = Place::new();
    let log = place.create();
    fill(&log, 1);
    let block = store::BlockBuilder::new(12, log.head().chain);
    let mut block = block;
    block.push(b"x");
    let _ = log.commit(&block.finish(), &[], &[]);
}

#[test]
#[should_panic(expected = "link to the head's chain")]
fn a_block_of_another_history_is_a_bug() {
    let place = Place::new();
    let log = place.create();
    fill(&log, 1);
    let mut block = store::BlockBuilder::new(11, [1; 32]);
    block.push(b"x");
    let _ = log.commit(&block.finish(), &[], &[]);
}

#[test]
fn readers_follow_a_writer() {
    let place = Place::new();
    let log = Arc::new(place.create());
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                let mut next = 1;
                while next <= 1000 {
                    let head = log.wait_past(next - 1, Duration::from_secs(60));
                    while next <= head.sequence {
                        let block = log.block_holding(next).expect("reads").expect("block");
                        assert_eq!(block.record(next), Some(&record(next)[..]));
                        next = block.last() + 1;
                    }
                }
            })
        })
        .collect();
    fill(&log, 100);
    for reader in readers {
        reader.join().expect("the reader saw every record");
    }
}

#[test]
fn who_reads_a_cursor_finds_the_records_it_counts() {
    let place = Place::new();
    let log = Arc::new(place.create());
    let reader = std::thread::spawn({
        let log = Arc::clone(&log);
        move || {
            let mut counted = 0;
            while counted < 5000 {
                let row = log.cursor(b"trades/0").expect("reads");
                counted = row.map_or(0, |row| u64::from_be_bytes(row.try_into().expect("eight bytes")));
                let head = log.head().sequence;
                assert!(head >= counted, "the cursor counts {counted} records, the head is {head}");
            }
        }
    });
    fill(&log, 500);
    reader.join().expect("the head was never behind");
}

#[test]
fn a_backup_is_a_log_of_its_own() {
    let place = Place::new();
    let log = place.create();
    fill(&log, 5);
    let copy = place.path("copy");
    log.backup(&copy).expect("copies");
    fill(&log, 5);
    let copy = Log::open_read_only(&copy, &place.options).expect("opens");
    assert_eq!(copy.head().sequence, 50);
    check_all(&copy);
    assert_eq!(copy.id(&id(50)).expect("reads"), Some(50));
}

#[test]
fn one_who_only_reads_sees_a_log_in_use() {
    let place = Place::new();
    let log = place.create();
    fill(&log, 5);
    let reader = Log::open_read_only(&place.dir(), &place.options).expect("opens");
    fill(&log, 5);
    assert_eq!(reader.head().sequence, 50);
    check_all(&reader);
    assert!(matches!(reader.commit(&next_block(&log, 1), &[], &[]), Err(store::Error::ReadOnly { .. })));
    assert!(reader.snapshot_writer(reader.head(), 1).is_err());
}
