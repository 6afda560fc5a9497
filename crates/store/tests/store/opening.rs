//! All the reasons not to open a log, each with its own error.

use std::fs;

use store::{BlockBuilder, Error, Head, Log, WitnessCheck};

use crate::place::{Place, check_all, copy_dir, fill};

/// The error of an opening that must not succeed.
fn refusal(opened: Result<Log, Error>) -> Error {
    match opened {
        Ok(log) => panic!("opened at record {}", log.head().sequence),
        Err(error) => error,
    }
}

#[test]
fn a_missing_or_empty_directory_is_not_a_log() {
    let place = Place::new();
    assert!(matches!(refusal(place.open()), Error::NoLog { .. }));
    assert!(!place.dir().exists(), "looking must not create it");
    fs::create_dir(place.dir()).expect("creates");
    assert!(matches!(refusal(place.open()), Error::NoLog { .. }));
    let read_only = Log::open_read_only(&place.dir(), &place.options);
    assert!(matches!(refusal(read_only), Error::NoLog { .. }));
}

#[test]
fn nothing_is_created_over_something() {
    let place = Place::new();
    drop(place.create());
    let again = Log::create(&place.dir(), &place.options);
    assert!(matches!(refusal(again), Error::NotEmpty { .. }));
    let other = place.path("other");
    fs::create_dir(&other).expect("creates");
    fs::write(other.join("notes.txt"), "x").expect("writes");
    let there = Log::create(&other, &place.options);
    assert!(matches!(refusal(there), Error::NotEmpty { .. }));
}

#[test]
fn a_lost_directory_is_not_silently_a_new_log() {
    let mut place = Place::new();
    let log = place.create();
    fill(&log, 1);
    drop(log);
    fs::remove_dir_all(place.dir()).expect("removes");
    let again = Log::create(&place.dir(), &place.options);
    assert!(matches!(
        refusal(again),
        Error::BehindWitness { head: Head { sequence: 0, .. }, witness: Head { sequence: 10, .. }, .. }
    ));
    place.options.witness_check = WitnessCheck::Reset;
    drop(place.create());
    place.options.witness_check = WitnessCheck::Strict;
    assert_eq!(place.open().expect("opens").head(), Head::EMPTY);
}

#[test]
fn two_at_a_time_are_one_too_many() {
    let place = Place::new();
    let log = place.create();
    let error = refusal(place.open());
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    assert!(error.to_string().contains("in use by another process"));
    drop(log);
    place.open().expect("opens once the first is gone");
}

#[test]
fn what_is_no_log_is_not_opened_as_one() {
    let place = Place::new();
    drop(store::Views::open(&place.dir(), &place.options).expect("creates"));
    // A database without our tables: RocksDB itself refuses.
    assert!(place.open().is_err());

    let place = Place::new();
    drop(place.create());
    with_raw(&place, |db| db.put([1], b"QLOG\0\x02").expect("writes"));
    let error = refusal(place.open());
    assert!(matches!(error, Error::Format { .. }), "{error}");
    with_raw(&place, |db| db.delete([1]).expect("writes"));
    let error = refusal(place.open());
    assert!(matches!(error, Error::Unfinished { .. }), "{error}");
}

#[test]
fn an_old_copy_put_back_is_noticed_and_an_import_can_catch_up() {
    let mut place = Place::new();
    let log = place.create();
    fill(&log, 5);
    drop(log);
    copy_dir(&place.dir(), &place.path("old"));
    let log = place.open().expect("opens");
    fill(&log, 5);
    let published: Vec<_> = log.blocks_from(51).map(|block| block.expect("sound")).collect();
    let newest = log.head();
    drop(log);

    fs::remove_dir_all(place.dir()).expect("removes");
    fs::rename(place.path("old"), place.dir()).expect("renames");
    let error = refusal(place.open());
    let Error::BehindWitness { head, witness, .. } = &error else { panic!("{error}") };
    assert_eq!((head.sequence, *witness), (50, newest));

    place.options.witness_check = WitnessCheck::CatchUp;
    let log = place.open().expect("opens to catch up");
    assert_eq!(log.missing_until(), Some(newest));
    for block in &published[..4] {
        log.commit(block, &[], &[]).expect("commits");
    }
    // Another last block than the one that was acknowledged is not let in.
    let mut forged = BlockBuilder::after(log.head());
    for _ in 0..20 {
        forged.push(b"forged");
    }
    let refused = log.commit(&forged.finish(), &[], &[]);
    assert!(matches!(refused, Err(Error::AnotherHistory { sequence: 100, .. })));
    // Stopping half-way leaves the witness where it was.
    assert_eq!(log.witness().expect("reads"), Some(newest));
    drop(log);
    place.options.witness_check = WitnessCheck::Strict;
    assert!(matches!(refusal(place.open()), Error::BehindWitness { .. }));

    place.options.witness_check = WitnessCheck::CatchUp;
    let log = place.open().expect("opens to catch up");
    log.commit(&published[4], &[], &[]).expect("commits");
    assert_eq!(log.missing_until(), None);
    assert_eq!(log.head(), newest);
    check_all(&log);
    drop(log);
    place.options.witness_check = WitnessCheck::Strict;
    assert_eq!(place.open().expect("opens").head(), newest);
}

#[test]
fn an_accepted_loss_goes_on_with_a_new_witness() {
    let mut place = Place::new();
    let log = place.create();
    fill(&log, 5);
    log.backup(&place.path("old")).expect("copies");
    fill(&log, 5);
    drop(log);
    fs::remove_dir_all(place.dir()).expect("removes");
    fs::rename(place.path("old"), place.dir()).expect("renames");
    place.options.witness_check = WitnessCheck::Reset;
    let log = place.open().expect("opens");
    fill(&log, 1);
    drop(log);
    place.options.witness_check = WitnessCheck::Strict;
    assert_eq!(place.open().expect("opens").head().sequence, 60);
}

#[test]
fn another_history_of_the_same_length_is_noticed() {
    let place = Place::new();
    let log = place.create();
    fill(&log, 2);
    let (other, options) = (place.path("other"), place.options.clone());
    let foreign = Log::create(&other, &options).expect("creates");
    for _ in 0..3 {
        let mut block = BlockBuilder::after(foreign.head());
        for _ in 0..10 {
            block.push(b"another record");
        }
        foreign.commit(&block.finish(), &[], &[]).expect("commits");
    }
    drop((log, foreign));
    fs::remove_dir_all(place.dir()).expect("removes");
    fs::rename(other, place.dir()).expect("renames");
    let error = refusal(place.open());
    assert!(matches!(error, Error::AnotherHistory { sequence: 20, .. }), "{error}");
}

#[test]
fn a_missing_or_spoilt_witness_is_not_passed_over() {
    let mut place = Place::new();
    let log = place.create();
    fill(&log, 1);
    drop(log);
    let witness = place.options.witness_path(&place.dir());
    assert!(witness.ends_with("log.witness"));
    fs::write(&witness, b"spoilt").expect("writes");
    assert!(matches!(refusal(place.open()), Error::NoWitness { .. }));
    fs::remove_file(&witness).expect("removes");
    assert!(matches!(refusal(place.open()), Error::NoWitness { .. }));
    place.options.witness_check = WitnessCheck::Reset;
    drop(place.open().expect("opens"));
    place.options.witness_check = WitnessCheck::Strict;
    drop(place.open().expect("opens"));
}

#[test]
fn a_witness_may_lie_elsewhere() {
    let mut place = Place::new();
    place.options.witness = Some(place.path("elsewhere"));
    let log = place.create();
    fill(&log, 1);
    let head = log.head();
    drop(log);
    assert!(!place.path("log.witness").exists());
    let log = place.open().expect("opens");
    assert_eq!(log.witness().expect("reads"), Some(head));
}

/// Changes a closed log behind the store's back.
pub fn with_raw(place: &Place, change: impl FnOnce(&rocksdb::DB)) {
    let options = rocksdb::Options::default();
    let names = rocksdb::DB::list_cf(&options, place.dir()).expect("lists");
    let db = rocksdb::DB::open_cf(&options, place.dir(), names).expect("opens");
    change(&db);
}

/// The directory is lost and the witness is not: what is imported instead must lead to what it saw.
#[test]
fn a_lost_log_is_made_again_under_its_witness() {
    let mut place = Place::new();
    let log = place.create();
    fill(&log, 2);
    let blocks: Vec<_> = [1, 11].map(|first| log.stored_block(first).expect("reads").expect("a block")).into();
    let head = log.head();
    drop(log);
    fs::remove_dir_all(place.dir()).expect("removes");
    place.options.witness_check = WitnessCheck::CatchUp;
    let log = place.create();
    assert_eq!(log.missing_until(), Some(head));
    for stored in &blocks {
        let block = store::Block::from_stored(stored).expect("sound");
        log.import(&block, stored, &[], &[]).expect("imports");
        assert_eq!(log.stored_block(block.first()).expect("reads").as_ref(), Some(stored), "verbatim");
    }
    assert_eq!((log.head(), log.missing_until()), (head, None));
}
