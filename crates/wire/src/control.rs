//! Control totals and the accounting day: `quittance.record.v1.ControlTotals`, `AccountingDay` and what they name.

use crate::error::Fault;
use crate::pb;
use crate::read::{self, Key};
use crate::schema::{Message as _, Wire, message, message_field, read_fields, write_fields};
use model::accounting::{AccountingDay, AccountingStep, FrozenSet, SetName};
use model::control::{ControlTotals, SignOff, Totals};
use prost::Message as _;

message! { Totals { 1 count, 2 bought, 3 sold, 4 paid, 5 received } }
message! { ControlTotals { 1 source, 2 trade_date, 3 currency, 4 totals } }
message! { SignOff { 1 source, 2 trade_date, 3 currency } }
message! { AccountingDay { 1 entity, 2..=3 step } }
message! { SetName { 1 date, 2 snap, 3 source } }
message! { FrozenSet { 1 date, 2 snap, 3 source, 4 version } }

/// The generated message of totals.
#[must_use]
pub fn totals(totals: &Totals) -> pb::record::Totals {
    let mut bytes = Vec::with_capacity(64);
    totals.body(&mut bytes);
    pb::record::Totals::decode(&*bytes).expect("what is written here is what the schema says")
}

/// The generated message of a frozen set of prices.
#[must_use]
pub fn frozen_set(set: &FrozenSet) -> pb::record::FrozenSet {
    let mut bytes = Vec::with_capacity(64);
    set.body(&mut bytes);
    pb::record::FrozenSet::decode(&*bytes).expect("what is written here is what the schema says")
}

/// A `oneof` of `AccountingOpen` and `AccountingClose`.
impl Wire for AccountingStep {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        match self {
            AccountingStep::Open { date } => crate::write::nested(number, out, |out| write_fields!(out: 1 date)),
            AccountingStep::Close { date, sets } => {
                crate::write::nested(number + 1, out, |out| write_fields!(out: 1 date, 2 sets));
            }
        }
    }

    fn merge<'a>(slot: &mut Option<AccountingStep>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let (message, rest) = read::bytes(key, bytes)?;
        *slot = Some(match key.number() - first {
            0 => read_fields!(message => [AccountingStep::Open] { 1 date }),
            _ => read_fields!(message => [AccountingStep::Close] { 1 date, 2 sets }),
        });
        Ok(rest)
    }
}
