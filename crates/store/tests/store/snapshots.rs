//! Snapshots are offered whole or not at all.

use store::{Head, Log};

use crate::opening::with_raw;
use crate::place::{Place, fill};

fn pieces(name: &str) -> Vec<Vec<u8>> {
    (0..5).map(|index| format!("{name} piece {index} ").repeat(100).into_bytes()).collect()
}

fn write(log: &Log, name: &str) -> Head {
    let head = log.head();
    let mut writer = log.snapshot_writer(head, 7).expect("begins");
    for piece in pieces(name) {
        writer.put(&piece).expect("writes");
    }
    writer.finish().expect("finishes");
    head
}

fn newest(log: &Log) -> Option<(Head, Vec<Vec<u8>>, usize)> {
    let snapshot = log.newest_snapshot().expect("reads")?;
    assert_eq!(snapshot.version(), 7);
    let pieces: Vec<_> = snapshot.pieces().collect::<Result<_, _>>().expect("sound pieces");
    let bytes: usize = pieces.iter().map(Vec::len).sum();
    assert_eq!(snapshot.bytes(), bytes as u64);
    Some((snapshot.head(), pieces, snapshot.skipped().len()))
}

/// Keys of all pieces that are stored, whoever they belong to.
fn stored_pieces(place: &Place) -> usize {
    let mut count = 0;
    with_raw(place, |db| {
        let table = db.cf_handle("snapshots").expect("the table of snapshots");
        count = db.iterator_cf(table, rocksdb::IteratorMode::Start).inspect(|row| assert!(row.is_ok())).count();
    });
    count
}

#[test]
fn the_newest_finished_one_is_offered() {
    let place = Place::new();
    let log = place.create();
    fill(&log, 1);
    let first = write(&log, "first");
    assert_eq!(newest(&log), Some((first, pieces("first"), 0)));
    fill(&log, 1);
    let second = write(&log, "second");
    assert_eq!(newest(&log), Some((second, pieces("second"), 0)));

    // One that is not finished is not seen, even after opening again.
    let mut third = log.snapshot_writer(log.head(), 7).expect("begins");
    third.put(b"half").expect("writes");
    drop(third);
    assert_eq!(newest(&log), Some((second, pieces("second"), 0)));
    drop(log);
    let log = place.open().expect("opens");
    assert_eq!(newest(&log), Some((second, pieces("second"), 0)));
    drop(log);
    assert_eq!(stored_pieces(&place), 11);
}

#[test]
fn two_are_kept_and_leftovers_are_cleared() {
    let place = Place::new();
    let log = place.create();
    for round in 0..4 {
        fill(&log, 1);
        write(&log, &format!("round {round}"));
        let mut half = log.snapshot_writer(log.head(), 7).expect("begins");
        half.put(b"half").expect("writes");
    }
    fill(&log, 1);
    let last = write(&log, "last");
    drop(log);
    assert_eq!(stored_pieces(&place), 10);
    let log = place.open().expect("opens");
    assert_eq!(newest(&log), Some((last, pieces("last"), 0)));
}

#[test]
fn an_empty_one_and_two_of_one_head_are_fine() {
    let place = Place::new();
    let log = place.create();
    let writer = log.snapshot_writer(log.head(), 7).expect("begins");
    writer.finish().expect("finishes");
    assert_eq!(newest(&log), Some((Head::EMPTY, vec![], 0)));
    write(&log, "again");
    assert_eq!(newest(&log), Some((Head::EMPTY, pieces("again"), 0)));
}

#[test]
fn a_damaged_one_is_passed_over_for_the_older() {
    type Damage = fn(&rocksdb::DB);
    let piece = |number: u64, index: u32| {
        let mut key = number.to_be_bytes().to_vec();
        key.extend(index.to_be_bytes());
        key
    };
    assert_eq!(piece(2, 3).len(), 12);
    let damages: [(&str, Damage); 4] = [
        ("a changed piece", |db| {
            let table = db.cf_handle("snapshots").expect("table");
            let key = [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3];
            db.put_cf(table, key, b"other").expect("writes");
        }),
        ("a missing piece in the middle", |db| {
            let table = db.cf_handle("snapshots").expect("table");
            let key = [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3];
            db.delete_cf(table, key).expect("writes");
        }),
        ("a missing last piece", |db| {
            let table = db.cf_handle("snapshots").expect("table");
            let key = [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 4];
            db.delete_cf(table, key).expect("writes");
        }),
        ("a manifest of another length", |db| {
            let key = [4, 0, 0, 0, 0, 0, 0, 0, 2];
            db.put(key, b"short").expect("writes");
        }),
    ];
    for (name, damage) in damages {
        let place = Place::new();
        let log = place.create();
        fill(&log, 1);
        let first = write(&log, "first");
        fill(&log, 1);
        write(&log, "second");
        drop(log);
        with_raw(&place, damage);
        let log = place.open().expect("opens");
        assert_eq!(newest(&log), Some((first, pieces("first"), 1)), "{name}");
        // The next one is numbered and kept as if nothing had happened.
        let third = write(&log, "third");
        assert_eq!(newest(&log), Some((third, pieces("third"), 0)), "{name}");
    }
}

#[test]
fn one_of_another_history_is_passed_over() {
    let place = Place::new();
    let log = place.create();
    fill(&log, 2);
    let mut head = log.head();
    head.chain[0] ^= 1;
    let writer = log.snapshot_writer(head, 7).expect("begins");
    writer.finish().expect("finishes");
    assert!(log.newest_snapshot().expect("reads").is_none());
    head.sequence += 1;
    let writer = log.snapshot_writer(head, 7).expect("begins");
    writer.finish().expect("finishes");
    assert!(log.newest_snapshot().expect("reads").is_none());
}
