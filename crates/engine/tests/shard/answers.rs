//! Calls: answered after the commit, in groups, and the same on a retry.

use crate::support::{Input, Oracle, name, options, oracle, prepared, request};
use engine::{Options, Request, SubmitError};
use model::command::{Command, Origin};
use model::record::Outcome;
use model::rejection::Reason;

/// The flow's first trade that was taken, again and again as calls with ids of their own.
fn calls(oracle: &Oracle, count: usize) -> Vec<Request> {
    let taken = |input: &&Input| {
        let record = &oracle.shard.records()[input.sequence as usize - 1];
        matches!(&input.inbound.command, Command::Trade(trade) if trade.version == 1) && !record.events().is_empty()
    };
    let input = oracle.inputs.iter().find(taken).expect("a trade was taken");
    let call = |number: usize| {
        let mut request = request(&input.inbound);
        let Command::Trade(trade) = &mut request.command else { panic!("a trade") };
        trade.id = name(&format!("T-{number}"));
        request.origin = Origin::Call { request_id: name(&format!("R-{number}")) };
        request
    };
    (0..count).map(call).collect()
}

#[test]
fn what_waits_while_the_disk_syncs_is_one_block() {
    let oracle = oracle(21, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, _) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    let handle = engine.handle();
    let before = engine.log().head().sequence;
    let pending: Vec<_> =
        calls(&oracle, 2_000).into_iter().map(|call| handle.send_blocking(call).expect("runs")).collect();
    for answer in pending {
        let answer = answer.wait().expect("answers");
        assert!(matches!(answer.outcome, Outcome::Accepted(_)), "{answer:?}");
        assert!(answer.sequence <= handle.head().borrow().sequence, "answered before its commit");
    }
    let log = engine.log();
    let blocks = log.blocks_from(before + 1).filter(|block| block.as_ref().is_ok_and(|block| block.first() > before));
    let blocks = blocks.count();
    assert!(blocks < 400, "{blocks} blocks for 2000 commands");
}

#[test]
fn a_retry_is_answered_with_the_first_answer_even_before_that_is_committed() {
    let oracle = oracle(22, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, _) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    let handle = engine.handle();
    let calls = calls(&oracle, 50);
    let twice = calls.iter().flat_map(|call| [call.clone(), call.clone()]);
    let pending: Vec<_> = twice.map(|call| handle.send_blocking(call).expect("runs")).collect();
    let answers: Vec<_> = pending.into_iter().map(|answer| answer.wait().expect("answers")).collect();
    for pair in answers.chunks(2) {
        assert!(matches!(pair[0].outcome, Outcome::Accepted(_)), "{:?}", pair[0]);
        assert_eq!(pair[1].outcome, Outcome::Duplicate { of: pair[0].sequence });
    }
    // The same after a restart, from the store; and another command under the same id is told so.
    drop(engine);
    let engine = crate::support::start(options(dir.path(), &oracle.genesis));
    let handle = engine.handle();
    let again = handle.submit_blocking(calls[7].clone()).expect("answers");
    assert_eq!(again.outcome, Outcome::Duplicate { of: answers[14].sequence });
    let other = Request { command: calls[8].command.clone(), ..calls[7].clone() };
    let refused = handle.submit_blocking(other).expect("answers");
    assert!(matches!(&refused.outcome, Outcome::Rejected(no) if no.reason == Reason::RequestIdReused), "{refused:?}");
}

#[test]
fn a_question_is_asked_between_commands_and_answered_after_the_commit_of_what_it_saw() {
    let oracle = oracle(23, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, _) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    let handle = engine.handle();
    for call in calls(&oracle, 100) {
        let pending = handle.send_blocking(call).expect("runs");
        let seen = handle.ask_blocking(|state| state.sequence()).expect("answers");
        assert!(seen <= handle.head().borrow().sequence, "it tells what may yet be lost");
        assert!(pending.wait().expect("answers").sequence <= seen, "asked after it, so it must see it");
    }
    // A question that panics harms nobody else.
    let lost = handle.ask_blocking(|_| -> u64 { panic!("a bad question") });
    assert_eq!(lost, Err(SubmitError::Unanswered));
    assert!(handle.ask_blocking(|state| state.sequence()).is_ok());
}

#[test]
fn the_head_is_told_after_each_commit_and_the_sender_goes_with_the_engine() {
    let oracle = oracle(24, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, _) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    let handle = engine.handle();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut head = handle.head();
        let mut last = head.borrow_and_update().sequence;
        for call in calls(&oracle, 20) {
            let answer = handle.submit(call).await.expect("answers");
            while last < answer.sequence {
                head.changed().await.expect("the engine runs");
                last = head.borrow_and_update().sequence;
            }
        }
        engine.stop().expect("stops");
        while head.changed().await.is_ok() {}
        let call = calls(&oracle, 1).remove(0);
        assert_eq!(handle.submit(call).await, Err(SubmitError::Closed));
        assert!(handle.intake().send(crate::support::batch(&[])).is_err());
    });
}

#[test]
fn the_bytes_of_a_trade_are_kept_as_they_came() {
    let oracle = oracle(26, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, _) = prepared(options(dir.path(), &oracle.genesis), &oracle);
    let mut call = calls(&oracle, 1).remove(0);
    let Command::Trade(trade) = &call.command else { panic!("a trade") };
    let mut raw = Vec::new();
    wire::trade::encode(trade, &mut raw);
    // A field of a later release, which this one passes over: number 1000, one byte.
    raw.extend_from_slice(&[0xc2, 0x3e, 1, 7]);
    assert_eq!(&wire::trade::decode(&raw).expect("a trade"), &**trade);
    call.raw_trade = Some(raw.clone());
    let answer = engine.handle().submit_blocking(call).expect("answers");
    let block = engine.log().block_holding(answer.sequence).expect("reads").expect("is there");
    let record = block.record(answer.sequence).expect("is there");
    assert_eq!(wire::record::raw_message(record), Some(raw.as_slice()));
}

#[test]
fn misuse_is_told_and_changes_nothing() {
    let oracle = oracle(25, 60);
    let dir = tempfile::tempdir().expect("a directory");
    let (engine, rest) = prepared(Options { queue: 1, ..options(dir.path(), &oracle.genesis) }, &oracle);
    let handle = engine.handle();
    let head = engine.log().head();
    let message = rest.iter().find(|input| input.raw.is_some()).expect("a message");
    assert!(matches!(handle.submit_blocking(request(&message.inbound)), Err(SubmitError::Misused(_))));
    let approve = Command::Approve { proposal: 1, payload_hash: None };
    let origin = Origin::Call { request_id: name("R") };
    let call = Request { command: approve, origin, raw_trade: Some(vec![1]), ..request(&message.inbound) };
    assert!(matches!(handle.submit_blocking(call), Err(SubmitError::Misused(_))));
    assert_eq!(engine.log().head(), head);
}
