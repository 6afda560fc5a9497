//! Moves ids from memory into their table: sorted, as one finished file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use rocksdb::{IngestExternalFileOptions, SstFileWriter, WriteBatch};

use crate::{Error, Options, keys, tuning};

use super::recent::{Full, Key, bytes};
use super::{Shared, table};

/// In the log's directory, since a finished file is linked and not copied. RocksDB leaves names alone that are not its own.
const PARTIAL: &str = "ids-run.partial";

pub(super) struct Mover {
    shared: Arc<Shared>,
    partial: PathBuf,
    table: rocksdb::Options,
}

impl Mover {
    /// Clears away what a crash left of an unfinished file.
    pub(super) fn new(shared: Arc<Shared>, dir: &Path, options: &Options) -> Result<Mover, Error> {
        let partial = dir.join(PARTIAL);
        match fs::remove_file(&partial) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(Error::file("removing an unfinished file of ids", &partial, &cause));
            }
            _ => {}
        }
        let table = tuning::ids_table(&options.memory).map_err(|cause| Error::open(dir, cause))?;
        Ok(Mover { shared, partial, table })
    }

    /// Until the log is closed, or moving failed.
    pub(super) fn run(self) {
        while let Some(full) = self.wait() {
            let moved = self.write_file(&full).and_then(|()| self.hand_over(&full));
            let mut state = self.shared.state();
            match moved {
                Ok(()) => self.shared.recent.write().unwrap_or_else(PoisonError::into_inner).forget_full(),
                Err(failure) => {
                    tracing::error!(%failure, "ids cannot be moved into their table");
                    state.failure = Some(failure);
                    self.shared.changed.notify_all();
                    return;
                }
            }
            self.shared.changed.notify_all();
        }
    }

    /// The next ids to move, or `None` when the log is closed. What is left then is moved after the next start.
    fn wait(&self) -> Option<Arc<Full>> {
        let mut state = self.shared.state();
        loop {
            if state.closing {
                return None;
            }
            let full = self.shared.recent().full();
            if full.is_some() {
                return full;
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn write_file(&self, full: &Full) -> Result<(), Error> {
        let mut rows: Vec<(Key, u64)> = full.ids.iter().map(|(id, at)| (*id, *at)).collect();
        rows.sort_unstable_by_key(|(id, _)| *id);
        let mut file = SstFileWriter::create(&self.table);
        let mut write = || {
            file.open(&self.partial)?;
            for (id, sequence) in &rows {
                file.put(bytes(*id), sequence.to_be_bytes())?;
            }
            file.finish()
        };
        write().map_err(|cause| Error::write("writing a file of ids", cause))
    }

    /// First the file is in the table for good, then the claims go. A crash in between moves the same ids again.
    fn hand_over(&self, full: &Full) -> Result<(), Error> {
        let failed = |cause| Error::write("moving ids into their table", cause);
        let db = &self.shared.db;
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        db.ingest_external_file_cf_opts(table(db, keys::IDS), &options, vec![&self.partial]).map_err(failed)?;
        let mut batch = WriteBatch::default();
        let claims = table(db, keys::CLAIMS);
        batch.delete_range_cf(claims, keys::block(0), keys::block(full.through + 1));
        batch.put(keys::MOVED, keys::block(full.through));
        db.write_opt(batch, &tuning::unsynced()).map_err(failed)
    }
}
