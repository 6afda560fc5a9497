//! A sync or a write that fails ends the process at once: nobody is answered after it, and nobody tries again, since a second sync may
//! say that all is well of pages that are gone.

use crate::disk::{Calls, Disk, Errno};
use crate::house::{furnish, holds_all, is_sound};
use crate::prepared::{flow, prepare};
use crate::served::Served;
use crate::writer::{self, MESSAGES, Said, Way, Writer};
use crate::{Plan, Verdict};
use std::collections::BTreeMap;

/// The write-ahead logs of records are numbered; their paths hold this and those of other files do not.
pub const RECORDS: &str = "/log/0";

/// One sync of the write-ahead log says EIO, every later one would say that all is well.
pub fn a_sync_that_fails_ends_the_service(plan: &Plan) -> Verdict {
    let disk = match Disk::new() {
        Ok(disk) => disk,
        Err(why) => return Verdict::Skipped(why),
    };
    let dir = tempfile::tempdir().expect("a directory");
    furnish(dir.path(), plan.seed);
    let mut served = Served::start(dir.path(), Some(&disk), &[]);
    let mut acknowledged = BTreeMap::new();
    let mut refused = 0;
    for round in ["SOUND", "FAILS"] {
        if round == "FAILS" {
            disk.fails(Calls::Sync, RECORDS, Errno::Io, Some(1));
        }
        let ids: Vec<String> = (0..40).map(|number| format!("{round}-{number}")).collect();
        let sent = ids.iter().map(|id| served.command(id)).collect();
        for (id, answer) in ids.into_iter().zip(served.answers(sent)) {
            match answer {
                Ok(sequence) => drop(acknowledged.insert(sequence, id)),
                Err(status) if round == "FAILS" => {
                    assert_ne!(status.code(), tonic::Code::DeadlineExceeded, "{status}");
                    refused += 1;
                }
                Err(status) => panic!("{status}"),
            }
        }
    }
    assert_eq!((acknowledged.len(), refused), (40, 40), "nothing is acknowledged that was not synced");
    let said = served.wait_failed();
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains("Input/output error") && last.contains("nothing more is answered"), "{said}");
    assert_eq!(disk.hits(), (1, 1), "a sync that failed is tried again");
    let log = holds_all(&dir.path().join("log"), None, &acknowledged);
    is_sound(dir.path(), &log);
    println!("    40 commands acknowledged before, 40 refused, no second sync; it said: {last}");
    Verdict::Passed
}

/// A table file cannot be synced, in the background: the next commit finds out.
pub fn a_flush_that_fails_ends_the_engine(plan: &Plan) -> Verdict {
    for error in [Errno::Io, Errno::NoSpace] {
        let disk = match Disk::new() {
            Ok(disk) => disk,
            Err(why) => return Verdict::Skipped(why),
        };
        let dir = tempfile::tempdir().expect("a directory");
        let (log, witness) = (dir.path().join("log"), dir.path().join("log.witness"));
        drop(prepare(&log, &flow(plan.seed, MESSAGES)));
        let calls = if matches!(error, Errno::Io) { Calls::Sync } else { Calls::Write };
        let mut writer = Writer::start(&log, &witness, plan.seed, 0, Way::Calls, Some(&disk));
        let first = writer.next().expect("it writes");
        disk.fails(calls, ".sst", error, Some(1));
        let (mut rest, code, said) = writer.wait_end();
        rest.push(first);
        assert_eq!(code, writer::FAILED, "{said}");
        let full = said.contains("the disk is full");
        let expected = matches!(error, Errno::NoSpace);
        assert!(full == expected && (expected || said.contains("Input/output error")), "{said}");
        let acknowledged: BTreeMap<u64, String> = rest.iter().filter_map(acknowledgement).collect();
        assert_eq!(disk.hits().0, 1);
        let opened = holds_all(&log, Some(&witness), &acknowledged);
        is_sound(dir.path(), &opened);
        println!("    {} trades acknowledged before, all there; it said: {}", acknowledged.len(), said.trim_end());
    }
    Verdict::Passed
}

/// A trade that is on disk: its record and the request it answers.
pub fn acknowledgement(said: &Said) -> Option<(u64, String)> {
    match said {
        Said::Acknowledged { sequence, trade } => Some((*sequence, writer::request_id(*trade))),
        Said::Taken(_) => None,
    }
}
