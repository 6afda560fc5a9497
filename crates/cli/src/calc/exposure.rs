//! `quittance calc exposure`: what each trade would cost if its counterparty failed now, and the sums against limits.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use model::instruction::Movement;
use model::trade::Method;
use risk::exposure::limit::Usage;
use risk::exposure::settlement::{Open, Phase};
use risk::statistics::concentration::herfindahl;
use serde::{Deserialize, Serialize};

use super::answer;
use super::input::{Currency, Name, Number, read, wrong};
use crate::fault::usage;
use crate::output::{self, Cell, Column, Format, column};

pub const HELP: &str = "\
DVP costs the price move; FOP the principal once we have sent and not received. Market and contract are the value of
the securities now and as agreed; sent, received, late are false when absent. Limits are per counterparty.

Example:
  echo '{\"currency\": \"EUR\", \"trades\": [
    {\"id\": \"T1\", \"counterparty\": \"BRAVO\", \"method\": \"DVP\", \"movement\": \"RECEIVE\",
      \"contract\": \"100000.00\", \"market\": \"108000.00\", \"late\": true},
    {\"id\": \"T2\", \"counterparty\": \"BRAVO\", \"method\": \"FOP\", \"movement\": \"DELIVER\",
      \"contract\": \"50000.00\", \"market\": \"49000.00\", \"sent\": true},
    {\"id\": \"T3\", \"counterparty\": \"DELTA\", \"method\": \"FOP\", \"movement\": \"RECEIVE\",
      \"contract\": \"20000.00\", \"market\": \"21000.00\"}],
   \"limits\": {\"BRAVO\": \"50000.00\", \"DELTA\": \"50000.00\"}}' |
    quittance calc exposure";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    currency: Currency,
    trades: Vec<Trade>,
    #[serde(default)]
    limits: BTreeMap<Name, Number>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trade {
    id: Name,
    counterparty: Name,
    method: MethodInput,
    movement: MovementInput,
    contract: Number,
    market: Number,
    #[serde(default)]
    sent: bool,
    #[serde(default)]
    received: bool,
    #[serde(default)]
    late: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum MethodInput {
    Dvp,
    Fop,
}

/// Which way the securities go, seen from us.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MovementInput {
    Deliver,
    Receive,
}

impl From<MovementInput> for Movement {
    fn from(movement: MovementInput) -> Movement {
        match movement {
            MovementInput::Deliver => Movement::Deliver,
            MovementInput::Receive => Movement::Receive,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    trade: String,
    counterparty: String,
    phase: &'static str,
    replacement: Number,
    principal: Number,
    exposure: Number,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sum {
    counterparty: String,
    exposure: Number,
    limit: Option<Number>,
    headroom: Option<Number>,
    breach: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    currency: Currency,
    /// Herfindahl index of the exposures by counterparty.
    concentration: String,
    counterparties: Vec<Sum>,
    trades: Vec<Row>,
}

const ROWS: &[Column<Row>] = &[
    column("trade", |row| Cell::text(row.trade.clone())),
    column("counterparty", |row| Cell::text(row.counterparty.clone())),
    column("phase", |row| Cell::text(row.phase)),
    column("replacement", |row| row.replacement.cell()),
    column("principal", |row| row.principal.cell()),
    column("exposure", |row| row.exposure.cell()),
];

const SUMS: &[Column<Sum>] = &[
    column("counterparty", |sum| Cell::text(sum.counterparty.clone())),
    column("exposure", |sum| sum.exposure.cell()),
    column("limit", |sum| sum.limit.map_or(Cell::Blank, |limit| limit.cell())),
    column("headroom", |sum| sum.headroom.map_or(Cell::Blank, |headroom| headroom.cell())),
    column("breach", |sum| if sum.breach { Cell::Marked("BREACH".into(), output::Mark::Bad) } else { Cell::Blank }),
];

const WHOLE: &[Column<Whole>] = &[
    column("currency", |whole| Cell::text(whole.currency.0.to_string())),
    column("concentration", |whole| Cell::text(format!("{} (Herfindahl, by counterparty)", whole.concentration))),
];

pub fn run(file: &Path, format: Format) -> Result<()> {
    let input: Input = read(file)?;
    let exponent = input.currency.exponent()?;
    let mut rows = Vec::new();
    let mut usages: BTreeMap<&Name, Usage> = BTreeMap::new();
    for trade in &input.trades {
        let (row, amount) = one_trade(trade, exponent)?;
        let usage = usages.entry(&trade.counterparty).or_default();
        *usage = wrong(&row.trade, usage.take(amount))?;
        rows.push(row);
    }
    if let Some(unknown) = input.limits.keys().find(|name| !usages.contains_key(name)) {
        return Err(usage(format!("limits: no trade is with {}", unknown.0)));
    }
    let mut sums = Vec::new();
    for (name, usage) in &usages {
        let limit = input.limits.get(name).map(|limit| limit.units(name.0.as_str(), exponent)).transpose()?;
        let headroom = wrong("headroom", limit.map(|limit| usage.headroom(limit)).transpose())?;
        let breach = wrong("limit", limit.map(|limit| usage.breach(limit)).transpose())?.flatten();
        sums.push(Sum {
            counterparty: name.0.to_string(),
            exposure: Number::of(usage.reserved, exponent)?,
            limit: limit.map(|limit| Number::of(limit, exponent)).transpose()?,
            headroom: headroom.map(|headroom| Number::of(headroom, exponent)).transpose()?,
            breach: breach.is_some(),
        });
    }
    let amounts: Vec<i128> = usages.values().map(|usage| usage.reserved).collect();
    let concentration = format!("{:.4}", herfindahl(&amounts));
    let whole = Whole { currency: input.currency, concentration, counterparties: sums.clone(), trades: rows.clone() };
    if format == Format::Table {
        output::list(format, ROWS, rows, "no trade in the input")?;
        println!();
        return answer(format, (sums, SUMS), (&whole, WHOLE));
    }
    answer(format, (rows, ROWS), (&whole, WHOLE))
}

fn one_trade(trade: &Trade, exponent: u32) -> Result<(Row, i128)> {
    let name = trade.id.0.as_str();
    let open = Open {
        method: match trade.method {
            MethodInput::Dvp => Method::Dvp,
            MethodInput::Fop => Method::Fop,
        },
        movement: trade.movement.into(),
        market: trade.market.units(name, exponent)?,
        contract: trade.contract.units(name, exponent)?,
        sent: trade.sent,
        received: trade.received,
        late: trade.late,
    };
    let exposure = wrong(name, open.exposure())?;
    let row = Row {
        trade: trade.id.0.to_string(),
        counterparty: trade.counterparty.0.to_string(),
        phase: match exposure.phase {
            Phase::PreSettlement => "PRE_SETTLEMENT",
            Phase::Failing => "FAILING",
            Phase::Delivery => "DELIVERY",
            Phase::Over => "OVER",
        },
        replacement: Number::of(exposure.replacement, exponent)?,
        principal: Number::of(exposure.principal, exponent)?,
        exposure: Number::of(exposure.amount(), exponent)?,
    };
    Ok((row, exposure.amount()))
}
