//! A small message as a table of its fields, found by their numbers.

use crate::bytes::{Fields, Value};
use crate::fault::Fault;

/// A trade that a settlement names, with its trade date, and its book.
pub type Named = (u32, u64, u32);

/// Every field of a message, for the few that are small; `get` of an absent one is nothing.
pub struct Table<'a>(pub(crate) Vec<(u32, Value<'a>)>);

impl<'a> Table<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Table<'a>, Fault> {
        let (mut fields, mut table) = (Fields::of(bytes), Table(Vec::new()));
        while let Some(field) = fields.next()? {
            table.0.push(field);
        }
        Ok(table)
    }

    pub(crate) fn get(&self, wanted: u32) -> Option<Value<'a>> {
        self.0.iter().rev().find(|(number, _)| *number == wanted).map(|(_, value)| *value)
    }
    pub(crate) fn number(&self, wanted: u32) -> Result<u64, Fault> {
        self.get(wanted).map_or(Ok(0), Value::number)
    }
    pub(crate) fn small(&self, wanted: u32) -> Result<u32, Fault> {
        self.get(wanted).map_or(Ok(0), Value::small)
    }
    pub(crate) fn signed(&self, wanted: u32) -> Result<i64, Fault> {
        self.get(wanted).map_or(Ok(0), Value::signed)
    }
    pub(crate) fn flag(&self, wanted: u32) -> Result<bool, Fault> {
        self.get(wanted).map_or(Ok(false), Value::flag)
    }
    pub(crate) fn text(&self, wanted: u32) -> Result<&'a str, Fault> {
        self.get(wanted).map_or(Ok(""), Value::text)
    }
    pub(crate) fn bytes(&self, wanted: u32) -> Result<&'a [u8], Fault> {
        self.get(wanted).map_or(Ok(&[]), Value::bytes)
    }

    /// The trade that a field names, of a book.
    pub(crate) fn named(&self, wanted: u32, book: u32) -> Result<Option<Named>, Fault> {
        let Some(value) = self.get(wanted) else { return Ok(None) };
        let mut named = (book, 0, 0);
        let mut fields = Fields::of(value.bytes()?);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => named.1 = value.number()?,
                2 => named.2 = value.small()?,
                other => return Err(Fault::unknown(format!("a trade is named with a field {other}"))),
            }
        }
        Ok(Some(named))
    }

    /// The trades that a repeated field says were taken back.
    pub(crate) fn taken_back(&self, wanted: u32) -> Result<Vec<Named>, Fault> {
        let trades = self.0.iter().filter(|(number, _)| *number == wanted);
        let named = |(_, value): &(u32, Value<'a>)| {
            let trade = Table::of(value.bytes()?)?;
            Ok((trade.small(2)?, trade.number(3)?, trade.small(4)?))
        };
        trades.map(named).collect()
    }
}
