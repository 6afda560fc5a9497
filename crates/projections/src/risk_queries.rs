//! The questions of risk, over several views at one record.

use model::index::{AccountIx, InstrumentIx};
use wire::pb::view as pb;

use crate::Error;
use crate::coverage::{CoverageFilter, Coverages};
use crate::queries::{PageRequest, Projections};
use crate::shared::{At, State, ViewName};
use crate::token::{Purpose, Scope};

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
}

/// The record at which status and ledger both stand. They part only while one of them is rebuilt.
fn same_record(state: &State) -> Result<u64, Error> {
    let (status, ledger) = (state.status.sequence, state.ledger.sequence);
    if status == ledger {
        return Ok(status);
    }
    let view = if ledger < status { ViewName::Ledger } else { ViewName::Status };
    Err(Error::TooOld { view: view.as_str(), at: ledger.min(status), wanted: ledger.max(status) })
}

fn read_place(place: [u8; 8]) -> (InstrumentIx, AccountIx) {
    let [a, b, c, d, depot @ ..] = place;
    (InstrumentIx(u32::from_be_bytes([a, b, c, d])), AccountIx(u32::from_be_bytes(depot)))
}
