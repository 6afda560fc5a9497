//! The closes that history is made of: which sets of which day, and what each instrument was worth on each of them.

use std::collections::{BTreeMap, BTreeSet};

use model::accounting::FrozenSet;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::reference::is_synthetic;
use risk::amount::decimals;
use store::Reader;
use wire::pb::view as pb;

use super::Exceptions;
use crate::pnl::Marks;
use crate::valuation::{SetName, Sets};
use crate::{Error, values};

/// Days between two closes above which an answer says so: a weekend with a holiday at each end is no gap.
const GAP: i32 = 5;

/// Closes in the order of their dates.
pub(crate) struct Closes(Vec<(Date, Vec<FrozenSet>)>);

/// What one unit of an instrument was worth on each close, in the currency that is reported in.
pub(crate) enum Levels {
    Whole(Vec<f64>),
    /// So many closes lack its price or rate; the first of them.
    Short(u64, Date),
}

fn described(series: &[SetName]) -> String {
    let names: Vec<_> = series.iter().map(|name| format!("{} from {}", name.snap, name.source)).collect();
    if names.is_empty() { "no series".to_owned() } else { names.join(", ") }
}

impl Closes {
    /// The last so many up to a date (absent: up to the last there is), or as many as there are.
    pub(crate) fn last(sets: &Sets, series: &[SetName], date: Option<Date>, most: usize) -> Result<Closes, Error> {
        let all: BTreeSet<Date> = series.iter().flat_map(|name| sets.dates(name)).collect();
        let none =
            |on: String| Error::NotFound { what: "set of prices and rates", id: format!("{} {on}", described(series)) };
        let date = match date {
            Some(date) if all.contains(&date) => date,
            Some(date) => return Err(none(format!("of {date}"))),
            None => *all.last().ok_or_else(|| none("of any date".to_owned()))?,
        };
        let mut dates: Vec<Date> = all.range(..=date).rev().take(most).copied().collect();
        dates.reverse();
        let on = |date: Date| series.iter().filter_map(|name| sets.on(name, date)).collect();
        Ok(Closes(dates.into_iter().map(|date| (date, on(date))).collect()))
    }

    /// Refuses a history that is too short for what is asked.
    pub(crate) fn at_least(self, needed: usize, series: &[SetName]) -> Result<Closes, Error> {
        if self.0.len() >= needed {
            return Ok(self);
        }
        let reason = format!(
            "{} has {} closes up to {} and {needed} are needed: name series that have more, the first that has a price counts",
            described(series),
            self.0.len(),
            self.date()
        );
        Err(Error::Filter { field: "sets", reason })
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn date_of(&self, close: usize) -> Date {
        self.0[close].0
    }

    /// The last one's, at which positions are valued.
    pub(crate) fn date(&self) -> Date {
        self.0.last().map_or(Date::MIN, |(date, _)| *date)
    }

    /// The sets of the last one.
    pub(crate) fn sets(&self) -> &[FrozenSet] {
        self.0.last().map_or(&[], |(_, sets)| sets)
    }

    /// Prices and rates of one.
    pub(crate) fn marks(&self, sets: &Sets, reader: &Reader<'_>, close: usize) -> Result<Marks, Error> {
        let (date, names) = &self.0[close];
        Marks::read(sets, reader, *date, names.clone())
    }

    /// What each instrument was worth on each close. Each set is read once and let go.
    pub(crate) fn levels(
        &self,
        sets: &Sets,
        reader: &Reader<'_>,
        wanted: &BTreeSet<Identifier>,
        currency: CurrencyCode,
    ) -> Result<BTreeMap<Identifier, Levels>, Error> {
        let mut found: BTreeMap<&Identifier, Vec<Option<f64>>> = BTreeMap::new();
        for close in 0..self.len() {
            let marks = self.marks(sets, reader, close)?;
            for instrument in wanted {
                found.entry(instrument).or_default().push(level(&marks, instrument, currency));
            }
        }
        let levels = |(instrument, levels): (&Identifier, Vec<Option<f64>>)| {
            let short = levels.iter().filter(|level| level.is_none()).count() as u64;
            let levels = match levels.iter().position(Option::is_none) {
                None => Levels::Whole(levels.into_iter().flatten().collect()),
                Some(first) => Levels::Short(short, self.date_of(first)),
            };
            (instrument.clone(), levels)
        };
        Ok(found.into_iter().map(levels).collect())
    }

    /// Tells where the closes come from, and days without any.
    pub(super) fn describe(&self, basis: &mut pb::MarketRiskBasis, exceptions: &mut Exceptions) {
        (basis.history, basis.synthetic_closes) = self.history();
        for pair in self.0.windows(2) {
            let ((from, _), (to, _)) = (&pair[0], &pair[1]);
            if to.days_since(*from) > GAP {
                exceptions.note("GAP", format!("{from} to {to}"));
            }
        }
    }

    /// Where the closes come from, and how many of them stand on synthetic sets.
    pub(crate) fn history(&self) -> (Vec<pb::HistorySeries>, u64) {
        let mut synthetic = 0;
        let mut series: BTreeMap<(&Identifier, &Identifier), pb::HistorySeries> = BTreeMap::new();
        for (date, sets) in &self.0 {
            let date = values::number(*date);
            synthetic += u64::from(sets.iter().any(|set| is_synthetic(&set.source)));
            for set in sets {
                let entry = series.entry((&set.snap, &set.source)).or_insert_with(|| pb::HistorySeries {
                    snap: set.snap.to_string(),
                    source: set.source.to_string(),
                    first: date,
                    last: date,
                    closes: 0,
                    synthetic: is_synthetic(&set.source),
                });
                (entry.last, entry.closes) = (date, entry.closes + 1);
            }
        }
        (series.into_values().collect(), synthetic)
    }
}

fn float(decimal: Decimal) -> f64 {
    decimal.unscaled as f64 / 10f64.powi(decimal.scale as i32)
}

/// A price in whole units of its currency, and the rate in whole units of both. Nothing where either is missing, or where the
/// price is not above zero: nothing moves relative to nothing.
fn level(marks: &Marks, instrument: &Identifier, currency: CurrencyCode) -> Option<f64> {
    let price = marks.price(instrument).filter(|price| price.value.unscaled > 0)?;
    let (numerator, denominator) = marks.rate(price.currency, currency).ok()?.ratio();
    let whole = 10f64.powi(decimals(price.currency) as i32 - decimals(currency) as i32);
    Some(float(price.value) * (numerator as f64 / denominator as f64) * whole)
}
