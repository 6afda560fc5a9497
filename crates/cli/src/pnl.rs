//! `quittance pnl`: what books earned, by position, by book and by day, and the proof that days add up.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;
use wire::pb::service::{ListPnlRequest, SummarizePnlRequest, SummarizePnlResponse, WatchPnlRequest};
use wire::pb::typ::Decimal;
use wire::pb::view::{PnlBasis, PnlDay, PnlExceptionCode, PnlFigures, PnlLine, PnlQuestion, PnlTotal, SetSeries};

use crate::connection::{Caller, Connection, Seen};
use crate::dates;
use crate::fault::{failed, usage};
use crate::followed;
use crate::output::{self, Cell, Column, Format, Mark, column, figure, note};
use crate::paging::{self, Limit, Page, answer};
use crate::positions::{Filter, method, wire};
use crate::watch::{self, GoOn};

/// Profit and loss by position, book and day, valued by recorded prices and rates
#[derive(Args, Debug)]
pub struct Pnl {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// A line for each position: day, adjustment, closing, and what is missing
    #[command(after_help = "Examples:\n  quittance pnl list --book ALPHA-EQ --date 2026-11-23\n  \
        quittance pnl list --entity ALPHA --currency EUR --sets CLOSE/QUOTES -o csv")]
    List {
        #[command(flatten)]
        question: Question,
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        seen: Seen,
    },
    /// Follow the lines: what they are, then every change by trades, prices and corrections, until Ctrl-C
    #[command(after_help = "Examples:\n  quittance pnl watch --book ALPHA-EQ\n  \
        quittance pnl watch --entity ALPHA --currency EUR -o ndjson")]
    Watch {
        #[command(flatten)]
        question: Question,
        #[command(flatten)]
        from: GoOn,
    },
    /// A line for each book
    #[command(after_help = "Example:\n  quittance pnl books --date 2026-11-23 --currency EUR")]
    Books {
        #[command(flatten)]
        question: Question,
        #[command(flatten)]
        seen: Seen,
    },
    /// A line for each day, and the proof: days and adjustments are closing less opening; exit code 1 when they are not
    #[command(after_help = "Example:\n  quittance pnl days --book ALPHA-EQ --from 2026-11-23 --to 2026-11-27")]
    Days {
        #[command(flatten)]
        question: Question,
        /// The first close
        #[arg(long, value_parser = dates::parse, value_name = "DATE")]
        from: u32,
        /// The last close
        #[arg(long, value_parser = dates::parse, value_name = "DATE")]
        to: u32,
        #[command(flatten)]
        seen: Seen,
    },
}

#[derive(Args, Debug, Default)]
struct Question {
    #[command(flatten)]
    filter: Filter,
    /// The close [default: the last that has prices]
    #[arg(long, value_parser = dates::parse, value_name = "DATE")]
    date: Option<u32>,
    /// The close before it [default: the last day before that was closed or has prices]
    #[arg(long, value_parser = dates::parse, value_name = "DATE")]
    since: Option<u32>,
    /// Prices and rates: of each the first that has it [default: what the books were closed with, else the only one]
    #[arg(long, value_delimiter = ',', value_parser = series, value_name = "SNAP/SOURCE")]
    sets: Vec<SetSeries>,
    /// Report in this currency [default: each book's own]
    #[arg(long, value_name = "CCY")]
    currency: Option<String>,
}

pub fn series(text: &str) -> Result<SetSeries, String> {
    let (snap, source) = text.split_once('/').ok_or("write SNAP/SOURCE, as in CLOSE/QUOTES")?;
    Ok(SetSeries { snap: snap.to_owned(), source: source.to_owned() })
}

impl Question {
    fn wire(&self) -> PnlQuestion {
        PnlQuestion {
            filter: Some(self.filter.wire()),
            date: self.date.unwrap_or(0),
            since: self.since.unwrap_or(0),
            sets: self.sets.clone(),
            currency: self.currency.clone().unwrap_or_default(),
            method: wire(self.filter.method) as i32,
        }
    }
}

pub async fn run(command: Pnl) -> Result<()> {
    let format = command.caller.output;
    let connection = command.caller.connect().await?;
    match command.verb {
        Verb::List { question, limit, seen } => {
            let fetch = list(&connection, question.wire(), seen.min_sequence);
            paging::print(format, LIST, &limit, "no position fits", fetch).await
        }
        Verb::Watch { question, from } => {
            watch::as_it_comes(format)?;
            let GoOn { resume: resume_token, take } = from;
            let request = WatchPnlRequest { question: Some(question.wire()), resume_token, min_sequence: 0 };
            let stream = answer(connection.positions().watch_pnl(request).await)?;
            followed::run(format, take, stream, |response| response.update).await
        }
        Verb::Books { question, seen } => {
            let answer = summary(&connection, question.wire(), seen.min_sequence).await?;
            output::list(format, BOOKS, answer.totals.clone(), "no book fits")?;
            if format == Format::Table {
                stands_on(&answer);
            }
            Ok(())
        }
        Verb::Days { question, from, to, seen } => {
            if question.date.is_some() || question.since.is_some() {
                return Err(usage("--from and --to say which closes: without --date and --since"));
            }
            let days = days(&connection, question.wire(), (from, to), seen.min_sequence).await?;
            output::list(format, DAYS, days.clone(), "no day between them has prices")?;
            prove(format, &days)
        }
    }
}

/// Pages of results.
pub fn list(
    connection: &Connection,
    question: PnlQuestion,
    min_sequence: u64,
) -> impl AsyncFnMut(String, u32) -> Result<Page<PnlLine>> {
    let mut client = connection.positions();
    async move |page_token, page_size| {
        let request = ListPnlRequest { question: Some(question.clone()), page_size, page_token, min_sequence };
        let page = answer(client.list_pnl(request).await)?;
        Ok((page.lines, page.next_page_token))
    }
}

pub async fn summary(
    connection: &Connection,
    question: PnlQuestion,
    min_sequence: u64,
) -> Result<SummarizePnlResponse> {
    let request = SummarizePnlRequest { question: Some(question), min_sequence };
    answer(connection.positions().summarize_pnl(request).await)
}

/// The results of a day, over all books that fit, in one currency.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DayLine {
    pub date: u32,
    pub currency: String,
    pub opening: Option<Decimal>,
    pub adjustment: Option<Decimal>,
    pub day: Option<Decimal>,
    pub closing: Option<Decimal>,
    pub positions: u64,
    pub excepted: u64,
}

/// A line for each day of a range that has prices, and each currency.
pub async fn days(
    connection: &Connection,
    question: PnlQuestion,
    (from, to): (u32, u32),
    min_sequence: u64,
) -> Result<Vec<DayLine>> {
    let mut lines = Vec::new();
    let (from, to) = dates::civil(from).zip(dates::civil(to)).ok_or_else(|| usage("these are no dates"))?;
    for date in from.series(jiff::Span::new().days(1)).take_while(|date| *date <= to).map(dates::number) {
        let answer = summary(connection, PnlQuestion { date, ..question.clone() }, min_sequence).await?;
        // A day without a set is none.
        if answer.bases.iter().all(|basis| basis.sets.is_empty()) {
            continue;
        }
        let mut sums: BTreeMap<String, DayLine> = BTreeMap::new();
        for total in &answer.totals {
            let line = sums.entry(total.currency.clone()).or_default();
            (line.date, line.currency) = (date, total.currency.clone());
            (line.positions, line.excepted) = (line.positions + total.positions, line.excepted + total.excepted);
            let of = total.day.unwrap_or_default();
            for (sum, part) in [
                (&mut line.opening, total_of(of.opening.as_ref())),
                (&mut line.adjustment, total_of(of.adjustment.as_ref())),
                (&mut line.day, total_of(of.day.as_ref())),
                (&mut line.closing, total_of(of.closing.as_ref())),
            ] {
                *sum = add(*sum, part)?;
            }
        }
        lines.extend(sums.into_values());
    }
    Ok(lines)
}

/// The sum; what is absent adds nothing.
fn add(one: Option<Decimal>, other: Option<Decimal>) -> Result<Option<Decimal>> {
    match (one, other) {
        (Some(one), Some(other)) => {
            figure::sum(one, other).map(Some).ok_or_else(|| failed("a sum leaves the range of a decimal"))
        }
        (one, other) => Ok(one.or(other)),
    }
}

fn negative(amount: Option<Decimal>) -> Option<Decimal> {
    amount.map(|amount| Decimal { unscaled: -amount.unscaled, scale: amount.scale })
}

/// Σ days and adjustments less (closing − opening), by currency: zero, or what exceptions explain.
pub fn difference(days: &[DayLine]) -> Result<BTreeMap<String, Decimal>> {
    let mut by_currency: BTreeMap<&str, Vec<&DayLine>> = BTreeMap::new();
    for day in days.iter().filter(|day| day.opening.is_some()) {
        by_currency.entry(&day.currency).or_default().push(day);
    }
    let mut found = BTreeMap::new();
    for (currency, days) in by_currency {
        let mut sum = add(days[0].opening, negative(days[days.len() - 1].closing))?;
        for day in days {
            sum = add(add(sum, day.adjustment)?, day.day)?;
        }
        found.insert(currency.to_owned(), sum.unwrap_or_default());
    }
    Ok(found)
}

fn prove(format: Format, days: &[DayLine]) -> Result<()> {
    let excepted: u64 = days.iter().map(|day| day.excepted).sum();
    let mut torn = 0;
    for (currency, difference) in difference(days)? {
        torn += u64::from(difference.unscaled != 0);
        if format == Format::Table {
            let amount = figure::grouped(difference);
            note(format!("{currency}: Σ days and adjustments − (closing − opening) = {amount}"));
        }
    }
    match (torn, excepted) {
        (0, _) => Ok(()),
        (_, 0) => Err(failed("the days do not add up")),
        // What has no price on one day is in one sum and not in the next.
        (_, _) => {
            note(format!("the difference is of {} without price or rate", figure::some(excepted, "line", "lines")));
            Ok(())
        }
    }
}

/// What a summary stands on, and what it leaves out.
fn stands_on(answer: &SummarizePnlResponse) {
    let mut stands: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for basis in &answer.bases {
        stands.entry(basis_text(basis)).or_default().push(&basis.entity);
    }
    for (text, entities) in stands {
        note(format!("{text} ({})", figure::some(entities.len() as u64, "entity", "entities")));
    }
    for each in &answer.exceptions {
        note(format!("{} on {}", code(each.code()), figure::some(each.lines, "line", "lines")));
    }
}

/// `2026-11-24 by CLOSE QUOTES v1, since 2026-11-23 (closed) by CLOSE QUOTES v1, record 1,234`.
pub fn basis_text(basis: &PnlBasis) -> String {
    let sets = |sets: &[wire::pb::record::FrozenSet]| {
        let names: Vec<_> = sets.iter().map(|set| format!("{} {} v{}", set.snap, set.source, set.version)).collect();
        if names.is_empty() { "no prices".to_owned() } else { names.join(", ") }
    };
    let closed = |closed| if closed { " (closed)" } else { "" };
    let mut text = format!("{}{} by {}", figure::date(basis.date), closed(basis.closed), sets(&basis.sets));
    if basis.last_date != 0 {
        let (date, last) = (figure::date(basis.last_date), closed(basis.last_closed));
        text.push_str(&format!(", since {date}{last} by {}", sets(&basis.last_sets)));
    }
    text
}

fn code(code: PnlExceptionCode) -> &'static str {
    code.as_str_name().trim_start_matches("PNL_EXCEPTION_CODE_")
}

pub fn total_of(figures: Option<&PnlFigures>) -> Option<Decimal> {
    figures.and_then(|figures| figures.total)
}

/// The reported day, else the local one.
fn day(line: &PnlLine) -> Option<&PnlDay> {
    line.reported.as_ref().or(line.local.as_ref())
}

/// What is missing or out of the ordinary, each once: `NO_PRICE COST_AT_MARKET`.
pub fn names(line: &PnlLine) -> String {
    let mut texts: Vec<&str> = Vec::new();
    for each in &line.exceptions {
        let text = code(each.code());
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(" ")
}

fn exceptions(line: &PnlLine) -> Cell {
    if line.exceptions.is_empty() { Cell::Blank } else { Cell::Marked(names(line), Mark::Bad) }
}

/// A part of a total's day.
fn part(total: &PnlTotal, part: fn(&PnlDay) -> Option<&PnlFigures>) -> Cell {
    Cell::amount(total_of(total.day.as_ref().and_then(part)))
}

fn result(total: &PnlTotal, line: fn(&PnlFigures) -> Option<Decimal>) -> Cell {
    Cell::amount(total.day.as_ref().and_then(|day| day.day.as_ref()).and_then(line))
}

pub const LIST: &[Column<PnlLine>] = &[
    column("book", |each| Cell::text(&each.book)),
    column("instrument", |each| Cell::text(&each.instrument)),
    column("quantity", |each| Cell::amount(each.quantity)),
    column("price", |each| Cell::amount(each.price)),
    column("ccy", |each| Cell::text(&each.currency)),
    column("market value", |each| Cell::amount(each.market_value)),
    column("method", |each| Cell::text(method(each.method()))),
    column("in", |each| Cell::text(if each.reported.is_some() { &each.reporting_currency } else { &each.currency })),
    column("day", |each| Cell::amount(total_of(day(each).and_then(|day| day.day.as_ref())))),
    column("adjustment", |each| Cell::amount(total_of(day(each).and_then(|day| day.adjustment.as_ref())))),
    column("closing", |each| Cell::amount(total_of(day(each).and_then(|day| day.closing.as_ref())))),
    column("exceptions", exceptions),
];

pub const BOOKS: &[Column<PnlTotal>] = &[
    column("book", |each| Cell::text(&each.book)),
    column("ccy", |each| Cell::text(&each.currency)),
    column("opening", |each| part(each, |day| day.opening.as_ref())),
    column("adjustment", |each| part(each, |day| day.adjustment.as_ref())),
    column("day", |each| part(each, |day| day.day.as_ref())),
    column("closing", |each| part(each, |day| day.closing.as_ref())),
    column("day realised", |each| result(each, |figures| figures.realised)),
    column("day unrealised", |each| result(each, |figures| figures.unrealised)),
    column("day FX", |each| {
        let day = each.day.as_ref().and_then(|day| day.day.as_ref());
        Cell::amount(day.and_then(|day| figure::sum(day.realised_fx?, day.unrealised_fx?)))
    }),
    column("day accrued", |each| result(each, |figures| figures.accrued)),
    column("day fees", |each| result(each, |figures| figures.fees)),
    column("positions", |each| Cell::Count(each.positions)),
    column("excepted", |each| if each.excepted == 0 { Cell::Blank } else { Cell::Count(each.excepted) }),
];

const DAYS: &[Column<DayLine>] = &[
    column("date", |each| Cell::Date(each.date)),
    column("ccy", |each| Cell::text(&each.currency)),
    column("opening", |each| Cell::amount(each.opening)),
    column("adjustment", |each| Cell::amount(each.adjustment)),
    column("day", |each| Cell::amount(each.day)),
    column("closing", |each| Cell::amount(each.closing)),
    column("positions", |each| Cell::Count(each.positions)),
    column("excepted", |each| if each.excepted == 0 { Cell::Blank } else { Cell::Count(each.excepted) }),
];
