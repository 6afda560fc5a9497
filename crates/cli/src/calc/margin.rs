//! `quittance calc reg-t`: a client margin account by the rules in force on a day, its calls and what cures them.

use std::path::Path;

use anyhow::Result;
use model::calendar::Calendar;
use risk::amount::Scales;
use risk::margin::client::{Account, Security, memorandum};
use risk::published;
use serde::{Deserialize, Serialize};

use super::input::{CalendarInput, Currency, Day, Name, Number, read, wrong};
use crate::output::{self, Cell, Column, Format, column};

pub const HELP: &str = "\
Cash is the credit balance with the proceeds of short sales, less the debit balance; securities by trade date, short
ones negative; the day's trade is in both. With \"trade\" (date, bought, soldShort, cycle, calendar) also the initial
call of that day and when it is due. \"memorandum\" is the balance of the special memorandum account before. Rules
shipped: US.

Example:
  echo '{\"jurisdiction\": \"US\", \"date\": \"2026-11-23\", \"currency\": \"USD\", \"cash\": \"-25000.00\",
   \"securities\": [{\"id\": \"XYZ\", \"quantity\": \"1000\", \"price\": \"30.00\"}],
   \"trade\": {\"date\": \"2026-11-23\", \"bought\": \"20000.00\", \"cycle\": 1, \"calendar\": \"USDTC\"}}' |
    quittance calc reg-t";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Input {
    jurisdiction: String,
    date: Day,
    currency: Currency,
    cash: Number,
    securities: Vec<SecurityInput>,
    memorandum: Option<Number>,
    trade: Option<TradeInput>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SecurityInput {
    id: Name,
    quantity: Number,
    price: Number,
    #[serde(default)]
    quantity_decimals: u32,
}

/// What was traded on a day.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TradeInput {
    date: Day,
    bought: Option<Number>,
    sold_short: Option<Number>,
    /// Standard settlement cycle in days.
    cycle: u32,
    calendar: CalendarInput,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    date: Day,
    long: Number,
    short: Number,
    equity: Number,
    initial_requirement: Number,
    excess: Number,
    memorandum: Number,
    buying_power: Number,
    maintenance_requirement: Number,
    maintenance_call: Number,
    cure_by_cash: Option<Number>,
    cure_by_deposit: Option<Number>,
    cure_by_sale: Option<Number>,
    cure_by_buy_in: Option<Number>,
    initial_call: Option<Number>,
    initial_call_due: Option<Day>,
    source: String,
}

fn optional(number: &Option<Number>) -> Cell {
    number.map_or(Cell::Blank, |number| number.cell())
}

const COLUMNS: &[Column<Answer>] = &[
    column("date", |answer| answer.date.cell()),
    column("long", |answer| answer.long.cell()),
    column("short", |answer| answer.short.cell()),
    column("equity", |answer| answer.equity.cell()),
    column("initial requirement", |answer| answer.initial_requirement.cell()),
    column("excess", |answer| answer.excess.cell()),
    column("memorandum account", |answer| answer.memorandum.cell()),
    column("buying power", |answer| answer.buying_power.cell()),
    column("maintenance requirement", |answer| answer.maintenance_requirement.cell()),
    column("maintenance call", |answer| answer.maintenance_call.cell()),
    column("cured by cash", |answer| optional(&answer.cure_by_cash)),
    column("cured by securities of", |answer| optional(&answer.cure_by_deposit)),
    column("cured by a sale of", |answer| optional(&answer.cure_by_sale)),
    column("cured by a buy-in of", |answer| optional(&answer.cure_by_buy_in)),
    column("initial call", |answer| optional(&answer.initial_call)),
    column("due", |answer| answer.initial_call_due.map_or(Cell::Blank, |day| day.cell())),
    column("source", |answer| Cell::text(answer.source.clone())),
];

pub fn run(file: &Path, format: Format) -> Result<()> {
    let input: Input = read(file)?;
    let exponent = input.currency.exponent()?;
    let rules = published::client_margin();
    let rule = wrong("jurisdiction", rules.on(&input.jurisdiction, input.date.0))?;
    let terms = &rule.value;
    let security = |security: &SecurityInput| -> Result<Security> {
        let scales = Scales { quantity: security.quantity_decimals, currency: exponent };
        let quantity = security.quantity.units(security.id.0.as_str(), scales.quantity)?;
        Ok(Security { quantity, price: security.price.0, scales })
    };
    let securities = input.securities.iter().map(security).collect::<Result<Vec<_>>>()?;
    let account = Account { cash: input.cash.units("cash", exponent)?, securities };
    let standing = wrong("account", terms.assess(&account))?;
    let money = |units| Number::of(units, exponent);
    let units = |what, number: &Option<Number>| number.map_or(Ok(0), |number: Number| number.units(what, exponent));
    let before = units("memorandum", &input.memorandum)?;
    let after = memorandum(before, standing.excess);
    let cure = (standing.call > 0).then(|| terms.cure(&standing)).transpose();
    let cure = wrong("cure", cure)?;
    let (mut initial_call, mut initial_call_due) = (None, None);
    if let Some(trade) = &input.trade {
        let (bought, short) = (units("bought", &trade.bought)?, units("soldShort", &trade.sold_short)?);
        // The account has the trade in it, and a purchase on credit leaves its equity as it was: so before the trade it had
        // the excess it has now and what the trade asks for.
        let asked = wrong("trade", terms.commitment(bought, short))?;
        let available = memorandum(before, wrong("trade", risk::amount::plus(standing.excess, asked))?);
        let call = terms.initial_call(bought, short, available, standing.equity, exponent);
        initial_call = Some(money(wrong("trade", call)?)?);
        let calendar: Calendar = trade.calendar.calendar()?;
        initial_call_due = Some(Day(wrong("trade", terms.due(trade.date.0, trade.cycle, &[&calendar]))?));
    }
    let answer = Answer {
        date: input.date,
        long: money(standing.long)?,
        short: money(standing.short)?,
        equity: money(standing.equity)?,
        initial_requirement: money(standing.initial)?,
        excess: money(standing.excess)?,
        memorandum: money(after)?,
        buying_power: money(wrong("memorandum", terms.buying_power(after))?)?,
        maintenance_requirement: money(standing.maintenance)?,
        maintenance_call: money(standing.call)?,
        cure_by_cash: cure.map(|cure| money(cure.cash)).transpose()?,
        cure_by_deposit: cure.map(|cure| money(cure.deposit)).transpose()?,
        cure_by_sale: cure.and_then(|cure| cure.sale).map(money).transpose()?,
        cure_by_buy_in: cure.and_then(|cure| cure.buy_in).map(money).transpose()?,
        initial_call,
        initial_call_due,
        source: rule.source.clone(),
    };
    output::one(format, COLUMNS, &answer)
}
