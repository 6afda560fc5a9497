//! `quittance calc settlement-date`: trade date and cycle to the date of settlement, with the days that were left out.

use std::path::Path;

use anyhow::Result;
use model::calendar::advance;
use serde::{Deserialize, Serialize};

use super::input::{CalendarInput, Day, read, wrong};
use crate::output::{self, Cell, Column, Format, column};

pub const HELP: &str = "\
A settlement day is a business day of every calendar. Shipped: TARGET, USDTC, USFED; others as an object:
{\"name\": \"X\", \"from\": \"2026-01-01\", \"to\": \"2026-12-31\", \"weekend\": [\"Friday\"], \"holidays\": []}.

Example:
  echo '{\"tradeDate\": \"2026-11-25\", \"days\": 1, \"calendars\": [\"USDTC\", \"TARGET\"]}' |
    quittance calc settlement-date";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Input {
    trade_date: Day,
    /// The settlement cycle: 1 for T+1.
    days: u32,
    calendars: Vec<CalendarInput>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    trade_date: Day,
    days: u32,
    calendars: Vec<String>,
    settlement_date: Day,
    weekday: String,
    /// Days between that were no settlement days.
    left_out: Vec<Day>,
}

const COLUMNS: &[Column<Answer>] = &[
    column("trade date", |answer| answer.trade_date.cell()),
    column("cycle", |answer| Cell::text(format!("T+{}", answer.days))),
    column("calendars", |answer| Cell::text(answer.calendars.join(", "))),
    column("settlement date", |answer| answer.settlement_date.cell()),
    column("weekday", |answer| Cell::text(answer.weekday.clone())),
    column("left out", |answer| {
        Cell::text(answer.left_out.iter().map(|day| day.0.to_string()).collect::<Vec<_>>().join(", "))
    }),
];

pub fn run(file: &Path, format: Format) -> Result<()> {
    let input: Input = read(file)?;
    let calendars = input.calendars.iter().map(CalendarInput::calendar).collect::<Result<Vec<_>>>()?;
    let together: Vec<_> = calendars.iter().collect();
    let date = wrong("settlement date", advance(input.trade_date.0, input.days, &together))?;
    let mut left_out = Vec::new();
    for offset in 0..date.days_since(input.trade_date.0) {
        let day = wrong("settlement date", input.trade_date.0.add_days(offset))?;
        // Zero days from a settlement day is that day itself.
        if wrong("settlement date", advance(day, 0, &together))? != day {
            left_out.push(Day(day));
        }
    }
    let answer = Answer {
        trade_date: input.trade_date,
        days: input.days,
        calendars: input.calendars.iter().map(|calendar| calendar.name().to_owned()).collect(),
        settlement_date: Day(date),
        weekday: format!("{:?}", date.weekday()),
        left_out,
    };
    output::one(format, COLUMNS, &answer)
}
