//! What the stages and the handles share: whether the engine still lives, and its last report. Touched once a block.

use crate::crash::Suspect;
use crate::error::Failure;
use crate::status::BlockReport;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

pub(crate) struct Shared {
    /// Nothing new is taken.
    closing: AtomicBool,
    /// Nothing more is decided, committed or answered.
    abandoned: AtomicBool,
    /// How many intakes were made: so many must have spoken before a cut-off passes.
    pub intakes: AtomicUsize,
    /// The record of the newest snapshot.
    pub snapshot: AtomicU64,
    /// One for each call that may wait.
    pub permits: Arc<Semaphore>,
    failure: watch::Sender<Option<Arc<Failure>>>,
    halted: watch::Sender<Option<Arc<Suspect>>>,
    report: Mutex<BlockReport>,
    /// Since when a block is being written and synced; `None` between two blocks.
    writing: Mutex<Option<Instant>>,
    /// What is told to those who give a command while another log is followed; `None` when this shard decides.
    following: Mutex<Option<Arc<str>>>,
}

impl Shared {
    pub fn new(queue: usize, halted: Option<Arc<Suspect>>, report: BlockReport, snapshot: u64) -> Shared {
        Shared {
            closing: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            intakes: AtomicUsize::new(0),
            snapshot: AtomicU64::new(snapshot),
            permits: Arc::new(Semaphore::new(queue.clamp(1, Semaphore::MAX_PERMITS))),
            failure: watch::Sender::new(None),
            halted: watch::Sender::new(halted),
            report: Mutex::new(report),
            writing: Mutex::new(None),
            following: Mutex::new(None),
        }
    }

    /// Takes nothing new from now on; what was taken is finished.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.permits.close();
    }

    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Ends as if the process had died.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.close();
    }

    pub fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Something broke: the first cause is kept, and everything ends.
    pub fn fail(&self, stage: &'static str, cause: String) {
        self.end(Failure { stage, cause, disk_full: false });
    }

    /// The same: the store refused.
    pub fn fail_by(&self, stage: &'static str, error: &store::Error) {
        self.end(Failure { stage, cause: error.to_string(), disk_full: error.is_disk_full() });
    }

    fn end(&self, failed: Failure) {
        tracing::error!(failed.stage, failed.cause, "the engine failed");
        self.abandon();
        self.failure.send_if_modified(|failure| {
            let first = failure.is_none();
            failure.get_or_insert_with(|| Arc::new(failed));
            first
        });
    }

    pub fn failure(&self) -> watch::Receiver<Option<Arc<Failure>>> {
        self.failure.subscribe()
    }

    pub fn set_halted(&self, halted: Option<Arc<Suspect>>) {
        self.halted.send_replace(halted);
    }

    pub fn halted(&self) -> Option<Arc<Suspect>> {
        self.halted.borrow().clone()
    }

    /// Keeps what is told while following; nothing when it does not.
    pub fn set_following(&self, why: &str) {
        if let Some(following) = &mut *self.following.lock().unwrap_or_else(PoisonError::into_inner) {
            *following = why.into();
        }
    }

    /// Begins or ends the following.
    pub fn follow(&self, why: Option<&str>) {
        *self.following.lock().unwrap_or_else(PoisonError::into_inner) = why.map(Into::into);
    }

    pub fn following(&self) -> Option<Arc<str>> {
        self.following.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the disk a block; [`Shared::writing`] tells for how long it has had it.
    pub fn while_writing<T>(&self, write: impl FnOnce() -> T) -> T {
        let set = |since| *self.writing.lock().unwrap_or_else(PoisonError::into_inner) = since;
        set(Some(Instant::now()));
        let written = write();
        set(None);
        written
    }

    /// For how long the disk has had the block that is being written.
    pub fn writing(&self) -> Option<Duration> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner).map(|since| since.elapsed())
    }

    pub fn set_report(&self, report: BlockReport) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }

    pub fn report(&self) -> BlockReport {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
