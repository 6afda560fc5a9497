//! Fences and blocks as messages. What a block's hash covers is its payload; who publishes it stands in the headers only.

use crate::event::{Event, put};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _, OwnedHeaders};

const FENCE: &str = "quittance.fence.v1";
const BLOCK: &str = "quittance.block.v1";
/// The offset of the fence under which a block is published.
const GENERATION: &str = "ce_generation";
/// Which publisher wrote a fence.
const INSTANCE: &str = "ce_instance";

/// A message of the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    /// A publisher begins.
    Fence {
        /// Its name for itself, different at each attempt.
        instance: &'a str,
    },
    /// A block, as it is stored.
    Block { generation: u64, stored: &'a [u8] },
    /// Nothing of ours.
    Strange,
}

impl<'a> Entry<'a> {
    pub(crate) fn of(message: &'a BorrowedMessage<'a>) -> Entry<'a> {
        let Some(headers) = message.headers() else { return Entry::Strange };
        let (mut kind, mut generation, mut instance) = (None, None, None);
        for header in headers.iter() {
            let text = header.value.and_then(|value| std::str::from_utf8(value).ok());
            match header.key {
                "ce_type" => kind = text,
                GENERATION => generation = text.and_then(|text| text.parse().ok()),
                INSTANCE => instance = text,
                _ => {}
            }
        }
        match (kind, generation, instance) {
            (Some(FENCE), _, Some(instance)) => Entry::Fence { instance },
            (Some(BLOCK), Some(generation), _) => {
                Entry::Block { generation, stored: message.payload().unwrap_or_default() }
            }
            _ => Entry::Strange,
        }
    }
}

/// The attributes of a fence.
pub(crate) fn fence<'a>(instance: &'a str, source: &'a str) -> (Event<'a>, OwnedHeaders) {
    let event = Event { content_type: "text/plain", ..Event::protobuf(instance, FENCE, source) };
    (event, put(event.headers(), INSTANCE, instance))
}

/// The attributes of a block; `id` names its first and last record.
pub(crate) fn block<'a>(id: &'a str, source: &'a str, generation: u64) -> (Event<'a>, OwnedHeaders) {
    let event = Event { content_type: "application/octet-stream", ..Event::protobuf(id, BLOCK, source) };
    (event, put(event.headers(), GENERATION, &generation.to_string()))
}
