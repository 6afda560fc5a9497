//! Reading rows of views: single rows, ranges both ways, and a consistent sight over several of them.

use std::iter::FusedIterator;

use rocksdb::{DB, DBRawIterator, ReadOptions};
use sha2::{Digest, Sha256};

use crate::{Error, Hash, keys};

use super::{Checkpoint, read_checkpoint};

/// All views at one moment, while their writers go on. For answers that take several reads, and for one page of a listing.
///
/// It holds back the clearing away of old rows, so drop it when the answer is complete.
pub struct Reader<'a> {
    db: &'a DB,
    moment: rocksdb::Snapshot<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(db: &'a DB) -> Reader<'a> {
        Reader { db, moment: db.snapshot() }
    }

    /// How far a view had come at this moment; `None` when it never wrote or was wiped.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    pub fn checkpoint(&self, view: &str) -> Result<Option<Checkpoint>, Error> {
        let row =
            self.moment.get(keys::checkpoint(view)).map_err(|cause| Error::read("reading a checkpoint", cause))?;
        read_checkpoint(view, row.as_deref())
    }

    /// A row as it was at this moment.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    ///
    /// # Panics
    /// If `table` is 0.
    pub fn get(&self, table: u8, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.moment.get(keys::row(table, key)).map_err(|cause| Error::read("reading a row of a view", cause))
    }

    /// The rows of a table from `from` up to, not including, `to`, as they were at this moment; see [`super::Views::scan`].
    ///
    /// # Panics
    /// If `table` is 0.
    #[must_use]
    pub fn scan(&self, table: u8, from: &[u8], to: &[u8]) -> Rows<'_> {
        let mut options = bounds(table, from, to);
        options.set_snapshot(&self.moment);
        Rows::over(self.db, options)
    }

    /// See [`super::Views::digest`].
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    ///
    /// # Panics
    /// If `table` is 0.
    pub fn digest(&self, table: u8) -> Result<Hash, Error> {
        let mut rows = self.scan(table, &[], &[]);
        rows.begin();
        let mut digest = Sha256::new();
        while let Some((key, value)) = rows.rows.item() {
            for part in [&key[1..], value] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part);
            }
            rows.rows.next();
        }
        rows.status()?;
        Ok(digest.finalize().into())
    }
}

/// A row of a view.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its key, without the table.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

/// Rows in the order of their keys, or, after [`Rows::backwards`], in the opposite order. The first error ends it.
pub struct Rows<'a> {
    rows: DBRawIterator<'a>,
    state: State,
    backwards: bool,
}

#[derive(PartialEq)]
enum State {
    Unbegun,
    Running,
    Ended,
}

impl<'a> Rows<'a> {
    pub(super) fn over(db: &'a DB, options: ReadOptions) -> Rows<'a> {
        Rows { rows: db.raw_iterator_opt(options), state: State::Unbegun, backwards: false }
    }

    /// From the last row to the first.
    ///
    /// # Panics
    /// If a row was read already.
    #[must_use]
    pub fn backwards(mut self) -> Rows<'a> {
        assert!(self.state == State::Unbegun, "the direction is chosen before the first row");
        self.backwards = true;
        self
    }

    fn begin(&mut self) {
        if self.backwards {
            self.rows.seek_to_last();
        } else {
            self.rows.seek_to_first();
        }
        self.state = State::Running;
    }

    fn status(&self) -> Result<(), Error> {
        self.rows.status().map_err(|cause| Error::read("reading rows of views", cause))
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.state {
            State::Ended => return None,
            State::Unbegun => self.begin(),
            State::Running if self.backwards => self.rows.prev(),
            State::Running => self.rows.next(),
        }
        if let Some((key, value)) = self.rows.item() {
            return Some(Ok(Row { key: key[1..].to_vec(), value: value.to_vec() }));
        }
        self.state = State::Ended;
        self.status().err().map(Err)
    }
}

impl FusedIterator for Rows<'_> {}

/// Bounds of a scan: never outside the table.
pub(super) fn bounds(table: u8, from: &[u8], to: &[u8]) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_iterate_lower_bound(keys::row(table, from));
    if !to.is_empty() {
        options.set_iterate_upper_bound(keys::row(table, to));
    } else if let Some(next) = table.checked_add(1) {
        options.set_iterate_upper_bound([next]);
    }
    options
}
