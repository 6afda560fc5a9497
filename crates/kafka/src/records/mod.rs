//! The records topic: the log published, and followed.
//!
//! What is published is the stored block, verbatim; who publishes it stands in the headers. A publisher begins with a *fence*, whose
//! own offset is its generation, reads the partition up to it, takes over what its log lacks, and then publishes from the first record
//! that is missing. It reads back what it publishes: only then is it published. A later fence than its own ends it. The rule by which
//! everybody reads the topic is in [`rule`].
//!
//! A primary, a reader and a standby are the same thread: it follows until it is told to lead.

mod adopt;
mod header;
mod place;
mod rule;
mod scan;
mod session;
pub(crate) mod tail;

use crate::brokers::Brokers;
use crate::error::Error;
use crate::source::Halt;
use crate::topics::RECORDS;
use engine::Replica;
use session::{Pause, Session};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::watch;

pub use adopt::{Adopted, adopt};
pub use rule::{Dropped, Rule, Verdict};
pub use scan::{Seen, scan};

/// Between two attempts.
const RETRY: Duration = Duration::from_millis(250);
/// Between two lines of the log about the same trouble.
const REPEAT: Duration = Duration::from_secs(5);

/// Where the records go, and how this process does it.
#[derive(Clone, Debug)]
pub struct RecordsOptions {
    /// Where Kafka is.
    pub brokers: Brokers,
    /// The topic, [`RECORDS`].
    pub topic: String,
    /// The shard's partition of it.
    pub partition: u32,
    /// How many partitions the topic must have.
    pub partitions: u32,
    /// The cluster, as the genesis names it.
    pub cluster: Option<String>,
    /// The file that says how far the topic was read; it saves reading it all again.
    pub place: PathBuf,
    /// Follow only, until [`Records::promote`].
    pub reader: bool,
}

impl RecordsOptions {
    /// For the only shard, with the usual topic; leads as soon as it can.
    pub fn new(brokers: Brokers, place: PathBuf) -> RecordsOptions {
        let (topic, cluster) = (RECORDS.to_owned(), None);
        RecordsOptions { brokers, topic, partition: 0, partitions: 1, cluster, place, reader: false }
    }
}

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordsState {
    /// Nothing can be read or published: what is in the way. It is tried again.
    Waiting(String),
    /// It takes in what others publish.
    Following,
    /// It has written its fence, or is about to, and reads up to it.
    Fencing,
    /// It publishes, under this generation.
    Leading(u64),
    /// It will not go on, and the engine has ended with it.
    Halted(RecordsHalt),
    /// It was asked to stop.
    Stopped,
}

/// Why a shard may not go on. A person has to act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsHalt {
    /// Another engine leads.
    #[error(
        "SUPERSEDED: another engine ({instance}) leads this shard: its fence is at offset {fence} of {name}, after ours ({ours}). Nothing \
         of this one is accepted any more; {unpublished} of its records were never published. Do not start it again beside the \
         other one, except as a reader (`quittance serve --reader`)"
    )]
    Superseded {
        /// Topic and partition.
        name: String,
        /// The other one's generation.
        fence: u64,
        /// As it names itself.
        instance: String,
        /// Our generation.
        ours: u64,
        /// Records that only this log has.
        unpublished: u64,
    },
    /// Log and topic tell different histories.
    #[error(
        "DIVERGED: record {sequence} of this log is not that of {name}: both were decided, by different engines. What the topic \
         has holds. `quittance store adopt-topic` moves aside what only this log has, reports what was in it, and takes over the \
         topic's"
    )]
    Diverged {
        /// Topic and partition.
        name: String,
        /// Up to here at the latest they part.
        sequence: u64,
    },
    /// What the witness saw is nowhere any more.
    #[error(
        "TAIL_LOST: the witness saw record {sequence} on disk, and neither this log nor {name} has it: it was acknowledged at most as \
         LOCAL. Restore the directory, or accept the loss by starting once with `--set store.witness_check=reset`"
    )]
    Lost {
        /// Topic and partition.
        name: String,
        /// What the witness saw.
        sequence: u64,
    },
    /// The topic is not what it was, or must not be used.
    #[error("{0}")]
    Topic(Halt),
    /// The topic lost its beginning.
    #[error(
        "RECORDS_EXPIRED: {name} begins at offset {begin}: records were deleted, and without them nobody can tell what the rest goes on \
         from. Set retention.ms=-1 (`quittance topics show`) and restore the topic, or name a new one"
    )]
    Expired {
        /// Topic and partition.
        name: String,
        /// First offset there is.
        begin: u64,
    },
    /// A block is in the topic that no publisher of ours sends, or that this release cannot read.
    #[error("RECORDS_BROKEN: {name} at offset {offset}: {cause}")]
    Broken {
        /// Topic and partition.
        name: String,
        /// Of the message.
        offset: u64,
        /// What is wrong with it.
        cause: String,
    },
}

impl RecordsHalt {
    /// The stable code at the beginning of the message.
    pub fn code(&self) -> &'static str {
        match self {
            RecordsHalt::Superseded { .. } => "SUPERSEDED",
            RecordsHalt::Diverged { .. } => "DIVERGED",
            RecordsHalt::Lost { .. } => "TAIL_LOST",
            RecordsHalt::Topic(halt) => halt.code(),
            RecordsHalt::Expired { .. } => "RECORDS_EXPIRED",
            RecordsHalt::Broken { .. } => "RECORDS_BROKEN",
        }
    }
}

/// Counts of this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordsCounts {
    /// The last record known to be in the topic.
    pub published: u64,
    /// The newest generation of this process; 0 before the first.
    pub generation: u64,
    /// Blocks taken over from the topic.
    pub imported: u64,
    /// Blocks sent.
    pub sent: u64,
    /// Of them those that lay unpublished in the log when a generation began.
    pub backlog: u64,
    /// Messages read that do not count.
    pub dropped: u64,
}

/// The counters behind it.
#[derive(Default)]
pub(crate) struct Counters {
    published: AtomicU64,
    generation: AtomicU64,
    imported: AtomicU64,
    sent: AtomicU64,
    backlog: AtomicU64,
    dropped: AtomicU64,
}

/// What thread and owner share.
pub(crate) struct Shared {
    pub stop: AtomicBool,
    pub lead: AtomicBool,
    pub counters: Counters,
    pub state: watch::Sender<RecordsState>,
    pub published: watch::Sender<u64>,
}

/// The follower and publisher of a shard's records. Dropping it stops it.
pub struct Records {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Records {
    /// Starts. The engine must have been started as a follower; it leads once this does. Returns at once: brokers and topic may come
    /// later.
    ///
    /// # Errors
    /// [`Error::Settings`] when librdkafka does not take the settings.
    pub fn start(replica: Replica, options: RecordsOptions) -> Result<Records, Error> {
        // Only to have wrong settings refused here, where somebody looks.
        tail::Tail::client(&options.brokers)?;
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            lead: AtomicBool::new(!options.reader),
            counters: Counters::default(),
            state: watch::Sender::new(RecordsState::Waiting("starting".to_owned())),
            published: watch::Sender::new(0),
        });
        let body = Body { shared: shared.clone(), replica };
        let thread = thread::Builder::new()
            .name("records".to_owned())
            .spawn(move || body.run(&options))
            .map_err(|cause| Error::Settings { cause: format!("no thread for the records topic: {cause}") })?;
        Ok(Records { shared, thread: Some(thread) })
    }

    /// Orders a follower to lead: it writes its fence, takes over what is before it, and the engine decides. Returns at once, see
    /// [`Records::state`].
    pub fn promote(&self) {
        self.shared.lead.store(true, Ordering::Release);
    }

    /// How it stands.
    pub fn state(&self) -> RecordsState {
        self.shared.state.borrow().clone()
    }

    /// Tells each change of state.
    pub fn watch(&self) -> watch::Receiver<RecordsState> {
        self.shared.state.subscribe()
    }

    /// The last record that was read back from the topic, or came from it. Its sender goes with this.
    pub fn published(&self) -> watch::Receiver<u64> {
        self.shared.published.subscribe()
    }

    /// What was done so far.
    pub fn counts(&self) -> RecordsCounts {
        let counters = &self.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        RecordsCounts {
            published: read(&counters.published),
            generation: read(&counters.generation),
            imported: read(&counters.imported),
            sent: read(&counters.sent),
            backlog: read(&counters.backlog),
            dropped: read(&counters.dropped),
        }
    }

    /// Asks it to stop, and does not wait.
    pub fn begin_stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
    }

    /// Stops it; tells how it stood. What was not published yet is published by the next start.
    pub fn stop(mut self) -> RecordsState {
        self.join();
        self.state()
    }

    fn join(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        self.join();
    }
}

/// What the thread has.
struct Body {
    shared: Arc<Shared>,
    replica: Replica,
}

impl Body {
    fn run(self, options: &RecordsOptions) {
        let name = format!("{}/{}", options.topic, options.partition);
        let mut session = Session::new(options, &name, &self.replica, &self.shared);
        let mut said: Option<(String, Instant)> = None;
        let last = loop {
            let pause = session.run();
            session.save();
            match pause {
                Pause::Stopped => break RecordsState::Stopped,
                Pause::Halt(halt) => {
                    tracing::error!(topic = name, code = halt.code(), "the shard may not go on: {halt}");
                    self.replica.end(halt.to_string());
                    break RecordsState::Halted(halt);
                }
                Pause::Wait(why) => {
                    self.replica.explain(&format!("the service waits for {name}: {why}"));
                    if said.as_ref().is_none_or(|(before, at)| *before != why || at.elapsed() >= REPEAT) {
                        tracing::warn!(topic = name, "records are neither published nor followed: {why}");
                        said = Some((why.clone(), Instant::now()));
                    }
                    self.shared.state.send_replace(RecordsState::Waiting(why));
                    self.sleep();
                }
            }
        };
        self.shared.state.send_replace(last);
    }

    fn sleep(&self) {
        let until = Instant::now() + RETRY;
        while !self.shared.stop.load(Ordering::Relaxed) && Instant::now() < until {
            thread::sleep(Duration::from_millis(25));
        }
    }
}
