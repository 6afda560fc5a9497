//! A status as it is told: the key has its names, and what is told again and again is encoded without them.

use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};
use std::sync::Arc;
use wire::pb::status::TradeStatus;

// Field numbers of `TradeStatus`; `names_are_written_as_prost_writes_them` holds them.
const SOURCE: u32 = 1;
const TRADE_ID: u32 = 2;

/// The key of a trade. No identifier has a bar in it, so no two trades share a key.
pub fn key(source: &str, id: &str) -> String {
    format!("{source}|{id}")
}

fn names(key: &str) -> (&str, &str) {
    key.split_once('|').unwrap_or_default()
}

/// A status with the names of its key.
pub(super) fn named(key: &str, status: TradeStatus) -> TradeStatus {
    let (source, id) = names(key);
    TradeStatus { source: source.to_owned(), trade_id: id.to_owned(), ..status }
}

/// A status without its names, and the key that has them.
pub(super) fn nameless(mut status: TradeStatus) -> (Arc<str>, TradeStatus) {
    let key = key(&std::mem::take(&mut status.source), &std::mem::take(&mut status.trade_id));
    (key.into(), status)
}

/// A nameless status as it is told.
pub(super) fn encoded(key: &str, status: &TradeStatus, scratch: &mut Vec<u8>) -> Arc<[u8]> {
    scratch.clear();
    let (source, id) = names(key);
    for (tag, name) in [(SOURCE, source), (TRADE_ID, id)] {
        if !name.is_empty() {
            encode_key(tag, WireType::LengthDelimited, scratch);
            encode_varint(name.len() as u64, scratch);
            scratch.extend_from_slice(name.as_bytes());
        }
    }
    status.encode_raw(scratch);
    scratch.as_slice().into()
}

/// What of a nameless status makes it another one: all but the place and the time of the record that said it last.
pub(super) fn compared(status: &mut TradeStatus) -> Vec<u8> {
    let mut bytes = Vec::new();
    compare(status, &mut bytes);
    bytes
}

/// The same into bytes that are there.
pub(super) fn compare(status: &mut TradeStatus, bytes: &mut Vec<u8>) {
    let (sequence, at) = (std::mem::take(&mut status.sequence), status.at.take());
    let date = status.business_date.take();
    bytes.clear();
    status.encode_raw(bytes);
    (status.sequence, status.at, status.business_date) = (sequence, at, date);
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::pb::status::TradeState;

    #[test]
    fn names_are_written_as_prost_writes_them() {
        let status = TradeStatus {
            source: "FO-ALPHA".to_owned(),
            trade_id: "A1".to_owned(),
            state: TradeState::Matched as i32,
            version: 3,
            sequence: 77,
            business_date: Some(20_261_122),
            ..TradeStatus::default()
        };
        let (key, nameless) = nameless(status.clone());
        assert_eq!((&*key, &nameless.source), ("FO-ALPHA|A1", &String::new()));
        assert_eq!(*encoded(&key, &nameless, &mut vec![9; 9]), *status.encode_to_vec());
        assert_eq!(named(&key, nameless), status);
    }

    #[test]
    fn place_and_time_make_no_other_status_and_all_else_does() {
        let mut status = TradeStatus { version: 3, sequence: 77, ..TradeStatus::default() };
        let before = (status.clone(), compared(&mut status));
        assert_eq!(status, before.0, "it is only looked at");
        (status.sequence, status.business_date) = (78, Some(20_261_123));
        assert_eq!(compared(&mut status), before.1);
        status.version = 4;
        assert_ne!(compared(&mut status), before.1);
    }
}
