//! The log of records: one directory, one writer, many readers.

mod commit;
mod open;
mod read;
mod torn;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rocksdb::{ColumnFamily, DB};

use crate::ids::Ids;
use crate::ring::Ring;
use crate::{Error, Head, keys};

pub use commit::Committed;
use commit::Writer;
pub use read::{Blocks, Cursor, Sizes};

/// An append-only log of records with the ids, cursors and snapshots that belong to it.
///
/// One thread commits, any number read: share it by `Arc`. Dropping it writes the witness and closes the directory.
pub struct Log {
    /// `None` when the log was opened for reading only.
    writer: Option<Mutex<Writer>>,
    ids: Ids,
    db: Arc<DB>,
    dir: PathBuf,
    witness: PathBuf,
    head: Mutex<Head>,
    grown: Condvar,
    ring: RwLock<Ring>,
    /// A snapshot is being written; there is one at a time.
    pub(crate) snapshot_open: AtomicBool,
}

impl Log {
    /// The last durable record; [`Head::EMPTY`] in a new log.
    #[must_use]
    pub fn head(&self) -> Head {
        *self.lock_head()
    }

    /// Waits until the log holds a record after `sequence`, or until `timeout` is over, and returns the head either way.
    /// For followers: a commit wakes them.
    #[must_use]
    pub fn wait_past(&self, sequence: u64, timeout: Duration) -> Head {
        let (head, _) = self
            .grown
            .wait_timeout_while(self.lock_head(), timeout, |head| head.sequence <= sequence)
            .unwrap_or_else(PoisonError::into_inner);
        *head
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn db(&self) -> &DB {
        &self.db
    }

    pub(crate) fn table(&self, name: &'static str) -> &ColumnFamily {
        match self.db.cf_handle(name) {
            Some(table) => table,
            // Opening names all tables and fails when one is missing.
            None => unreachable!("table {name} was opened with the log"),
        }
    }

    fn blocks(&self) -> &ColumnFamily {
        self.table(keys::BLOCKS)
    }

    pub(crate) fn refuse_if_read_only(&self) -> Result<&Mutex<Writer>, Error> {
        self.writer.as_ref().ok_or_else(|| Error::ReadOnly { dir: self.dir.clone() })
    }

    fn lock_head(&self) -> MutexGuard<'_, Head> {
        // It is replaced whole, so a panic elsewhere leaves a true head.
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
