//! Taking over the topic's history where the local log tells another one: what only the log has is moved aside and reported.
//!
//! Nothing is cut out of a log. A new one is made from the topic beside the old, and takes its place when it is whole; the old one
//! stays, under another name.

use super::scan::{Seen, scan};
use super::{RecordsOptions, Rule};
use crate::error::Error;
use engine::{Engine, Options};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use store::{Block, Head, Log, WitnessCheck};

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The last record that both had.
    pub common: u64,
    /// What only the log had: its records, as JSON lines in [`Adopted::tail`].
    pub orphaned: u64,
    /// Where the orphaned records are.
    pub tail: PathBuf,
    /// Where the old log is.
    pub old: PathBuf,
    /// Where the log ends now.
    pub head: Head,
}

/// Replaces a log that has diverged by the topic's history. No engine may run on it. `None`: log and topic agree, nothing was done.
/// `progress` is told how many records of how many were taken over.
///
/// # Errors
/// [`Error::Log`] when the log is in use or cannot be read; what [`scan`] says of the topic; [`Error::File`]. The old log is in its
/// place until the new one is whole.
pub fn adopt(
    options: &RecordsOptions,
    engine: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Option<Adopted>, Error> {
    let dir = &engine.dir;
    // Opened for writing, so that nobody else does meanwhile.
    let strict = store::Options { witness_check: WitnessCheck::CatchUp, ..engine.store.clone() };
    let log = Log::open(dir, &strict).map_err(unreadable)?;
    let (common, topic) = compare(options, &log)?;
    let head = log.head();
    let in_common = log.chain_at(common).map_err(unreadable)?;
    let apart = topic.last.sequence > common && head.sequence > common;
    if !apart || in_common.is_none() {
        return Ok(None);
    }
    let tail = beside(dir, &format!(".orphaned-{}-{}.ndjson", common + 1, head.sequence));
    write_tail(&log, common, &tail)?;

    let fresh = beside(dir, ".adopting");
    let witness = beside(dir, ".adopting.witness");
    remove(&fresh)?;
    let made = make(options, engine, &fresh, &witness, topic.last.sequence, progress)?;
    drop(log);
    let old = beside(dir, &format!(".diverged-at-{}", common + 1));
    let kept = engine.store.witness_path(dir);
    for (from, to) in [(dir, &old), (&fresh, dir), (&witness, &kept)] {
        fs::rename(from, to).map_err(|cause| file(from, &cause))?;
    }
    Ok(Some(Adopted { common, orphaned: head.sequence - common, tail, old, head: made }))
}

/// The last record that log and topic have in common, and where the topic ends.
fn compare(options: &RecordsOptions, log: &Log) -> Result<(u64, Rule), Error> {
    let (mut common, mut apart, mut failed) = (0, false, None);
    let rule = scan(&options.brokers, &options.topic, options.partition, |seen| {
        let Seen::Accepted { block, .. } = seen else { return };
        if apart {
            return;
        }
        // Beyond the end of the log there is nothing to compare.
        let sequence = block.last().min(log.head().sequence);
        if sequence < block.first() {
            return;
        }
        match log.chain_at(sequence) {
            Ok(ours) if ours == block.chain_at(sequence) => common = common.max(sequence),
            Ok(_) => {
                apart = true;
                common = (block.first() - 1..sequence).rev().find(|&at| same(log, &block, at)).unwrap_or(common);
            }
            Err(error) => failed = Some(error),
        }
    })?;
    failed.map_or(Ok((common, rule)), |error| Err(unreadable(error)))
}

fn same(log: &Log, block: &Block, sequence: u64) -> bool {
    log.chain_at(sequence).is_ok_and(|ours| ours.is_some() && ours == block.chain_at(sequence))
}

/// The records after `common`, a line each.
fn write_tail(log: &Log, common: u64, path: &Path) -> Result<(), Error> {
    let failed = |cause: &std::io::Error| file(path, cause);
    let mut out = BufWriter::new(File::create(path).map_err(|cause| failed(&cause))?);
    for block in log.blocks_from(common + 1) {
        let block = block.map_err(unreadable)?;
        for (sequence, bytes) in block.iter().filter(|(sequence, _)| *sequence > common) {
            let line = wire::json::stored_to_json(bytes)
                .map_err(|error| Error::Log { cause: format!("record {sequence} cannot be read: {error}") })?;
            writeln!(out, "{line}").map_err(|cause| failed(&cause))?;
        }
    }
    let out = out.into_inner().map_err(|error| failed(error.error()))?;
    out.sync_all().map_err(|cause| failed(&cause))
}

/// Makes a log of all that the topic has.
fn make(
    options: &RecordsOptions,
    engine: &Options,
    dir: &Path,
    witness: &Path,
    most: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Head, Error> {
    let witness = Some(witness.to_path_buf());
    let store = store::Options { witness, witness_check: WitnessCheck::Reset, ..engine.store.clone() };
    let options_of_engine = Options { dir: dir.to_path_buf(), store, follow: true, create: true, ..engine.clone() };
    let follower = Engine::start(options_of_engine).map_err(|error| Error::Log { cause: error.to_string() })?;
    let replica = follower.replica();
    let mut failed = None;
    let rule = scan(&options.brokers, &options.topic, options.partition, |seen| {
        if let (Seen::Accepted { block, stored, .. }, None) = (seen, &failed) {
            match replica.import(block, stored) {
                Ok(head) => progress(head.sequence, most),
                Err(error) => failed = Some(error),
            }
        }
    })?;
    drop(replica);
    let head = follower.log().head();
    follower.stop().map_err(|error| Error::Log { cause: error.to_string() })?;
    match failed {
        Some(error) => Err(Error::Log { cause: error.to_string() }),
        None if head == rule.last => Ok(head),
        None => {
            Err(Error::Log { cause: format!("only record {} of {} was taken over", head.sequence, rule.last.sequence) })
        }
    }
}

fn remove(dir: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(dir) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(file(dir, &cause)),
        _ => Ok(()),
    }
}

/// A name beside a directory.
fn beside(dir: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(dir);
    name.push(end);
    name.into()
}

fn unreadable(error: store::Error) -> Error {
    Error::Log { cause: error.to_string() }
}

fn file(path: &Path, cause: &std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), cause: cause.to_string() }
}
