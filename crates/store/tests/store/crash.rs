//! `kill -9` at any moment: what was acknowledged is there, all of it or nothing of each block, and two processes never share a log.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use store::{Error, Log};

use crate::place::{Place, check_all, fill, id, options};

const DIR: &str = "STORE_CRASH_TEST_DIR";

/// Not a test of its own: the process that is killed. It commits blocks for ever and says so after each.
#[test]
#[ignore = "started by the tests of this module"]
fn victim() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else {
        return;
    };
    let log = Log::open(&dir, &options()).expect("opens");
    for round in 0.. {
        fill(&log, 1);
        if round % 7 == 0 {
            let mut snapshot = log.snapshot_writer(log.head(), 1).expect("begins");
            (0..3).for_each(|_| snapshot.put(&[round as u8; 1000]).expect("writes"));
            snapshot.finish().expect("finishes");
        }
        let mut out = std::io::stdout().lock();
        // The parent may be gone.
        if writeln!(out, "\ndurable {}", log.head().sequence).is_err() {
            return;
        }
    }
}

struct Victim {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Victim {
    fn start(dir: &Path) -> Victim {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "crash::victim", "--ignored", "--nocapture"])
            .env(DIR, dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let out = BufReader::new(process.stdout.take().expect("its output"));
        Victim { process, out }
    }

    /// The next record that was acknowledged, or `None` after its end.
    fn acknowledged(&mut self) -> Option<u64> {
        let mut line = String::new();
        while self.out.read_line(&mut line).expect("reads") > 0 {
            if let Some(sequence) = line.trim_end().strip_prefix("durable ") {
                return Some(sequence.parse().expect("a number"));
            }
            line.clear();
        }
        None
    }

    /// Kills it and returns the last record that it had acknowledged.
    fn kill(mut self) -> u64 {
        self.process.kill().expect("kills");
        let mut last = 0;
        while let Some(sequence) = self.acknowledged() {
            last = sequence;
        }
        self.process.wait().expect("ends");
        last
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_in_part() {
    let place = Place::new();
    drop(place.create());
    for round in 0..8 {
        let mut victim = Victim::start(&place.dir());
        let mut seen = 0;
        for _ in 0..3 + round * 11 {
            seen = victim.acknowledged().expect("it commits");
        }
        let last = victim.kill().max(seen);
        let log = place.open().expect("opens");
        let head = log.head().sequence;
        assert!(head >= last, "record {last} was acknowledged, the log ends at {head}");
        assert!(head.is_multiple_of(10), "a block is there whole or not at all");
        check_all(&log);
        log.verify_tables().expect("all is sound");
        assert_eq!(log.cursor(b"trades/0").expect("reads"), Some(head.to_be_bytes().to_vec()));
        for sequence in 1..=head {
            assert_eq!(log.id(&id(sequence)).expect("reads"), Some(sequence));
        }
        assert_eq!(log.id(&id(head + 1)).expect("reads"), None);
        let snapshot = log.newest_snapshot().expect("reads").expect("one was finished");
        assert!(snapshot.head().sequence <= head && snapshot.skipped().is_empty());
    }
}

#[test]
fn another_process_is_kept_out_but_may_read() {
    let place = Place::new();
    drop(place.create());
    let mut victim = Victim::start(&place.dir());
    let seen = victim.acknowledged().expect("it commits");
    let error = place.open().err().expect("refuses");
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    let reader = Log::open_read_only(&place.dir(), &place.options).expect("opens");
    assert!(reader.head().sequence >= seen);
    check_all(&reader);
    victim.kill();
}
