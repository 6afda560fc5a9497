//! Market risk of the books: value at risk and expected shortfall by historical simulation, back-testing, concentration.
//!
//! Questions, not views: what is held is the positions view's, what it was worth on each close the valuation view's
//! ([decision 55](../../../docs/decisions/0055-history-is-the-recorded-closes.md)). What is held is taken under the lock;
//! sets are read and estimates made without it. A position without a price, a rate or a whole history is left out by name.

mod backtest;
mod closes;
mod concentration;
mod estimate;
mod held;
mod question;

pub(crate) use closes::{Closes, Levels};
pub(crate) use question::series;

use std::collections::BTreeMap;

use model::currency::exponent;
use model::date::Date;
use model::identifier::CurrencyCode;
use wire::pb::typ::Decimal;
use wire::pb::view as pb;

use crate::queries::Projections;
use crate::shared::At;
use crate::{Error, values};

impl Projections {
    /// Value at risk and expected shortfall, by book and of all together.
    ///
    /// # Errors
    /// A question that makes no sense, fewer closes than it needs, a view that has stopped, amounts beyond a decimal.
    pub fn market_risk(&self, question: &pb::MarketRiskQuestion, at: At) -> Result<pb::MarketRisk, Error> {
        estimate::estimate(self, question, at)
    }

    /// How often losses were greater than the value at risk of the evening before.
    ///
    /// # Errors
    /// As [`Projections::market_risk`].
    pub fn backtest(&self, question: &pb::MarketRiskQuestion, at: At) -> Result<pb::Backtest, Error> {
        backtest::backtest(self, question, at)
    }

    /// How much of what the books hold stands in few names.
    ///
    /// # Errors
    /// As [`Projections::market_risk`], but no history is needed.
    pub fn concentration(&self, question: &pb::MarketRiskQuestion, at: At) -> Result<pb::Concentration, Error> {
        concentration::concentration(self, question, at)
    }
}

/// What is left out of an answer, or stands in it with a reserve: by code and subject.
#[derive(Default)]
struct Exceptions(BTreeMap<(&'static str, String), Reserve>);

#[derive(Default)]
struct Reserve {
    positions: u64,
    closes: u64,
    first: Option<Date>,
}

impl Exceptions {
    fn add(&mut self, code: &'static str, subject: String) -> &mut Reserve {
        let reserve = self.0.entry((code, subject)).or_default();
        reserve.positions += 1;
        reserve
    }

    /// What concerns the answer and no position.
    fn note(&mut self, code: &'static str, subject: String) {
        self.0.entry((code, subject)).or_default();
    }

    fn told(self) -> Vec<pb::MarketRiskException> {
        let told = |((code, subject), reserve): ((&str, String), Reserve)| pb::MarketRiskException {
            code: code.to_owned(),
            subject,
            positions: reserve.positions,
            closes: reserve.closes,
            first: reserve.first.map_or(0, values::number),
        };
        self.0.into_iter().map(told).collect()
    }
}

/// Minor units of the currency that is reported in.
fn money(units: i128, currency: CurrencyCode) -> Result<Option<Decimal>, Error> {
    values::decimal("a market value", units, exponent(currency).map_or(0, u32::from)).map(Some)
}

/// An estimate in minor units, half away from zero.
fn estimated(minor: f64, currency: CurrencyCode) -> Result<Option<Decimal>, Error> {
    money(minor.round() as i128, currency)
}

/// A fault of a sample, as an answer to who asked for it.
fn unusable(fault: risk::statistics::value_at_risk::Fault) -> Error {
    Error::Filter { field: "confidence", reason: fault.to_string() }
}
