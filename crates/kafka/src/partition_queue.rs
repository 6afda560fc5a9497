//! The messages of one partition, many at a time: the one place of this crate that calls librdkafka itself.
//!
//! `rdkafka` hands out messages one by one, each in an event of its own; `rd_kafka_consume_batch_queue` hands out all that are
//! there, at a third of the CPU (figures: `examples/consume.rs`). The price is this file.
#![allow(unsafe_code, reason = "rdkafka does not wrap rd_kafka_consume_batch_queue")]

use crate::brokers::Quiet;
use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;
use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::slice;
use std::time::Duration;

/// The queue of one partition of a consumer, split off from the consumer's own.
///
/// It borrows the consumer: librdkafka wants a queue destroyed before its client.
pub(crate) struct PartitionQueue<'c> {
    consumer: &'c BaseConsumer<Quiet>,
    queue: NonNull<native::rd_kafka_queue_t>,
    /// The consumer's own queue: what is left there are reports on the client as a whole.
    reports: NonNull<native::rd_kafka_queue_t>,
    topic: CString,
    partition: i32,
    taken: Taken,
}

/// What comes out of the queue.
pub(crate) enum Item<'m> {
    /// A record of the partition.
    Record(Record<'m>),
    /// For the moment there are no records from this offset on.
    End(u64),
    /// The partition cannot be read.
    Failed(RDKafkaErrorCode),
}

/// A record, valid only while it is looked at.
pub(crate) struct Record<'m> {
    pub offset: u64,
    /// Empty also for a tombstone, which makes as little sense as a trade.
    pub payload: &'m [u8],
    /// When the broker appended it, in milliseconds; `None` when the stamp is the producer's or there is none.
    pub appended: Option<i64>,
    /// Of the leader that appended it; -1 when not known.
    pub epoch: i32,
    message: &'m native::rd_kafka_message_t,
}

/// Messages that librdkafka handed over and wants back.
struct Taken {
    messages: Vec<*mut native::rd_kafka_message_t>,
}

impl<'c> PartitionQueue<'c> {
    /// Splits the queue off. To be done before the partition is assigned: what is queued until then goes the other way.
    /// `None` if the name holds a zero byte.
    pub(crate) fn split(consumer: &'c BaseConsumer<Quiet>, topic: &str, partition: i32) -> Option<PartitionQueue<'c>> {
        let topic = CString::new(topic).ok()?;
        let client = consumer.client().native_ptr();
        // SAFETY: the client lives as long as `consumer` is borrowed; the reference that is returned is ours until `Drop`. A
        // consumer with a group, as each of ours, has such a queue.
        let reports = unsafe { NonNull::new(native::rd_kafka_queue_get_consumer(client))? };
        // SAFETY: as above, and the name is a C string for the time of the call.
        let queue = unsafe { NonNull::new(native::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition))? };
        // SAFETY: `queue` is a live queue; a null destination ends its forwarding to the consumer's own queue.
        unsafe { native::rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut()) };
        Some(PartitionQueue { consumer, queue, reports, topic, partition, taken: Taken { messages: Vec::new() } })
    }

    /// Shows up to `most` items that are there now. Waits for the first one if there is none, but not for a second one:
    /// nothing lingers here.
    pub(crate) fn take(&mut self, most: usize, wait: Duration, mut each: impl FnMut(Item<'_>)) -> usize {
        let mut count = self.receive(most, Duration::ZERO);
        if count == 0 && !wait.is_zero() {
            count = self.receive(1, wait);
        }
        for &message in &self.taken.messages {
            // SAFETY: librdkafka filled these places with live messages, which stay ours until they are destroyed below; nothing
            // changes them meanwhile but the parsing of headers, which no reference to their fields outlives.
            let message = unsafe { &*message };
            each(Item::of(message));
        }
        self.taken.give_back();
        count
    }

    /// Fills `taken`; the batch call waits until *all* places are filled or the time is over, so to wait is for one place only.
    fn receive(&mut self, most: usize, wait: Duration) -> usize {
        debug_assert!(self.taken.messages.is_empty());
        self.taken.messages.reserve(most);
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is live; `most` places are reserved, and librdkafka writes as many messages as it returns.
        unsafe {
            let places = self.taken.messages.as_mut_ptr();
            let count = native::rd_kafka_consume_batch_queue(self.queue.as_ptr(), wait, places, most);
            // Negative means an invalid argument, of which there is none.
            let count = usize::try_from(count).unwrap_or(0);
            self.taken.messages.set_len(count);
            count
        }
    }

    /// How many reports on the client wait for the consumer to be polled.
    pub(crate) fn reports_waiting(&self) -> usize {
        // SAFETY: the queue is live until `Drop`.
        unsafe { native::rd_kafka_queue_length(self.reports.as_ptr()) }
    }

    /// Where the partition ended when the broker last answered a fetch; `None` before the first answer.
    pub(crate) fn known_end(&self) -> Option<u64> {
        let (mut low, mut high) = (-1, -1);
        // SAFETY: client and name are live, and both places outlive the call.
        let answer = unsafe {
            let client = self.consumer.client().native_ptr();
            native::rd_kafka_get_watermark_offsets(client, self.topic.as_ptr(), self.partition, &mut low, &mut high)
        };
        (answer == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| u64::try_from(high).ok())?
    }
}

impl Drop for PartitionQueue<'_> {
    fn drop(&mut self) {
        self.taken.give_back();
        // SAFETY: the references from `split` are given back once; the client still lives, it is borrowed.
        unsafe {
            native::rd_kafka_queue_destroy(self.queue.as_ptr());
            native::rd_kafka_queue_destroy(self.reports.as_ptr());
        }
    }
}

impl Taken {
    fn give_back(&mut self) {
        for message in self.messages.drain(..) {
            // SAFETY: each message is live and ours, and leaves the list as it is destroyed.
            unsafe { native::rd_kafka_message_destroy(message) }
        }
    }
}

/// Also when whoever looks at the messages panics.
impl Drop for Taken {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl<'m> Item<'m> {
    fn of(message: &'m native::rd_kafka_message_t) -> Item<'m> {
        match message.err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Item::Record(Record::of(message)),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => Item::End(u64::try_from(message.offset).unwrap_or(0)),
            error => Item::Failed(error.into()),
        }
    }
}

impl<'m> Record<'m> {
    fn of(message: &'m native::rd_kafka_message_t) -> Record<'m> {
        let payload = if message.payload.is_null() {
            &[]
        } else {
            // SAFETY: librdkafka keeps `len` bytes at `payload` as long as the message, which outlives `'m`.
            unsafe { slice::from_raw_parts(message.payload.cast::<u8>(), message.len) }
        };
        let mut kind = native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is live and `kind` outlives the call.
        let stamp = unsafe { native::rd_kafka_message_timestamp(message, &mut kind) };
        let by_broker = kind == native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
        // SAFETY: the message is live.
        let epoch = unsafe { native::rd_kafka_message_leader_epoch(message) };
        Record {
            // Offsets of records are never negative; those of errors may be.
            offset: u64::try_from(message.offset).unwrap_or(0),
            payload,
            appended: by_broker.then_some(stamp),
            epoch,
            message,
        }
    }

    /// The last header of that name. Costs the parsing of all headers of the record.
    pub(crate) fn header(&self, name: &CStr) -> Option<&'m [u8]> {
        let mut headers = ptr::null_mut();
        let (mut value, mut size) = (ptr::null(), 0);
        // SAFETY: the message is live; the headers belong to it, and what they hold lives as long as it. Parsing them writes to a
        // part of librdkafka's own that lies behind the public struct.
        unsafe {
            let parsed = native::rd_kafka_message_headers(self.message, &mut headers);
            if parsed != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            let found = native::rd_kafka_header_get_last(headers, name.as_ptr(), &mut value, &mut size);
            if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || value.is_null() {
                return None;
            }
            Some(slice::from_raw_parts(value.cast::<u8>(), size))
        }
    }
}

#[cfg(test)]
mod tests;
