//! Committing a block: everything that belongs to it in one synced batch.

use std::sync::PoisonError;

use rocksdb::{WriteBatch, WriteOptions};

use crate::stored::Encoder;
use crate::witness::Keeper;
use crate::{Block, Error, Head, keys, tuning};

use super::{Cursor, Log};

/// What a commit wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Committed {
    /// The head of the log now.
    pub head: Head,
    /// Bytes of the records, with four for each.
    pub raw_bytes: usize,
    /// Bytes of the block as it is stored.
    pub stored_bytes: usize,
}

/// What only the writing thread uses.
pub(crate) struct Writer {
    pub encoder: Encoder,
    pub synced: WriteOptions,
    pub keeper: Keeper,
    /// A record that the witness saw and this log lacks: the import must meet its hash before the witness moves again.
    pub goal: Option<Head>,
    /// After one failed write nobody knows what is on disk, so there is no second.
    failed: Option<Failure>,
}

impl Log {
    /// Appends a block, with the ids its records claim (16 bytes, sequence) and the new cursors of its sources (name, bytes), in one
    /// batch that is on disk when this returns. A cursor replaces the one of the same name; an id that is already there is overwritten,
    /// so look before you claim.
    ///
    /// # Errors
    /// [`Error::Fatal`] when the write or the sync failed: the process must stop, and every later commit fails too.
    /// [`Error::AnotherHistory`] when an import does not lead to what the witness saw; nothing was written.
    /// [`Error::ReadOnly`].
    ///
    /// # Panics
    /// If the block does not follow the head: its first record must be the next, linked to the head's chain.
    pub fn commit(&self, block: &Block, ids: &[([u8; 16], u64)], cursors: &[Cursor]) -> Result<Committed, Error> {
        self.append(block, None, ids, cursors)
    }

    /// Appends a block that another log committed, its stored bytes kept verbatim; `block` is what [`Block::from_stored`] made of them.
    /// Ids and cursors are those that the other log's commit wrote with it.
    ///
    /// # Errors
    /// As [`Log::commit`].
    ///
    /// # Panics
    /// As [`Log::commit`].
    pub fn import(
        &self,
        block: &Block,
        stored: &[u8],
        ids: &[([u8; 16], u64)],
        cursors: &[Cursor],
    ) -> Result<Committed, Error> {
        self.append(block, Some(stored), ids, cursors)
    }

    fn append(
        &self,
        block: &Block,
        verbatim: Option<&[u8]>,
        ids: &[([u8; 16], u64)],
        cursors: &[Cursor],
    ) -> Result<Committed, Error> {
        let mut writer = self.refuse_if_read_only()?.lock().map_err(|_| Failure::panicked().again())?;
        let writer = &mut *writer;
        if let Some(failure) = &writer.failed {
            return Err(failure.again());
        }
        let head = self.head();
        assert_eq!(block.first(), head.sequence + 1, "a block must begin right after the head");
        assert_eq!(block.prior_chain(), head.chain, "a block must link to the head's chain");
        self.check_goal(writer.goal, block)?;
        if let Err(failure) = self.ids.make_ready() {
            writer.failed = Some(Failure::of(&failure));
            return Err(failure);
        }

        let stored = match verbatim {
            Some(stored) => stored,
            None => writer.encoder.encode(block),
        };
        let stored_bytes = stored.len();
        let mut batch = WriteBatch::with_capacity_bytes(stored_bytes + ids.len() * 24 + 512);
        batch.put_cf(self.blocks(), keys::block(block.first()), stored);
        if !ids.is_empty() {
            let claims = self.table(keys::CLAIMS);
            batch.put_cf(claims, keys::block(block.first()), keys::claims(ids));
        }
        for (name, cursor) in cursors {
            batch.put(keys::cursor(name), cursor);
        }
        let head = block.head();
        batch.put(keys::HEAD, keys::head(&head));
        if let Err(cause) = self.db.write_opt(batch, &writer.synced) {
            let failure = Error::write("committing a block", cause);
            writer.failed = Some(Failure::of(&failure));
            return Err(failure);
        }

        self.ids.claimed(block.first(), ids);
        // First the ring, then the head: who sees the head finds the block.
        self.ring.write().unwrap_or_else(PoisonError::into_inner).push(block.clone());
        *self.lock_head() = head;
        self.grown.notify_all();
        if writer.goal.is_none_or(|goal| goal.sequence <= head.sequence) {
            writer.goal = None;
            writer.keeper.tell(head);
        }
        Ok(Committed { head, raw_bytes: block.byte_len(), stored_bytes })
    }

    /// The witness's record must come out with the hash that the witness saw.
    fn check_goal(&self, goal: Option<Head>, block: &Block) -> Result<(), Error> {
        let Some(goal) = goal else { return Ok(()) };
        match block.chain_at(goal.sequence) {
            Some(chain) if chain != goal.chain => Err(Error::AnotherHistory {
                sequence: goal.sequence,
                log: chain,
                witness: goal.chain,
                path: self.witness.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// The record that an import must still reach, when the log was opened behind its witness with the check `CatchUp`.
    #[must_use]
    pub fn missing_until(&self) -> Option<Head> {
        let writer = self.writer.as_ref()?;
        writer.lock().unwrap_or_else(PoisonError::into_inner).goal
    }

    /// Asks RocksDB whether a flush or a compaction failed in the background. The next commit would fail too; a health check that asks
    /// here knows earlier.
    ///
    /// # Errors
    /// [`Error::Fatal`] when one did: the process must stop.
    pub fn background_error(&self) -> Result<(), Error> {
        let count = self
            .db
            .property_int_value(rocksdb::properties::BACKGROUND_ERRORS)
            .map_err(|cause| Error::read("asking for background errors", cause))?
            .unwrap_or(0);
        if count == 0 {
            return Ok(());
        }
        Err(Error::Fatal {
            doing: "writing files in the background",
            cause: format!("{count} errors, see the file LOG in {}", self.dir.display()),
            disk_full: false,
        })
    }

    /// Rewrites all tables in order, without what was deleted. For a quiet hour; it may take minutes.
    pub fn compact(&self) {
        let everything = None::<&[u8]>;
        self.db.compact_range(everything, everything);
        for table in [keys::BLOCKS, keys::CLAIMS, keys::IDS, keys::SNAPSHOTS] {
            self.db.compact_range_cf(self.table(table), everything, everything);
        }
    }

    /// Makes a copy of the log as it is now in `dir`, which must not exist, while writing goes on. Files are linked where the disk
    /// allows, so it is quick. Only this makes a sound copy of a log in use.
    ///
    /// # Errors
    /// [`Error::Read`] when the copy could not be made; the log itself is not touched and goes on.
    pub fn backup(&self, dir: &std::path::Path) -> Result<(), Error> {
        let failed = |cause| Error::read("making a backup of the log", cause);
        rocksdb::checkpoint::Checkpoint::new(&self.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(dir))
            .map_err(failed)
    }
}

impl Writer {
    pub(super) fn new(level: i32, keeper: Keeper, goal: Option<Head>) -> Result<Writer, Error> {
        Ok(Writer { encoder: Encoder::new(level)?, synced: tuning::synced(), keeper, goal, failed: None })
    }
}

/// Why there is no more commit: what the first failure said, for those who come later.
struct Failure {
    cause: String,
    disk_full: bool,
}

impl Failure {
    fn of(error: &Error) -> Failure {
        Failure { cause: error.to_string(), disk_full: error.is_disk_full() }
    }

    fn panicked() -> Failure {
        Failure { cause: "it panicked".to_owned(), disk_full: false }
    }

    fn again(&self) -> Error {
        Error::Fatal {
            doing: "committing a block after an earlier commit",
            cause: self.cause.clone(),
            disk_full: self.disk_full,
        }
    }
}
