//! What crashes the shard: nothing more is answered, the message is named, and after the second time people decide.

use crate::support::{Input, TOPIC, batch, name, options, oracle, prepared, request, start, wait_for};
use engine::{Engine, Error, Options, Place, SubmitError, cursor};
use model::command::{Command, Origin};
use model::record::Outcome;
use model::trade::TradeMessage;
use std::time::Duration;
use wire::DecodeError;

/// A decoder with a fault: it lets in a new trade without details, on which the business rightly asserts.
fn faulty(bytes: &[u8]) -> Result<TradeMessage, DecodeError> {
    let mut trade = wire::trade::decode(bytes)?;
    if trade.id.as_str().ends_with(BAD) {
        trade.details = None;
    }
    Ok(trade)
}

const BAD: &str = "-crash";

fn poisoned(input: &Input) -> Input {
    let Command::Trade(trade) = &input.inbound.command else { panic!("a trade") };
    let mut trade = trade.clone();
    trade.id = name(&format!("{}{BAD}", trade.id));
    let mut raw = Vec::new();
    wire::trade::encode(&trade, &mut raw);
    let mut input = input.clone();
    input.raw = Some(raw);
    input
}

fn failed(engine: &Engine) -> String {
    for _ in 0..5_000 {
        if let Some(failure) = engine.failure().borrow().clone() {
            return failure.to_string();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("it did not fail");
}

#[test]
fn after_two_crashes_at_one_offset_the_shard_waits_for_people() {
    let oracle = oracle(41, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let with = || Options { decode: faulty, ..options(dir.path(), &oracle.genesis) };
    let (engine, rest) = prepared(with(), &oracle);
    drop(engine);
    let new = |input: &&Input| matches!(&input.inbound.command, Command::Trade(trade) if trade.details.is_some());
    let mut messages: Vec<Input> =
        rest.iter().filter(|input| input.raw.is_some()).filter(new).take(20).cloned().collect();
    messages[10] = poisoned(&messages[10]);
    let Origin::Kafka { offset: bad, .. } = messages[10].inbound.origin else { panic!("a message") };
    // A consumer sends from the cursor on.
    let send = |engine: &Engine| {
        let next = cursor(&engine.log(), &name(TOPIC), 0).expect("reads").map_or(0, |cursor| cursor.next_offset);
        let from = |input: &&Input| matches!(input.inbound.origin, Origin::Kafka { offset, .. } if offset >= next);
        let left: Vec<_> = messages.iter().filter(from).collect();
        let _ = engine.handle().intake().send(batch(&left));
    };

    for crash in 1..=2 {
        let engine = start(with());
        assert_eq!(engine.handle().status().halted, None, "crash {crash}");
        send(&engine);
        assert!(failed(&engine).contains("decide"));
        let call = request(&oracle.inputs[0].inbound);
        assert!(matches!(engine.handle().submit_blocking(call), Err(SubmitError::Closed | SubmitError::Unanswered)));
        assert!(matches!(engine.stop(), Err(Error::Failed(_))));
    }
    let engine = start(with());
    let handle = engine.handle();
    let halted = handle.status().halted.expect("halted");
    assert_eq!(halted.place, Place::Kafka { topic: name(TOPIC), partition: 0, offset: bad });
    assert!(halted.cause.contains("details"), "{}", halted.cause);
    // Going carefully, the second run committed what came before.
    assert_eq!(cursor(&engine.log(), &name(TOPIC), 0).expect("reads").expect("moved").next_offset, {
        let Origin::Kafka { offset, .. } = messages[9].inbound.origin else { panic!("a message") };
        offset + 1
    });
    // Trying again helps nobody: the same fault is still there.
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(handle.resume_retrying()).expect("it was halted");
    send(&engine);
    failed(&engine);
    drop((engine, handle));
    let engine = start(with());
    let handle = engine.handle();
    assert_eq!(handle.status().halted.expect("halted").crashes, 3);
    // Queries are served, commands are not, messages wait.
    let head = engine.log().head();
    assert_eq!(handle.ask_blocking(|state| state.sequence()), Ok(head.sequence));
    let call = request(&oracle.inputs[0].inbound);
    assert!(matches!(handle.submit_blocking(call), Err(SubmitError::Halted(_))));
    send(&engine);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(engine.log().head(), head);

    let answer =
        runtime.block_on(handle.resume_quarantining("looked at, a fault of ours".to_owned(), name("omar.control")));
    let answer = answer.expect("answers");
    assert!(matches!(answer.outcome, Outcome::Accepted(_)));
    assert_eq!(handle.status().halted, None);
    let record = engine.log().block_holding(answer.sequence).expect("reads").expect("is there");
    let record = wire::record::decode(record.record(answer.sequence).expect("is there")).expect("a record");
    let model::record::Content::Decided { inbound, .. } = record.content else { panic!("a command") };
    assert_eq!(inbound.actor, name("omar.control"));
    let Command::Quarantine(unreadable) = inbound.command else { panic!("not set aside") };
    assert_eq!(Some(unreadable.bytes), messages[10].raw);
    // And the rest flows.
    let Origin::Kafka { offset: last, .. } = messages[19].inbound.origin else { panic!("a message") };
    while cursor(&engine.log(), &name(TOPIC), 0).expect("reads").expect("moved").next_offset <= last {
        std::thread::sleep(Duration::from_millis(1));
    }
    let nothing = runtime.block_on(handle.resume_quarantining(String::new(), name("omar.control")));
    assert!(matches!(nothing, Err(SubmitError::NothingToQuarantine(_))), "{nothing:?}");
    engine.stop().expect("stops");
    let engine = start(with());
    assert_eq!(engine.handle().status().halted, None);
    assert!(engine::verify(&engine.log(), &mut |_| {}).expect("reads").is_sound());
}

#[test]
fn a_halted_shard_stops_in_order_however_much_waits() {
    let oracle = oracle(42, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let with = || Options { decode: faulty, intake_batches: 1, ..options(dir.path(), &oracle.genesis) };
    let (engine, rest) = prepared(with(), &oracle);
    drop(engine);
    let bad = poisoned(rest.iter().find(|input| matches!(input.inbound.command, Command::Trade(_))).expect("a trade"));
    for _ in 0..2 {
        let engine = start(with());
        engine.handle().intake().send(batch(&[&bad])).expect("runs");
        failed(&engine);
    }
    let engine = start(with());
    let intake = engine.handle().intake();
    let source = std::thread::spawn({
        let rest = rest.to_vec();
        move || rest.iter().filter(|input| input.raw.is_some()).all(|input| intake.send(batch(&[input])).is_ok())
    });
    std::thread::sleep(Duration::from_millis(100));
    engine.stop().expect("stops");
    assert!(!source.join().expect("ends"), "the source is told that nothing more is taken");
}

#[test]
fn a_call_that_crashed_the_shard_is_not_tried_again() {
    let oracle = oracle(43, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, rest) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    let trade = rest.iter().find(|input| matches!(&input.inbound.command, Command::Trade(_))).expect("a trade");
    let mut bad = request(&trade.inbound);
    let Command::Trade(trade) = &mut bad.command else { panic!("a trade") };
    trade.id = name("never-seen");
    trade.details = None;
    bad.origin = Origin::Call { request_id: name("R-bad") };
    assert_eq!(engine.handle().submit_blocking(bad.clone()), Err(SubmitError::Unanswered));
    assert!(failed(&engine).contains("details"));
    drop(engine);
    let engine = start(options(dir.path(), &oracle.genesis));
    let handle = engine.handle();
    assert_eq!(handle.status().halted, None);
    assert!(matches!(handle.submit_blocking(bad.clone()), Err(SubmitError::Crashed { .. })));
    let origin = Origin::Call { request_id: name("R-good") };
    let good = engine::Request { origin, command: Command::Approve { proposal: 999_999, payload_hash: None }, ..bad };
    assert!(matches!(handle.submit_blocking(good).expect("answers").outcome, Outcome::Rejected(_)));
}

#[test]
fn a_kill_without_a_word_makes_the_next_run_careful_but_halts_nothing() {
    let oracle = oracle(44, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, rest) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    drop(engine);
    let Origin::Kafka { offset, .. } = rest[0].inbound.origin else { panic!("a message") };
    let marker = dir.path().join("log.crash");
    let place = format!("place kafka {TOPIC} 0 {offset}\ncrashes 5\nexact false\ncause it died\n");
    std::fs::write(&marker, place).expect("writes");
    let engine = start(options(dir.path(), &oracle.genesis));
    let handle = engine.handle();
    assert_eq!(handle.status().halted, None);
    let messages: Vec<_> = rest.iter().take_while(|input| input.raw.is_some()).take(5).collect();
    let head = engine.log().head().sequence;
    handle.intake().send(batch(&messages)).expect("runs");
    wait_for(&handle, messages[4].ends_at);
    let log = engine.log();
    let blocks: Vec<_> = log.blocks_from(head + 1).map(|block| block.expect("sound").last()).collect();
    assert_eq!(blocks, messages.iter().map(|input| input.ends_at).collect::<Vec<_>>(), "a command a block");
    engine.stop().expect("stops");
    assert!(!marker.exists(), "what was marked is on disk");
}
