//! Following positions: a snapshot of what fits, then the changes, by the machinery that instructions are followed with.
//!
//! As there, a subscriber is a place in a window of changes: what changed several times in between comes once, as it then
//! stands; whoever falls out of the window is cut off with a token, or starts anew with one that is too old.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;
use wire::pb::record::LotMethod;
use wire::pb::view as pb;
use wire::pb::view::position_update::Kind as Update;
use wire::pb::view::position_update::{Changes, Heartbeat, Key, Reset, Snapshot, TooSlow};

use super::Spot;
use super::lines::{By, PositionFilter};
use crate::Error;
use crate::queries::Projections;
use crate::token::{Purpose, Scope, TokenError};

/// Positions in one message.
const ROWS: usize = 200;
/// Positions or changes looked at for one message: what a subscriber can hold up the fold with.
const EXAMINED: usize = 10_000;

/// A running subscription. Dropping it ends it.
pub struct PositionSubscription {
    views: Projections,
    watch: watch::Receiver<u64>,
    filter: PositionFilter,
    by: By,
    scope: Scope,
    phase: Phase,
}

enum Phase {
    /// Says first that what the subscriber has is out of date.
    Reset,
    /// Positions up to this one are sent; changes count from the record at `since`.
    Snapshot {
        after: Option<Spot>,
        since: u64,
    },
    /// Changes up to this record are sent.
    Following {
        after: u64,
    },
    CutOff,
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
        let sequence = state.positions.sequence;
        let phase = match resume.filter(|token| !token.is_empty()) {
            None => Phase::Snapshot { after: None, since: sequence },
            Some(token) => match u64::from_be_bytes(scope.place(token)?) {
                token if token > sequence => return Err(TokenError::Ahead { token, at: sequence }.into()),
                after if positions.changes.reaches(after) => Phase::Following { after },
                _ => Phase::Reset,
            },
        };
        let by = By::from_wire(method);
        Ok(PositionSubscription { views: self.clone(), watch, filter, by, scope, phase })
    }
}

impl PositionSubscription {
    /// The next message, once there is something to say; None after it was cut off. May be dropped and called again.
    ///
    /// # Errors
    /// A view that has stopped.
    pub async fn next(&mut self) -> Result<Option<pb::PositionUpdate>, Error> {
        loop {
            // Marked as seen before looking: a step that comes while looking wakes the wait below.
            self.watch.mark_unchanged();
            if let Some(update) = self.poll()? {
                return Ok(Some(update));
            }
            if matches!(self.phase, Phase::CutOff) || self.watch.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// The next message if there is something to say now.
    ///
    /// # Errors
    /// A view that has stopped.
    pub fn poll(&mut self) -> Result<Option<pb::PositionUpdate>, Error> {
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

    /// Says that nothing has changed, and where that is.
    pub fn heartbeat(&self) -> pb::PositionUpdate {
        match self.phase {
            Phase::Following { after } => self.message(after, true, Update::Heartbeat(Heartbeat {})),
            _ => self.message(0, false, Update::Heartbeat(Heartbeat {})),
        }
    }

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
        self.phase = if last { Phase::Following { after: since } } else { Phase::Snapshot { after: examined, since } };
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
        if !view.changes.reaches(after) {
            return Ok(None);
        }
        // Up to a whole record: a token never stands in the middle of one.
        let (mut numbers, mut to) = (BTreeSet::new(), after);
        for (count, (sequence, number)) in view.changes.since(after).enumerate() {
            if sequence != to && (count >= EXAMINED || numbers.len() >= ROWS) {
                break;
            }
            to = sequence;
            numbers.insert(Spot(number));
        }
        if view.changes.since(to).next().is_none() {
            // Nothing else has changed: it is all true up to here.
            to = state.positions.sequence;
        }
        let mut wanted = Wanted { sequence: to, spots: Vec::new(), left: Vec::new() };
        for spot in numbers {
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
