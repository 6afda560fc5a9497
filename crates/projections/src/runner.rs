//! The thread that follows the log: reads each block once, folds it into all views, and writes rows now and then.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use model::record::Facts;
use store::{Block, Head};
use tokio::sync::watch;

use crate::{Error, Folder, Source, ViewName};

/// How far the views have come after a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// After this record they began.
    pub from: u64,
    pub at: u64,
    pub head: u64,
}

/// How the thread works.
pub struct RunnerOptions {
    /// Rows of each view are written after about so many records, of one view after the other; while the views are at the head of
    /// the log after a quarter of that,
    pub save_every: u64,
    /// and when nothing came for so long.
    pub idle: Duration,
    /// Changes that subscriptions can catch up with, see [`Folder::set_window`].
    pub window: usize,
    /// Told now and then until the views have first reached the head.
    pub progress: Option<Box<dyn FnMut(Progress) + Send>>,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        RunnerOptions { save_every: 20_000, idle: Duration::from_millis(250), window: 1 << 20, progress: None }
    }
}

/// The running thread. Dropping it ends it after it has written its rows.
pub struct Runner {
    control: Arc<Control>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

#[derive(Default)]
struct Control {
    stop: AtomicBool,
    /// Everything up to here is to be written, however little it is.
    wanted: AtomicU64,
    saved: Mutex<Saved>,
    moved: Condvar,
    /// The rows could not be written for want of space.
    full: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct Saved {
    sequence: u64,
    ended: bool,
}

/// Between which the writing is divided: all but the names.
const VIEWS: u64 = ViewName::ALL.len() as u64 - 1;
/// At the head somebody may be watching, and hears nothing while rows are written: little is written at once then, though what
/// changes again soon is written again. Behind the head the cheaper way is the sooner one.
const LIVELY: u64 = 4;
/// How often a waiting thread looks whether it is wanted.
const LOOK: Duration = Duration::from_millis(20);
/// How often progress is told.
const TELL: Duration = Duration::from_millis(100);
/// Records folded in one hold of the lock: a fraction of a millisecond.
pub(crate) const STEP: usize = 256;

impl Runner {
    /// Starts the thread. Views that belong to another history are emptied and rebuilt first.
    pub fn start(source: impl Source, folder: Folder, options: RunnerOptions) -> Result<Runner, Error> {
        let control = Arc::new(Control::default());
        let mut follower = Follower { source, work: Work::new(folder, control.clone(), options) };
        let body = move || {
            let ended = follower.run();
            let work = &mut follower.work;
            match &ended {
                // What they know is sound, and can be asked for.
                Err(Error::Store(error)) if error.is_disk_full() => {
                    work.control.full.send_replace(Some(error.to_string()));
                }
                Err(error) => work.folder.stop(&error.to_string()),
                Ok(()) => {}
            }
            work.control.saved.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
            work.control.moved.notify_all();
            ended
        };
        let thread = thread::Builder::new().name("views".to_owned()).spawn(body).map_err(Error::Thread)?;
        Ok(Runner { control, thread: Some(thread) })
    }

    /// Waits until everything up to a record is folded and written.
    pub fn save_up_to(&self, sequence: u64, timeout: Duration) -> Result<(), Error> {
        self.control.wanted.fetch_max(sequence, Ordering::AcqRel);
        let saved = self.control.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |saved: &mut Saved| saved.sequence < sequence && !saved.ended;
        let (saved, _) =
            self.control.moved.wait_timeout_while(saved, timeout, waiting).unwrap_or_else(PoisonError::into_inner);
        match saved.sequence {
            at if at < sequence => Err(Error::TooOld { view: "rows", at, wanted: sequence }),
            _ => Ok(()),
        }
    }

    /// Waits until the disk of the views is full, and says so. From then on they answer as of the record they had reached.
    pub async fn full(&self) -> String {
        let mut full = self.control.full.subscribe();
        let why = full.wait_for(Option::is_some).await.expect("the sender is held by this runner");
        why.clone().unwrap_or_default()
    }

    /// Ends the thread after it has written its rows.
    pub fn stop(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        self.control.stop.store(true, Ordering::Release);
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(ended)) => ended,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "the views ended with an error");
        }
    }
}

struct Follower<S> {
    source: S,
    work: Work,
}

impl<S: Source> Follower<S> {
    fn run(&mut self) -> Result<(), Error> {
        if !self.begin()? {
            return Ok(());
        }
        while !self.work.is_stopped() {
            let head = self.source.head().sequence;
            if !self.turn(head)? {
                self.work.rest(head)?;
                let _ = self.source.wait_past(self.work.at, LOOK);
            }
        }
        self.work.save()
    }

    /// Finds where to go on; `false` when no view lives.
    fn begin(&mut self) -> Result<bool, Error> {
        let Follower { source, work } = self;
        work.folder.adopt(|sequence| source.chain_at(sequence))?;
        work.folder.set_window(work.options.window);
        let Some(from) = work.folder.sequence() else { return Ok(false) };
        (work.from, work.at, work.saved) = (from, from, from);
        work.control.note_saved(from);
        Ok(true)
    }

    /// Folds what there is up to a head; `false` when there is nothing.
    fn turn(&mut self, head: u64) -> Result<bool, Error> {
        let Follower { source, work } = self;
        if work.at >= head {
            return Ok(false);
        }
        let before = work.at;
        let mut taken = Ok(());
        source.read(before + 1, &mut |block| {
            taken = work.take(block, head);
            if taken.is_ok() && !work.is_stopped() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        taken?;
        if work.at == before {
            return Err(Error::Gap { head, wanted: before + 1 });
        }
        Ok(true)
    }
}

/// The same follower on its caller's thread, a turn at a time. For the simulator. Dropping it is a crash: what was folded
/// and not saved is folded again.
pub struct Stepped<S>(Follower<S>);

impl<S: Source> Stepped<S> {
    /// Views that belong to another history are emptied first. Rows are written only when somebody says so, or after
    /// `save_every` records.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn start(source: S, folder: Folder, options: RunnerOptions) -> Result<Stepped<S>, Error> {
        let mut follower = Follower { source, work: Work::new(folder, Arc::default(), options) };
        follower.begin()?;
        Ok(Stepped(follower))
    }

    /// Folds everything up to the head.
    ///
    /// # Errors
    /// When the log cannot be read or the rows cannot be written.
    pub fn catch_up(&mut self) -> Result<(), Error> {
        let head = self.0.source.head().sequence;
        self.0.turn(head).map(drop)
    }

    /// Writes the rows of what was folded.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn save(&mut self) -> Result<(), Error> {
        self.0.work.save()
    }

    /// The one writer of the views: to compare its rows.
    pub fn folder(&self) -> &Folder {
        &self.0.work.folder
    }
}

/// What is done with blocks, wherever they come from.
struct Work {
    folder: Folder,
    control: Arc<Control>,
    options: RunnerOptions,
    facts: Vec<Facts>,
    from: u64,
    /// The last record folded.
    at: u64,
    /// The end of the last block folded.
    head: Option<Head>,
    /// All views are written up to here,
    saved: u64,
    /// and one of them was written at this record.
    saved_some: u64,
    /// Since when nothing has come.
    quiet_since: Instant,
    told: Instant,
    caught_up: bool,
}

impl Work {
    fn new(folder: Folder, control: Arc<Control>, options: RunnerOptions) -> Work {
        Work {
            folder,
            control,
            options,
            facts: Vec::with_capacity(STEP),
            from: 0,
            at: 0,
            head: None,
            saved: 0,
            saved_some: 0,
            quiet_since: Instant::now(),
            told: Instant::now(),
            caught_up: false,
        }
    }

    fn is_stopped(&self) -> bool {
        self.control.stop.load(Ordering::Acquire)
    }

    /// Somebody waits for what is folded but not written.
    fn is_wanted(&self) -> bool {
        let wanted = self.control.wanted.load(Ordering::Acquire);
        wanted > self.saved && wanted <= self.at
    }

    fn take(&mut self, block: &Block, head: u64) -> Result<(), Error> {
        self.fold(block)?;
        self.head = Some(block.head());
        self.at = block.last();
        self.quiet_since = Instant::now();
        if !self.caught_up && (self.at >= head || self.told.elapsed() >= TELL) {
            self.caught_up = self.at >= head;
            self.told = Instant::now();
            self.tell(head);
        }
        if self.is_wanted() {
            self.save()?;
        } else if self.at - self.saved_some.max(self.saved) >= self.save_after(head) {
            self.folder.save_one(block.head())?;
            self.saved_some = self.at;
        }
        Ok(())
    }

    /// After so many records the next view is written.
    fn save_after(&self, head: u64) -> u64 {
        let every = if self.at >= head { self.options.save_every / LIVELY } else { self.options.save_every };
        (every / VIEWS).max(1)
    }

    /// There is nothing to fold.
    fn rest(&mut self, head: u64) -> Result<(), Error> {
        if !self.caught_up {
            self.caught_up = true;
            self.tell(head);
        }
        if self.is_wanted() || self.quiet_since.elapsed() >= self.options.idle {
            self.save()?;
        }
        Ok(())
    }

    fn save(&mut self) -> Result<(), Error> {
        if let Some(head) = self.head.filter(|head| head.sequence > self.saved) {
            self.folder.save(head)?;
            self.saved = head.sequence;
            self.control.note_saved(head.sequence);
        }
        Ok(())
    }

    fn tell(&mut self, head: u64) {
        if let Some(tell) = &mut self.options.progress {
            tell(Progress { from: self.from, at: self.at, head });
        }
    }

    /// Folds the records of a block that were not folded yet.
    fn fold(&mut self, block: &Block) -> Result<(), Error> {
        let Work { folder, facts, at, .. } = self;
        fold(folder, facts, block.iter().filter(|(sequence, _)| *sequence > *at))
    }
}

/// Folds records, some at a time; `facts` is room for them, empty before and after.
pub(crate) fn fold<'a>(
    folder: &mut Folder,
    facts: &mut Vec<Facts>,
    records: impl Iterator<Item = (u64, &'a [u8])>,
) -> Result<(), Error> {
    for (sequence, bytes) in records {
        facts.push(decode(sequence, bytes)?);
        if facts.len() == STEP {
            folder.fold(facts);
            facts.clear();
        }
    }
    if !facts.is_empty() {
        folder.fold(facts);
        facts.clear();
    }
    Ok(())
}

/// The facts of a stored record.
pub(crate) fn decode(sequence: u64, bytes: &[u8]) -> Result<Facts, Error> {
    let facts = wire::record::facts(bytes).map_err(|error| Error::Record { sequence, reason: error.to_string() })?;
    if facts.sequence != sequence {
        return Err(Error::Record { sequence, reason: format!("it says that it is record {}", facts.sequence) });
    }
    Ok(facts)
}

impl Control {
    fn note_saved(&self, sequence: u64) {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).sequence = sequence;
        self.moved.notify_all();
    }
}
