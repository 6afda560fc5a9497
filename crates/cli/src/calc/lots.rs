//! `quittance calc lots`: what is open, lot by lot, and what was realised.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::answer;
use super::input::{Currency, Day, Number, read, wrong};
use super::position::PositionInput;
use crate::output::{Cell, Column, Format, column};

pub const HELP: &str = "\
Entries may come in any order: trade date, time and id decide. Methods: FIFO, AVERAGE; or \"policies\":
[{\"from\": \"2027-01-01\", \"method\": \"AVERAGE\", \"fees\": \"CAPITALISED\"}]. Purchases are positive, sales negative.
An entry has a price or an amount, if need be accrued, fees, at (UTC), and rate where base is another currency.

Example:
  echo '{\"currency\": \"EUR\", \"method\": \"FIFO\", \"entries\": [
    {\"id\": \"T2\", \"tradeDate\": \"2026-11-17\", \"quantity\": \"50\", \"price\": \"23.00\", \"fees\": \"1.50\"},
    {\"id\": \"T1\", \"tradeDate\": \"2026-11-16\", \"quantity\": \"100\", \"price\": \"20.00\", \"fees\": \"2.00\"},
    {\"id\": \"T3\", \"tradeDate\": \"2026-11-18\", \"quantity\": \"-120\", \"price\": \"21.00\"}]}' |
    quittance calc lots -o table";

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LotRow {
    opened: String,
    trade_date: Day,
    quantity: Number,
    cost: Number,
    base_cost: Number,
}

/// Sums; the currencies are named, amounts are in the instrument's unless they say base.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    currency: Currency,
    base_currency: Currency,
    quantity: Number,
    cost: Number,
    realised: Number,
    accrued: Number,
    fees: Number,
    base_cost: Number,
    base_realised: Number,
    base_realised_fx: Number,
    lots: Vec<LotRow>,
}

const ROWS: &[Column<LotRow>] = &[
    column("opened by", |lot| Cell::text(lot.opened.clone())),
    column("trade date", |lot| lot.trade_date.cell()),
    column("quantity", |lot| lot.quantity.cell()),
    column("cost", |lot| lot.cost.cell()),
    column("base cost", |lot| lot.base_cost.cell()),
];

const WHOLE: &[Column<Whole>] = &[
    column("currency", |whole| Cell::text(whole.currency.0.to_string())),
    column("base currency", |whole| Cell::text(whole.base_currency.0.to_string())),
    column("quantity", |whole| whole.quantity.cell()),
    column("cost", |whole| whole.cost.cell()),
    column("realised", |whole| whole.realised.cell()),
    column("accrued", |whole| whole.accrued.cell()),
    column("fees", |whole| whole.fees.cell()),
    column("base cost", |whole| whole.base_cost.cell()),
    column("base realised", |whole| whole.base_realised.cell()),
    column("base realised fx", |whole| whole.base_realised_fx.cell()),
];

pub fn run(file: &Path, format: Format) -> Result<()> {
    let input: PositionInput = read(file)?;
    let position = input.position(None)?;
    let holding = position.holding();
    let (scales, base) = (input.scales()?, input.base().exponent()?);
    let money = |units| Number::of(units, scales.currency);
    let row = |lot: &risk::lots::Lot| -> Result<LotRow> {
        Ok(LotRow {
            opened: lot.opened.id.to_string(),
            trade_date: Day(lot.opened.trade_date),
            quantity: Number::of(lot.quantity, scales.quantity)?,
            cost: money(lot.cost)?,
            base_cost: Number::of(lot.base_cost, base)?,
        })
    };
    let lots = holding.lots.iter().map(row).collect::<Result<Vec<_>>>()?;
    let whole = Whole {
        currency: input.currency,
        base_currency: input.base(),
        quantity: Number::of(wrong("quantity", holding.quantity())?, scales.quantity)?,
        cost: money(wrong("cost", holding.cost())?)?,
        realised: money(holding.realised)?,
        accrued: money(holding.accrued)?,
        fees: money(holding.fees)?,
        base_cost: Number::of(wrong("cost", holding.base_cost())?, base)?,
        base_realised: Number::of(holding.base_realised, base)?,
        base_realised_fx: Number::of(holding.base_realised_fx, base)?,
        lots: lots.clone(),
    };
    answer(format, (lots, ROWS), (&whole, WHOLE))
}
