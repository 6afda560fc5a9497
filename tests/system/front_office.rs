//! The other side: sends messages and keeps its own list of them, outside the service.

use kafka::{Brokers, Event, Outgoing, Producer};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::flow::{Expected, Message, Sent};

/// A message that was sent.
pub struct Copy {
    /// Which trade it is about; `None` for bytes that make no sense.
    pub trade: Option<Sent>,
    pub expected: Expected,
    pub bytes: Vec<u8>,
}

/// A front office with one topic.
pub struct FrontOffice {
    producer: Producer,
    topic: String,
    sent: Vec<Copy>,
    /// For each message sent its offset, once the broker confirmed it.
    offsets: Arc<Mutex<Vec<Option<u64>>>>,
    keep_bytes: bool,
}

/// What a front office knows in the end.
pub struct List {
    pub sent: Vec<Copy>,
    pub offsets: Vec<Option<u64>>,
}

impl FrontOffice {
    pub fn new(brokers: &Brokers, topic: &str) -> FrontOffice {
        let offsets: Arc<Mutex<Vec<Option<u64>>>> = Arc::default();
        let told = offsets.clone();
        let producer = Producer::reporting(brokers, move |delivery| {
            let Ok((_, offset)) = delivery.outcome else { return };
            let mut offsets = told.lock().expect("nobody panics with it");
            if offsets.len() <= delivery.tag {
                offsets.resize(delivery.tag + 1, None);
            }
            offsets[delivery.tag] = u64::try_from(offset).ok();
        });
        let producer = producer.expect("the settings are right");
        FrontOffice { producer, topic: topic.to_owned(), sent: Vec::new(), offsets, keep_bytes: false }
    }

    /// Also keeps the bytes, to compare them with what is quarantined.
    pub fn keeping_bytes(mut self) -> FrontOffice {
        self.keep_bytes = true;
        self
    }

    /// It dies without a word and comes back: what was not confirmed is sent again, though it may be there. How many those are.
    pub fn crash(self, brokers: &Brokers) -> (FrontOffice, usize) {
        let FrontOffice { producer, topic, sent, offsets, keep_bytes } = self;
        assert!(keep_bytes, "only then is there something to send again");
        drop(producer);
        let known = offsets.lock().expect("nobody panics with it").clone();
        let mut fresh = FrontOffice { keep_bytes, ..FrontOffice::new(brokers, &topic) };
        let lost: Vec<usize> = (0..sent.len()).filter(|tag| known.get(*tag).copied().flatten().is_none()).collect();
        *fresh.offsets.lock().expect("nobody panics with it") = known;
        for &tag in &lost {
            let id = tag.to_string();
            let event = Event::protobuf(&id, "quittance.trade.v1", "/front-office/test");
            let payload = &sent[tag].bytes;
            let message = Outgoing { topic: &fresh.topic, partition: Some(0), key: "AGAIN", payload, event, tag };
            fresh.producer.send(&message).expect("the message is taken");
        }
        fresh.sent = sent;
        (fresh, lost.len())
    }

    /// Sends a message of the flow.
    pub fn send(&mut self, message: &Message) {
        let mut bytes = Vec::with_capacity(512);
        message.encode(&mut bytes);
        self.put(message.key.as_str(), bytes, message.sent(), message.expected);
    }

    /// Sends any bytes.
    pub fn send_bytes(&mut self, bytes: Vec<u8>, expected: Expected) {
        self.put("BYTES", bytes, None, expected);
    }

    fn put(&mut self, key: &str, bytes: Vec<u8>, trade: Option<Sent>, expected: Expected) {
        let tag = self.sent.len();
        let id = tag.to_string();
        let event = Event::protobuf(&id, "quittance.trade.v1", "/front-office/test");
        let message = Outgoing { topic: &self.topic, partition: Some(0), key, payload: &bytes, event, tag };
        self.producer.send(&message).expect("the message is taken");
        let bytes = if self.keep_bytes { bytes } else { Vec::new() };
        self.sent.push(Copy { trade, expected, bytes });
    }

    /// How many were sent.
    pub fn count(&self) -> usize {
        self.sent.len()
    }

    /// Waits until the broker has confirmed everything; the first offset after it.
    pub fn settle(&self) -> u64 {
        self.producer.flush(Duration::from_secs(60)).expect("everything is delivered");
        let offsets = self.offsets.lock().expect("nobody panics with it");
        offsets.iter().flatten().max().map_or(0, |last| last + 1)
    }

    /// The list, when all is confirmed.
    pub fn close(self) -> List {
        self.settle();
        let offsets = self.offsets.lock().expect("nobody panics with it").clone();
        List { sent: self.sent, offsets }
    }
}
