//! The questions of risk, over several views at one record.

use model::index::{AccountIx, InstrumentIx};
use model::reference::PriceSet;
use wire::pb::view as pb;

use crate::Error;
use crate::coverage::{CoverageFilter, Coverages};
use crate::exposure::{ExposureFilter, Stand, capitals, exposures};
use crate::forecast::Unsettled;
use crate::queries::{PageRequest, Projections};
use crate::shared::{At, State, ViewName};
use crate::token::{Purpose, Scope};
use crate::valuation::Wanted;

impl Projections {
    /// What deliveries lack and why, by instrument and depot.
    pub fn coverage(
        &self,
        filter: &pb::CoverageFilter,
        page: PageRequest<'_>,
        at: At,
    ) -> Result<pb::CoveragePage, Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        let names = state.names.live()?;
        let filter = CoverageFilter::parse(filter, names)?;
        let scope = Scope { purpose: Purpose::Coverage, shard: names.shard(), filter: filter.hash };
        let after = page.place::<8>(scope)?.map(read_place);
        let sequence = same_record(&state)?;
        let mut coverages = Coverages::new(state.status.live()?, state.ledger.live()?, filter.instrument);
        let (coverages, last) = coverages.page(names, &filter, after, page.size())?;
        let token = |(instrument, depot): (InstrumentIx, AccountIx)| {
            scope.token(&[instrument.0.to_be_bytes(), depot.0.to_be_bytes()].concat())
        };
        Ok(pb::CoveragePage { sequence, coverages, next_page_token: last.map_or(String::new(), token) })
    }

    /// What failures of counterparties would cost, at a set of prices and rates.
    pub fn exposure(&self, filter: &pb::ExposureFilter, at: At) -> Result<pb::Exposures, Error> {
        self.at_market(filter, at, exposures)
    }

    /// Own funds for aged fails and free deliveries, at a set of prices and rates.
    pub fn capital(&self, filter: &pb::CapitalFilter, at: At) -> Result<pb::Capitals, Error> {
        let of = filter.of.clone().unwrap_or_default();
        self.at_market(&of, at, |sequence, stand, of| capitals(sequence, stand, of, &filter.jurisdiction))
    }

    /// What central counterparties will ask for what has not settled, at a set of prices and rates.
    pub fn margin_forecast(&self, filter: &pb::ForecastFilter, at: At) -> Result<pb::MarginForecasts, Error> {
        let (unsettled, grounds) = {
            let state = self.shared.at(ViewName::Status, at)?;
            let sequence = same_record(&state)?;
            let (names, grounds) = (state.names.live()?, &state.valuation.live()?.grounds);
            let prices = grounds.prices(&self.shared.rows.reader(), &Wanted::parse(filter.prices.as_ref())?)?;
            let (status, positions) = (state.status.live()?, state.positions.live()?);
            let stand = Stand { names, status, positions, grounds, prices: &prices };
            (Unsettled::new(sequence, &stand, filter)?, grounds.clone())
        };
        unsettled.forecast(&grounds, &self.shared.rows.reader())
    }

    /// A recorded set of prices and rates, and its name.
    pub fn price_set(&self, filter: &pb::PriceSetFilter, at: At) -> Result<(PriceSet, pb::PriceSetName), Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        same_record(&state)?;
        let grounds = &state.valuation.live()?.grounds;
        grounds.set_of(&self.shared.rows.reader(), &Wanted::parse(Some(filter))?)
    }

    fn at_market<T>(
        &self,
        filter: &pb::ExposureFilter,
        at: At,
        ask: impl FnOnce(u64, &Stand<'_>, &ExposureFilter) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let state = self.shared.at(ViewName::Status, at)?;
        let sequence = same_record(&state)?;
        let (names, grounds) = (state.names.live()?, &*state.valuation.live()?.grounds);
        let wanted = Wanted::parse(filter.prices.as_ref())?;
        let filter = ExposureFilter::parse(filter, names)?;
        let prices = grounds.prices(&self.shared.rows.reader(), &wanted)?;
        let (status, positions) = (state.status.live()?, state.positions.live()?);
        ask(sequence, &Stand { names, status, positions, grounds, prices: &prices }, &filter)
    }
}

/// The record at which the views of such an answer all stand. They part only while one of them is rebuilt.
fn same_record(state: &State) -> Result<u64, Error> {
    let views = [
        (ViewName::Status, state.status.sequence),
        (ViewName::Ledger, state.ledger.sequence),
        (ViewName::Positions, state.positions.sequence),
        (ViewName::Valuation, state.valuation.sequence),
    ];
    let newest = views.iter().map(|(_, sequence)| *sequence).max().unwrap_or(0);
    match views.iter().find(|(_, sequence)| *sequence < newest) {
        None => Ok(newest),
        Some((view, at)) => Err(Error::TooOld { view: view.as_str(), at: *at, wanted: newest }),
    }
}

fn read_place(place: [u8; 8]) -> (InstrumentIx, AccountIx) {
    let [a, b, c, d, depot @ ..] = place;
    (InstrumentIx(u32::from_be_bytes([a, b, c, d])), AccountIx(u32::from_be_bytes(depot)))
}
