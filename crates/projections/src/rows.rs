//! How rows go to bytes and back: protobuf without maps, one form for one content.

use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use prost::Message;
use store::{Batch, Views};
use wire::pb::view as pb;

use crate::Error;

/// Writes rows with one buffer for all.
pub(crate) struct Rows<'a, 'b> {
    batch: &'a mut Batch<'b>,
    bytes: Vec<u8>,
}

impl<'a, 'b> Rows<'a, 'b> {
    pub(crate) fn new(batch: &'a mut Batch<'b>) -> Rows<'a, 'b> {
        Rows { batch, bytes: Vec::with_capacity(512) }
    }

    pub(crate) fn put(&mut self, table: u8, key: &[u8], row: &impl Message) {
        self.bytes.clear();
        row.encode_raw(&mut self.bytes);
        self.batch.put(table, key, &self.bytes);
    }

    pub(crate) fn put_bytes(&mut self, table: u8, key: &[u8], row: &[u8]) {
        self.batch.put(table, key, row);
    }

    pub(crate) fn delete(&mut self, table: u8, key: &[u8]) {
        self.batch.delete(table, key);
    }
}

/// Reads a row's bytes.
pub(crate) fn decode<M: Message + Default>(table: u8, bytes: &[u8]) -> Result<M, Error> {
    M::decode(bytes).map_err(|error| Error::Row { table, reason: error.to_string() })
}

/// Reads every row of a table.
pub(crate) fn each<M: Message + Default>(
    rows: &Views,
    table: u8,
    mut visit: impl FnMut(&[u8], M) -> Result<(), Error>,
) -> Result<(), Error> {
    for row in rows.scan(table, &[], &[]) {
        let row = row?;
        visit(&row.key, decode(table, &row.value)?)?;
    }
    Ok(())
}

/// Checks a part of a row that was read.
pub(crate) fn sound<T, E: std::fmt::Display>(table: u8, part: Result<T, E>) -> Result<T, Error> {
    part.map_err(|error| Error::Row { table, reason: error.to_string() })
}

/// A part of a row that must be there.
pub(crate) fn present<T>(table: u8, part: Option<T>, what: &str) -> Result<T, Error> {
    part.ok_or_else(|| Error::Row { table, reason: format!("no {what}") })
}

pub(crate) fn key<const LENGTH: usize>(table: u8, key: &[u8]) -> Result<[u8; LENGTH], Error> {
    sound(table, key.try_into().map_err(|_| format!("a key of {} bytes instead of {LENGTH}", key.len())))
}

pub(crate) fn number(table: u8, bytes: &[u8]) -> Result<u64, Error> {
    key(table, bytes).map(u64::from_be_bytes)
}

pub(crate) fn identifier(table: u8, text: &str) -> Result<Identifier, Error> {
    sound(table, Identifier::parse(text))
}

pub(crate) fn currency(table: u8, text: &str) -> Result<CurrencyCode, Error> {
    sound(table, CurrencyCode::parse(text))
}

pub(crate) fn date(table: u8, days: i32) -> Result<Date, Error> {
    sound(table, Date::from_days(days))
}

pub(crate) fn int128(value: i128) -> Option<pb::Int128> {
    Some(pb::Int128 { high: (value >> 64) as i64, low: value as u64 })
}

pub(crate) fn from_int128(value: Option<pb::Int128>) -> i128 {
    value.map_or(0, |value| i128::from(value.high) << 64 | i128::from(value.low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_128_bits_come_back() {
        for value in [0, 1, -1, i128::from(i64::MAX) + 1, i128::from(i64::MIN) - 1, i128::MAX, i128::MIN] {
            assert_eq!(from_int128(int128(value)), value);
        }
    }
}
