//! `quittance report`: how settlement goes, each rate with what is counted of what, and what fails by whom, why and how long.

use anyhow::Result;
use clap::Args;
use wire::pb::service::{GetReportRequest, WatchReportRequest};
use wire::pb::view::{Report as Answer, ReportFail, ReportMeasure, ReportRate};

use crate::connection::{Caller, Connection, Seen};
use crate::dates;
use crate::fault::failed;
use crate::followed;
use crate::output::{self, Cell, Column, Format, Mark, column, figure, note};
use crate::paging::answer;
use crate::watch::{Follow, GoOn};

/// STP rate, matching rates, settlement efficiency, fails by counterparty, reason and age
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  quittance report\n  quittance report --from 2026-11-23 --to 2026-11-27 --fails -o csv\n  \
        quittance report --follow"
)]
pub struct Report {
    #[command(flatten)]
    caller: Caller,
    /// The first settlement day [default: the last]
    #[arg(long, value_parser = dates::parse, value_name = "DATE")]
    from: Option<u32>,
    /// The last settlement day [default: the latest that was opened]
    #[arg(long, value_parser = dates::parse, value_name = "DATE")]
    to: Option<u32>,
    /// What fails now, instead of the rates; a table has both
    #[arg(long)]
    fails: bool,
    #[command(flatten)]
    follow: Follow,
    #[command(flatten)]
    seen: Seen,
}

pub async fn run(command: Report) -> Result<()> {
    let format = command.caller.output;
    let connection = command.caller.connect().await?;
    let period = (command.from.unwrap_or(0), command.to.unwrap_or(0));
    if let Some(GoOn { resume: resume_token, take }) = command.follow.from(format)? {
        let ((from, to), min_sequence) = (period, command.seen.min_sequence);
        let request = WatchReportRequest { from, to, resume_token, min_sequence };
        let stream = answer(connection.reports().watch_report(request).await)?;
        return followed::run(format, take, stream, |response| response.update).await;
    }
    let report = ask(&connection, period, command.seen.min_sequence).await?;
    match (format, command.fails) {
        (Format::Table, fails) => {
            if !fails {
                println!("{} to {}", figure::date(report.from), figure::date(report.to));
                output::list(format, RATES, report.rates.clone(), "nothing was due and nothing has settled")?;
                println!();
                words(&report);
            }
            output::list(format, FAILS, report.fails, "nothing fails")
        }
        (_, true) => output::list(format, FAILS, report.fails, ""),
        (_, false) => output::list(format, RATES, report.rates, ""),
    }
}

pub async fn ask(connection: &Connection, (from, to): (u32, u32), min_sequence: u64) -> Result<Answer> {
    let request = GetReportRequest { from, to, min_sequence };
    let report = answer(connection.reports().get_report(request).await)?.report;
    report.ok_or_else(|| failed("the server's answer holds no report"))
}

/// What the parts of each rate are.
fn words(report: &Answer) {
    let mut told = Vec::new();
    for rate in &report.rates {
        if !told.contains(&rate.measure) {
            told.push(rate.measure);
            note(format!("{}: {}; of: {}", name(rate.measure()), rate.numerator_is, rate.denominator_is));
        }
    }
}

pub fn name(measure: ReportMeasure) -> &'static str {
    match measure {
        ReportMeasure::Unspecified => "?",
        ReportMeasure::Stp => "straight through",
        ReportMeasure::MatchedOnTradeDate => "matched on trade date",
        ReportMeasure::MatchedBeforeDue => "matched before due",
        ReportMeasure::MatchedOnDue => "matched when due",
        ReportMeasure::SettlementEfficiency => "settlement efficiency",
        ReportMeasure::DailyFails => "daily fails",
    }
}

/// `2-3`, `46+`, `today`.
pub fn age(fail: &ReportFail) -> String {
    match (fail.age_from, fail.age_to) {
        (0, _) => "today".to_owned(),
        (from, 0) => format!("{from}+"),
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from}-{to}"),
    }
}

pub const RATES: &[Column<ReportRate>] = &[
    column("rate", |each| Cell::text(name(each.measure()))),
    column("domain", |each| Cell::text(&each.domain)),
    column("by", |each| Cell::text(if each.currency.is_empty() { "volume" } else { &each.currency })),
    column("percent", |each| Cell::amount(each.percent)),
    column("count", |each| Cell::Count(each.numerator)),
    column("of", |each| Cell::Count(each.denominator)),
    column("value", |each| Cell::amount(each.numerator_value)),
    column("of value", |each| Cell::amount(each.denominator_value)),
];

pub const FAILS: &[Column<ReportFail>] = &[
    column("counterparty", |each| Cell::text(&each.counterparty)),
    column("reason", |each| Cell::Marked(each.reason.clone(), Mark::Bad)),
    column("business days", |each| Cell::text(age(each))),
    column("ccy", |each| Cell::text(&each.currency)),
    column("instructions", |each| Cell::Count(each.count)),
    column("value", |each| Cell::amount(each.value)),
    column("domain", |each| Cell::text(&each.domain)),
];
