//! Prices and rates of one close: of each the first of its sets that has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::accounting::FrozenSet;
use model::currency::exponent;
use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::reference::{Price, PriceSet, Priced};
use model::trade::QuantityType;
use risk::amount::{Conversion, PriceKind, Scales};
use risk::lots::Mark;
use store::Reader;
use wire::pb::view::PnlExceptionCode as Code;

use crate::Error;
use crate::valuation::{Priceable, Sets};

/// The sets of a close, found by what they price.
pub(crate) struct Marks {
    pub(super) date: Date,
    /// Their names, in order.
    pub(super) names: Vec<FrozenSet>,
    sets: Vec<Arc<PriceSet>>,
    /// Set and place in it.
    prices: BTreeMap<Identifier, (usize, usize)>,
    /// From, to.
    rates: BTreeMap<(CurrencyCode, CurrencyCode), Conversion>,
}

/// What is missing, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Missing {
    pub(super) code: Code,
    pub(crate) subject: String,
    pub(super) date: Date,
}

impl Marks {
    pub(crate) fn read(sets: &Sets, reader: &Reader<'_>, date: Date, names: Vec<FrozenSet>) -> Result<Marks, Error> {
        let contents = names.iter().map(|name| sets.read(reader, name)).collect::<Result<Vec<_>, _>>()?;
        let (mut prices, mut rates) = (BTreeMap::new(), BTreeMap::new());
        for (at, set) in contents.iter().enumerate() {
            for (place, price) in set.prices.iter().enumerate() {
                match &price.of {
                    Priced::Instrument(id) => {
                        prices.entry(id.clone()).or_insert((at, place));
                    }
                    Priced::Currency(from) => {
                        let exponents = exponent(*from).zip(exponent(price.currency));
                        let rate = exponents
                            .and_then(|(from, to)| Conversion::new(price.value, u32::from(from), u32::from(to)).ok());
                        // A rate of nothing or less is none.
                        if let Some(rate) = rate.filter(|_| price.value.unscaled > 0) {
                            rates.entry((*from, price.currency)).or_insert(rate);
                        }
                    }
                }
            }
        }
        Ok(Marks { date, names, sets: contents, prices, rates })
    }

    /// Direct, or turned round.
    fn quoted(&self, from: CurrencyCode, to: CurrencyCode) -> Option<Conversion> {
        let turned = || self.rates.get(&(to, from)).map(|rate| rate.inverse());
        self.rates.get(&(from, to)).copied().or_else(turned)
    }

    /// From one currency to another: direct, turned round, or across the first third currency that both are quoted in.
    pub(crate) fn rate(&self, from: CurrencyCode, to: CurrencyCode) -> Result<Conversion, Missing> {
        if from == to {
            return Ok(Conversion::SAME);
        }
        let third = || self.rates.keys().flat_map(|(one, two)| [*one, *two]);
        let across = || third().find_map(|third| self.quoted(from, third)?.then(self.quoted(third, to)?).ok());
        let missing = || Missing { code: Code::NoRate, subject: format!("{from}/{to}"), date: self.date };
        self.quoted(from, to).or_else(across).ok_or_else(missing)
    }

    /// What the first set that has it says of an instrument.
    pub(crate) fn price(&self, instrument: &Identifier) -> Option<&Price> {
        self.prices.get(instrument).map(|(set, place)| &self.sets[*set].prices[*place])
    }

    /// The mark of an instrument in the currency it was paid in; the rate is into what is reported.
    pub(super) fn mark(
        &self,
        instrument: &Identifier,
        priceable: Priceable,
        (currency, rate): (CurrencyCode, Conversion),
        scales: Scales,
    ) -> Result<Mark, Missing> {
        let missing = |code, subject| Missing { code, subject, date: self.date };
        let price =
            self.price(instrument).ok_or_else(|| missing(Code::NoPrice, format!("{instrument} in {currency}")))?;
        if price.currency != currency {
            let subject = format!("{instrument} in {currency}, only in {}", price.currency);
            return Err(missing(Code::NoPrice, subject));
        }
        let (kind, accrued) = match (priceable.counted, price.accrued) {
            (QuantityType::Unit, accrued) => (PriceKind::Amount, accrued.unwrap_or_default()),
            (QuantityType::Face, Some(accrued)) => (PriceKind::Percent, accrued),
            (QuantityType::Face, None) => return Err(missing(Code::NoAccrued, instrument.to_string())),
        };
        Ok(Mark { price: price.value, accrued, kind, scales, rate })
    }
}
