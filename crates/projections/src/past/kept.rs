//! The pasts that are kept, and the one thread that folds those that are not.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::watch;

use super::known::Days;
use super::{Known, Past, PastOptions};
use crate::{Error, Progress, Projections, Source};

/// Folds that wait for their turn.
const WAITING: usize = 8;

/// How far a fold has come.
#[derive(Clone)]
pub enum PastStage {
    /// On the way, or waiting for its turn.
    Folding(Progress),
    /// It can be asked.
    Ready(Arc<Past>),
    /// There is no such past: why.
    None(String),
    /// It could not be folded: why.
    Failed(String),
}

impl PastStage {
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self, PastStage::Folding(_))
    }

    /// What can be asked.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn ready(self, known: Known) -> Result<Arc<Past>, Error> {
        match self {
            PastStage::Folding(progress) => Err(Error::Folding { at: progress.at, wanted: known.to_string() }),
            PastStage::Ready(past) => Ok(past),
            PastStage::None(why) => Err(Error::NoPast(why)),
            PastStage::Failed(why) => Err(Error::PastFailed(why)),
        }
    }
}

/// Views of earlier records, folded when somebody asks and kept for the next who does. Dropping it ends its thread.
pub struct Pasts {
    held: Arc<Held>,
    options: PastOptions,
    jobs: Option<SyncSender<Job>>,
    worker: Option<JoinHandle<()>>,
}

struct Held {
    pasts: Mutex<Inner>,
    stop: AtomicBool,
}

#[derive(Default)]
struct Inner {
    /// The last used one at the end.
    kept: VecDeque<Arc<Past>>,
    folding: BTreeMap<Known, watch::Receiver<PastStage>>,
}

struct Job {
    known: Known,
    stage: watch::Sender<PastStage>,
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.pasts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Acquire)
    }
}

impl Inner {
    fn find(&mut self, sequence: u64) -> Option<Arc<Past>> {
        let place = self.kept.iter().position(|past| past.sequence() == sequence)?;
        let found = self.kept.remove(place)?;
        self.kept.push_back(found.clone());
        Some(found)
    }

    /// Keeps one more, and as many of the others as there is room for.
    fn keep(&mut self, past: Arc<Past>, options: &PastOptions) {
        self.kept.push_back(past);
        let bytes = |kept: &VecDeque<Arc<Past>>| kept.iter().map(|past| past.bytes()).sum::<u64>();
        while self.kept.len() > 1 && (self.kept.len() > options.kept || bytes(&self.kept) > options.bytes) {
            // Who still asks it holds it.
            self.kept.pop_front();
        }
    }
}

impl Pasts {
    /// Starts the thread. `live` are the views of the log itself.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn new(source: impl Source, live: Projections, options: PastOptions) -> Result<Pasts, Error> {
        // What a crash left.
        let _ = fs::remove_dir_all(&options.dir);
        let held = Arc::new(Held { pasts: Mutex::default(), stop: AtomicBool::new(false) });
        let (jobs, waiting) = mpsc::sync_channel(WAITING);
        let mut worker =
            Worker { source, live, options: options.clone(), held: held.clone(), days: Days::default(), folded: 0 };
        let body = move || worker.run(&waiting);
        let worker = thread::Builder::new().name("past".to_owned()).spawn(body).map_err(Error::Thread)?;
        Ok(Pasts { held, options, jobs: Some(jobs), worker: Some(worker) })
    }

    /// The record that is meant, where nothing is to be kept.
    ///
    /// # Errors
    /// [`Error::NoPast`] when there is none; a log that cannot be read.
    pub fn place(source: &dyn Source, known: Known) -> Result<u64, Error> {
        let mut days = Days::default();
        if matches!(known, Known::EndOf(_)) {
            days.catch_up(source, &mut |_| true)?;
        }
        place(source, known, &days)
    }

    /// Asks for the views as they stood: what is kept is there at once, else the fold begins or goes on, and whoever holds
    /// what is returned sees how far it is. It goes on when nobody does.
    ///
    /// # Errors
    /// [`Error::ManyPasts`]; [`Error::NoPast`] when none are to be kept.
    pub fn ask(&self, known: Known) -> Result<watch::Receiver<PastStage>, Error> {
        if self.options.kept == 0 {
            return Err(Error::NoPast("this service keeps no views of earlier records".to_owned()));
        }
        let mut inner = self.held.lock();
        if let Known::Record(sequence) = known
            && let Some(past) = inner.find(sequence)
        {
            return Ok(watch::channel(PastStage::Ready(past)).1);
        }
        if let Some(stage) = inner.folding.get(&known) {
            return Ok(stage.clone());
        }
        let (stage, seen) = watch::channel(PastStage::Folding(Progress { from: 0, at: 0, head: 0 }));
        let job = Job { known, stage };
        let jobs = self.jobs.as_ref().ok_or(Error::ManyPasts)?;
        jobs.try_send(job).map_err(|_| Error::ManyPasts)?;
        inner.folding.insert(known, seen.clone());
        Ok(seen)
    }
}

impl Drop for Pasts {
    fn drop(&mut self) {
        self.held.stop.store(true, Ordering::Release);
        self.jobs = None;
        if let Some(worker) = self.worker.take() {
            // A panic there was told where it happened, and its question was not answered.
            let _ = worker.join();
        }
    }
}

/// The record that is meant; `days` has been read to the end if a date is.
fn place(source: &dyn Source, known: Known, days: &Days) -> Result<u64, Error> {
    match (known, source.head().sequence) {
        (Known::EndOf(date), _) => days.end_of(date),
        (Known::Record(sequence), head) if sequence > head => {
            Err(Error::NoPast(format!("there is no record {sequence} yet: the log ends at {head}")))
        }
        (Known::Record(sequence), _) => Ok(sequence),
    }
}

struct Worker<S> {
    source: S,
    live: Projections,
    options: PastOptions,
    held: Arc<Held>,
    days: Days,
    /// How many were folded: each has a directory of its own.
    folded: u64,
}

impl<S: Source> Worker<S> {
    fn run(&mut self, jobs: &Receiver<Job>) {
        while let Ok(Job { known, stage }) = jobs.recv() {
            let over = match self.fold(known, &stage) {
                Ok(Some(past)) => {
                    self.held.lock().keep(past.clone(), &self.options);
                    PastStage::Ready(past)
                }
                Ok(None) => PastStage::Failed("the service ends".to_owned()),
                Err(Error::NoPast(why)) => PastStage::None(why),
                Err(Error::PastFailed(why)) => PastStage::Failed(why),
                Err(error) => PastStage::Failed(error.to_string()),
            };
            self.held.lock().folding.remove(&known);
            stage.send_replace(over);
            if !self.held.goes_on() {
                break;
            }
        }
    }

    /// Nothing when the service ends first.
    fn fold(&mut self, known: Known, stage: &watch::Sender<PastStage>) -> Result<Option<Arc<Past>>, Error> {
        let held = self.held.clone();
        let mut go_on = |progress: Progress| {
            stage.send_replace(PastStage::Folding(progress));
            held.goes_on()
        };
        if matches!(known, Known::EndOf(_)) && !self.days.catch_up(&self.source, &mut go_on)? {
            return Ok(None);
        }
        let sequence = place(&self.source, known, &self.days)?;
        // Held from here on: what is asked meanwhile may push it out.
        let kept = {
            let mut inner = self.held.lock();
            if let Some(past) = inner.find(sequence) {
                return Ok(Some(past));
            }
            inner.kept.iter().cloned().collect::<Vec<_>>()
        };
        let bases: Vec<&Projections> =
            kept.iter().map(|past| past.views()).chain(std::iter::once(&self.live)).collect();
        self.folded += 1;
        let dir = self.options.dir.join(self.folded.to_string());
        let past = Past::fold(&self.source, sequence, &bases, &dir, &self.options, &mut go_on)?;
        Ok(past.map(Arc::new))
    }
}
