//! Laying the front office's own list beside the log: each message exactly one outcome, and the right one.

use crate::front_office::List;
use engine::{Engine, VerifyReport, verify};
use model::command::{Command, Origin};
use model::record::{Content, Outcome, Record};
use std::collections::{BTreeMap, BTreeSet};
use store::Log;
use testkit::flow::Expected;

/// For each offset of a topic the records it caused, and what each says.
pub type Outcomes = BTreeMap<u64, Vec<(u64, Expected)>>;

/// Reads the whole log.
pub fn records(log: &Log, mut each: impl FnMut(&Record)) {
    for block in log.blocks_from(1) {
        let block = block.expect("a sound block");
        for (sequence, bytes) in block.iter() {
            each(&wire::record::decode(bytes).unwrap_or_else(|error| panic!("record {sequence}: {error}")));
        }
    }
}

/// Every record, with its bytes as they are stored.
pub fn stored(log: &Log) -> Vec<(Record, Vec<u8>)> {
    let mut all = Vec::new();
    for block in log.blocks_from(1) {
        let block = block.expect("a sound block");
        all.extend(block.iter().map(|(_, bytes)| (wire::record::decode(bytes).expect("a record"), bytes.to_vec())));
    }
    all
}

/// What came of each message of a topic.
pub fn outcomes(log: &Log, topic: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    records(log, |record| {
        let Some(Origin::Kafka { topic: from, offset, .. }) = record.origin() else { return };
        if from.as_str() == topic {
            outcomes.entry(*offset).or_default().push((record.sequence, outcome(record)));
        }
    });
    outcomes
}

/// What a record of a message says, in the words of the flow.
fn outcome(record: &Record) -> Expected {
    let Content::Decided { inbound, outcome } = &record.content else { unreachable!("it has an origin") };
    match outcome {
        Outcome::Accepted(_) if matches!(inbound.command, Command::Quarantine(_)) => Expected::Unreadable,
        Outcome::Accepted(_) => Expected::Accepted,
        Outcome::Duplicate { .. } => Expected::Duplicate,
        Outcome::Rejected(rejection) => Expected::Rejected(rejection.reason),
    }
}

/// Every message that was sent and confirmed is in the log exactly once, with the outcome that was to be expected, and nothing else
/// of the topic is. Prints the counts.
pub fn exactly_one_outcome_each(list: &List, outcomes: &Outcomes) {
    assert_eq!(list.offsets.len(), list.sent.len(), "some messages were never confirmed");
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (tag, (copy, offset)) in list.sent.iter().zip(&list.offsets).enumerate() {
        let offset = offset.expect("a confirmed message has an offset");
        match outcomes.get(&offset).map(Vec::as_slice) {
            Some([(_, found)]) if *found == copy.expected => *counts.entry(kind(*found)).or_default() += 1,
            found => {
                wrong.push(format!("message {tag} at offset {offset}: {:?} expected, found {found:?}", copy.expected))
            }
        }
    }
    let known: BTreeSet<u64> = list.offsets.iter().flatten().copied().collect();
    assert_eq!(known.len(), list.sent.len(), "two messages at one offset");
    let strange: Vec<_> = outcomes.keys().filter(|offset| !known.contains(offset)).take(5).collect();
    assert!(strange.is_empty(), "nobody sent what the log has at offsets {strange:?}");
    assert!(
        wrong.is_empty(),
        "{} of {} are wrong:\n  {}",
        wrong.len(),
        list.sent.len(),
        wrong[..wrong.len().min(8)].join("\n  ")
    );
    let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    println!("    {} messages sent, each with exactly one outcome: {}", list.sent.len(), counts.join(", "));
}

/// Each version of a trade that was sent has exactly one outcome of its own; all others are recognised as duplicates. For a broker
/// that may have kept a message twice: then offsets say less than ids.
pub fn exactly_one_outcome_by_id(list: &List, log: &Log, topic: &str) {
    let mut decided: BTreeMap<(String, String, u32), u64> = BTreeMap::new();
    let mut duplicates = 0;
    records(log, |record| {
        let Content::Decided { inbound, outcome } = &record.content else { return };
        let (Origin::Kafka { topic: from, .. }, Command::Trade(trade)) = (&inbound.origin, &inbound.command) else {
            return;
        };
        if from.as_str() == topic {
            let key = (trade.source.to_string(), trade.id.to_string(), trade.version);
            match outcome {
                Outcome::Duplicate { .. } => duplicates += 1,
                _ => *decided.entry(key).or_default() += 1,
            }
        }
    });
    let sent: BTreeSet<_> = list
        .sent
        .iter()
        .map(|copy| copy.trade.as_ref().expect("only trades are sent"))
        .map(|trade| (trade.source.to_string(), trade.id.to_string(), trade.version))
        .collect();
    let lost: Vec<_> = sent.iter().filter(|key| !decided.contains_key(*key)).take(5).collect();
    assert!(lost.is_empty(), "no outcome for {lost:?} …");
    let twice: Vec<_> = decided.iter().filter(|(_, count)| **count > 1).take(5).collect();
    assert!(twice.is_empty(), "more than one outcome for {twice:?} …");
    assert_eq!(decided.len(), sent.len(), "the log has trades that nobody sent");
    println!(
        "    {} messages sent, {} trades each with exactly one outcome, {duplicates} duplicates recognised",
        list.sent.len(),
        sent.len()
    );
}

/// The log proves itself.
pub fn sound(log: &Log) -> VerifyReport {
    let report = verify(log, &mut |_| {}).expect("the log can be read");
    assert!(report.is_sound(), "verify: {:?}", report.violation);
    assert_eq!(report.sequence, log.head().sequence);
    println!(
        "    verify passes: {} records in {} blocks, {} instructions of which {} settled",
        report.sequence, report.blocks, report.instructed.count, report.settled.count
    );
    report
}

/// Stops an engine in order and verifies its log, snapshot included.
pub fn stop_and_verify(engine: Engine) -> VerifyReport {
    let log = engine.log();
    engine.stop().expect("stops in order");
    sound(&log)
}

fn kind(outcome: Expected) -> String {
    match outcome {
        Expected::Rejected(_) => "rejected".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}
