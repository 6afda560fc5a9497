//! `quittance margin forecast`: what CCPs will ask for what has not settled, by clearing account.

use anyhow::Result;
use serde::Serialize;
use wire::pb::service::ForecastMarginRequest;
use wire::pb::view::{ForecastFilter, ForecastPosition, ForecastTrade, MarginCharge, MarginForecast, MarginForecasts};

use crate::connection::{Connection, Seen};
use crate::fault::failed;
use crate::output::{self, Cell, Column, Format, column, figure, note};
use crate::paging::answer;
use crate::risk::stands_on;

/// Asks for it.
pub async fn ask(connection: &Connection, filter: ForecastFilter, min_sequence: u64) -> Result<MarginForecasts> {
    let request = ForecastMarginRequest { filter: Some(filter), min_sequence };
    let forecasts = answer(connection.risk().forecast_margin(request).await)?.forecasts;
    forecasts.ok_or_else(|| failed("the server's answer holds no forecast".to_owned()))
}

pub(super) async fn run(connection: &Connection, format: Format, filter: ForecastFilter, seen: Seen) -> Result<()> {
    let forecasts = ask(connection, filter, seen.min_sequence).await?;
    if format == Format::Json {
        // The whole answer, with what it stands on.
        return output::one(format, &[], &forecasts);
    }
    output::list(format, LINES, lines(&forecasts), "no trade with a CCP is open")?;
    for account in &forecasts.accounts {
        match account.lacks.is_empty() {
            true => note(format!("{}: {}", place(account), account.terms)),
            false => note(format!("{} has no forecast: {}", place(account), account.lacks.join(", "))),
        }
    }
    for series in &forecasts.history {
        let (first, last) = (figure::date(series.first), figure::date(series.last));
        let made = if series.synthetic { ", made and not observed" } else { "" };
        note(format!("{} closes of {} from {}, {first} to {last}{made}", series.closes, series.snap, series.source));
    }
    stands_on(forecasts.prices.as_ref(), &forecasts.exceptions);
    note(format!("as of record {}", forecasts.sequence));
    Ok(())
}

/// A position of an account, or all of it: then the instrument is `all` and the requirement is there.
#[derive(Serialize)]
pub struct Line {
    account: String,
    currency: String,
    #[serde(skip)]
    requirement: Option<wire::pb::typ::Decimal>,
    #[serde(flatten)]
    position: ForecastPosition,
}

pub(super) fn place(account: &MarginForecast) -> String {
    let depot = if account.account.is_empty() { "in repair" } else { &account.account };
    format!("{} at {}, {depot}", account.entity, account.ccp)
}

/// The positions of each account, then all of it.
pub fn lines(forecasts: &MarginForecasts) -> Vec<Line> {
    let mut lines = Vec::new();
    for account in &forecasts.accounts {
        let line = |requirement, position| Line {
            account: place(account),
            currency: account.currency.clone(),
            requirement,
            position,
        };
        lines.extend(account.positions.iter().map(|position| line(None, position.clone())));
        let all = ForecastPosition { instrument: "all".to_owned(), charge: account.total, ..Default::default() };
        lines.push(line(account.requirement, all));
    }
    lines
}

fn charge(line: &Line, part: fn(&MarginCharge) -> Option<wire::pb::typ::Decimal>) -> Cell {
    Cell::amount(line.position.charge.as_ref().and_then(part))
}

fn trade(trade: &ForecastTrade) -> String {
    if trade.failing { format!("{} late", trade.trade_id) } else { trade.trade_id.clone() }
}

/// How a line is shown, here and in the demonstration.
pub const LINES: &[Column<Line>] = &[
    column("account", |each| Cell::text(&each.account)),
    column("ccy", |each| Cell::text(&each.currency)),
    column("instrument", |each| Cell::text(&each.position.instrument)),
    column("quantity", |each| Cell::amount(each.position.quantity)),
    column("contract", |each| Cell::amount(each.position.contract)),
    column("market", |each| Cell::amount(each.position.market)),
    column("mark to market", |each| charge(each, |charge| charge.mark_to_market)),
    column("haircut", |each| Cell::amount(each.position.haircut)),
    column("volatility", |each| charge(each, |charge| charge.volatility)),
    column("gap", |each| charge(each, |charge| charge.gap)),
    column("fails", |each| charge(each, |charge| charge.fails)),
    column("requirement", |each| Cell::amount(each.requirement)),
    column("trades", |each| Cell::text(each.position.trades.iter().map(trade).collect::<Vec<_>>().join(", "))),
];
