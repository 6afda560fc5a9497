//! What is asked, with what stands in where nothing is said.

use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{BookIx, Kind};
use risk::statistics::value_at_risk::{QuantileRule, ShortfallRule};
use wire::pb::typ;
use wire::pb::view as pb;

use crate::names::Names;
use crate::valuation::{Grounds, SetName};
use crate::{Error, values};

/// The fewest scenarios that an estimate stands on.
const FEWEST: u32 = 250;
const MOST: u32 = 5_000;

pub(super) struct Question {
    pub(super) entity: Option<Identifier>,
    /// In order; empty: all.
    pub(super) books: Vec<BookIx>,
    pub(super) date: Option<Date>,
    pub(super) series: Vec<SetName>,
    pub(super) currency: Option<CurrencyCode>,
    pub(super) scenarios: usize,
    pub(super) horizon: usize,
    pub(super) confidence: Decimal,
    pub(super) shortfall_confidence: Decimal,
    pub(super) quantile: QuantileRule,
    pub(super) shortfall: ShortfallRule,
    pub(super) worst: usize,
    pub(super) days: usize,
}

fn wrong(field: &'static str, reason: impl ToString) -> Error {
    Error::Filter { field, reason: reason.to_string() }
}

/// A number within bounds; zero is what stands in.
fn bounded(field: &'static str, asked: u32, standing_in: u32, (low, high): (u32, u32)) -> Result<usize, Error> {
    let number = if asked == 0 { standing_in } else { asked };
    if (low..=high).contains(&number) {
        Ok(number as usize)
    } else {
        Err(wrong(field, format!("{number} is not between {low} and {high}")))
    }
}

fn confidence(field: &'static str, asked: Option<typ::Decimal>, standing_in: (i64, u32)) -> Result<Decimal, Error> {
    let (unscaled, scale) = asked.map_or(standing_in, |asked| (asked.unscaled, asked.scale));
    let confidence = Decimal::new(unscaled, scale).map_err(|error| wrong(field, error))?;
    let (half, one) = (Decimal { unscaled: 5, scale: 1 }, Decimal { unscaled: 1, scale: 0 });
    let above = |one: Decimal, other: Decimal| {
        let raised = |decimal: Decimal, by: u32| i128::from(decimal.unscaled) * 10i128.pow(by);
        raised(one, other.scale) > raised(other, one.scale)
    };
    if above(confidence, half) && above(one, confidence) {
        Ok(confidence)
    } else {
        Err(wrong(field, format!("{confidence} is no confidence between 0.5 and 1")))
    }
}

/// A recorded series by its name.
pub(crate) fn series(grounds: &Grounds, each: &pb::SetSeries) -> Result<SetName, Error> {
    let name = |text: &str| Identifier::parse(text).map_err(|error| wrong("sets", error));
    let series = SetName { snap: name(&each.snap)?, source: name(&each.source)? };
    let known = grounds.sets.names().any(|known| *known == series);
    if known { Ok(series) } else { Err(wrong("sets", format!("no {} from {} is recorded", each.snap, each.source))) }
}

impl Question {
    pub(super) fn parse(
        question: &pb::MarketRiskQuestion,
        names: &Names,
        grounds: &Grounds,
    ) -> Result<Question, Error> {
        let currency = match question.currency.as_str() {
            "" => None,
            code => {
                let known = CurrencyCode::parse(code).ok().filter(|code| model::currency::exponent(*code).is_some());
                Some(
                    known
                        .ok_or_else(|| wrong("currency", format!("{code} is no currency of ISO 4217 that we know")))?,
                )
            }
        };
        let entity = match question.entity.as_str() {
            "" => None,
            id => {
                names.index(Kind::Party, id)?;
                Some(Identifier::parse(id).map_err(|error| wrong("entity", error))?)
            }
        };
        let mut books: Vec<BookIx> =
            question.books.iter().map(|book| names.index(Kind::Book, book).map(BookIx)).collect::<Result<_, _>>()?;
        books.sort_unstable();
        books.dedup();
        let mut series: Vec<SetName> =
            question.sets.iter().map(|each| self::series(grounds, each)).collect::<Result<_, _>>()?;
        if series.is_empty() {
            series.extend(grounds.sets.only()?.cloned());
        }
        Ok(Question {
            entity,
            books,
            date: values::from_number("date", question.date)?,
            series,
            currency,
            scenarios: bounded("scenarios", question.scenarios, FEWEST, (FEWEST, MOST))?,
            horizon: bounded("horizon", question.horizon, 1, (1, 20))?,
            confidence: confidence("confidence", question.confidence, (99, 2))?,
            shortfall_confidence: confidence("shortfall_confidence", question.shortfall_confidence, (975, 3))?,
            quantile: match question.quantile() {
                pb::QuantileRule::Unspecified | pb::QuantileRule::Ceiling => QuantileRule::Ceiling,
                pb::QuantileRule::Floor => QuantileRule::Floor,
                pb::QuantileRule::Linear => QuantileRule::Linear,
            },
            shortfall: match question.shortfall() {
                pb::ShortfallRule::Unspecified | pb::ShortfallRule::WholeObservations => {
                    ShortfallRule::WholeObservations
                }
                pb::ShortfallRule::FractionalWeight => ShortfallRule::FractionalWeight,
            },
            worst: bounded("worst", question.worst, 5, (1, 50))?,
            days: bounded("days", question.days, 250, (1, 1_000))?,
        })
    }

    /// The rules as an answer names them.
    pub(super) fn rules(&self, basis: &mut pb::MarketRiskBasis) {
        let decimal = |decimal: Decimal| Some(typ::Decimal { unscaled: decimal.unscaled, scale: decimal.scale });
        (basis.scenarios, basis.horizon) = (self.scenarios as u32, self.horizon as u32);
        (basis.confidence, basis.shortfall_confidence) = (decimal(self.confidence), decimal(self.shortfall_confidence));
        basis.quantile = match self.quantile {
            QuantileRule::Ceiling => pb::QuantileRule::Ceiling,
            QuantileRule::Floor => pb::QuantileRule::Floor,
            QuantileRule::Linear => pb::QuantileRule::Linear,
        } as i32;
        basis.shortfall = match self.shortfall {
            ShortfallRule::WholeObservations => pb::ShortfallRule::WholeObservations,
            ShortfallRule::FractionalWeight => pb::ShortfallRule::FractionalWeight,
        } as i32;
    }
}
