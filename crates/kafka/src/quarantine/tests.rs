//! The follower against a real log and librdkafka's own broker.

use super::*;
use crate::brokers::Quiet;
use model::command::Inbound;
use model::identifier::Identifier;
use model::record::{Genesis, RULES_VERSION, Record};
use model::timestamp::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use store::{BlockBuilder, Options};

fn name(text: &str) -> Identifier {
    Identifier::parse(text).expect("a name")
}

fn genesis() -> Record {
    let genesis =
        Genesis { format: 1, house: name("HOUSE"), shard: 0, domains: vec![], cluster: None, at: Timestamp::EPOCH };
    Record { sequence: 1, rules_version: RULES_VERSION, content: Content::Genesis(genesis) }
}

fn decided(sequence: u64, command: Command, facts: Vec<Fact>) -> Record {
    let origin = Origin::Kafka { topic: name("quittance.trades.v1"), partition: 0, offset: 100 + sequence };
    let inbound = Inbound { command, origin, actor: name("kafka"), reason: String::new(), at: Timestamp::EPOCH };
    Record {
        sequence,
        rules_version: RULES_VERSION,
        content: Content::Decided { inbound, outcome: Outcome::Accepted(facts) },
    }
}

fn quarantined(sequence: u64) -> Record {
    let bytes = format!("poison {sequence}").into_bytes();
    let unreadable = Unreadable {
        path: "details.net".into(),
        reason: "is required".into(),
        size: bytes.len() as u64,
        hash: [7; 32],
        bytes,
    };
    decided(sequence, Command::Quarantine(Box::new(unreadable)), vec![Fact::Quarantined {}])
}

/// Any other record.
fn other(sequence: u64) -> Record {
    decided(
        sequence,
        Command::Approve { proposal: 1, payload_hash: None },
        vec![Fact::ProposalClosed { proposal: 1, approved: true }],
    )
}

fn encoded(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::record::encode(record, None, &mut bytes);
    bytes
}

fn commit(log: &Log, records: &[Record]) {
    let mut builder = BlockBuilder::after(log.head());
    for record in records {
        assert_eq!(builder.push(&encoded(record)), record.sequence);
    }
    log.commit(&builder.finish(), &[], &[]).expect("commits");
}

#[test]
fn follows_the_encoding() {
    assert!(encoded(&quarantined(7)).ends_with(ENDS));
    assert!(!encoded(&other(7)).ends_with(ENDS));
    assert!(!encoded(&genesis()).ends_with(ENDS));
}

/// Offset, value and headers of each message there.
type Published = Vec<(i64, Vec<u8>, BTreeMap<String, String>)>;

fn read(brokers: &Brokers, topic: &str, count: usize) -> Published {
    let consumer: BaseConsumer<Quiet> =
        brokers.config().set("group.id", "test").create_with_context(Quiet::default()).expect("settings are right");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
    consumer.assign(&list).expect("assigns");
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    // A little longer than it takes: one too many would be a fault as well.
    let mut idle = 0;
    while Instant::now() < deadline && (seen.len() < count || idle < 5) {
        match consumer.poll(Duration::from_millis(100)) {
            None => idle += 1,
            Some(message) => {
                let message = message.expect("a message");
                let headers = message.headers().expect("headers").iter();
                let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap_or_default().to_vec()).expect("text");
                let headers = headers.map(|header| (header.key.to_owned(), text(header.value))).collect();
                seen.push((message.offset(), message.payload().unwrap_or_default().to_vec(), headers));
            }
        }
    }
    seen
}

fn publisher(log: &Arc<Log>, brokers: &Brokers, dir: &Path) -> QuarantinePublisher {
    let options = QuarantineOptions::new(brokers.clone(), dir.join("quarantine.checkpoint"));
    QuarantinePublisher::start(log.clone(), options).expect("starts")
}

fn wait_for(count: u64, publisher: &QuarantinePublisher) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while publisher.published() < count && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(publisher.published(), count);
}

#[test]
fn each_quarantined_record_is_published_once_with_its_story() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic(QUARANTINE, 1, 1).expect("a topic");
    let brokers = Brokers::new(cluster.bootstrap_servers());
    let dir = tempfile::tempdir().expect("a directory");
    let log = Arc::new(Log::create(&dir.path().join("log"), &Options::default()).expect("a log"));
    commit(&log, &[genesis(), quarantined(2), other(3)]);

    let first = publisher(&log, &brokers, dir.path());
    wait_for(1, &first);
    commit(&log, &[other(4)]);
    commit(&log, &[other(5), quarantined(6), quarantined(7)]);
    wait_for(3, &first);
    first.stop().expect("ended well");
    // What comes while nobody follows is found at the next start, what was published is not published again.
    commit(&log, &[quarantined(8), other(9)]);
    let second = publisher(&log, &brokers, dir.path());
    wait_for(1, &second);
    second.stop().expect("ended well");

    let seen = read(&brokers, QUARANTINE, 4);
    let ids: Vec<_> = seen.iter().map(|(_, _, headers)| headers["ce_id"].as_str()).collect();
    assert_eq!(ids, ["2", "6", "7", "8"]);
    let (_, value, headers) = &seen[1];
    assert_eq!(value, b"poison 6");
    for (key, expected) in [
        ("ce_specversion", "1.0"),
        ("ce_type", "quittance.quarantine.v1"),
        ("ce_source", "/quittance/shard/0"),
        ("content-type", "application/octet-stream"),
        ("ce_reason", "is required"),
        ("ce_path", "details.net"),
        ("ce_sequence", "6"),
        ("ce_topic", "quittance.trades.v1"),
        ("ce_partition", "0"),
        ("ce_offset", "106"),
        ("ce_size", "8"),
    ] {
        assert_eq!(headers[key], expected, "{key}");
    }
    assert_eq!(headers["ce_sha256"], "07".repeat(32));
}

#[test]
fn a_checkpoint_of_another_log_means_the_beginning() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("checkpoint");
    let log = Log::create(&dir.path().join("log"), &Options::default()).expect("a log");
    commit(&log, &[genesis(), other(2)]);
    let mut ours = Checkpoint::open(&path, &log).expect("opens");
    assert_eq!(ours.sequence(), 0);
    ours.move_to(log.head());
    ours.save().expect("saves");
    assert_eq!(Checkpoint::open(&path, &log).expect("opens").sequence(), 2);

    let another = Log::create(&dir.path().join("another"), &Options::default()).expect("a log");
    commit(&another, &[genesis(), other(2), other(3)]);
    assert_eq!(Checkpoint::open(&path, &another).expect("opens").sequence(), 2, "the same history so far");
    let different = Log::create(&dir.path().join("different"), &Options::default()).expect("a log");
    commit(&different, &[genesis(), quarantined(2)]);
    assert_eq!(Checkpoint::open(&path, &different).expect("opens").sequence(), 0);
    let shorter = Log::create(&dir.path().join("shorter"), &Options::default()).expect("a log");
    commit(&shorter, &[genesis()]);
    assert_eq!(Checkpoint::open(&path, &shorter).expect("opens").sequence(), 0);

    std::fs::write(&path, "nonsense").expect("writes");
    let error = Checkpoint::open(&path, &log).err().expect("refuses").to_string();
    assert!(error.contains("delete it"), "{error}");
}
