//! Civil dates: a day without a clock and without a time zone.
//!
//! Trade dates, settlement dates and record dates are days that people agree on, not instants. A [`Date`] is one
//! number, so it can be a key, a column and a protobuf field; its calendar of holidays is in [`crate::calendar`].

use core::fmt;
use core::str::FromStr;
use thiserror::Error;

/// A day of the proleptic Gregorian calendar, from [`Date::MIN`] to [`Date::MAX`], as days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

/// Why there is no such date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DateError {
    /// Not `YYYY-MM-DD`.
    #[error("not a date of the form YYYY-MM-DD")]
    Form,
    /// The month has no such day, or the year no such month.
    #[error("there is no day {year:04}-{month:02}-{day:02}")]
    NoSuchDay {
        /// Year.
        year: i32,
        /// Month, from 1.
        month: u8,
        /// Day of the month, from 1.
        day: u8,
    },
    /// Before [`Date::MIN`] or after [`Date::MAX`].
    #[error("date outside 1900-01-01..=2200-12-31")]
    OutOfRange,
}

/// A day of the week, in the order of ISO 8601.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Weekday {
    /// Monday to Sunday.
    pub const ALL: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    /// The day's bit in a mask of weekdays: Monday is bit 0, Sunday bit 6.
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Date {
    /// 1900-01-01. Older dates are typing errors: no live instrument was issued before, and the year 1900 is where
    /// the dates of other systems begin.
    pub const MIN: Date = Date(-25_567);

    /// 2200-12-31. Later than any maturity, earlier than the "never" (9999-12-31) of other systems, which must be
    /// an absent date here.
    pub const MAX: Date = Date(84_370);

    /// 1970-01-01.
    pub const EPOCH: Date = Date(0);

    /// The day that many days after 1970-01-01.
    pub const fn from_days(days: i32) -> Result<Date, DateError> {
        if days < Date::MIN.0 || days > Date::MAX.0 { Err(DateError::OutOfRange) } else { Ok(Date(days)) }
    }

    /// Days since 1970-01-01.
    pub const fn days(self) -> i32 {
        self.0
    }

    /// The day of that year, month (1..=12) and day of the month (from 1).
    pub const fn from_ymd(year: i32, month: u8, day: u8) -> Result<Date, DateError> {
        if year < 1900 || year > 2200 {
            return Err(DateError::OutOfRange);
        }
        if month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) {
            return Err(DateError::NoSuchDay { year, month, day });
        }
        Ok(Date(days_from_civil(year, month, day)))
    }

    /// Year, month (1..=12) and day of the month (from 1).
    pub const fn ymd(self) -> (i32, u8, u8) {
        civil_from_days(self.0)
    }

    /// The year.
    pub const fn year(self) -> i32 {
        self.ymd().0
    }

    /// The month, 1..=12.
    pub const fn month(self) -> u8 {
        self.ymd().1
    }

    /// The day of the month, from 1.
    pub const fn day(self) -> u8 {
        self.ymd().2
    }

    /// The day of the week.
    pub const fn weekday(self) -> Weekday {
        // Day 0, 1970-01-01, was a Thursday.
        match self.0.rem_euclid(7) {
            0 => Weekday::Thursday,
            1 => Weekday::Friday,
            2 => Weekday::Saturday,
            3 => Weekday::Sunday,
            4 => Weekday::Monday,
            5 => Weekday::Tuesday,
            _ => Weekday::Wednesday,
        }
    }

    /// The day that many calendar days later (earlier if negative).
    pub const fn add_days(self, days: i32) -> Result<Date, DateError> {
        match self.0.checked_add(days) {
            Some(sum) => Date::from_days(sum),
            None => Err(DateError::OutOfRange),
        }
    }

    /// Calendar days from `earlier` to this day; negative if it is the later one.
    pub const fn days_since(self, earlier: Date) -> i32 {
        // Both lie between MIN and MAX: the difference has 17 bits.
        self.0 - earlier.0
    }

    /// Reads `YYYY-MM-DD` (the extended form of ISO 8601) and nothing else.
    pub fn parse(text: &str) -> Result<Date, DateError> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else {
            return Err(DateError::Form);
        };
        let two = |tens: &u8, ones: &u8| two_digits(*tens, *ones).ok_or(DateError::Form);
        let (century, rest) = (two(y1, y2)?, two(y3, y4)?);
        Date::from_ymd(i32::from(century) * 100 + i32::from(rest), two(m1, m2)?, two(d1, d2)?)
    }
}

/// The number that two ASCII digits write, 0..=99.
pub(crate) const fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() { Some((tens - b'0') * 10 + (ones - b'0')) } else { None }
}

const fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil: years begin in March, so that the leap
/// day is the last of its year. The caller has checked the year, so every number here has fewer than 20 bits.
const fn days_from_civil(year: i32, month: u8, day: u8) -> i32 {
    let (month, day) = (month as i32, day as i32);
    let (year, months_since_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * months_since_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse, civil_from_days of the same paper.
const fn civil_from_days(days: i32) -> (i32, u8, u8) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
    let month = if months_since_march < 10 { months_since_march + 3 } else { months_since_march - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as i32;
    (year, month as u8, day as u8)
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Date, DateError> {
        Date::parse(text)
    }
}

/// `YYYY-MM-DD`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn every_day_of_the_range_is_found_again() {
        let mut weekday = Date::MIN.weekday() as u8;
        let mut before = None;
        for days in Date::MIN.days()..=Date::MAX.days() {
            let date = Date::from_days(days).unwrap();
            let (year, month, day) = date.ymd();
            assert_eq!(Date::from_ymd(year, month, day), Ok(date));
            assert_eq!(Date::parse(&date.to_string()), Ok(date));
            assert!(before < Some((year, month, day)), "days follow each other");
            assert_eq!(date.weekday() as u8, weekday);
            assert_eq!(Weekday::ALL[weekday as usize], date.weekday());
            weekday = (weekday + 1) % 7;
            before = Some((year, month, day));
        }
    }

    #[test]
    fn known_days() {
        for (text, days, weekday) in [
            ("1900-01-01", -25_567, Weekday::Monday),
            ("1969-12-31", -1, Weekday::Wednesday),
            ("1970-01-01", 0, Weekday::Thursday),
            ("2000-02-29", 11_016, Weekday::Tuesday),
            ("2024-05-28", 19_871, Weekday::Tuesday), // first US T+1 trade date
            ("2027-10-11", 21_102, Weekday::Monday),  // first EU T+1 trade date
            ("2200-12-31", 84_370, Weekday::Wednesday),
        ] {
            let date = Date::parse(text).unwrap();
            assert_eq!((date.days(), date.weekday()), (days, weekday), "{text}");
        }
        assert_eq!(Date::MIN.to_string(), "1900-01-01");
        assert_eq!(Date::MAX.to_string(), "2200-12-31");
    }

    #[test]
    fn refuses_days_that_do_not_exist() {
        for (year, month, day) in
            [(2023, 2, 29), (1900, 2, 29), (2024, 4, 31), (2024, 0, 1), (2024, 13, 1), (2024, 1, 0)]
        {
            assert_eq!(Date::from_ymd(year, month, day), Err(DateError::NoSuchDay { year, month, day }));
        }
        for (year, month, day) in [(1899, 12, 31), (2201, 1, 1), (9999, 12, 31), (i32::MIN, 1, 1), (i32::MAX, 1, 1)] {
            assert_eq!(Date::from_ymd(year, month, day), Err(DateError::OutOfRange));
        }
        assert_eq!(Date::from_days(i32::MAX), Err(DateError::OutOfRange));
        assert_eq!(Date::MAX.add_days(1), Err(DateError::OutOfRange));
        assert_eq!(Date::MIN.add_days(-1), Err(DateError::OutOfRange));
        assert_eq!(Date::MAX.add_days(i32::MAX), Err(DateError::OutOfRange));
    }

    #[test]
    fn refuses_other_forms() {
        for text in [
            "",
            "2024-1-01",
            "20240101",
            "2024/01/01",
            "2024-01-01 ",
            " 2024-01-01",
            "2024-01-01T",
            "24-01-01",
            "+024-01-01",
            "2024-01-0x",
            "２024-01-01",
            "-2024-01-1",
            "2024-01-\u{0661}",
        ] {
            assert_eq!(Date::parse(text), Err(DateError::Form), "{text:?}");
        }
        assert_eq!(Date::parse("9999-12-31"), Err(DateError::OutOfRange));
        assert_eq!(Date::parse("0000-00-00"), Err(DateError::OutOfRange));
    }

    #[test]
    fn adds_and_subtracts_days() {
        let date = Date::parse("2024-02-28").unwrap();
        assert_eq!(date.add_days(2).unwrap().to_string(), "2024-03-01");
        assert_eq!(date.add_days(-59).unwrap().to_string(), "2023-12-31");
        assert_eq!(Date::parse("2025-02-28").unwrap().days_since(date), 366);
        assert_eq!(date.days_since(Date::MAX), -(Date::MAX.days_since(date)));
    }
}
