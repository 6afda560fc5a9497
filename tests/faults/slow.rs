//! A slow disk and one that hangs: commands wait, in bounded numbers; questions do not; who asks whether the service is ready is told.

use crate::disk::{Calls, Disk};
use crate::errors::RECORDS;
use crate::house::{furnish, holds_all};
use crate::prepared::{flow, prepare};
use crate::served::Served;
use crate::writer::{MESSAGES, Said, Way, Writer};
use crate::{Plan, Verdict};
use std::collections::BTreeMap;
use std::time::Duration;

/// Each sync takes 300 ms: what waits goes into one block, and views and log are read meanwhile.
pub fn commits_wait_and_questions_do_not(plan: &Plan) -> Verdict {
    let disk = match Disk::new() {
        Ok(disk) => disk,
        Err(why) => return Verdict::Skipped(why),
    };
    let dir = tempfile::tempdir().expect("a directory");
    furnish(dir.path(), plan.seed);
    let served = Served::start(dir.path(), Some(&disk), &[]);
    disk.is_slow(Calls::Sync, RECORDS, Duration::from_millis(300));
    let ids: Vec<String> = (0..400).map(|number| format!("SLOW-{number}")).collect();
    let sent: Vec<_> = ids.iter().map(|id| served.command(id)).collect();
    let mut asked = 0;
    while sent.iter().any(|each| !each.is_finished()) {
        served.questions().expect("questions are answered");
        asked += 1;
    }
    let mut acknowledged = BTreeMap::new();
    for (id, answer) in ids.into_iter().zip(served.answers(sent)) {
        acknowledged.insert(answer.expect("it is only slow"), id);
    }
    let (syncs, _) = disk.hits();
    assert!(served.asks("/readyz").0, "slow is not broken");
    disk.is_sound_again();
    served.terminate();
    assert!(asked > 0 && syncs > 0 && syncs < 200, "{asked} questions, {syncs} syncs: what waits shares a sync");
    drop(holds_all(&dir.path().join("log"), None, &acknowledged));
    println!("    400 commands in {syncs} syncs of 300 ms, {asked} times two questions answered meanwhile");
    Verdict::Passed
}

/// Everything below the data directory hangs, views and marker included; then the sync of the write-ahead log alone. Commands wait,
/// readiness is false and says why, questions are answered; when the disk is there again, everything goes on.
pub fn the_service_says_so_and_goes_on(plan: &Plan) -> Verdict {
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
    for (calls, path, says) in [
        (Calls::Both, "/house/", "the shard has not answered for"),
        (Calls::Sync, RECORDS, "the disk has not taken a block for"),
    ] {
        let before = served.questions().expect("answered");
        disk.hangs(calls, path);
        let ids: Vec<String> = (0..50).map(|number| format!("{calls:?}-{number}")).collect();
        let sent: Vec<_> = ids.iter().map(|id| served.command(id)).collect();
        served.wait_not_ready(says);
        for _ in 0..3 {
            assert_eq!(served.questions().expect("answered"), before, "what is not on disk is not told");
        }
        assert!(sent.iter().all(|each| !each.is_finished()), "nothing is acknowledged that is not on disk");
        assert!(served.asks("/healthz").0 && served.is_alive(), "it lives: a start would find the same disk");
        println!("    {path} hangs, it says: {}", served.asks("/readyz").1);
        disk.is_sound_again();
        for (id, answer) in ids.into_iter().zip(served.answers(sent)) {
            acknowledged.insert(answer.expect("the disk is there again"), id);
        }
        served.wait_ready();
    }
    served.terminate();
    drop(holds_all(&data.join("log"), None, &acknowledged));
    println!("    all {} commands were acknowledged when it was there again", acknowledged.len());
    Verdict::Passed
}

/// While the disk hangs, an engine takes messages up to a bound, and the rest waits where it is.
pub fn messages_wait_outside(plan: &Plan) -> Verdict {
    let disk = match Disk::new() {
        Ok(disk) => disk,
        Err(why) => return Verdict::Skipped(why),
    };
    let dir = tempfile::tempdir().expect("a directory");
    let (log, witness) = (dir.path().join("log"), dir.path().join("log.witness"));
    drop(prepare(&log, &flow(plan.seed, MESSAGES)));
    let mut writer = Writer::start(&log, &witness, plan.seed, 0, Way::Messages, Some(&disk));
    let mut taken = next_taken(&mut writer);
    while taken < 2_000 {
        taken = next_taken(&mut writer);
    }
    disk.hangs(Calls::Both, RECORDS);
    // It takes what it has room for, and then nothing.
    let mut waiting = taken;
    while let Some(Said::Taken(more)) = writer.next_within(Duration::from_secs(3)) {
        waiting = more;
    }
    assert!(waiting < MESSAGES / 2, "{waiting} messages of {MESSAGES} are in memory");
    disk.is_sound_again();
    let after = next_taken(&mut writer);
    assert!(after > waiting);
    println!("    {taken} messages taken before, {waiting} when it took no more; then it went on");
    Verdict::Passed
}

fn next_taken(writer: &mut Writer) -> u64 {
    match writer.next() {
        Some(Said::Taken(messages)) => messages,
        other => panic!("{other:?}"),
    }
}
