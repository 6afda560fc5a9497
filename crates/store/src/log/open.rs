//! Creating and opening a log: all the reasons not to.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::Duration;

use rocksdb::{DB, WriteBatch};

use crate::ids::Ids;
use crate::ring::Ring;
use crate::stored::decode;
use crate::tuning::{self, Mode};
use crate::witness::{self, Keeper};
use crate::{Error, Head, Options, WitnessCheck, keys};

use super::{Log, Writer, torn};

impl Log {
    /// Creates an empty log in `dir`, which must be empty or missing, and its witness. With the check `CatchUp` the witness of a log
    /// that was lost stays: what is imported must lead to what it saw.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] when something is there; [`Error::BehindWitness`] when nothing is there but a witness remembers a log;
    /// [`Error::InUse`]; [`Error::Fatal`] when the disk refuses.
    pub fn create(dir: &Path, options: &Options) -> Result<Log, Error> {
        let making = |cause| Error::file("creating the directory of the log", dir, &cause);
        fs::create_dir_all(dir).map_err(making)?;
        if fs::read_dir(dir).map_err(making)?.next().is_some() {
            return Err(Error::NotEmpty { dir: dir.to_path_buf() });
        }
        let path = options.witness_path(dir);
        let seen = match options.witness_check {
            WitnessCheck::Reset => None,
            _ => witness::read(&path)?.filter(|seen| seen.sequence > 0),
        };
        match seen {
            None => witness::create(&path, Head::EMPTY)?,
            Some(_) if options.witness_check == WitnessCheck::CatchUp => {}
            Some(seen) => return Err(Error::BehindWitness { head: Head::EMPTY, witness: seen, path }),
        }
        let db = tuning::open_log(dir, options, Mode::Create)?;
        let mut batch = WriteBatch::default();
        batch.put(keys::FORMAT, keys::format(keys::LOG_MAGIC, keys::LOG_FORMAT));
        batch.put(keys::HEAD, keys::head(&Head::EMPTY));
        db.write_opt(batch, &tuning::synced())
            // Into a file at once: then a missing format row cannot mean that the write-ahead log was lost.
            .and_then(|()| db.flush())
            .map_err(|cause| Error::write("creating the log", cause))?;
        witness::sync_parent(dir).map_err(making)?;
        Log::with(db, dir, options, Head::EMPTY, Some(seen))
    }

    /// Opens the log in `dir` for writing, and checks its format, its head against its last block, and its head against the witness.
    /// A last commit that a power cut left in part is cut off first, and kept in `DIR.torn`.
    ///
    /// # Errors
    /// [`Error::NoLog`], [`Error::Unfinished`], [`Error::InUse`], [`Error::Format`], [`Error::Corrupt`]; as [`Options::witness_check`] says,
    /// [`Error::NoWitness`], [`Error::BehindWitness`] and [`Error::AnotherHistory`]; [`Error::Fatal`] when the disk refuses.
    pub fn open(dir: &Path, options: &Options) -> Result<Log, Error> {
        let (db, head) = match open_checked(dir, options, Mode::Write) {
            Err(Error::Corrupt { .. }) if torn::cut_off(dir, &torn::kept(dir))? => {
                open_checked(dir, options, Mode::Write)?
            }
            opened => opened?,
        };
        let path = options.witness_path(dir);
        let goal = check_witness(&db, head, &path, options.witness_check)?;
        let log = Log::with(db, dir, options, head, Some(goal))?;
        if goal.is_none() {
            log.tell_witness(head);
        }
        Ok(log)
    }

    /// Opens the log in `dir` as it is at this moment, for reading only, also while another process writes it. What is committed later
    /// is not seen; the witness is not checked (see [`Log::witness`]).
    ///
    /// # Errors
    /// [`Error::NoLog`], [`Error::Unfinished`], [`Error::Format`], [`Error::Corrupt`], [`Error::Fatal`] when the disk refuses.
    pub fn open_read_only(dir: &Path, options: &Options) -> Result<Log, Error> {
        // RocksDB reads its list of files first and the write-ahead log after it. What the writer moves from the one to the other in
        // between looks lost, or is not there at all. A second look that finds nothing moved since the first saw both as they belong.
        let mut before = None;
        let mut attempts = 0;
        loop {
            attempts += 1;
            match open_checked(dir, options, Mode::Read) {
                Ok((db, head)) => {
                    let moved = db.get(keys::MOVED).map_err(|cause| Error::read("how far ids were moved", cause))?;
                    if before.as_ref() == Some(&moved) || attempts > READ_ATTEMPTS {
                        return Log::with(db, dir, options, head, None);
                    }
                    before = Some(moved);
                }
                Err(Error::Corrupt { .. } | Error::Fatal { .. }) if attempts < READ_ATTEMPTS => {
                    before = None;
                    // The writer needs a moment to finish what it is moving; on a busy machine, more than one.
                    std::thread::sleep(Duration::from_millis(u64::from(5 * attempts).min(25)));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What the witness file says now; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::NoWitness`] when it cannot be read.
    pub fn witness(&self) -> Result<Option<Head>, Error> {
        witness::read(&self.witness)
    }

    /// `writing`: `None` to read only, else what an import must reach.
    fn with(db: DB, dir: &Path, options: &Options, head: Head, writing: Option<Option<Head>>) -> Result<Log, Error> {
        let witness = options.witness_path(dir);
        let writer = match writing {
            None => None,
            Some(goal) => {
                let keeper = Keeper::start(&witness)?;
                let writer = Writer::new(options.compression, keeper, goal)?;
                Some(Mutex::new(writer))
            }
        };
        let db = Arc::new(db);
        let ids = Ids::open(&db, dir, options, writer.is_some())?;
        Ok(Log {
            writer,
            ids,
            db,
            dir: dir.to_path_buf(),
            witness,
            head: Mutex::new(head),
            grown: Condvar::new(),
            ring: RwLock::new(Ring::new(options.ring_bytes)),
            snapshot_open: AtomicBool::new(false),
        })
    }

    fn tell_witness(&self, head: Head) {
        if let Some(writer) = &self.writer
            && let Ok(writer) = writer.lock()
        {
            writer.keeper.tell(head);
        }
    }
}

/// How often opening for reading only looks again while a writer moves things.
const READ_ATTEMPTS: u32 = 400;

/// Opens the database, checks that it is a log of this format, and that its head is its last block's.
fn open_checked(dir: &Path, options: &Options, mode: Mode) -> Result<(DB, Head), Error> {
    // RocksDB's own mark of a database. Looked for first, since the binding would create the directory.
    if !dir.join("CURRENT").is_file() {
        return Err(Error::NoLog { dir: dir.to_path_buf() });
    }
    let db = tuning::open_log(dir, options, mode)?;
    let reading = |cause| Error::read("the head of the log", cause);
    let format = db.get(keys::FORMAT).map_err(reading)?;
    let known = keys::format(keys::LOG_MAGIC, keys::LOG_FORMAT);
    if format.as_deref() != Some(&known[..]) {
        return Err(match format {
            Some(row) => Error::Format {
                dir: dir.to_path_buf(),
                found: format!("{:?}", String::from_utf8_lossy(&row)),
                known: keys::LOG_FORMAT,
            },
            None => unfinished(dir, options)?,
        });
    }
    let head = db
        .get(keys::HEAD)
        .map_err(reading)?
        .and_then(|row| keys::read_head(&row))
        .ok_or_else(|| Error::corrupt("the head of the log", "its row is missing or too short"))?;
    let last = last_block_head(&db)?;
    if last != head {
        return Err(Error::corrupt(
            "the head of the log",
            format!(
                "it stands at record {} and the last block ends at record {}, or their chains differ",
                head.sequence, last.sequence
            ),
        ));
    }
    Ok((db, head))
}

/// A log without a format row never held a record, unless its witness knows better.
fn unfinished(dir: &Path, options: &Options) -> Result<Error, Error> {
    let path = options.witness_path(dir);
    Ok(match witness::read(&path)? {
        Some(seen) if seen.sequence > 0 => Error::BehindWitness { head: Head::EMPTY, witness: seen, path },
        _ => Error::Unfinished { dir: dir.to_path_buf() },
    })
}

fn last_block_head(db: &DB) -> Result<Head, Error> {
    let Some(blocks) = db.cf_handle(keys::BLOCKS) else { unreachable!("all tables were named at opening") };
    let mut rows = db.raw_iterator_cf_opt(blocks, tuning::long_scan());
    rows.seek_to_last();
    let Some(stored) = rows.value() else {
        rows.status().map_err(|cause| Error::read("reading the last block", cause))?;
        return Ok(Head::EMPTY);
    };
    Ok(decode(stored)?.head())
}

/// Compares a log with its witness. Returns what an import must reach, if anything.
fn check_witness(db: &DB, head: Head, path: &Path, check: WitnessCheck) -> Result<Option<Head>, Error> {
    if check == WitnessCheck::Reset {
        witness::create(path, head)?;
        return Ok(None);
    }
    let Some(seen) = witness::read(path)? else {
        return Err(Error::NoWitness { path: path.to_path_buf(), reason: "it is not there".to_owned() });
    };
    if seen.sequence > head.sequence {
        return match check {
            WitnessCheck::CatchUp => Ok(Some(seen)),
            _ => Err(Error::BehindWitness { head, witness: seen, path: path.to_path_buf() }),
        };
    }
    let chain = super::read::stored_chain_at(db, seen.sequence)?;
    if chain == seen.chain {
        return Ok(None);
    }
    Err(Error::AnotherHistory { sequence: seen.sequence, log: chain, witness: seen.chain, path: path.to_path_buf() })
}
