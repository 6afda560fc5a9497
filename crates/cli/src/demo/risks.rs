//! What could go wrong: deliveries without securities, what counterparties' failures would cost, capital, what the market
//! can do to the books; and exposure once more by plain sums over the open instructions and the log.

use std::collections::BTreeMap;

use anyhow::Result;
use model::date::Date;
use model::identifier::CurrencyCode;
use wire::pb::service::{GetCapitalRequest, GetExposureRequest, ListInstructionsRequest};
use wire::pb::typ::Decimal;
use wire::pb::view::{
    Capital, ConcentrationKind, Coverage, CoverageFilter, Exposure, Exposures, InstructionFilter, InstructionStatus,
    MarketRiskQuestion, MarketRiskRow, Movement, Payment, SetSeries,
};

use super::naive::{Naive, Open};
use super::records::Records;
use super::screen::{heading, line, table};
use crate::connection::Connection;
use crate::fault::failed;
use crate::output::{Cell, figure};
use crate::paging::{self, answer};
use crate::{coverage, risk, trades};

/// Rows of a table whose rest is only counted.
const ROWS: usize = 8;
const CURRENCY: &str = "EUR";

fn size(amount: Option<Decimal>) -> u64 {
    amount.map_or(0, |amount| amount.unscaled.unsigned_abs())
}

/// Prints all of it; how many proofs do not hold.
pub async fn print(connection: &Connection, records: &Records, sequence: u64) -> Result<usize> {
    uncovered(connection, sequence).await?;
    let request = GetExposureRequest { filter: None, min_sequence: sequence };
    let exposures = answer(connection.risk().get_exposure(request).await)?.exposures;
    let exposures = exposures.ok_or_else(|| failed("the server's answer holds no exposure"))?;
    exposed(&exposures);
    aged(connection, sequence).await?;
    at_risk(connection, sequence).await?;
    back_tested(connection, sequence).await?;
    concentrated(connection, sequence).await?;
    by_plain_sums(connection, &exposures, &records.naive, sequence).await
}

async fn uncovered(connection: &Connection, sequence: u64) -> Result<()> {
    heading("Coverage: deliveries whose depot does not have the securities, largest number of deliveries first");
    let filter = CoverageFilter { only_uncovered: true, ..CoverageFilter::default() };
    let mut all = paging::all(coverage::coverages(connection, filter, sequence)).await?;
    if all.is_empty() {
        line("every delivery is covered");
        return Ok(());
    }
    all.sort_by_key(|each| std::cmp::Reverse(each.deliveries.len()));
    let row = |each: &Coverage| {
        vec![
            Cell::text(&each.depot),
            Cell::text(&each.instrument),
            Cell::amount(each.settled),
            Cell::amount(each.due_out),
            Cell::amount(each.expected_in),
            Cell::Count(each.deliveries.len() as u64),
            Cell::amount(each.uncovered),
        ]
    };
    let rows: Vec<_> = all.iter().take(ROWS).map(row).collect();
    table(&["depot", "instrument", "settled", "due out", "expected in", "uncovered", "of quantity"], &rows);
    rest(all.len(), rows.len(), "quittance coverage list --uncovered");
    Ok(())
}

fn exposed(exposures: &Exposures) {
    heading("Settlement exposure: what a counterparty's failure would cost, at the last recorded close");
    let mut all: Vec<&Exposure> = exposures.rows.iter().collect();
    all.sort_by_key(|each| std::cmp::Reverse(size(each.exposure)));
    let row = |each: &&Exposure| {
        vec![
            Cell::text(&each.entity),
            Cell::text(&each.counterparty),
            Cell::Date(each.value_date),
            risk::phase(each),
            Cell::Count(each.trades),
            Cell::amount(each.replacement),
            Cell::amount(each.principal),
            Cell::amount(each.exposure),
            Cell::text(&each.currency),
        ]
    };
    let rows: Vec<_> = all.iter().take(ROWS).map(row).collect();
    let titles =
        ["entity", "counterparty", "value date", "phase", "trades", "replacement", "principal", "exposure", "ccy"];
    table(&titles, &rows);
    rest(all.len(), rows.len(), "quittance risk exposure");
    for each in &exposures.exceptions {
        let trades = figure::some(each.trades, "open trade", "open trades");
        line(format!("{} {}: {trades} not in the figures", each.code, each.subject));
    }
}

async fn aged(connection: &Connection, sequence: u64) -> Result<()> {
    heading("Capital for unsettled trades by age");
    let request = GetCapitalRequest { filter: None, min_sequence: sequence };
    let capitals = answer(connection.risk().get_capital(request).await)?.capitals.unwrap_or_default();
    let mut all: Vec<&Capital> = capitals.rows.iter().collect();
    all.sort_by_key(|each| std::cmp::Reverse((size(each.own_funds), size(each.difference))));
    if all.is_empty() {
        line("nothing is old enough to take capital: a week is too short for the fifth day of most");
    } else {
        let row = |each: &&Capital| {
            vec![
                Cell::text(&each.entity),
                Cell::text(&each.counterparty),
                Cell::Count(each.oldest_days.into()),
                Cell::Count(each.trades),
                Cell::amount(each.difference),
                Cell::amount(each.factor),
                Cell::amount(each.own_funds),
                Cell::text(&each.currency),
            ]
        };
        let rows: Vec<_> = all.iter().take(ROWS).map(row).collect();
        table(&["entity", "counterparty", "oldest days", "trades", "difference", "factor", "own funds", "ccy"], &rows);
        rest(all.len(), rows.len(), "quittance risk capital");
    }
    capitals.rules.iter().for_each(|rule| line(format!("by {rule}")));
    Ok(())
}

/// The closes of the week, and before them those that the generator made.
fn question() -> MarketRiskQuestion {
    let of = |source: &str| SetSeries { snap: "CLOSE".to_owned(), source: source.to_owned() };
    MarketRiskQuestion {
        sets: vec![of("QUOTES"), of(testkit::flow::SYNTHETIC)],
        currency: CURRENCY.to_owned(),
        ..MarketRiskQuestion::default()
    }
}

async fn at_risk(connection: &Connection, sequence: u64) -> Result<()> {
    heading("Value at risk 99 % and expected shortfall 97.5 % of a day, by historical simulation, in euro");
    let answer = risk::market::ask(connection, question(), sequence).await?;
    let mut all = answer.rows.clone();
    all.sort_by_key(|each| std::cmp::Reverse(size(each.value_at_risk)));
    let row = |each: &MarketRiskRow| {
        vec![
            if each.book.is_empty() { Cell::text("all together") } else { Cell::text(&each.book) },
            Cell::Count(each.positions),
            if each.excepted == 0 { Cell::Blank } else { Cell::Count(each.excepted) },
            Cell::amount(each.market_value),
            Cell::amount(each.value_at_risk),
            Cell::amount(each.expected_shortfall),
            Cell::amount(each.worst.first().and_then(|worst| worst.result)),
            each.worst.first().map_or(Cell::Blank, |worst| Cell::Date(worst.to)),
        ]
    };
    let rows: Vec<_> = all.iter().take(ROWS / 2).chain(&answer.total).map(row).collect();
    table(&["book", "positions", "excepted", "market value", "VaR", "ES", "worst day", "on"], &rows);
    rest(all.len(), rows.len() - 1, "quittance risk var --sets CLOSE/QUOTES,CLOSE/SYNTHETIC --currency EUR");
    for scenario in answer.total.iter().flat_map(|total| &total.worst).take(3) {
        line(format!("all together {}", risk::market::told(scenario)));
    }
    answer.basis.iter().flat_map(risk::market::stands_on_lines).for_each(line);
    Ok(())
}

async fn back_tested(connection: &Connection, sequence: u64) -> Result<()> {
    heading(
        "Back-test: how often a day lost more than the value at risk of the evening before, and the light it gives",
    );
    let answer = risk::market::tested(connection, question(), sequence).await?;
    let mut rows = Vec::new();
    if let Some(total) = &answer.total {
        for (what, count) in [("today's positions", &total.hypothetical), ("as they were", &total.actual)] {
            let Some(count) = count else { continue };
            rows.push(vec![
                Cell::text(what),
                Cell::Count(count.days.into()),
                Cell::Count(count.exceptions.into()),
                Cell::amount(count.cumulative_percent),
                risk::market_tables::light(Some(count)),
            ]);
        }
    }
    table(&["all books", "days", "exceptions", "probability %", "light"], &rows);
    line("by book with `quittance risk backtest --sets CLOSE/QUOTES,CLOSE/SYNTHETIC --currency EUR`");
    Ok(())
}

async fn concentrated(connection: &Connection, sequence: u64) -> Result<()> {
    heading("Concentration: shares of the gross of all books");
    let question = MarketRiskQuestion { sets: question().sets[..1].to_vec(), ..question() };
    let answer = risk::market::concentrated(connection, question, sequence).await?;
    let mut rows = Vec::new();
    for (kind, name) in [
        (ConcentrationKind::Instrument, "instrument"),
        (ConcentrationKind::Issuer, "issuer"),
        (ConcentrationKind::Currency, "currency"),
    ] {
        for each in answer.rows.iter().filter(|row| row.kind() == kind).take(3) {
            rows.push(vec![
                Cell::text(name),
                Cell::text(&each.name),
                Cell::Count(each.positions),
                Cell::amount(each.net),
                Cell::amount(each.gross),
                Cell::amount(each.percent),
            ]);
        }
    }
    table(&["by", "name", "positions", "net", "gross", "% of gross"], &rows);
    line("all with `quittance risk concentration --currency EUR`");
    Ok(())
}

/// Exposure by currency, and how much of it has no price.
type Sums = BTreeMap<String, (i128, i128)>;

/// Exposure is Σ over what is open at market: each open instruction of the list, and each open trade without one, by itself.
async fn by_plain_sums(connection: &Connection, exposures: &Exposures, naive: &Naive, sequence: u64) -> Result<usize> {
    heading(
        "Exposure = Σ open instructions and uninstructed trades at market, from their lists and the log's own prices",
    );
    let date = exposures.prices.as_ref().map_or(0, |prices| prices.date);
    let date = Date::parse(&figure::date(date)).map_err(|_| failed("the exposure names no set of prices"))?;
    let mut plain: Sums = BTreeMap::new();
    let mut add = |open: Open| -> Result<()> {
        let sums = plain.entry(open.currency.to_string()).or_default();
        match naive.exposure(&open, date)? {
            Some(exposure) => sums.0 += exposure,
            None => sums.1 += 1,
        }
        Ok(())
    };
    let statuses = [InstructionStatus::Unmatched, InstructionStatus::Pending, InstructionStatus::Failing];
    let statuses: Vec<i32> = statuses.iter().map(|status| *status as i32).collect();
    let filter = InstructionFilter { statuses, ..InstructionFilter::default() };
    let mut client = connection.settlement();
    let open = paging::all(async |page_token, page_size| {
        let filter = Some(filter.clone());
        let request = ListInstructionsRequest { filter, page_size, page_token, min_sequence: sequence };
        let page = answer(client.list_instructions(request).await)?;
        Ok((page.instructions, page.next_page_token))
    })
    .await?;
    for each in &open {
        let trade = each.trades.first().map_or(0, |link| link.trade);
        // Between two of our own the securities go at once when both have matched, so they cannot be stopped.
        let sent = each.counter_instruction != 0;
        let of = (&*each.instrument, &*each.currency, each.quantity);
        add(opened(trade, of, (each.movement(), each.payment(), sent))?)?;
    }
    for each in &paging::all(trades::loose(connection, sequence)).await? {
        let of = (&*each.instrument, &*each.currency, each.quantity);
        add(opened(each.number, of, (each.movement(), each.payment(), false))?)?;
    }
    let mut told: Sums = BTreeMap::new();
    for row in &exposures.rows {
        let sums = told.entry(row.currency.clone()).or_default();
        sums.0 += row.exposure.map_or(0, |amount| i128::from(amount.unscaled));
        sums.1 += i128::from(row.unpriced);
    }
    let currencies: std::collections::BTreeSet<&String> = plain.keys().chain(told.keys()).collect();
    let (mut rows, mut broken) = (Vec::new(), 0);
    for currency in currencies {
        let (ours, theirs) =
            (plain.get(currency).copied().unwrap_or_default(), told.get(currency).copied().unwrap_or_default());
        broken += usize::from(ours != theirs);
        let scale = CurrencyCode::parse(currency).ok().and_then(model::currency::exponent).map_or(0, u32::from);
        let amount = |units: i128| {
            i64::try_from(units)
                .map_or(Cell::text(units.to_string()), |unscaled| Cell::Amount(Decimal { unscaled, scale }))
        };
        rows.push(vec![
            Cell::text(currency),
            amount(theirs.0),
            amount(ours.0),
            Cell::Difference(theirs.0 - ours.0),
            Cell::Difference(theirs.1 - ours.1),
        ]);
    }
    table(&["ccy", "exposure", "by plain sums", "difference", "unpriced, difference"], &rows);
    Ok(broken)
}

fn opened(
    trade: u64,
    (instrument, currency, quantity): (&str, &str, Option<Decimal>),
    (movement, payment, sent): (Movement, Payment, bool),
) -> Result<Open> {
    Ok(Open {
        trade,
        instrument: model::identifier::Identifier::parse(instrument)?,
        currency: CurrencyCode::parse(currency)?,
        quantity: quantity.map_or(0, |quantity| quantity.unscaled.into()),
        receives: movement == Movement::Receive,
        free: payment == Payment::Fop,
        sent,
    })
}

/// Says how many there are beyond those shown, and how to see them.
fn rest(all: usize, shown: usize, command: &str) {
    if all > shown {
        line(format!("… {shown} of {}; all with `{command}`", figure::count(all as u64)));
    }
}
