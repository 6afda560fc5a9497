//! One bit turns over, anywhere on the disk: whoever starts or verifies is told, or nothing of what was there is different.

use crate::house::{Truth, build, caught_up, open_views, views_at};
use crate::prepared::copy;
use crate::{Plan, Verdict, writer};
use auditor::Against;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use store::Log;
use testkit::flow::Random;

/// Where bits turn over: a name, the directory, and which of its files.
type Place = (&'static str, &'static str, fn(&Path) -> bool);

const PLACES: &[Place] = &[
    ("write-ahead log", "log", |file| ends(file, "log")),
    ("table files", "log", |file| ends(file, "sst")),
    ("snapshots' table files", "log", |file| ends(file, "sst") && holds(file, b"snapshots")),
    ("MANIFEST", "log", |file| begins(file, "MANIFEST")),
    ("views, write-ahead log", "views", |file| ends(file, "log")),
    ("views, table files", "views", |file| ends(file, "sst")),
    ("views, MANIFEST", "views", |file| begins(file, "MANIFEST")),
    ("witness", ".", |file| ends(file, "witness")),
    ("CURRENT, IDENTITY, OPTIONS", "log", |file| {
        ["CURRENT", "IDENTITY", "OPTIONS"].iter().any(|name| begins(file, name))
    }),
];

fn ends(file: &Path, end: &str) -> bool {
    file.extension().is_some_and(|extension| extension == end)
}

fn begins(file: &Path, name: &str) -> bool {
    file.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
}

fn holds(file: &Path, bytes: &[u8]) -> bool {
    fs::read(file).expect("reads").windows(bytes.len()).any(|each| each == bytes)
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Found {
    /// The start is refused.
    AtTheStart,
    /// `quittance verify` finds it, or whoever reads there.
    OnReading,
    /// A snapshot is passed over with a warning, the older one serves.
    PassedOver,
    /// The views are emptied, or stand earlier, and follow the log again to the same rows.
    MadeAgain,
    /// All that was there is there: the bit is one that nothing reads.
    Unused,
}

pub fn none_is_silent(plan: &Plan) -> Verdict {
    let dir = tempfile::tempdir().expect("a directory");
    let sound = dir.path().join("sound");
    let truth = build(&sound, plan.seed);
    let mut random = Random::new(plan.seed);
    let mut found: BTreeMap<(usize, Found), u64> = BTreeMap::new();
    for flip in 0..plan.flips {
        let which = flip as usize % PLACES.len();
        let data = dir.path().join("flipped");
        copy(&sound, &data);
        let (what, file) = flip_one(&data, PLACES[which], &mut random);
        let outcome = match file.starts_with(data.join("views")) {
            true => of_views(&data, &truth),
            false => of_log(&data, &truth),
        };
        let outcome = outcome.unwrap_or_else(|silent| panic!("SILENT: {what}: {silent}"));
        if outcome == Found::Unused {
            println!("    without effect: {what}");
        }
        *found.entry((which, outcome)).or_default() += 1;
        fs::remove_dir_all(&data).expect("removes");
    }
    for (which, (name, ..)) in PLACES.iter().enumerate() {
        let of = |outcome| found.get(&(which, outcome)).copied().unwrap_or(0);
        println!(
            "    {name}: {} refused at the start, {} found on reading, {} snapshots passed over, {} views made again, {} unused",
            of(Found::AtTheStart),
            of(Found::OnReading),
            of(Found::PassedOver),
            of(Found::MadeAgain),
            of(Found::Unused)
        );
    }
    let unused: u64 = found.iter().filter(|((_, outcome), _)| *outcome == Found::Unused).map(|(_, count)| count).sum();
    println!("    {} of {} told, {unused} without effect, none silent", plan.flips - unused, plan.flips);
    assert!(unused * 2 <= plan.flips, "most bits mean something");
    Verdict::Passed
}

/// Turns one bit over; what was done, and to which file.
fn flip_one(data: &Path, (name, dir, wanted): Place, random: &mut Random) -> (String, PathBuf) {
    let entries = fs::read_dir(data.join(dir)).expect("lists").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<(PathBuf, u64)> = entries
        .filter(|path| path.is_file() && wanted(path))
        .map(|path| (path.clone(), fs::metadata(&path).expect("metadata").len()))
        .filter(|(_, length)| *length > 0)
        .collect();
    files.sort();
    assert!(!files.is_empty(), "there is no {name}");
    // Each byte as likely as any other.
    let mut at = random.below(files.iter().map(|(_, length)| length).sum());
    let (file, _) = files
        .into_iter()
        .find(|(_, length)| {
            let here = at < *length;
            at -= if here { 0 } else { *length };
            here
        })
        .expect("within the files");
    if name == "witness" {
        // Two slots of 64 bytes, on pages of their own; nothing lies between them.
        at = at % 64 + 4_096 * random.below(2);
    }
    let bit = random.below(8);
    let open = File::options().read(true).write(true).open(&file).expect("opens");
    let mut byte = [0];
    open.read_exact_at(&mut byte, at).expect("reads");
    open.write_all_at(&[byte[0] ^ 1 << bit], at).expect("writes");
    (format!("{name}: bit {bit} of byte {at} of {}", file.display()), file)
}

/// The log is opened as a service opens it, then all of it is read, then audited. An error: something differs and nobody said so.
fn of_log(data: &Path, truth: &Truth) -> Result<Found, String> {
    let Ok(log) = Log::open(&data.join("log"), &writer::store()) else { return Ok(Found::AtTheStart) };
    let snapshot = match log.newest_snapshot() {
        Ok(Some(snapshot)) if snapshot.skipped().is_empty() => snapshot.head(),
        Ok(_) => return Ok(Found::PassedOver),
        Err(_) => return Ok(Found::OnReading),
    };
    if log.verify_tables().is_err() || log.blocks_from(1).any(|block| block.is_err()) {
        return Ok(Found::OnReading);
    }
    let same = (log.head(), snapshot) == (truth.head, truth.snapshot);
    drop(log);
    let audited = auditor::store(data, &Against { no_views: true, ..Against::default() }, &mut |_| {});
    match (audited.verdict, same) {
        (auditor::Verdict::Good, true) => Ok(Found::Unused),
        (auditor::Verdict::Good, false) => Err("it opens with another head or snapshot".to_owned()),
        _ => Ok(Found::OnReading),
    }
}

/// The views are opened and follow the log, as a service lets them. An error: their rows differ and nobody said so.
fn of_views(data: &Path, truth: &Truth) -> Result<Found, String> {
    let Ok(views) = open_views(data) else { return Ok(Found::AtTheStart) };
    let Ok(stood) = views_at(&views) else { return Ok(Found::OnReading) };
    let Ok(rows) = caught_up(data, views) else { return Ok(Found::OnReading) };
    match (rows == truth.views, stood == Some(truth.head.sequence)) {
        (true, true) => Ok(Found::Unused),
        (true, false) => Ok(Found::MadeAgain),
        (false, _) => Err(format!("rows of the views differ, they stood at record {stood:?}")),
    }
}
