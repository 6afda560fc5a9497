//! A disk without space: questions are answered, nothing that was acknowledged is lost, readiness is false and says why; when there is
//! space again the service goes on by itself. (A flush without space is in `errors`; a real small file system in `tests/system`.)

use crate::disk::{Calls, Disk, Errno};
use crate::house::{furnish, holds_all, is_sound};
use crate::served::Served;
use crate::{Plan, Verdict};
use std::collections::BTreeMap;

/// No file of the whole house takes another byte.
pub fn of_records(plan: &Plan) -> Verdict {
    full(plan, "/house/", false)
}

/// The views have a disk of their own, and it is full: records are taken all the same.
pub fn of_views(plan: &Plan) -> Verdict {
    full(plan, "/house/views", true)
}

fn full(plan: &Plan, path: &str, takes_commands: bool) -> Verdict {
    let disk = match Disk::new() {
        Ok(disk) => disk,
        Err(why) => return Verdict::Skipped(why),
    };
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("house");
    std::fs::create_dir(&data).expect("creates");
    furnish(&data, plan.seed);
    let mut served = Served::start(&data, Some(&disk), &[]);
    let mut acknowledged = BTreeMap::new();
    assert_eq!(commands(&served, "BEFORE", &mut acknowledged), 20);
    let before = served.questions().expect("answered");

    disk.fails(Calls::Write, path, Errno::NoSpace, None);
    let taken = commands(&served, "FULL", &mut acknowledged);
    assert_eq!(taken, if takes_commands { 20 } else { 0 });
    served.wait_not_ready("the disk is full");
    for round in 0..3 {
        let (head, balances) = served.questions().expect("questions are answered");
        assert_eq!((head, balances), (*acknowledged.last_key_value().expect("some").0, before.1));
        let more = commands(&served, &format!("FULL-{round}"), &mut acknowledged);
        assert_eq!(more, if takes_commands { 20 } else { 0 });
    }
    assert!(served.asks("/healthz").0 && served.is_alive(), "there is no need to end it");
    println!("    it said: {}", served.asks("/readyz").1);

    disk.is_sound_again();
    served.wait_ready();
    assert_eq!(commands(&served, "AFTER", &mut acknowledged), 20);
    served.terminate();
    let log = holds_all(&data.join("log"), None, &acknowledged);
    is_sound(&data, &log);
    println!("    {} commands acknowledged, all there; it went on by itself", acknowledged.len());
    Verdict::Passed
}

/// Sends commands; how many of them were acknowledged.
fn commands(served: &Served, name: &str, acknowledged: &mut BTreeMap<u64, String>) -> usize {
    let ids: Vec<String> = (0..20).map(|number| format!("{name}-{number}")).collect();
    let sent = ids.iter().map(|id| served.command(id)).collect();
    let answers = ids.into_iter().zip(served.answers(sent));
    let sequences: Vec<(u64, String)> = answers.filter_map(|(id, answer)| Some((answer.ok()?, id))).collect();
    let count = sequences.len();
    acknowledged.extend(sequences);
    count
}
