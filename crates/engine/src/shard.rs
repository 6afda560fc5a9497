//! The middle stage: one order of everything that comes in, and where blocks are cut.
//!
//! Calls go first, then cut-offs that are due, then messages, then long work when nobody asks. A block is cut when the
//! disk is free and nothing more waits, or somebody waits for an answer; under load it grows while the last one syncs, and a block
//! for which nobody waits lets the last one rest a little ([`crate::Options::block_pause`]).
//! Where it is cut shows nowhere in the records: a command and the long work that follows it are never parted.

mod inbox;
mod run;
mod waits;

use crate::clock::Clock;
use crate::commit::{Traces, Work};
use crate::crash::{CAREFUL, Marker, Place, Suspect};
use crate::decode::Arrival;
use crate::handle::Call;
use crate::options::{Options, Pace};
use crate::shared::Shared;
use crate::sources::Sources;
use crate::step::Decider;
use crate::timer::Timer;
use crossbeam_channel::{Receiver, Sender};
use inbox::{Messages, ToSetAside};
use model::identifier::Identifier;
pub(crate) use run::Turn;
use std::sync::Arc;
use std::time::{Duration, Instant};
use waits::Waits;

/// The channels of the middle stage.
pub(crate) struct Lanes {
    pub calls: Receiver<Call>,
    pub arrivals: Receiver<Arrival>,
    pub work: Sender<Work>,
    pub done: Receiver<u64>,
}

/// What a shard takes from the options.
struct Limits {
    records: usize,
    bytes: usize,
    /// Calls of a block before messages get their turn.
    calls: usize,
    pace: Pace,
    timer: bool,
    /// Between two blocks for which nobody waits.
    pause: Duration,
}

/// Blocks between this stage and the end of their sync: one that is being written, one that waits for it.
const IN_FLIGHT: usize = 2;

/// The middle stage.
pub(crate) struct Shard {
    decider: Decider,
    lanes: Lanes,
    limits: Limits,
    clock: Clock,
    shared: Arc<Shared>,
    sources: Sources,
    timer: Timer,
    names: Names,

    messages: Option<Box<Messages>>,
    waits: Waits,
    traces: Traces,
    calls_in_block: usize,
    /// When the last block was cut.
    last_cut: Option<Instant>,

    marker: Marker,
    mark: Mark,
    doing: Doing,
    halted: Option<Arc<Suspect>>,
    set_aside: Option<ToSetAside>,
    /// Long work that was refused: not to be tried for ever.
    stuck: bool,
    stopping: bool,
    /// The decode stage has ended.
    ended: bool,
}

/// Actors that are no persons.
struct Names {
    engine: Identifier,
    timer: Identifier,
    /// Who brings what nobody can read; a trade is brought by its source.
    intake: Identifier,
}

/// When to set the crash marker.
enum Mark {
    /// Before the first command of this run.
    First,
    /// Not any more: a block was committed.
    Off,
    /// Before each of so many commands, each a block of its own.
    Each(u32),
}

/// What is being decided: what a panic is to be blamed on.
enum Doing {
    Nothing,
    /// Of a partition, by its number in `Sources`.
    Message {
        source: usize,
        offset: u64,
    },
    Call(Identifier),
    Line(u64),
    Own,
}

impl Shard {
    pub fn new(
        decider: Decider,
        lanes: Lanes,
        options: &Options,
        shared: Arc<Shared>,
        sources: Sources,
        marker: Marker,
    ) -> Shard {
        let name = |text| Identifier::parse(text).expect("a sound name");
        let mark = if marker.previous.is_some() { Mark::Each(CAREFUL) } else { Mark::First };
        if let Some(suspect) = &marker.previous {
            let Suspect { place, crashes, exact, cause } = suspect;
            tracing::warn!(%place, crashes, exact, cause, "an earlier run died here: going carefully");
        }
        let records = options.block_records.max(1);
        Shard {
            decider,
            lanes,
            limits: Limits {
                records,
                bytes: options.block_bytes.max(1),
                calls: records.div_ceil(2),
                pace: options.pace,
                timer: options.timer,
                pause: options.block_pause,
            },
            clock: options.clock.clone(),
            halted: shared.halted(),
            shared,
            sources,
            timer: Timer::default(),
            names: Names { engine: name("engine"), timer: name("timer"), intake: name("intake") },
            messages: None,
            waits: Waits::default(),
            traces: Traces::default(),
            calls_in_block: 0,
            last_cut: None,
            marker,
            mark,
            doing: Doing::Nothing,
            set_aside: None,
            stuck: false,
            stopping: false,
            ended: false,
        }
    }

    /// A panic was caught: what it is to be blamed on is marked for the next run.
    pub fn blame(&mut self, cause: &str) {
        let place = match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => return,
            Doing::Message { source, offset } => self.sources.place(source, offset),
            Doing::Call(request_id) => Place::Call { request_id },
            Doing::Line(line) => Place::File { line },
            Doing::Own => Place::Own { sequence: self.decider.next_sequence() },
        };
        tracing::error!(%place, cause, "this crashed the shard");
        if let Err(error) = self.marker.caught(place, cause) {
            tracing::warn!(%error, "the crash marker cannot be written");
        }
    }

    /// Sets the crash marker before a command, while that is called for.
    fn arm(&mut self, place: impl FnOnce() -> Place) {
        let exact = match self.mark {
            Mark::Off => return,
            Mark::First => false,
            Mark::Each(_) => true,
        };
        if !exact {
            self.mark = Mark::Off;
        }
        if let Err(error) = self.marker.arm(place(), exact) {
            tracing::warn!(%error, "the crash marker cannot be written");
        }
    }

    /// What was marked is on disk, or was not to blame.
    pub fn clear_marker(&mut self) {
        if let Err(error) = self.marker.clear() {
            tracing::warn!(%error, "the crash marker cannot be removed");
        }
    }

    fn is_careful(&self) -> bool {
        matches!(self.mark, Mark::Each(_))
    }

    /// Whether the block takes no more.
    fn is_full(&self) -> bool {
        self.decider.records() >= self.limits.records
            || self.decider.bytes() >= self.limits.bytes
            || (self.is_careful() && self.decider.records() > 0)
    }

    /// Whether another command may be decided now.
    fn has_room(&self) -> bool {
        let waits = self.is_careful() && self.decider.in_flight() > 0;
        !waits && !self.is_full()
    }

    /// Cuts the block when it is time. `idle`: nothing more waits to be decided.
    fn cut_if_due(&mut self, idle: bool) {
        if self.decider.records() == 0 {
            return;
        }
        let in_flight = self.decider.in_flight();
        let asked_for = self.waits.anyone_in_block() && self.lanes.calls.is_empty();
        let due = in_flight == 0 && (asked_for || (idle && self.rest().is_none()));
        if due || (self.is_full() && in_flight < IN_FLIGHT) {
            self.cut();
        }
    }

    /// How long a block for which nobody waits is still kept open for more.
    fn rest(&self) -> Option<Duration> {
        let last = self.last_cut.filter(|_| !self.stopping)?;
        self.limits.pause.checked_sub(last.elapsed()).filter(|left| !left.is_zero())
    }

    fn cut(&mut self) {
        self.last_cut = Some(Instant::now());
        let open = self.decider.state.open_counts();
        let work = Work {
            cut: self.decider.cut(),
            cursors: self.sources.moved(),
            replies: self.waits.take_replies(),
            traces: std::mem::take(&mut self.traces),
            open,
            calls_waiting: self.lanes.calls.len(),
            chunks_waiting: self.lanes.arrivals.len(),
        };
        self.calls_in_block = 0;
        // When the last stage is gone this fails, and so will the next look at what it has done.
        let _ = self.lanes.work.send(work);
    }

    /// A block is on disk.
    fn committed(&mut self, sequence: u64) {
        self.decider.committed_through(sequence);
        self.waits.release(sequence);
        self.clear_marker();
        if let Mark::Each(left) = &mut self.mark {
            *left -= 1;
            if *left == 0 {
                self.mark = Mark::Off;
                if let Err(error) = self.marker.forget() {
                    tracing::warn!(%error, "the crash marker cannot be removed");
                }
            }
        }
    }
}
