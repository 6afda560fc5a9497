//! What the books hold and earned in the week: positions, results by book, days that add up, and the same by plain sums.

use std::collections::BTreeMap;

use anyhow::Result;
use model::date::Date;
use wire::pb::record::LotMethod;
use wire::pb::typ::Decimal;
use wire::pb::view::{PnlLine, PnlQuestion, PnlTotal, Position, PositionFilter, ReportRate};

use super::plan::Plan;
use super::records::Records;
use super::screen::{heading, line, table};
use crate::connection::Connection;
use crate::fault::failed;
use crate::output::{Cell, figure};
use crate::paging;
use crate::pnl::{self, basis_text, total_of};
use crate::{positions, report};

/// Rows of a table whose rest is only counted.
const ROWS: usize = 8;

/// In what results of the whole market are told.
const CURRENCY: &str = "EUR";

fn size(amount: Option<Decimal>) -> u64 {
    amount.map_or(0, |amount| amount.unscaled.unsigned_abs())
}

/// Prints all of it; how many proofs do not hold.
pub async fn print(connection: &Connection, plan: &Plan, records: &Records, sequence: u64) -> Result<usize> {
    let (first, last) = plan.days.first().zip(plan.days.last()).ok_or_else(|| failed("the week has no days"))?;
    held(connection, sequence).await?;
    let question = PnlQuestion { date: last.date, currency: CURRENCY.to_owned(), ..PnlQuestion::default() };
    by_book(connection, question.clone(), sequence).await?;
    by_position(connection, question, sequence).await?;
    let broken = add_up(connection, records, (first.date, last.date), sequence).await?;
    management(connection, (first.date, last.date), sequence).await?;
    Ok(broken)
}

async fn held(connection: &Connection, sequence: u64) -> Result<()> {
    heading("Positions: traded whatever has settled, and the cost of the open lots, first in first out");
    let all = positions::list(connection, PositionFilter::default(), LotMethod::Fifo, sequence);
    let mut all = paging::all(all).await?;
    let open = |each: &Position| each.traded.zip(each.settled).map_or(0, |(one, two)| one.unscaled - two.unscaled);
    // What moved most and has not settled first.
    all.sort_by_key(|each| std::cmp::Reverse((open(each).unsigned_abs(), size(each.cost))));
    let row = |each: &Position| {
        vec![
            Cell::text(&each.book),
            Cell::text(&each.instrument),
            Cell::amount(each.traded),
            Cell::amount(each.settled),
            Cell::amount(each.cost),
            Cell::amount(each.realised),
            Cell::text(&each.currency),
            Cell::Count(each.entries),
        ]
    };
    let rows: Vec<_> = all.iter().take(ROWS).map(row).collect();
    table(&["book", "instrument", "traded", "settled", "cost", "realised", "ccy", "entries"], &rows);
    rest(all.len(), rows.len(), "quittance positions list");
    Ok(())
}

async fn by_book(connection: &Connection, question: PnlQuestion, sequence: u64) -> Result<()> {
    heading("Profit and loss of the last day by book, in euro");
    let answer = pnl::summary(connection, question, sequence).await?;
    let mut totals = answer.totals.clone();
    let day = |each: &PnlTotal| each.day.as_ref().and_then(|day| total_of(day.day.as_ref()));
    totals.sort_by_key(|each| std::cmp::Reverse(size(day(each))));
    let row = |each: &PnlTotal| {
        let result = each.day.unwrap_or_default();
        let of = result.day.unwrap_or_default();
        let fx = of.realised_fx.zip(of.unrealised_fx).and_then(|(one, two)| figure::sum(one, two));
        vec![
            Cell::text(&each.book),
            Cell::amount(total_of(result.day.as_ref())),
            Cell::amount(of.realised),
            Cell::amount(of.unrealised),
            Cell::amount(fx),
            Cell::amount(of.accrued),
            Cell::amount(total_of(result.closing.as_ref())),
            if each.excepted == 0 { Cell::Blank } else { Cell::Count(each.excepted) },
        ]
    };
    let rows: Vec<_> = totals.iter().take(ROWS).map(row).collect();
    table(&["book", "day", "realised", "unrealised", "FX", "accrued", "since the beginning", "unpriced"], &rows);
    rest(totals.len(), rows.len(), "quittance pnl books");
    if let Some(basis) = answer.bases.first() {
        line(format!("valued {}", basis_text(basis)));
    }
    Ok(())
}

async fn by_position(connection: &Connection, question: PnlQuestion, sequence: u64) -> Result<()> {
    heading("Where the day was won and lost, and what has no result");
    let mut lines = paging::all(pnl::list(connection, question, sequence)).await?;
    let day = |each: &PnlLine| each.reported.as_ref().and_then(|day| total_of(day.day.as_ref()));
    let (hidden, told): (Vec<_>, Vec<_>) = lines.drain(..).partition(|each| day(each).is_none());
    let mut told = told;
    told.sort_by_key(|each| std::cmp::Reverse(size(day(each))));
    let row = |each: &PnlLine| {
        vec![
            Cell::text(&each.book),
            Cell::text(&each.instrument),
            Cell::amount(each.quantity),
            Cell::amount(each.price),
            Cell::text(&each.currency),
            day(each).map_or_else(|| Cell::text(pnl::names(each)), Cell::Amount),
        ]
    };
    let rows: Vec<_> = told.iter().take(ROWS / 2).chain(hidden.iter().take(2)).map(row).collect();
    table(&["book", "instrument", "quantity", "price", "ccy", "day in EUR, or why none"], &rows);
    line(format!(
        "{} with a result, {} without; all with `quittance pnl list --currency EUR`",
        figure::some(told.len() as u64, "position", "positions"),
        figure::count(hidden.len() as u64)
    ));
    Ok(())
}

/// Days and adjustments are closing less opening; and both are what plain sums over the log say.
async fn add_up(connection: &Connection, records: &Records, (first, last): (u32, u32), sequence: u64) -> Result<usize> {
    heading("The days add up: Σ days and adjustments = closing − opening, in each currency");
    let mut days = pnl::days(connection, PnlQuestion::default(), (first, last), sequence).await?;
    // The first close is where they begin: opening balances came without the interest accrued until then.
    days.retain(|day| day.date > first);
    let row = |day: &pnl::DayLine| {
        vec![
            Cell::Date(day.date),
            Cell::text(&day.currency),
            Cell::amount(day.opening),
            Cell::amount(day.adjustment),
            Cell::amount(day.day),
            Cell::amount(day.closing),
            if day.excepted == 0 { Cell::Blank } else { Cell::Count(day.excepted) },
        ]
    };
    let rows: Vec<_> = days.iter().map(row).collect();
    table(&["close", "ccy", "opening", "adjustment", "day", "closing", "unpriced"], &rows);

    let date = |number| Date::parse(&figure::date(number)).map_err(|_| failed("a day of the week is no date"));
    let earned = records.naive.earned(date(first)?, date(last)?)?;
    let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
    for day in &days {
        let sum = sums.entry(&day.currency).or_default();
        for part in [day.adjustment, day.day].into_iter().flatten() {
            *sum = figure::sum(*sum, part).ok_or_else(|| failed("a sum leaves the range of a decimal"))?;
        }
    }
    let mut broken = 0;
    let mut rows = Vec::new();
    for (currency, difference) in pnl::difference(&days)? {
        let sum = sums.get(currency.as_str()).copied().unwrap_or_default();
        let code = earned.keys().find(|code| code.as_str() == currency);
        let plain = code.map_or(0, |code| earned[code]);
        let apart = i128::from(sum.unscaled) - plain;
        broken += usize::from(difference.unscaled != 0) + usize::from(apart != 0);
        rows.push(vec![
            Cell::text(&currency),
            Cell::Amount(sum),
            Cell::Difference(difference.unscaled.into()),
            Cell::text(i64::try_from(plain).map_or_else(
                |_| plain.to_string(),
                |unscaled| figure::grouped(Decimal { unscaled, scale: sum.scale }),
            )),
            Cell::Difference(apart),
        ]);
    }
    table(&["ccy", "Σ days", "less (closing − opening)", "by plain sums over the log", "difference"], &rows);
    Ok(broken)
}

async fn management(connection: &Connection, period: (u32, u32), sequence: u64) -> Result<()> {
    heading("Management figures of the week, by volume");
    let answer = report::ask(connection, period, sequence).await?;
    let row = |each: &ReportRate| {
        vec![
            Cell::text(report::name(each.measure())),
            Cell::amount(each.percent),
            Cell::Count(each.numerator),
            Cell::Count(each.denominator),
            Cell::text(&each.denominator_is),
        ]
    };
    let rows: Vec<_> = answer.rates.iter().filter(|each| each.currency.is_empty()).map(row).collect();
    table(&["rate", "percent", "count", "of", "which are"], &rows);
    line("by value, and fails by counterparty, reason and age: `quittance report`");
    Ok(())
}

/// Says how many there are beyond those shown, and how to see them.
fn rest(all: usize, shown: usize, command: &str) {
    if all > shown {
        line(format!("… {shown} of {}; all with `{command}`", figure::count(all as u64)));
    }
}
