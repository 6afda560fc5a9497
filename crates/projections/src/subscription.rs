//! Following instructions: a snapshot of what is open, then the changes; the machinery is that of [`crate::following`].

use std::sync::Arc;

use tokio::sync::watch;
use wire::pb::view as pb;
use wire::pb::view::instruction_update::Kind as Update;
use wire::pb::view::instruction_update::{Changes, Heartbeat, Reset, Snapshot, TooSlow};

use crate::Error;
use crate::following::{EXAMINED, Following, Phase, changed};
use crate::queries::{Projections, renderer};
use crate::shared::{Shared, State};
use crate::status::{Filter, find};
use crate::token::{Purpose, Scope};

/// Rows in one message.
const ROWS: usize = 500;

/// A running subscription. Dropping it ends it.
pub struct Subscription {
    shared: Arc<Shared>,
    watch: watch::Receiver<u64>,
    filter: Filter,
    scope: Scope,
    /// The snapshot is told by rising number.
    phase: Phase<u64>,
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
        let phase = Phase::begin(resume, scope, &status.changes, state.status.sequence)?;
        Ok(Subscription { shared: self.shared.clone(), watch, filter, scope, phase })
    }
}

impl Following for Subscription {
    type Update = pb::InstructionUpdate;

    fn poll(&mut self) -> Result<Option<pb::InstructionUpdate>, Error> {
        let shared = self.shared.clone();
        match self.phase {
            Phase::CutOff => Ok(None),
            Phase::Reset => {
                let sequence = shared.state().status.sequence;
                self.phase = Phase::Snapshot { after: 0, since: sequence };
                Ok(Some(self.message(sequence, false, Update::Reset(Reset {}))))
            }
            Phase::Snapshot { after, since } => self.snapshot(&shared.state(), after, since).map(Some),
            Phase::Following { after } => self.follow(&shared, after),
        }
    }

    fn heartbeat(&self) -> pb::InstructionUpdate {
        match self.phase {
            Phase::Following { after } => self.message(after, true, Update::Heartbeat(Heartbeat {})),
            _ => self.message(0, false, Update::Heartbeat(Heartbeat {})),
        }
    }

    fn steps(&mut self) -> (&mut watch::Receiver<u64>, bool) {
        (&mut self.watch, matches!(self.phase, Phase::CutOff))
    }
}

impl Subscription {
    fn message(&self, sequence: u64, resumes: bool, kind: Update) -> pb::InstructionUpdate {
        let resume_token = if resumes { self.scope.token(&sequence.to_be_bytes()) } else { String::new() };
        pb::InstructionUpdate { sequence, resume_token, kind: Some(kind) }
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
        self.phase = Phase::snapped(examined, since, last);
        Ok(self.message(since, last, Update::Snapshot(Snapshot { instructions, last })))
    }

    fn follow(&mut self, shared: &Shared, after: u64) -> Result<Option<pb::InstructionUpdate>, Error> {
        let state = shared.state();
        let (names, status) = (state.names.live()?, state.status.live()?);
        let Some((mut numbers, to)) = changed(&status.changes, after, ROWS, state.status.sequence) else {
            self.phase = Phase::CutOff;
            return Ok(Some(self.message(after, true, Update::TooSlow(TooSlow {}))));
        };
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
        Ok(Some(self.message(to, true, Update::Changes(Changes { instructions, left }))))
    }
}
