//! The running engine: its threads, from start to stop.

use crate::commit::Committer;
use crate::crash::Marker;
use crate::error::{Error, Failure, panic_text};
use crate::follow::{Followed, Follower, Replica};
use crate::handle::{Call, Handle};
use crate::intake::Incoming;
use crate::options::Options;
use crate::recovery::recover_from_snapshot;
use crate::shard::{Lanes, Shard};
use crate::shared::Shared;
use crate::sources::Sources;
use crate::status::BlockReport;
use crate::step::{Decider, write_genesis};
use crate::{commit, decode, snapshot as snapshots};
use clearing::State;
use crossbeam_channel::{Sender, bounded, unbounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use store::{Head, Log};
use tokio::sync::watch;

/// Chunks of read messages between the decode and the middle stage.
const CHUNKS: usize = 16;
/// Blocks between the middle and the last stage.
const BLOCKS: usize = 2;

/// A shard that runs. Dropping it without [`Engine::stop`] ends it as a crash would: what was not committed is lost, and
/// nobody was told otherwise.
pub struct Engine {
    log: Arc<Log>,
    handle: Handle,
    shared: Arc<Shared>,
    calls: Sender<Call>,
    incoming: Sender<Incoming>,
    /// Dropped to end the snapshots.
    snapshots: Option<Sender<()>>,
    decide: Option<JoinHandle<Option<State>>>,
    others: Vec<JoinHandle<()>>,
    snapshot_on_stop: bool,
}

impl Engine {
    /// Creates or opens the log, recovers the state and starts the threads.
    ///
    /// # Errors
    /// [`Error`].
    pub fn start(options: Options) -> Result<Engine, Error> {
        let log = if options.create {
            Log::create(&options.dir, &options.store)?
        } else {
            Log::open(&options.dir, &options.store)?
        };
        Engine::start_on(Arc::new(log), options)
    }

    /// The same on a log that is open already (an import may have brought it up to date). An empty log gets its genesis
    /// only when the options say `create`.
    ///
    /// # Errors
    /// [`Error`].
    pub fn start_on(log: Arc<Log>, options: Options) -> Result<Engine, Error> {
        let Prepared { state, marker, shared } = prepare(&log, &options)?;
        if options.follow {
            shared.follow(Some("the service is starting"));
        }

        let (calls, calls_out) = unbounded();
        let (incoming, incoming_out) = bounded(options.intake_batches.max(1));
        let (arrivals_in, arrivals) = bounded(CHUNKS);
        let (work_in, work) = bounded(BLOCKS);
        let (done_in, done) = bounded(BLOCKS + 1);
        let (head_in, head) = watch::channel(log.head());
        let handle = Handle::new(calls.clone(), incoming.clone(), shared.clone(), head);
        let mut engine = Engine {
            log: log.clone(),
            handle,
            shared: shared.clone(),
            calls: calls.clone(),
            incoming,
            snapshots: None,
            decide: None,
            others: Vec::new(),
            snapshot_on_stop: options.snapshot_on_stop,
        };

        engine.spawn("decode", {
            let shared = shared.clone();
            let decoders = decode::Decoders { trade: options.decode, advices: options.advices_topic.clone() };
            move || decode::run(&incoming_out, &arrivals_in, &decoders, &shared)
        })?;
        engine.spawn("commit", {
            let committer = Committer::new(log.clone(), head_in.clone(), done_in, shared.clone());
            move || commit::run(&work, &committer)
        })?;
        let lanes = Lanes { calls: calls_out, arrivals, work: work_in, done };
        let follow = options.follow.then_some(head_in);
        let middle = Middle { log: log.clone(), options: options.clone(), shared, marker, lanes };
        if follow.is_none() {
            // What cannot be read is told before anything runs.
            sources(&log, &state)?;
        }
        engine.decide = Some(named("decide", move || middle.run(state, follow))?);
        if options.snapshot_every > 0 {
            let (stop, stopped) = bounded(0);
            engine.snapshots = Some(stop);
            let (log, shared) = (log.clone(), engine.shared.clone());
            let plan = snapshots::Plan { every: options.snapshot_every, pause_bytes: options.snapshot_pause_bytes };
            engine.spawn("snapshot", move || snapshots::run(&stopped, &log, &calls, plan, &shared))?;
        }
        Ok(engine)
    }

    /// A way to submit and ask.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The way for blocks of another shard's log, while this one follows.
    #[must_use]
    pub fn replica(&self) -> Replica {
        Replica::new(self.calls.clone(), self.shared.clone(), self.log.clone())
    }

    /// The log, for followers. Only the engine writes it.
    #[must_use]
    pub fn log(&self) -> Arc<Log> {
        self.log.clone()
    }

    /// What became of the engine: `Some` once a stage has failed. Then the process must end.
    #[must_use]
    pub fn failure(&self) -> watch::Receiver<Option<Arc<Failure>>> {
        self.shared.failure()
    }

    /// Takes nothing new, finishes and commits what was taken, writes a snapshot (unless the options say no), and ends.
    ///
    /// # Errors
    /// [`Error::Failed`] when a stage had failed, [`Error::Store`] when the snapshot cannot be written.
    pub fn stop(mut self) -> Result<(), Error> {
        self.shared.close();
        // First the middle stage: when it is halted it ends at once, and with it those who wait for it.
        let _ = self.calls.send(Call::Stop);
        let _ = self.incoming.send(Incoming::End);
        let state = self.join();
        if let Some(failure) = self.shared.failure().borrow().clone() {
            return Err(Error::Failed(failure));
        }
        let Some(state) = state.filter(|_| self.snapshot_on_stop) else { return Ok(()) };
        let head = self.log.head();
        if self.shared.snapshot.load(Ordering::Acquire) < head.sequence {
            let content = snapshots::Content::State(&state);
            snapshots::write(&self.log, head, content, Duration::ZERO, &|| false)?;
        }
        Ok(())
    }

    /// Starts a thread of which a panic ends the engine.
    fn spawn(&mut self, stage: &'static str, body: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let (shared, calls) = (self.shared.clone(), self.calls.clone());
        let guarded = move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
                shared.fail(stage, panic_text(&*panic));
            }
            // Whatever ended it, the middle stage may have to look.
            let _ = calls.send(Call::Wake);
        };
        self.others.push(named(stage, guarded)?);
        Ok(())
    }

    fn join(&mut self) -> Option<State> {
        drop(self.snapshots.take());
        // A panic of a stage was caught and reported inside.
        let state = self.decide.take().and_then(|thread| thread.join().ok()).flatten();
        for thread in self.others.drain(..) {
            let _ = thread.join();
        }
        state
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.decide.is_none() && self.others.is_empty() {
            return;
        }
        self.shared.abandon();
        let _ = self.calls.send(Call::Wake);
        // When it is full, the decode stage is awake and looks by itself.
        let _ = self.incoming.try_send(Incoming::End);
        self.join();
    }
}

/// What every engine begins with.
pub(crate) struct Prepared {
    pub state: State,
    pub marker: Marker,
    pub shared: Arc<Shared>,
}

/// Writes the genesis of a log that is to be created, recovers the state, and reads what an earlier run died of.
pub(crate) fn prepare(log: &Log, options: &Options) -> Result<Prepared, Error> {
    if log.head().sequence == 0 && !options.follow {
        if !options.create {
            return Err(Error::NoGenesis { dir: log.dir().to_path_buf() });
        }
        write_genesis(log, &options.genesis)?;
    }
    let tell = options.progress.clone();
    let (state, snapshot) = recover_from_snapshot(log, &mut |progress| {
        if let Some(tell) = &tell {
            tell(progress);
        }
    })?;
    let marker = Marker::read(log.dir());
    let halted = marker.halts().cloned().map(Arc::new);
    if let Some(suspect) = &halted {
        tracing::error!(place = %suspect.place, suspect.crashes, suspect.cause, "the shard starts halted");
    }
    let report = BlockReport::at_start(log.head(), state.open_counts());
    let shared = Arc::new(Shared::new(options.queue, halted, report, snapshot));
    Ok(Prepared { state, marker, shared })
}

/// The partitions of the cluster that the genesis names, as the last commit left them.
pub(crate) fn sources(log: &Log, state: &State) -> Result<Sources, Error> {
    let cluster = state.genesis().and_then(|genesis| genesis.cluster.clone()).unwrap_or_default();
    Sources::load(log, &cluster)
}

/// What the middle stage's thread is made of.
struct Middle {
    log: Arc<Log>,
    options: Options,
    shared: Arc<Shared>,
    marker: Marker,
    lanes: Lanes,
}

impl Middle {
    /// The body of the thread: follows, if it is to, and then decides. The state, when it ended in order.
    fn run(self, mut state: State, follow: Option<watch::Sender<Head>>) -> Option<State> {
        let mut promoted = None;
        if let Some(head) = follow {
            let (log, shared, calls) = (&*self.log, &*self.shared, &self.lanes.calls);
            let follower = Follower { state, log, calls, head, shared };
            match catch_unwind(AssertUnwindSafe(|| follower.run())) {
                Ok(Followed::Promoted(reached, done)) => (state, promoted) = (reached, Some(done)),
                Ok(Followed::Stopped(reached)) => return Some(reached),
                Ok(Followed::Left) => return None,
                Err(panic) => {
                    self.shared.fail("import", panic_text(&*panic));
                    return None;
                }
            }
        }
        let sources = match sources(&self.log, &state) {
            Ok(sources) => sources,
            Err(error) => {
                self.shared.fail("decide", error.to_string());
                return None;
            }
        };
        let Middle { log, options, shared, marker, lanes } = self;
        shared.follow(None);
        let shard = Shard::new(Decider::new(state, log), lanes, &options, shared.clone(), sources, marker);
        if let Some(done) = promoted {
            // Who ordered it may have gone.
            let _ = done.send(Ok(()));
        }
        decide(shard, &shared)
    }
}

/// The middle stage, deciding. The state, when it ended in order.
fn decide(mut shard: Shard, shared: &Shared) -> Option<State> {
    match catch_unwind(AssertUnwindSafe(|| shard.run())) {
        Ok(true) => Some(shard.into_state()),
        Ok(false) => {
            if shared.failure().borrow().is_some() {
                // It was not the command.
                shard.clear_marker();
            }
            None
        }
        Err(panic) => {
            let cause = panic_text(&*panic);
            shard.blame(&cause);
            shared.fail("decide", cause);
            None
        }
    }
}

fn named<T: Send + 'static>(stage: &str, body: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, Error> {
    std::thread::Builder::new().name(format!("shard-{stage}")).spawn(body).map_err(Error::Thread)
}
