//! One set of prices and rates, looked up: what an amount or a quantity is worth by it, or that it does not say.

use std::collections::BTreeMap;

use model::currency;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::reference::{PriceSet, Priced};
use risk::amount::{Conversion, Scales, value};
use store::Views;
use wire::pb::view as pb;

use super::{Market, SetKey, Terms, from_row, set_key};
use crate::view::table;
use crate::{Error, rows, values};

/// Which set: blank fields mean the last date, `CLOSE`, and the one source there is.
pub(crate) struct Wanted {
    pub(crate) date: Option<Date>,
    pub(crate) snap: Identifier,
    pub(crate) source: Option<Identifier>,
}

impl Wanted {
    pub(crate) fn parse(filter: Option<&pb::PriceSetFilter>) -> Result<Wanted, Error> {
        let blank = pb::PriceSetFilter::default();
        let filter = filter.unwrap_or(&blank);
        let name = |field: &'static str, text: &str| {
            Identifier::parse(text).map_err(|error| Error::Filter { field, reason: error.to_string() })
        };
        Ok(Wanted {
            date: values::from_number("prices.date", filter.date)?,
            snap: name("prices.snap", if filter.snap.is_empty() { "CLOSE" } else { &filter.snap })?,
            source: if filter.source.is_empty() { None } else { Some(name("prices.source", &filter.source)?) },
        })
    }
}

/// What a set of prices and rates says.
pub(crate) struct Prices {
    key: SetKey,
    version: u32,
    instruments: BTreeMap<Identifier, (Decimal, CurrencyCode)>,
    /// Units of the second for one of the first.
    rates: BTreeMap<(CurrencyCode, CurrencyCode), Decimal>,
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unpriced {
    /// The set does not price the instrument, or nobody has defined it.
    NoPrice(Identifier),
    /// The set has no rate between two currencies, in either direction.
    NoRate(CurrencyCode, CurrencyCode),
    /// Nor does the range of amounts.
    Overflow,
}

impl Market {
    /// The dates of a snap with sets of a source, from the earliest.
    pub(crate) fn dates(&self, wanted: &Wanted) -> Result<Vec<Date>, Error> {
        let source = self.source(wanted)?;
        let fits = |(_, snap, from): &&SetKey| *snap == wanted.snap && source.is_some_and(|source| source == from);
        Ok(self.sets.keys().filter(fits).map(|(date, ..)| *date).collect())
    }

    /// The one source that is meant.
    fn source<'a>(&'a self, wanted: &'a Wanted) -> Result<Option<&'a Identifier>, Error> {
        if wanted.source.is_some() {
            return Ok(wanted.source.as_ref());
        }
        let mut sources: Vec<_> =
            self.sets.keys().filter(|(_, snap, _)| *snap == wanted.snap).map(|(.., source)| source).collect();
        sources.sort_unstable();
        sources.dedup();
        match sources[..] {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            _ => {
                let names: Vec<_> = sources.iter().map(|source| source.as_str()).collect();
                let reason = format!("several have sets of this snap, say which: {}", names.join(", "));
                Err(Error::Filter { field: "prices.source", reason })
            }
        }
    }

    /// The set of a date, or the last one, looked up.
    pub(crate) fn prices(&self, views: &Views, wanted: &Wanted) -> Result<Prices, Error> {
        self.read(views, self.wanted(wanted)?).map(|set| Prices::new(&set))
    }

    /// The set of a date, or the last one, as it was recorded.
    pub(crate) fn set_of(&self, views: &Views, wanted: &Wanted) -> Result<(PriceSet, pb::PriceSetName), Error> {
        let set = self.read(views, self.wanted(wanted)?)?;
        let name = Prices::new(&set).name();
        Ok((set, name))
    }

    /// Which set is meant.
    fn wanted(&self, wanted: &Wanted) -> Result<SetKey, Error> {
        let dates = self.dates(wanted)?;
        let source = self.source(wanted)?;
        let date = match wanted.date {
            Some(date) => dates.binary_search(&date).ok().map(|_| date),
            None => dates.last().copied(),
        };
        let none = || {
            let on = wanted.date.map_or("of any date".to_owned(), |date| format!("of {date}"));
            let from = wanted.source.as_ref().map_or(String::new(), |source| format!(" from {source}"));
            Error::NotFound { what: "set of prices and rates", id: format!("{} {on}{from}", wanted.snap) }
        };
        let (date, source) = date.zip(source).ok_or_else(none)?;
        Ok((date, wanted.snap.clone(), source.clone()))
    }

    fn read(&self, views: &Views, key: SetKey) -> Result<PriceSet, Error> {
        if let Some(set) = self.fresh.get(&key) {
            return Ok(set.clone());
        }
        let bytes = views.get(table::MARKET_SETS, &set_key(&key))?;
        let bytes = rows::present(table::MARKET_SETS, bytes, "row of a set that is known")?;
        from_row(&rows::decode(table::MARKET_SETS, &bytes)?)
    }

    /// How an instrument is priced.
    pub(crate) fn terms(&self, instrument: &Identifier) -> Option<Terms> {
        self.terms.get(instrument).copied()
    }
}

impl Prices {
    fn new(set: &PriceSet) -> Prices {
        let (mut instruments, mut rates) = (BTreeMap::new(), BTreeMap::new());
        for price in &set.prices {
            match &price.of {
                Priced::Instrument(id) => _ = instruments.insert(id.clone(), (price.value, price.currency)),
                Priced::Currency(base) => _ = rates.insert((*base, price.currency), price.value),
            }
        }
        Prices { key: (set.date, set.snap.clone(), set.source.clone()), version: set.version, instruments, rates }
    }

    /// As an answer names it.
    pub(crate) fn name(&self) -> pb::PriceSetName {
        let (date, snap, source) = &self.key;
        pb::PriceSetName {
            date: values::number(*date),
            snap: snap.to_string(),
            source: source.to_string(),
            version: self.version,
        }
    }

    /// What a quantity is worth, in minor units of a currency.
    pub(crate) fn value(
        &self,
        instrument: &Identifier,
        terms: Option<Terms>,
        (quantity, scale): (i128, u32),
        into: CurrencyCode,
    ) -> Result<i128, Unpriced> {
        let none = || Unpriced::NoPrice(instrument.clone());
        let (price, currency) = self.instruments.get(instrument).ok_or_else(none)?;
        let terms = terms.ok_or_else(none)?;
        let scales = Scales { quantity: scale, currency: exponent(*currency) };
        let worth = value(quantity, *price, terms.kind, scales).map_err(|_| Unpriced::Overflow)?;
        self.convert(worth, *currency, into)
    }

    /// An amount in another currency, by the rate or its inverse; each rounds once.
    pub(crate) fn convert(&self, amount: i128, from: CurrencyCode, into: CurrencyCode) -> Result<i128, Unpriced> {
        if from == into {
            return Ok(amount);
        }
        let conversion = match (self.rates.get(&(from, into)), self.rates.get(&(into, from))) {
            (Some(rate), _) => Conversion::new(*rate, exponent(from), exponent(into)),
            (None, Some(rate)) => Conversion::new(*rate, exponent(into), exponent(from)).map(Conversion::inverse),
            (None, None) => return Err(Unpriced::NoRate(from, into)),
        };
        conversion.and_then(|conversion| conversion.apply(amount)).map_err(|_| Unpriced::Overflow)
    }
}

fn exponent(currency: CurrencyCode) -> u32 {
    u32::from(currency::exponent(currency).unwrap_or(0))
}
