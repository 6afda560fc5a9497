//! Bytes and sequences on disk: the log of records, its ids, cursors and snapshots, and the rows of the views.
//!
//! This crate knows no business and no other crate of ours. What it promises:
//!
//! * a [`Log`] commits a [`Block`] of consecutive records, the ids they claim, the cursors they move and the new head
//!   in **one synced batch**: after a crash all of it is there or none of it;
//! * every record is hashed and linked ([`chain`]), and every block that is read back is hashed again before anyone sees it;
//! * a log that lost its end, was replaced by an older copy, or is not there at all does not open as if nothing had happened
//!   (see [`WitnessCheck`]);
//! * [`Views`] keep the rows of a follower and the place it stands at in one batch, so a crash never tears them apart.
//!
//! One thread writes, any number read: share a [`Log`] or [`Views`] by `Arc`.

mod block;
pub mod chain;
mod error;
mod ids;
mod keys;
mod log;
mod options;
mod records;
mod ring;
mod snapshot;
mod stored;
mod tuning;
mod views;
mod witness;

pub use block::{Block, BlockBuilder};
pub use error::Error;
pub use log::{Blocks, Committed, Cursor, Log, Sizes};
pub use options::{Memory, Options, WitnessCheck};
pub use records::{Records, RecordsBuilder};
pub use snapshot::{DamagedSnapshot, Pieces, Snapshot, SnapshotWriter};
pub use views::{Batch, Checkpoint, Reader, Row, Rows, Views};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The end of a log: its last durable record and the chain up to it.
///
/// Sequence 0 means that the log holds no record yet; record 1 is the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Sequence of the last record.
    pub sequence: u64,
    /// Chain after the last record ([`chain::ORIGIN`] when there is none).
    pub chain: Hash,
}

impl Head {
    /// The head of a log without records.
    pub const EMPTY: Head = Head { sequence: 0, chain: chain::ORIGIN };
}
