//! Dates and decimals as answers and filters have them.

use model::date::Date;
use model::decimal::Decimal;
use model::timestamp::Timestamp;
use pbjson_types::Timestamp as WireTimestamp;
use wire::pb::typ;

use crate::Error;

/// `YYYYMMDD`.
pub(crate) fn number(date: Date) -> u32 {
    let (year, month, day) = date.ymd();
    year.unsigned_abs() * 10_000 + u32::from(month) * 100 + u32::from(day)
}

/// The date of a filter field; zero is no date.
pub(crate) fn from_number(field: &'static str, number: u32) -> Result<Option<Date>, Error> {
    if number == 0 {
        return Ok(None);
    }
    let wrong =
        |reason: String| Error::Filter { field, reason: format!("{number} is no date of the form YYYYMMDD: {reason}") };
    let year = i32::try_from(number / 10_000).map_err(|_| wrong("year".to_owned()))?;
    let date = Date::from_ymd(year, (number / 100 % 100) as u8, (number % 100) as u8);
    date.map(Some).map_err(|error| wrong(error.to_string()))
}

/// An amount in smallest units.
pub(crate) fn decimal(what: &'static str, units: i128, scale: u32) -> Result<typ::Decimal, Error> {
    let decimal = Decimal::from_units(units, scale).map_err(|_| Error::Overflow { what })?;
    Ok(typ::Decimal { unscaled: decimal.unscaled, scale: decimal.scale })
}

/// An instant of a row, in microseconds.
pub(crate) fn timestamp(at: Timestamp) -> WireTimestamp {
    let micros = at.micros();
    WireTimestamp { seconds: micros.div_euclid(1_000_000), nanos: (micros.rem_euclid(1_000_000) * 1_000) as i32 }
}
