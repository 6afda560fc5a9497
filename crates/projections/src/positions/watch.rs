//! Following positions: a snapshot of what fits, then the changes; the machinery is that of [`crate::following`].

use std::sync::Arc;

use tokio::sync::watch;
use wire::pb::record::LotMethod;
use wire::pb::view as pb;
use wire::pb::view::position_update::Kind as Update;
use wire::pb::view::position_update::{Changes, Heartbeat, Key, Reset, Snapshot, TooSlow};

use super::Spot;
use super::lines::{By, PositionFilter};
use crate::Error;
use crate::following::{EXAMINED, Following, Phase, changed};
use crate::queries::Projections;
use crate::token::{Purpose, Scope};

/// Positions in one message.
const ROWS: usize = 200;

/// A running subscription. Dropping it ends it.
pub struct PositionSubscription {
    views: Projections,
    watch: watch::Receiver<u64>,
    filter: PositionFilter,
    by: By,
    scope: Scope,
    /// The snapshot is told by book and instrument.
    phase: Phase<Option<Spot>>,
}

/// What one message is to have.
struct Wanted {
    sequence: u64,
    spots: Vec<Spot>,
    left: Vec<Key>,
}

impl Projections {
    /// Follows the positions that pass a filter, lots made by a method; unspecified: each book's own.
    ///
    /// `resume` is the last token received. The changes since then follow, or a reset and a snapshot when it is too old.
    ///
    /// # Errors
    /// A filter or token that makes no sense, a view that has stopped.
    pub fn subscribe_positions(
        &self,
        filter: &pb::PositionFilter,
        method: LotMethod,
        resume: Option<&str>,
    ) -> Result<PositionSubscription, Error> {
        let watch = self.shared.watch.subscribe();
        let state = self.shared.state();
        let (names, positions) = (state.names.live()?, state.positions.live()?);
        let filter = PositionFilter::parse(filter, names)?;
        let hash = filter.hash ^ method as u64;
        let scope = Scope { purpose: Purpose::PositionSubscription, shard: names.shard(), filter: hash };
        let phase = Phase::begin(resume, scope, &positions.changes, state.positions.sequence)?;
        let by = By::from_wire(method);
        Ok(PositionSubscription { views: self.clone(), watch, filter, by, scope, phase })
    }
}

impl Following for PositionSubscription {
    type Update = pb::PositionUpdate;

    fn poll(&mut self) -> Result<Option<pb::PositionUpdate>, Error> {
        match self.phase {
            Phase::CutOff => Ok(None),
            Phase::Reset => {
                let sequence = self.views.shared.state().positions.sequence;
                self.phase = Phase::Snapshot { after: None, since: sequence };
                Ok(Some(self.message(sequence, false, Update::Reset(Reset {}))))
            }
            Phase::Snapshot { after, since } => self.snapshot(after, since).map(Some),
            Phase::Following { after } => self.follow(after),
        }
    }

    fn heartbeat(&self) -> pb::PositionUpdate {
        match self.phase {
            Phase::Following { after } => self.message(after, true, Update::Heartbeat(Heartbeat {})),
            _ => self.message(0, false, Update::Heartbeat(Heartbeat {})),
        }
    }

    fn steps(&mut self) -> (&mut watch::Receiver<u64>, bool) {
        (&mut self.watch, matches!(self.phase, Phase::CutOff))
    }
}

impl PositionSubscription {
    fn message(&self, sequence: u64, resumes: bool, kind: Update) -> pb::PositionUpdate {
        let resume_token = if resumes { self.scope.token(&sequence.to_be_bytes()) } else { String::new() };
        pb::PositionUpdate { sequence, resume_token, kind: Some(kind) }
    }

    /// Takes the picture of some positions and makes their lines.
    fn lines(&self, spots: &[Spot]) -> Result<Vec<pb::Position>, Error> {
        let state = self.views.shared.state();
        let grounds = state.valuation.live()?.grounds.clone();
        let picture = state.positions.live()?.picture(&self.views.shared.rows, spots.iter().copied());
        drop(state);
        self.views.position_lines(&picture, &grounds, self.by, false)
    }

    fn snapshot(&mut self, after: Option<Spot>, since: u64) -> Result<pb::PositionUpdate, Error> {
        let state = self.views.shared.state();
        let (names, positions) = (state.names.live()?, state.positions.live()?);
        let grounds: Arc<_> = state.valuation.live()?.grounds.clone();
        let (mut spots, mut last, mut examined) = (Vec::new(), true, after);
        for (count, (spot, sums)) in positions.after(after).enumerate() {
            if count == EXAMINED || spots.len() == ROWS {
                last = false;
                break;
            }
            examined = Some(spot);
            if self.filter.admits(names, &grounds, spot, sums) {
                spots.push(spot);
            }
        }
        drop(state);
        // Lines may be newer than `since`; the changes that follow bring them again, which does no harm.
        let positions = self.lines(&spots)?;
        self.phase = Phase::snapped(examined, since, last);
        Ok(self.message(since, last, Update::Snapshot(Snapshot { positions, last })))
    }

    fn follow(&mut self, after: u64) -> Result<Option<pb::PositionUpdate>, Error> {
        let Some(wanted) = self.changed(after)? else {
            self.phase = Phase::CutOff;
            return Ok(Some(self.message(after, true, Update::TooSlow(TooSlow {}))));
        };
        let Wanted { sequence, spots, left } = wanted;
        let positions = self.lines(&spots)?;
        self.phase = Phase::Following { after: sequence };
        if positions.is_empty() && left.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.message(sequence, true, Update::Changes(Changes { positions, left }))))
    }

    /// What has changed since a record; none when that has left the window.
    fn changed(&self, after: u64) -> Result<Option<Wanted>, Error> {
        let state = self.views.shared.state();
        let (names, view) = (state.names.live()?, state.positions.live()?);
        let grounds = &state.valuation.live()?.grounds;
        let Some((numbers, to)) = changed(&view.changes, after, ROWS, state.positions.sequence) else {
            return Ok(None);
        };
        let mut wanted = Wanted { sequence: to, spots: Vec::new(), left: Vec::new() };
        for spot in numbers.into_iter().map(Spot) {
            let Some(sums) = view.sums(spot) else { continue };
            if self.filter.admits(names, grounds, spot, sums) {
                wanted.spots.push(spot);
            } else if self.filter.concerns(names, grounds, spot) {
                let (book, instrument) = super::questions::names_of(names, spot)?;
                wanted.left.push(Key { book, instrument });
            }
        }
        Ok(Some(wanted))
    }
}
