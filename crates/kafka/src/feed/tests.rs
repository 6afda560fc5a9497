//! A feed against a real log and librdkafka's own broker: each letter once, whatever was killed when.

use super::*;
use crate::instructions_out::publish;
use model::command::{Command, Inbound, Origin, Task};
use model::event::Event as Fact;
use model::identifier::Identifier;
use model::instruction::Movement;
use model::outbound::{OutboundBody, OutboundInstruction, RequestCancellation};
use model::record::{Content, Genesis, Outcome, RULES_VERSION, Record};
use model::timestamp::Timestamp;
use model::trade::Method;
use rdkafka::mocking::MockCluster;
use std::path::Path;
use store::{BlockBuilder, Options};

const TOPIC: &str = "instructions";
const SOON: Duration = Duration::from_secs(60);

fn name(text: &str) -> Identifier {
    Identifier::parse(text).expect("a name")
}

fn genesis(at: i64) -> Record {
    let at = Timestamp::from_micros(at).expect("an instant");
    let genesis = Genesis { format: 1, house: name("ALPHA-BANK"), shard: 0, domains: vec![], cluster: None, at };
    Record { sequence: 1, rules_version: RULES_VERSION, content: Content::Genesis(genesis) }
}

/// A record that sends so many messages.
fn sends(sequence: u64, count: u64) -> Record {
    let message = |number: u64| OutboundInstruction {
        sender: None,
        reference: name(&format!("Q0-{sequence}-{number}")),
        domain: name("QCSD"),
        instruction: name(&format!("Q0-{sequence}")),
        body: OutboundBody::Cancel(RequestCancellation {
            agent_reference: String::new(),
            depot: name("D"),
            movement: None,
            payment: None,
        }),
    };
    let sent = |number| Fact::InstructionSent { instruction: sequence, message: Box::new(message(number)) };
    let inbound = Inbound {
        command: Command::Continue(Task::Retry),
        origin: Origin::Engine,
        actor: name("engine"),
        reason: String::new(),
        at: Timestamp::EPOCH,
    };
    let outcome = Outcome::Accepted((1..=count).map(sent).collect());
    Record { sequence, rules_version: RULES_VERSION, content: Content::Decided { inbound, outcome } }
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

struct House {
    dir: tempfile::TempDir,
    brokers: Brokers,
    /// Whose topics are gone with it.
    _cluster: MockCluster<'static, rdkafka::producer::DefaultProducerContext>,
}

impl House {
    fn new() -> House {
        let cluster = MockCluster::new(1).expect("a broker");
        cluster.create_topic(TOPIC, 1, 1).expect("a topic");
        let brokers = Brokers::new(cluster.bootstrap_servers());
        House { dir: tempfile::tempdir().expect("a directory"), brokers, _cluster: cluster }
    }

    fn log(&self, name: &str) -> Arc<Log> {
        Arc::new(Log::create(&self.dir.path().join(name), &Options::default()).expect("a log"))
    }

    fn place(&self) -> std::path::PathBuf {
        self.dir.path().join("instructions.place")
    }

    fn start(&self, log: &Arc<Log>, through: Option<watch::Receiver<u64>>) -> Feed {
        self.start_as(log, through, &[])
    }

    fn start_as(&self, log: &Arc<Log>, through: Option<watch::Receiver<u64>>, as_xml: &[&str]) -> Feed {
        let to = FeedTo { through, ..FeedTo::new(self.brokers.clone(), TOPIC, self.place()) };
        publish(log.clone(), to, as_xml.iter().copied().map(name).collect()).expect("starts")
    }

    /// Waits until the feed has told of a record, and stops it in order.
    fn run_to(&self, log: &Arc<Log>, sequence: u64) {
        let feed = self.start(log, None);
        wait(|| feed.fed() >= sequence);
        feed.stop().expect("ends in order");
    }

    fn there(&self) -> Vec<Received> {
        let mut all = Vec::new();
        let reader = Reader::new(&self.brokers, TOPIC, 0, 0).expect("a reader");
        reader.to_end(0, |message| all.push(message)).expect("reads");
        all
    }

    fn ids(&self) -> Vec<String> {
        self.there().iter().map(|message| message.header("ce_id").to_owned()).collect()
    }
}

use crate::reader::Received;

fn wait(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Puts another place where the feed keeps its own.
fn put_back(kept: &Option<Vec<u8>>, path: &Path) {
    match kept {
        Some(bytes) => std::fs::write(path, bytes).expect("written"),
        None => std::fs::remove_file(path).expect("removed"),
    }
}

#[test]
fn follows_the_encoding() {
    let mark = [0xc2, 0x02];
    assert!(encoded(&sends(7, 1)).windows(2).any(|window| window == mark));
    assert!(!encoded(&genesis(0)).windows(2).any(|window| window == mark));
}

#[test]
fn each_message_goes_out_once_and_says_who_sent_it() {
    let house = House::new();
    let log = house.log("log");
    commit(&log, &[genesis(0), sends(2, 1), sends(3, 0), sends(4, 2)]);
    house.run_to(&log, 4);
    let there = house.there();
    assert_eq!(house.ids(), ["Q0-2-1", "Q0-4-1", "Q0-4-2"]);
    let message = wire::settlement::decode_outbound(&there[1].payload).expect("readable");
    assert_eq!((message.sender, message.reference), (Some(name("ALPHA-BANK")), name("Q0-4-1")));
    assert_eq!((there[1].key.as_str(), there[1].header("ce_source")), ("Q0-4", "/quittance/ALPHA-BANK/shard/0"));

    // The place in the file is an old one, or none, as a crash leaves it: the topic says what is there.
    let kept = std::fs::read(house.place()).expect("a place");
    commit(&log, &[sends(5, 1)]);
    house.run_to(&log, 5);
    put_back(&Some(kept), &house.place());
    commit(&log, &[sends(6, 1)]);
    house.run_to(&log, 6);
    put_back(&None, &house.place());
    commit(&log, &[sends(7, 1)]);
    house.run_to(&log, 7);
    assert_eq!(house.ids(), ["Q0-2-1", "Q0-4-1", "Q0-4-2", "Q0-5-1", "Q0-6-1", "Q0-7-1"]);
}

#[test]
fn a_record_of_which_a_part_went_out_is_completed() {
    let house = House::new();
    let log = house.log("log");
    commit(&log, &[genesis(0), sends(2, 1)]);
    house.run_to(&log, 2);
    let first = &house.there()[0];
    // A feed that was killed between the first and the second message of record 3.
    let producer = Producer::new(&house.brokers).expect("a producer");
    let event = Event::protobuf("Q0-3-1", "quittance.instruction.v1", "/quittance/ALPHA-BANK/shard/0");
    let headers = put(put(event.headers(), SEQUENCE, "3"), LOG, first.header(LOG));
    let message = Outgoing { topic: TOPIC, partition: Some(0), key: "Q0-3", payload: b"as it was", event, tag: 0 };
    producer.send_with(&message, headers).expect("taken");
    producer.flush(SOON).expect("delivered");
    commit(&log, &[sends(3, 3)]);
    house.run_to(&log, 3);
    assert_eq!(house.ids(), ["Q0-2-1", "Q0-3-1", "Q0-3-2", "Q0-3-3"]);
}

#[test]
fn nothing_goes_out_before_its_record_is_published() {
    let house = House::new();
    let log = house.log("log");
    commit(&log, &[genesis(0), sends(2, 1), sends(3, 1)]);
    let (published, through) = watch::channel(2);
    let feed = house.start(&log, Some(through));
    wait(|| feed.fed() == 2);
    thread::sleep(Duration::from_millis(100));
    assert_eq!((feed.fed(), house.ids()), (2, vec!["Q0-2-1".to_owned()]));
    published.send_replace(3);
    wait(|| feed.fed() == 3);
    assert_eq!(house.ids(), ["Q0-2-1", "Q0-3-1"]);
}

#[test]
fn the_topic_of_another_log_of_the_house_is_not_written() {
    let house = House::new();
    let log = house.log("log");
    commit(&log, &[genesis(0), sends(2, 1)]);
    house.run_to(&log, 2);
    let other = house.log("other");
    commit(&other, &[genesis(1), sends(2, 1)]);
    let feed = house.start(&other, None);
    wait(|| !feed.is_running());
    let error = feed.stop().expect_err("it is another log's").to_string();
    assert!(error.contains("another log"), "{error}");
    assert_eq!(house.ids().len(), 1);
}

/// The domains that want XML get it, with the header that says so; what the standard has no room for goes out all the same.
#[test]
fn a_domain_may_be_told_by_xml() {
    let house = House::new();
    let log = house.log("log");
    let body = |movement, depot: &str| {
        OutboundBody::Cancel(RequestCancellation {
            agent_reference: String::new(),
            depot: name(depot),
            movement,
            payment: Some(Method::Dvp),
        })
    };
    // A request of an older log says no movement, which a sese.020 must.
    let (whole, old) = (body(Some(Movement::Deliver), "D"), body(None, "D"));
    let of = |sequence, domain: &str, body: &OutboundBody| {
        let mut record = sends(sequence, 1);
        let Content::Decided { outcome: Outcome::Accepted(events), .. } = &mut record.content else { unreachable!() };
        let [Fact::InstructionSent { message, .. }] = &mut events[..] else { unreachable!() };
        (message.domain, message.body) = (name(domain), body.clone());
        record
    };
    commit(
        &log,
        &[genesis(0), of(2, "QCSD", &whole), of(3, "OTHER", &whole), of(4, "QCSD", &old), of(5, "QCSD", &whole)],
    );
    let feed = house.start_as(&log, None, &["QCSD"]);
    wait(|| feed.fed() >= 5);
    feed.stop().expect("ends in order");
    let there = house.there();
    let types: Vec<&str> = there.iter().map(|message| message.header(crate::CONTENT_TYPE)).collect();
    assert_eq!(types, [crate::XML, crate::PROTOBUF, crate::PROTOBUF, crate::XML]);
    let iso20022::Message::Instruction(read) = iso20022::read(&there[3].payload).expect("a document") else {
        panic!("it is to an agent")
    };
    assert_eq!((read.sender, read.reference, read.body), (Some(name("ALPHA-BANK")), name("Q0-5-1"), whole));
    let read = wire::settlement::decode_outbound(&there[2].payload).expect("protobuf");
    assert_eq!((read.reference, read.body), (name("Q0-4-1"), old));
    // Another form changes nothing of what was told.
    let feed = house.start_as(&log, None, &[]);
    wait(|| feed.fed() >= 5);
    feed.stop().expect("ends in order");
    assert_eq!(house.there(), there);
}
