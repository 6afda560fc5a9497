//! The power goes: a file system is shut down without a flush under an engine at work, and mounted again. Nothing that was acknowledged
//! is lost, and the log opens with its witness, whether that lay on the same disk or on another.
//!
//! **What counts as acknowledged** (decision 69). A real cut takes the process with it; here it lives on while its file system goes down,
//! and what it believes then proves nothing: ext4 may answer a sync that is under way at that moment with success although it threw
//! the sync's transaction away. So:
//!
//! * The child says what is acknowledged into a file on a disk that stays, and the program that shuts the file systems down looks at its
//!   length last of all before it does. All that stands there by then counts, nothing after it.
//! * A witness on another disk loses its power too, a moment before the log does. Left alive, it was told of records by a process
//!   that had been lied to, and the log was refused as one that had lost its end.
//! * Every other time the process is stopped first, so that no sync is under way: then all it ever said counts.
//!
//! That the test can fail: with `fdatasync` of the write-ahead log made to do nothing, the first cut ends it.

use crate::Plan;
use crate::cases::Verdict;
use crate::child::keep;
use crate::disk::{Image, power_off};
use crate::errors::acknowledgement;
use crate::house::{holds_all, is_sound};
use crate::prepared::{flow, prepare, until};
use crate::writer::{self, LONG, MESSAGES, Said, Way};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::flow::Random;

/// Most trades acknowledged before a cut.
const MOST: u64 = 500;
/// Cuts in a run of all tests.
const FEW: u64 = 6;

pub fn nothing_acknowledged_is_lost(plan: &Plan) -> Verdict {
    let (witness, log) = match (Image::new(16), Image::new(256)) {
        (Ok(witness), Ok(log)) => (witness, log),
        (Err(why), _) | (_, Err(why)) => return Verdict::Skipped(why),
    };
    let stays = tempfile::tempdir().expect("a directory");
    let mut random = Random::new(plan.seed);
    // In the order in which they go.
    let mut disks = [witness, log];
    for (name, first) in [("beside the log", 1), ("on another disk", 0)] {
        let cycles = if plan.cycles == 0 { FEW } else { plan.cycles }.div_ceil(2);
        let data = disks[1].path().join(name.replace(' ', "-"));
        fs::create_dir(&data).expect("creates");
        drop(prepare(&data.join("log"), &flow(plan.seed, MESSAGES)));
        let beside = data.join("log.witness");
        let witness = match first {
            1 => beside,
            _ => elsewhere(&beside, &disks[0].path()),
        };
        let house = House { data, witness, seed: plan.seed, said: stays.path().join("said") };
        let cuts = house.cut(&mut disks[first..], cycles, &mut random);
        let log = holds_all(&house.log(), Some(&house.witness), &cuts.acknowledged);
        is_sound(&house.data, &log);
        println!(
            "    {cycles} cuts, witness {name}: {} trades acknowledged, none lost, verified; {} more were said while the file system \
             went down, of which {} had never reached the disk",
            cuts.acknowledged.len(),
            cuts.late,
            cuts.late_and_gone
        );
    }
    Verdict::Passed
}

/// The witness on its own disk, durable there.
fn elsewhere(beside: &Path, disk: &Path) -> PathBuf {
    let witness = disk.join("witness");
    fs::copy(beside, &witness).expect("copies");
    for path in [&witness, disk] {
        File::open(path).and_then(|file| file.sync_all()).expect("syncs");
    }
    witness
}

/// A data directory that lives through cuts, and where its writer says what is acknowledged.
struct House {
    data: PathBuf,
    witness: PathBuf,
    seed: u64,
    said: PathBuf,
}

/// What came of cuts.
#[derive(Default)]
struct Cuts {
    /// Before the cut: its record, and the request it answers.
    acknowledged: BTreeMap<u64, String>,
    late: usize,
    late_and_gone: usize,
}

impl House {
    fn log(&self) -> PathBuf {
        self.data.join("log")
    }

    /// So many lives of a writer, each ended by a cut of these disks.
    fn cut(&self, disks: &mut [Image], cycles: u64, random: &mut Random) -> Cuts {
        let mut cuts = Cuts::default();
        let mut first = 0;
        for cycle in 0..cycles {
            let mut life = Life::start(self, first);
            life.wait_for(1 + random.below(MOST));
            std::thread::sleep(Duration::from_millis(random.below(40)));
            let stopped = cycle % 2 == 1;
            if stopped {
                life.stop();
            }
            let length = power_off(disks, &self.said);
            let said = life.end(stopped);
            disks.iter_mut().for_each(Image::power_on);
            let (before, after) = said.split_at(usize::try_from(length).expect("short"));
            let acknowledged: BTreeMap<u64, String> = lines(before).iter().filter_map(acknowledgement).collect();
            let late: BTreeMap<u64, String> = lines(after).iter().filter_map(acknowledgement).collect();
            // Closed again, so that the next life finds what a cut left and an opening made of it.
            let log = holds_all(&self.log(), Some(&self.witness), &acknowledged);
            assert!(!stopped || late.is_empty(), "it was stopped, and went on");
            let gone = late.keys().filter(|sequence| **sequence > log.head().sequence).count();
            drop(log);
            println!(
                "    cut {cycle}: {} trades acknowledged, {} more said while it went down, {gone} of them gone",
                acknowledged.len(),
                late.len()
            );
            // What was under way when the power went is sent again, as its sender would.
            let trades = lines(before).into_iter().filter_map(|said| match said {
                Said::Acknowledged { trade, .. } => Some(trade + 1),
                Said::Taken(_) => None,
            });
            first = trades.max().unwrap_or(first);
            cuts.acknowledged.extend(acknowledged);
            cuts.late += late.len();
            cuts.late_and_gone += gone;
        }
        cuts
    }
}

/// A writer that says what is acknowledged into a file on a disk that stays, a line at a time.
struct Life {
    child: Child,
    errors: Arc<Mutex<String>>,
    said: PathBuf,
}

impl Life {
    fn start(house: &House, first: u64) -> Life {
        let said = File::create(&house.said).expect("creates");
        let mut command = writer::command(&house.log(), &house.witness, house.seed, first, Way::Calls);
        let mut child = command.stdout(said).stderr(Stdio::piped()).spawn().expect("a child");
        let errors = keep(child.stderr.take().expect("piped"));
        Life { child, errors, said: house.said.clone() }
    }

    fn errors(&self) -> String {
        self.errors.lock().expect("nobody panics with it").clone()
    }

    /// Until so many trades are acknowledged.
    fn wait_for(&mut self, trades: u64) {
        let wanted = usize::try_from(trades).expect("few");
        let (said, errors) = (self.said.clone(), self.errors.clone());
        let enough = || {
            let ended = self.child.try_wait().expect("it can be asked");
            assert!(ended.is_none(), "it goes on until the power goes: {}", errors.lock().expect("sound"));
            fs::read_to_string(&said).expect("it is there").lines().count() >= wanted
        };
        until("it writes", LONG, enough, &|| errors.lock().expect("sound").clone());
    }

    /// Stops it where it stands; returns when no call of it is under way.
    fn stop(&self) {
        let id = self.child.id();
        assert!(Command::new("kill").args(["-STOP", &id.to_string()]).status().expect("kills").success());
        let stands = |path: PathBuf| {
            let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
            stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
        };
        let all = || {
            let threads = fs::read_dir(format!("/proc/{id}/task")).expect("it lives");
            threads.flatten().all(|thread| stands(thread.path()))
        };
        until("every thread of it stands", LONG, all, &|| self.errors());
    }

    /// All that it said, when its disk is gone and it has ended.
    fn end(mut self, stopped: bool) -> String {
        if stopped {
            self.child.kill().expect("it can be killed");
        }
        let status = self.child.wait().expect("it ends");
        std::thread::sleep(Duration::from_millis(50));
        assert!(stopped || status.code() == Some(writer::FAILED), "it ends when the disk is gone: {}", self.errors());
        fs::read_to_string(&self.said).expect("it is there")
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(text: &str) -> Vec<Said> {
    text.lines().filter_map(writer::read).collect()
}
