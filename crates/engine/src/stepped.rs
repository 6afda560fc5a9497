//! The engine on its caller's thread: the same stages and the same way, each taken a step at a time. For the simulator,
//! which must be able to stop between any two of them.

use crate::commit::{Committer, Work, Written};
use crate::crash::Marker;
use crate::decode::{self, Arrival, Decoders};
use crate::engine::{Prepared, prepare, sources};
use crate::error::Error;
use crate::handle::Handle;
use crate::intake::Incoming;
use crate::options::Options;
use crate::recovery::recover;
use crate::shard::{Lanes, Shard, Turn};
use crate::snapshot::{self, Content};
use crate::step::Decider;
use clearing::{Past, State};
use crossbeam_channel::{Receiver, Sender, unbounded};
use model::record::Record;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use store::{Head, Log};
use tokio::sync::watch;

/// A shard that moves only when it is told to. Dropping it is a crash: what was not written is lost.
pub struct Stepped {
    log: Arc<Log>,
    handle: Handle,
    incoming: Receiver<Incoming>,
    onward: Sender<Arrival>,
    decoders: Decoders,
    shard: Shard,
    work: Receiver<Work>,
    committer: Committer,
    written: VecDeque<Written>,
}

impl Stepped {
    /// Creates or opens the log and recovers the state, as [`crate::Engine::start`] does.
    ///
    /// # Errors
    /// [`Error`].
    pub fn start(options: &Options) -> Result<Stepped, Error> {
        let log = match options.create {
            true => Log::create(&options.dir, &options.store)?,
            false => Log::open(&options.dir, &options.store)?,
        };
        let log = Arc::new(log);
        let Prepared { state, marker, shared } = prepare(&log, options)?;
        let (calls, calls_out) = unbounded();
        let (incoming_in, incoming) = unbounded();
        let (onward, arrivals) = unbounded();
        // As many as are ever in flight: nobody waits here.
        let (work_in, work) = unbounded();
        let (done_in, done) = unbounded();
        let (head_in, head) = watch::channel(log.head());
        let handle = Handle::new(calls, incoming_in, shared.clone(), head);
        let sources = sources(&log, &state)?;
        let lanes = Lanes { calls: calls_out, arrivals, work: work_in, done };
        let decider = Decider::new(state, log.clone());
        // Blocks are cut by what there is to do alone: a run is the same each time.
        let options = &Options { block_pause: Duration::ZERO, ..options.clone() };
        let shard = Shard::new(decider, lanes, options, shared.clone(), sources, marker);
        let committer = Committer::new(log.clone(), head_in, done_in, shared);
        let decoders = Decoders { trade: options.decode, advices: options.advices_topic.clone() };
        Ok(Stepped { log, handle, incoming, onward, decoders, shard, work, committer, written: VecDeque::new() })
    }

    /// A way to submit and ask. Do not wait for an answer on this thread: step, and look.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The log, for followers.
    #[must_use]
    pub fn log(&self) -> Arc<Log> {
        self.log.clone()
    }

    /// The first stage: reads everything that came in.
    pub fn decode(&mut self) {
        while let Ok(item) = self.incoming.try_recv() {
            decode::take(item, &self.onward, &self.decoders);
        }
    }

    /// The middle stage: decides one thing with what follows from it, cuts a block when it is time. `false` when there is
    /// nothing to do.
    pub fn turn(&mut self) -> bool {
        matches!(self.shard.turn(), Turn::Went)
    }

    /// Blocks that are cut and not on disk.
    #[must_use]
    pub fn cut(&self) -> usize {
        self.work.len()
    }

    /// Records that were decided and stand in no block yet.
    #[must_use]
    pub fn uncut(&self) -> usize {
        self.shard.decider().records()
    }

    /// The last stage, first half: writes the oldest block that was cut, synced. Nobody is told. `false` when there is none,
    /// or it could not be written.
    pub fn write(&mut self) -> bool {
        let written = self.work.try_recv().ok().and_then(|work| self.committer.write(work));
        let done = written.is_some();
        self.written.extend(written);
        done
    }

    /// The last stage, second half: tells of the oldest block that is on disk. `false` when there is none.
    pub fn tell(&mut self) -> bool {
        self.written.pop_front().is_some_and(|written| self.committer.tell(written))
    }

    /// The state, which may be ahead of the disk.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.shard.decider().state
    }

    /// A record, on disk or on its way there.
    #[must_use]
    pub fn record(&self, sequence: u64) -> Option<Record> {
        self.shard.decider().past().record(sequence)
    }

    /// Writes a snapshot of the log as it is on disk; its sequence.
    ///
    /// # Errors
    /// [`Error`].
    pub fn snapshot(&self) -> Result<u64, Error> {
        let state = recover(&self.log)?;
        let sequence = state.sequence();
        let Some(chain) = self.log.chain_at(sequence)? else { return Ok(0) };
        snapshot::write(&self.log, Head { sequence, chain }, Content::State(&state), Duration::ZERO, &|| false)?;
        Ok(sequence)
    }

    /// Whether the next run would begin halted.
    #[must_use]
    pub fn would_halt(&self) -> bool {
        Marker::read(self.log.dir()).halts().is_some()
    }
}
