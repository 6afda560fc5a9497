//! Lines of a command file: JSON in, JSON out, the same command; a refusal is short and says what is wrong.

use prost::Message as _;
use wire::{json, pb};

/// Whether the bytes are a command in JSON.
pub fn run(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    match json::submission_from_line(text, 7) {
        Ok((inbound, at)) => {
            assert_eq!(json::inbound_from_line(text, 7).is_ok(), at.is_some(), "an instant is asked for");
            let written = json::inbound_to_line(&inbound);
            assert_eq!(json::inbound_from_line(&written, 7).as_ref(), Ok(&inbound), "{written}");
            // The same by way of protobuf, whose numbers JSON must not have bent.
            let generated = wire::command::into_wire(&inbound.command).encode_to_vec();
            let back = pb::record::Command::decode(&*generated).expect("what was written");
            assert_eq!(wire::command::from_wire(&back).as_ref(), Ok(&inbound.command));
            true
        }
        Err(error) => {
            assert!(!error.reason.is_empty() && error.reason.len() <= 8 * wire::MAX_TEXT, "{error}");
            false
        }
    }
}
