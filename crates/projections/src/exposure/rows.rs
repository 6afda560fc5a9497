//! Exposure by entity, counterparty, currency, value date and phase.

use std::collections::BTreeMap;

use model::date::Date;
use model::identifier::CurrencyCode;
use model::index::{Asset, Kind, PartyIx};
use risk::exposure::settlement::Phase;
use wire::pb::view as pb;

use super::valued::{Exceptions, ExposureFilter, Stand, Valued};
use crate::{Error, values};

/// What a row is of.
type Heading = (PartyIx, PartyIx, CurrencyCode, Date, i32);

/// Minor units of the settlement currency.
#[derive(Default)]
struct Sums {
    trades: u64,
    unpriced: u64,
    bought: i128,
    sold: i128,
    bought_market: i128,
    sold_market: i128,
    replacement: i128,
    principal: i128,
    exposure: i128,
}

/// Everything open that fits a filter, as of the record at which the views stand.
pub(crate) fn exposures(sequence: u64, stand: &Stand<'_>, filter: &ExposureFilter) -> Result<pb::Exposures, Error> {
    let (mut rows, mut exceptions) = (BTreeMap::<Heading, Sums>::new(), Exceptions::default());
    stand.valued(filter, &mut exceptions, |valued| {
        let outline = valued.open.outline;
        let phase = phase(stand, &valued) as i32;
        let heading = (outline.party, outline.counterparty, outline.currency, outline.intended, phase);
        rows.entry(heading).or_default().add(&valued)
    })?;
    Ok(pb::Exposures {
        sequence,
        business_dates: stand.business_dates()?,
        prices: Some(stand.prices.name()),
        rows: rows.iter().map(|(heading, sums)| sums.row(stand, heading)).collect::<Result<_, _>>()?,
        exceptions: exceptions.told(),
    })
}

fn phase(stand: &Stand<'_>, valued: &Valued<'_>) -> pb::ExposurePhase {
    let late = || stand.today(valued.open.outline.domain).is_some_and(|today| valued.open.outline.intended < today);
    match valued.at_stake.map(|at_stake| at_stake.phase()) {
        Some(Phase::Delivery | Phase::Over) => pb::ExposurePhase::Delivery,
        Some(Phase::Failing) => pb::ExposurePhase::Failing,
        Some(Phase::PreSettlement) => pb::ExposurePhase::PreSettlement,
        // What has no price still has a date.
        None if late() => pb::ExposurePhase::Failing,
        None => pb::ExposurePhase::PreSettlement,
    }
}

impl Sums {
    fn add(&mut self, valued: &Valued<'_>) -> Result<(), Error> {
        self.trades += 1;
        let Some(at_stake) = valued.at_stake else {
            self.unpriced += 1;
            return Ok(());
        };
        let exposure = at_stake.exposure().map_err(|_| Error::Overflow { what: "an exposure" })?;
        let agreed = match at_stake.method {
            model::trade::Method::Dvp => at_stake.contract,
            model::trade::Method::Fop => 0,
        };
        if valued.open.outline.receives {
            (self.bought, self.bought_market) = (self.bought + agreed, self.bought_market + at_stake.market);
        } else {
            (self.sold, self.sold_market) = (self.sold + agreed, self.sold_market + at_stake.market);
        }
        self.replacement += exposure.replacement;
        self.principal += exposure.principal;
        self.exposure += exposure.amount();
        Ok(())
    }

    fn row(
        &self,
        stand: &Stand<'_>,
        (entity, counterparty, currency, date, phase): &Heading,
    ) -> Result<pb::Exposure, Error> {
        let scale = stand.names.scale(Asset::currency(*currency));
        let money = |units: i128| values::decimal("an exposure", units, scale).map(Some);
        Ok(pb::Exposure {
            entity: stand.names.text(Kind::Party, entity.0)?,
            counterparty: stand.names.text(Kind::Party, counterparty.0)?,
            currency: currency.to_string(),
            value_date: values::number(*date),
            phase: *phase,
            trades: self.trades,
            unpriced: self.unpriced,
            bought: money(self.bought)?,
            sold: money(self.sold)?,
            bought_market: money(self.bought_market)?,
            sold_market: money(self.sold_market)?,
            replacement: money(self.replacement)?,
            principal: money(self.principal)?,
            exposure: money(self.exposure)?,
        })
    }
}
