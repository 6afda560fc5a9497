//! The search: the first cause, what ends it, the next cause, until the trade has settled on the copy. Then each change is
//! left out in turn: what remains is needed. What it says is what a replay of exactly these changes does.

use super::causes::{Found, Why, first};
use super::excerpt::Excerpt;
use super::remedies::candidates;
use super::scratch::Scratch;
use super::{Cause, Change, Days, Explanation};
use crate::past::Past;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use model::index::PartyIx;
use model::rejection::Rejection;

/// So many causes of one trade, one after the other.
const CAUSES: usize = 16;
/// So deep goes a chain of deliveries that wait for receipts.
const DEPTH: usize = 5;
/// So often something is tried in all.
const TRIES: u32 = 400;

/// When a search is at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Settled,
    /// The trade has an instruction: the rest is another's affair.
    Instructed,
}

/// A way to end a cause.
pub(super) struct Candidate {
    pub changes: Vec<Change>,
    /// Causes behind it: of what it waits for.
    pub causes: Vec<Cause>,
}

/// What a search came to.
pub(super) struct Outcome<'p> {
    pub scratch: Scratch<'p>,
    pub causes: Vec<Cause>,
    pub changes: Vec<Change>,
    pub reached: bool,
    pub unfound: String,
}

pub(super) struct Search<'a> {
    pub days: Days<'a>,
    /// Whose settlement it is about.
    pub ours: PartyIx,
    tried: Cell<u32>,
}

pub(super) fn run(excerpt: Excerpt, past: &dyn Past, days: Days<'_>) -> Explanation {
    let (sequence, trade, partial) = (excerpt.state.sequence(), excerpt.trade, excerpt.partial);
    let start = Scratch::new(excerpt, past);
    let mut told = Explanation {
        sequence,
        trade,
        instruction: None,
        causes: Vec::new(),
        changes: Vec::new(),
        settles: start.has_settled(trade),
        unfound: String::new(),
        partial,
        tried: 0,
    };
    let Some((_, open)) = start.state.trade(trade) else {
        // The work under way ended it.
        return told;
    };
    let instruction = start.state.instructions.get(open.instruction);
    told.instruction = instruction.map(|instruction| instruction.number);
    let outside = start.state.is_external(start.state.terms_of(open).domain);
    let search = Search { days, ours: start.state.terms_of(open).party, tried: Cell::new(0) };
    let found = search.seek(start.clone(), trade, Goal::Settled, &mut Vec::new());
    told.causes = found.causes;
    told.changes = found.changes;
    told.unfound = found.unfound;
    if found.reached {
        // What an agent would do with what we leave out is not ours to prove.
        if !outside {
            told.changes = search.needed(&start, trade, told.changes);
        }
        told.settles = search.proves(&start, trade, &told.changes);
        if !told.settles {
            told.unfound = "the changes found do not settle it when they are done from the start".into();
        }
    }
    told.tried = search.tried.get();
    told
}

/// Does changes in order.
pub(super) fn perform(scratch: &mut Scratch<'_>, changes: &[Change]) -> Result<(), Rejection> {
    for change in changes {
        for command in &change.commands {
            scratch.submit(command, change.not_before)?;
        }
    }
    Ok(())
}

impl Search<'_> {
    /// Whether there is room for another try; counts it.
    pub fn may_try(&self) -> bool {
        self.tried.set(self.tried.get() + 1);
        self.tried.get() <= TRIES
    }

    /// Ends cause after cause of a trade. `path` are the trades that wait for it.
    pub fn seek<'p>(&self, scratch: Scratch<'p>, trade: u64, goal: Goal, path: &mut Vec<u64>) -> Outcome<'p> {
        let (causes, changes) = (Vec::new(), Vec::new());
        let mut out = Outcome { scratch, causes, changes, reached: false, unfound: String::new() };
        if path.contains(&trade) || path.len() >= DEPTH {
            out.unfound = format!("trade {trade} waits for itself, or the chain is longer than {DEPTH}");
            return out;
        }
        path.push(trade);
        self.end_causes(&mut out, trade, goal, path);
        path.pop();
        out
    }

    fn end_causes(&self, out: &mut Outcome<'_>, trade: u64, goal: Goal, path: &mut Vec<u64>) {
        let mut met: Vec<Found> = Vec::new();
        loop {
            if out.scratch.has_settled(trade) {
                out.reached = true;
                return;
            }
            let Some(found) = first(&out.scratch, trade) else {
                out.unfound = "the trade is cancelled by what was tried".into();
                return;
            };
            if goal == Goal::Instructed && !matches!(found.why, Why::Defect(_) | Why::Uninstructed) {
                out.reached = true;
                return;
            }
            let cause = found.tell(&out.scratch);
            let again = met.contains(&found) || met.len() >= CAUSES;
            out.causes.push(cause);
            let text = out.causes[out.causes.len() - 1].text.clone();
            if again {
                out.unfound = format!("no change was found that ends this: {text}");
                return;
            }
            met.push(found.clone());
            let Some((candidate, scratch)) = self.first_that_helps(&out.scratch, &found, path) else {
                out.unfound = format!("no change was found that ends this: {text}");
                return;
            };
            out.scratch = scratch;
            out.causes.extend(candidate.causes);
            out.changes.extend(candidate.changes);
        }
    }

    fn first_that_helps<'p>(
        &self,
        scratch: &Scratch<'p>,
        found: &Found,
        path: &mut Vec<u64>,
    ) -> Option<(Candidate, Scratch<'p>)> {
        for candidate in candidates(self, scratch, found, path) {
            if !self.may_try() {
                return None;
            }
            let mut trial = scratch.clone();
            if perform(&mut trial, &candidate.changes).is_err() {
                continue;
            }
            let gone = first(&trial, found.trade).is_some_and(|next| next != *found);
            if gone || trial.has_settled(found.trade) {
                return Some((candidate, trial));
            }
        }
        None
    }

    /// Without what is not needed, the last first: a later change rests on the earlier.
    fn needed(&self, start: &Scratch<'_>, trade: u64, changes: Vec<Change>) -> Vec<Change> {
        let mut kept = changes;
        for at in (0..kept.len()).rev() {
            let mut fewer = kept.clone();
            fewer.remove(at);
            if self.proves(start, trade, &fewer) {
                kept = fewer;
            }
        }
        kept
    }

    fn proves(&self, start: &Scratch<'_>, trade: u64, changes: &[Change]) -> bool {
        let mut trial = start.clone();
        self.may_try();
        perform(&mut trial, changes).is_ok() && trial.has_settled(trade)
    }
}

impl Candidate {
    pub fn of(change: Change) -> Candidate {
        Candidate { changes: alloc::vec![change], causes: Vec::new() }
    }
}
