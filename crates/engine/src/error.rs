//! What can go wrong: at the start, while running, and with one command.

use crate::crash::Suspect;
use std::path::PathBuf;
use std::sync::Arc;

/// Why an engine did not start, did not stop in order, or could not read its log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A record whose bytes are what was written, but which this release cannot read.
    #[error("record {sequence} cannot be read ({cause}): it was written by another release, or the log is damaged")]
    Record {
        /// Where.
        sequence: u64,
        /// What the decoder says.
        cause: String,
    },
    /// The log holds no genesis: it was created by something else, or its creation was cut short.
    #[error("the log in {} does not begin with a genesis: delete the directory and create it again", dir.display())]
    NoGenesis {
        /// Where the log is.
        dir: PathBuf,
    },
    /// The operating system gives no thread.
    #[error("a thread of the engine did not start: {0}")]
    Thread(std::io::Error),
    /// A block of another log was not taken.
    #[error(transparent)]
    Import(crate::follow::ImportError),
    /// The engine had failed before it was stopped.
    #[error(transparent)]
    Failed(Arc<Failure>),
}

/// Why a running engine can no longer be trusted. The process must end; the next start finds out what was committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {stage} stage failed: {cause}; nothing more is answered or committed, start the process again")]
pub struct Failure {
    /// `decode`, `decide`, `commit`, `snapshot`, `import` or `publish`.
    pub stage: &'static str,
    /// The panic's message or the store's error.
    pub cause: String,
    /// The disk has no space left: what is on it is sound and can be read.
    pub disk_full: bool,
}

/// Why a command got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It was not taken: the engine is stopping, has stopped or has failed. Nothing happened.
    #[error("the engine takes no more commands: nothing was done, try again when it is up")]
    Closed,
    /// It was taken and the engine ended before its commit was known.
    #[error("the engine ended before the outcome was known: send it again with the same request id to learn it")]
    Unanswered,
    /// The shard is halted: it crashed twice at the same place.
    #[error(
        "the shard is halted: it crashed {} times at {} ({}); look at the message, then set it aside with `quarantine`",
        .0.crashes, .0.place, .0.cause
    )]
    Halted(Arc<Suspect>),
    /// The shard follows another one.
    #[error("no commands are taken here: {0}")]
    Following(String),
    /// The shard is not halted, or what crashed it is no message that can be set aside.
    #[error("there is nothing to set aside: {0}")]
    NothingToQuarantine(&'static str),
    /// The command with this request id crashed the shard before.
    #[error("the command with request id {request_id} crashed the shard before ({cause}): it is not tried again")]
    Crashed {
        /// Of the call.
        request_id: String,
        /// The panic's message.
        cause: String,
    },
    /// The request contradicts itself; a mistake of the calling code.
    #[error("{0}")]
    Misused(&'static str),
}

/// The engine takes nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine takes nothing more: it is stopping, has stopped or has failed")]
pub struct Closed;

/// The text of a panic.
pub(crate) fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a text".to_owned())
}
