//! Back-testing: losses against the value at risk of the evening before, for what is held now on every day of the history,
//! and for what was held and earned on days whose books were closed.

mod actual;

use std::collections::{BTreeMap, BTreeSet};

use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use risk::statistics::backtest::{BASEL, Fault, Zone, cumulative, multiplier, zone};
use risk::statistics::simulation::{self, Tested};
use wire::pb::typ;
use wire::pb::view as pb;

use super::closes::Closes;
use super::estimate::{Group, groups, together, worths};
use super::held::Taken;
use super::{Exceptions, estimated, unusable};
use crate::queries::Projections;
use crate::shared::At;
use crate::{Error, values};

/// Days and confidence for which the Committee's multipliers are made.
const MULTIPLIED: (usize, Decimal) = (250, Decimal { unscaled: 99, scale: 2 });

pub(super) fn backtest(views: &Projections, question: &pb::MarketRiskQuestion, at: At) -> Result<pb::Backtest, Error> {
    let taken = Taken::new(views, question, at)?;
    let (asked, sets) = (&taken.question, &taken.grounds.sets);
    if asked.horizon != 1 {
        let reason = "a back-test is of one close: results of overlapping days are not independent".to_owned();
        return Err(Error::Filter { field: "horizon", reason });
    }
    let most = asked.scenarios + 1 + asked.days;
    let closes = Closes::last(sets, &asked.series, asked.date, most)?.at_least(asked.scenarios + 2, &asked.series)?;
    let currency = taken.currency(closes.date())?;
    let reader = views.shared.rows.reader();
    let mut exceptions = Exceptions::default();
    let marks = closes.marks(sets, &reader, closes.len() - 1)?;
    let worths = worths(&taken, &marks, currency, &mut exceptions)?;
    // Of what is flat now too: it may have been held on a day that was closed.
    let wanted: BTreeSet<Identifier> = taken.positions.iter().map(|(_, held)| held.instrument.clone()).collect();
    let levels = closes.levels(sets, &reader, &wanted, currency)?;
    let groups = groups(&taken, &worths, &levels, &mut exceptions);
    let actual = actual::days(views, &taken, (&closes, &levels), currency)?;

    let mut basis = taken.basis(closes.date(), currency);
    basis.sets = closes.sets().iter().map(wire::control::frozen_set).collect();
    asked.rules(&mut basis);
    closes.describe(&mut basis, &mut exceptions);
    basis.exceptions = exceptions.told();
    let bench = Bench { taken: &taken, closes: &closes, currency };
    let none = Vec::new();
    let rows = groups.iter().map(|(book, group)| {
        bench.row(book.as_str(), group, actual.by_book.get(*book).unwrap_or(&none), |day| day.is_exception())
    });
    let rows = rows.collect::<Result<_, Error>>()?;
    let total = bench.row("", &together(&groups), &actual.together, |_| true)?;
    Ok(pb::Backtest { basis: Some(basis), rows, total: Some(total) })
}

struct Bench<'a> {
    taken: &'a Taken,
    closes: &'a Closes,
    currency: CurrencyCode,
}

impl Bench<'_> {
    fn row(
        &self,
        book: &str,
        group: &Group<'_>,
        actual: &[Tested],
        told: impl Fn(&Tested) -> bool,
    ) -> Result<pb::BacktestRow, Error> {
        let asked = &self.taken.question;
        let window = (asked.scenarios, asked.days);
        let tested = match group.counted.is_empty() {
            true => Vec::new(),
            false => {
                let (holdings, closes) = (group.holdings(), self.closes.len());
                simulation::hypothetical(&holdings, closes, window, asked.confidence, asked.quantile)
                    .map_err(unusable)?
            }
        };
        let shown: Vec<Tested> = tested.iter().filter(|day| told(day)).copied().collect();
        Ok(pb::BacktestRow {
            book: book.to_owned(),
            entity: group.entity.map_or(String::new(), ToString::to_string),
            positions: group.counted.len() as u64,
            excepted: group.excepted,
            hypothetical: Some(self.count(&tested)?),
            actual: Some(self.count(actual)?),
            hypothetical_days: self.days(&shown)?,
            actual_days: self.days(actual)?,
        })
    }

    fn days(&self, tested: &[Tested]) -> Result<Vec<pb::BacktestDay>, Error> {
        let day = |day: &Tested| {
            Ok(pb::BacktestDay {
                date: values::number(self.closes.date_of(day.close)),
                value_at_risk: estimated(day.value_at_risk, self.currency)?,
                result: estimated(day.result, self.currency)?,
                exception: day.is_exception(),
            })
        };
        tested.iter().map(day).collect()
    }

    fn count(&self, tested: &[Tested]) -> Result<pb::BacktestCount, Error> {
        let confidence = self.taken.question.confidence;
        let (days, exceptions) = (tested.len() as u32, tested.iter().filter(|day| day.is_exception()).count() as u32);
        let mut count = pb::BacktestCount { days, exceptions, ..pb::BacktestCount::default() };
        if days == 0 {
            return Ok(count);
        }
        let impossible = |fault: Fault| Error::Filter { field: "days", reason: fault.to_string() };
        let tail = 1.0 - confidence.unscaled as f64 / 10f64.powi(confidence.scale as i32);
        let probability = cumulative(exceptions, days, tail).map_err(impossible)?;
        count.cumulative_percent = Some(typ::Decimal { unscaled: (probability * 10_000.0).round() as i64, scale: 2 });
        count.set_light(match zone(exceptions, days, tail, BASEL).map_err(impossible)? {
            Zone::Green => pb::TrafficLight::Green,
            Zone::Yellow => pb::TrafficLight::Yellow,
            Zone::Red => pb::TrafficLight::Red,
        });
        if (tested.len(), confidence) == MULTIPLIED {
            let hundredths = (multiplier(exceptions) * 100.0).round() as i64;
            count.multiplier = Some(typ::Decimal { unscaled: hundredths, scale: 2 });
        }
        Ok(count)
    }
}

/// Results of closed days: by book, and of all books together on days that all of them have.
struct Actual {
    by_book: BTreeMap<Identifier, Vec<Tested>>,
    together: Vec<Tested>,
}
