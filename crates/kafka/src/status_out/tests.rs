//! What the front office is told, in stories; and the publisher against a real log and librdkafka's own broker.

use super::*;
use crate::brokers::Quiet;
use prost::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::mocking::MockCluster;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use store::{BlockBuilder, Options};
use testkit::scenario::{Mode, Script, player};
use wire::pb::status::{Answer, AnswerKind, TradeState, TradeStatus};

/// The records of a story in the language of the scenarios.
fn story(text: &str) -> Vec<Vec<u8>> {
    story_on("standard", text)
}

fn story_on(setup: &str, text: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let include = |name: &str| std::fs::read_to_string(root.join(name).with_extension("setup")).ok();
    let script = Script::parse("story", &format!("include {setup}\n\n{text}\n----\n")).expect("a story");
    let mut player = player(Mode::Straight);
    player.play(&script, &include).expect("it can be played");
    player.stage().shard().bytes().collect()
}

/// Everything told of a story, in order.
fn told(records: &[Vec<u8>]) -> Vec<Update> {
    let (mut fold, mut out) = (StatusFold::default(), Vec::new());
    for bytes in records {
        let before = Before { told: &|_| None, settled: &|_| Vec::new() };
        fold.record(bytes, before, &mut out).expect("a record");
    }
    out
}

fn status(update: &Update) -> TradeStatus {
    let status = TradeStatus::decode(&*update.payload).expect("a status");
    assert_eq!((&*update.key, update.sequence), (&*key(&status.source, &status.trade_id), status.sequence));
    status
}

/// What a trade's front office hears, in words.
fn heard(updates: &[Update], trade: &str) -> Vec<String> {
    updates.iter().map(status).filter(|status| status.trade_id == trade).map(|status| words(&status)).collect()
}

/// The first or the last that was told under a key.
fn found<'a>(mut updates: impl Iterator<Item = &'a Update>, key: &str) -> TradeStatus {
    status(updates.find(|update| &*update.key == key).expect("it was told"))
}

fn words(status: &TradeStatus) -> String {
    let name = |text: &str, prefix: &str| text.trim_start_matches(prefix).to_lowercase();
    let mut text = format!("v{} {}", status.version, name(status.state().as_str_name(), "TRADE_STATE_"));
    for reason in &status.reasons {
        text += &format!(" {}", reason.code);
    }
    if let Some(answer) = &status.answer {
        let version = answer.version.map_or("-".to_owned(), |version| version.to_string());
        let kind = name(answer.kind().as_str_name(), "ANSWER_KIND_");
        text += &format!("; v{version} {kind} {}", answer.code);
    }
    text.trim_end().to_owned()
}

#[test]
fn a_trade_is_followed_from_its_acceptance_to_its_settlement() {
    let updates = told(&story(
        "open\n\
         trade A1 ALPHA buys 100 SAP from BETA @ 120.00 isd=2026-11-25\n\
         trade B1 BETA sells 100 SAP to ALPHA @ 120.00 isd=2026-11-25\n\
         close\nat 2026-11-25\nopen",
    ));
    assert_eq!(heard(&updates, "A1"), ["v1 instructed", "v1 matched FUTU", "v1 settled"]);
    let last = found(updates.iter().rev(), "FO-ALPHA|A1");
    assert_eq!((last.intended_settlement_date, last.settled_on), (Some(20261125), Some(20261125)));
    assert_eq!(last.business_date, Some(20261125));
    let first = found(updates.iter(), "FO-ALPHA|A1");
    assert_eq!(first.accepted_at, Some(first.sequence));
    assert_eq!(first.business_date, Some(20261123));
}

#[test]
fn what_an_agent_confirms_in_parts_is_part_settled_first() {
    let updates = told(&story_on(
        "outside",
        "trade S1 ALPHA sells 100 SAP to BETA @ 120.00 isd=today\n\
         advise X1 status S1 PACK\n\
         advise X2 status S1 PEND reasons=CLAC\n\
         advise X3 status S1 PENF reasons=CLAC\n\
         advise X4 settled S1 40 SAP 4800.00 EUR partial=PAIN\n\
         advise X5 settled S1 60 SAP 7200.00 EUR\n\
         trade S2 ALPHA sells 10 SAP to BETA @ 120.00 isd=today\n\
         advise X6 settled S2 4 SAP 480.00 EUR partial=PARC\n\
         trade S3 ALPHA sells 10 SAP to BETA @ 120.00 isd=today\n\
         cancel S3\n\
         advise X7 cancelled S3 DEND reasons=LATE",
    ));
    assert_eq!(
        heard(&updates, "S1"),
        ["v1 instructed", "v1 matched CLAC", "v1 failing CLAC", "v1 part_settled CLAC", "v1 settled"]
    );
    assert_eq!(heard(&updates, "S2"), ["v1 instructed", "v1 part_settled"]);
    assert_eq!(heard(&updates, "S3"), ["v1 instructed", "v1 instructed; v2 waiting", "v1 instructed; v2 lapsed LATE"]);
}

#[test]
fn a_reversal_is_told_to_both_sides() {
    let text = "open\n\
         trade A1 ALPHA sells 100 SAP to BETA @ 120.00 isd=today\n\
         b1: trade B1 BETA buys 100 SAP from ALPHA @ 120.00 isd=today\n\
         pair A2 B2 ALPHA sells 5 SAP to BETA @ 120.00 isd=today\n\
         reverse b1 because=wrong";
    let updates = told(&story(text));
    for (trade, key) in [("A1", "FO-ALPHA|A1"), ("B1", "FO-BETA|B1")] {
        assert_eq!(heard(&updates, trade).last().map(String::as_str), Some("v1 reversed"), "{trade}");
        let last = found(updates.iter().rev(), key);
        assert_eq!(last.reversed_at, Some(last.sequence));
    }
    assert_eq!(heard(&updates, "A2").last().map(String::as_str), Some("v1 settled"));
}

#[test]
fn what_goes_wrong_is_told_with_its_reason() {
    let updates = told(&story(
        "open\n\
         trade A1 ALPHA buys 5 NOVELTY from BETA @ 10.00 isd=2026-11-25\n\
         trade A2 ALPHA buys 5 SAP from BETA @ 10.00 isd=2020-01-01\n\
         pair A3 B3 ALPHA sells 2000 SAP to BETA @ 1.00 isd=today\n\
         cut-off EUR\nclose\n\
         trade A4 ALPHA buys 7 SAP from BETA @ 10.00 isd=2026-11-25\n\
         cancel-instruction A4\n\
         trade A5 ALPHA buys 7 SAP from BETA @ 10.00 isd=2026-11-25\n\
         cancel A5\nresend A5 v=1\nresend A2",
    ));
    assert_eq!(heard(&updates, "A1"), ["v1 repair UNKNOWN_INSTRUMENT"]);
    let refused = "v1 rejected SETTLES_BEFORE_TRADE; v1 rejected SETTLES_BEFORE_TRADE";
    assert_eq!(heard(&updates, "A2"), [refused, refused], "who asks again is answered again");
    assert_eq!(heard(&updates, "A3"), ["v1 instructed", "v1 matched LACK", "v1 failing LACK"]);
    assert_eq!(heard(&updates, "A4"), ["v1 instructed", "v1 uninstructed CANI"]);
    assert_eq!(heard(&updates, "A5"), ["v1 instructed", "v2 cancelled CANI"], "a duplicate changes nothing");
}

#[test]
fn a_change_that_waits_is_told_and_so_is_its_end() {
    let updates = told(&story(
        "open\n\
         pair A1 B1 ALPHA buys 100 SAP from BETA @ 120.00 isd=2026-11-25\n\
         amend A1 qty=110 gross=13200.00 net=13200.00\n\
         pair A2 B2 ALPHA buys 100 SAP from BETA @ 120.00 isd=2026-11-25 common=X\n\
         cancel A2\ncancel B2\n\
         pair A3 B3 ALPHA buys 100 SAP from BETA @ 120.00 isd=2026-11-25 common=Y\n\
         cancel A3\nkeep-instruction A3\n\
         close\nat 2026-11-25\nopen\ncancel A1",
    ));
    assert_eq!(
        heard(&updates, "A1"),
        [
            "v1 instructed",
            "v1 matched FUTU",
            "v1 matched FUTU; v2 waiting",
            "v1 settled; v2 lapsed DSET",
            "v1 settled; v3 rejected TRADE_SETTLED"
        ]
    );
    assert_eq!(heard(&updates, "A2")[2..], ["v1 matched FUTU; v2 waiting", "v2 cancelled CANI"]);
    assert_eq!(heard(&updates, "A3")[2..4], ["v1 matched FUTU; v2 waiting", "v1 matched FUTU; v2 withdrawn"]);
}

#[test]
fn a_change_before_its_trade_and_a_cancel_before_it() {
    let updates = told(&story(
        "amend A1 ALPHA buys 90 SAP from BETA @ 120.00 isd=2026-11-25 v=2\n\
         trade A1 ALPHA buys 100 SAP from BETA @ 120.00 isd=2026-11-25 v=1",
    ));
    assert_eq!(heard(&updates, "A1"), ["v2 awaited", "v2 instructed"]);
}

#[test]
fn what_cannot_be_read_is_told_where_it_says_whose_it_is() {
    use model::command::{Command, Inbound, Origin, Unreadable};
    use model::event::Event as Fact;
    use model::record::{Content, Outcome, RULES_VERSION, Record};
    let mut records = story("trade A1 ALPHA buys 100 SAP from BETA @ 120.00 isd=2026-11-25");
    let mut next = records.len() as u64;
    let mut quarantined = |bytes: Vec<u8>| {
        next += 1;
        let (path, reason) = ("details.net".to_owned(), "is required".to_owned());
        let size = bytes.len() as u64;
        let name = |text| model::identifier::Identifier::parse(text).expect("a name");
        let inbound = Inbound {
            command: Command::Quarantine(Box::new(Unreadable { path, reason, bytes, hash: [7; 32], size })),
            origin: Origin::Kafka { topic: name("quittance.trades.v1"), partition: 0, offset: next },
            actor: name("kafka"),
            reason: String::new(),
            at: model::timestamp::Timestamp::EPOCH,
        };
        let outcome = Outcome::Accepted(vec![Fact::Quarantined {}]);
        let content = Content::Decided { inbound, outcome };
        let mut bytes = Vec::new();
        wire::record::encode(&Record { sequence: next, rules_version: RULES_VERSION, content }, None, &mut bytes);
        records.push(bytes);
    };
    let sent = |id: &str, version: u32| {
        let trade = wire::pb::trade::Trade {
            source: "FO-ALPHA".into(),
            id: id.into(),
            version: Some(version),
            ..Default::default()
        };
        trade.encode_to_vec()
    };
    quarantined(b"no protobuf at all \xff".to_vec());
    quarantined(sent("A1", 2));
    quarantined(sent("A9", 1));
    let updates = told(&records);
    assert_eq!(heard(&updates, "A1"), ["v1 instructed", "v1 instructed; v2 quarantined UNREADABLE"]);
    assert_eq!(heard(&updates, "A9"), ["v1 quarantined UNREADABLE; v1 quarantined UNREADABLE"]);
    assert_eq!(updates.len(), 3, "nobody knows whom to tell of the first");
}

fn commit(log: &Log, records: &[Vec<u8>]) {
    let mut builder = BlockBuilder::after(log.head());
    records.iter().for_each(|bytes| _ = builder.push(bytes));
    log.commit(&builder.finish(), &[], &[]).expect("commits");
}

fn publisher(log: &Arc<Log>, brokers: &Brokers, dir: &Path) -> StatusPublisher {
    StatusPublisher::start(log.clone(), StatusOptions::new(brokers.clone(), dir.join("told"))).expect("starts")
}

fn wait_for(sequence: u64, publisher: &StatusPublisher) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while publisher.told() < sequence && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    assert!(publisher.told() >= sequence, "told up to {}, of {sequence}", publisher.told());
}

/// What is on the topic, oldest first; the last message is known to be there.
fn read(brokers: &Brokers, count: usize) -> Vec<(String, TradeStatus)> {
    let consumer: BaseConsumer<Quiet> =
        brokers.config().set("group.id", "test").create_with_context(Quiet::default()).expect("settings are right");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(TRADE_STATUS, 0, Offset::Beginning).expect("an offset");
    consumer.assign(&list).expect("assigns");
    let (mut seen, mut idle) = (Vec::new(), 0);
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline && (seen.len() < count || idle < 5) {
        match consumer.poll(Duration::from_millis(100)) {
            None => idle += 1,
            Some(message) => {
                let message = message.expect("a message");
                let key = String::from_utf8(message.key().unwrap_or_default().to_vec()).expect("text");
                seen.push((key, TradeStatus::decode(message.payload().unwrap_or_default()).expect("a status")));
            }
        }
    }
    seen
}

/// The last of each key.
fn compacted(messages: &[(String, TradeStatus)]) -> BTreeMap<String, TradeStatus> {
    messages.iter().cloned().collect()
}

const BUSY: &str = "open\n\
    pair A1 B1 ALPHA buys 100 SAP from BETA @ 120.00 isd=2026-11-25\n\
    trade A2 ALPHA buys 5 NOVELTY from BETA @ 10.00 isd=2026-11-25\n\
    trade A3 ALPHA buys 5 SAP from BETA @ 10.00 isd=2020-01-01\n\
    pair A4 B4 ALPHA sells 50 SAP to BETA @ 120.00 isd=today\n\
    close\nat 2026-11-25\nopen\ncancel A1\ncancel A4";

#[test]
fn of_each_trade_only_the_last_goes_out_when_the_publisher_is_behind() {
    let all = told(&story(BUSY));
    let mut kept = all.clone();
    keep_latest(&mut kept);
    assert!(kept.len() < all.len() && kept.is_sorted_by_key(|update| update.sequence));
    let last = |updates: &[Update]| -> BTreeMap<_, _> {
        updates.iter().map(|update| (update.key.clone(), update.clone())).collect()
    };
    assert_eq!((last(&kept), kept.len()), (last(&all), last(&all).len()));
}

#[test]
fn wherever_it_is_stopped_the_last_of_each_key_is_right() {
    let cluster = MockCluster::new(1).expect("a cluster");
    cluster.create_topic(TRADE_STATUS, 1, 1).expect("a topic");
    let brokers = Brokers::new(cluster.bootstrap_servers());
    let dir = tempfile::tempdir().expect("a directory");
    let log = Arc::new(Log::create(&dir.path().join("log"), &Options::default()).expect("a log"));
    let records = story(BUSY);
    // Stopped in order after each of three parts: nothing is told twice.
    let third = records.len() / 3;
    for part in [&records[..third], &records[third..2 * third], &records[2 * third..]] {
        let running = publisher(&log, &brokers, dir.path());
        commit(&log, part);
        wait_for(log.head().sequence, &running);
        running.stop().expect("ends well");
    }
    let expected = told(&records);
    let seen = read(&brokers, expected.len());
    let pairs: Vec<(String, TradeStatus)> = expected.iter().map(|each| (each.key.to_string(), status(each))).collect();
    assert_eq!(seen, pairs, "each once, in the order of the log");

    // What was told is lost: all of it is told again, and the last of each key is what it was.
    std::fs::remove_dir_all(dir.path().join("told")).expect("removed");
    let again = publisher(&log, &brokers, dir.path());
    wait_for(log.head().sequence, &again);
    drop(again);
    let seen = read(&brokers, 2 * pairs.len());
    assert_eq!(seen.len(), 2 * pairs.len());
    assert_eq!(compacted(&seen), compacted(&pairs));
    let settled = &compacted(&seen)["FO-ALPHA|A1"];
    assert_eq!(
        (settled.state(), settled.answer.as_ref().map(Answer::kind)),
        (TradeState::Settled, Some(AnswerKind::Rejected))
    );

    // What it keeps is what it told.
    let (kept, fold, place) = Kept::open(&dir.path().join("told"), &Options::default(), &log).expect("opens");
    assert_eq!((kept.all_told(), place), (compacted(&pairs), log.head()));
    assert!(fold.open_trades() > 0, "a trade in repair is open");
}

#[test]
fn brokers_that_are_away_are_waited_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = Arc::new(Log::create(&dir.path().join("log"), &Options::default()).expect("a log"));
    let records = story(BUSY);
    commit(&log, &records);
    let absent = Brokers::new("127.0.0.1:1");
    let waiting = publisher(&log, &absent, dir.path());
    thread::sleep(Duration::from_millis(300));
    assert!(waiting.is_running() && waiting.told() == 0, "nothing is taken for told");
    waiting.stop().expect("it can be stopped while it waits");

    let cluster = MockCluster::new(1).expect("a cluster");
    cluster.create_topic(TRADE_STATUS, 1, 1).expect("a topic");
    let brokers = Brokers::new(cluster.bootstrap_servers());
    let running = publisher(&log, &brokers, dir.path());
    wait_for(log.head().sequence, &running);
    let expected = told(&records);
    assert_eq!(read(&brokers, expected.len()).len(), expected.len());
}
