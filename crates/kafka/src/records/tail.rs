//! Reading a partition from an offset on, without group or cursor: the records topic, and what readers look at.

use super::header::Entry;
use crate::brokers::{Brokers, Quiet};
use crate::error::Error;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

/// A reader with a place in the partition.
pub(crate) struct Tail {
    consumer: BaseConsumer<Quiet>,
    topic: String,
    partition: i32,
}

/// What comes; a record as it is looked at.
pub(crate) enum Item<R> {
    Record {
        offset: u64,
        entry: R,
    },
    /// For the moment there is no more.
    End,
    /// What was read so far is true, but it must be proven anew that this goes on from there.
    Broken(String),
}

impl Tail {
    pub(crate) fn client(brokers: &Brokers) -> Result<BaseConsumer<Quiet>, Error> {
        brokers
            .config()
            // librdkafka wants one; nothing is ever committed under it.
            .set("group.id", "quittance-records")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // Never skip to the end or back to the beginning by itself.
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            .set("enable.partition.eof", "true")
            .set("fetch.queue.backoff.ms", "2")
            .set("fetch.message.max.bytes", "8388608")
            .set("queued.max.messages.kbytes", "32768")
            .create_with_context(Quiet::default())
            .map_err(Error::settings)
    }

    /// Reads from an offset on.
    pub(crate) fn assign(consumer: BaseConsumer<Quiet>, topic: &str, partition: u32, from: u64) -> Result<Tail, Error> {
        let partition = i32::try_from(partition).unwrap_or(i32::MAX);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX)))
            .and_then(|()| consumer.assign(&list))
            .map_err(Error::settings)?;
        Ok(Tail { consumer, topic: topic.to_owned(), partition })
    }

    /// The next thing of the records topic, if it comes in time.
    pub(crate) fn next<R>(&self, wait: Duration, take: impl FnOnce(Item<Entry<'_>>) -> R) -> Option<R> {
        self.next_message(wait, |item| match item {
            Item::Record { offset, entry } => take(Item::Record { offset, entry: Entry::of(entry) }),
            Item::End => take(Item::End),
            Item::Broken(why) => take(Item::Broken(why)),
        })
    }

    /// The next thing of any topic, if it comes in time.
    pub(crate) fn next_message<R>(
        &self,
        wait: Duration,
        take: impl FnOnce(Item<&BorrowedMessage<'_>>) -> R,
    ) -> Option<R> {
        let item = match self.consumer.poll(wait)? {
            Ok(message) => {
                // Offsets of records are never negative.
                let offset = u64::try_from(message.offset()).unwrap_or(0);
                return Some(take(Item::Record { offset, entry: &message }));
            }
            Err(KafkaError::PartitionEOF(_)) => Item::End,
            Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AllBrokersDown)) => {
                Item::Broken("the connection to the brokers is lost".to_owned())
            }
            // Of one broker among several: librdkafka sees to it.
            Err(KafkaError::MessageConsumption(
                code @ (RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve),
            )) => {
                tracing::debug!(%code, "librdkafka reports");
                return None;
            }
            Err(error) => Item::Broken(format!("{}/{}: {error}", self.topic, self.partition)),
        };
        Some(take(item))
    }

    /// First offset there is, and first there is not.
    pub(crate) fn bounds(&self, wait: Duration) -> Option<(u64, u64)> {
        let (begin, end) = self.consumer.fetch_watermarks(&self.topic, self.partition, wait).ok()?;
        Some((u64::try_from(begin).ok()?, u64::try_from(end).ok()?))
    }
}
