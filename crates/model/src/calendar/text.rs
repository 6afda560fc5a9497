//! Calendar files: how the days of a place are written for people and read back, with the line of every fault.

use super::{Calendar, CalendarError};
use crate::date::{Date, DateError, Weekday};
use alloc::vec::Vec;
use thiserror::Error;

/// What is wrong with a line of a calendar file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {fault}")]
pub struct CalendarTextError {
    /// Counted from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub fault: CalendarFault,
}

/// What can be wrong with a calendar file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CalendarFault {
    /// `from`, `to` or `weekend` is missing.
    #[error("the line `{0}` is missing")]
    Missing(&'static str),
    /// `from`, `to` or `weekend` stands twice.
    #[error("`{0}` stands twice")]
    Twice(&'static str),
    /// `weekend` names something that is no day.
    #[error("not the English name of a day of the week")]
    Weekday,
    /// A holiday without a name.
    #[error("the holiday has no name")]
    NoName,
    /// A date that is none.
    #[error(transparent)]
    Date(#[from] DateError),
    /// The lines are right but make no calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}

impl Calendar {
    /// Reads a calendar file: `from`, `to` and `weekend`, then one holiday a line with its name; `#` begins a comment
    /// line.
    ///
    /// ```text
    /// from 2024-01-01
    /// to 2030-12-31
    /// weekend Saturday Sunday
    /// 2024-01-01 New Year's Day
    /// ```
    pub fn from_text(text: &str) -> Result<Calendar, CalendarTextError> {
        let (mut from, mut to, mut weekend) = (None, None, None);
        let mut holidays = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let at = |fault: CalendarFault| CalendarTextError { line: index + 1, fault };
            let date = |text: &str| Date::parse(text).map_err(|error| at(error.into()));
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "from" if from.is_some() => return Err(at(CalendarFault::Twice("from"))),
                "from" => from = Some(date(rest)?),
                "to" if to.is_some() => return Err(at(CalendarFault::Twice("to"))),
                "to" => to = Some(date(rest)?),
                "weekend" if weekend.is_some() => return Err(at(CalendarFault::Twice("weekend"))),
                "weekend" => weekend = Some(weekend_mask(rest).ok_or_else(|| at(CalendarFault::Weekday))?),
                _ => {
                    let holiday = date(word)?;
                    if rest.trim().is_empty() {
                        return Err(at(CalendarFault::NoName));
                    }
                    if holidays.last() >= Some(&holiday) {
                        return Err(at(CalendarError::NotAscending(holiday).into()));
                    }
                    holidays.push(holiday);
                }
            }
        }
        let whole = |fault: CalendarFault| CalendarTextError { line: 0, fault };
        let from = from.ok_or_else(|| whole(CalendarFault::Missing("from")))?;
        let to = to.ok_or_else(|| whole(CalendarFault::Missing("to")))?;
        let weekend = weekend.ok_or_else(|| whole(CalendarFault::Missing("weekend")))?;
        Calendar::new(from, to, weekend, holidays).map_err(|error| whole(error.into()))
    }
}

/// `Saturday Sunday` as bits; nothing for a place without a weekend.
fn weekend_mask(names: &str) -> Option<u8> {
    names.split_ascii_whitespace().try_fold(0, |mask, name| {
        let day = match name {
            "Monday" => Weekday::Monday,
            "Tuesday" => Weekday::Tuesday,
            "Wednesday" => Weekday::Wednesday,
            "Thursday" => Weekday::Thursday,
            "Friday" => Weekday::Friday,
            "Saturday" => Weekday::Saturday,
            "Sunday" => Weekday::Sunday,
            _ => return None,
        };
        Some(mask | day.bit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    #[test]
    fn files_say_which_line_is_wrong() {
        let head = "# a comment\nfrom 2024-01-01\nto 2024-12-31\nweekend Saturday Sunday\n";
        let read = |tail: &str| Calendar::from_text(&format!("{head}{tail}")).unwrap_err().to_string();
        assert_eq!(read("2024-02-30 No day\n"), "line 5: there is no day 2024-02-30");
        assert_eq!(read("\n2024-12-25\n"), "line 6: the holiday has no name");
        assert_eq!(read("25.12.2024 Christmas\n"), "line 5: not a date of the form YYYY-MM-DD");
        assert_eq!(read("from 2024-01-01\n"), "line 5: `from` stands twice");
        assert_eq!(
            read("2024-12-26 Second\n2024-12-25 First\n"),
            "line 6: 2024-12-25 is out of order or twice in the list"
        );
        assert_eq!(read("2025-01-01 Later\n"), "line 0: 2025-01-01 lies outside the calendar");
        let no_weekend = Calendar::from_text("from 2024-01-01\nto 2024-12-31\n").unwrap_err();
        assert_eq!(no_weekend.to_string(), "line 0: the line `weekend` is missing");
        let no_day = Calendar::from_text("weekend Saturday Sun\n").unwrap_err();
        assert_eq!(no_day.to_string(), "line 1: not the English name of a day of the week");
        let gulf = Calendar::from_text("from 2024-01-01\nto 2024-12-31\nweekend Friday Saturday\n").unwrap();
        assert_eq!(gulf.is_business_day(day("2024-06-30")), Ok(true));
        assert_eq!(gulf.is_business_day(day("2024-06-28")), Ok(false));
    }
}
