//! A small data directory with everything in it that lies on a disk, and all of it read back.

use crate::prepared::{copy, flow, options, prepare, until};
use crate::writer::{self, LONG};
use engine::{Engine, Options};
use model::command::Origin;
use model::identifier::Identifier;
use projections::{Projections, Runner, RunnerOptions, Stepped, TableDigest};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use store::{Head, Log, Views};
use testkit::flow::{Flow, Step, TOPIC};

/// Messages of each of its two lives: what the first wrote lies in table files, what the second wrote in the write-ahead logs.
const EACH: usize = 300;

/// What is true of a data directory.
pub struct Truth {
    pub head: Head,
    pub snapshot: Head,
    pub views: Vec<TableDigest>,
}

fn open(data: &Path, flow: &Flow) -> Engine {
    Engine::start(Options { store: writer::store(), ..options(&data.join("log"), flow.genesis()) }).expect("it opens")
}

/// Makes one, with views, two snapshots, cursors and ids, and closes it.
pub fn build(data: &Path, seed: u64) -> Truth {
    let flow = flow(seed, 4 * EACH as u64);
    let messages = prepare(&data.join("log"), &flow).filter_map(|item| match item.step {
        Step::Message(message) => Some(message),
        _ => None,
    });
    let messages: Vec<_> = (0..).zip(messages).take(2 * EACH).collect();
    for life in messages.chunks(EACH) {
        let engine = open(data, &flow);
        let at = engine.handle().ask_blocking(|state| state.at()).expect("answers").expect("a genesis");
        let intake = engine.handle().intake();
        for some in life.chunks(50) {
            intake.send(writer::batch(some, at)).expect("it takes messages");
        }
        let (log, topic) = (engine.log(), Identifier::parse(TOPIC).expect("a name"));
        let end = life.last().expect("some").0 + 1;
        let durable = || engine::cursor(&log, &topic, 0).expect("reads").is_some_and(|next| next.next_offset >= end);
        until("all messages are on disk", LONG, durable, &|| format!("{:?}", engine.handle().status()));
        let (_, folder) = Projections::open(Arc::new(open_views(data).expect("opens"))).expect("opens");
        let runner = Runner::start(log.clone(), folder, RunnerOptions::default()).expect("starts");
        runner.save_up_to(log.head().sequence, LONG).expect("the views follow");
        runner.stop().expect("ends in order");
        engine.stop().expect("stops in order");
    }
    let log = Log::open_read_only(&data.join("log"), &writer::store()).expect("opens");
    let snapshot = log.newest_snapshot().expect("reads").expect("one for each life").head();
    // Of a copy: opening the views moves what lies in their write-ahead log.
    let looked_at = tempfile::tempdir().expect("a directory");
    copy(&data.join("views"), &looked_at.path().join("views"));
    let views = digests(looked_at.path()).expect("reads");
    Truth { head: log.head(), snapshot, views }
}

pub fn open_views(data: &Path) -> Result<Views, store::Error> {
    Views::open(&data.join("views"), &writer::store())
}

/// A digest of each table of the views as they lie there.
fn digests(data: &Path) -> Result<Vec<TableDigest>, projections::Error> {
    let (_, folder) = Projections::open(Arc::new(open_views(data)?))?;
    folder.digests()
}

/// The record at which the views stand, if all of them stand at one.
pub fn views_at(views: &Views) -> Result<Option<u64>, store::Error> {
    let names = projections::ViewName::ALL.iter();
    let stand = names.map(|name| views.checkpoint(name.as_str())).collect::<Result<Vec<_>, _>>()?;
    let first = stand[0].map(|at| at.sequence);
    Ok(first.filter(|first| stand.iter().all(|each| each.map(|at| at.sequence) == Some(*first))))
}

/// Follows the log with views, as a service does when it starts, and gives the digests of their rows then.
pub fn caught_up(data: &Path, views: Views) -> Result<Vec<TableDigest>, projections::Error> {
    let (_, folder) = Projections::open(Arc::new(views))?;
    // What is damaged is found when it is read, which answers do; here all is read.
    folder.digests()?;
    let log = Arc::new(Log::open_read_only(&data.join("log"), &writer::store())?);
    let mut follower = Stepped::start(log, folder, RunnerOptions::default())?;
    follower.catch_up()?;
    follower.save()?;
    follower.folder().digests()
}

/// A log of reference data, as a service needs it.
pub fn furnish(data: &Path, seed: u64) {
    drop(prepare(&data.join("log"), &flow(seed, 1)));
}

/// Opens a log as its owner does, witness and all, and looks for what was acknowledged: each request under its record.
pub fn holds_all(log: &Path, witness: Option<&Path>, acknowledged: &BTreeMap<u64, String>) -> Log {
    let options = store::Options { witness: witness.map(Path::to_owned), ..writer::store() };
    let log = Log::open(log, &options).unwrap_or_else(|error| panic!("the log does not open: {error}"));
    let last = acknowledged.last_key_value().map_or(0, |(sequence, _)| *sequence);
    let head = log.head().sequence;
    assert!(head >= last, "record {last} was acknowledged, the log ends at {head}");
    let Some((&first, _)) = acknowledged.first_key_value() else { return log };
    let mut found = 0;
    for block in log.blocks_from(first) {
        for (sequence, bytes) in block.expect("a sound block").iter() {
            let Some(id) = acknowledged.get(&sequence) else { continue };
            let record = wire::record::decode(bytes).expect("a record");
            let Some(Origin::Call { request_id }) = record.origin() else { panic!("record {sequence} is no call") };
            assert_eq!(request_id.as_str(), id, "record {sequence} answers another call");
            found += 1;
        }
    }
    assert_eq!(found, acknowledged.len(), "not every acknowledged call has its record");
    log
}

/// The log proves itself, to its own code and to the auditor's.
pub fn is_sound(data: &Path, log: &Log) {
    let report = engine::verify(log, &mut |_| {}).expect("the log can be read");
    assert!(report.is_sound(), "verify: {:?}", report.violation);
    let audited = auditor::store(data, &auditor::Against { no_views: true, ..Default::default() }, &mut |_| {});
    assert_eq!(audited.verdict, auditor::Verdict::Good, "{:?} {:?}", audited.violation, audited.unknown);
}
