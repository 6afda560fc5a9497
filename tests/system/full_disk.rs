//! The disk runs full under load: a clear error and the end of the process; with space again it goes on and nothing is lost.

use crate::audit;
use crate::front_office::FrontOffice;
use crate::service::{durable, flow, prepare, until};
use crate::shard_process::ShardProcess;
use crate::{Rig, Verdict};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use store::{Log, Options};
use testkit::flow::Step;

/// Of the file system, and what is left of it when the load begins.
const SIZE: usize = 96 << 20;
const LEFT: usize = 3 << 20;
const MESSAGES: u64 = 60_000;

/// A file system in memory, for as long as this lives.
struct Mount<'p>(&'p Path);

impl<'p> Mount<'p> {
    fn new(path: &'p Path) -> Option<Mount<'p>> {
        let size = format!("size={SIZE}");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).output();
        done.is_ok_and(|done| done.status.success()).then_some(Mount(path))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).output();
    }
}

pub fn nothing_is_lost(rig: &Rig) -> Verdict {
    let dir = tempfile::tempdir().expect("a directory");
    let Some(_mount) = Mount::new(dir.path()) else {
        return Verdict::Skipped("a small file system cannot be mounted here: it needs root".to_owned());
    };
    let topic = rig.broker.new_topic("full-disk");
    let path = dir.path().join("log");
    let week = prepare(&path, &flow(rig.seed, MESSAGES));
    let ballast = dir.path().join("ballast");
    fill(&ballast, LEFT, dir.path());

    let mut office = FrontOffice::new(&rig.broker.brokers(), &topic);
    for item in week {
        if let Step::Message(message) = &item.step {
            office.send(message);
        }
    }
    let end = office.settle();
    let mut process = ShardProcess::start(&path, &rig.broker.address(), &topic);
    let (code, said) = process.wait_end(Duration::from_secs(60)).expect("it ends by itself when the disk is full");
    println!("    it said: {}", said.trim_end());
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("the disk is full") && said.contains("free some space"), "{said}");

    fs::remove_file(&ballast).expect("space is freed");
    let process = ShardProcess::start(&path, &rig.broker.address(), &topic);
    let describe = || format!("{:?} {}", process.counters(), process.errors());
    until("it has caught up", Duration::from_secs(60), || process.counters().handed_over >= end, &describe);
    process.stop();
    let log = Log::open_read_only(&path, &Options::default()).expect("the log opens");
    assert_eq!(durable(&log, &topic), end);
    audit::exactly_one_outcome_each(&office.close(), &audit::outcomes(&log, &topic));
    audit::sound(&log);
    Verdict::Passed
}

/// Writes a file so large that only so much is left.
fn fill(ballast: &Path, left: usize, dir: &Path) {
    let mut file = File::create(ballast).expect("a file");
    let mut rest = free(dir).checked_sub(left).expect("the file system is larger");
    let zeros = vec![0; 1 << 20];
    while rest > 0 {
        let piece = rest.min(zeros.len());
        file.write_all(&zeros[..piece]).expect("there is space");
        rest -= piece;
    }
}

fn free(dir: &Path) -> usize {
    let output = Command::new("df").args(["--output=avail", "-B1"]).arg(dir).output().expect("df runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().last().and_then(|line| line.trim().parse().ok()).expect("df says how much is free")
}
