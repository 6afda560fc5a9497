//! What the records topic must be after all that, read by a reader of its own in the style of Jepsen's Kafka workload: it shares
//! neither the rule nor the reader of the service.

use crate::Rig;
use crate::node::Topics;
use kafka::Brokers;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};
use store::{Block, Log};

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    pub messages: u64,
    pub fences: u64,
    pub accepted: u64,
    /// Under a generation that was over.
    pub late: u64,
    /// Of a block that was there already.
    pub again: u64,
    /// The last record accepted.
    pub last: u64,
}

/// Reads every message and holds it against what must be true of all of them.
pub fn check(rig: &Rig, brokers: &Brokers, topics: &Topics, log: &Log) -> Findings {
    let mut found = Findings::default();
    let (mut newest, mut chain) = (None, [0; 32]);
    let mut before = None;
    each_message(brokers, &topics.records, |offset, kind, generation, payload| {
        found.messages += 1;
        assert!(before.is_none_or(|before| offset > before), "offset {offset} came after {before:?}");
        before = Some(offset);
        if kind == "quittance.fence.v1" {
            found.fences += 1;
            newest = Some(offset);
            return;
        }
        let generation: u64 = generation.parse().expect("a block says its generation");
        assert!(generation < offset, "a block at offset {offset} of a fence that was not written yet");
        if newest != Some(generation) {
            found.late += 1;
            return;
        }
        let block = Block::from_stored(payload).expect("a block is what was stored");
        if block.first() <= found.last {
            // The same again is no harm; anything else at its place is.
            let same = block.last() <= found.last && log.chain_at(block.last()).expect("reads") == Some(block.chain());
            assert!(same, "record {} was published twice, and differently", block.first());
            found.again += 1;
            return;
        }
        assert_eq!(block.first(), found.last + 1, "records before {} are lost", block.first());
        assert_eq!(block.prior_chain(), chain, "block {} goes on from another history", block.first());
        for (sequence, bytes) in block.iter() {
            let (of, _) = wire::record::sequence_and_at(bytes).expect("a record");
            assert_eq!(of, sequence, "a record is out of its place");
        }
        (found.accepted, found.last, chain) = (found.accepted + 1, block.last(), block.chain());
    });
    assert_eq!((found.last, chain), (log.head().sequence, log.head().chain), "the topic is the log, seed {}", rig.seed);
    found
}

/// Shows offset, kind, generation and payload of each message, to where the topic ends now.
pub fn each_message(brokers: &Brokers, topic: &str, mut each: impl FnMut(u64, &str, &str, &[u8])) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &brokers.bootstrap)
        .set("group.id", "checker")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(0)).expect("a place");
    consumer.assign(&list).expect("assigned");
    let (_, end) = consumer.fetch_watermarks(topic, 0, Duration::from_secs(60)).expect("the broker answers");
    let (mut next, mut heard) = (0, Instant::now());
    while next < end {
        assert!(heard.elapsed() < Duration::from_secs(60), "nothing comes after offset {next} of {end}");
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        // Of a broker that was away a moment ago.
        let Ok(message) = message else { continue };
        let header = |name: &str| {
            let headers = message.headers()?;
            let value = headers.iter().find(|header| header.key == name)?.value?;
            std::str::from_utf8(value).ok().map(str::to_owned)
        };
        let (kind, generation) = (header("ce_type").unwrap_or_default(), header("ce_generation").unwrap_or_default());
        let offset = u64::try_from(message.offset()).expect("not negative");
        each(offset, &kind, &generation, message.payload().unwrap_or_default());
        (next, heard) = (message.offset() + 1, Instant::now());
    }
}
