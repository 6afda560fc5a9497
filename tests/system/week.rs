//! A whole week from the front offices through Kafka to the log, with everything that goes wrong in a back office and every kind of
//! poison; each message has the outcome that the generator foretold, and what could not be read is on the quarantine topic.

use crate::audit;
use crate::front_office::{Copy, FrontOffice};
use crate::service::{Service, load_reference, options, submit};
use crate::{Rig, Verdict};
use engine::Engine;
use kafka::{QuarantineOptions, QuarantinePublisher, Topic, TopicPlan};
use model::command::{Command, Origin};
use model::record::{Content, Outcome};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use store::Log;
use testkit::flow::{Desk, Expected, Flow, Item, Shape, Step};

const SOON: Duration = Duration::from_secs(30);

pub fn end_to_end(rig: &Rig) -> Verdict {
    let topic = rig.broker.new_topic("week");
    let quarantine = rig.broker.topic_name("quarantine");
    let plan = TopicPlan { topics: vec![Topic { holds_trades: false, ..Topic::trades(&quarantine) }] };
    kafka::topics::apply(&rig.broker.brokers(), &plan).expect("a topic is made");

    let dir = tempfile::tempdir().expect("a directory");
    let flow = Flow::new(rig.seed, Shape { trades: 2_000, ..Shape::demo() });
    let engine = Engine::start(options(&dir.path().join("log"), flow.genesis()).creating()).expect("a new log");
    load_reference(&engine, &flow);
    let checkpoint = dir.path().join("quarantine.checkpoint");
    let told =
        QuarantineOptions { topic: quarantine.clone(), ..QuarantineOptions::new(rig.broker.brokers(), checkpoint) };
    let publisher = QuarantinePublisher::start(engine.log(), told).expect("starts");
    let service = Service::with(rig, engine, &topic);
    let office = FrontOffice::new(&rig.broker.brokers(), &topic).keeping_bytes();

    let mut player =
        Player { service, office, topic, desk: Desk::default(), unreadable: Vec::new(), told: 0, commands: 0 };
    for item in flow.week() {
        player.play(item);
    }
    player.settle();
    let Player { service, office, topic, commands, .. } = player;
    println!("    {commands} commands of people between {} messages", office.count());
    let list = office.close();
    let engine = service.stop_consumer();
    let log = engine.log();
    audit::exactly_one_outcome_each(&list, &audit::outcomes(&log, &topic));
    quarantined_in_full(&log, &list.sent, &list.offsets);

    for line in rig.metrics.render().lines().filter(|line| line.contains(&topic) || line.contains("quarantined")) {
        println!("    {line}");
    }
    let expected = list.sent.iter().filter(|copy| copy.expected == Expected::Unreadable).count();
    assert!(expected >= 10, "the week has {expected} poison messages");
    crate::service::until(
        "the quarantine is published",
        SOON,
        || publisher.published() >= expected as u64,
        &String::new,
    );
    publisher.stop().expect("ends well");
    on_the_topic(rig, &quarantine, &log, expected);
    audit::stop_and_verify(engine);
    Verdict::Passed
}

/// Plays a week: messages by Kafka, commands by the handle, in the order of the week.
struct Player {
    service: Service,
    office: FrontOffice,
    topic: String,
    desk: Desk,
    /// Messages that cannot be read, in the order they were sent.
    unreadable: Vec<Item>,
    /// So many of them the desk knows.
    told: usize,
    commands: u64,
}

impl Player {
    fn play(&mut self, item: Item) {
        if let Step::Message(message) = &item.step {
            self.office.send(message);
            if message.expected == Expected::Unreadable {
                self.unreadable.push(item);
            }
            return;
        }
        // A person acts on what he sees: everything sent before.
        self.settle();
        if matches!(item.step, Step::CloseUnreadable { .. }) {
            self.tell_unreadable();
        }
        let handle = self.service.engine.handle();
        let instruction_of = |source: &_, id: &_| {
            let (source, id) = (model::identifier::Identifier::clone(source), model::identifier::Identifier::clone(id));
            handle.ask_blocking(move |state| state.instruction_of(&source, &id)).expect("the engine answers")
        };
        let Some(inbound) = self.desk.command(&item, instruction_of) else { return };
        let answer = submit(&self.service.engine, inbound);
        assert!(matches!(answer.outcome, Outcome::Accepted(_)), "{item:?}: {answer:?}");
        self.desk.answered(&item, answer.sequence);
        self.commands += 1;
    }

    fn settle(&self) {
        let end = self.office.settle();
        self.service.wait_durable(&self.topic, end, SOON);
    }

    /// Tells the desk which records hold what could not be read.
    fn tell_unreadable(&mut self) {
        let outcomes = audit::outcomes(&self.service.engine.log(), &self.topic);
        let records = outcomes.values().flatten().filter(|(_, outcome)| *outcome == Expected::Unreadable);
        let records: Vec<u64> = records.map(|(sequence, _)| *sequence).collect();
        for (item, sequence) in self.unreadable.iter().zip(records).skip(self.told) {
            self.desk.answered(item, sequence);
            self.told += 1;
        }
    }
}

/// Each poison is in the log with a reason and, unless it is too large, with its bytes.
fn quarantined_in_full(log: &Log, sent: &[Copy], offsets: &[Option<u64>]) {
    let by_offset: BTreeMap<u64, &Copy> =
        offsets.iter().zip(sent).filter_map(|(offset, copy)| Some(((*offset)?, copy))).collect();
    let (mut kept, mut oversize) = (0, 0);
    audit::records(log, |record| {
        let Content::Decided { inbound, .. } = &record.content else { return };
        let (Command::Quarantine(unreadable), Origin::Kafka { offset, .. }) = (&inbound.command, &inbound.origin)
        else {
            return;
        };
        let copy = by_offset[offset];
        assert!(!unreadable.reason.is_empty());
        assert_eq!(unreadable.size, copy.bytes.len() as u64);
        if copy.bytes.len() <= wire::MAX_TRADE {
            assert_eq!(unreadable.bytes, copy.bytes);
            kept += 1;
        } else {
            assert!(unreadable.bytes.len() <= wire::MAX_TRADE && copy.bytes.starts_with(&unreadable.bytes));
            oversize += 1;
        }
    });
    assert!(kept > 0 && oversize > 0);
    println!("    in quarantine: {kept} with all their bytes, {oversize} too large to be kept");
}

/// The quarantine topic says of each where it came from and what is wrong.
fn on_the_topic(rig: &Rig, quarantine: &str, log: &Log, expected: usize) {
    let mut in_log = BTreeMap::new();
    audit::records(log, |record| {
        let Content::Decided { inbound, outcome: Outcome::Accepted(_) } = &record.content else { return };
        if let (Command::Quarantine(unreadable), Origin::Kafka { offset, .. }) = (&inbound.command, &inbound.origin) {
            let (reason, bytes) = (unreadable.reason.clone(), unreadable.bytes.clone());
            in_log.insert(record.sequence.to_string(), (reason, bytes, offset.to_string()));
        }
    });
    let published = read(&rig.broker.address(), quarantine, expected);
    assert_eq!(published.len(), expected);
    for (headers, bytes) in &published {
        let (reason, kept, offset) = &in_log[&headers["ce_sequence"]];
        assert_eq!((&headers["ce_reason"], bytes, &headers["ce_offset"]), (reason, kept, offset));
    }
    let mut reasons: Vec<&str> = published.iter().map(|(headers, _)| headers["ce_reason"].as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    println!("    published with {} different reasons: {reasons:#?}", reasons.len());
}

type Published = Vec<(BTreeMap<String, String>, Vec<u8>)>;

/// The first messages of a topic.
pub fn read(brokers: &str, topic: &str, count: usize) -> Published {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "system-tests")
        .set("enable.auto.commit", "false")
        .create()
        .expect("the settings are right");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
    consumer.assign(&list).expect("assigns");
    let (mut seen, deadline) = (Vec::new(), Instant::now() + SOON);
    while seen.len() < count && Instant::now() < deadline {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.expect("a message");
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let headers = message.headers().expect("headers").iter();
        let headers = headers.map(|header| (header.key.to_owned(), text(header.value))).collect();
        seen.push((headers, message.payload().unwrap_or_default().to_vec()));
    }
    seen
}
