//! `quittance calc crr378`: own funds for unsettled trades by working days after the contractual date.

use std::path::Path;

use anyhow::Result;
use model::trade::Method;
use risk::exposure::capital::age;
use risk::exposure::settlement::Open;
use risk::published;
use serde::{Deserialize, Serialize};

use super::answer;
use super::exposure::MovementInput;
use super::input::{CalendarInput, Currency, Day, Name, Number, read, wrong};
use crate::output::{Cell, Column, Format, column};

pub const HELP: &str = "\
Market and contract are the value of the securities now and as agreed. The age counts business days of the calendar
after due. Factors shipped: EU and GB; their source is in the answer. Leave out repos and securities lending.

Example:
  echo '{\"jurisdiction\": \"EU\", \"date\": \"2026-11-23\", \"calendar\": \"TARGET\", \"currency\": \"EUR\", \"trades\": [
    {\"id\": \"T1\", \"movement\": \"RECEIVE\", \"contract\": \"1000000.00\", \"market\": \"1080000.00\", \"due\": \"2026-11-16\"},
    {\"id\": \"T2\", \"movement\": \"DELIVER\", \"contract\": \"1000000.00\", \"market\": \"950000.00\", \"due\": \"2026-09-18\"},
    {\"id\": \"T3\", \"movement\": \"RECEIVE\", \"contract\": \"500000.00\", \"market\": \"510000.00\", \"due\": \"2026-11-18\"}]}' |
    quittance calc crr378";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    jurisdiction: String,
    date: Day,
    calendar: CalendarInput,
    currency: Currency,
    trades: Vec<Trade>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trade {
    id: Name,
    movement: MovementInput,
    contract: Number,
    market: Number,
    /// Contractual settlement date.
    due: Day,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    trade: String,
    due: Day,
    days: u32,
    difference: Number,
    factor: Number,
    own_funds: Number,
    risk_weighted: Number,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    date: Day,
    currency: Currency,
    own_funds: Number,
    risk_weighted: Number,
    source: String,
    in_force_from: Day,
    trades: Vec<Row>,
}

const ROWS: &[Column<Row>] = &[
    column("trade", |row| Cell::text(row.trade.clone())),
    column("due", |row| row.due.cell()),
    column("days", |row| Cell::Count(u64::from(row.days))),
    column("difference", |row| row.difference.cell()),
    column("factor", |row| row.factor.cell()),
    column("own funds", |row| row.own_funds.cell()),
    column("risk weighted", |row| row.risk_weighted.cell()),
];

const WHOLE: &[Column<Whole>] = &[
    column("date", |whole| whole.date.cell()),
    column("currency", |whole| Cell::text(whole.currency.0.to_string())),
    column("own funds", |whole| whole.own_funds.cell()),
    column("risk weighted", |whole| whole.risk_weighted.cell()),
    column("source", |whole| Cell::text(whole.source.clone())),
    column("in force from", |whole| whole.in_force_from.cell()),
];

pub fn run(file: &Path, format: Format) -> Result<()> {
    let input: Input = read(file)?;
    let (calendar, exponent) = (input.calendar.calendar()?, input.currency.exponent()?);
    let rules = published::dvp_factors();
    let rule = wrong("jurisdiction", rules.on(&input.jurisdiction, input.date.0))?;
    let ratios = published::own_funds();
    let ratio = wrong("jurisdiction", ratios.on(&input.jurisdiction, input.date.0))?;
    let (mut rows, mut own_funds, mut risk_weighted) = (Vec::new(), 0, 0);
    for trade in &input.trades {
        let name = trade.id.0.as_str();
        let open = Open {
            method: Method::Dvp,
            movement: trade.movement.into(),
            market: trade.market.units(name, exponent)?,
            contract: trade.contract.units(name, exponent)?,
            sent: false,
            received: false,
            late: trade.due < input.date,
        };
        let days = wrong(name, age(trade.due.0, input.date.0, &calendar))?;
        let risk = wrong(name, rule.value.price_risk(&open, days, ratio.value))?;
        own_funds = wrong(name, risk::amount::plus(own_funds, risk.own_funds))?;
        risk_weighted = wrong(name, risk::amount::plus(risk_weighted, risk.risk_weighted))?;
        rows.push(Row {
            trade: trade.id.0.to_string(),
            due: trade.due,
            days,
            difference: Number::of(risk.difference, exponent)?,
            factor: Number(risk.factor),
            own_funds: Number::of(risk.own_funds, exponent)?,
            risk_weighted: Number::of(risk.risk_weighted, exponent)?,
        });
    }
    let whole = Whole {
        date: input.date,
        currency: input.currency,
        own_funds: Number::of(own_funds, exponent)?,
        risk_weighted: Number::of(risk_weighted, exponent)?,
        source: format!("{}; {}", rule.source, ratio.source),
        in_force_from: Day(rule.from),
        trades: rows.clone(),
    };
    answer(format, (rows, ROWS), (&whole, WHOLE))
}
