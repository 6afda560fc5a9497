//! Instants: when something was traded, sent, received or decided, in UTC.
//!
//! The model never reads a clock. A [`Timestamp`] comes in with a command, is stamped by the engine, or is calculated
//! by whoever knows time zones (a cut-off is turned into an instant when the business day is opened).

use crate::date::{Date, two_digits};
use core::fmt;
use core::str::FromStr;
use thiserror::Error;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// An instant as microseconds since 1970-01-01T00:00:00Z, without leap seconds (as POSIX counts).
///
/// A microsecond is the finest that RTS 25 asks of a venue's clock and what the store and protobuf carry without loss.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why there is no such instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TimestampError {
    /// Not `YYYY-MM-DDThh:mm:ss[.fraction]Z`.
    #[error("not an instant of the form YYYY-MM-DDThh:mm:ss[.ffffff]Z")]
    Form,
    /// An hour above 23, a minute or second above 59 (a leap second has no number in POSIX time), or a day that does
    /// not exist.
    #[error("there is no such day or time of day")]
    NoSuchTime,
    /// More than six digits of a second: they would be lost, and an instant that is compared must not change.
    #[error("finer than a microsecond")]
    TooFine,
    /// Outside the days of [`Date`].
    #[error("instant outside 1900-01-01..=2200-12-31")]
    OutOfRange,
}

impl Timestamp {
    /// The first microsecond of [`Date::MIN`].
    pub const MIN: Timestamp = Timestamp(Date::MIN.days() as i64 * MICROS_PER_DAY);

    /// The last microsecond of [`Date::MAX`].
    pub const MAX: Timestamp = Timestamp((Date::MAX.days() as i64 + 1) * MICROS_PER_DAY - 1);

    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// The instant that many microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Result<Timestamp, TimestampError> {
        if micros < Timestamp::MIN.0 || micros > Timestamp::MAX.0 {
            Err(TimestampError::OutOfRange)
        } else {
            Ok(Timestamp(micros))
        }
    }

    /// The instant that many milliseconds after the epoch: the unit of a Kafka broker's timestamps.
    pub const fn from_millis(millis: i64) -> Result<Timestamp, TimestampError> {
        match millis.checked_mul(1_000) {
            Some(micros) => Timestamp::from_micros(micros),
            None => Err(TimestampError::OutOfRange),
        }
    }

    /// Midnight UTC at the beginning of a day.
    pub const fn start_of(date: Date) -> Timestamp {
        // A day of the range always has an instant of the range.
        Timestamp(date.days() as i64 * MICROS_PER_DAY)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The instant that many microseconds later (earlier if negative).
    pub const fn add_micros(self, micros: i64) -> Result<Timestamp, TimestampError> {
        match self.0.checked_add(micros) {
            Some(sum) => Timestamp::from_micros(sum),
            None => Err(TimestampError::OutOfRange),
        }
    }

    /// Microseconds from `earlier` to this instant; negative if `earlier` is later.
    pub const fn micros_since(self, earlier: Timestamp) -> i64 {
        // Both lie between MIN and MAX: the difference has 54 bits.
        self.0 - earlier.0
    }

    /// The day in UTC. It is not a trade date or a business date: those are said, not calculated.
    pub fn date_utc(self) -> Date {
        let days = i32::try_from(self.0.div_euclid(MICROS_PER_DAY)).ok().and_then(|days| Date::from_days(days).ok());
        days.expect("a timestamp lies within the range of dates")
    }

    /// Microseconds since midnight UTC, below 86 400 000 000.
    pub const fn micros_of_day(self) -> i64 {
        self.0.rem_euclid(MICROS_PER_DAY)
    }

    /// Reads the profile of RFC 3339 that we write: capital `T` and `Z`, no other offset, at most six digits of a second.
    pub fn parse(text: &str) -> Result<Timestamp, TimestampError> {
        let (date, time) = text.split_once('T').ok_or(TimestampError::Form)?;
        let time = time.strip_suffix('Z').ok_or(TimestampError::Form)?;
        let date = Date::parse(date).map_err(|error| match error {
            crate::date::DateError::Form => TimestampError::Form,
            crate::date::DateError::NoSuchDay { .. } => TimestampError::NoSuchTime,
            crate::date::DateError::OutOfRange => TimestampError::OutOfRange,
        })?;
        let (clock, fraction) = match time.split_once('.') {
            Some((clock, digits)) => (clock, parse_fraction(digits)?),
            None => (time, 0),
        };
        let [h1, h2, b':', m1, m2, b':', s1, s2] = clock.as_bytes() else {
            return Err(TimestampError::Form);
        };
        let two = |tens: &u8, ones: &u8| two_digits(*tens, *ones).map(i64::from).ok_or(TimestampError::Form);
        let (hours, minutes, seconds) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
        if hours > 23 || minutes > 59 || seconds > 59 {
            return Err(TimestampError::NoSuchTime);
        }
        Timestamp::start_of(date).add_micros((hours * 3_600 + minutes * 60 + seconds) * MICROS_PER_SECOND + fraction)
    }
}

/// The digits behind the point of a second, as microseconds.
fn parse_fraction(digits: &str) -> Result<i64, TimestampError> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TimestampError::Form);
    }
    if digits.len() > 6 {
        return Err(TimestampError::TooFine);
    }
    // Missing digits are zeros: `.5` is 500 000 microseconds.
    let padded = digits.bytes().chain(core::iter::repeat(b'0')).take(6);
    Ok(padded.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')))
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Timestamp, TimestampError> {
        Timestamp::parse(text)
    }
}

/// RFC 3339 in UTC, always with six digits, so that the texts sort as the instants do.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.micros_of_day();
        let (seconds, fraction) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{}T{hours:02}:{minutes:02}:{seconds:02}.{fraction:06}Z", self.date_utc())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn reads_and_writes_rfc_3339() {
        for (text, micros, written) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000000Z"),
            ("1985-04-12T23:20:50.52Z", 482_196_050_520_000, "1985-04-12T23:20:50.520000Z"), // RFC 3339, 5.8
            ("1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"),
            ("2024-02-29T12:00:00.000001Z", 1_709_208_000_000_001, "2024-02-29T12:00:00.000001Z"),
        ] {
            let instant = Timestamp::parse(text).unwrap();
            assert_eq!((instant.micros(), instant.to_string().as_str()), (micros, written));
            assert_eq!(Timestamp::parse(written), Ok(instant));
        }
    }

    #[test]
    fn refuses_what_it_would_have_to_change_or_guess() {
        use TimestampError::*;
        for (text, why) in [
            ("2024-01-01", Form),
            ("2024-01-01T10:00:00", Form),
            ("2024-01-01 10:00:00Z", Form),
            ("2024-01-01t10:00:00z", Form),
            ("2024-01-01T10:00:00+00:00", Form),
            ("2024-01-01T10:00Z", Form),
            ("2024-01-01T10:00:00.Z", Form),
            ("2024-01-01T10:00:00,5Z", Form),
            ("2024-01-01T10:00:00.5 Z", Form),
            ("2024-01-01T24:00:00Z", NoSuchTime),
            ("1990-12-31T23:59:60Z", NoSuchTime), // a leap second that was
            ("2023-02-29T00:00:00Z", NoSuchTime),
            ("2024-01-01T10:00:00.1234567Z", TooFine),
            ("9999-12-31T00:00:00Z", OutOfRange),
            ("１990-12-31T23:59:00Z", Form),
        ] {
            assert_eq!(Timestamp::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn its_day_is_the_day_in_utc() {
        assert_eq!(Timestamp::MIN.date_utc(), Date::MIN);
        assert_eq!(Timestamp::MAX.date_utc(), Date::MAX);
        assert_eq!(Timestamp::MAX.to_string(), "2200-12-31T23:59:59.999999Z");
        let date = Date::parse("1969-12-31").unwrap();
        assert_eq!(Timestamp::parse("1969-12-31T23:59:59.999999Z").unwrap().date_utc(), date);
        assert_eq!(Timestamp::start_of(date).to_string(), "1969-12-31T00:00:00.000000Z");
        assert_eq!(Timestamp::start_of(Date::MAX).micros_of_day(), 0);
    }

    #[test]
    fn stays_in_its_range() {
        assert_eq!(Timestamp::from_micros(i64::MAX), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::from_millis(i64::MAX), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::MAX.add_micros(1), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::MIN.add_micros(i64::MIN), Err(TimestampError::OutOfRange));
        assert_eq!(Timestamp::from_millis(1_709_208_000_000).unwrap().to_string(), "2024-02-29T12:00:00.000000Z");
        assert_eq!(Timestamp::EPOCH.micros_since(Timestamp::from_micros(5).unwrap()), -5);
    }
}
