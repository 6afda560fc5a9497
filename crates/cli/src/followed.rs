//! Following answers that are computed when they are asked: every row as it stands, then each that changes.

use std::io::Write;

use anyhow::Result;
use tonic::Streaming;
use wire::pb::view::followed_row::Row;
use wire::pb::view::followed_update::Kind;
use wire::pb::view::{ExposurePhase, FollowedRow, FollowedUpdate, PnlLine};

use crate::output::{Format, figure, note};
use crate::watch::{self, Heard};
use crate::{pnl, report};

/// Prints what comes until Ctrl-C, the server's end, or so many messages.
pub async fn run<M>(
    format: Format,
    take: Option<u64>,
    mut stream: Streaming<M>,
    update: fn(M) -> Option<FollowedUpdate>,
) -> Result<()> {
    let next = async || Ok(stream.message().await?.map(|message| update(message).unwrap_or_default()));
    watch::follow(take, next, |update| {
        print(&update, format)?;
        Ok(Heard { too_slow: false, resume_token: update.resume_token })
    })
    .await
}

fn print(update: &FollowedUpdate, format: Format) -> Result<()> {
    watch::print(update, format, |out| {
        match &update.kind {
            Some(Kind::Snapshot(snapshot)) => {
                rows(out, &snapshot.rows)?;
                if snapshot.last {
                    note(format!(
                        "— that is how it stands at record {}; changes follow —",
                        figure::count(update.sequence)
                    ));
                }
            }
            Some(Kind::Changes(changes)) => {
                rows(out, &changes.rows)?;
                let left = changes.left.iter().filter_map(|each| each.row.as_ref()).filter_map(named);
                left.into_iter().try_for_each(|name| writeln!(out, "{name:<40} is no more"))?;
            }
            Some(Kind::Reset(_)) => watch::out_of_date(),
            Some(Kind::Heartbeat(_)) | None => {}
        }
        Ok(())
    })
}

/// Rows to be read on by a program; what they stand on beside them.
fn rows(out: &mut impl Write, rows: &[FollowedRow]) -> Result<()> {
    for row in rows.iter().filter_map(|each| each.row.as_ref()) {
        match (named(row), row) {
            (Some(name), _) => writeln!(out, "{name:<40} {}", standing(row))?,
            (None, Row::Lacking(why)) => note(format!("nothing is computed yet: {why}")),
            (None, _) => note(standing(row)),
        }
    }
    Ok(())
}

/// What names a row; nothing: it is what others stand on.
fn named(row: &Row) -> Option<String> {
    match row {
        Row::Lacking(_) | Row::PnlBasis(_) | Row::ExposureBasis(_) | Row::ReportBasis(_) => None,
        Row::Pnl(each) => Some(format!("{:<14} {:<14} {}", each.book, each.instrument, each.currency)),
        Row::Exception(each) => Some(format!("{:<14} {}", each.code, each.subject)),
        Row::Rate(each) => {
            let by = if each.currency.is_empty() { "volume" } else { &each.currency };
            Some(format!("{:<22} {:<10} {by}", report::name(each.measure()), each.domain))
        }
        Row::Fail(each) => {
            let (age, currency) = (report::age(each), &each.currency);
            Some(format!("fails {:<12} {} {age} {currency} {}", each.counterparty, each.reason, each.domain))
        }
        Row::Ladder(each) => Some(format!("{:<16} {}", each.account, each.currency)),
        Row::Coverage(each) => Some(format!("{:<16} {}", each.depot, each.instrument)),
        Row::Exposure(each) => {
            let (currency, date) = (&each.currency, figure::date(each.value_date));
            let phase = match each.phase() {
                ExposurePhase::Unspecified => "",
                ExposurePhase::PreSettlement => "pre-settlement",
                ExposurePhase::Failing => "failing",
                ExposurePhase::Delivery => "delivery",
            };
            Some(format!("{:<12} {:<12} {currency} {date} {phase}", each.entity, each.counterparty))
        }
    }
}

fn standing(row: &Row) -> String {
    match row {
        Row::Lacking(why) => why.clone(),
        Row::PnlBasis(each) => {
            format!("{} at {}", each.book, each.basis.as_ref().map_or_else(String::new, pnl::basis_text))
        }
        Row::Pnl(each) => result(each),
        Row::ExposureBasis(each) => match &each.prices {
            Some(set) => figure::price_set(set),
            None => "at no prices".to_owned(),
        },
        Row::ReportBasis(each) => format!("{} to {}", figure::date(each.from), figure::date(each.to)),
        Row::Rate(each) => {
            let (part, whole) = (figure::count(each.numerator), figure::count(each.denominator));
            let percent =
                each.percent.map_or_else(|| "none".to_owned(), |percent| format!("{} %", figure::grouped(percent)));
            format!("{percent}, {part} of {whole}")
        }
        Row::Fail(each) => {
            format!("{}, {}", figure::some(each.count, "instruction", "instructions"), figure::known(each.value))
        }
        Row::Ladder(each) => {
            let last = each.lines.last().map_or(each.settled, |line| line.projected);
            let (settled, last, need) =
                (figure::known(each.settled), figure::known(last), figure::known(each.funding_need));
            format!("{settled} settled, {last} in the end, {need} to be funded")
        }
        Row::Coverage(each) => {
            let (settled, uncovered) = (figure::known(each.settled), figure::known(each.uncovered));
            let (coming, going) = (figure::known(each.expected_in), figure::known(each.due_out));
            format!("{settled} settled, {coming} to come, {going} to go, {uncovered} uncovered")
        }
        Row::Exception(each) => {
            format!("{} not in the figures", figure::some(each.trades, "open trade", "open trades"))
        }
        Row::Exposure(each) => {
            let trades = figure::some(each.trades, "trade", "trades");
            format!("{} at stake in {trades}, {} not priced", figure::known(each.exposure), each.unpriced)
        }
    }
}

fn result(line: &PnlLine) -> String {
    let (day, currency) = match &line.reported {
        Some(reported) => (Some(reported), &line.reporting_currency),
        None => (line.local.as_ref(), &line.currency),
    };
    let total = |figures| figure::known(pnl::total_of(figures));
    let today = total(day.and_then(|day| day.day.as_ref()));
    let closing = total(day.and_then(|day| day.closing.as_ref()));
    let (held, price) = (figure::known(line.quantity), figure::known(line.price));
    format!("{held} at {price}, day {today}, closing {closing} {currency} {}", pnl::names(line)).trim_end().to_owned()
}
