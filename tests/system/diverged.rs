//! A source that is not the one the log was fed from, or has lost what the log needs: halted, in words, with nothing taken.

use crate::audit;
use crate::front_office::FrontOffice;
use crate::service::{Service, durable, flow, name, open, prepare};
use crate::{Rig, Verdict};
use kafka::{Halt, Source};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::fs::File;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::Head;
use testkit::flow::{Item, Step};

const SOON: Duration = Duration::from_secs(60);
/// Messages consumed before the source changes.
const CONSUMED: usize = 400;

/// A log that has consumed part of a topic, and what a front office would send next.
struct Fed {
    _dir: tempfile::TempDir,
    path: PathBuf,
    topic: String,
    week: Box<dyn Iterator<Item = Item>>,
}

fn fed(rig: &Rig, what: &str) -> (Fed, Service) {
    let topic = rig.broker.new_topic(what);
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let mut week = Box::new(prepare(&path, &flow(rig.seed, 4_000)));
    let service = Service::start(rig, &path, &topic);
    let end = send(rig, &topic, &mut week, CONSUMED);
    service.wait_durable(&topic, end, SOON);
    (Fed { _dir: dir, path, topic, week }, service)
}

/// Sends so many messages; the offset after them.
fn send(rig: &Rig, topic: &str, week: &mut dyn Iterator<Item = Item>, count: usize) -> u64 {
    let mut office = FrontOffice::new(&rig.broker.brokers(), topic);
    let messages = week.filter_map(|item| match item.step {
        Step::Message(message) => Some(message),
        _ => None,
    });
    for message in messages.take(count) {
        office.send(&message);
    }
    office.settle()
}

/// It halts, says the code, and the log is as it was.
fn halts(service: Service, code: &str, before: Head) -> Halt {
    let halt = service.wait_halted(SOON);
    println!("    {halt}");
    assert_eq!(halt.code(), code);
    let engine = service.stop_consumer();
    let log = engine.log();
    engine.stop().expect("stops in order");
    assert_eq!(log.head(), before, "something was taken");
    halt
}

fn admin(rig: &Rig) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", rig.broker.address()).create().expect("the settings are right")
}

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn recreate(rig: &Rig, topic: &str) {
    delete(rig, topic);
    rig.broker.make_topic(topic);
}

fn delete(rig: &Rig, topic: &str) {
    let deleted = wait(admin(rig).delete_topics(&[topic], &AdminOptions::new())).expect("the broker answers");
    assert!(deleted[0].is_ok(), "{deleted:?}");
    let plan = kafka::TopicPlan { topics: vec![kafka::Topic::trades(topic)] };
    let missing = || {
        let found = kafka::topics::show(&rig.broker.brokers(), &plan);
        found.is_ok_and(|found| found[0].state == kafka::topics::FoundState::Missing)
    };
    crate::service::until("the topic is gone", SOON, missing, &String::new);
}

/// While the service is down the topic is deleted and made again: with fewer messages than were consumed, then with more.
pub fn topic_recreated(rig: &Rig) -> Verdict {
    let (mut fed, service) = fed(rig, "recreated");
    let engine = service.stop_consumer();
    let before = engine.log().head();
    engine.stop().expect("stops in order");
    recreate(rig, &fed.topic);
    send(rig, &fed.topic, &mut fed.week, CONSUMED / 2);
    let halt = halts(Service::start(rig, &fed.path, &fed.topic), "SOURCE_DIVERGED", before);
    assert!(matches!(halt, Halt::Shorter { .. }));
    send(rig, &fed.topic, &mut fed.week, CONSUMED);
    let halt = halts(Service::start(rig, &fed.path, &fed.topic), "SOURCE_DIVERGED", before);
    assert!(matches!(halt, Halt::Replaced { .. }));
    Verdict::Passed
}

/// The same under the eyes of the service.
pub fn topic_recreated_while_running(rig: &Rig) -> Verdict {
    for messages in [CONSUMED / 2, CONSUMED * 2] {
        let (mut fed, service) = fed(rig, "recreated-live");
        let before = service.engine.log().head();
        recreate(rig, &fed.topic);
        send(rig, &fed.topic, &mut fed.week, messages);
        halts(service, "SOURCE_DIVERGED", before);
    }
    Verdict::Passed
}

/// Records that the log has not consumed are deleted by retention.
pub fn retention_passed_us(rig: &Rig) -> Verdict {
    let (mut fed, service) = fed(rig, "retention");
    let engine = service.stop_consumer();
    let before = engine.log().head();
    engine.stop().expect("stops in order");
    let end = send(rig, &fed.topic, &mut fed.week, CONSUMED);
    let mut until = TopicPartitionList::new();
    let offset = Offset::Offset(i64::try_from(end - 10).expect("small"));
    until.add_partition_offset(&fed.topic, 0, offset).expect("an offset");
    wait(admin(rig).delete_records(&until, &AdminOptions::new())).expect("the broker deletes");
    let halt = halts(Service::start(rig, &fed.path, &fed.topic), "SOURCE_EXPIRED", before);
    assert!(halt.to_string().contains(&format!("{} were never consumed", CONSUMED - 10)), "{halt}");
    Verdict::Passed
}

/// The address leads to another cluster than the log names.
pub fn another_cluster(rig: &Rig) -> Verdict {
    rig.broker.start();
    let found = kafka::cluster_id(&rig.broker.brokers(), SOON).expect("the broker answers");
    let topic = rig.broker.new_topic("cluster");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    drop(prepare(&path, &flow(rig.seed, 1)));
    let engine = open(&path);
    let before = engine.log().head();
    let source = Source::new(rig.broker.brokers(), name(&topic), None);
    let right = Source { cluster: Some(found.clone()), ..source.clone() };
    let service = Service::from(engine, right);
    service.wait_running(SOON);
    let service = Service::from(service.stop_consumer(), Source { cluster: Some("another".to_owned()), ..source });
    let halt = halts(service, "SOURCE_DIVERGED", before);
    assert_eq!(halt, Halt::OtherCluster { bootstrap: rig.broker.address(), expected: "another".to_owned(), found });
    Verdict::Passed
}

/// A broker that had not synced loses its end in a crash of the machine, comes back, and uses the offsets again, while the service
/// keeps running.
pub fn broker_lost_its_tail(rig: &Rig) -> Verdict {
    let (mut fed, service) = fed(rig, "tail");
    // In several batches, so that the cut leaves some of them.
    for part in 1..=4 {
        let end = send(rig, &fed.topic, &mut fed.week, CONSUMED);
        assert_eq!(end, (CONSUMED + CONSUMED * part) as u64);
        service.wait_durable(&fed.topic, end, SOON);
    }
    let before = service.engine.log().head();
    rig.broker.kill();
    cut_in_half(&segment(rig.broker.data(), &fed.topic));
    rig.broker.start();
    send(rig, &fed.topic, &mut fed.week, CONSUMED);
    halts(service, "SOURCE_DIVERGED", before);
    let engine = open(&fed.path);
    assert_eq!(durable(&engine.log(), &fed.topic), 5 * CONSUMED as u64);
    audit::stop_and_verify(engine);
    Verdict::Passed
}

fn segment(data: &Path, topic: &str) -> PathBuf {
    data.join("logs").join(format!("{topic}-0")).join("00000000000000000000.log")
}

fn cut_in_half(path: &Path) {
    let file = File::options().write(true).open(path).expect("the broker's segment");
    let length = file.metadata().expect("its length").len();
    file.set_len(length / 2).expect("it can be cut");
}
