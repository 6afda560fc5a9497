//! Following instructions: a snapshot of what is open, then the changes, for as long as one reads.
//!
//! A subscriber is a place in the window of recent changes, nothing more: the fold does not know it, queues nothing for it and
//! never waits for it. It reads when it likes; what changed several times in between it gets once, as it then stands. When its
//! place has left the window it is cut off with a token, and whoever comes with a token outside the window starts anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;
use wire::pb::view as pb;
use wire::pb::view::instruction_update::Kind as Update;
use wire::pb::view::instruction_update::{Changes, Heartbeat, Reset, Snapshot, TooSlow};

use crate::Error;
use crate::positions::PositionSubscription;
use crate::queries::{Projections, renderer};
use crate::shared::{Shared, State};
use crate::status::{Filter, find};
use crate::token::{Purpose, Scope, TokenError};

/// Rows in one message.
const ROWS: usize = 500;
/// Rows or changes looked at for one message: what a subscriber can hold up the fold with.
const EXAMINED: usize = 10_000;

/// A running subscription. Dropping it ends it.
pub struct Subscription {
    shared: Arc<Shared>,
    watch: watch::Receiver<u64>,
    filter: Filter,
    scope: Scope,
    phase: Phase,
}

enum Phase {
    /// Says first that what the subscriber has is out of date.
    Reset,
    /// Instructions up to this number are sent; changes count from the record at `since`.
    Snapshot {
        after: u64,
        since: u64,
    },
    /// Changes up to this record are sent.
    Following {
        after: u64,
    },
    CutOff,
}

/// What a stream of messages is made from, whatever it is about.
pub trait Following: Send + 'static {
    type Update: Send;

    /// The next message, once there is something to say; None after it was cut off. May be dropped and called again.
    fn next_update(&mut self) -> impl Future<Output = Result<Option<Self::Update>, Error>> + Send;

    /// Says that nothing has changed, and where that is.
    fn quiet(&self) -> Self::Update;
}

impl Following for Subscription {
    type Update = pb::InstructionUpdate;

    fn next_update(&mut self) -> impl Future<Output = Result<Option<Self::Update>, Error>> + Send {
        self.next()
    }

    fn quiet(&self) -> Self::Update {
        self.heartbeat()
    }
}

impl Following for PositionSubscription {
    type Update = pb::PositionUpdate;

    fn next_update(&mut self) -> impl Future<Output = Result<Option<Self::Update>, Error>> + Send {
        self.next()
    }

    fn quiet(&self) -> Self::Update {
        self.heartbeat()
    }
}

impl Projections {
    /// Follows the instructions that pass a filter. The snapshot has those that are open; what has ended is found by listing.
    ///
    /// `resume` is the last token received. The changes since then follow, or a reset and a snapshot when it is too old.
    pub fn subscribe(&self, filter: &pb::InstructionFilter, resume: Option<&str>) -> Result<Subscription, Error> {
        let watch = self.shared.watch.subscribe();
        let state = self.shared.state();
        let (names, status) = (state.names.live()?, state.status.live()?);
        let filter = Filter::parse(filter, names)?;
        let scope = Scope { purpose: Purpose::Subscription, shard: names.shard(), filter: filter.hash() };
        let phase = match resume.filter(|token| !token.is_empty()) {
            None => Phase::Snapshot { after: 0, since: state.status.sequence },
            Some(token) => match u64::from_be_bytes(scope.place(token)?) {
                token if token > state.status.sequence => {
                    return Err(TokenError::Ahead { token, at: state.status.sequence }.into());
                }
                after if status.changes.reaches(after) => Phase::Following { after },
                _ => Phase::Reset,
            },
        };
        Ok(Subscription { shared: self.shared.clone(), watch, filter, scope, phase })
    }
}

impl Subscription {
    /// The next message, once there is something to say; None after it was cut off. May be dropped and called again.
    ///
    /// When nothing came for a while, send [`Subscription::heartbeat`].
    pub async fn next(&mut self) -> Result<Option<pb::InstructionUpdate>, Error> {
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
    pub fn poll(&mut self) -> Result<Option<pb::InstructionUpdate>, Error> {
        let shared = self.shared.clone();
        match self.phase {
            Phase::CutOff => Ok(None),
            Phase::Reset => {
                let sequence = shared.state().status.sequence;
                self.phase = Phase::Snapshot { after: 0, since: sequence };
                Ok(Some(pb::InstructionUpdate {
                    sequence,
                    resume_token: String::new(),
                    kind: Some(Update::Reset(Reset {})),
                }))
            }
            Phase::Snapshot { after, since } => self.snapshot(&shared.state(), after, since).map(Some),
            Phase::Following { after } => self.follow(&shared, after),
        }
    }

    /// Says that nothing has changed, and where that is.
    pub fn heartbeat(&self) -> pb::InstructionUpdate {
        let (sequence, token) = match self.phase {
            Phase::Following { after } => (after, self.scope.token(&after.to_be_bytes())),
            Phase::Reset | Phase::Snapshot { .. } | Phase::CutOff => (0, String::new()),
        };
        pb::InstructionUpdate { sequence, resume_token: token, kind: Some(Update::Heartbeat(Heartbeat {})) }
    }

    fn snapshot(&mut self, state: &State, after: u64, since: u64) -> Result<pb::InstructionUpdate, Error> {
        let (names, status, renderer) = (state.names.live()?, state.status.live()?, renderer(state)?);
        let old_enough = self.filter.old_enough(names, &status.days);
        let (mut instructions, mut last, mut examined) = (Vec::new(), true, after);
        for (count, (number, row)) in status.instructions_after(after).enumerate() {
            if count == EXAMINED || instructions.len() == ROWS {
                last = false;
                break;
            }
            examined = number;
            if !row.has_ended() && self.filter.admits(row, &old_enough) {
                instructions.push(renderer.instruction(number, row)?);
            }
        }
        // Rows may be newer than `since`; the changes that follow bring them again, which does no harm.
        let resume_token = if last { self.scope.token(&since.to_be_bytes()) } else { String::new() };
        self.phase = if last { Phase::Following { after: since } } else { Phase::Snapshot { after: examined, since } };
        let kind = Some(Update::Snapshot(Snapshot { instructions, last }));
        Ok(pb::InstructionUpdate { sequence: since, resume_token, kind })
    }

    fn follow(&mut self, shared: &Shared, after: u64) -> Result<Option<pb::InstructionUpdate>, Error> {
        let state = shared.state();
        let (names, status) = (state.names.live()?, state.status.live()?);
        if !status.changes.reaches(after) {
            self.phase = Phase::CutOff;
            let resume_token = self.scope.token(&after.to_be_bytes());
            return Ok(Some(pb::InstructionUpdate {
                sequence: after,
                resume_token,
                kind: Some(Update::TooSlow(TooSlow {})),
            }));
        }
        // Up to a whole record: a token never stands in the middle of one.
        let (mut numbers, mut to) = (BTreeSet::new(), after);
        for (count, (sequence, number)) in status.changes.since(after).enumerate() {
            if sequence != to && (count >= EXAMINED || numbers.len() >= ROWS) {
                break;
            }
            to = sequence;
            numbers.insert(number);
        }
        if status.changes.since(to).next().is_none() {
            // Nothing else has changed: it is all true up to here.
            to = state.status.sequence;
        }
        let (old_enough, renderer) = (self.filter.old_enough(names, &status.days), renderer(&state)?);
        let (mut instructions, mut left) = (Vec::new(), Vec::new());
        // A reversal names the deliverer only: what came of it concerns the other side too.
        for number in numbers.clone() {
            if status.reversed.contains_key(&number)
                && let Some(row) = find(status, &shared.rows, number)?
            {
                numbers.insert(row.counter);
            }
        }
        for number in numbers {
            let Some(row) = find(status, &shared.rows, number)? else { continue };
            if self.filter.admits(&row, &old_enough) {
                instructions.push(renderer.instruction(number, &row)?);
            } else if self.filter.concerns(&row) {
                left.push(number);
            }
        }
        self.phase = Phase::Following { after: to };
        if instructions.is_empty() && left.is_empty() {
            return Ok(None);
        }
        let kind = Some(Update::Changes(Changes { instructions, left }));
        Ok(Some(pb::InstructionUpdate { sequence: to, resume_token: self.scope.token(&to.to_be_bytes()), kind }))
    }
}
