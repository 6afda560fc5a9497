//! Rows of the views: a database beside the log that can be thrown away and rebuilt from it.
//!
//! The rows that a view changes and the checkpoint up to which they are true go in one batch. Nothing is waited for: after a power cut
//! the views stand a little earlier, each whole, and follow the log again from there.

mod reader;

use std::fs;
use std::path::{Path, PathBuf};

use rocksdb::{DB, WriteBatch, WriteOptions};

use crate::{Error, Hash, Options, keys, tuning};

pub use reader::{Reader, Row, Rows};

/// How far a view has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The last record that is in its rows.
    pub sequence: u64,
    /// The log's chain after that record: another chain at that record means another history, and the view is rebuilt.
    pub chain: Hash,
    /// Version of the fold that made the rows: another version means other rows, and the view is rebuilt.
    pub version: u32,
}

impl Checkpoint {
    fn to_row(self) -> [u8; 44] {
        let mut row = [0; 44];
        row[..8].copy_from_slice(&self.sequence.to_be_bytes());
        row[8..40].copy_from_slice(&self.chain);
        row[40..].copy_from_slice(&self.version.to_be_bytes());
        row
    }

    fn from_row(row: &[u8]) -> Option<Checkpoint> {
        let row: &[u8; 44] = row.try_into().ok()?;
        Some(Checkpoint {
            sequence: u64::from_be_bytes(row[..8].try_into().ok()?),
            chain: row[8..40].try_into().ok()?,
            version: u32::from_be_bytes(row[40..].try_into().ok()?),
        })
    }
}

/// The rows of several views, in numbered tables (1 to 255), each row a key and a value of the view's own making.
///
/// Each view has one writer; any number read. Share it by `Arc`.
pub struct Views {
    db: DB,
    dir: PathBuf,
    unsynced: WriteOptions,
}

impl Views {
    /// Opens the views in `dir`, creating them empty when they are not there.
    ///
    /// # Errors
    /// [`Error::InUse`]; [`Error::Format`] and [`Error::Corrupt`], after which [`Views::destroy`] and rebuilding is the way on;
    /// [`Error::Fatal`] when the disk refuses.
    pub fn open(dir: &Path, options: &Options) -> Result<Views, Error> {
        let db = tuning::open_views(dir, options)?;
        let views = Views { db, dir: dir.to_path_buf(), unsynced: tuning::unsynced() };
        let known = keys::format(keys::VIEWS_MAGIC, keys::VIEWS_FORMAT);
        match views.format()? {
            Some(row) if row == known => {}
            Some(row) => {
                return Err(Error::Format {
                    dir: views.dir,
                    found: format!("{:?}", String::from_utf8_lossy(&row)),
                    known: keys::VIEWS_FORMAT,
                });
            }
            None => {
                let mut batch = WriteBatch::default();
                batch.put(keys::VIEWS_FORMAT_KEY, known);
                views.write(batch)?;
            }
        }
        Ok(views)
    }

    /// Deletes the views in `dir` with all their rows; they are rebuilt from the log. Nothing happens when there are none.
    ///
    /// # Errors
    /// [`Error::InUse`]; [`Error::Fatal`] when the disk refuses.
    pub fn destroy(dir: &Path) -> Result<(), Error> {
        if !dir.exists() {
            return Ok(());
        }
        DB::destroy(&rocksdb::Options::default(), dir).map_err(|cause| Error::open(dir, cause))?;
        // What is left is the empty directory, or files that are not RocksDB's and therefore not ours to delete.
        let _ = fs::remove_dir(dir);
        Ok(())
    }

    /// How far a view has come; `None` when it never wrote or was wiped.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    pub fn checkpoint(&self, view: &str) -> Result<Option<Checkpoint>, Error> {
        let row = self.db.get(keys::checkpoint(view)).map_err(|cause| Error::read("reading a checkpoint", cause))?;
        read_checkpoint(view, row.as_deref())
    }

    /// Begins a batch of changes of one view. Nothing is seen before it is committed.
    pub fn begin(&self, view: &str) -> Batch<'_> {
        Batch { views: self, checkpoint: keys::checkpoint(view), batch: WriteBatch::default(), key: Vec::new() }
    }

    /// A row, as the last batch left it.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    ///
    /// # Panics
    /// If `table` is 0.
    pub fn get(&self, table: u8, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.db.get(keys::row(table, key)).map_err(|cause| Error::read("reading a row of a view", cause))
    }

    /// The rows of a table from `from` up to, not including, `to`; an empty `to` means to the end. Both ways: call
    /// [`Rows::backwards`] to begin at the end. It sees the rows as they are now, whatever is written meanwhile.
    ///
    /// # Panics
    /// If `table` is 0.
    #[must_use]
    pub fn scan(&self, table: u8, from: &[u8], to: &[u8]) -> Rows<'_> {
        Rows::over(&self.db, reader::bounds(table, from, to))
    }

    /// A consistent sight of all views as they are now: its rows and its checkpoints belong together.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.db)
    }

    /// Removes the checkpoint of a view and all rows of its tables, so that it is rebuilt.
    ///
    /// # Errors
    /// [`Error::Fatal`] when the write failed.
    ///
    /// # Panics
    /// If one of `tables` is 0.
    pub fn wipe(&self, view: &str, tables: &[u8]) -> Result<(), Error> {
        let mut batch = WriteBatch::default();
        batch.delete(keys::checkpoint(view));
        for &table in tables {
            let from = keys::row(table, &[]);
            match table.checked_add(1) {
                Some(next) => batch.delete_range(&from[..], &[next][..]),
                // No key follows table 255, so its rows are deleted one by one.
                None => self.each_key(table, |key| batch.delete(keys::row(table, key)))?,
            }
        }
        self.write(batch)
    }

    /// SHA-256 over the rows of a table in the order of their keys, each key and value behind its length. Two stores that folded the
    /// same records have the same digest, whatever was restarted or rebuilt in between.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    ///
    /// # Panics
    /// If `table` is 0.
    pub fn digest(&self, table: u8) -> Result<Hash, Error> {
        self.reader().digest(table)
    }

    /// Another store of the same rows and checkpoints in `dir`, which must not be there yet; on the same file system it takes no
    /// room until one of the two changes. What is written here meanwhile is in the copy whole or not at all.
    ///
    /// # Errors
    /// [`Error::Fatal`] when the disk refuses.
    pub fn copy_to(&self, dir: &Path) -> Result<(), Error> {
        let failed = |cause| Error::write("copying the views", cause);
        rocksdb::checkpoint::Checkpoint::new(&self.db).and_then(|copy| copy.create_checkpoint(dir)).map_err(failed)
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn format(&self) -> Result<Option<Vec<u8>>, Error> {
        self.db.get(keys::VIEWS_FORMAT_KEY).map_err(|cause| Error::read("reading the format of the views", cause))
    }

    fn each_key(&self, table: u8, mut visit: impl FnMut(&[u8])) -> Result<(), Error> {
        for row in self.scan(table, &[], &[]) {
            visit(&row?.key);
        }
        Ok(())
    }

    fn write(&self, batch: WriteBatch) -> Result<(), Error> {
        self.db.write_opt(batch, &self.unsynced).map_err(|cause| Error::write("writing rows of views", cause))
    }
}

/// Changes of one view that become visible together with its new checkpoint.
#[must_use = "changes are lost unless they are committed"]
pub struct Batch<'a> {
    views: &'a Views,
    checkpoint: Vec<u8>,
    batch: WriteBatch,
    /// The key being built; kept, so that a row costs no allocation.
    key: Vec<u8>,
}

impl Batch<'_> {
    /// Writes a row.
    ///
    /// # Panics
    /// If `table` is 0.
    pub fn put(&mut self, table: u8, key: &[u8], value: &[u8]) {
        self.set_key(table, key);
        self.batch.put(&self.key, value);
    }

    /// Removes a row, if it is there.
    ///
    /// # Panics
    /// If `table` is 0.
    pub fn delete(&mut self, table: u8, key: &[u8]) {
        self.set_key(table, key);
        self.batch.delete(&self.key);
    }

    /// Moves the checkpoint of another view as well: for views that are folded together and belong in one batch.
    pub fn also(&mut self, view: &str, checkpoint: Checkpoint) {
        self.batch.put(keys::checkpoint(view), checkpoint.to_row());
    }

    /// Bytes collected so far.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.batch.size_in_bytes()
    }

    /// Writes all changes and the checkpoint up to which the rows are now true, all or nothing.
    ///
    /// # Errors
    /// [`Error::Fatal`] when the write failed.
    pub fn commit(mut self, checkpoint: Checkpoint) -> Result<(), Error> {
        self.batch.put(&self.checkpoint, checkpoint.to_row());
        self.views.write(self.batch)
    }

    fn set_key(&mut self, table: u8, key: &[u8]) {
        assert!(table != keys::VIEWS_OWN, "table 0 belongs to the views themselves");
        self.key.clear();
        self.key.push(table);
        self.key.extend_from_slice(key);
    }
}

fn read_checkpoint(view: &str, row: Option<&[u8]>) -> Result<Option<Checkpoint>, Error> {
    let Some(row) = row else { return Ok(None) };
    match Checkpoint::from_row(row) {
        Some(checkpoint) => Ok(Some(checkpoint)),
        None => Err(Error::corrupt(
            format!("the checkpoint of the view {view}"),
            format!("its row has {} bytes", row.len()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These bytes are on disks.
    #[test]
    fn golden_checkpoint() {
        let checkpoint = Checkpoint { sequence: 258, chain: [9; 32], version: 3 };
        let row = checkpoint.to_row();
        assert_eq!(row[..8], [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(row[8..40], [9; 32]);
        assert_eq!(row[40..], [0, 0, 0, 3]);
        assert_eq!(Checkpoint::from_row(&row), Some(checkpoint));
        assert_eq!(Checkpoint::from_row(&row[1..]), None);
    }
}
