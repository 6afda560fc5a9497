//! Own funds for unsettled trades and free deliveries by age, by the rules of a jurisdiction.

use std::collections::BTreeMap;

use model::date::Date;
use model::decimal::Decimal;
use model::identifier::CurrencyCode;
use model::index::{Asset, DomainIx, Kind, PartyIx};
use model::trade::Method;
use risk::exposure::capital::{DvpFactors, Exclusions, FreeDelivery, FreeTreatment, OwnFunds};
use risk::published;
use risk::rule::{NoRule, Rule};
use wire::pb::typ;
use wire::pb::view as pb;

use super::valued::{Exceptions, ExposureFilter, Stand, Valued};
use crate::{Error, values};

/// What a row is of: whose, of whom, in what, what kind, from which age.
type Heading = (PartyIx, PartyIx, CurrencyCode, i32, u32);

#[derive(Default)]
struct Sums {
    trades: u64,
    oldest: u32,
    difference: i128,
    factor: Option<Decimal>,
    own_funds: Option<i128>,
    risk_weighted: Option<i128>,
}

struct Rules {
    dvp: Rule<DvpFactors>,
    free: Rule<FreeDelivery>,
    scope: Rule<Exclusions>,
    ratio: Rule<OwnFunds>,
}

/// Everything aged that fits a filter. Only what is at least as old as the first band has a row.
pub(crate) fn capitals(
    sequence: u64,
    stand: &Stand<'_>,
    filter: &ExposureFilter,
    jurisdiction: &str,
) -> Result<pb::Capitals, Error> {
    let jurisdiction = if jurisdiction.is_empty() { "EU" } else { jurisdiction };
    // Domains may stand on different dates: the rules of the latest one hold.
    let today = stand.status.days.values().max().copied();
    let none = |error: NoRule| Error::Filter { field: "jurisdiction", reason: error.to_string() };
    let on = today.unwrap_or(Date::MAX);
    let rules = Rules {
        dvp: published::dvp_factors().on(jurisdiction, on).map_err(none)?.clone(),
        free: published::free_deliveries().on(jurisdiction, on).map_err(none)?.clone(),
        scope: published::unsettled_exclusions().on(jurisdiction, on).map_err(none)?.clone(),
        ratio: published::own_funds().on(jurisdiction, on).map_err(none)?.clone(),
    };
    let (mut rows, mut exceptions) = (BTreeMap::<Heading, Sums>::new(), Exceptions::default());
    let (mut out_of_scope, mut ages) = (0, BTreeMap::new());
    stand.valued(filter, &mut exceptions, |valued| {
        let outline = valued.open.outline;
        let Some(today) = stand.today(outline.domain) else { return Ok(()) };
        if outline.intended >= today {
            return Ok(());
        }
        if rules.scope.value.leaves_out(outline.transaction_type) {
            out_of_scope += 1;
            return Ok(());
        }
        let domain: DomainIx = outline.domain;
        let age =
            *ages.entry((domain, outline.intended)).or_insert_with(|| stand.names.age(domain, outline.intended, today));
        rules.add(&mut rows, &valued, age)
    })?;
    let told = |jurisdiction: &str, from: Date, source: &str| format!("{jurisdiction}, from {from}: {source}");
    Ok(pb::Capitals {
        sequence,
        business_dates: stand.business_dates()?,
        prices: Some(stand.prices.name()),
        rules: vec![
            told(&rules.dvp.jurisdiction, rules.dvp.from, &rules.dvp.source),
            told(&rules.free.jurisdiction, rules.free.from, &rules.free.source),
            told(
                &rules.scope.jurisdiction,
                rules.scope.from,
                &format!("{} (repos and loans left out)", rules.scope.source),
            ),
            told(&rules.ratio.jurisdiction, rules.ratio.from, &rules.ratio.source),
        ],
        rows: rows.iter().map(|(heading, sums)| sums.row(stand, heading)).collect::<Result<_, _>>()?,
        exceptions: exceptions.told(),
        out_of_scope,
    })
}

fn overflow<T>(_: T) -> Error {
    Error::Overflow { what: "own funds" }
}

impl Rules {
    fn add(&self, rows: &mut BTreeMap<Heading, Sums>, valued: &Valued<'_>, age: u32) -> Result<(), Error> {
        let Some(at_stake) = valued.at_stake else { return Ok(()) };
        let outline = valued.open.outline;
        let heading =
            |kind: pb::CapitalKind, from| (outline.party, outline.counterparty, outline.currency, kind as i32, from);
        let mut put = |heading, difference, factor, own_funds: Option<i128>, weighted: Option<i128>| {
            let sums: &mut Sums = rows.entry(heading).or_default();
            (sums.trades, sums.oldest) = (sums.trades + 1, sums.oldest.max(age));
            sums.difference += difference;
            sums.factor = factor;
            sums.own_funds = own_funds.map(|amount| sums.own_funds.unwrap_or(0) + amount);
            sums.risk_weighted = weighted.map(|amount| sums.risk_weighted.unwrap_or(0) + amount);
        };
        match at_stake.method {
            Method::Dvp => {
                let Some(band) = self.dvp.value.0.iter().rfind(|band| band.from_days <= age) else { return Ok(()) };
                let risk = self.dvp.value.price_risk(&at_stake, age, self.ratio.value).map_err(overflow)?;
                let heading = heading(pb::CapitalKind::Dvp, band.from_days);
                put(heading, risk.difference, Some(risk.factor), Some(risk.own_funds), Some(risk.risk_weighted));
            }
            Method::Fop => {
                let transferred = at_stake.sent.then_some(at_stake.market);
                let days = i32::try_from(age).unwrap_or(i32::MAX);
                match self.free.value.treatment(transferred, at_stake.market, days).map_err(overflow)? {
                    FreeTreatment::None => {}
                    FreeTreatment::Exposure(exposure) => {
                        put(heading(pb::CapitalKind::Free, 0), exposure, None, None, None);
                    }
                    FreeTreatment::Full { exposure, risk_weighted } => {
                        let own = self.ratio.value.of(risk_weighted).map_err(overflow)?;
                        let free = self.free.value;
                        let heading = heading(pb::CapitalKind::FreeLate, free.from_days);
                        put(heading, exposure, Some(free.weight), Some(own), Some(risk_weighted));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Sums {
    fn row(
        &self,
        stand: &Stand<'_>,
        (entity, counterparty, currency, kind, from): &Heading,
    ) -> Result<pb::Capital, Error> {
        let scale = stand.names.scale(Asset::currency(*currency));
        let money = |units: i128| values::decimal("own funds", units, scale);
        Ok(pb::Capital {
            entity: stand.names.text(Kind::Party, entity.0)?,
            counterparty: stand.names.text(Kind::Party, counterparty.0)?,
            currency: currency.to_string(),
            kind: *kind,
            from_days: *from,
            oldest_days: self.oldest,
            trades: self.trades,
            difference: money(self.difference).map(Some)?,
            factor: self.factor.map(|factor| typ::Decimal { unscaled: factor.unscaled, scale: factor.scale }),
            own_funds: self.own_funds.map(money).transpose()?,
            risk_weighted: self.risk_weighted.map(money).transpose()?,
        })
    }
}
