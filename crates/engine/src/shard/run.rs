//! The loop of the middle stage: decide, cut, wait.

use super::Shard;
use crate::step::Decider;
use clearing::State;
use crossbeam_channel::{Select, TryRecvError};
use std::time::Duration;

/// The longest sleep while a cut-off is to come: a clock that was set is noticed soon.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// What came of one turn of the loop.
pub(crate) enum Turn {
    /// Something was decided or a block was cut.
    Went,
    /// There is nothing to do before something comes in or a block is on disk.
    Idle,
    /// Everything taken is on disk, and no more is to be taken.
    Finished,
    /// Everything is to be left as it is.
    Left,
}

impl Shard {
    /// Runs until everything taken is on disk after [`crate::handle::Call::Stop`], and then says `true`; or until all is to
    /// be left as it is.
    pub fn run(&mut self) -> bool {
        loop {
            match self.turn() {
                Turn::Went => {}
                Turn::Idle => self.wait(),
                Turn::Finished => return true,
                Turn::Left => return false,
            }
        }
    }

    /// Hears of commits, decides the next thing that waits, and cuts the block when it is time.
    pub fn turn(&mut self) -> Turn {
        if self.shared.is_abandoned() || !self.take_done() {
            return Turn::Left;
        }
        let decided = self.has_room() && self.take_one();
        let blocks = self.decider.in_flight();
        self.cut_if_due(!decided);
        if decided || self.decider.in_flight() > blocks {
            return Turn::Went;
        }
        if self.is_finished() { Turn::Finished } else { Turn::Idle }
    }

    /// The one who decides, to be looked at.
    pub fn decider(&self) -> &Decider {
        &self.decider
    }

    /// The state, when everything taken is on disk. No crash is to be expected any more.
    pub fn into_state(mut self) -> State {
        self.clear_marker();
        self.decider.into_state()
    }

    /// Hears of commits; `false` when the last stage is gone.
    fn take_done(&mut self) -> bool {
        while self.decider.in_flight() > 0 {
            match self.lanes.done.try_recv() {
                Ok(sequence) => self.committed(sequence),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    fn is_finished(&self) -> bool {
        let taken = self.halted.is_some() || (self.ended && self.messages.is_none() && self.lanes.arrivals.is_empty());
        self.stopping
            && taken
            && self.lanes.calls.is_empty()
            && self.decider.records() == 0
            && self.decider.in_flight() == 0
    }

    /// Sleeps until something can be done.
    fn wait(&mut self) {
        let room = self.has_room();
        let instant = self.next_instant().filter(|_| room);
        // A block in flight ends the sleep by itself; without one it is the pause that keeps a block open.
        let open = self.decider.records() > 0 && self.decider.in_flight() == 0;
        let nap = instant.into_iter().chain(self.rest().filter(|_| open)).min();
        let mut select = Select::new();
        if self.decider.in_flight() > 0 {
            select.recv(&self.lanes.done);
        }
        if room {
            select.recv(&self.lanes.calls);
            if self.halted.is_none() && !self.ended {
                select.recv(&self.lanes.arrivals);
            }
        }
        match nap {
            None => drop(select.ready()),
            Some(nap) => drop(select.ready_timeout(nap)),
        }
    }

    /// How long until the next step of a settlement day, at most a nap.
    fn next_instant(&mut self) -> Option<Duration> {
        if !self.limits.timer || self.stopping || self.halted.is_some() {
            return None;
        }
        let (instant, _) = self.timer.next(&self.decider.state)?;
        let micros = instant.micros_since(self.clock.now());
        // When it has come already, a source has yet to say how far it is, which ends the sleep.
        let nap = u64::try_from(micros).ok().filter(|micros| *micros > 0).map(Duration::from_micros);
        Some(nap.map_or(LONGEST_NAP, |nap| nap.min(LONGEST_NAP)))
    }
}
