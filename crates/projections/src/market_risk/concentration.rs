//! Concentration: how much of the books' gross stands in one instrument, issuer or currency. Integers throughout.

use std::collections::BTreeMap;

use model::decimal::{Rounding, mul_div_round};
use model::identifier::CurrencyCode;
use wire::pb::typ;
use wire::pb::view as pb;

use super::closes::Closes;
use super::estimate::worths;
use super::held::Taken;
use super::{Exceptions, money};
use crate::Error;
use crate::queries::Projections;
use crate::shared::At;

#[derive(Clone, Copy, Default)]
struct Sums {
    positions: u64,
    long: i128,
    short: i128,
}

impl Sums {
    fn gross(&self) -> Result<i128, Error> {
        self.long.checked_sub(self.short).ok_or(Error::Overflow { what: "a gross value" })
    }
}

pub(super) fn concentration(
    views: &Projections,
    question: &pb::MarketRiskQuestion,
    at: At,
) -> Result<pb::Concentration, Error> {
    let taken = Taken::new(views, question, at)?;
    let sets = &taken.grounds.sets;
    let closes = Closes::last(sets, &taken.question.series, taken.question.date, 1)?;
    let currency = taken.currency(closes.date())?;
    let mut exceptions = Exceptions::default();
    let marks = closes.marks(sets, &views.shared.rows.reader(), 0)?;
    let worths = worths(&taken, &marks, currency, &mut exceptions)?;
    let mut sums: BTreeMap<(i32, String), Sums> = BTreeMap::new();
    let mut all = Sums::default();
    for (held, worth) in taken.held().zip(worths) {
        let Some(worth) = worth else { continue };
        let issuer = taken.grounds.issuer(&held.instrument).map(ToString::to_string);
        if issuer.is_none() {
            exceptions.add("NO_ISSUER", held.instrument.to_string());
        }
        let priced_in = marks.price(&held.instrument).map_or(String::new(), |price| price.currency.to_string());
        let names = [
            (pb::ConcentrationKind::Instrument, held.instrument.to_string()),
            (pb::ConcentrationKind::Issuer, issuer.unwrap_or_default()),
            (pb::ConcentrationKind::Currency, priced_in),
        ];
        for (kind, name) in names {
            sums.entry((kind as i32, name)).or_default().add(worth)?;
        }
        all.add(worth)?;
    }
    let mut basis = taken.basis(closes.date(), currency);
    basis.sets = closes.sets().iter().map(wire::control::frozen_set).collect();
    closes.describe(&mut basis, &mut exceptions);
    basis.history.clear();
    basis.exceptions = exceptions.told();
    let gross = all.gross()?;
    let mut rows = sums
        .iter()
        .map(|((kind, name), sums)| Ok((*kind, sums.gross()?, row(*kind, name, sums, gross, currency)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    rows.sort_by(|(kind, size, row), (other, larger, after)| {
        kind.cmp(other).then(larger.cmp(size)).then(row.name.cmp(&after.name))
    });
    let kinds = [pb::ConcentrationKind::Instrument, pb::ConcentrationKind::Issuer, pb::ConcentrationKind::Currency];
    let indices = kinds.iter().map(|kind| {
        let sizes: Vec<i128> = rows.iter().filter(|row| row.0 == *kind as i32).map(|row| row.1).collect();
        index(*kind, &sizes, gross)
    });
    Ok(pb::Concentration {
        basis: Some(basis),
        gross: money(gross, currency)?,
        indices: indices.collect::<Result<_, Error>>()?,
        rows: rows.into_iter().map(|(_, _, row)| row).collect(),
    })
}

impl Sums {
    fn add(&mut self, worth: i128) -> Result<(), Error> {
        let side = if worth < 0 { &mut self.short } else { &mut self.long };
        *side = side.checked_add(worth).ok_or(Error::Overflow { what: "a market value" })?;
        self.positions += 1;
        Ok(())
    }
}

fn row(kind: i32, name: &str, sums: &Sums, whole: i128, currency: CurrencyCode) -> Result<pb::ConcentrationRow, Error> {
    let gross = sums.gross()?;
    let net = sums.long.checked_add(sums.short).ok_or(Error::Overflow { what: "a market value" })?;
    Ok(pb::ConcentrationRow {
        kind,
        name: name.to_owned(),
        positions: sums.positions,
        long: money(sums.long, currency)?,
        short: money(sums.short, currency)?,
        net: money(net, currency)?,
        gross: money(gross, currency)?,
        percent: percent(gross, whole)?,
    })
}

/// Hundredths of a percent; nothing of nothing.
fn percent(part: i128, whole: i128) -> Result<Option<typ::Decimal>, Error> {
    if whole == 0 {
        return Ok(None);
    }
    let hundredths = mul_div_round(part, 10_000, whole, Rounding::HalfUp).and_then(|share| i64::try_from(share).ok());
    let unscaled = hundredths.ok_or(Error::Overflow { what: "a share" })?;
    Ok(Some(typ::Decimal { unscaled, scale: 2 }))
}

fn index(kind: pb::ConcentrationKind, sizes: &[i128], gross: i128) -> Result<pb::ConcentrationIndex, Error> {
    let five: i128 = sizes.iter().take(5).sum();
    let points = (gross != 0).then(|| {
        let points = risk::statistics::concentration::herfindahl(sizes) * 10_000.0;
        typ::Decimal { unscaled: (points * 100.0).round() as i64, scale: 2 }
    });
    Ok(pb::ConcentrationIndex {
        kind: kind as i32,
        names: sizes.len() as u64,
        points,
        largest_percent: percent(sizes.first().copied().unwrap_or(0), gross)?,
        five_percent: percent(five, gross)?,
    })
}
