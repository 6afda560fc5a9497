//! `quittance risk var | backtest | concentration`: what the market can do to the books, from recorded closes.

use anyhow::Result;
use clap::{Args, ValueEnum};
use model::decimal::Decimal;
use wire::pb::service::{BacktestMarketRiskRequest, EstimateMarketRiskRequest, GetConcentrationRequest};
use wire::pb::typ;
use wire::pb::view::{
    Backtest, Concentration, MarketRisk, MarketRiskBasis, MarketRiskQuestion, MarketScenario, QuantileRule, SetSeries,
    ShortfallRule,
};

use super::market_tables::{BACKTEST, CONCENTRATION, RISK};
use crate::connection::{Connection, Seen};
use crate::dates;
use crate::fault::failed;
use crate::output::{self, Format, figure, note};
use crate::paging::answer;
use crate::pnl::series;

/// Which books, at which close, from which history.
#[derive(Args, Debug, Default)]
pub(super) struct Books {
    /// Books of this entity of ours
    #[arg(long)]
    entity: Option<String>,
    /// These books [default: all]
    #[arg(long = "book", value_delimiter = ',', value_name = "BOOK")]
    books: Vec<String>,
    /// Valued at this close, YYYY-MM-DD [default: the last that the sets have]
    #[arg(long, value_parser = dates::parse, value_name = "DATE")]
    date: Option<u32>,
    /// Prices and rates: on each date the first that has it. A synthetic series is taken only where it is named here
    /// [default: the only one that was observed]
    #[arg(long, value_delimiter = ',', value_parser = series, value_name = "SNAP/SOURCE")]
    sets: Vec<SetSeries>,
    /// Report in this currency [default: what all the books report in]
    #[arg(long, value_name = "CCY")]
    currency: Option<String>,
}

/// By which rules a tail is read.
#[derive(Args, Debug)]
pub(super) struct Rules {
    /// Scenarios, 250 or more
    #[arg(long, default_value_t = 250, value_name = "N")]
    scenarios: u32,
    /// Of the value at risk
    #[arg(long, default_value = "0.99", value_parser = Decimal::parse)]
    confidence: Decimal,
    /// Which of n results the quantile is: the ceil(n × tail)-th worst, the floor(n × tail)-th, or linear in between
    #[arg(long, value_enum, default_value = "ceiling", value_name = "RULE")]
    quantile: Quantile,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Quantile {
    Ceiling,
    Floor,
    Linear,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Shortfall {
    /// The mean of the ceil(n × tail) worst
    Whole,
    /// The mean of exactly n × tail, the last by its fraction
    Fractional,
}

#[derive(Args, Debug)]
pub(super) struct Estimate {
    /// Closes from the beginning of a scenario to its end; windows overlap
    #[arg(long, default_value_t = 1, value_name = "N")]
    horizon: u32,
    /// Of the expected shortfall
    #[arg(long, default_value = "0.975", value_parser = Decimal::parse)]
    shortfall_confidence: Decimal,
    /// How the tail is averaged
    #[arg(long, value_enum, default_value = "whole", value_name = "RULE")]
    shortfall: Shortfall,
    /// How many of the worst scenarios to tell
    #[arg(long, default_value_t = 5, value_name = "N")]
    worst: u32,
}

fn wire(decimal: Decimal) -> Option<typ::Decimal> {
    Some(typ::Decimal { unscaled: decimal.unscaled, scale: decimal.scale })
}

impl Books {
    fn question(self) -> MarketRiskQuestion {
        MarketRiskQuestion {
            entity: self.entity.unwrap_or_default(),
            books: self.books,
            date: self.date.unwrap_or_default(),
            sets: self.sets,
            currency: self.currency.unwrap_or_default(),
            ..MarketRiskQuestion::default()
        }
    }

    fn by(self, rules: &Rules) -> MarketRiskQuestion {
        let quantile = match rules.quantile {
            Quantile::Ceiling => QuantileRule::Ceiling,
            Quantile::Floor => QuantileRule::Floor,
            Quantile::Linear => QuantileRule::Linear,
        };
        MarketRiskQuestion {
            scenarios: rules.scenarios,
            confidence: wire(rules.confidence),
            quantile: quantile as i32,
            ..self.question()
        }
    }
}

pub(super) async fn var(
    connection: &Connection,
    format: Format,
    (books, rules, estimate): (Books, Rules, Estimate),
    seen: Seen,
) -> Result<()> {
    let shortfall = match estimate.shortfall {
        Shortfall::Whole => ShortfallRule::WholeObservations,
        Shortfall::Fractional => ShortfallRule::FractionalWeight,
    };
    let question = MarketRiskQuestion {
        horizon: estimate.horizon,
        shortfall_confidence: wire(estimate.shortfall_confidence),
        shortfall: shortfall as i32,
        worst: estimate.worst,
        ..books.by(&rules)
    };
    let risk = ask(connection, question, seen.min_sequence).await?;
    if format == Format::Json {
        // The whole answer, with what it stands on.
        return output::one(format, &[], &risk);
    }
    let MarketRisk { basis, mut rows, total } = risk;
    let worst = total.as_ref().map(|total| total.worst.clone()).unwrap_or_default();
    rows.extend(total);
    output::list(format, RISK, rows, "the books hold nothing")?;
    if !worst.is_empty() {
        note("the worst scenarios of all books together:");
        worst.iter().for_each(|scenario| note(format!("  {}", told(scenario))));
    }
    basis.iter().for_each(stands_on);
    Ok(())
}

/// The estimate of a question.
pub async fn ask(connection: &Connection, question: MarketRiskQuestion, min_sequence: u64) -> Result<MarketRisk> {
    let request = EstimateMarketRiskRequest { question: Some(question), min_sequence };
    let risk = answer(connection.risk().estimate_market_risk(request).await)?.risk;
    risk.ok_or_else(|| failed("the server's answer holds no estimate"))
}

/// `2025-04-03 to 2025-04-04: -1,234.00 (SAP -800.00, BUND 100.00)`.
pub fn told(scenario: &MarketScenario) -> String {
    let MarketScenario { from, to, result, drivers } = scenario;
    let amount = |amount: &Option<typ::Decimal>| amount.map_or(String::new(), figure::grouped);
    let drivers: Vec<String> =
        drivers.iter().map(|driver| format!("{} {}", driver.instrument, amount(&driver.result))).collect();
    format!("{} to {}: {} ({})", figure::date(*from), figure::date(*to), amount(result), drivers.join(", "))
}

pub(super) async fn backtest(
    connection: &Connection,
    format: Format,
    (books, rules, days): (Books, Rules, u32),
    seen: Seen,
) -> Result<()> {
    let question = MarketRiskQuestion { days, ..books.by(&rules) };
    let backtest = tested(connection, question, seen.min_sequence).await?;
    if format == Format::Json {
        return output::one(format, &[], &backtest);
    }
    let Backtest { basis, mut rows, total } = backtest;
    let days = total.as_ref().map(|total| total.hypothetical_days.clone()).unwrap_or_default();
    rows.extend(total);
    output::list(format, BACKTEST, rows, "the books hold nothing")?;
    for day in days.iter().filter(|day| day.exception) {
        let amount = |amount: Option<typ::Decimal>| amount.map_or(String::new(), figure::grouped);
        let (date, result) = (figure::date(day.date), amount(day.result));
        note(format!("all books together on {date}: {result} against {} at risk", amount(day.value_at_risk)));
    }
    basis.iter().for_each(stands_on);
    Ok(())
}

/// The back-test of a question.
pub async fn tested(connection: &Connection, question: MarketRiskQuestion, min_sequence: u64) -> Result<Backtest> {
    let request = BacktestMarketRiskRequest { question: Some(question), min_sequence };
    let backtest = answer(connection.risk().backtest_market_risk(request).await)?.backtest;
    backtest.ok_or_else(|| failed("the server's answer holds no back-test"))
}

pub(super) async fn concentration(
    connection: &Connection,
    format: Format,
    (books, top): (Books, usize),
    seen: Seen,
) -> Result<()> {
    let concentration = concentrated(connection, books.question(), seen.min_sequence).await?;
    if format == Format::Json {
        return output::one(format, &[], &concentration);
    }
    let Concentration { basis, rows, indices, .. } = concentration;
    // The largest of each kind; a program gets all of them.
    let mut shown: Vec<_> = rows;
    if format == Format::Table {
        let mut counts = std::collections::BTreeMap::new();
        shown.retain(|row| {
            let count: &mut usize = counts.entry(row.kind).or_default();
            *count += 1;
            *count <= top
        });
    }
    output::list(format, CONCENTRATION, shown, "the books hold nothing")?;
    for index in &indices {
        let amount = |amount: Option<typ::Decimal>| amount.map_or("none".to_owned(), figure::grouped);
        note(format!(
            "{}: {}, the largest {} %, five {} %, Herfindahl {} points",
            super::market_tables::kind(index.kind()),
            figure::some(index.names, "name", "names"),
            amount(index.largest_percent),
            amount(index.five_percent),
            amount(index.points)
        ));
    }
    basis.iter().for_each(stands_on);
    Ok(())
}

/// The concentration of a question.
pub async fn concentrated(
    connection: &Connection,
    question: MarketRiskQuestion,
    min_sequence: u64,
) -> Result<Concentration> {
    let request = GetConcentrationRequest { question: Some(question), min_sequence };
    let concentration = answer(connection.risk().get_concentration(request).await)?.concentration;
    concentration.ok_or_else(|| failed("the server's answer holds no concentration"))
}

/// What figures stand on, and what is not in them, in lines for people.
pub fn stands_on_lines(basis: &MarketRiskBasis) -> Vec<String> {
    let mut lines = Vec::new();
    let sets: Vec<_> = basis.sets.iter().map(|set| format!("{} {} v{}", set.snap, set.source, set.version)).collect();
    lines.push(format!(
        "positions of record {} (business date {}), valued in {} at the close of {} by {}",
        figure::count(basis.sequence),
        figure::date(basis.business_date),
        basis.currency,
        figure::date(basis.date),
        sets.join(", ")
    ));
    for each in &basis.history {
        let (first, last) = (figure::date(each.first), figure::date(each.last));
        let synthetic = if each.synthetic { " (synthetic)" } else { "" };
        let closes = figure::some(each.closes, "close", "closes");
        lines.push(format!("history: {} {}{synthetic}, {closes} from {first} to {last}", each.snap, each.source));
    }
    if basis.scenarios > 0 {
        let plain = |decimal: Option<typ::Decimal>| decimal.map_or(String::new(), figure::plain);
        lines.push(format!(
            "rules: {} over {}, value at risk at {} ({}), shortfall at {} ({})",
            figure::some(basis.scenarios.into(), "scenario", "scenarios"),
            figure::some(basis.horizon.into(), "close", "closes"),
            plain(basis.confidence),
            basis.quantile().as_str_name().trim_start_matches("QUANTILE_RULE_"),
            plain(basis.shortfall_confidence),
            basis.shortfall().as_str_name().trim_start_matches("SHORTFALL_RULE_")
        ));
    }
    if basis.synthetic_closes > 0 {
        let closes = figure::some(basis.synthetic_closes, "close is", "closes are");
        lines.push(format!("SYNTHETIC: {closes} made and not observed; the figures are a demonstration"));
    }
    for each in &basis.exceptions {
        let positions = figure::some(each.positions, "position", "positions");
        lines.push(match &*each.code {
            "GAP" => format!("GAP {}: no close in between", each.subject),
            "NO_ISSUER" => format!("NO_ISSUER {}: {positions} under no issuer's name", each.subject),
            "SHORT_HISTORY" => {
                let (closes, first) = (figure::some(each.closes, "close", "closes"), figure::date(each.first));
                format!(
                    "SHORT_HISTORY {}: {positions} not in the figures; {closes} lack it, first {first}",
                    each.subject
                )
            }
            code => format!("{code} {}: {positions} not in the figures", each.subject),
        });
    }
    lines
}

fn stands_on(basis: &MarketRiskBasis) {
    stands_on_lines(basis).iter().for_each(note);
}
