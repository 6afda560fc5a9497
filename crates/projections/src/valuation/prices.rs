//! One set of prices and rates, looked up: what an amount or a quantity is worth by it, or that it does not say.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::accounting::FrozenSet;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::reference::{PriceSet, Priced, is_synthetic};
use model::trade::QuantityType;
use risk::amount::{Conversion, PriceKind, Scales, decimals, value};
use store::Reader;
use wire::pb::view as pb;

use super::{Grounds, Priceable, SetName};
use crate::{Error, values};

/// Which set: blank fields mean the last date, `CLOSE`, and the one source there is.
pub(crate) struct Wanted {
    date: Option<Date>,
    snap: Identifier,
    source: Option<Identifier>,
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
    name: FrozenSet,
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

impl Grounds {
    /// The series that is meant, if there is one.
    fn series(&self, wanted: &Wanted) -> Result<Option<SetName>, Error> {
        // A synthetic source is taken only where it is named.
        let fits = |name: &&SetName| {
            let source = wanted.source.as_ref().map_or(!is_synthetic(&name.source), |source| *source == name.source);
            source && name.snap == wanted.snap
        };
        let found: Vec<&SetName> = self.sets.names().filter(fits).collect();
        match found[..] {
            [] => Ok(None),
            [only] => Ok(Some(only.clone())),
            _ => {
                let names: Vec<_> = found.iter().map(|name| name.source.as_str()).collect();
                let reason = format!("several have sets of this snap, say which: {}", names.join(", "));
                Err(Error::Filter { field: "prices.source", reason })
            }
        }
    }

    /// The set of a date, or the last one, looked up.
    pub(crate) fn prices(&self, reader: &Reader<'_>, wanted: &Wanted) -> Result<Prices, Error> {
        let name = self.wanted(wanted)?;
        Ok(Prices::new(&*self.sets.read(reader, &name)?, name))
    }

    /// The set of a date, or the last one, as it was recorded.
    pub(crate) fn set_of(&self, reader: &Reader<'_>, wanted: &Wanted) -> Result<(PriceSet, pb::PriceSetName), Error> {
        let name = self.wanted(wanted)?;
        let set = self.sets.read(reader, &name)?;
        Ok((Arc::unwrap_or_clone(set), named(&name)))
    }

    /// Which set is meant.
    fn wanted(&self, wanted: &Wanted) -> Result<FrozenSet, Error> {
        let of = |series: SetName| match wanted.date {
            Some(date) => self.sets.on(&series, date),
            None => self.sets.last(&series),
        };
        let none = || {
            let on = wanted.date.map_or("of any date".to_owned(), |date| format!("of {date}"));
            let from = wanted.source.as_ref().map_or(String::new(), |source| format!(" from {source}"));
            Error::NotFound { what: "set of prices and rates", id: format!("{} {on}{from}", wanted.snap) }
        };
        self.series(wanted)?.and_then(of).ok_or_else(none)
    }
}

fn named(set: &FrozenSet) -> pb::PriceSetName {
    pb::PriceSetName {
        date: values::number(set.date),
        snap: set.snap.to_string(),
        source: set.source.to_string(),
        version: set.version,
    }
}

impl Prices {
    fn new(set: &PriceSet, name: FrozenSet) -> Prices {
        let (mut instruments, mut rates) = (BTreeMap::new(), BTreeMap::new());
        for price in &set.prices {
            match &price.of {
                Priced::Instrument(id) => _ = instruments.insert(id.clone(), (price.value, price.currency)),
                Priced::Currency(base) => _ = rates.insert((*base, price.currency), price.value),
            }
        }
        Prices { name, instruments, rates }
    }

    /// As an answer names it.
    pub(crate) fn name(&self) -> pb::PriceSetName {
        named(&self.name)
    }

    /// What a quantity is worth, in minor units of a currency.
    pub(crate) fn value(
        &self,
        instrument: &Identifier,
        priceable: Option<Priceable>,
        (quantity, scale): (i128, u32),
        into: CurrencyCode,
    ) -> Result<i128, Unpriced> {
        let none = || Unpriced::NoPrice(instrument.clone());
        let (price, currency) = self.instruments.get(instrument).ok_or_else(none)?;
        let kind = priceable.ok_or_else(none)?.kind();
        let scales = Scales { quantity: scale, currency: decimals(*currency) };
        let worth = value(quantity, *price, kind, scales).map_err(|_| Unpriced::Overflow)?;
        self.convert(worth, *currency, into)
    }

    /// An amount in another currency, by the rate or its inverse; each rounds once.
    fn convert(&self, amount: i128, from: CurrencyCode, into: CurrencyCode) -> Result<i128, Unpriced> {
        let conversion = Conversion::quoted(from, into, |pair| self.rates.get(pair).copied());
        let conversion = conversion.ok_or(Unpriced::NoRate(from, into))?;
        conversion.and_then(|conversion| conversion.apply(amount)).map_err(|_| Unpriced::Overflow)
    }
}

impl Priceable {
    /// What its price is for: face is quoted in percent.
    pub(crate) fn kind(self) -> PriceKind {
        match self.counted {
            QuantityType::Unit => PriceKind::Amount,
            QuantityType::Face => PriceKind::Percent,
        }
    }
}
