//! How the engine is: for the health check, the status call and people.

use crate::crash::Suspect;
use crate::error::Failure;
use std::sync::Arc;
use std::time::Duration;
use store::Head;

/// What the last commit wrote and left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockReport {
    /// The head after it.
    pub head: Head,
    /// Its records; 0 before the first block of this run.
    pub records: usize,
    /// Their bytes, and the bytes they take on disk.
    pub bytes: usize,
    /// Compressed.
    pub stored_bytes: usize,
    /// How long writing and syncing took.
    pub took: Duration,
    /// What was open when the block was cut: trades, instructions, in repair, awaited, proposals, quarantined.
    pub open: [(&'static str, usize); 7],
    /// Calls and chunks of messages that waited for the middle stage then.
    pub calls_waiting: usize,
    /// Chunks of up to 256 messages.
    pub chunks_waiting: usize,
}

impl BlockReport {
    pub(crate) fn at_start(head: Head, open: [(&'static str, usize); 7]) -> BlockReport {
        let took = Duration::ZERO;
        BlockReport { head, records: 0, bytes: 0, stored_bytes: 0, took, open, calls_waiting: 0, chunks_waiting: 0 }
    }
}

/// The engine at this moment.
#[derive(Clone, Debug)]
pub struct Status {
    /// The last durable record.
    pub sequence: u64,
    /// The last block.
    pub block: BlockReport,
    /// Calls that wait for the middle stage now.
    pub calls_waiting: usize,
    /// Batches that wait to be decoded now.
    pub batches_waiting: usize,
    /// For how long the disk has had the block that is being written: seconds mean that it is slow, minutes that it hangs. `None`
    /// when nothing is being written.
    pub writing: Option<Duration>,
    /// Why the shard is halted, when it is: queries are served, commands are not.
    pub halted: Option<Arc<Suspect>>,
    /// Why no commands are taken while it follows another shard's log; `None` when it decides.
    pub following: Option<Arc<str>>,
    /// Why the engine is broken, when it is.
    pub failed: Option<Arc<Failure>>,
}
