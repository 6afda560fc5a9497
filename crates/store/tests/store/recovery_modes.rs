//! What RocksDB itself makes of a damaged write-ahead log, by recovery mode: the table of `reference/reliability.md`, section 4.4, on the
//! RocksDB in the lock file. It is why the log asks for one mode and no other, and why it has a witness all the same.
//!
//! A row that changes with another RocksDB changes what `damage` may rely on: read section 4.4 before you change it here.

use std::fs;
use std::path::{Path, PathBuf};

use rocksdb::{DB, DBRecoveryMode, Options, WriteOptions};

/// One key lies in a table file, all others in the live write-ahead log.
const KEYS: usize = 200;

/// What opening comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Opened {
    /// Without a word, with so many keys.
    With(usize),
    Refused,
}
use Opened::{Refused, With};

#[derive(Clone, Copy, Debug)]
enum Damage {
    None,
    FlipInTheMiddle,
    FlipInTheLast,
    CutBetweenRecords,
    CutWithinARecord,
    Deleted,
}

const MODES: [DBRecoveryMode; 3] =
    [DBRecoveryMode::PointInTime, DBRecoveryMode::TolerateCorruptedTailRecords, DBRecoveryMode::AbsoluteConsistency];

/// By damage, for the modes in the order of [`MODES`].
const TABLE: [(Damage, [Opened; 3]); 6] = [
    (Damage::None, [With(200), With(200), With(200)]),
    (Damage::FlipInTheMiddle, [With(101), Refused, Refused]),
    (Damage::FlipInTheLast, [With(199), Refused, Refused]),
    (Damage::CutBetweenRecords, [With(101), With(101), With(101)]),
    (Damage::CutWithinARecord, [With(101), With(101), Refused]),
    (Damage::Deleted, [With(1), With(1), With(1)]),
];

#[test]
fn rocksdb_tells_of_damage_as_its_mode_says_and_never_of_a_lost_end() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let whole = dir.path().join("whole");
    let ends = fill(&whole);
    let mut found = Vec::new();
    for (number, (damage, _)) in TABLE.iter().enumerate() {
        for (place, mode) in MODES.into_iter().enumerate() {
            let copy = dir.path().join(format!("{number}-{place}"));
            crate::place::copy_dir(&whole, &copy);
            harm(&wal(&copy), &ends, *damage);
            found.push((*damage, mode_name(mode), open(&copy, mode)));
        }
    }
    let expected: Vec<_> = TABLE.iter().flat_map(|(_, row)| *row).collect();
    let seen: Vec<_> = found.iter().map(|(_, _, opened)| *opened).collect();
    assert_eq!(seen, expected, "{found:#?}");
}

fn options(mode: DBRecoveryMode) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_wal_recovery_mode(mode);
    options.set_track_and_verify_wals_in_manifest(true);
    options
}

/// A database with a key in a file and the rest in the log, closed; where each record of the log ends.
fn fill(dir: &Path) -> Vec<u64> {
    let db = DB::open(&options(DBRecoveryMode::PointInTime), dir).expect("creates");
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    let put = |number: usize| db.put_opt(format!("key {number:03}"), [number as u8; 300], &synced).expect("writes");
    put(0);
    db.flush().expect("flushes");
    (1..KEYS).for_each(put);
    drop(db);
    let ends = ends(&fs::read(wal(dir)).expect("reads"));
    assert_eq!(ends.len(), KEYS - 1, "a record for each key");
    ends
}

/// The write-ahead log with records in it.
fn wal(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir).expect("lists").map(|entry| entry.expect("entry").path());
    let logs = files.filter(|path| path.extension().is_some_and(|end| end == "log"));
    logs.filter(|path| fs::metadata(path).expect("metadata").len() > 0).max().expect("a write-ahead log")
}

/// Where records end. The file is in blocks of 32 KiB; a record is one fragment (1) or several of which the last is marked (4), each
/// behind checksum (4 bytes), length (2) and kind (1).
fn ends(bytes: &[u8]) -> Vec<u64> {
    const BLOCK: usize = 32 << 10;
    const HEADER: usize = 7;
    let (mut at, mut ends) = (0, Vec::new());
    while at + HEADER <= bytes.len() {
        let left = BLOCK - at % BLOCK;
        if left < HEADER {
            at += left;
            continue;
        }
        let length = usize::from(u16::from_le_bytes([bytes[at + 4], bytes[at + 5]]));
        let kind = bytes[at + 6];
        if kind == 0 {
            break;
        }
        at += HEADER + length;
        if kind == 1 || kind == 4 {
            ends.push(at as u64);
        }
    }
    ends
}

fn harm(wal: &Path, ends: &[u64], damage: Damage) {
    // After the hundredth record; with the key in the file that leaves 101.
    let middle = ends[99];
    let cut = |length| fs::File::options().write(true).open(wal).expect("opens").set_len(length).expect("cuts");
    match damage {
        Damage::None => {}
        // In the value of the record that follows.
        Damage::FlipInTheMiddle => crate::damage::flip(wal, middle + 100),
        Damage::FlipInTheLast => crate::damage::flip(wal, ends[ends.len() - 1] - 100),
        Damage::CutBetweenRecords => cut(middle),
        Damage::CutWithinARecord => cut(middle + 100),
        Damage::Deleted => fs::remove_file(wal).expect("removes"),
    }
}

fn open(dir: &Path, mode: DBRecoveryMode) -> Opened {
    match DB::open(&options(mode), dir) {
        Ok(db) => {
            With(db.iterator(rocksdb::IteratorMode::Start).inspect(|row| assert!(row.is_ok(), "{row:?}")).count())
        }
        Err(_) => Refused,
    }
}

fn mode_name(mode: DBRecoveryMode) -> &'static str {
    match mode {
        DBRecoveryMode::PointInTime => "point in time",
        DBRecoveryMode::TolerateCorruptedTailRecords => "tolerate corrupted tail",
        DBRecoveryMode::AbsoluteConsistency => "absolute consistency",
        DBRecoveryMode::SkipAnyCorruptedRecord => "skip any",
    }
}
