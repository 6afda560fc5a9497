//! A data directory of a real shard: a generated week through the engine, trades from a Kafka partition, people by call; with witness,
//! snapshot and views.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use engine::{Engine, Options, RawBatch, Request};
use model::command::Inbound;
use model::identifier::Identifier;
use testkit::flow::{Desk, Flow, Shape, Step, TOPIC};

fn topic() -> Identifier {
    Identifier::parse(TOPIC).expect("a name")
}

/// Fills an empty directory.
pub fn fill(data: &Path) {
    let flow = Flow::new(7, Shape { trades: 250, ..Shape::demo() });
    let options =
        Options { timer: false, block_records: 64, ..Options::new(data.join("log"), flow.genesis()).creating() };
    let engine = Engine::start(options).expect("an engine");
    for inbound in flow.reference() {
        submit(&engine, inbound);
    }
    let first = engine.log().head().sequence + 1;
    for inbound in flow.limits(first) {
        submit(&engine, inbound);
    }
    let (mut desk, mut offset) = (Desk::default(), 0);
    for item in flow.week() {
        if let Step::Message(message) = &item.step {
            let mut batch = RawBatch::new(topic(), 0);
            batch.push(offset, item.at, |bytes| message.encode(bytes));
            engine.handle().intake().send(batch).expect("it takes trades");
            offset += 1;
            continue;
        }
        settle(&engine, offset);
        let instruction_of = |source: &Identifier, id: &Identifier| {
            let (source, id) = (source.clone(), id.clone());
            engine.handle().ask_blocking(move |state| state.instruction_of(&source, &id)).expect("it answers")
        };
        // What could not be read is left so: nobody told the desk of it.
        if let Some(inbound) = desk.command(&item, instruction_of) {
            let sequence = submit(&engine, inbound);
            desk.answered(&item, sequence);
        }
    }
    settle(&engine, offset);
    engine.stop().expect("stops in order");
    let mut rebuild = Command::new(env!("CARGO_BIN_EXE_quittance"));
    let made = rebuild.args(["rebuild", "--data"]).arg(data).output().expect("the binary runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Waits until everything sent is on disk.
fn settle(engine: &Engine, offset: u64) {
    let log = engine.log();
    let reached =
        || engine::cursor(&log, &topic(), 0).expect("reads").is_some_and(|cursor| cursor.next_offset >= offset);
    while offset > 0 && !reached() {
        let _ = log.wait_past(log.head().sequence, Duration::from_millis(20));
        assert!(engine.failure().borrow().is_none(), "the engine failed");
    }
}

fn submit(engine: &Engine, inbound: Inbound) -> u64 {
    let Inbound { command, origin, actor, reason, at } = inbound;
    let request = Request { command, origin, actor, reason, at: Some(at), raw_trade: None };
    engine.handle().submit_blocking(request).expect("an answer").sequence
}

/// Copies a directory with all that is below it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copies");
        }
    }
}
