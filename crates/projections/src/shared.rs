//! What the fold and the questions share: all views under one lock, so that an answer over several is true at one record.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use model::date::Date;
use store::Views;
use tokio::sync::watch;

use crate::cash::Cash;
use crate::ledger::Ledger;
use crate::names::Names;
use crate::positions::Positions;
use crate::status::Status;
use crate::valuation::Valuation;
use crate::view::{Kept, Member};
use crate::{Error, values};

/// A view, for those who wait for it or ask how it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewName {
    /// The names behind the log's numbers, which all answers need.
    Names,
    Status,
    Cash,
    Ledger,
    Positions,
    /// Prices, rates, closes and policies.
    Valuation,
}

impl ViewName {
    pub const ALL: [ViewName; 6] =
        [ViewName::Names, ViewName::Status, ViewName::Cash, ViewName::Ledger, ViewName::Positions, ViewName::Valuation];

    pub fn as_str(self) -> &'static str {
        match self {
            ViewName::Names => "names",
            ViewName::Status => "status",
            ViewName::Cash => "cash",
            ViewName::Ledger => "ledger",
            ViewName::Positions => "positions",
            ViewName::Valuation => "valuation",
        }
    }
}

/// The views. The names are folded first: what the others refer to has its name.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) names: Kept<Names>,
    pub(crate) status: Kept<Status>,
    pub(crate) cash: Kept<Cash>,
    pub(crate) ledger: Kept<Ledger>,
    pub(crate) positions: Kept<Positions>,
    pub(crate) valuation: Kept<Valuation>,
}

impl State {
    pub(crate) fn members_mut(&mut self) -> [&mut dyn Member; 6] {
        [&mut self.names, &mut self.status, &mut self.cash, &mut self.ledger, &mut self.positions, &mut self.valuation]
    }

    pub(crate) fn members(&self) -> [&dyn Member; 6] {
        [&self.names, &self.status, &self.cash, &self.ledger, &self.positions, &self.valuation]
    }

    fn member(&self, name: ViewName) -> &dyn Member {
        match name {
            ViewName::Names => &self.names,
            ViewName::Status => &self.status,
            ViewName::Cash => &self.cash,
            ViewName::Ledger => &self.ledger,
            ViewName::Positions => &self.positions,
            ViewName::Valuation => &self.valuation,
        }
    }
}

/// How recent an answer must be, and for which date.
#[derive(Clone, Copy, Debug, Default)]
pub struct At {
    /// All records up to this one must be in it: the sequence that a command was answered with, to read one's own writes.
    pub min_sequence: u64,
    /// How long to wait for that. None: not at all.
    pub deadline: Option<Instant>,
    /// What counts on a business date by all that is known: for questions with dates of their own. All others refuse it.
    pub effective: Option<Date>,
}

impl At {
    /// As it is.
    pub const NOW: At = At { min_sequence: 0, deadline: None, effective: None };

    /// The same for a business date.
    #[must_use]
    pub fn effective(self, date: Date) -> At {
        At { effective: Some(date), ..self }
    }

    /// For a question that heeds the date itself.
    pub(crate) fn dated(self) -> At {
        At { effective: None, ..self }
    }

    /// The date as a question has it that may name one itself.
    pub(crate) fn date(self, field: &'static str, given: u32) -> Result<u32, Error> {
        match self.effective.map(values::number) {
            None => Ok(given),
            Some(date) if given == 0 || given == date => Ok(date),
            Some(date) => {
                Err(Error::Filter { field, reason: format!("{given} is another date than the effective one, {date}") })
            }
        }
    }

    /// With all records up to one, waiting for it so long.
    pub fn least(min_sequence: u64, timeout: Duration) -> At {
        At { min_sequence, deadline: Instant::now().checked_add(timeout), effective: None }
    }
}

pub(crate) struct Shared {
    pub(crate) rows: Arc<Views>,
    state: RwLock<State>,
    /// Counts the steps of the fold, for threads that wait.
    steps: Mutex<u64>,
    stepped: Condvar,
    /// The same for tasks.
    pub(crate) watch: watch::Sender<u64>,
    /// The last record that every live view has folded; the largest number when none lives.
    slowest: AtomicU64,
}

/// The last record that every live view of these has folded.
fn slowest(state: &State) -> Option<u64> {
    state.members().into_iter().filter(|member| member.stopped().is_none()).map(|member| member.sequence()).min()
}

impl Shared {
    pub(crate) fn new(rows: Arc<Views>, state: State) -> Shared {
        Shared {
            rows,
            slowest: AtomicU64::new(slowest(&state).unwrap_or(u64::MAX)),
            state: RwLock::new(state),
            steps: Mutex::new(0),
            stepped: Condvar::new(),
            watch: watch::Sender::new(0),
        }
    }

    /// A panic under the lock stops its view and is caught there, so a poisoned lock guards sound views.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all who wait that the views have moved.
    pub(crate) fn step(&self) {
        self.slowest.store(slowest(&self.state()).unwrap_or(u64::MAX), Ordering::Release);
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        *steps += 1;
        self.watch.send_replace(*steps);
        drop(steps);
        self.stepped.notify_all();
    }

    /// The last record that every live view has folded, without a lock; nothing when all have stopped.
    pub(crate) fn slowest(&self) -> Option<u64> {
        Some(self.slowest.load(Ordering::Acquire)).filter(|sequence| *sequence != u64::MAX)
    }

    /// The views, once one of them has come as far as asked.
    pub(crate) fn at(&self, view: ViewName, at: At) -> Result<RwLockReadGuard<'_, State>, Error> {
        if at.effective.is_some() {
            return Err(undated(view));
        }
        loop {
            let seen = *self.steps.lock().unwrap_or_else(PoisonError::into_inner);
            let state = self.state();
            let reached = reached(&state, view, at.min_sequence)?;
            if reached {
                return Ok(state);
            }
            let stands = state.member(view).sequence();
            drop(state);
            let left =
                at.deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(Error::TooOld { view: view.as_str(), at: stands, wanted: at.min_sequence });
            }
            let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
            // What the wait returns does not matter: the loop looks again.
            drop(self.stepped.wait_timeout_while(steps, left, |steps| *steps == seen));
        }
    }

    /// The same for tasks, without end: whoever waits puts a limit to it.
    pub(crate) async fn reach(&self, view: ViewName, sequence: u64) -> Result<(), Error> {
        let mut watch = self.watch.subscribe();
        while !reached(&self.state(), view, sequence)? {
            if watch.changed().await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Why a view has nothing to say of a date.
fn undated(view: ViewName) -> Error {
    let (what, instead) = match view {
        ViewName::Cash => (
            "a cash ladder",
            "it lays out by value date what is still to come; what lay there on a past date is what was known at its end",
        ),
        ViewName::Ledger => (
            "a balance",
            "it is the sum of all records; ask what was known at a record or at the end of a business date",
        ),
        ViewName::Status => {
            ("what stands after a record", "ask what was known at a record or at the end of a business date")
        }
        ViewName::Names | ViewName::Positions | ViewName::Valuation => {
            ("this question", "name its own date, or ask what was known at a record or at the end of a business date")
        }
    };
    Error::Undated { what, instead }
}

fn reached(state: &State, view: ViewName, sequence: u64) -> Result<bool, Error> {
    let member = state.member(view);
    match member.stopped() {
        Some(reason) => Err(Error::Unavailable { view: view.as_str(), reason: reason.to_owned() }),
        // Without the names of what its rows refer to a view has no answers. They are behind only while they are rebuilt.
        None => Ok(member.sequence() >= sequence && state.names.sequence >= member.sequence()),
    }
}
