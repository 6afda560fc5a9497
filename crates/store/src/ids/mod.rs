//! Ids for ever: which record claimed an id, answered once for each message and nearly always with "none did".
//!
//! A row of 24 bytes for each id is little, but keys that are hashes are the worst a sorted store can be given: put one by one they cost
//! more than the rest of a commit together. So they take another way:
//!
//! 1. a commit writes the ids of its block as **one row of the table `claims`**, and keeps them in memory ([`recent`]);
//! 2. when a million have come together, a thread of its own sorts them, writes them as one file and hands it to the table `ids`
//!    ([`mover`]), and only then removes the claims; after a crash in between they are moved once more, with the same result;
//! 3. a [`filter`] over all of them, in memory and of fixed size, answers for nearly every id that is new.
//!
//! Nothing in memory is needed to be right: opening reads the claims that are left, and the filter is used once it has seen every row.

mod filter;
mod mover;
mod recent;

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;

use rocksdb::{ColumnFamily, DB, ReadOptions};

use crate::{Error, Options, keys, tuning};

use filter::Filter;
use recent::Recent;

/// An id and the sequence of the record that claimed it.
pub(crate) type Claim = ([u8; 16], u64);

/// The ids of one log.
pub(crate) struct Ids {
    shared: Arc<Shared>,
    /// Kept because making one allocates.
    read: ReadOptions,
    threads: Vec<JoinHandle<()>>,
}

/// What the log's threads and the two threads here share.
struct Shared {
    db: Arc<DB>,
    recent: RwLock<Recent>,
    filter: Option<Filter>,
    state: Mutex<State>,
    changed: Condvar,
    /// Ids in memory before they are moved.
    limit: usize,
}

#[derive(Default)]
struct State {
    closing: bool,
    /// Why ids could not be moved. The next commit fails with it.
    failure: Option<Error>,
}

impl Ids {
    /// Reads the claims that were not moved yet and, for a log that is written, starts the threads.
    pub(crate) fn open(db: &Arc<DB>, dir: &Path, options: &Options, writable: bool) -> Result<Ids, Error> {
        let limit = options.ids_in_memory.max(1);
        let filter = (writable && options.id_filter_bytes > 0).then(|| Filter::new(options.id_filter_bytes));
        let shared = Arc::new(Shared {
            db: Arc::clone(db),
            recent: RwLock::new(Recent::new(limit)),
            filter,
            state: Mutex::default(),
            changed: Condvar::new(),
            limit,
        });
        shared.load_claims()?;
        let mut ids = Ids { shared, read: ReadOptions::default(), threads: Vec::new() };
        if writable {
            let mover = mover::Mover::new(Arc::clone(&ids.shared), dir, options)?;
            ids.spawn("ids-mover", move || mover.run())?;
            if ids.shared.filter.is_some() {
                let shared = Arc::clone(&ids.shared);
                ids.spawn("ids-filter", move || shared.fill_filter())?;
            }
        }
        Ok(ids)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        self.threads.push(thread.map_err(|cause| Error::Fatal {
            doing: "starting a thread for ids",
            cause: cause.to_string(),
            disk_full: false,
        })?);
        Ok(())
    }

    /// The sequence of the record that claimed an id.
    pub(crate) fn look_up(&self, id: &[u8; 16]) -> Result<Option<u64>, Error> {
        let shared = &*self.shared;
        if shared.filter.as_ref().is_some_and(|filter| filter.excludes(id)) {
            return Ok(None);
        }
        if let Some(sequence) = shared.recent().get(id) {
            return Ok(Some(sequence));
        }
        // Moved ids leave memory after they are in the table, so none is missed between the two looks.
        let row = shared
            .db
            .get_pinned_cf_opt(table(&shared.db, keys::IDS), id, &self.read)
            .map_err(|cause| Error::read("looking up an id", cause))?;
        let Some(row) = row else { return Ok(None) };
        match row.as_ref().try_into() {
            Ok(sequence) => Ok(Some(u64::from_be_bytes(sequence))),
            Err(_) => Err(Error::corrupt("the table of ids", format!("a row has {} bytes instead of 8", row.len()))),
        }
    }

    /// Before a commit: whether ids can still be moved, and room in memory for more.
    pub(crate) fn make_ready(&self) -> Result<(), Error> {
        let shared = &*self.shared;
        let mut state = shared.state();
        loop {
            if let Some(failure) = state.failure.take() {
                return Err(failure);
            }
            // Moving is several times as fast as any flow of ids; should it ever lag, memory stays bounded.
            if state.closing || shared.recent().len() < 4 * shared.limit {
                return Ok(());
            }
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// After a commit: the ids of the block that begins at `first` are durable.
    pub(crate) fn claimed(&self, first: u64, claims: &[Claim]) {
        let shared = &*self.shared;
        shared.remember(claims);
        let frozen = shared.recent.write().unwrap_or_else(PoisonError::into_inner).freeze_if_full(first);
        if frozen {
            // With the lock, so that the mover is either waiting or sees it before it waits.
            let _state = shared.state();
            shared.changed.notify_all();
        }
    }
}

impl Drop for Ids {
    fn drop(&mut self) {
        self.shared.state().closing = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread for ids had panicked; its work is done again at the next start");
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of it is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> std::sync::RwLockReadGuard<'_, Recent> {
        // Whole after a panic: an id is in it or not.
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, claims: &[Claim]) {
        if let Some(filter) = &self.filter {
            claims.iter().for_each(|(id, _)| filter.add(id));
        }
        // A few at a time, so that look-ups for the next block do not wait long.
        for some in claims.chunks(64) {
            self.recent.write().unwrap_or_else(PoisonError::into_inner).insert(some);
        }
    }

    fn load_claims(&self) -> Result<(), Error> {
        let mut rows = self.db.raw_iterator_cf_opt(table(&self.db, keys::CLAIMS), tuning::long_scan());
        rows.seek_to_first();
        while let Some((key, row)) = rows.item() {
            let claims = keys::read_claims(row)
                .zip(keys::read_sequence(key))
                .ok_or_else(|| Error::corrupt("the table of claims", "a row of another length"));
            let (claims, first) = claims?;
            self.remember(&claims);
            self.recent.write().unwrap_or_else(PoisonError::into_inner).reaches(first);
            rows.next();
        }
        rows.status().map_err(|cause| Error::read("reading the claims of ids", cause))
    }

    /// Shows the filter every row of the table. Rows that come while it reads are shown by who brings them.
    fn fill_filter(&self) {
        let Some(filter) = &self.filter else { return };
        let mut rows = self.db.raw_iterator_cf_opt(table(&self.db, keys::IDS), tuning::long_scan());
        rows.seek_to_first();
        for count in 1_u64.. {
            let Some(id) = rows.key() else { break };
            if let Ok(id) = id.try_into() {
                filter.add(id);
            }
            if count.is_multiple_of(10_000) && self.state().closing {
                return;
            }
            rows.next();
        }
        match rows.status() {
            Ok(()) => filter.complete(),
            // Without it every look-up asks the table, which finds and reports the damage itself.
            Err(cause) => tracing::error!(%cause, "the filter of ids stays unused"),
        }
    }
}

fn table<'a>(db: &'a DB, name: &'static str) -> &'a ColumnFamily {
    match db.cf_handle(name) {
        Some(table) => table,
        None => unreachable!("table {name} was opened with the log"),
    }
}
