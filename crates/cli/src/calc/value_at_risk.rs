//! `quittance calc var`: value at risk and expected shortfall of a sample of results, with the rules by name.

use std::path::Path;

use anyhow::Result;
use model::decimal::Decimal;
use risk::statistics::backtest::{BASEL, Zone, multiplier, zone};
use risk::statistics::concentration::herfindahl;
use risk::statistics::value_at_risk::{QuantileRule, Sample, ShortfallRule};
use serde::{Deserialize, Serialize};

use super::input::{Number, read, wrong};
use crate::fault::usage;
use crate::output::{self, Cell, Column, Format, column};

pub const HELP: &str = "\
Results are profits and losses of the scenarios, losses negative. Quantile rules: CEILING (the default: the
ceil(n * tail)-th worst), FLOOR, LINEAR; shortfall rules: WHOLE_OBSERVATIONS (the default), FRACTIONAL_WEIGHT.
Confidence is 0.99 for VaR and 0.975 for the shortfall unless given. These are floating-point estimates, not money.
\"backtest\": {\"exceptions\": 5} gives the light of 250 days at 99 percent; \"positions\": [\"1.00\"] the concentration.

Example:
  echo '{\"results\": [\"-120.50\", \"80.00\", \"-310.25\", \"15.00\", \"-45.75\", \"200.10\", \"-90.00\", \"60.00\",
   \"-10.00\", \"33.30\"], \"confidence\": \"0.90\", \"shortfallConfidence\": \"0.75\",
   \"shortfall\": \"FRACTIONAL_WEIGHT\", \"backtest\": {\"exceptions\": 5}}' |
    quittance calc var";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Input {
    results: Vec<Number>,
    confidence: Option<Number>,
    #[serde(default)]
    quantile: QuantileInput,
    shortfall_confidence: Option<Number>,
    #[serde(default)]
    shortfall: ShortfallInput,
    backtest: Option<BacktestInput>,
    positions: Option<Vec<Number>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum QuantileInput {
    #[default]
    Ceiling,
    Floor,
    Linear,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ShortfallInput {
    #[default]
    WholeObservations,
    FractionalWeight,
}

/// Exceptions in 250 days at 99 percent, for which the multipliers are made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BacktestInput {
    exceptions: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    observations: usize,
    confidence: Number,
    quantile: QuantileInput,
    value_at_risk: String,
    shortfall_confidence: Number,
    shortfall: ShortfallInput,
    expected_shortfall: String,
    zone: Option<&'static str>,
    multiplier: Option<String>,
    concentration: Option<String>,
}

fn optional(text: &Option<impl ToString>) -> Cell {
    text.as_ref().map_or(Cell::Blank, |text| Cell::text(text.to_string()))
}

const COLUMNS: &[Column<Answer>] = &[
    column("observations", |answer| Cell::Count(answer.observations as u64)),
    column("value at risk", |answer| {
        Cell::text(format!("{}  at {}, {:?}", answer.value_at_risk, answer.confidence.0, answer.quantile))
    }),
    column("expected shortfall", |answer| {
        let (number, confidence) = (&answer.expected_shortfall, answer.shortfall_confidence.0);
        Cell::text(format!("{number}  at {confidence}, {:?}", answer.shortfall))
    }),
    column("back-test", |answer| optional(&answer.zone)),
    column("multiplier", |answer| optional(&answer.multiplier)),
    column("concentration", |answer| optional(&answer.concentration)),
];

/// A decimal as an estimate may use it.
fn float(number: Number) -> Result<f64> {
    wrong("results", number.0.to_string().parse())
}

pub fn run(file: &Path, format: Format) -> Result<()> {
    let input: Input = read(file)?;
    let sample = input.results.iter().map(|result| float(*result)).collect::<Result<Vec<_>>>()?;
    let sample = wrong("results", Sample::new(sample))?;
    let confidence = input.confidence.unwrap_or(Number(Decimal { unscaled: 99, scale: 2 }));
    let shortfall_confidence = input.shortfall_confidence.unwrap_or(Number(Decimal { unscaled: 975, scale: 3 }));
    let quantile = match input.quantile {
        QuantileInput::Ceiling => QuantileRule::Ceiling,
        QuantileInput::Floor => QuantileRule::Floor,
        QuantileInput::Linear => QuantileRule::Linear,
    };
    let shortfall = match input.shortfall {
        ShortfallInput::WholeObservations => ShortfallRule::WholeObservations,
        ShortfallInput::FractionalWeight => ShortfallRule::FractionalWeight,
    };
    let light = match &input.backtest {
        Some(backtest) => Some(wrong("backtest", zone(backtest.exceptions, 250, 0.01, BASEL))?),
        None => None,
    };
    let positions = input.positions.as_deref().map(concentration).transpose()?;
    let answer = Answer {
        observations: sample.count(),
        confidence,
        quantile: input.quantile,
        value_at_risk: format!("{:.6}", wrong("confidence", sample.value_at_risk(confidence.0, quantile))?),
        shortfall_confidence,
        shortfall: input.shortfall,
        expected_shortfall: format!(
            "{:.6}",
            wrong("shortfallConfidence", sample.expected_shortfall(shortfall_confidence.0, shortfall))?
        ),
        zone: light.map(|light| match light {
            Zone::Green => "GREEN",
            Zone::Yellow => "YELLOW",
            Zone::Red => "RED",
        }),
        multiplier: input.backtest.map(|backtest| format!("{:.2}", multiplier(backtest.exceptions))),
        concentration: positions,
    };
    output::one(format, COLUMNS, &answer)
}

/// The Herfindahl index of positions at one scale.
fn concentration(positions: &[Number]) -> Result<String> {
    let scale = positions.iter().map(|position| position.0.scale).max().unwrap_or(0);
    let units = positions.iter().map(|position| position.units("positions", scale)).collect::<Result<Vec<_>>>()?;
    if units.is_empty() {
        return Err(usage("positions: the list is empty"));
    }
    Ok(format!("{:.4}", herfindahl(&units)))
}
