//! Views: rows and checkpoint together, wiped and rebuilt to the byte.

use store::{Checkpoint, Error, Row, Views};

use crate::place::Place;

const CASH: u8 = 1;
const TRADES: u8 = 2;
const LAST: u8 = 255;

fn checkpoint(sequence: u64) -> Checkpoint {
    Checkpoint { sequence, chain: [sequence as u8; 32], version: 1 }
}

fn open(place: &Place) -> Views {
    Views::open(&place.path("views"), &place.options).expect("opens")
}

/// A little fold: sums by key, with rows that come and go, in batches of `step` records.
fn fold(views: &Views, from: u64, to: u64, step: u64) {
    let mut next = from;
    while next <= to {
        let mut batch = views.begin("cash");
        let end = (next + step - 1).min(to);
        // What this batch changed already is not in the store yet, as in any real view.
        let mut dirty = std::collections::BTreeMap::new();
        for sequence in next..=end {
            let key = (sequence % 17).to_be_bytes();
            let sum = dirty.entry(key).or_insert_with(|| {
                let row = views.get(CASH, &key).expect("reads");
                row.map_or(0, |row| u64::from_be_bytes(row.try_into().expect("8 bytes")))
            });
            *sum += sequence;
            batch.put(TRADES, &sequence.to_be_bytes(), b"open");
            if sequence > 10 {
                batch.delete(TRADES, &(sequence - 10).to_be_bytes());
            }
        }
        for (key, sum) in dirty {
            batch.put(CASH, &key, &sum.to_be_bytes());
        }
        batch.commit(checkpoint(end)).expect("commits");
        next = end + 1;
    }
}

fn digests(views: &Views) -> [store::Hash; 2] {
    [CASH, TRADES].map(|table| views.digest(table).expect("digest"))
}

#[test]
fn rebuilding_gives_the_same_bytes() {
    let place = Place::new();
    let views = open(&place);
    fold(&views, 1, 500, 50);
    let expected = digests(&views);
    assert_eq!(views.checkpoint("cash").expect("reads"), Some(checkpoint(500)));

    // Other batches, and a restart in the middle.
    let other = Place::new();
    let views_2 = open(&other);
    fold(&views_2, 1, 123, 7);
    drop(views_2);
    let views_2 = open(&other);
    let at = views_2.checkpoint("cash").expect("reads").expect("there");
    assert_eq!(at, checkpoint(123));
    fold(&views_2, at.sequence + 1, 500, 1);
    assert_eq!(digests(&views_2), expected);

    // Wiped and rebuilt.
    views.wipe("cash", &[CASH, TRADES]).expect("wipes");
    assert_eq!(views.checkpoint("cash").expect("reads"), None);
    assert_eq!(views.scan(CASH, &[], &[]).count(), 0);
    let empty = digests(&views);
    assert_eq!(empty[0], empty[1]);
    assert_ne!(empty, expected);
    fold(&views, 1, 500, 33);
    assert_eq!(digests(&views), expected);

    // Thrown away and rebuilt.
    drop(views);
    Views::destroy(&place.path("views")).expect("destroys");
    assert!(!place.path("views").exists());
    Views::destroy(&place.path("views")).expect("nothing to do");
    let views = open(&place);
    fold(&views, 1, 500, 500);
    assert_eq!(digests(&views), expected);
}

#[test]
fn a_digest_depends_on_every_byte_and_on_where_keys_end() {
    let place = Place::new();
    let views = open(&place);
    let mut seen = std::collections::BTreeSet::new();
    for (key, value) in [("a", "bc"), ("ab", "c"), ("a", "bd"), ("", "abc")] {
        let mut batch = views.begin("v");
        batch.put(CASH, key.as_bytes(), value.as_bytes());
        assert!(batch.byte_len() > 0);
        batch.commit(checkpoint(1)).expect("commits");
        assert!(seen.insert(views.digest(CASH).expect("digest")));
        views.wipe("v", &[CASH]).expect("wipes");
    }
}

#[test]
fn an_uncommitted_batch_changes_nothing() {
    let place = Place::new();
    let views = open(&place);
    let mut batch = views.begin("v");
    batch.put(CASH, b"k", b"v");
    drop(batch);
    assert_eq!(views.get(CASH, b"k").expect("reads"), None);
    assert_eq!(views.checkpoint("v").expect("reads"), None);
}

fn keys(rows: impl Iterator<Item = Result<Row, Error>>) -> String {
    rows.map(|row| String::from_utf8(row.expect("reads").key).expect("text")).collect()
}

#[test]
fn scans_stay_within_their_table_and_bounds_both_ways() {
    let place = Place::new();
    let views = open(&place);
    let mut batch = views.begin("v");
    for table in [CASH, TRADES, LAST] {
        for key in ["a", "b", "c", "d"] {
            batch.put(table, key.as_bytes(), &[table]);
        }
    }
    batch.commit(checkpoint(1)).expect("commits");
    for table in [CASH, TRADES, LAST] {
        assert_eq!(keys(views.scan(table, b"", b"")), "abcd");
        assert_eq!(keys(views.scan(table, b"", b"").backwards()), "dcba");
        assert_eq!(keys(views.scan(table, b"b", b"d")), "bc");
        assert_eq!(keys(views.scan(table, b"b", b"d").backwards()), "cb");
        assert_eq!(keys(views.scan(table, b"bb", b"")), "cd");
        assert_eq!(keys(views.scan(table, b"", b"bb").backwards()), "ba");
        assert_eq!(keys(views.scan(table, b"x", b"")), "");
        let row = views.scan(table, b"c", b"").next().expect("row");
        assert_eq!(row.expect("reads").value, [table]);
    }
    views.wipe("v", &[CASH, LAST]).expect("wipes");
    assert_eq!(keys(views.scan(CASH, b"", b"")), "");
    assert_eq!(keys(views.scan(TRADES, b"", b"")), "abcd");
    assert_eq!(keys(views.scan(LAST, b"", b"")), "");
}

#[test]
fn a_reader_stays_at_its_moment() {
    let place = Place::new();
    let views = open(&place);
    fold(&views, 1, 50, 10);
    let reader = views.reader();
    let digest = reader.digest(CASH).expect("digest");
    fold(&views, 51, 100, 10);
    assert_eq!(reader.checkpoint("cash").expect("reads"), Some(checkpoint(50)));
    assert_eq!(reader.digest(CASH).expect("digest"), digest);
    assert_eq!(reader.scan(TRADES, &[], &[]).count(), 10);
    let key = 50_u64.to_be_bytes();
    assert!(reader.get(TRADES, &key).expect("reads").is_some());
    assert!(views.get(TRADES, &key).expect("reads").is_none());
    assert_ne!(views.digest(CASH).expect("digest"), digest);
    assert_eq!(views.reader().checkpoint("cash").expect("reads"), Some(checkpoint(100)));
}

#[test]
fn views_have_checkpoints_of_their_own() {
    let place = Place::new();
    let views = open(&place);
    views.begin("a").commit(checkpoint(1)).expect("commits");
    views.begin("ab").commit(checkpoint(1)).expect("commits");
    let mut both = views.begin("a");
    both.also("ab", checkpoint(2));
    both.commit(checkpoint(3)).expect("commits");
    assert_eq!(views.checkpoint("a").expect("reads"), Some(checkpoint(3)));
    views.wipe("a", &[]).expect("wipes");
    assert_eq!(views.checkpoint("a").expect("reads"), None);
    assert_eq!(views.checkpoint("ab").expect("reads"), Some(checkpoint(2)));
}

#[test]
fn a_torn_or_damaged_tail_leaves_an_earlier_whole_state() {
    let place = Place::new();
    let views = open(&place);
    fold(&views, 1, 500, 10);
    drop(views);
    let wal = std::fs::read_dir(place.path("views"))
        .expect("lists")
        .map(|entry| entry.expect("entry").path())
        .find(|path| path.extension().is_some_and(|end| end == "log"))
        .expect("a write-ahead log");
    let mut bytes = std::fs::read(&wal).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&wal, bytes).expect("writes");
    let views = open(&place);
    let at = views.checkpoint("cash").expect("reads").expect("there");
    assert!(at.sequence < 500 && at.sequence.is_multiple_of(10));
    fold(&views, at.sequence + 1, 500, 10);
    let sound = Place::new();
    let expected = open(&sound);
    fold(&expected, 1, 500, 10);
    assert_eq!(digests(&views), digests(&expected));
}

#[test]
fn two_openers_and_another_format_are_refused() {
    let place = Place::new();
    let views = open(&place);
    let second = Views::open(&place.path("views"), &place.options);
    assert!(matches!(second, Err(Error::InUse { .. })));
    drop(views);
    let raw = rocksdb::DB::open_default(place.path("views")).expect("opens");
    raw.put([0, 1], b"QVWS\0\x09").expect("writes");
    drop(raw);
    let newer = Views::open(&place.path("views"), &place.options);
    assert!(matches!(newer, Err(Error::Format { .. })));
}
