//! Prices and rates to measure by: of one recorded set, or the last that were recorded of everything.

use crate::names::Names;
use crate::reference::ReferenceData;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::CurrencyCode;
use model::index::{InstrumentIx, Kind};
use model::reference::{PriceSet, Priced};
use model::trade::QuantityType;
use risk::amount::{Conversion, PriceKind, Scales, decimals, value};

/// A recorded price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub date: Date,
    pub currency: CurrencyCode,
    pub value: Decimal,
    /// Interest accrued, counted as the value is.
    pub accrued: Option<Decimal>,
}

/// Prices by instrument, rates by pair. Of several the one of the latest date, of one date the one recorded last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    pub prices: BTreeMap<InstrumentIx, Mark>,
    pub rates: BTreeMap<(CurrencyCode, CurrencyCode), (Date, Decimal)>,
}

/// The price or rate for want of which something has no worth.
pub(crate) type Lack = String;

impl Marks {
    /// Takes in a recorded set. What it prices and nobody has named yet is left out: nothing can be held of it.
    pub fn take(&mut self, set: &PriceSet, names: &Names) {
        for price in &set.prices {
            match &price.of {
                Priced::Instrument(id) => {
                    let Some(index) = names.find(Kind::Instrument, id.as_str()).map(InstrumentIx) else { continue };
                    if self.prices.get(&index).is_none_or(|mark| mark.date <= set.date) {
                        let mark = Mark {
                            date: set.date,
                            currency: price.currency,
                            value: price.value,
                            accrued: price.accrued,
                        };
                        self.prices.insert(index, mark);
                    }
                }
                Priced::Currency(base) => {
                    let rate = self.rates.entry((*base, price.currency)).or_insert((set.date, price.value));
                    if rate.0 <= set.date {
                        *rate = (set.date, price.value);
                    }
                }
            }
        }
    }

    /// The price of one unit with its interest, and how it is counted. What is counted in face is not priced without its
    /// interest: absent is not zero there.
    fn price(
        &self,
        names: &Names,
        reference: &ReferenceData,
        instrument: InstrumentIx,
    ) -> Result<(Decimal, PriceKind, CurrencyCode), Lack> {
        let none = || names.name(Kind::Instrument, instrument.0).map_or(String::new(), |name| name.as_str().into());
        let mark = self.prices.get(&instrument).ok_or_else(none)?;
        let kind = match reference.instrument(instrument).map(|entry| entry.quantity_type) {
            Some(QuantityType::Face) => PriceKind::Percent,
            _ => PriceKind::Amount,
        };
        let accrued = match (mark.accrued, kind) {
            (None, PriceKind::Percent) => return Err(none()),
            (accrued, _) => accrued.unwrap_or(Decimal::ZERO),
        };
        let scale = mark.value.scale.max(accrued.scale);
        let units = |price: Decimal| price.to_scale(scale).map_err(|_| none());
        let whole = units(mark.value)? + units(accrued)?;
        Ok((Decimal::from_units(whole, scale).map_err(|_| none())?, kind, mark.currency))
    }

    /// What a quantity is worth in a currency, in minor units, each step half up.
    pub fn worth(
        &self,
        names: &Names,
        reference: &ReferenceData,
        instrument: InstrumentIx,
        quantity: i128,
        into: CurrencyCode,
    ) -> Result<i128, Lack> {
        let (price, kind, quoted) = self.price(names, reference, instrument)?;
        let scales = Scales { quantity: u32::from(reference.scale(instrument)), currency: decimals(quoted) };
        let worth = value(quantity, price, kind, scales).map_err(|_| Lack::from("range"))?;
        self.convert(worth, quoted, into)
    }

    /// The price of one unit in a currency, with six decimals more than it has: what the worth of a million is.
    pub fn price_in(
        &self,
        names: &Names,
        reference: &ReferenceData,
        instrument: InstrumentIx,
        into: CurrencyCode,
    ) -> Result<Decimal, Lack> {
        let range = || Lack::from("range");
        let million = 10i128.checked_pow(u32::from(reference.scale(instrument)) + 6).ok_or_else(range)?;
        let worth = self.worth(names, reference, instrument, million, into)?;
        Decimal::from_units(worth, decimals(into) + 6).map_err(|_| range())
    }

    /// An amount in another currency, by the rate or its inverse, half up.
    pub fn convert(&self, amount: i128, from: CurrencyCode, into: CurrencyCode) -> Result<i128, Lack> {
        if amount == 0 {
            return Ok(0);
        }
        let rate = |pair: &_| self.rates.get(pair).map(|(_, rate)| *rate);
        let conversion = Conversion::quoted(from, into, rate).ok_or_else(|| format!("{from}/{into}"))?;
        conversion.and_then(|conversion| conversion.apply(amount)).map_err(|_| Lack::from("range"))
    }
}
