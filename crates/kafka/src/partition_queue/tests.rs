//! The queue against librdkafka's own broker, and, on request, against a real one with a clock in hand.

use super::*;
use crate::batch::Batch;
use crate::event::TRACEPARENT_C;
use crate::{Brokers, Event, Outgoing, Producer};
use rdkafka::consumer::BaseConsumer;
use rdkafka::mocking::MockCluster;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use std::time::Instant;

const TOPIC: &str = "trades";

fn consumer(brokers: &Brokers, queued: bool) -> BaseConsumer<Quiet> {
    let mut config = brokers.config();
    config
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("enable.partition.eof", "true")
        .set("fetch.queue.backoff.ms", "2")
        .set("queued.max.messages.kbytes", if queued { "32768" } else { "65536" });
    config.create_with_context(Quiet::default()).expect("settings are right")
}

fn assign(consumer: &BaseConsumer<Quiet>, topic: &str, offset: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(offset)).expect("an offset");
    consumer.assign(&list).expect("assigns");
}

fn send(brokers: &Brokers, topic: &str, count: usize, payload: impl Fn(usize) -> Vec<u8>, trace: Option<&str>) {
    let producer = Producer::new(brokers).expect("settings are right");
    for number in 0..count {
        let id = number.to_string();
        let event = Event { traceparent: trace, ..Event::protobuf(&id, "quittance.trade.v1", "/test") };
        let payload = payload(number);
        let message = Outgoing { topic, partition: Some(0), key: "DOMAIN", payload: &payload, event, tag: number };
        producer.send(&message).expect("is taken");
    }
    producer.flush(Duration::from_secs(60)).expect("all delivered");
    assert_eq!(producer.delivered(), count as u64);
}

#[test]
fn records_come_in_order_with_their_headers_and_then_the_end() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic(TOPIC, 1, 1).expect("a topic");
    let brokers = Brokers::new(cluster.bootstrap_servers());
    send(&brokers, TOPIC, 300, |number| format!("payload {number}").into_bytes(), Some("trace"));

    let consumer = consumer(&brokers, true);
    let mut queue = PartitionQueue::split(&consumer, TOPIC, 0).expect("a queue");
    assign(&consumer, TOPIC, 100);
    let (mut next, mut ended) = (100, false);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !ended && Instant::now() < deadline {
        let mut count = 0;
        let taken = queue.take(64, Duration::from_millis(200), |item| {
            count += 1;
            match item {
                Item::Record(record) => {
                    assert_eq!(record.offset, next);
                    assert_eq!(record.payload, format!("payload {next}").as_bytes());
                    assert_eq!(record.header(TRACEPARENT_C), Some(&b"trace"[..]));
                    assert_eq!(record.header(c"none"), None);
                    next += 1;
                }
                Item::End(offset) => {
                    assert_eq!(offset, 300);
                    ended = true;
                }
                Item::Failed(code) => panic!("{code}"),
            }
        });
        assert_eq!(taken, count);
        assert!(taken <= 64);
        assert!(consumer.poll(Duration::ZERO).is_none(), "nothing comes by the consumer's own queue");
    }
    assert!(ended);
    assert_eq!(next, 300);
    assert_eq!(queue.known_end(), Some(300));
}

#[test]
fn a_panic_among_the_messages_gives_them_back() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic(TOPIC, 1, 1).expect("a topic");
    let brokers = Brokers::new(cluster.bootstrap_servers());
    send(&brokers, TOPIC, 10, |_| b"x".to_vec(), None);
    let consumer = consumer(&brokers, true);
    let fell = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut queue = PartitionQueue::split(&consumer, TOPIC, 0).expect("a queue");
        assign(&consumer, TOPIC, 0);
        for _ in 0..100 {
            queue.take(64, Duration::from_millis(200), |item| {
                if matches!(item, Item::Record(_)) {
                    panic!("as asked");
                }
            });
        }
    }));
    assert!(fell.is_err());
    // Closing waits until every message is back: a leak would hang here.
    drop(consumer);
}

#[test]
fn out_of_range_is_said_and_nothing_is_skipped() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic(TOPIC, 1, 1).expect("a topic");
    let brokers = Brokers::new(cluster.bootstrap_servers());
    send(&brokers, TOPIC, 5, |_| b"x".to_vec(), None);
    let consumer = consumer(&brokers, true);
    let mut queue = PartitionQueue::split(&consumer, TOPIC, 0).expect("a queue");
    assign(&consumer, TOPIC, 50);
    let mut failed = None;
    let deadline = Instant::now() + Duration::from_secs(30);
    while failed.is_none() && Instant::now() < deadline {
        queue.take(64, Duration::from_millis(200), |item| match item {
            Item::Failed(code) => failed = Some(code),
            Item::Record(record) => panic!("record {} came", record.offset),
            Item::End(_) => {}
        });
    }
    assert_eq!(failed, Some(RDKafkaErrorCode::AutoOffsetReset));
}

fn cpu_micros() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime");
    ticks * 10_000
}

/// `QUITTANCE_MEASURE=127.0.0.1:9092 cargo test -p kafka --lib measure -- --ignored --nocapture`: fills a topic once, then reads it in
/// each way. CPU is that of the whole process: librdkafka's own threads are in it.
#[test]
#[ignore = "a measurement, against a real broker"]
fn measure_ways_of_reading() {
    let brokers = Brokers::new(std::env::var("QUITTANCE_MEASURE").expect("QUITTANCE_MEASURE=host:port"));
    let count: usize =
        std::env::var("QUITTANCE_MEASURE_COUNT").map_or(1_000_000, |text| text.parse().expect("a number"));
    let topic = format!("measure-{count}");
    let plan = crate::TopicPlan { topics: vec![crate::Topic::trades(&topic)] };
    let report = crate::topics::apply(&brokers, &plan).expect("a topic");
    if report[0].is_new() || std::env::var_os("QUITTANCE_MEASURE_FILL").is_some() {
        let started = (Instant::now(), cpu_micros());
        let noise = |number: usize| -> Vec<u8> {
            let mut state = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            (0..298)
                .map(|place| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    if place % 3 == 0 { state as u8 } else { b'a' + (place % 26) as u8 }
                })
                .collect()
        };
        send(&brokers, &topic, count, noise, None);
        report_line("produce", count, started);
    }
    type Way<'w> = (&'w str, &'w dyn Fn() -> (usize, usize));
    let ways: [Way<'_>; 6] = [
        ("poll, count only", &|| by_poll(&brokers, &topic, count, false)),
        ("poll, copy into batches", &|| by_poll(&brokers, &topic, count, true)),
        ("batch queue, count only", &|| by_queue(&brokers, &topic, count, false, false)),
        ("batch queue, copy into batches", &|| by_queue(&brokers, &topic, count, true, false)),
        ("batch queue, copy, all headers", &|| by_queue(&brokers, &topic, count, true, true)),
        ("batch queue, copy, 64 MiB ahead", &|| by_queue_ahead(&brokers, &topic, count)),
    ];
    let mut sums = Vec::new();
    for round in 0..3 {
        for (name, way) in &ways {
            let started = (Instant::now(), cpu_micros());
            sums.push(way());
            if round > 0 {
                report_line(name, count, started);
            }
        }
    }
    assert!(sums.iter().all(|sum| sum.0 == count && sum.1 == sums[0].1), "{sums:?}");
}

fn report_line(name: &str, count: usize, (wall, cpu): (Instant, u64)) {
    let (seconds, micros) = (wall.elapsed().as_secs_f64(), cpu_micros() - cpu);
    println!("{name:34} {:>8.0} /s {:>6.2} CPU-us each", count as f64 / seconds, micros as f64 / count as f64);
}

fn by_poll(brokers: &Brokers, topic: &str, count: usize, copy: bool) -> (usize, usize) {
    let consumer = consumer(brokers, true);
    assign(&consumer, topic, 0);
    let (mut seen, mut bytes, mut batch) = (0, 0, Batch::new());
    let name = model::identifier::Identifier::parse(topic).expect("a name");
    while seen < count {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let payload = message.payload().unwrap_or_default();
                seen += 1;
                bytes += payload.len();
                if copy {
                    batch.push(message.offset() as u64, payload, message.timestamp().to_millis(), false, None);
                    if batch.is_full() {
                        std::hint::black_box(batch.finish(&name, 0));
                    }
                }
            }
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) | None => {}
            Some(Err(error)) => panic!("{error}"),
        }
    }
    (seen, bytes)
}

fn by_queue(brokers: &Brokers, topic: &str, count: usize, copy: bool, headers: bool) -> (usize, usize) {
    read_queue(&consumer(brokers, true), topic, count, copy, headers)
}

fn by_queue_ahead(brokers: &Brokers, topic: &str, count: usize) -> (usize, usize) {
    read_queue(&consumer(brokers, false), topic, count, true, false)
}

fn read_queue(consumer: &BaseConsumer<Quiet>, topic: &str, count: usize, copy: bool, headers: bool) -> (usize, usize) {
    let mut queue = PartitionQueue::split(consumer, topic, 0).expect("a queue");
    assign(consumer, topic, 0);
    let (mut seen, mut bytes, mut batch) = (0, 0, Batch::new());
    let name = model::identifier::Identifier::parse(topic).expect("a name");
    while seen < count {
        queue.take(256, Duration::from_millis(100), |item| {
            if let Item::Record(record) = item {
                seen += 1;
                bytes += record.payload.len();
                if copy {
                    let trace = if headers { record.header(TRACEPARENT_C) } else { None };
                    batch.push(record.offset, record.payload, record.appended, false, trace);
                }
            }
        });
        if batch.is_full() {
            std::hint::black_box(batch.finish(&name, 0));
        }
        assert!(consumer.poll(Duration::ZERO).is_none());
    }
    (seen, bytes)
}
