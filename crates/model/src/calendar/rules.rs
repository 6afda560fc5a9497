//! The rules behind the shipped calendar files: they make the files and prove them, and nothing else uses them.
//!
//! `cargo test -p model -- --ignored write_the_shipped_files` writes the files anew; the ordinary tests compare them with
//! the rules and with dates that the authorities published.

extern crate std;

use super::{Calendar, SHIPPED, advance};
use crate::date::{Date, Weekday};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

const YEARS: core::ops::RangeInclusive<i32> = 2024..=2030;

type Holiday = (Date, &'static str);

const TARGET_HEADER: &str = "\
# TARGET: closing days of the euro payment system (T2, delivery against euro in T2S).
# Source: ECB press release \"Long-term calendar for TARGET closing days\", 14 December 2000: from 2002 until further
# notice 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December, and Saturdays and Sundays.
# Made by the rules in src/calendar/rules.rs. Days that fall on a weekend are listed too.
";

const USFED_HEADER: &str = "\
# USFED: days on which the Federal Reserve Banks are closed (Fedwire Funds and Securities: dollar cash, Treasuries).
# Source: holiday schedule of the Federal Reserve Banks (5 U.S.C. 6103): a holiday on a Saturday closes no other day,
# one on a Sunday closes the Monday after. Good Friday is open. Weekend: Saturday and Sunday.
# Made by the rules in src/calendar/rules.rs. Days that fall on a weekend are not listed.
";

const USDTC_HEADER: &str = "\
# USDTC: days that are no settlement days for US equities, corporate and municipal securities (DTC, NSCC).
# A settlement day is one on which the banks (USFED) and the securities exchanges are open:
# - bank holidays on which the exchanges trade, Columbus and Veterans Day, are none: NASD Notices 95-77 and 99-83;
# - exchange holidays on which the banks work are none: Good Friday (Notice 97-93), and the Friday before a holiday that
#   falls on a Saturday (Notice 99-94), which the exchanges keep (NYSE Rule 7.2) except before New Year's Day.
# Exchange holidays: NYSE Group calendars of 2024-11-08 and 2025-12-23. DTC itself works on Good Friday in a limited way.
# Not here: 2025-01-09 (day of mourning): the exchanges closed, Fedwire and settlement went on (SIFMA close matrix).
# Made by the rules in src/calendar/rules.rs. Weekend: Saturday and Sunday; days that fall on it are not listed.
";

fn date(year: i32, month: u8, day: u8) -> Date {
    Date::from_ymd(year, month, day).unwrap()
}

fn plus(date: Date, days: i32) -> Date {
    date.add_days(days).unwrap()
}

/// Easter Sunday of the Gregorian calendar: the anonymous algorithm (Nature, 1876), with the letters of Meeus.
fn easter_sunday(year: i32) -> Date {
    let a = year % 19;
    let (b, c) = (year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    date(year, (n / 31) as u8, (n % 31 + 1) as u8)
}

/// The `count`th such weekday of a month, from 1.
fn nth(year: i32, month: u8, weekday: Weekday, count: i32) -> Date {
    let first = date(year, month, 1);
    let ahead = (weekday as i32 - first.weekday() as i32).rem_euclid(7);
    plus(first, ahead + 7 * (count - 1))
}

fn target(year: i32) -> Vec<Holiday> {
    let easter = easter_sunday(year);
    Vec::from([
        (date(year, 1, 1), "New Year's Day"),
        (plus(easter, -2), "Good Friday"),
        (plus(easter, 1), "Easter Monday"),
        (date(year, 5, 1), "Labour Day"),
        (date(year, 12, 25), "Christmas Day"),
        (date(year, 12, 26), "Christmas Holiday"),
    ])
}

/// The holidays of 5 U.S.C. 6103 as dates of the law, before anything is moved.
fn us_public(year: i32) -> Vec<Holiday> {
    Vec::from([
        (date(year, 1, 1), "New Year's Day"),
        (nth(year, 1, Weekday::Monday, 3), "Birthday of Martin Luther King, Jr."),
        (nth(year, 2, Weekday::Monday, 3), "Washington's Birthday"),
        (plus(nth(year, 6, Weekday::Monday, 1), -7), "Memorial Day"),
        (date(year, 6, 19), "Juneteenth National Independence Day"),
        (date(year, 7, 4), "Independence Day"),
        (nth(year, 9, Weekday::Monday, 1), "Labor Day"),
        (nth(year, 10, Weekday::Monday, 2), "Columbus Day"),
        (date(year, 11, 11), "Veterans Day"),
        (nth(year, 11, Weekday::Thursday, 4), "Thanksgiving Day"),
        (date(year, 12, 25), "Christmas Day"),
    ])
}

/// Sunday holidays close the Monday, Saturday ones nothing.
fn us_federal_reserve(year: i32) -> Vec<Holiday> {
    let moved = us_public(year).into_iter().filter_map(|(day, name)| match day.weekday() {
        Weekday::Saturday => None,
        Weekday::Sunday => Some((plus(day, 1), name)),
        _ => Some((day, name)),
    });
    moved.collect()
}

/// The exchanges keep all but two of the public holidays and Good Friday; Saturday holidays close the Friday, unless
/// that is the last business day of a year.
fn new_york_stock_exchange(year: i32) -> Vec<Holiday> {
    let mut days = Vec::from([(plus(easter_sunday(year), -2), "Good Friday")]);
    let kept = |name: &str| name != "Columbus Day" && name != "Veterans Day";
    for (day, name) in us_public(year).into_iter().filter(|(_, name)| kept(name)) {
        match day.weekday() {
            Weekday::Saturday if day.month() == 1 => {}
            Weekday::Saturday => days.push((plus(day, -1), name)),
            Weekday::Sunday => days.push((plus(day, 1), name)),
            _ => days.push((day, name)),
        }
    }
    days.sort();
    days
}

/// Settlement needs the banks and the exchanges.
fn us_securities(year: i32) -> Vec<Holiday> {
    let mut days = us_federal_reserve(year);
    days.extend(new_york_stock_exchange(year));
    days.sort();
    days.dedup();
    days
}

fn text(header: &str, rule: fn(i32) -> Vec<Holiday>) -> String {
    let mut text = String::from(header);
    writeln!(text, "from {}-01-01\nto {}-12-31\nweekend Saturday Sunday", YEARS.start(), YEARS.end()).unwrap();
    for (day, name) in YEARS.flat_map(rule) {
        writeln!(text, "{day} {name}").unwrap();
    }
    text
}

fn files() -> [(&'static str, String); 3] {
    [
        ("TARGET", text(TARGET_HEADER, target)),
        ("USDTC", text(USDTC_HEADER, us_securities)),
        ("USFED", text(USFED_HEADER, us_federal_reserve)),
    ]
}

fn days_of(rule: fn(i32) -> Vec<Holiday>, year: i32) -> Vec<String> {
    rule(year).into_iter().map(|(day, _)| std::format!("{day}")).collect()
}

#[test]
#[ignore = "writes data/calendars"]
fn write_the_shipped_files() {
    for (name, text) in files() {
        std::fs::write(std::format!("{}/data/calendars/{name}.txt", env!("CARGO_MANIFEST_DIR")), text).unwrap();
    }
}

#[test]
fn shipped_files_are_what_the_rules_make() {
    for ((name, made), (shipped, text)) in files().into_iter().zip(SHIPPED) {
        assert_eq!(name, shipped);
        assert_eq!(made, text, "{name}.txt is not what its rule makes");
        let calendar = Calendar::from_text(text).unwrap();
        assert_eq!(calendar.weekend(), Calendar::SATURDAY_SUNDAY);
    }
}

#[test]
fn easter_in_published_tables() {
    let published = "1961-04-02 1998-04-12 2000-04-23 2008-03-23 2011-04-24 2024-03-31 2025-04-20 2026-04-05 2027-03-28 \
        2028-04-16 2029-04-01 2030-04-21 2038-04-25 2100-03-28 2160-03-23";
    for text in published.split(' ') {
        let easter = Date::parse(text).unwrap();
        assert_eq!(easter_sunday(easter.year()), easter);
    }
    for year in 1900..=2200 {
        assert_eq!(easter_sunday(year).weekday(), Weekday::Sunday, "{year}");
    }
}

#[test]
fn holidays_the_authorities_published() {
    // NYSE Group, calendar of 2025-12-23 (mondovisione.com), whole years 2026 to 2028.
    let nyse = [
        "2026-01-01 2026-01-19 2026-02-16 2026-04-03 2026-05-25 2026-06-19 2026-07-03 2026-09-07 2026-11-26 2026-12-25",
        "2027-01-01 2027-01-18 2027-02-15 2027-03-26 2027-05-31 2027-06-18 2027-07-05 2027-09-06 2027-11-25 2027-12-24",
        "2028-01-17 2028-02-21 2028-04-14 2028-05-29 2028-06-19 2028-07-04 2028-09-04 2028-11-23 2028-12-25",
    ];
    for (year, published) in (2026..).zip(nyse) {
        assert_eq!(days_of(new_york_stock_exchange, year).join(" "), published);
    }
    // Federal Reserve Banks, schedule 2025 to 2027 (richmondfed.org); Saturdays close nothing.
    let fed = [
        "2025-01-01 2025-01-20 2025-02-17 2025-05-26 2025-06-19 2025-07-04 2025-09-01 2025-10-13 2025-11-11 2025-11-27 2025-12-25",
        "2026-01-01 2026-01-19 2026-02-16 2026-05-25 2026-06-19 2026-09-07 2026-10-12 2026-11-11 2026-11-26 2026-12-25",
        "2027-01-01 2027-01-18 2027-02-15 2027-05-31 2027-07-05 2027-09-06 2027-10-11 2027-11-11 2027-11-25",
    ];
    for (year, published) in (2025..).zip(fed) {
        assert_eq!(days_of(us_federal_reserve, year).join(" "), published);
    }
    let ecb = "2026-01-01 2026-04-03 2026-04-06 2026-05-01 2026-12-25 2026-12-26";
    assert_eq!(days_of(target, 2026).join(" "), ecb);
}

/// Trade date and settlement date at T+3, as NASD published them before each holiday. In these months the rules of
/// today held already.
#[test]
fn settlement_schedules_the_nasd_published() {
    let years = 1995..=1999;
    let days = years.flat_map(us_securities).map(|(day, _)| day).collect();
    let calendar = Calendar::new(date(1995, 1, 1), date(1999, 12, 31), Calendar::SATURDAY_SUNDAY, days).unwrap();
    for (year, schedule) in [
        // Notice 95-77: Columbus Day, 9 October 1995.
        (1995, "10-02 10-05|10-03 10-06|10-04 10-10|10-05 10-11|10-06 10-12|10-09 10-12|10-10 10-13"),
        // Notice 97-93: Good Friday, 10 April 1998.
        (1998, "04-02 04-07|04-03 04-08|04-06 04-09|04-07 04-13|04-08 04-14|04-09 04-15|04-13 04-16"),
        // Notice 99-83: Columbus Day, 11 October 1999.
        (1999, "10-05 10-08|10-06 10-12|10-07 10-13|10-08 10-14|10-11 10-14|10-12 10-15"),
        // Notice 99-94: Christmas Day on a Saturday, exchanges closed on Friday, 24 December 1999.
        (1999, "12-20 12-23|12-21 12-27|12-22 12-28|12-23 12-29|12-27 12-30"),
    ] {
        for pair in schedule.split('|') {
            let (trade, settlement) = pair.split_once(' ').unwrap();
            let day = |text: &str| Date::parse(&std::format!("{year}-{text}")).unwrap();
            assert_eq!(advance(day(trade), 3, &[&calendar]), Ok(day(settlement)), "{year}-{trade}");
        }
    }
}
