//! `rebuild`: how fast each view is folded from record 1, as after its deletion: the thread that follows the log reads,
//! unpacks and decodes the blocks, folds the one view and writes its rows. Then all views together, and reading, unpacking and
//! decoding alone.

use crate::house;
use crate::report::Report;
use anyhow::{Result, ensure};
use engine::RawBatch;
use model::identifier::Identifier;
use projections::{Projections, Runner, RunnerOptions, ViewName};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Log;
use tempfile::tempdir;
use testkit::flow::{Flow, Shape, Step, TOPIC};

/// The longest wait for one rebuild.
const LONG: Duration = Duration::from_secs(3_600);
/// Messages in one batch of the filling.
const AT_ONCE: usize = 1_000;

/// Runs it.
///
/// # Errors
/// When a check fails, or when views rebuilt alone are not those rebuilt together: then there is no figure.
pub fn run(seed: u64, messages: u64, report: &mut Report) -> Result<()> {
    eprintln!("rebuild: filling a log with {messages} messages");
    let dir = tempdir()?;
    let log_dir = dir.path().join("log");
    fill(&log_dir, &Flow::new(seed, Shape::bench(messages)))?;
    let log = Arc::new(Log::open(&log_dir, &store::Options::default())?);
    let proof = house::verified(&log)?;
    let records = log.head().sequence;
    report.add(
        "rebuild",
        "records in the log",
        records as f64,
        "",
        &format!("{} settled trades", proof.settled.count / 2),
    );
    let together = rebuild(&log, &dir.path().join("all"), &ViewName::ALL)?;
    for view in ViewName::ALL {
        let alone = rebuild(&log, &dir.path().join(view.as_str()), &[view])?;
        let same = |digest: &&projections::TableDigest| together.digests.contains(digest);
        let own = alone.digests.iter().filter(|digest| digest.view == view.as_str());
        ensure!(own.clone().count() > 0 && own.clone().all(|digest| same(&digest)), "{} differs alone", view.as_str());
        tell(report, &format!("view {} alone", view.as_str()), records, alone.seconds);
    }
    tell(report, "all views", records, together.seconds);
    let none = rebuild(&log, &dir.path().join("none"), &[])?;
    let rate = records as f64 / none.seconds;
    report.add("rebuild", "reading, unpacking and decoding alone", rate, "records/s", "no view");
    Ok(())
}

fn tell(report: &mut Report, what: &str, records: u64, seconds: f64) {
    report.add("rebuild", what, records as f64 / seconds, "records/s", "rows written");
}

struct Rebuilt {
    seconds: f64,
    digests: Vec<projections::TableDigest>,
}

/// Folds some views from the first record until their rows are written.
fn rebuild(log: &Arc<Log>, dir: &Path, views: &[ViewName]) -> Result<Rebuilt> {
    let head = log.head().sequence;
    let (projections, mut folder) = open(dir)?;
    folder.fold_only(views);
    let start = Instant::now();
    if views.is_empty() {
        // With nothing to follow the thread ends at once: what it does for every view is done here.
        let mut decoded = 0;
        for block in log.blocks_from(1) {
            for (_, bytes) in block?.iter() {
                decoded += u64::from(wire::record::facts(bytes).is_ok());
            }
        }
        ensure!(decoded == head, "{decoded} of {head} records were decoded");
        return Ok(Rebuilt { seconds: start.elapsed().as_secs_f64(), digests: Vec::new() });
    }
    let runner = Runner::start(log.clone(), folder, RunnerOptions::default())?;
    runner.save_up_to(head, LONG)?;
    let seconds = start.elapsed().as_secs_f64();
    let stands = projections.standing().into_iter().filter(|view| view.sequence == head).count();
    ensure!(stands == views.len(), "{stands} of {} views stand at the head", views.len());
    runner.stop()?;
    drop(projections);
    let (_, folder) = open(dir)?;
    Ok(Rebuilt { seconds, digests: folder.digests()? })
}

fn open(dir: &Path) -> Result<(Projections, projections::Folder)> {
    let rows = store::Views::open(dir, &store::Options::default())?;
    Ok(Projections::open(Arc::new(rows))?)
}

/// The messages of a flow, durable in a log.
fn fill(dir: &Path, flow: &Flow) -> Result<()> {
    let engine = house::create(dir, flow)?;
    let intake = engine.handle().intake();
    let topic = Identifier::parse(TOPIC)?;
    let empty = || RawBatch::new(topic.clone(), 0);
    let (mut batch, mut offset) = (empty(), 0);
    for item in flow.week() {
        let Step::Message(message) = item.step else { continue };
        batch.push(offset, item.at, |bytes| message.encode(bytes));
        offset += 1;
        if batch.messages.len() == AT_ONCE {
            intake.send(std::mem::replace(&mut batch, empty()))?;
        }
    }
    if !batch.messages.is_empty() {
        intake.send(batch)?;
    }
    let (log, begun) = (engine.log(), Instant::now());
    while engine::cursor(&log, &topic, 0)?.map_or(0, |cursor| cursor.next_offset) < offset {
        ensure!(begun.elapsed() < LONG, "the log was not filled in an hour");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(log);
    Ok(engine.stop()?)
}
