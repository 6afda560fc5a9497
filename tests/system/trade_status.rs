//! The front office answered: a week of the generator, followed by the publisher of statuses while its broker is killed and it is
//! itself thrown back; for every trade sent the last status on the compacted topic is what the status view says.

use crate::played::{Played, commit};
use crate::service::until;
use crate::{Rig, Verdict};
use kafka::{StatusOptions, StatusPublisher};
use projections::{At, Error};
use prost::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Log;
use testkit::flow::{Flow, Step};
use wire::pb::status::{AnswerKind, TradeState, TradeStatus};
use wire::pb::view;

const LONG: Duration = Duration::from_secs(240);

pub fn agrees_with_the_view(rig: &Rig) -> Verdict {
    let played = Played::new(rig, "status");
    let Played { topic, flow, records, dir, log } = &played;
    publish(rig, topic, dir.path(), log, records);

    let last = read(rig, topic, log.head().sequence);
    let (views, runner) = played.views();
    let at = At::least(log.head().sequence, LONG);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let sent = sent(flow);
    for (source, id) in &sent {
        let key = kafka::status_out::key(source, id);
        let Some(told) = last.get(&key) else { panic!("nobody told {source} of {id}") };
        compare(told, views.trade(source, id, at));
        *counts.entry(told.state().as_str_name()).or_default() += 1;
    }
    println!("    {} trades, each as the status view has it: {counts:?}", sent.len());
    let settled = counts.get("TRADE_STATE_SETTLED").copied().unwrap_or_default();
    assert!(settled > 100 && counts.len() >= 5, "the week has something of everything: {counts:?}");
    // What could not be read and still said whose it is; some of it was replayed by a person and is a trade now.
    let poison: Vec<&TradeStatus> = last.values().filter(|told| !sent.contains(&ids(told))).collect();
    for told in &poison {
        compare(told, views.trade(&told.source, &told.trade_id, at));
    }
    let quarantined = poison.iter().filter(|told| told.state() == TradeState::Quarantined).count();
    println!("    {} poisonous messages answered, {quarantined} of them in quarantine still", poison.len());
    assert!(quarantined > 0, "none of the poison said whose it is");
    drop((views, runner));
    Verdict::Passed
}

fn ids(told: &TradeStatus) -> (String, String) {
    (told.source.clone(), told.trade_id.clone())
}

/// Every trade that a message of the week could be read as.
fn sent(flow: &Flow) -> BTreeSet<(String, String)> {
    let message = |step: Step| if let Step::Message(message) = step { message.sent() } else { None };
    let sent = flow.week().filter_map(|item| message(item.step));
    sent.map(|sent| (sent.source.to_string(), sent.id.to_string())).collect()
}

/// Commits the records in three parts, with the publisher behind them: stopped in order after the first; without a broker for a
/// part of the second; thrown back to where it stood before the second, as a crash would, ahead of the third.
fn publish(rig: &Rig, topic: &str, dir: &Path, log: &Arc<Log>, records: &[Vec<u8>]) {
    let told = dir.join("told");
    let start = || {
        let options =
            StatusOptions { topic: topic.to_owned(), ..StatusOptions::new(rig.broker.brokers(), told.clone()) };
        StatusPublisher::start(log.clone(), options).expect("starts")
    };
    let wait = |publisher: &StatusPublisher| {
        let all = log.head().sequence;
        until("everything is told", LONG, || publisher.told() >= all, &|| {
            format!("told up to {}, of {all}; runs: {}", publisher.told(), publisher.is_running())
        });
    };
    let third = records.len() / 3;
    let publisher = start();
    commit(log, &records[..third]);
    wait(&publisher);
    publisher.stop().expect("ends well");
    let earlier = dir.join("earlier");
    copy(&told, &earlier);

    let publisher = start();
    let half = third + third / 2;
    commit(log, &records[third..half]);
    rig.broker.kill();
    commit(log, &records[half..2 * third]);
    std::thread::sleep(Duration::from_millis(500));
    assert!(publisher.is_running(), "it waits for the broker");
    rig.broker.start();
    wait(&publisher);
    publisher.stop().expect("ends well");

    std::fs::remove_dir_all(&told).expect("removed");
    copy(&earlier, &told);
    commit(log, &records[2 * third..]);
    let publisher = start();
    wait(&publisher);
    publisher.stop().expect("ends well");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("readable") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
    }
}

/// The last status of each key. Also what a reader makes of it who drops what he has seen: the same.
fn read(rig: &Rig, topic: &str, head: u64) -> BTreeMap<String, TradeStatus> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", rig.broker.address())
        .set("group.id", "system-tests")
        .set("enable.auto.commit", "false")
        .create()
        .expect("the settings are right");
    let (low, high) = consumer.fetch_watermarks(topic, 0, LONG).expect("the broker answers");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
    consumer.assign(&list).expect("assigns");
    let (mut last, mut kept): (BTreeMap<String, TradeStatus>, BTreeMap<String, TradeStatus>) = Default::default();
    let (mut count, mut again, deadline) = (0, 0, Instant::now() + LONG);
    loop {
        assert!(Instant::now() < deadline, "the topic was not read: {count} messages of {}", high - low);
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.expect("a message");
        let key = String::from_utf8(message.key().unwrap_or_default().to_vec()).expect("a text");
        let status = TradeStatus::decode(message.payload().unwrap_or_default()).expect("a status");
        assert!(status.sequence <= head && key == kafka::status_out::key(&status.source, &status.trade_id));
        count += 1;
        if kept.get(&key).is_none_or(|seen| status.sequence > seen.sequence) {
            kept.insert(key.clone(), status.clone());
        } else {
            again += 1;
        }
        last.insert(key, status);
        if message.offset() + 1 >= high {
            break;
        }
    }
    println!("    {count} statuses of {} trades, {again} of them told twice", last.len());
    assert!(again > 0, "the publisher was thrown back, so some came again");
    assert_eq!(last, kept, "the last of each key is the newest");
    last
}

/// A status beside the view's row of the trade.
fn compare(told: &TradeStatus, row: Result<projections::Answer<view::Trade>, Error>) {
    let row = match row {
        Ok(answer) => answer.value,
        Err(Error::NotFound { .. }) => {
            let state = told.state();
            let unaccepted = [TradeState::Rejected, TradeState::Quarantined, TradeState::Awaited];
            assert!(unaccepted.contains(&state) && told.accepted_at.is_none(), "the view has no such trade: {told:?}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let open = row.instructions.last();
    let failing = open.is_some_and(|instruction| instruction.status() == view::InstructionStatus::Failing);
    let matched = if failing { TradeState::Failing } else { TradeState::Matched };
    let expected = match row.status() {
        view::TradeStatus::Captured => TradeState::Accepted,
        view::TradeStatus::Uninstructed => TradeState::Uninstructed,
        view::TradeStatus::InRepair => TradeState::Repair,
        view::TradeStatus::Instructed => TradeState::Instructed,
        view::TradeStatus::Matched | view::TradeStatus::ChangeRequested => matched,
        view::TradeStatus::Settled => TradeState::Settled,
        view::TradeStatus::Cancelled => TradeState::Cancelled,
        view::TradeStatus::Unspecified => panic!("a trade has a status: {row:?}"),
    };
    assert_eq!(told.state(), expected, "{told:?}\n{row:?}");
    assert_eq!((told.version, told.accepted_at), (row.version, Some(row.captured_at_sequence)), "{told:?}\n{row:?}");
    assert_eq!(told.intended_settlement_date, Some(row.intended_settlement_date), "{told:?}\n{row:?}");
    let waits = told.answer.as_ref().is_some_and(|answer| answer.kind() == AnswerKind::Waiting);
    assert_eq!(waits, row.status() == view::TradeStatus::ChangeRequested, "{told:?}\n{row:?}");
    let codes: Vec<&str> = told.reasons.iter().map(|reason| reason.code.as_str()).collect();
    match expected {
        TradeState::Repair => assert!(row.defects.iter().all(|defect| codes.contains(&&*defect.code)), "{told:?}"),
        TradeState::Instructed | TradeState::Matched | TradeState::Failing => {
            let reasons: Vec<&str> =
                open.iter().flat_map(|instruction| &instruction.reasons).map(String::as_str).collect();
            assert_eq!(codes, reasons, "{told:?}\n{row:?}");
        }
        _ => {}
    }
}
