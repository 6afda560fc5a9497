//! What the books hold, valued at one close: integers, rounded once for the price and once for the rate.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::identifier::{CurrencyCode, Identifier};
use model::index::{Asset, Kind};
use risk::amount::{Scales, decimals, value};
use wire::pb::view as pb;

use super::Exceptions;
use super::question::Question;
use crate::pnl::Marks;
use crate::positions::{Spot, business_date};
use crate::queries::Projections;
use crate::shared::{At, ViewName};
use crate::valuation::{Grounds, Priceable};
use crate::{Error, values};

/// A position by trade date.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) book: Identifier,
    pub(super) entity: Option<Identifier>,
    pub(super) instrument: Identifier,
    /// Decimals that the quantity is counted in.
    pub(super) scale: u32,
    pub(super) quantity: i128,
}

/// Everything a question is about, taken at one record.
pub(super) struct Taken {
    pub(super) sequence: u64,
    pub(super) business_date: u32,
    pub(super) grounds: Arc<Grounds>,
    pub(super) question: Question,
    /// By book and instrument, flat ones too: they may have been held.
    pub(super) positions: Vec<(Spot, Held)>,
}

impl Taken {
    pub(super) fn new(views: &Projections, question: &pb::MarketRiskQuestion, at: At) -> Result<Taken, Error> {
        let state = views.shared.at(ViewName::Positions, at)?;
        let (names, positions) = (state.names.live()?, state.positions.live()?);
        let grounds = state.valuation.live()?.grounds.clone();
        let (sequence, stands) = (state.positions.sequence, state.valuation.sequence);
        if stands < sequence {
            // Only while it is rebuilt.
            return Err(Error::TooOld { view: ViewName::Valuation.as_str(), at: stands, wanted: sequence });
        }
        let question = Question::parse(question, names, &grounds)?;
        let mut held = Vec::new();
        for (spot, sums) in positions.after(None) {
            if !question.books.is_empty() && question.books.binary_search(&spot.book()).is_err() {
                continue;
            }
            let book = names.id(Kind::Book, spot.book().0)?.clone();
            let entity = grounds.owner(&book).cloned();
            if question.entity.is_some() && entity != question.entity {
                continue;
            }
            let scale = names.scale(Asset::instrument(spot.instrument()));
            let instrument = names.id(Kind::Instrument, spot.instrument().0)?.clone();
            held.push((spot, Held { book, entity, instrument, scale, quantity: sums.traded }));
        }
        Ok(Taken { sequence, business_date: business_date(&state), grounds, question, positions: held })
    }

    /// What is held now.
    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.positions.iter().map(|(_, held)| held).filter(|held| held.quantity != 0)
    }

    /// What is reported in: what was asked for, else what all the books report in.
    pub(super) fn currency(&self, date: model::date::Date) -> Result<CurrencyCode, Error> {
        if let Some(currency) = self.question.currency {
            return Ok(currency);
        }
        let books: BTreeSet<&Identifier> = self.positions.iter().map(|(_, held)| &held.book).collect();
        let own: BTreeSet<Option<CurrencyCode>> =
            books.into_iter().map(|book| self.grounds.reporting(book, date)).collect();
        match own.into_iter().collect::<Vec<_>>()[..] {
            [Some(only)] => Ok(only),
            _ => {
                let reason = "the books do not all report in one currency: say which to report in".to_owned();
                Err(Error::Filter { field: "currency", reason })
            }
        }
    }

    /// What every answer begins with.
    pub(super) fn basis(&self, date: model::date::Date, currency: CurrencyCode) -> pb::MarketRiskBasis {
        pb::MarketRiskBasis {
            sequence: self.sequence,
            business_date: self.business_date,
            date: values::number(date),
            currency: currency.to_string(),
            ..pb::MarketRiskBasis::default()
        }
    }
}

/// Why a position has no value.
pub(super) enum Worthless {
    NoPrice,
    NoRate(String),
}

impl Held {
    /// Clean, in minor units of a currency.
    pub(super) fn worth(
        &self,
        grounds: &Grounds,
        marks: &Marks,
        currency: CurrencyCode,
    ) -> Result<Result<i128, Worthless>, Error> {
        let priceable: Option<Priceable> = grounds.instrument(&self.instrument);
        let Some((price, priceable)) = marks.price(&self.instrument).zip(priceable) else {
            return Ok(Err(Worthless::NoPrice));
        };
        let rate = match marks.rate(price.currency, currency) {
            Ok(rate) => rate,
            Err(missing) => return Ok(Err(Worthless::NoRate(missing.subject))),
        };
        let scales = Scales { quantity: self.scale, currency: decimals(price.currency) };
        let worth = value(self.quantity, price.value, priceable.kind(), scales).and_then(|worth| rate.apply(worth));
        worth.map(Ok).map_err(|_| Error::Overflow { what: "a market value" })
    }
}

impl Worthless {
    pub(super) fn tell(self, held: &Held, exceptions: &mut Exceptions) {
        match self {
            Worthless::NoPrice => exceptions.add("NO_PRICE", held.instrument.to_string()),
            Worthless::NoRate(pair) => exceptions.add("NO_RATE", pair),
        };
    }
}
