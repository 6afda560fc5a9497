//! Value at risk and expected shortfall: scenarios of the past done to what is held, by book and for all together.

use std::collections::{BTreeMap, BTreeSet};

use model::identifier::{CurrencyCode, Identifier};
use risk::statistics::simulation::{self, Holding};
use risk::statistics::value_at_risk::Sample;
use wire::pb::view as pb;

use super::closes::{Closes, Levels};
use super::held::{Held, Taken};
use super::{Exceptions, estimated, money, unusable};
use crate::queries::Projections;
use crate::shared::At;
use crate::{Error, values};

/// Instruments told as what moved a scenario.
const DRIVERS: usize = 3;

/// A position in the figures: what it is worth, and where its levels are.
pub(super) struct Counted<'a> {
    pub(super) held: &'a Held,
    pub(super) worth: i128,
    pub(super) levels: &'a [f64],
}

/// Of one book, or of all.
#[derive(Default)]
pub(super) struct Group<'a> {
    pub(super) entity: Option<&'a Identifier>,
    pub(super) counted: Vec<Counted<'a>>,
    pub(super) excepted: u64,
}

impl<'a> Group<'a> {
    pub(super) fn holdings(&self) -> Vec<Holding<'a>> {
        self.counted.iter().map(|each| Holding { value: each.worth as f64, levels: each.levels }).collect()
    }
}

/// Values what is held at the last close and finds its levels; what has none is left out by name.
pub(super) fn groups<'a>(
    taken: &'a Taken,
    worths: &[Option<i128>],
    levels: &'a BTreeMap<Identifier, Levels>,
    exceptions: &mut Exceptions,
) -> BTreeMap<&'a Identifier, Group<'a>> {
    let mut groups: BTreeMap<&Identifier, Group<'_>> = BTreeMap::new();
    for (held, worth) in taken.held().zip(worths) {
        let group = groups.entry(&held.book).or_default();
        group.entity = held.entity.as_ref();
        // Without a worth it has been told already.
        let Some(worth) = *worth else {
            group.excepted += 1;
            continue;
        };
        match levels.get(&held.instrument) {
            Some(Levels::Whole(levels)) => group.counted.push(Counted { held, worth, levels }),
            Some(Levels::Short(closes, first)) => {
                let reserve = exceptions.add("SHORT_HISTORY", held.instrument.to_string());
                (reserve.closes, reserve.first) = (*closes, Some(*first));
                group.excepted += 1;
            }
            None => group.excepted += 1,
        }
    }
    groups
}

/// What each position is worth at the last close, in the order of [`Taken::held`].
pub(super) fn worths(
    taken: &Taken,
    marks: &crate::pnl::Marks,
    currency: CurrencyCode,
    exceptions: &mut Exceptions,
) -> Result<Vec<Option<i128>>, Error> {
    let mut worths = Vec::new();
    for held in taken.held() {
        worths.push(match held.worth(&taken.grounds, marks, currency)? {
            Ok(worth) => Some(worth),
            Err(worthless) => {
                worthless.tell(held, exceptions);
                None
            }
        });
    }
    Ok(worths)
}

/// All groups as one.
pub(super) fn together<'a>(groups: &BTreeMap<&'a Identifier, Group<'a>>) -> Group<'a> {
    let mut all = Group::default();
    for group in groups.values() {
        all.excepted += group.excepted;
        let counted = |each: &Counted<'a>| Counted { held: each.held, worth: each.worth, levels: each.levels };
        all.counted.extend(group.counted.iter().map(counted));
    }
    all
}

pub(super) fn estimate(
    views: &Projections,
    question: &pb::MarketRiskQuestion,
    at: At,
) -> Result<pb::MarketRisk, Error> {
    let taken = Taken::new(views, question, at)?;
    let (asked, sets) = (&taken.question, &taken.grounds.sets);
    let needed = asked.scenarios + asked.horizon;
    let closes = Closes::last(sets, &asked.series, asked.date, needed)?.at_least(needed, &asked.series)?;
    let currency = taken.currency(closes.date())?;
    let reader = views.shared.rows.reader();
    let mut exceptions = Exceptions::default();
    let marks = closes.marks(sets, &reader, closes.len() - 1)?;
    let worths = worths(&taken, &marks, currency, &mut exceptions)?;
    let wanted: BTreeSet<Identifier> = taken.held().map(|held| held.instrument.clone()).collect();
    let levels = closes.levels(sets, &reader, &wanted, currency)?;
    let groups = groups(&taken, &worths, &levels, &mut exceptions);

    let mut basis = taken.basis(closes.date(), currency);
    basis.sets = closes.sets().iter().map(wire::control::frozen_set).collect();
    asked.rules(&mut basis);
    closes.describe(&mut basis, &mut exceptions);
    basis.exceptions = exceptions.told();
    let row = |book: &str, group: &Group<'_>| row(book, group, &taken, &closes, currency);
    let rows = groups.iter().map(|(book, group)| row(book.as_str(), group)).collect::<Result<_, Error>>()?;
    let total = row("", &together(&groups))?;
    Ok(pb::MarketRisk { basis: Some(basis), rows, total: Some(total) })
}

fn row(
    book: &str,
    group: &Group<'_>,
    taken: &Taken,
    closes: &Closes,
    currency: CurrencyCode,
) -> Result<pb::MarketRiskRow, Error> {
    let sum = |of: fn(i128) -> i128| {
        let sum = group.counted.iter().try_fold(0i128, |sum, each| sum.checked_add(of(each.worth)));
        money(sum.ok_or(Error::Overflow { what: "a market value" })?, currency)
    };
    let mut row = pb::MarketRiskRow {
        book: book.to_owned(),
        entity: group.entity.map_or(String::new(), ToString::to_string),
        positions: group.counted.len() as u64,
        excepted: group.excepted,
        market_value: sum(|worth| worth)?,
        gross: sum(i128::abs)?,
        ..pb::MarketRiskRow::default()
    };
    // Of nothing there is no estimate: not even zero.
    if group.counted.is_empty() {
        return Ok(row);
    }
    let asked = &taken.question;
    let results = simulation::results(&group.holdings(), closes.len(), asked.horizon);
    let mut order: Vec<usize> = (0..results.len()).collect();
    order.sort_by(|one, other| results[*one].total_cmp(&results[*other]).then(one.cmp(other)));
    row.worst = order
        .into_iter()
        .take(asked.worst)
        .map(|scenario| {
            let end = scenario + asked.horizon;
            Ok(pb::MarketScenario {
                from: values::number(closes.date_of(scenario)),
                to: values::number(closes.date_of(end)),
                result: estimated(results[scenario], currency)?,
                drivers: drivers(group, end, asked.horizon, currency)?,
            })
        })
        .collect::<Result<_, Error>>()?;
    let sample = Sample::new(results).map_err(unusable)?;
    let at_risk = sample.value_at_risk(asked.confidence, asked.quantile).map_err(unusable)?;
    let shortfall = sample.expected_shortfall(asked.shortfall_confidence, asked.shortfall).map_err(unusable)?;
    (row.value_at_risk, row.expected_shortfall) = (estimated(at_risk, currency)?, estimated(shortfall, currency)?);
    Ok(row)
}

/// What moved a scenario most, the largest first.
fn drivers(
    group: &Group<'_>,
    end: usize,
    horizon: usize,
    currency: CurrencyCode,
) -> Result<Vec<pb::MarketDriver>, Error> {
    let mut by_instrument: BTreeMap<&Identifier, f64> = BTreeMap::new();
    for each in &group.counted {
        let holding = Holding { value: each.worth as f64, levels: each.levels };
        *by_instrument.entry(&each.held.instrument).or_default() += holding.result(end, horizon);
    }
    let mut drivers: Vec<_> = by_instrument.into_iter().collect();
    drivers.sort_by(|(_, one), (_, other)| other.abs().total_cmp(&one.abs()));
    let told = |(instrument, result): (&Identifier, f64)| {
        Ok(pb::MarketDriver { instrument: instrument.to_string(), result: estimated(result, currency)? })
    };
    drivers.into_iter().take(DRIVERS).map(told).collect()
}
