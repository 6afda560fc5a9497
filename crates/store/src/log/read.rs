//! Reading a log: ids, cursors, and blocks that are verified before anyone sees them.

use std::fs;
use std::sync::PoisonError;
use std::time::Duration;

use rocksdb::{DB, DBRawIterator, ReadOptions};

use crate::stored::decode;
use crate::{Block, Error, Hash, chain, keys, tuning};

use super::Log;

/// How long a row that was read waits for the head of its commit: far longer than the moment between the two.
const HEAD_FOLLOWS: Duration = Duration::from_secs(10);

impl Log {
    /// The sequence of the record that claimed an id, or `None`, which is the answer nearly always and costs a look at a filter.
    /// The filter takes an id for what it should be: a hash of 128 bits, each bit as good as another.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    pub fn id(&self, key: &[u8; 16]) -> Result<Option<u64>, Error> {
        self.ids.look_up(key)
    }

    /// The cursor of a source as the last commit left it. Who reads it finds the records it counts below [`Log::head`].
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    pub fn cursor(&self, name: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let row = self.db.get(keys::cursor(name)).map_err(|cause| Error::read("reading a cursor", cause))?;
        self.wait_for_head()?;
        Ok(row)
    }

    /// A commit is visible in RocksDB a moment before its head is told; who read a row of it waits for that moment here.
    fn wait_for_head(&self) -> Result<(), Error> {
        let row = self.db.get(keys::HEAD).map_err(|cause| Error::read("the head of the log", cause))?;
        let stored = row.and_then(|row| keys::read_head(&row)).map_or(0, |head| head.sequence);
        if self.head().sequence < stored {
            // Bounded, so that a writer that died in between does not take its readers with it.
            let _ = self.wait_past(stored - 1, HEAD_FOLLOWS);
        }
        Ok(())
    }

    /// All cursors, ordered by name. Who reads them finds the records they count below [`Log::head`].
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    pub fn cursors(&self) -> Result<Vec<Cursor>, Error> {
        let mut options = ReadOptions::default();
        options.set_iterate_range(&keys::CURSORS[..]..&keys::CURSORS_END[..]);
        let mut rows = self.db.raw_iterator_opt(options);
        rows.seek_to_first();
        let mut cursors = Vec::new();
        while let Some((key, cursor)) = rows.item() {
            cursors.push((key[keys::CURSORS.len()..].to_vec(), cursor.to_vec()));
            rows.next();
        }
        rows.status().map_err(|cause| Error::read("reading the cursors", cause))?;
        self.wait_for_head()?;
        Ok(cursors)
    }

    /// The block that holds a record, from memory if it is recent; `None` beyond the head and for sequence 0.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    pub fn block_holding(&self, sequence: u64) -> Result<Option<Block>, Error> {
        if sequence == 0 || sequence > self.head().sequence {
            return Ok(None);
        }
        let recent = self.ring.read().unwrap_or_else(PoisonError::into_inner).holding(sequence);
        match recent {
            Some(block) => Ok(Some(block)),
            None => stored_block_holding(&self.db, sequence).map(Some),
        }
    }

    /// Whether the block that holds a record is in memory.
    #[must_use]
    pub fn is_recent(&self, sequence: u64) -> bool {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).holding(sequence).is_some()
    }

    /// The bytes of the block that begins at `first` as they are stored, to be published verbatim; [`Block::from_stored`] reads and
    /// verifies them. `None` when no block begins there.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    pub fn stored_block(&self, first: u64) -> Result<Option<Vec<u8>>, Error> {
        self.db.get_cf(self.blocks(), keys::block(first)).map_err(|cause| Error::read("reading a stored block", cause))
    }

    /// The chain after a record, [`chain::ORIGIN`] for sequence 0, `None` beyond the head.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Corrupt`].
    pub fn chain_at(&self, sequence: u64) -> Result<Option<Hash>, Error> {
        if sequence == 0 {
            return Ok(Some(chain::ORIGIN));
        }
        let block = self.block_holding(sequence)?;
        Ok(block.and_then(|block| block.chain_at(sequence)))
    }

    /// All blocks from the one that holds `sequence` (which may begin before it) to the head as it is now, read from disk.
    ///
    /// Each is verified: RocksDB's checksums, its records against its chain, its first record and chain against the block before.
    /// The first error ends the iteration; a log that ends before its head is such an error.
    #[must_use]
    pub fn blocks_from(&self, sequence: u64) -> Blocks<'_> {
        let head = self.head().sequence;
        let mut rows = self.db.raw_iterator_cf_opt(self.blocks(), tuning::long_scan());
        rows.seek_for_prev(keys::block(sequence.max(1)));
        if !rows.valid() && rows.status().is_ok() {
            // Before the first block: the log begins there.
            rows.seek_to_first();
        }
        Blocks { rows, next: None, from: sequence.max(1), head }
    }

    /// Reads every row of every table and compares it with RocksDB's checksums, and every id with the head. Together with
    /// [`Log::blocks_from`], which looks into the blocks, this reads all there is; it takes as long as the disk
    /// needs. What is in the block cache is not read from disk again, so a check of the disk itself wants a process of its own.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for the first damage found, [`Error::Read`].
    pub fn verify_tables(&self) -> Result<(), Error> {
        let tables = [rocksdb::DEFAULT_COLUMN_FAMILY_NAME, keys::BLOCKS, keys::CLAIMS, keys::IDS, keys::SNAPSHOTS];
        for table in tables {
            let handle = self.table(table);
            let mut rows = self.db.raw_iterator_cf_opt(handle, tuning::long_scan());
            rows.seek_to_first();
            // Taken after the iterator, which sees no row that was written later.
            let head = self.head().sequence;
            while let Some((key, row)) = rows.item() {
                let sound = match table {
                    keys::IDS => key.len() == 16 && in_log(keys::read_sequence(row), head),
                    keys::CLAIMS => keys::read_claims(row)
                        .is_some_and(|claims| claims.iter().all(|(_, at)| in_log(Some(*at), head))),
                    _ => true,
                };
                if !sound {
                    return Err(Error::corrupt(
                        format!("the table {table}"),
                        format!("an id names no record up to the head, record {head}"),
                    ));
                }
                rows.next();
            }
            rows.status().map_err(|cause| Error::read("reading all tables", cause))?;
        }
        Ok(())
    }

    /// Bytes on disk and in write buffers.
    #[must_use]
    pub fn estimated_size(&self) -> Sizes {
        let bytes = |table| -> u64 {
            ["rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables"]
                .into_iter()
                .filter_map(|property| self.db.property_int_value_cf(self.table(table), property).ok()?)
                .sum()
        };
        let wal = fs::read_dir(&self.dir)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "log"))
            .filter_map(|entry| Some(entry.metadata().ok()?.len()))
            .sum();
        Sizes {
            blocks: bytes(keys::BLOCKS),
            ids: bytes(keys::IDS) + bytes(keys::CLAIMS),
            snapshots: bytes(keys::SNAPSHOTS),
            other: bytes(rocksdb::DEFAULT_COLUMN_FAMILY_NAME),
            wal,
        }
    }
}

fn in_log(sequence: Option<u64>, head: u64) -> bool {
    sequence.is_some_and(|sequence| (1..=head).contains(&sequence))
}

/// The cursor of a source: its name and its bytes.
pub type Cursor = (Vec<u8>, Vec<u8>);

/// Bytes of a log, by table, each with what is still in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sizes {
    /// Blocks of records.
    pub blocks: u64,
    /// Ids.
    pub ids: u64,
    /// Pieces of snapshots.
    pub snapshots: u64,
    /// Head, cursors, manifests.
    pub other: u64,
    /// The write-ahead log; it holds again what is in memory only.
    pub wal: u64,
}

impl Sizes {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.blocks + self.ids + self.snapshots + self.other + self.wal
    }
}

/// Verified blocks in order, see [`Log::blocks_from`].
pub struct Blocks<'a> {
    rows: DBRawIterator<'a>,
    /// The first record and the prior chain that the next block must have.
    next: Option<(u64, Hash)>,
    from: u64,
    head: u64,
}

impl Blocks<'_> {
    fn read(&mut self) -> Result<Option<Block>, Error> {
        let expected = self.next.map_or(self.from, |(first, _)| first);
        if expected > self.head {
            return Ok(None);
        }
        let Some(stored) = self.rows.value() else {
            self.rows.status().map_err(|cause| Error::read("reading blocks", cause))?;
            return Err(Error::corrupt(
                format!("the log after record {}", expected - 1),
                format!("there is no block, but the head is record {}", self.head),
            ));
        };
        let block = decode(stored)?;
        let follows = match self.next {
            Some((first, prior)) => block.first() == first && block.prior_chain() == prior,
            None => {
                let origin = block.first() > 1 || block.prior_chain() == chain::ORIGIN;
                origin && block.first() <= expected && expected <= block.last()
            }
        };
        let in_place = self.rows.key() == Some(&keys::block(block.first()));
        if !follows || !in_place {
            return Err(Error::corrupt(
                format!("block {}", block.first()),
                format!("it does not follow record {}", expected - 1),
            ));
        }
        self.rows.next();
        self.next = Some((block.last() + 1, block.chain()));
        Ok(Some(block))
    }
}

impl Iterator for Blocks<'_> {
    type Item = Result<Block, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            // Nothing after the first damage can be trusted to follow it.
            self.head = 0;
        }
        read.transpose()
    }
}

/// The chain after a record at or before the head, from the blocks on disk.
pub(super) fn stored_chain_at(db: &DB, sequence: u64) -> Result<Hash, Error> {
    if sequence == 0 {
        return Ok(chain::ORIGIN);
    }
    let block = stored_block_holding(db, sequence)?;
    Ok(block.chain_at(sequence).unwrap_or_default())
}

/// The block that holds a record at or before the head, so it must be there.
fn stored_block_holding(db: &DB, sequence: u64) -> Result<Block, Error> {
    let Some(blocks) = db.cf_handle(keys::BLOCKS) else { unreachable!("all tables were named at opening") };
    let mut rows = db.raw_iterator_cf(blocks);
    rows.seek_for_prev(keys::block(sequence));
    rows.status().map_err(|cause| Error::read("reading a block", cause))?;
    if let Some((key, stored)) = rows.item() {
        let block = decode(stored)?;
        if key == keys::block(block.first()) && block.record(sequence).is_some() {
            return Ok(block);
        }
    }
    Err(Error::corrupt(format!("the log at record {sequence}"), "no block holds it"))
}
