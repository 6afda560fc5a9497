//! Any value of the model that the wire can carry.

pub mod command;
pub mod control;
pub mod event;
pub mod limit;
pub mod margin;
pub mod outside;
pub mod record;
pub mod reference;
pub mod settlement;
pub mod trade;

use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{Asset, InstrumentIx};
use model::instruction::Code;
use model::timestamp::Timestamp;
use proptest::collection;
use proptest::prelude::*;

pub fn identifier() -> impl Strategy<Value = Identifier> {
    "[A-Za-z0-9._:/+-]{1,24}".prop_map(|text| Identifier::parse(&text).unwrap())
}

pub fn currency() -> impl Strategy<Value = CurrencyCode> {
    "[A-Z]{3}".prop_map(|text| CurrencyCode::parse(&text).unwrap())
}

pub fn code() -> impl Strategy<Value = Code> {
    prop_oneof![Just(Code::of("TRAD")), "[A-Z0-9]{4}".prop_map(|text| Code::parse(&text).unwrap())]
}

pub fn decimal() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        Just(Decimal::ZERO),
        (integer(), 0..=Decimal::MAX_SCALE).prop_map(|(unscaled, scale)| Decimal::new(unscaled, scale).unwrap()),
    ]
}

/// Small and large numbers alike: each length of a varint.
pub fn integer() -> impl Strategy<Value = i64> {
    (any::<i64>(), 0..64u32).prop_map(|(value, shift)| value >> shift)
}

pub fn natural() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(value, shift)| value >> shift)
}

pub fn small() -> impl Strategy<Value = u32> {
    (any::<u32>(), 0..32u32).prop_map(|(value, shift)| value >> shift)
}

/// A number of the ledger.
pub fn index() -> impl Strategy<Value = u32> {
    small().prop_map(|number| number & 0x0fff_ffff)
}

pub fn date() -> impl Strategy<Value = Date> {
    (Date::MIN.days()..=Date::MAX.days()).prop_map(|days| Date::from_days(days).unwrap())
}

pub fn timestamp() -> impl Strategy<Value = Timestamp> {
    (Timestamp::MIN.micros()..=Timestamp::MAX.micros()).prop_map(|micros| Timestamp::from_micros(micros).unwrap())
}

pub fn asset() -> impl Strategy<Value = Asset> {
    prop_oneof![
        (0..1u32 << 31).prop_map(|number| Asset::instrument(InstrumentIx(number))),
        currency().prop_map(Asset::currency),
    ]
}

/// A free text that may come from outside.
pub fn text() -> impl Strategy<Value = String> {
    "[ -~äöüßéñÅ中文€]{0,20}"
}

pub fn maybe<T: std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(value)
}

pub fn some<T: std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    collection::vec(value, 0..4)
}
