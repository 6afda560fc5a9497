//! The published topic, read from its beginning by its rule (I19): a publisher begins with a fence, its blocks carry the fence's offset as
//! their generation, and a block counts only under the newest fence and as the next.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::chain::Batch;
use crate::fault::{Fault, must};
use crate::source::Source;

/// How long a broker may say nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// A partition of the records topic.
pub struct Topic {
    consumer: BaseConsumer,
    name: String,
    partition: u32,
    /// The offset after the last message there was when it was opened.
    end: i64,
    /// Messages that do not count.
    pub dropped: u64,
}

impl Topic {
    pub fn open(brokers: &str, name: &str, partition: u32) -> Result<Topic, Fault> {
        let failed = |cause: rdkafka::error::KafkaError| Fault::unknown(format!("{name}/{partition}: {cause}"));
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            // Never joined: partitions are assigned, nothing is committed.
            .set("group.id", "quittance-auditor")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            .set("allow.auto.create.topics", "false")
            .set("fetch.message.max.bytes", "16777216")
            .create()
            .map_err(failed)?;
        let number = i32::try_from(partition).map_err(|_| Fault::unknown("a partition that cannot be"))?;
        let (low, end) = consumer.fetch_watermarks(name, number, SILENCE).map_err(failed)?;
        must!(I19, low == 0, "{name}/{partition} begins at offset {low}: records were deleted");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(name, number, Offset::Offset(0)).map_err(failed)?;
        consumer.assign(&list).map_err(failed)?;
        Ok(Topic { consumer, name: name.to_owned(), partition, end, dropped: 0 })
    }
}

impl Source for Topic {
    fn each(&mut self, take: &mut dyn FnMut(Batch) -> Result<bool, Fault>) -> Result<(), Fault> {
        let (mut generation, mut next, mut at) = (None, 1, 0);
        let mut heard = Instant::now();
        while at < self.end {
            let message = match self.consumer.poll(Duration::from_millis(500)) {
                Some(Ok(message)) => message,
                Some(Err(cause)) => return Err(Fault::unknown(format!("{}/{}: {cause}", self.name, self.partition))),
                None if heard.elapsed() > SILENCE => return Err(Fault::unknown("the broker says nothing")),
                None => {
                    // Behind the last message there may be only what the broker wrote for itself.
                    let place = self.consumer.position().ok();
                    let place = place.and_then(|list| list.elements().first().map(|one| one.offset()));
                    if let Some(Offset::Offset(offset)) = place {
                        at = at.max(offset);
                    }
                    continue;
                }
            };
            heard = Instant::now();
            at = message.offset() + 1;
            let header = |wanted: &str| {
                let found = message.headers()?.iter().find(|header| header.key == wanted)?;
                std::str::from_utf8(found.value?).ok()
            };
            match header("ce_type") {
                Some("quittance.fence.v1") => generation = Some(message.offset()),
                Some("quittance.block.v1") => {
                    let own = header("ce_generation").and_then(|text| text.parse().ok());
                    if own.is_none() || own != generation {
                        self.dropped += 1;
                        continue;
                    }
                    let batch = Batch::unpack(message.payload().unwrap_or_default())?;
                    if batch.first != next {
                        self.dropped += 1;
                        continue;
                    }
                    next += batch.count as u64;
                    if !take(batch)? {
                        return Ok(());
                    }
                }
                _ => self.dropped += 1,
            }
        }
        Ok(())
    }
}
