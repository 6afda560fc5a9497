//! What calculators read and write: decimals as texts of the strict grammar, dates, calendars, amounts of a currency.

use std::path::Path;

use anyhow::Result;
use model::calendar::{Calendar, SHIPPED};
use model::date::{Date, Weekday};
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fault::usage;
use crate::output::Cell;
use crate::submit;

/// Reads the input, all of it or nothing.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_str(&submit::read_text(path)?).map_err(|error| usage(format!("{}: {error}", path.display())))
}

/// Says what in the input is wrong.
pub fn wrong<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Result<T> {
    result.map_err(|error| usage(format!("{what}: {error}")))
}

/// Reads a text by its own grammar.
macro_rules! read_as_text {
    ($type:ident, $parse:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let text = String::deserialize(deserializer)?;
                $parse(&text).map($type).map_err(|error| D::Error::custom(format!("{text:?}: {error}")))
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }
    };
}

/// A decimal, written as a text: a JSON number would pass through floating point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub Decimal);
read_as_text!(Number, Decimal::parse);

/// `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub Date);
read_as_text!(Day, Date::parse);

/// A name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(pub Identifier);
read_as_text!(Name, Identifier::parse);

/// ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency(pub CurrencyCode);
read_as_text!(Currency, CurrencyCode::parse);

impl Number {
    pub fn cell(&self) -> Cell {
        Cell::Amount(wire::pb::typ::Decimal { unscaled: self.0.unscaled, scale: self.0.scale })
    }

    /// For numbers that were computed.
    pub fn of(units: i128, scale: u32) -> Result<Number> {
        wrong("the result", Decimal::from_units(units, scale)).map(Number)
    }

    /// In units of a scale, exactly.
    pub fn units(&self, what: &str, scale: u32) -> Result<i128> {
        wrong(what, self.0.to_scale(scale))
    }
}

impl Day {
    pub fn cell(&self) -> Cell {
        Cell::text(self.0.to_string())
    }
}

impl Currency {
    /// Decimals of its minor unit.
    pub fn exponent(&self) -> Result<u32> {
        let exponent = model::currency::exponent(self.0).map(u32::from);
        exponent.ok_or_else(|| usage(format!("{} is no currency with a minor unit", self.0)))
    }
}

/// A shipped calendar by its name, or one that the input brings.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum CalendarInput {
    Shipped(String),
    Own(OwnCalendar),
}

/// The business days of a place.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnCalendar {
    name: String,
    from: Day,
    to: Day,
    /// English names of days; none for a place without a weekend.
    weekend: Vec<String>,
    /// Rising.
    holidays: Vec<Day>,
}

impl CalendarInput {
    pub fn name(&self) -> &str {
        match self {
            CalendarInput::Shipped(name) => name,
            CalendarInput::Own(own) => &own.name,
        }
    }

    pub fn calendar(&self) -> Result<Calendar> {
        match self {
            CalendarInput::Shipped(name) => {
                let names = SHIPPED.map(|(name, _)| name).join(", ");
                let text = SHIPPED.iter().find(|(shipped, _)| shipped == name).map(|(_, text)| *text);
                let text = text.ok_or_else(|| usage(format!("no calendar {name} is shipped; there are {names}")))?;
                wrong(name, Calendar::from_text(text))
            }
            CalendarInput::Own(own) => {
                let mut weekend = 0;
                for name in &own.weekend {
                    let day = Weekday::ALL.into_iter().find(|day| format!("{day:?}") == *name);
                    weekend |= day.ok_or_else(|| usage(format!("{name:?} is no English name of a day")))?.bit();
                }
                let holidays = own.holidays.iter().map(|day| day.0).collect();
                wrong(&own.name, Calendar::new(own.from.0, own.to.0, weekend, holidays))
            }
        }
    }
}
