//! Dates and times of day as people write them, and the instants they are in a zone.

use jiff::civil;
use jiff::tz::TimeZone;

/// `2026-11-23` as 20261123.
pub fn parse(text: &str) -> Result<u32, String> {
    let date: civil::Date = text.parse().map_err(|_| "write a date as YYYY-MM-DD".to_owned())?;
    Ok(number(date))
}

/// YYYYMMDD.
pub fn number(date: civil::Date) -> u32 {
    u32::from(date.year().unsigned_abs()) * 10_000
        + u32::from(date.month().unsigned_abs()) * 100
        + u32::from(date.day().unsigned_abs())
}

/// The date of a number of the form YYYYMMDD.
pub fn civil(number: u32) -> Option<civil::Date> {
    let part = |part: u32| i8::try_from(part).ok();
    civil::Date::new(i16::try_from(number / 10_000).ok()?, part(number / 100 % 100)?, part(number % 100)?).ok()
}

/// The instant of a time of day (`16:00`) on a date in a zone. Where clocks go forward over it, the instant after the
/// gap; where they go back, the first of the two.
pub fn instant(date: u32, time: &str, zone: &str) -> Result<pbjson_types::Timestamp, String> {
    let read = time.contains(':').then(|| time.parse::<civil::Time>().ok()).flatten();
    let time = read.ok_or_else(|| format!("{time:?}: write a time of day as HH:MM"))?;
    let zone = TimeZone::get(zone).map_err(|_| format!("{zone:?} is no time zone; write one as Europe/Paris"))?;
    let date = civil(date).ok_or_else(|| format!("{date} is no date"))?;
    let at = zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().map_err(|error| error.to_string())?;
    Ok(pbjson_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
}

/// The name of a weekday and a month: `Mon 23 Nov`.
pub fn short(date: u32) -> String {
    civil(date).map_or_else(String::new, |date| date.strftime("%a %e %b").to_string())
}

/// Today in UTC.
pub fn today() -> u32 {
    number(jiff::Timestamp::now().to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_an_instant_in_its_zone() {
        let at = |date, time, zone| instant(date, time, zone).unwrap().seconds;
        // Paris: an hour ahead of UTC in winter, two in summer.
        assert_eq!(at(20_261_123, "16:00", "Europe/Paris"), at(20_261_123, "15:00", "UTC"));
        assert_eq!(at(20_260_701, "16:00", "Europe/Paris"), at(20_260_701, "14:00", "UTC"));
        // 2026-03-29 02:30 does not exist there.
        assert_eq!(at(20_260_329, "02:30", "Europe/Paris"), at(20_260_329, "01:30", "UTC"));
        assert!(instant(20_261_123, "16", "Europe/Paris").is_err());
        assert!(instant(20_261_123, "16:00", "Mars/Olympus").is_err());
    }

    #[test]
    fn dates_are_numbers_on_the_wire() {
        assert_eq!(parse("2026-11-23"), Ok(20_261_123));
        assert!(parse("23.11.2026").is_err());
        assert!(parse("2026-02-30").is_err());
        assert_eq!(short(20_261_123), "Mon 23 Nov");
        assert_eq!(civil(20_261_399), None);
    }
}
