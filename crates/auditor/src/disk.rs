//! A store as it lies on disk, or a copy of one: RocksDB opened read-only, its tables read as bytes (I13, I14).
//!
//! | database | table | key | row |
//! |---|---|---|---|
//! | log | `default` | `02` | head: sequence `u64`, chain `[32]` |
//! | log | `default` | `03` `kafka/topic/partition` | cursor: 1, next offset `u64`, hash of the last message `[32]`, cluster |
//! | log | `default` | `04` number `u64` | snapshot: 1, version `u32`, head, pieces `u32`, bytes `u64`, digest `[32]` |
//! | log | `blocks` | first sequence | a block, see `chain` |
//! | log | `claims` | first sequence of a block | ids that are not in `ids` yet: each id `[16]`, sequence `u64` |
//! | log | `ids` | id `[16]` | sequence `u64` |
//! | log | `snapshots` | number `u64`, piece `u32` | bytes |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{ColumnFamilyDescriptor, DB, IteratorMode, Options, ReadOptions};
use sha2::{Digest, Sha256};

use crate::chain::{Batch, Hash};
use crate::fault::{Fault, must};
use crate::fold::Fold;
use crate::ids::Key;
use crate::source::{Mark, Source};

const TABLES: [&str; 5] = ["default", "blocks", "claims", "ids", "snapshots"];

/// The log of a data directory, as it was when it was opened: what a server writes meanwhile is not seen.
#[derive(Clone)]
pub struct Disk {
    db: Arc<DB>,
}

pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

pub(crate) fn head(row: &[u8]) -> Option<(u64, Hash)> {
    Some((number(row.get(..8)?)?, row.get(8..40)?.try_into().ok()?))
}

fn damaged(what: &str) -> Fault {
    Fault::violated(crate::Invariant::I14, format!("{what} cannot be read"))
}

/// What RocksDB says of its own files is damage where it says so, else it cannot be told.
pub(crate) fn from_rocksdb(cause: &rocksdb::Error) -> Fault {
    match cause.kind() {
        rocksdb::ErrorKind::Corruption => Fault::violated(crate::Invariant::I10, format!("the store: {cause}")),
        _ => Fault::unknown(format!("the store: {cause}")),
    }
}

pub(crate) fn scan() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_verify_checksums(true);
    options.fill_cache(false);
    options.set_readahead_size(2 << 20);
    options.set_total_order_seek(true);
    options
}

impl Disk {
    /// Opens the log in a directory, or in its subdirectory `log`. Nothing is written.
    pub fn open(dir: &Path) -> Result<Disk, Fault> {
        let dir = log_dir(dir);
        if !dir.join("CURRENT").is_file() {
            return Err(Fault::unknown(format!("there is no log in {}", dir.display())));
        }
        let mut options = Options::default();
        options.set_paranoid_checks(true);
        // As the log is written. RocksDB then knows of write-ahead logs that were closed and synced; that the newest one is cut or gone it
        // tells in no way (test `recovery_modes` of the store): only the witness does. (Off, RocksDB 11.8 would have to write that it is
        // off, and opened read-only it crashes over that.)
        options.set_track_and_verify_wals_in_manifest(true);
        // And a damaged record in the middle is one, only a torn last record is not.
        options.set_wal_recovery_mode(rocksdb::DBRecoveryMode::TolerateCorruptedTailRecords);
        let tables = TABLES.map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
        let db =
            DB::open_cf_descriptors_read_only(&options, &dir, tables, false).map_err(|cause| from_rocksdb(&cause))?;
        Ok(Disk { db: Arc::new(db) })
    }

    fn rows(&self, table: &str, mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        let Some(handle) = self.db.cf_handle(table) else { return Err(damaged("a table")) };
        let mut rows = self.db.raw_iterator_cf_opt(handle, scan());
        rows.seek_to_first();
        while let Some((key, value)) = rows.item() {
            visit(key, value)?;
            rows.next();
        }
        rows.status().map_err(|cause| from_rocksdb(&cause))
    }

    /// The head row.
    pub fn head(&self) -> Result<(u64, Hash), Fault> {
        let row = self.db.get([2]).map_err(|cause| from_rocksdb(&cause))?;
        row.as_deref().and_then(head).ok_or_else(|| damaged("the head"))
    }

    /// Where snapshots stand.
    pub fn marks(&self) -> Result<Vec<Mark>, Fault> {
        let mut marks = Vec::new();
        self.rows("default", |key, row| {
            if key.first() == Some(&4) {
                let place = row.get(5..45).and_then(head).ok_or_else(|| damaged("the manifest of a snapshot"))?;
                marks.push(Mark { who: "a snapshot".to_owned(), sequence: place.0, chain: place.1 });
            }
            Ok(())
        })?;
        Ok(marks)
    }

    /// What the tables besides the blocks say, held against the fold of all records.
    pub fn check(&self, fold: &Fold) -> Result<(), Fault> {
        self.cursors(fold)?;
        self.ids(fold)?;
        self.snapshots()
    }

    fn cursors(&self, fold: &Fold) -> Result<(), Fault> {
        let mut seen = 0;
        self.rows("default", |key, row| {
            let Some((3, name)) = key.split_first() else { return Ok(()) };
            let name = String::from_utf8_lossy(name).into_owned();
            let place = name.strip_prefix("kafka/").and_then(|rest| rest.rsplit_once('/'));
            let place = place.and_then(|(topic, partition)| Some((topic.to_owned(), partition.parse().ok()?)));
            let taken = place.and_then(|place: (String, u32)| fold.sources.get(&place));
            let Some(taken) = taken else {
                return Err(Fault::violated(
                    crate::Invariant::I14,
                    format!("cursor {name} stands where no record came from"),
                ));
            };
            let next = row.get(1..9).and_then(number).ok_or_else(|| damaged("a cursor"))?;
            must!(
                I14,
                next == taken.offset.wrapping_add(1),
                "cursor {name} stands at {next}, the last record came from {}",
                taken.offset
            );
            let hash: &[u8] = match &taken.message {
                Ok(message) => &Sha256::digest(message),
                Err(hash) => hash,
            };
            must!(I14, row.get(9..41) == Some(hash), "cursor {name} knows another last message than the records");
            seen += 1;
            Ok(())
        })?;
        must!(I14, seen == fold.sources.len(), "{seen} cursors of {} sources", fold.sources.len());
        Ok(())
    }

    fn ids(&self, fold: &Fold) -> Result<(), Fault> {
        // A claim that has not been moved yet stands for the row of its id, the later one for the earlier.
        let mut unmoved: BTreeMap<Key, u64> = BTreeMap::new();
        self.rows("claims", |_, row| {
            for claim in row.chunks(24) {
                let id = claim.get(..16).and_then(|id| id.try_into().ok()).ok_or_else(|| damaged("a claim"))?;
                unmoved.insert(id, claim.get(16..).and_then(number).ok_or_else(|| damaged("a claim"))?);
            }
            Ok(())
        })?;
        let compare = |ids: &[(Key, u64)]| {
            for (id, sequence) in ids {
                let said = fold.first.ids.by_key.get(id).copied();
                let same = said == Some(*sequence);
                must!(I13, same, "id {} leads to record {sequence}, by the records to {said:?}", crate::hex(id));
            }
            Ok(())
        };
        // Several at once: the memory looks up one while it waits for another.
        let (mut seen, mut waiting) = (unmoved.len(), Vec::new());
        self.rows("ids", |id, row| {
            let id: Key = id.try_into().map_err(|_| damaged("an id"))?;
            if unmoved.contains_key(&id) {
                return Ok(());
            }
            seen += 1;
            waiting.push((id, number(row).ok_or_else(|| damaged("an id's row"))?));
            if waiting.len() == 1 << 10 {
                compare(&waiting)?;
                waiting.clear();
            }
            Ok(())
        })?;
        waiting.extend(unmoved);
        compare(&waiting)?;
        must!(
            I13,
            seen == fold.first.ids.by_key.len(),
            "{seen} ids are kept, the records claim {}",
            fold.first.ids.by_key.len()
        );
        Ok(())
    }

    /// The pieces of each snapshot hash to its manifest.
    fn snapshots(&self) -> Result<(), Fault> {
        let mut found: BTreeMap<u64, (u32, u64, Sha256)> = BTreeMap::new();
        self.rows("snapshots", |key, piece| {
            let name = || Some((number(key.get(..8)?)?, u32::from_be_bytes(key.get(8..)?.try_into().ok()?)));
            let (snapshot, index) = name().ok_or_else(|| damaged("a piece of a snapshot"))?;
            let (pieces, bytes, digest) = found.entry(snapshot).or_default();
            must!(I11, index == *pieces, "piece {pieces} of snapshot {snapshot} is not there");
            (*pieces, *bytes) = (*pieces + 1, *bytes + piece.len() as u64);
            digest.update((piece.len() as u64).to_be_bytes());
            digest.update(piece);
            Ok(())
        })?;
        self.rows("default", |key, row| {
            let Some((4, snapshot)) = key.split_first() else { return Ok(()) };
            let snapshot = number(snapshot).ok_or_else(|| damaged("a manifest"))?;
            let (pieces, bytes, digest) = found.remove(&snapshot).unwrap_or_default();
            let digest: Hash = digest.finalize().into();
            let mut own = pieces.to_be_bytes().to_vec();
            own.extend(bytes.to_be_bytes());
            own.extend(digest);
            must!(I11, row.get(45..) == Some(&own[..]), "snapshot {snapshot} is not what its manifest says");
            Ok(())
        })
    }
}

impl Source for Disk {
    fn each(&mut self, take: &mut dyn FnMut(Batch) -> Result<bool, Fault>) -> Result<(), Fault> {
        let Some(handle) = self.db.cf_handle("blocks") else { return Err(damaged("the table of blocks")) };
        for row in self.db.iterator_cf_opt(handle, scan(), IteratorMode::Start) {
            let (key, stored) = row.map_err(|cause| from_rocksdb(&cause))?;
            let batch = Batch::unpack(&stored)?;
            must!(I10, number(&key) == Some(batch.first), "block {} lies in the place of another", batch.first);
            if !take(batch)? {
                break;
            }
        }
        Ok(())
    }
}

/// The directory of the log in a data directory; one that is itself a log is taken as well.
#[must_use]
pub fn log_dir(data: &Path) -> PathBuf {
    let inside = data.join("log");
    if inside.is_dir() || !data.join("CURRENT").is_file() { inside } else { data.to_path_buf() }
}
