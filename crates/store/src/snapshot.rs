//! Snapshots: a saved state in pieces, complete only once its manifest is there.
//!
//! A snapshot is a cache. The pieces are written without waiting for the disk; the manifest, which says how many there are and what
//! they hash to, is written last and synced, and whatever the write-ahead log holds before it is then on disk too. Pieces without a
//! manifest are what a crash left; the next snapshot clears them away.

use std::sync::atomic::Ordering;

use rocksdb::{DBRawIterator, ReadOptions, WriteBatch, WriteOptions};
use sha2::{Digest, Sha256};

use crate::keys::Manifest;
use crate::{Error, Hash, Head, Log, keys, tuning};

/// How many snapshots are kept: the newest, and one in case it is damaged.
const KEPT: usize = 2;

impl Log {
    /// Begins a snapshot of the state after the record `at`, written by version `version` of the fold. Readers see it when it is
    /// finished; one that is dropped before leaves no trace.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::Read`].
    ///
    /// # Panics
    /// If another snapshot of this log is being written.
    pub fn snapshot_writer(&self, at: Head, version: u32) -> Result<SnapshotWriter<'_>, Error> {
        self.refuse_if_read_only()?;
        let number = self.last_snapshot_number()? + 1;
        let busy = self.snapshot_open.swap(true, Ordering::AcqRel);
        assert!(!busy, "one snapshot is written at a time");
        Ok(SnapshotWriter {
            log: self,
            unsynced: tuning::unsynced(),
            number,
            at,
            version,
            pieces: 0,
            digest: Digester::default(),
        })
    }

    /// The newest snapshot that is whole and belongs to this log's history, or `None`.
    ///
    /// Every piece is read and hashed before it is offered. One that is damaged, or that is of a history this log does not have, is
    /// passed over with a warning, named in [`Snapshot::skipped`], and the older one is offered.
    ///
    /// # Errors
    /// [`Error::Read`]. Damage is no error here, since the log can do without a snapshot.
    pub fn newest_snapshot(&self) -> Result<Option<Snapshot<'_>>, Error> {
        self.newest_snapshot_through(u64::MAX)
    }

    /// The same of those saved after `sequence` or an earlier record: where a fold up to that record may begin.
    ///
    /// # Errors
    /// As [`Log::newest_snapshot`].
    pub fn newest_snapshot_through(&self, sequence: u64) -> Result<Option<Snapshot<'_>>, Error> {
        let mut skipped = Vec::new();
        for (number, row) in self.manifests()? {
            let snapshot =
                Manifest::from_row(&row).map(|manifest| Snapshot { log: self, number, manifest, skipped: Vec::new() });
            if snapshot.as_ref().is_some_and(|snapshot| snapshot.head().sequence > sequence) {
                continue;
            }
            let verdict = match &snapshot {
                None => Err("its manifest cannot be read".to_owned()),
                Some(snapshot) => snapshot.verify()?,
            };
            match (snapshot, verdict) {
                (Some(snapshot), Ok(())) => {
                    return Ok(Some(Snapshot { skipped, ..snapshot }));
                }
                (_, verdict) => {
                    let reason = verdict.err().unwrap_or_default();
                    tracing::warn!(number, reason, "a snapshot is passed over");
                    skipped.push(DamagedSnapshot { number, reason });
                }
            }
        }
        Ok(None)
    }

    /// Manifests, newest first.
    fn manifests(&self) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let mut options = ReadOptions::default();
        options.set_iterate_range(&keys::MANIFESTS[..]..&keys::MANIFESTS_END[..]);
        let mut rows = self.db().raw_iterator_opt(options);
        let mut found = Vec::new();
        rows.seek_to_last();
        while let Some((key, row)) = rows.item() {
            found.extend(keys::manifest_number(key).map(|number| (number, row.to_vec())));
            rows.prev();
        }
        rows.status().map_err(|cause| Error::read("reading the manifests of snapshots", cause))?;
        Ok(found)
    }

    /// The highest number that a manifest or a piece has. Numbers are never used twice while anything of the old one may be left.
    fn last_snapshot_number(&self) -> Result<u64, Error> {
        let mut rows = self.db().raw_iterator_cf(self.table(keys::SNAPSHOTS));
        rows.seek_to_last();
        let of_pieces = rows.key().and_then(keys::piece_number).unwrap_or(0);
        rows.status().map_err(|cause| Error::read("looking for snapshots", cause))?;
        let of_manifests = self.manifests()?.first().map_or(0, |(number, _)| *number);
        Ok(of_pieces.max(of_manifests))
    }

    /// Removes all snapshots but the newest, and pieces that no manifest names.
    fn clear_old_snapshots(&self) -> Result<(), Error> {
        let manifests = self.manifests()?;
        let (kept, old) = manifests.split_at(manifests.len().min(KEPT));
        let write = |batch| {
            self.db()
                .write_opt(batch, &tuning::unsynced())
                .map_err(|cause| Error::write("removing old snapshots", cause))
        };
        // Manifests first: pieces that lack one are cleared again later, a manifest that lacks pieces would look like damage.
        let mut batch = WriteBatch::default();
        for (number, _) in old {
            batch.delete(keys::manifest(*number));
        }
        write(batch)?;

        let table = self.table(keys::SNAPSHOTS);
        let mut batch = WriteBatch::default();
        let mut rows = self.db().raw_iterator_cf_opt(table, tuning::long_scan());
        rows.seek_to_first();
        while let Some(key) = rows.key() {
            let number = keys::piece_number(key).unwrap_or(0);
            if kept.iter().any(|(kept, _)| *kept == number) {
                // Skip a kept snapshot's pieces at once.
                rows.seek(keys::piece(number + 1, 0));
            } else {
                batch.delete_cf(table, key);
                rows.next();
            }
        }
        rows.status().map_err(|cause| Error::read("looking for old snapshots", cause))?;
        write(batch)
    }
}

/// Writes one snapshot, piece by piece.
pub struct SnapshotWriter<'a> {
    log: &'a Log,
    unsynced: WriteOptions,
    number: u64,
    at: Head,
    version: u32,
    pieces: u32,
    digest: Digester,
}

impl SnapshotWriter<'_> {
    /// Writes the next piece. Pieces of about a MiB are best: each is one row, and between two of them the writer of the log has its turn.
    ///
    /// # Errors
    /// [`Error::Fatal`] when the write failed: the process must stop.
    ///
    /// # Panics
    /// Beyond 2³² pieces.
    pub fn put(&mut self, piece: &[u8]) -> Result<(), Error> {
        let mut batch = WriteBatch::with_capacity_bytes(piece.len() + 64);
        let key = keys::piece(self.number, self.pieces);
        batch.put_cf(self.log.table(keys::SNAPSHOTS), key, piece);
        self.log
            .db()
            .write_opt(batch, &self.unsynced)
            .map_err(|cause| Error::write("writing a piece of a snapshot", cause))?;
        self.digest.piece(piece);
        assert!(self.pieces < u32::MAX, "a snapshot in larger pieces");
        self.pieces += 1;
        Ok(())
    }

    /// Bytes written so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.digest.bytes
    }

    /// Writes the manifest, waits for the disk, and removes all older snapshots but one.
    ///
    /// # Errors
    /// [`Error::Fatal`] when the write failed: the process must stop. [`Error::Read`].
    pub fn finish(self) -> Result<(), Error> {
        let digest = self.digest.clone();
        let manifest = Manifest {
            version: self.version,
            head: self.at,
            pieces: self.pieces,
            bytes: digest.bytes,
            digest: digest.sha.finalize().into(),
        };
        let mut batch = WriteBatch::default();
        batch.put(keys::manifest(self.number), manifest.to_row());
        self.log
            .db()
            .write_opt(batch, &tuning::synced())
            .map_err(|cause| Error::write("writing the manifest of a snapshot", cause))?;
        self.log.clear_old_snapshots()
    }
}

impl Drop for SnapshotWriter<'_> {
    fn drop(&mut self) {
        self.log.snapshot_open.store(false, Ordering::Release);
    }
}

/// A snapshot that was passed over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DamagedSnapshot {
    /// Its number; snapshots are numbered as they are made.
    pub number: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// A snapshot that was read and found whole.
pub struct Snapshot<'a> {
    log: &'a Log,
    number: u64,
    manifest: Manifest,
    skipped: Vec<DamagedSnapshot>,
}

impl<'a> Snapshot<'a> {
    /// The record after which the state was saved.
    #[must_use]
    pub fn head(&self) -> Head {
        self.manifest.head
    }

    /// Version of the fold that wrote it.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.manifest.version
    }

    /// Bytes of all pieces.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.manifest.bytes
    }

    /// Newer snapshots that were passed over, and why.
    #[must_use]
    pub fn skipped(&self) -> &[DamagedSnapshot] {
        &self.skipped
    }

    /// The pieces in the order they were written. Each is hashed again; the last item is an error if they are not what the manifest says.
    #[must_use]
    pub fn pieces(&self) -> Pieces<'a> {
        let mut options = tuning::long_scan();
        options.set_iterate_range(keys::piece(self.number, 0)..keys::piece(self.number + 1, 0));
        let table = self.log.table(keys::SNAPSHOTS);
        let mut rows = self.log.db().raw_iterator_cf_opt(table, options);
        rows.seek_to_first();
        Pieces { rows, number: self.number, manifest: self.manifest, next: 0, digest: Digester::default(), done: false }
    }

    /// Whether it is whole and of this log's history; else why not.
    fn verify(&self) -> Result<Result<(), String>, Error> {
        let head = self.manifest.head;
        if self.log.chain_at(head.sequence)? != Some(head.chain) {
            return Ok(Err(format!(
                "it stands at record {}, which this log does not have or has with another chain",
                head.sequence
            )));
        }
        for piece in self.pieces() {
            match piece {
                Ok(_) => {}
                Err(Error::Corrupt { detail, .. }) => return Ok(Err(detail)),
                Err(other) => return Err(other),
            }
        }
        Ok(Ok(()))
    }
}

/// The pieces of a snapshot in order, see [`Snapshot::pieces`].
pub struct Pieces<'a> {
    rows: DBRawIterator<'a>,
    number: u64,
    manifest: Manifest,
    next: u32,
    digest: Digester,
    done: bool,
}

impl Pieces<'_> {
    fn read(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let damaged = |detail: String| Error::corrupt(format!("snapshot {}", self.number), detail);
        if let Some((key, piece)) = self.rows.item() {
            if key != keys::piece(self.number, self.next) {
                return Err(damaged(format!("piece {} is not there", self.next)));
            }
            let piece = piece.to_vec();
            self.digest.piece(&piece);
            self.next += 1;
            self.rows.next();
            return Ok(Some(piece));
        }
        self.rows.status().map_err(|cause| Error::read("reading a snapshot", cause))?;
        let digest: Hash = self.digest.sha.clone().finalize().into();
        if self.next != self.manifest.pieces {
            return Err(damaged(format!("{} pieces instead of {}", self.next, self.manifest.pieces)));
        }
        if digest != self.manifest.digest {
            return Err(damaged("its pieces do not hash to its manifest".to_owned()));
        }
        Ok(None)
    }
}

impl Iterator for Pieces<'_> {
    type Item = Result<Vec<u8>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let read = self.read();
        self.done = !matches!(read, Ok(Some(_)));
        read.transpose()
    }
}

/// Hashes pieces with their lengths, so that moving a boundary shows.
#[derive(Clone, Default)]
struct Digester {
    sha: Sha256,
    bytes: u64,
}

impl Digester {
    fn piece(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.sha.update((piece.len() as u64).to_be_bytes());
        self.sha.update(piece);
    }
}
