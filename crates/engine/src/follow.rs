//! Following: a shard that another one leads, brought forward by the blocks that the other one committed.
//!
//! Nothing is decided here. A block comes verbatim; its ids and cursors are rebuilt as the commit that made it wrote them, and its
//! facts are folded. A shard that was behind catches up this way before it decides again, a reader never leaves it, and a standby
//! leaves it when it is promoted.

use crate::cursor;
use crate::handle::Call;
use crate::recovery::fold_record;
use crate::shared::Shared;
use crate::snapshot::Live;
use crate::status::BlockReport;
use crate::{Error, SubmitError};
use clearing::State;
use crossbeam_channel::{Receiver, Sender, bounded};
use model::command::{Command, Inbound, Origin};
use model::record::{Content, Record};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;
use store::{Block, Head, Log};
use tokio::sync::watch;

/// Why a block was not taken, or a follower not promoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is not the continuation of this log.
    #[error("block {first} does not follow record {head} of this log: {why}")]
    NotNext {
        /// Its first record.
        first: u64,
        /// Where the log ends.
        head: u64,
        /// What does not fit.
        why: &'static str,
    },
    /// Its records are not what this release can read.
    #[error("record {sequence} cannot be read ({cause}): it was written by another release")]
    Record {
        /// Where.
        sequence: u64,
        /// What the decoder says.
        cause: String,
    },
    /// The disk refused, or the witness saw another history.
    #[error("the block cannot be stored: {0}")]
    Store(String),
    /// The engine decides for itself, is ending, or has failed.
    #[error("the engine takes no blocks: it does not follow any more")]
    NotFollowing,
    /// Nothing is there yet that could be led.
    #[error("the log is empty: there is nothing to be promoted on")]
    Empty,
}

/// The way of a follower's blocks into the engine. Its calls block: not for asynchronous code.
#[derive(Clone)]
pub struct Replica {
    calls: Sender<Call>,
    shared: Arc<Shared>,
    log: Arc<Log>,
}

impl Replica {
    pub(crate) fn new(calls: Sender<Call>, shared: Arc<Shared>, log: Arc<Log>) -> Replica {
        Replica { calls, shared, log }
    }

    /// The log that follows.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Takes the next block; `stored` are its bytes as the other log has them. Returns when it is on disk and folded.
    ///
    /// # Errors
    /// [`ImportError`]; after [`ImportError::Store`] the engine has failed.
    pub fn import(&self, block: Block, stored: Vec<u8>) -> Result<Head, ImportError> {
        let (done, taken) = bounded(1);
        self.put(Call::Import { block, stored, done })?;
        taken.recv().unwrap_or(Err(ImportError::NotFollowing))
    }

    /// Ends the following: from here on the engine decides. No harm when it does already.
    ///
    /// # Errors
    /// [`ImportError::Empty`], [`ImportError::NotFollowing`].
    pub fn promote(&self) -> Result<(), ImportError> {
        let (done, taken) = bounded(1);
        self.put(Call::Promote { done })?;
        taken.recv().unwrap_or(Err(ImportError::NotFollowing))
    }

    /// What those are told who give a command meanwhile.
    pub fn explain(&self, why: &str) {
        self.shared.set_following(why);
    }

    /// This shard may not go on: nothing more is decided, committed or answered, as after a failure.
    pub fn end(&self, cause: String) {
        self.shared.fail("publish", cause);
        let _ = self.calls.send(Call::Wake);
    }

    /// Whether the engine has ended, in whatever way.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.shared.is_closing()
    }

    fn put(&self, call: Call) -> Result<(), ImportError> {
        self.calls.send(call).map_err(|_| ImportError::NotFollowing)
    }
}

/// How the following ended.
pub(crate) enum Followed {
    /// It is to decide; who ordered it waits for an answer.
    Promoted(State, Sender<Result<(), ImportError>>),
    /// It is to stop in order.
    Stopped(State),
    /// All is to be left as it is.
    Left,
}

/// The middle stage while it follows.
pub(crate) struct Follower<'a> {
    pub state: State,
    pub log: &'a Log,
    pub calls: &'a Receiver<Call>,
    pub head: watch::Sender<Head>,
    pub shared: &'a Shared,
}

impl Follower<'_> {
    pub fn run(mut self) -> Followed {
        for call in self.calls {
            if self.shared.is_abandoned() {
                return Followed::Left;
            }
            match call {
                Call::Submit(submission) => drop(submission.reply.send(Err(self.refusal()))),
                Call::Ask { question, permit } => {
                    drop(permit);
                    // A question changes nothing, and what it saw is on disk.
                    if let Ok(release) = catch_unwind(AssertUnwindSafe(|| question(&self.state))) {
                        release();
                    }
                }
                Call::Resume { done, .. } => drop(done.send(Err(self.refusal()))),
                Call::Snapshot { to } => drop(to.send(Live::of(&self.state))),
                Call::Import { block, stored, done } => {
                    let imported = self.import(&block, &stored);
                    if let Err(error @ ImportError::Store(_)) = &imported {
                        self.shared.fail("import", error.to_string());
                    }
                    // Who sent it may have gone.
                    let _ = done.send(imported);
                }
                Call::Promote { done } if self.state.sequence() == 0 => drop(done.send(Err(ImportError::Empty))),
                Call::Promote { done } => return Followed::Promoted(self.state, done),
                Call::Stop => return Followed::Stopped(self.state),
                Call::Wake => {}
            }
        }
        Followed::Left
    }

    fn refusal(&self) -> SubmitError {
        SubmitError::Following(self.shared.following().unwrap_or_default().to_string())
    }

    fn import(&mut self, block: &Block, stored: &[u8]) -> Result<Head, ImportError> {
        let started = Instant::now();
        let head = self.log.head();
        let unfit = |why| Err(ImportError::NotNext { first: block.first(), head: head.sequence, why });
        if block.first() != head.sequence + 1 {
            return unfit("its first record is not the next");
        }
        if block.prior_chain() != head.chain {
            return unfit("its chain goes on from another history");
        }
        // All are read before the first is folded, so that a refused block leaves nothing behind.
        let records: Vec<Record> =
            block.iter().map(|(sequence, bytes)| read(sequence, bytes)).collect::<Result<_, _>>()?;
        let (mut ids, mut places) = (Vec::new(), BTreeMap::new());
        for (record, (sequence, bytes)) in records.iter().zip(block.iter()) {
            ids.extend(clearing::ids(&self.state, record).into_iter().map(|key| (key, sequence)));
            if let Some((name, next, hash)) = place(record, bytes)? {
                places.insert(name, (next, hash));
            }
            fold_record(&mut self.state, record);
        }
        let cluster = self.state.genesis().and_then(|genesis| genesis.cluster.as_deref()).unwrap_or_default();
        let row = |(name, (next, hash)): (Vec<u8>, (u64, [u8; 32]))| (name, cursor::encode(next, &hash, cluster));
        let cursors: Vec<store::Cursor> = places.into_iter().map(row).collect();
        let imported = self.shared.while_writing(|| self.log.import(block, stored, &ids, &cursors));
        let committed = imported.map_err(|error| ImportError::Store(error.to_string()))?;
        self.head.send_replace(committed.head);
        self.shared.set_report(BlockReport {
            records: block.len(),
            bytes: committed.raw_bytes,
            stored_bytes: committed.stored_bytes,
            took: started.elapsed(),
            ..BlockReport::at_start(committed.head, self.state.open_counts())
        });
        Ok(committed.head)
    }
}

fn read(sequence: u64, bytes: &[u8]) -> Result<Record, ImportError> {
    let unreadable = |cause: String| ImportError::Record { sequence, cause };
    let record = wire::record::decode(bytes).map_err(|error| unreadable(error.to_string()))?;
    match &record.content {
        _ if record.sequence != sequence => Err(unreadable(format!("it says it is record {}", record.sequence))),
        Content::Genesis(_) if sequence > 1 => Err(unreadable("a second genesis".to_owned())),
        Content::Decided { .. } if sequence == 1 => Err(unreadable("it is not a genesis".to_owned())),
        _ => Ok(record),
    }
}

/// The cursor's name, next offset and hash after a record that a Kafka message caused.
type Place = (Vec<u8>, u64, [u8; 32]);

fn place(record: &Record, bytes: &[u8]) -> Result<Option<Place>, ImportError> {
    let Content::Decided { inbound: Inbound { origin, command, .. }, .. } = &record.content else { return Ok(None) };
    let Origin::Kafka { topic, partition, offset } = origin else { return Ok(None) };
    let hash = match command {
        Command::Trade(_) | Command::Advice(_) => {
            wire::record::raw_message(bytes).map(|raw| Sha256::digest(raw).into())
        }
        Command::Quarantine(unreadable) => Some(unreadable.hash),
        _ => None,
    };
    let cause = || "a message of Kafka that is neither a trade nor an advice nor set aside".to_owned();
    let hash = hash.ok_or_else(|| ImportError::Record { sequence: record.sequence, cause: cause() })?;
    Ok(Some((cursor::name(topic, *partition), offset + 1, hash)))
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Error {
        Error::Import(error)
    }
}
