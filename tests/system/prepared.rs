//! An engine with the reference data of a flow, ready for its messages; for the tests against a broker and those of the disk.

use engine::{Answer, Engine, Options, Pace, Request};
use model::command::Inbound;
use model::record::{Genesis, Outcome};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::flow::{Flow, Item, Shape, Step};

/// How the engine is run here: time comes with the commands, and long work is done at once, so that the same input gives the same
/// records whatever the timing.
pub fn options(dir: &Path, genesis: Genesis) -> Options {
    Options { timer: false, pace: Pace::DRAIN, snapshot_every: 20_000, ..Options::new(dir, genesis) }
}

/// A flow of nothing but messages after its opening, small in members and securities so that its log is made quickly.
pub fn flow(seed: u64, messages: u64) -> Flow {
    Flow::new(seed, Shape { members: 24, instruments: 40, ..Shape::bench(messages) })
}

/// Makes the log of a flow: reference data, and the commands of the week before its first message. Returns the rest of the week.
pub fn prepare(dir: &Path, flow: &Flow) -> impl Iterator<Item = Item> + use<> {
    let engine = Engine::start(options(dir, flow.genesis()).creating()).expect("a new log");
    load_reference(&engine, flow);
    let mut week = flow.week().peekable();
    while let Some(Item { step: Step::Command(inbound), .. }) =
        week.next_if(|item| matches!(item.step, Step::Command(_)))
    {
        let answer = submit(&engine, inbound);
        assert!(matches!(answer.outcome, Outcome::Accepted(_)), "{answer:?}");
    }
    engine.stop().expect("stops in order");
    week
}

/// Submits what a flow stands on, many commands at a time.
pub fn load_reference(engine: &Engine, flow: &Flow) {
    let handle = engine.handle();
    let send = |inbound| handle.send_blocking(request(inbound)).expect("the engine takes it");
    let pending: Vec<_> = flow.reference().into_iter().map(send).collect();
    for each in pending {
        let answer = each.wait().expect("the engine answers");
        assert!(matches!(answer.outcome, Outcome::Accepted(_)), "{answer:?}");
    }
}

/// An inbound command as a call to the engine.
pub fn request(inbound: Inbound) -> Request {
    let Inbound { command, origin, actor, reason, at } = inbound;
    Request { command, origin, actor, reason, at: Some(at), raw_trade: None }
}

/// Submits a command and waits for its record.
pub fn submit(engine: &Engine, inbound: Inbound) -> Answer {
    engine.handle().submit_blocking(request(inbound)).expect("the engine answers")
}

/// Waits for something to become true; the longest times are for a machine that is busy with other things.
pub fn until(what: &str, within: Duration, mut holds: impl FnMut() -> bool, describe: &dyn Fn() -> String) {
    let deadline = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {} s: {what}; {}", within.as_secs(), describe());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Copies a closed data directory.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("creates");
    for entry in fs::read_dir(from).expect("lists") {
        let entry = entry.expect("an entry");
        let there = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &there),
            false => drop(fs::copy(entry.path(), there).expect("copies")),
        }
    }
}
