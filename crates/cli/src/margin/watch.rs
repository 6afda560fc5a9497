//! `quittance margin watch`: margin accounts, calls and forecasts, as they change.

use std::io::Write;

use anyhow::Result;
use wire::pb::service::WatchMarginRequest;
use wire::pb::view::margin_update::{Changes, Kind};
use wire::pb::view::{MarginBasis, MarginCall, MarginFilter, MarginForecast, MarginRows, MarginStanding, MarginUpdate};

use super::{forecast, kind};
use crate::connection::Connection;
use crate::output::{Format, figure, note};
use crate::paging::answer;
use crate::watch::{self, GoOn, Heard};

pub(super) async fn run(connection: &Connection, format: Format, filter: MarginFilter, from: GoOn) -> Result<()> {
    watch::as_it_comes(format)?;
    let request = WatchMarginRequest { filter: Some(filter), resume_token: from.resume, min_sequence: 0 };
    let mut stream = answer(connection.risk().watch_margin(request).await)?;
    let next = async || Ok(stream.message().await?.map(|response| response.update.unwrap_or_default()));
    watch::follow(from.take, next, |update| {
        print(&update, format)?;
        Ok(Heard { too_slow: false, resume_token: update.resume_token })
    })
    .await
}

fn account(row: &MarginStanding) -> String {
    let name = format!("account  {:<24}", row.account);
    if !row.lacks.is_empty() {
        return format!("{name} not assessed: {} lacking", row.lacks.join(", "));
    }
    let (equity, kept, missing) =
        (figure::known(row.equity), figure::known(row.maintenance), figure::known(row.missing));
    format!(
        "{name} equity {equity}, to be kept {kept}, missing {missing}, called {} {}",
        figure::known(row.called),
        row.currency
    )
}

fn call(row: &MarginCall) -> String {
    let standing = if row.missed { "missed" } else { "open" };
    let (of, due) = (figure::known(row.amount), figure::date(row.due));
    let (number, kind) = (row.number, kind(row));
    let outstanding = figure::known(row.outstanding);
    format!(
        "call     #{number:<7} {:<15} {kind}: {outstanding} of {of} {} to come, due {due}, {standing}",
        row.account, row.currency
    )
}

fn asked(row: &MarginForecast) -> String {
    let place = format!("forecast {:<24}", forecast::place(row));
    match row.lacks.is_empty() {
        true => format!("{place} requirement {} {}", figure::known(row.requirement), row.currency),
        false => format!("{place} none: {}", row.lacks.join(", ")),
    }
}

fn basis(basis: &MarginBasis) -> String {
    match &basis.prices {
        Some(set) => figure::price_set(set),
        None => format!("accounts are not assessed: {}", basis.unpriced),
    }
}

fn rows(out: &mut impl Write, rows: &MarginRows) -> Result<()> {
    rows.basis.iter().for_each(|each| note(basis(each)));
    rows.accounts.iter().try_for_each(|each| writeln!(out, "{}", account(each)))?;
    rows.calls.iter().try_for_each(|each| writeln!(out, "{}", call(each)))?;
    rows.forecasts.iter().try_for_each(|each| writeln!(out, "{}", asked(each)))?;
    Ok(())
}

fn left(out: &mut impl Write, changes: &Changes) -> Result<()> {
    changes
        .accounts_left
        .iter()
        .try_for_each(|account| writeln!(out, "account  {account:<24} is no longer assessed"))?;
    changes.calls_left.iter().try_for_each(|number| writeln!(out, "call     #{number} has ended"))?;
    for key in &changes.forecasts_left {
        writeln!(out, "forecast {} at {}, {}: nothing is open any more", key.entity, key.ccp, key.currency)?;
    }
    Ok(())
}

fn print(update: &MarginUpdate, format: Format) -> Result<()> {
    watch::print(update, format, |out| {
        match &update.kind {
            Some(Kind::Snapshot(snapshot)) => {
                snapshot.rows.iter().try_for_each(|each| rows(out, each))?;
                if snapshot.last {
                    note(format!(
                        "— that is how it stands at record {}; changes follow —",
                        figure::count(update.sequence)
                    ));
                }
            }
            Some(Kind::Changes(changes)) => {
                changes.rows.iter().try_for_each(|each| rows(out, each))?;
                left(out, changes)?;
            }
            Some(Kind::Reset(_)) => watch::out_of_date(),
            Some(Kind::Heartbeat(_)) | None => {}
        }
        Ok(())
    })
}
