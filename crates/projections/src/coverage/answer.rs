//! Coverage as an answer: which depots and instruments, and how their plans and chains read.

use model::date::Date;
use model::identifier::Identifier;
use model::index::{AccountIx, Asset, InstrumentIx, Kind};
use prost::Message;
use wire::pb::typ::Decimal;
use wire::pb::view as pb;

use super::chain::Cause;
use super::plan::{Delivery, Plan};
use super::{Coverages, Place};
use crate::names::Names;
use crate::status::Open;
use crate::{Error, token, values};

/// Which coverage.
pub(crate) struct CoverageFilter {
    pub(crate) instrument: Option<InstrumentIx>,
    depot: Option<AccountIx>,
    holder: Option<Identifier>,
    domain: Option<Identifier>,
    only_uncovered: bool,
    all_deliveries: bool,
    pub(crate) hash: u64,
}

impl CoverageFilter {
    pub(crate) fn parse(filter: &pb::CoverageFilter, names: &Names) -> Result<CoverageFilter, Error> {
        let name = |kind: Kind, id: &str| match id {
            "" => Ok(None),
            id => names.index(kind, id).and_then(|index| names.id(kind, index).map(|id| Some(id.clone()))),
        };
        let depot = match filter.depot.as_str() {
            "" => None,
            id => Some(AccountIx(names.index(Kind::Account, id)?)),
        };
        let instrument = match filter.instrument.as_str() {
            "" => None,
            id => Some(names.instrument(id)?),
        };
        Ok(CoverageFilter {
            instrument,
            depot,
            holder: name(Kind::Party, &filter.holder)?,
            domain: name(Kind::Domain, &filter.domain)?,
            only_uncovered: filter.only_uncovered,
            all_deliveries: filter.all_deliveries,
            hash: token::hash(&filter.encode_to_vec()),
        })
    }

    fn admits(&self, depot: AccountIx, names: &Names) -> bool {
        let account = names.account(depot);
        self.depot.is_none_or(|only| only == depot)
            && self.holder.as_ref().is_none_or(|only| account.is_some_and(|account| account.holder == *only))
            && self.domain.as_ref().is_none_or(|only| account.is_some_and(|account| account.domain == *only))
    }
}

impl<'a> Coverages<'a> {
    /// So many after a place, and the place of the last one if there are more.
    pub(crate) fn page(
        &mut self,
        names: &Names,
        filter: &CoverageFilter,
        after: Option<Place>,
        size: usize,
    ) -> Result<(Vec<pb::Coverage>, Option<Place>), Error> {
        let (mut page, mut last) = (Vec::new(), None);
        for place in self.places_after(after) {
            if !filter.admits(place.1, names) {
                continue;
            }
            let plan = self.plan(place);
            if filter.only_uncovered && plan.uncovered() == 0 {
                continue;
            }
            if page.len() == size {
                return Ok((page, last));
            }
            page.push(self.coverage(names, filter, place, &plan)?);
            last = Some(place);
        }
        Ok((page, None))
    }

    fn coverage(
        &mut self,
        names: &Names,
        filter: &CoverageFilter,
        (instrument, depot): Place,
        plan: &Plan<'a>,
    ) -> Result<pb::Coverage, Error> {
        let units = Units { scale: names.scale(Asset::instrument(instrument)) };
        let (mut projected, mut lowest, mut lines) = (plan.stock, plan.stock, Vec::new());
        let (mut expected_in, mut due_out) = (0, 0);
        for (date, due) in plan.dates() {
            projected += due.receipts - due.deliveries;
            lowest = lowest.min(projected);
            (expected_in, due_out) = (expected_in + due.receipts, due_out + due.deliveries);
            lines.push(pb::CoverageLine {
                value_date: values::number(date),
                receipts: units.some(due.receipts)?,
                deliveries: units.some(due.deliveries)?,
                projected: units.some(projected)?,
            });
        }
        let mut deliveries = Vec::new();
        for delivery in &plan.deliveries {
            let state = plan.state(delivery);
            let uncovered = matches!(state, pb::CoverageState::Late | pb::CoverageState::Short);
            if uncovered || filter.all_deliveries {
                let mut path = delivery.open.instruction.map_or(Vec::new(), |(number, _)| vec![number]);
                let causes = self.causes(plan, delivery, &mut path);
                deliveries.push(units.delivery(names, delivery, state, &causes)?);
            }
        }
        let account = names.account(depot);
        let on = plan.today.or_else(|| plan.dates().keys().next().copied()).unwrap_or(Date::MIN);
        Ok(pb::Coverage {
            depot: names.text(Kind::Account, depot.0)?,
            holder: account.map_or(String::new(), |account| account.holder.to_string()),
            domain: account.map_or(String::new(), |account| account.domain.to_string()),
            instrument: names.text(Kind::Instrument, instrument.0)?,
            isin: names.isin(instrument, on).map_or(String::new(), |isin| isin.to_string()),
            today: plan.today.map_or(0, values::number),
            settled: units.some(plan.stock)?,
            expected_in: units.some(expected_in)?,
            due_out: units.some(due_out)?,
            projected: units.some(projected)?,
            lowest: units.some(lowest)?,
            uncovered: units.some(plan.uncovered())?,
            lines,
            deliveries,
        })
    }
}

/// Quantities of one instrument as decimals.
struct Units {
    scale: u32,
}

impl Units {
    fn some(&self, units: i128) -> Result<Option<Decimal>, Error> {
        values::decimal("a quantity", units, self.scale).map(Some)
    }

    fn delivery(
        &self,
        names: &Names,
        delivery: &Delivery<'_>,
        state: pb::CoverageState,
        causes: &[Cause<'_>],
    ) -> Result<pb::CoverageDelivery, Error> {
        let Open { outline, key, instruction, .. } = delivery.open;
        Ok(pb::CoverageDelivery {
            instruction: instruction.map_or(0, |(number, _)| number),
            source: names.text(Kind::Source, key.source.0)?,
            trade: key.id.to_string(),
            counterparty: names.text(Kind::Party, outline.counterparty.0)?,
            intended_settlement_date: values::number(outline.intended),
            quantity: self.some(i128::from(outline.quantity))?,
            missing: self.some(delivery.missing)?,
            state: state as i32,
            causes: causes.iter().map(|cause| self.cause(names, cause)).collect::<Result<_, _>>()?,
        })
    }

    fn cause(&self, names: &Names, cause: &Cause<'_>) -> Result<pb::CoverageCause, Error> {
        let because = cause.because.iter().map(|each| self.cause(names, each)).collect::<Result<_, _>>()?;
        let told = pb::CoverageCause {
            quantity: self.some(cause.quantity)?,
            root: cause.root as i32,
            because,
            ..pb::CoverageCause::default()
        };
        let Some(Open { outline, key, instruction, .. }) = cause.receipt else { return Ok(told) };
        let depot = cause.delivery.and_then(|delivery| delivery.outline.depot);
        let reasons = instruction.map(|(_, row)| match &row.agent {
            Some(agent) => agent.reasons.clone(),
            None => row.reasons.iter().map(ToString::to_string).collect(),
        });
        Ok(pb::CoverageCause {
            receipt: instruction.map_or(0, |(number, _)| number),
            delivery: cause.delivery.map_or(0, |delivery| delivery.number),
            receiver: names.text(Kind::Party, outline.party.0)?,
            deliverer: names.text(Kind::Party, outline.counterparty.0)?,
            depot: depot.map_or(Ok(String::new()), |depot| names.text(Kind::Account, depot.0))?,
            trade: key.id.to_string(),
            intended_settlement_date: values::number(outline.intended),
            reasons: reasons.unwrap_or_default(),
            ..told
        })
    }
}
