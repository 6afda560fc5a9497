//! `quittance calc pnl`: the cumulative result at each close by line, the day's part of it, and adjustments apart.

use std::path::Path;

use anyhow::Result;
use risk::lots::{Mark, Pnl, day};
use serde::{Deserialize, Serialize};

use super::input::{Day, Number, read, wrong};
use super::position::PositionInput;
use crate::fault::usage;
use crate::output::{self, Column, Format, column};

pub const HELP: &str = "\
Position as in `quittance calc lots --help`. A close counts the entries known by its date (\"known\", else the trade
date); what is known later but dated earlier is the adjustment of the next close: a closed figure does not move.
Amounts are in the base currency; total = the lines; this total - the last = day + adjustment.

Example:
  echo '{\"position\": {\"currency\": \"EUR\", \"base\": \"USD\", \"method\": \"FIFO\", \"entries\": [
    {\"id\": \"T1\", \"tradeDate\": \"2026-11-16\", \"quantity\": \"1000\", \"price\": \"100\", \"rate\": \"1.10\"},
    {\"id\": \"T2\", \"tradeDate\": \"2026-11-18\", \"quantity\": \"-400\", \"price\": \"105\", \"rate\": \"1.11\",
      \"fees\": \"20.00\"},
    {\"id\": \"T3\", \"tradeDate\": \"2026-11-17\", \"quantity\": \"10\", \"price\": \"103\", \"rate\": \"1.12\",
      \"known\": \"2026-11-18\"}]},
   \"closes\": [{\"date\": \"2026-11-17\", \"price\": \"104\", \"rate\": \"1.12\"},
    {\"date\": \"2026-11-18\", \"price\": \"105\", \"rate\": \"1.11\"}]}' |
    quittance calc pnl";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    position: PositionInput,
    /// Rising by date.
    closes: Vec<Close>,
}

/// The official prices of a close.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    date: Day,
    /// Clean.
    price: Number,
    /// Accrued interest, counted as the price.
    accrued: Option<Number>,
    rate: Option<Number>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    close: Day,
    quantity: Number,
    value: Number,
    realised: Number,
    unrealised: Number,
    realised_fx: Number,
    unrealised_fx: Number,
    accrued: Number,
    fees: Number,
    total: Number,
    /// Since the last close; absent for the first.
    day: Option<Number>,
    adjustment: Option<Number>,
}

fn optional(number: &Option<Number>) -> output::Cell {
    number.map_or(output::Cell::Blank, |number| number.cell())
}

const COLUMNS: &[Column<Row>] = &[
    column("close", |row| row.close.cell()),
    column("quantity", |row| row.quantity.cell()),
    column("value", |row| row.value.cell()),
    column("realised", |row| row.realised.cell()),
    column("unrealised", |row| row.unrealised.cell()),
    column("realised fx", |row| row.realised_fx.cell()),
    column("unrealised fx", |row| row.unrealised_fx.cell()),
    column("accrued", |row| row.accrued.cell()),
    column("fees", |row| row.fees.cell()),
    column("total", |row| row.total.cell()),
    column("day", |row| optional(&row.day)),
    column("adjustment", |row| optional(&row.adjustment)),
];

pub fn run(file: &Path, format: Format) -> Result<()> {
    let input: Input = read(file)?;
    let (mut rows, mut last) = (Vec::new(), None::<(Day, Mark, Pnl)>);
    for close in &input.closes {
        if last.as_ref().is_some_and(|(date, ..)| *date >= close.date) {
            return Err(usage(format!("closes: {} does not follow the one before it", close.date.0)));
        }
        let (row, mark, pnl) = one_close(&input.position, close, last.as_ref())?;
        rows.push(row);
        last = Some((close.date, mark, pnl));
    }
    output::list(format, COLUMNS, rows, "no close in the input")
}

fn one_close(input: &PositionInput, close: &Close, last: Option<&(Day, Mark, Pnl)>) -> Result<(Row, Mark, Pnl)> {
    let name = close.date.0.to_string();
    let mark = Mark {
        price: close.price.0,
        accrued: close.accrued.map_or(model::decimal::Decimal::ZERO, |accrued| accrued.0),
        kind: input.kind(),
        scales: input.scales()?,
        rate: input.conversion(&name, close.rate.as_ref())?,
    };
    let position = input.position(Some(close.date.0))?;
    let holding = wrong(&name, position.holding_on(close.date.0))?;
    let pnl = wrong(&name, holding.pnl(&mark))?;
    let base = input.base().exponent()?;
    let money = |units| Number::of(units, base);
    let (mut of_day, mut adjustment) = (None, None);
    if let Some((date, last_mark, published)) = last {
        let split = wrong(&name, day(&position, published, (date.0, last_mark), (close.date.0, &mark)))?;
        of_day = Some(money(wrong(&name, split.day.base.total())?)?);
        adjustment = Some(money(wrong(&name, split.adjustment.base.total())?)?);
    }
    let row = Row {
        close: close.date,
        quantity: Number::of(wrong(&name, holding.quantity())?, input.quantity_decimals)?,
        value: money(wrong(&name, mark.rate.apply(pnl.value))?)?,
        realised: money(pnl.base.realised)?,
        unrealised: money(pnl.base.unrealised)?,
        realised_fx: money(pnl.base.realised_fx)?,
        unrealised_fx: money(pnl.base.unrealised_fx)?,
        accrued: money(pnl.base.accrued)?,
        fees: money(pnl.base.fees)?,
        total: money(wrong(&name, pnl.base.total())?)?,
        day: of_day,
        adjustment,
    };
    Ok((row, mark, pnl))
}
