//! What a thing is worth: the last recorded price of each instrument, the last rate of each pair.

use super::known::Known;
use model::currency::exponent;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::reference::{PriceSet, Priced};
use model::trade::QuantityType;
use std::collections::BTreeMap;

/// Of several the one of the latest date, of one date the one that was recorded last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Marks {
    /// With the currency it is quoted in, and interest accrued.
    pub prices: BTreeMap<Identifier, (Date, CurrencyCode, Decimal, Option<Decimal>)>,
    pub rates: BTreeMap<(CurrencyCode, CurrencyCode), (Date, Decimal)>,
}

/// To the nearest, a half away from zero.
pub(super) fn nearest(numerator: i128, denominator: i128) -> i128 {
    let (size, sign) = (numerator.abs(), numerator.signum());
    sign * ((size * 2 + denominator) / (denominator * 2))
}

/// To the next that is not smaller, in size.
pub(super) fn up(numerator: i128, denominator: i128) -> i128 {
    let (size, sign) = (numerator.abs(), numerator.signum());
    sign * ((size + denominator - 1) / denominator)
}

pub(super) fn ten(places: u32) -> i128 {
    10i128.pow(places)
}

fn places(currency: CurrencyCode) -> u32 {
    u32::from(exponent(currency).expect("a currency of ISO 4217"))
}

impl Marks {
    /// What nobody has named yet cannot be held, and its price is not kept.
    pub fn take(&mut self, set: &PriceSet, named: &[Identifier]) {
        for price in &set.prices {
            match &price.of {
                Priced::Instrument(name) => {
                    let newer = self.prices.get(name).is_none_or(|(date, ..)| *date <= set.date);
                    if newer && named.contains(name) {
                        let mark = (set.date, price.currency, price.value, price.accrued);
                        self.prices.insert(name.clone(), mark);
                    }
                }
                Priced::Currency(base) => {
                    let pair = (*base, price.currency);
                    if self.rates.get(&pair).is_none_or(|(date, _)| *date <= set.date) {
                        self.rates.insert(pair, (set.date, price.value));
                    }
                }
            }
        }
    }

    /// An amount in minor units in another currency; or the pair whose rate is missing.
    pub fn convert(&self, amount: i128, from: CurrencyCode, into: CurrencyCode) -> Result<i128, String> {
        if amount == 0 || from == into {
            return Ok(amount);
        }
        if let Some((_, rate)) = self.rates.get(&(from, into)) {
            let whole = amount * i128::from(rate.unscaled) * ten(places(into));
            return Ok(nearest(whole, ten(rate.scale + places(from))));
        }
        match self.rates.get(&(into, from)) {
            Some((_, rate)) => {
                let whole = amount * ten(rate.scale + places(into));
                Ok(nearest(whole, i128::from(rate.unscaled) * ten(places(from))))
            }
            None => Err(format!("{from}/{into}")),
        }
    }

    /// What a quantity is worth in minor units of a currency; or the name of what is missing. What is counted in face is
    /// quoted in percent, and not without its interest.
    pub fn worth(&self, known: &Known, paper: &Identifier, quantity: i128, into: CurrencyCode) -> Result<i128, String> {
        let (_, quoted, value, accrued) = self.prices.get(paper).ok_or_else(|| paper.to_string())?;
        let face = known.instruments.get(paper).is_some_and(|paper| paper.quantity_type == QuantityType::Face);
        if face && accrued.is_none() {
            return Err(paper.to_string());
        }
        let accrued = accrued.unwrap_or(Decimal { unscaled: 0, scale: 0 });
        let scale = value.scale.max(accrued.scale);
        let raised = |price: Decimal| i128::from(price.unscaled) * ten(scale - price.scale);
        let price = raised(*value) + raised(accrued);
        let percent = if face { 2 } else { 0 };
        let whole = quantity * price * ten(places(*quoted));
        let worth = nearest(whole, ten(u32::from(known.scale(paper)) + scale + percent));
        self.convert(worth, *quoted, into)
    }
}
