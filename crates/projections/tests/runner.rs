//! The thread on a real log: following, restarting, another history, records nobody can read.

mod stream;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::command::{Command, Inbound, Origin, Task};
use model::record::{Content, FactContent, Facts, Record};
use projections::{At, Error, Folder, Projections, Runner, RunnerOptions, TableDigest};
use store::{BlockBuilder, Log, Options, Views};
use stream::Stream;

const LONG: Duration = Duration::from_secs(60);

/// A record with these facts; what was asked does not matter to a view.
fn bytes(facts: &Facts) -> Vec<u8> {
    let content = match facts.content.clone() {
        FactContent::Genesis(genesis) => Content::Genesis(genesis),
        FactContent::Outcome(outcome) => {
            let inbound = Inbound {
                command: Command::Continue(Task::Retry),
                origin: Origin::Engine,
                actor: facts.actor.clone(),
                reason: String::new(),
                at: facts.at,
            };
            Content::Decided { inbound, outcome }
        }
    };
    let mut out = Vec::new();
    wire::record::encode(&Record { sequence: facts.sequence, rules_version: 1, content }, None, &mut out);
    out
}

fn log(dir: &Path) -> Arc<Log> {
    Arc::new(Log::create(&dir.join("log"), &Options::default()).unwrap())
}

/// Commits facts in blocks of so many.
fn commit(log: &Log, facts: &[Facts], block: usize) {
    let mut builder = BlockBuilder::after(log.head());
    for chunk in facts.chunks(block) {
        for each in chunk {
            builder.push(&bytes(each));
        }
        log.commit(&builder.finish(), &[], &[]).unwrap();
    }
}

fn open(dir: &Path) -> (Projections, Folder) {
    let rows = Views::open(&dir.join("views"), &Options::default()).unwrap();
    Projections::open(Arc::new(rows)).unwrap()
}

fn digests(dir: &Path) -> Vec<TableDigest> {
    open(dir).1.digests().unwrap()
}

fn follow(log: &Arc<Log>, folder: Folder) -> Runner {
    Runner::start(log.clone(), folder, RunnerOptions { save_every: 300, ..RunnerOptions::default() }).unwrap()
}

#[test]
fn follows_saves_and_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut stream = Stream::begin();
    stream.wander(2_000, 5);
    let log = log(dir.path());
    let half = stream.facts.len() / 2;
    commit(&log, &stream.facts[..half], 70);

    let (views, folder) = open(dir.path());
    let runner = follow(&log, folder);
    runner.save_up_to(half as u64, LONG).unwrap();
    assert_eq!(views.summary(At::NOW).unwrap().sequence, half as u64);
    // Written or not: what comes next is answered as soon as it is folded.
    commit(&log, &stream.facts[half..], 33);
    let all = stream.last();
    assert_eq!(views.summary(At::least(all, LONG)).unwrap().sequence, all);
    drop((views, runner));

    let (views, folder) = open(dir.path());
    assert_eq!(folder.sequence(), Some(all), "the runner wrote what it had when it ended");
    drop((views, folder));
    let followed = digests(dir.path());

    let rebuilt = tempfile::tempdir().unwrap();
    let (views, folder) = open(rebuilt.path());
    let runner = follow(&log, folder);
    runner.save_up_to(all, LONG).unwrap();
    runner.stop().unwrap();
    drop(views);
    assert_eq!(digests(rebuilt.path()), followed);
}

#[test]
fn views_of_another_history_are_rebuilt() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut streams = [Stream::begin(), Stream::begin()];
    for (seed, stream) in (20..).zip(&mut streams) {
        stream.wander(400, seed);
    }
    let logs = [log(one.path()), log(other.path())];
    for (stream, log) in streams.iter().zip(&logs) {
        commit(log, &stream.facts, 50);
    }
    let through = |log: &Arc<Log>, dir: &Path| {
        let (views, folder) = open(dir);
        let runner = follow(log, folder);
        runner.save_up_to(log.head().sequence, LONG).unwrap();
        runner.stop().unwrap();
        drop(views);
        digests(dir)
    };
    let first = through(&logs[0], one.path());
    // The views of one log find themselves beside the other.
    let expected = through(&logs[1], other.path());
    assert_ne!(first, expected);
    assert_eq!(through(&logs[1], one.path()), expected);
}

#[test]
fn one_view_alone_is_rebuilt_while_the_others_stand() {
    let dir = tempfile::tempdir().unwrap();
    let mut stream = Stream::begin();
    stream.wander(400, 3);
    let log = log(dir.path());
    commit(&log, &stream.facts, 50);
    let run = || {
        let (views, folder) = open(dir.path());
        let runner = follow(&log, folder);
        runner.save_up_to(stream.last(), LONG).unwrap();
        drop(views);
    };
    run();
    let before = digests(dir.path());
    let rows = Views::open(&dir.path().join("views"), &Options::default()).unwrap();
    let of_cash: Vec<u8> = before.iter().filter(|digest| digest.view == "cash").map(|digest| digest.table).collect();
    rows.wipe("cash", &of_cash).unwrap();
    drop(rows);
    assert_ne!(digests(dir.path()), before);
    run();
    assert_eq!(digests(dir.path()), before);
}

#[test]
fn a_record_that_cannot_be_read_stops_the_views_with_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let stream = Stream::begin();
    let log = log(dir.path());
    commit(&log, &stream.facts, 50);
    let mut builder = BlockBuilder::after(log.head());
    builder.push(b"\xff\xff\xff");
    log.commit(&builder.finish(), &[], &[]).unwrap();
    let (views, folder) = open(dir.path());
    let runner = follow(&log, folder);
    let bad = stream.last() + 1;
    assert!(runner.save_up_to(bad, LONG).is_err());
    let error = views.summary(At::least(bad, LONG)).unwrap_err();
    assert!(
        matches!(&error, Error::Unavailable { reason, .. } if reason.contains(&format!("record {bad}"))),
        "{error}"
    );
    assert!(runner.stop().is_err());
}

#[test]
fn progress_is_told_and_ends_at_the_head() {
    let dir = tempfile::tempdir().unwrap();
    let stream = Stream::begin();
    let log = log(dir.path());
    commit(&log, &stream.facts, 3);
    let (told, heard) = std::sync::mpsc::channel();
    let progress = Box::new(move |progress| told.send(progress).unwrap());
    let (_views, folder) = open(dir.path());
    let runner =
        Runner::start(log, folder, RunnerOptions { progress: Some(progress), ..RunnerOptions::default() }).unwrap();
    runner.save_up_to(stream.last(), LONG).unwrap();
    runner.stop().unwrap();
    let last = heard.into_iter().last().unwrap();
    assert_eq!((last.from, last.at, last.head), (0, stream.last(), stream.last()));
}
