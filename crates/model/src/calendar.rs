//! Business days: which days a place settles on, and how dates move over the ones it does not.
//!
//! A [`Calendar`] is reference data: it comes in with a command, knows the days it speaks for, and refuses to answer
//! about others. A place whose calendar for next year has not been loaded has no business days there, not all of them.
//! The rules that made the shipped files (`data/calendars`) are in `calendar/rules.rs`, which only tests compile:
//! an announced closing is a line in a file, never a formula in the engine.

#[cfg(test)]
mod rules;
mod text;

pub use text::{CalendarFault, CalendarTextError};

use crate::date::{Date, Weekday};
use alloc::vec::Vec;
use thiserror::Error;

/// The calendars that are shipped, name and text, for 2024 to 2030: what the demo and the tests load.
///
/// - `TARGET`: euro cash, and delivery against euro in T2S.
/// - `USFED`: dollar cash at the Federal Reserve (Fedwire), also US Treasuries.
/// - `USDTC`: US equities, corporates and municipals at DTC and NSCC: closed when the banks *or* the exchanges are.
pub const SHIPPED: [(&str, &str); 3] = [
    ("TARGET", include_str!("../data/calendars/TARGET.txt")),
    ("USDTC", include_str!("../data/calendars/USDTC.txt")),
    ("USFED", include_str!("../data/calendars/USFED.txt")),
];

/// The business days of one place from one day to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Calendar {
    from: Date,
    to: Date,
    weekend: u8,
    holidays: Vec<Date>,
}

/// A question about a day that the calendar does not speak for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{date} needs a calendar beyond {from}..={to}")]
pub struct OutOfRange {
    /// The day asked about, or the last one before dates end.
    pub date: Date,
    /// First day of the calendar.
    pub from: Date,
    /// Last day of the calendar.
    pub to: Date,
}

/// Why [`advance`] has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AdvanceError {
    /// No calendar was given: then every day would be a settlement day.
    #[error("no calendar to advance in")]
    NoCalendar,
    /// A day on the way lies outside one of the calendars.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// Why parts do not make a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// The last day lies before the first.
    #[error("the calendar ends before it begins")]
    EmptyRange,
    /// More than seven bits, or no working day left.
    #[error("{0:#010b} is not a mask of weekend days")]
    WeekendMask(u8),
    /// The holidays must rise, without doubles: one calendar has one form.
    #[error("{0} is out of order or twice in the list")]
    NotAscending(Date),
    /// A holiday outside the range.
    #[error("{0} lies outside the calendar")]
    HolidayOutside(Date),
}

/// What becomes of a date that is not a business day (FpML `BusinessDayConventionEnum`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Convention {
    /// The next business day.
    Following,
    /// The next business day, unless it is in another month: then the one before.
    ModifiedFollowing,
    /// The business day before.
    Preceding,
    /// The business day before, unless it is in another month: then the next.
    ModifiedPreceding,
}

impl Calendar {
    /// Saturday and Sunday.
    pub const SATURDAY_SUNDAY: u8 = Weekday::Saturday.bit() | Weekday::Sunday.bit();

    /// A calendar of the days `from..=to`. `weekend` has the [`Weekday::bit`]s of the days that are never business
    /// days; `holidays` rise strictly (one that falls on a weekend does no harm).
    pub fn new(from: Date, to: Date, weekend: u8, holidays: Vec<Date>) -> Result<Calendar, CalendarError> {
        const WHOLE_WEEK: u8 = 0b111_1111;
        if to < from {
            return Err(CalendarError::EmptyRange);
        }
        if weekend >= WHOLE_WEEK {
            return Err(CalendarError::WeekendMask(weekend));
        }
        if let Some(pair) = holidays.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(CalendarError::NotAscending(pair[1]));
        }
        if let Some(&outside) = holidays.iter().find(|&&holiday| holiday < from || holiday > to) {
            return Err(CalendarError::HolidayOutside(outside));
        }
        Ok(Calendar { from, to, weekend, holidays })
    }

    /// First day it speaks for.
    pub fn from(&self) -> Date {
        self.from
    }

    /// Last day it speaks for.
    pub fn to(&self) -> Date {
        self.to
    }

    /// The weekend as [`Weekday::bit`]s.
    pub fn weekend(&self) -> u8 {
        self.weekend
    }

    /// The holidays, rising.
    pub fn holidays(&self) -> &[Date] {
        &self.holidays
    }

    /// Does the place work that day?
    pub fn is_business_day(&self, date: Date) -> Result<bool, OutOfRange> {
        if date < self.from || date > self.to {
            return Err(self.out_of_range(date));
        }
        Ok(self.weekend & date.weekday().bit() == 0 && self.holidays.binary_search(&date).is_err())
    }

    /// The first business day *after* a day, which may itself be none.
    pub fn next_business_day(&self, date: Date) -> Result<Date, OutOfRange> {
        self.is_business_day(date)?;
        self.first_from(self.step(date, 1)?, 1)
    }

    /// The last business day *before* a day, which may itself be none.
    pub fn previous_business_day(&self, date: Date) -> Result<Date, OutOfRange> {
        self.is_business_day(date)?;
        self.first_from(self.step(date, -1)?, -1)
    }

    /// The date itself if it is a business day, else what the convention makes of it.
    pub fn adjust(&self, date: Date, convention: Convention) -> Result<Date, OutOfRange> {
        let (step, modified) = match convention {
            Convention::Following => (1, false),
            Convention::ModifiedFollowing => (1, true),
            Convention::Preceding => (-1, false),
            Convention::ModifiedPreceding => (-1, true),
        };
        let adjusted = self.first_from(date, step)?;
        // The nearest business day is less than a year away, or the calendar ends before: the month alone tells.
        if modified && adjusted.month() != date.month() { self.first_from(date, -step) } else { Ok(adjusted) }
    }

    /// Business days after `start` up to and including `end`: how far [`advance`] in this calendar must go from the one
    /// to the other. Negative, and counted the same way from the other side, if `end` is earlier.
    pub fn business_days_between(&self, start: Date, end: Date) -> Result<i32, OutOfRange> {
        if end < start {
            return self.business_days_between(end, start).map(|days| -days);
        }
        self.is_business_day(start)?;
        let (mut date, mut days) = (start, 0);
        while date < end {
            date = self.step(date, 1)?;
            days += i32::from(self.is_business_day(date)?);
        }
        Ok(days)
    }

    /// The first business day from `date` on, going up or down.
    fn first_from(&self, mut date: Date, step: i32) -> Result<Date, OutOfRange> {
        while !self.is_business_day(date)? {
            date = self.step(date, step)?;
        }
        Ok(date)
    }

    fn step(&self, date: Date, days: i32) -> Result<Date, OutOfRange> {
        date.add_days(days).map_err(|_| self.out_of_range(date))
    }

    fn out_of_range(&self, date: Date) -> OutOfRange {
        OutOfRange { date, from: self.from, to: self.to }
    }
}

/// The day `days` settlement days after `date`, where a settlement day is a business day of *all* the calendars: the
/// place of settlement and the currency of the cash (domain notes, section 8).
///
/// The date itself need not be one: US exchanges trade on Columbus Day, when nothing settles, and trades of that
/// Monday settle on Tuesday, with those of Friday. Zero days is the date itself, or the next settlement day.
pub fn advance(date: Date, days: u32, calendars: &[&Calendar]) -> Result<Date, AdvanceError> {
    let first = calendars.first().ok_or(AdvanceError::NoCalendar)?;
    let (mut date, mut left) = (date, days);
    let mut open = all_open(date, calendars)?;
    // Ends: the calendars do, and then the next day is an error.
    while left > 0 || !open {
        date = first.step(date, 1)?;
        open = all_open(date, calendars)?;
        left = left.saturating_sub(u32::from(open));
    }
    Ok(date)
}

/// Asks every calendar, also after one has said no: whether a day is known must not depend on their order.
fn all_open(date: Date, calendars: &[&Calendar]) -> Result<bool, OutOfRange> {
    calendars.iter().try_fold(true, |open, calendar| Ok(open & calendar.is_business_day(date)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn shipped(name: &str) -> Calendar {
        let (_, text) = SHIPPED.into_iter().find(|(known, _)| *known == name).unwrap();
        Calendar::from_text(text).unwrap()
    }

    #[test]
    fn t_plus_1_over_columbus_and_veterans_day() {
        let (dtc, fed) = (shipped("USDTC"), shipped("USFED"));
        for (trade, settlement) in [
            ("2024-10-11", "2024-10-15"), // Friday before Columbus Day
            ("2024-10-14", "2024-10-15"), // Columbus Day: the exchange trades, nothing settles
            ("2024-10-15", "2024-10-16"),
            ("2024-11-08", "2024-11-12"), // Friday before Veterans Day
            ("2024-11-11", "2024-11-12"), // Veterans Day
            ("2025-11-10", "2025-11-12"), // Veterans Day on a Tuesday: Monday and Tuesday settle on Wednesday
            ("2025-11-11", "2025-11-12"),
            ("2025-04-17", "2025-04-21"), // over Good Friday
            ("2026-07-02", "2026-07-06"), // Independence Day on a Saturday: exchanges closed on Friday
            ("2027-12-31", "2028-01-03"), // New Year on a Saturday is not moved
        ] {
            assert_eq!(advance(day(trade), 1, &[&dtc, &fed]), Ok(day(settlement)), "{trade}");
        }
    }

    #[test]
    fn joint_calendars_wait_for_both() {
        let (target, dtc) = (shipped("TARGET"), shipped("USDTC"));
        // Wednesday before Easter 2024: euro is closed on Friday and Monday, DTC on Friday only.
        assert_eq!(advance(day("2024-03-27"), 2, &[&dtc]), Ok(day("2024-04-01")));
        assert_eq!(advance(day("2024-03-27"), 2, &[&target]), Ok(day("2024-04-02")));
        assert_eq!(advance(day("2024-03-27"), 2, &[&dtc, &target]), Ok(day("2024-04-02")));
        // Days that only one of them has do not count: 26 December is DTC's alone.
        assert_eq!(advance(day("2024-12-24"), 2, &[&target, &dtc]), Ok(day("2024-12-30")));
        // Nothing to add, but the day must be one.
        assert_eq!(advance(day("2024-12-24"), 0, &[&target, &dtc]), Ok(day("2024-12-24")));
        assert_eq!(advance(day("2024-12-26"), 0, &[&target, &dtc]), Ok(day("2024-12-27")));
    }

    #[test]
    fn a_day_outside_is_an_error_and_never_a_business_day() {
        let target = shipped("TARGET");
        let after = OutOfRange { date: day("2031-01-01"), from: day("2024-01-01"), to: day("2030-12-31") };
        assert_eq!(target.is_business_day(day("2031-01-01")), Err(after));
        assert_eq!(after.to_string(), "2031-01-01 needs a calendar beyond 2024-01-01..=2030-12-31");
        assert_eq!(target.next_business_day(day("2030-12-31")), Err(after));
        assert_eq!(advance(day("2030-12-31"), 1, &[&target]), Err(after.into()));
        assert_eq!(target.business_days_between(day("2030-12-30"), day("2031-01-01")), Err(after));
        assert!(target.previous_business_day(day("2024-01-01")).is_err());
        assert!(target.adjust(day("2023-12-31"), Convention::Following).is_err());
        assert_eq!(advance(day("2030-12-30"), u32::MAX, &[&target]), Err(after.into()));
        assert_eq!(advance(day("2024-01-02"), 1, &[]), Err(AdvanceError::NoCalendar));
        // Known or not does not depend on which calendar comes first, nor on the other being closed.
        let short = Calendar::new(day("2024-01-02"), day("2024-03-28"), 0b110_0000, Vec::new()).unwrap();
        for order in [[&short, &target], [&target, &short]] {
            assert!(matches!(advance(day("2024-03-28"), 1, &order), Err(AdvanceError::OutOfRange(_))));
        }
        let last = Calendar::new(Date::MIN, Date::MAX, 0, Vec::new()).unwrap();
        assert!(last.next_business_day(Date::MAX).is_err());
        assert!(last.previous_business_day(Date::MIN).is_err());
    }

    #[test]
    fn conventions() {
        use Convention::*;
        let target = shipped("TARGET");
        for (date, convention, expected) in [
            ("2024-06-28", Following, "2024-06-28"), // a Friday
            ("2024-06-30", Following, "2024-07-01"), // a Sunday, the last of its month
            ("2024-06-30", ModifiedFollowing, "2024-06-28"),
            ("2024-06-30", Preceding, "2024-06-28"),
            ("2024-06-30", ModifiedPreceding, "2024-06-28"),
            ("2024-06-01", Preceding, "2024-05-31"), // a Saturday, the first of its month
            ("2024-06-01", ModifiedPreceding, "2024-06-03"),
            ("2024-06-01", ModifiedFollowing, "2024-06-03"),
            ("2024-03-30", ModifiedFollowing, "2024-03-28"), // Easter Saturday at the end of a month
            ("2024-03-30", Following, "2024-04-02"),
        ] {
            assert_eq!(target.adjust(day(date), convention), Ok(day(expected)), "{date} {convention:?}");
        }
    }

    #[test]
    fn neighbours_and_distances_agree() {
        let dtc = shipped("USDTC");
        let mut date = day("2024-06-01");
        while date < day("2028-06-01") {
            let next = dtc.next_business_day(date).unwrap();
            assert_eq!(advance(date, 1, &[&dtc]), Ok(next));
            assert_eq!(dtc.business_days_between(date, next), Ok(1));
            assert_eq!(dtc.business_days_between(next, date), Ok(-1));
            let back = dtc.previous_business_day(next).unwrap();
            assert_eq!(back, dtc.adjust(date, Convention::Preceding).unwrap());
            for days in [0, 2, 7, 35] {
                let later = advance(next, days, &[&dtc]).unwrap();
                assert_eq!(dtc.business_days_between(next, later), Ok(days as i32));
            }
            date = date.add_days(1).unwrap();
        }
        // The exchanges had 252 trading days in 2024; Columbus and Veterans Day are no settlement days.
        assert_eq!(dtc.business_days_between(day("2024-01-01"), day("2024-12-31")), Ok(250));
    }

    #[test]
    fn parts_that_make_no_calendar() {
        let (first, last) = (day("2024-01-01"), day("2024-12-31"));
        let new =
            |from, to, weekend, holidays: &[Date]| Calendar::new(from, to, weekend, holidays.to_vec()).unwrap_err();
        assert_eq!(new(last, first, 0, &[]), CalendarError::EmptyRange);
        assert_eq!(new(first, last, 0b111_1111, &[]), CalendarError::WeekendMask(0b111_1111));
        assert_eq!(new(first, last, 0b1000_0000, &[]), CalendarError::WeekendMask(0b1000_0000));
        assert_eq!(new(first, last, 0, &[last, first]), CalendarError::NotAscending(first));
        assert_eq!(new(first, last, 0, &[first, first]), CalendarError::NotAscending(first));
        assert_eq!(new(first, first, 0, &[last]), CalendarError::HolidayOutside(last));
    }
}
