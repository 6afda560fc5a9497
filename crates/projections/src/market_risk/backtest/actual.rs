//! What books earned on days that their entity closed, against the value at risk of what they held on the evening before.

use std::collections::{BTreeMap, BTreeSet};

use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::index::PartyIx;
use risk::statistics::simulation::{Holding, Tested, results};
use risk::statistics::value_at_risk::Sample;
use wire::pb::view as pb;

use super::super::closes::{Closes, Levels};
use super::super::held::{Held, Taken};
use super::super::unusable;
use super::Actual;
use crate::positions::Spot;
use crate::queries::Projections;
use crate::{Error, values};

/// A book on a day: what it earned, and what the scenarios would have done to what it held on the eve.
struct BookDay {
    result: f64,
    scenarios: Vec<f64>,
}

/// All days of the closes whose eve has scenarios enough. With frozen sets a closed day's result never moves again.
pub(super) fn days(
    views: &Projections,
    taken: &Taken,
    (closes, levels): (&Closes, &BTreeMap<Identifier, Levels>),
    currency: CurrencyCode,
) -> Result<Actual, Error> {
    let books: BTreeSet<&Identifier> = taken.positions.iter().map(|(_, held)| &held.book).collect();
    let mut actual = Actual { by_book: BTreeMap::new(), together: Vec::new() };
    for close in taken.question.scenarios + 1..closes.len() {
        let found = day(views, taken, (closes, levels), currency, close)?;
        let is_whole = found.len() == books.len();
        let mut all = BookDay { result: 0.0, scenarios: vec![0.0; taken.question.scenarios] };
        for (book, day) in found {
            all.result += day.result;
            all.scenarios.iter_mut().zip(&day.scenarios).for_each(|(sum, result)| *sum += result);
            actual.by_book.entry(book).or_default().push(tested(taken, close, day)?);
        }
        if is_whole && !books.is_empty() {
            actual.together.push(tested(taken, close, all)?);
        }
    }
    Ok(actual)
}

fn tested(taken: &Taken, close: usize, day: BookDay) -> Result<Tested, Error> {
    let sample = Sample::new(day.scenarios).map_err(unusable)?;
    let asked = &taken.question;
    let value_at_risk = sample.value_at_risk(asked.confidence, asked.quantile).map_err(unusable)?;
    Ok(Tested { close, value_at_risk, result: day.result })
}

/// The books whose entity closed a day and whose positions all have a result and an estimate.
fn day(
    views: &Projections,
    taken: &Taken,
    (closes, levels): (&Closes, &BTreeMap<Identifier, Levels>),
    currency: CurrencyCode,
    close: usize,
) -> Result<BTreeMap<Identifier, BookDay>, Error> {
    let (eve, date) = (closes.date_of(close - 1), closes.date_of(close));
    let closed = taken.positions.iter().filter(|(_, held)| is_closed(views, taken, held, date));
    let spots: Vec<Spot> = closed.map(|(spot, _)| *spot).collect();
    let mut found = BTreeMap::new();
    if spots.is_empty() {
        return Ok(found);
    }
    let sets = taken.question.series.iter();
    let question = pb::PnlQuestion {
        date: values::number(date),
        since: values::number(eve),
        sets: sets.map(|name| pb::SetSeries { snap: name.snap.to_string(), source: name.source.to_string() }).collect(),
        currency: currency.to_string(),
        ..pb::PnlQuestion::default()
    };
    let mut whole: BTreeMap<Identifier, Option<f64>> = BTreeMap::new();
    for earned in views.earned(&spots, &question)? {
        let sum = whole.entry(earned.book).or_insert(Some(0.0));
        *sum = sum.zip(earned.result).map(|(sum, result)| sum + result as f64);
    }
    let marks = closes.marks(&taken.grounds.sets, &views.shared.rows.reader(), close - 1)?;
    let at_eve = pb::PnlQuestion { date: values::number(eve), since: 0, ..question };
    let mut scenarios: BTreeMap<Identifier, Option<Vec<f64>>> = BTreeMap::new();
    for there in views.earned(&spots, &at_eve)?.into_iter().filter(|there| there.quantity != 0) {
        let scale = there.scale;
        let held =
            Held { book: there.book, entity: None, instrument: there.instrument, scale, quantity: there.quantity };
        let done = match (held.worth(&taken.grounds, &marks, currency)?, levels.get(&held.instrument)) {
            (Ok(worth), Some(Levels::Whole(levels))) => {
                let window = &levels[close - 1 - taken.question.scenarios..close];
                Some(results(&[Holding { value: worth as f64, levels: window }], window.len(), 1))
            }
            _ => None,
        };
        let sum = scenarios.entry(held.book).or_insert_with(|| Some(vec![0.0; taken.question.scenarios]));
        match (sum.as_mut(), done) {
            (Some(sum), Some(done)) => sum.iter_mut().zip(done).for_each(|(sum, result)| *sum += result),
            _ => *sum = None,
        }
    }
    for (book, result) in whole {
        // A book that held nothing on the eve had nothing at risk.
        let scenarios = scenarios.remove(&book).unwrap_or_else(|| Some(vec![0.0; taken.question.scenarios]));
        if let Some((result, scenarios)) = result.zip(scenarios) {
            found.insert(book, BookDay { result, scenarios });
        }
    }
    Ok(found)
}

fn is_closed(views: &Projections, taken: &Taken, held: &Held, date: Date) -> bool {
    let number = |entity: &Identifier| {
        let state = views.shared.state();
        let names = state.names.live().ok()?;
        names.index(model::index::Kind::Party, entity.as_str()).ok().map(PartyIx)
    };
    held.entity.as_ref().and_then(number).is_some_and(|entity| taken.grounds.close(entity, date).is_some())
}
