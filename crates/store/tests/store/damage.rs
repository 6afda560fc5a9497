//! Torn, flipped, deleted: what the disk may do, and that it is either harmless or noticed.
//!
//! RocksDB alone, by recovery mode, is in `recovery_modes`; here the store around it is asked.

use std::fs;
use std::os::unix::fs::FileExt;

use store::{BlockBuilder, Error, Log, Memory};

use crate::opening::with_raw;
use crate::place::{Place, check_all, copy_dir, fill, next_block, record};

/// Here the write-ahead log ends with the last commit: no ids are moved after it.
fn place() -> Place {
    let mut place = Place::new();
    place.options.ids_in_memory = 1 << 20;
    place
}

/// A closed log of 20 blocks that are all still in the write-ahead log.
fn filled() -> Place {
    let place = place();
    let log = place.create();
    fill(&log, 20);
    drop(log);
    place
}

pub fn flip(path: &std::path::Path, offset: u64) {
    let file = fs::File::options().read(true).write(true).open(path).expect("opens");
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).expect("reads");
    file.write_all_at(&[byte[0] ^ 0x10], offset).expect("writes");
}

#[test]
fn a_torn_tail_of_an_unacknowledged_commit_is_dropped() {
    // The witness saw 19 blocks; the 20th was being written when the power went.
    let place = place();
    let log = place.create();
    fill(&log, 19);
    drop(log);
    let witness = place.options.witness_path(&place.dir());
    let saved = fs::read(&witness).expect("reads");
    let log = place.open().expect("opens");
    fill(&log, 1);
    drop(log);
    fs::write(&witness, saved).expect("writes");
    let wal = place.wal();
    let length = fs::metadata(&wal).expect("metadata").len();
    let file = fs::File::options().write(true).open(&wal).expect("opens");
    file.set_len(length - 7).expect("cuts");
    let log = place.open().expect("a torn tail is tolerated");
    assert_eq!(log.head().sequence, 190);
    check_all(&log);
    fill(&log, 1);
    check_all(&log);
}

/// A log of 20 blocks of which the last alone is in the write-ahead log, and what the witness was when it had seen 19 of them.
fn one_more() -> (Place, Vec<u8>) {
    let place = place();
    let log = place.create();
    fill(&log, 19);
    drop(log);
    let seen = fs::read(place.options.witness_path(&place.dir())).expect("reads");
    let log = place.open().expect("opens");
    fill(&log, 1);
    drop(log);
    (place, seen)
}

/// Sectors that never reached the disk: what was written there reads as zeros.
fn unwrite(wal: &std::path::Path, sectors: std::ops::Range<u64>) {
    let file = fs::File::options().write(true).open(wal).expect("opens");
    let length = file.metadata().expect("metadata").len();
    let (from, to) = (sectors.start * 512, length.min(sectors.end * 512));
    assert!(from < to, "there are such sectors");
    file.write_all_at(&vec![0; usize::try_from(to - from).expect("small")], from).expect("writes");
}

#[test]
fn a_last_commit_that_reached_the_disk_in_part_is_dropped_like_a_short_one() {
    for sectors in [1..99, 2..3, 0..99] {
        let (place, seen) = one_more();
        let wal = place.wal();
        let length = fs::metadata(&wal).expect("metadata").len();
        unwrite(&wal, sectors.clone());
        // The witness never saw it.
        fs::write(place.options.witness_path(&place.dir()), seen).expect("writes");
        let log = place.open().unwrap_or_else(|error| panic!("sectors {sectors:?}: {error}"));
        assert_eq!(log.head().sequence, 190, "sectors {sectors:?}");
        check_all(&log);
        fill(&log, 1);
        drop(log);
        check_all(&place.open().expect("opens again"));
        if sectors.start > 0 {
            let kept = fs::metadata(place.path("log.torn")).expect("what was cut off is kept").len();
            assert!(kept > length / 2 && kept <= length, "{kept} of {length} bytes");
        }
    }
}

#[test]
fn a_torn_end_that_the_witness_saw_is_told() {
    let (place, _) = one_more();
    unwrite(&place.wal(), 1..99);
    let error = place.open().err().expect("refuses");
    assert!(matches!(error, Error::BehindWitness { .. }), "{error}");
}

#[test]
fn sectors_that_are_gone_before_another_commit_are_damage_and_no_torn_end() {
    let place = filled();
    let wal = place.wal();
    let before = fs::metadata(&wal).expect("metadata").len();
    assert!(before > 40 << 10, "another commit begins after the block of the damage");
    unwrite(&wal, 20..22);
    let error = place.open().err().expect("refuses");
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert_eq!(fs::metadata(&wal).expect("metadata").len(), before, "nothing was changed");
    assert!(!place.path("log.torn").exists());
}

#[test]
fn a_cut_that_took_acknowledged_records_is_caught_by_the_witness() {
    let place = filled();
    let wal = place.wal();
    let length = fs::metadata(&wal).expect("metadata").len();
    let file = fs::File::options().write(true).open(&wal).expect("opens");
    file.set_len(length / 2).expect("cuts");
    let error = place.open().err().expect("refuses");
    assert!(matches!(error, Error::BehindWitness { .. }), "{error}");
}

/// RocksDB refuses most of them. One that hits the length of a record near the end looks to it like a torn tail: that is where the witness
/// decides. None may open with fewer records than were acknowledged.
#[test]
fn no_flipped_bit_in_the_write_ahead_log_loses_a_record_in_silence() {
    let place = filled();
    let (dir, options) = (place.path("flipped"), place.options.clone());
    let witness = fs::read(options.witness_path(&place.dir())).expect("reads");
    let length = fs::metadata(place.wal()).expect("metadata").len();
    let (mut refused, mut behind) = (0, 0);
    for offset in (0..length).step_by(97) {
        copy_dir(&place.dir(), &dir);
        fs::write(options.witness_path(&dir), &witness).expect("writes");
        let wal = place.wal();
        flip(&dir.join(wal.file_name().expect("a name")), offset);
        match Log::open(&dir, &options) {
            Err(Error::Corrupt { .. }) => refused += 1,
            Err(Error::BehindWitness { .. }) => behind += 1,
            Err(other) => panic!("flip at {offset}: {other}"),
            // Some bytes between records mean nothing.
            Ok(log) => assert_eq!(log.head().sequence, 200, "flip at {offset}"),
        }
        fs::remove_dir_all(&dir).expect("removes");
    }
    assert!(refused > 10 * (behind + 1), "{refused} refused, {behind} behind");
}

#[test]
fn a_deleted_write_ahead_log_is_caught_by_the_witness() {
    let place = filled();
    fs::remove_file(place.wal()).expect("removes");
    let error = place.open().err().expect("refuses");
    assert!(matches!(error, Error::BehindWitness { .. }), "{error}");
}

#[test]
fn a_flipped_bit_in_a_table_file_is_found() {
    let mut place = filled();
    let log = place.open().expect("opens");
    log.compact();
    drop(log);
    // A new process: blocks of the file may outlive the log in the cache, and would be read from there.
    place.options.memory = Memory::new(8 << 20, 8 << 20);
    let largest = fs::read_dir(place.dir())
        .expect("lists")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "sst"))
        .max_by_key(|path| fs::metadata(path).expect("metadata").len())
        .expect("a table file");
    flip(&largest, 1000);
    // Whether it is found on opening or on reading depends on what it hit.
    let found = match place.open() {
        Err(error) => error,
        Ok(log) => log.verify_tables().expect_err("reading finds it"),
    };
    assert!(matches!(found, Error::Corrupt { .. }), "{found}");
}

/// RocksDB's checksums guard against disks; the chain guards against everyone who can write the database properly.
#[test]
fn a_record_that_was_changed_in_a_stored_block_breaks_the_chain() {
    let place = filled();
    with_raw(&place, |db| {
        let blocks = db.cf_handle("blocks").expect("the table of blocks");
        let key = 101_u64.to_be_bytes();
        let stored = db.get_cf(blocks, key).expect("reads").expect("the block");
        // The same block with one byte of one record changed, but with the header, and so the chain, that it had.
        let block = store::Block::from_stored(&stored).expect("decodes");
        let mut forged = BlockBuilder::new(block.first(), block.prior_chain());
        for (sequence, bytes) in block.iter() {
            let mut bytes = bytes.to_vec();
            if sequence == 105 {
                bytes[3] ^= 1;
            }
            forged.push(&bytes);
        }
        let forged = forged.finish().to_stored(1).expect("encodes");
        let mut value = stored[..77].to_vec();
        value.extend(&forged[77..]);
        db.put_cf(blocks, key, value).expect("writes");
    });
    let log = place.open().expect("the end of the log is sound");
    let error = log.block_holding(105).expect_err("refuses");
    assert!(error.to_string().contains("do not hash to its chain"), "{error}");
    let read: Vec<_> = log.blocks_from(1).collect();
    assert_eq!(read.len(), 11, "ten sound blocks, then the error, then nothing");
    assert!(matches!(read[10], Err(Error::Corrupt { .. })));
    assert!(log.blocks_from(111).all(|block| block.is_ok()));
}

#[test]
fn a_block_that_was_rewritten_with_its_own_chain_does_not_fit_its_neighbours() {
    let place = filled();
    with_raw(&place, |db| {
        let blocks = db.cf_handle("blocks").expect("the table of blocks");
        let mut forged = BlockBuilder::new(101, [5; 32]);
        for sequence in 101..=110 {
            forged.push(&record(sequence));
        }
        let forged = forged.finish().to_stored(1).expect("encodes");
        db.put_cf(blocks, 101_u64.to_be_bytes(), forged).expect("writes");
    });
    let log = place.open().expect("the end of the log is sound");
    let error = log.blocks_from(1).find_map(Result::err).expect("finds it");
    assert!(error.to_string().contains("does not follow"), "{error}");
}

#[test]
fn a_block_that_is_gone_leaves_a_gap_that_is_found() {
    for first in [101_u64, 1] {
        let place = filled();
        with_raw(&place, |db| {
            let blocks = db.cf_handle("blocks").expect("the table of blocks");
            db.delete_cf(blocks, first.to_be_bytes()).expect("writes");
        });
        let log = place.open().expect("the end of the log is sound");
        assert!(log.blocks_from(1).any(|block| block.is_err()));
        assert!(log.block_holding(first + 4).is_err());
    }
}

#[test]
fn a_head_that_is_not_the_last_blocks_refuses() {
    let place = filled();
    with_raw(&place, |db| {
        let blocks = db.cf_handle("blocks").expect("the table of blocks");
        db.delete_cf(blocks, 191_u64.to_be_bytes()).expect("writes");
    });
    let error = place.open().err().expect("refuses");
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[test]
fn after_a_panic_in_a_commit_there_is_no_other() {
    let place = Place::new();
    let log = place.create();
    let block = next_block(&log, 1);
    log.commit(&block, &[], &[]).expect("commits");
    let twice = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = log.commit(&block, &[], &[]);
    }));
    assert!(twice.is_err(), "a block is committed once");
    let error = log.commit(&next_block(&log, 1), &[], &[]).expect_err("refuses");
    assert!(error.is_fatal());
}
