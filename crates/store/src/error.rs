//! What can go wrong below, in a form that tells the reader what to do next.

use std::path::{Path, PathBuf};

use crate::{Hash, Head};

/// Every error of this crate.
///
/// Only [`Error::is_fatal`] matters to a running shard: after such an error nobody knows what is on disk, so the process stops
/// and the next start finds out. The others come from opening, or from reading.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory is missing or holds no log. An empty ledger is never made by accident.
    #[error(
        "there is no log in {}: check the path, restore the directory from a backup, or create a new log on purpose", dir.display()
    )]
    NoLog {
        /// Where the log was expected.
        dir: PathBuf,
    },

    /// A database is there, but the creation of the log in it never came to its end, so it never held a record.
    #[error(
        "the creation of the log in {} was cut short: it never held a record, so delete the directory and create it again", dir.display()
    )]
    Unfinished {
        /// The directory.
        dir: PathBuf,
    },

    /// A log was to be created where something already is.
    #[error(
        "{} is not empty, so no log is created there: open the log it holds, or choose an empty directory", dir.display()
    )]
    NotEmpty {
        /// The directory that was to be used.
        dir: PathBuf,
    },

    /// Another process (or another handle in this one) has the directory.
    #[error(
        "{} is in use by another process: stop that one first, or open it read-only", dir.display()
    )]
    InUse {
        /// The directory both want.
        dir: PathBuf,
    },

    /// The directory was written by another release, or by something else.
    #[error(
        "{} has format {found} and this program reads format {known}: use the release that wrote it, or migrate it", dir.display()
    )]
    Format {
        /// The directory.
        dir: PathBuf,
        /// What its format row says.
        found: String,
        /// The format this program reads and writes.
        known: u16,
    },

    /// Stored bytes are not what was written.
    #[error(
        "{what} is damaged: {detail}; nothing was changed: keep a copy of the directory as it is, then restore it from a backup \
         and let the source bring it up to date"
    )]
    Corrupt {
        /// Which thing, for example `block 4711`.
        what: String,
        /// How it shows.
        detail: String,
    },

    /// The log is older than what its witness saw: its end was lost, or an old copy was put back.
    #[error(
        "the log ends at record {} but the witness {} saw record {}: records that were acknowledged are missing here; put the \
         newest copy of the log back, or open it with the witness check `catch-up` to import the missing records from where they \
         were published, or, to accept the loss, with `reset`",
        head.sequence, path.display(), witness.sequence
    )]
    BehindWitness {
        /// Where the log ends.
        head: Head,
        /// Where the witness says it must at least end.
        witness: Head,
        /// The witness file.
        path: PathBuf,
    },

    /// The log and the witness know the same record by different hashes.
    #[error(
        "the witness {} saw record {sequence} with chain {} but this log has {}: these are two different histories; find out which \
         is right before you open either for writing (`reset` takes this log's)",
        path.display(), short(witness), short(log)
    )]
    AnotherHistory {
        /// The record both know.
        sequence: u64,
        /// Chain after it as the log has it.
        log: Hash,
        /// Chain after it as the witness saw it.
        witness: Hash,
        /// The witness file.
        path: PathBuf,
    },

    /// The witness file is missing or unreadable, so a lost end of the log could not be noticed.
    #[error(
        "the witness {} cannot be used ({reason}), so nobody can tell whether this log is complete; put the file back, or, if this \
         log is a restored backup that you trust, open it with the witness check `reset`",
        path.display()
    )]
    NoWitness {
        /// The witness file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A write or a sync failed. The process must stop: what is on disk is known only after a new start.
    #[error("{doing} failed: {cause}; {}", advice(*disk_full))]
    Fatal {
        /// What was being done.
        doing: &'static str,
        /// What the machine answered.
        cause: String,
        /// The disk has no space left.
        disk_full: bool,
    },

    /// A read failed.
    #[error("{doing} failed: {cause}; look at the disk and the system log")]
    Read {
        /// What was being done.
        doing: &'static str,
        /// What the machine answered.
        cause: String,
    },

    /// A write to a log that was opened for reading.
    #[error("the log in {} was opened read-only: open it for writing", dir.display())]
    ReadOnly {
        /// The directory.
        dir: PathBuf,
    },
}

impl Error {
    /// Whether the process must stop now: a write or a sync failed, and nobody knows what reached the disk.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Error::Fatal { .. })
    }

    /// Whether the disk had no space left.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Error::Fatal { disk_full: true, .. })
    }

    pub(crate) fn corrupt(what: impl Into<String>, detail: impl Into<String>) -> Error {
        Error::Corrupt { what: what.into(), detail: detail.into() }
    }

    /// A failed write or sync of RocksDB.
    pub(crate) fn write(doing: &'static str, cause: rocksdb::Error) -> Error {
        let cause = cause.into_string();
        // RocksDB gives errors as text only; this is the text of its NoSpace status, and of the system's own ENOSPC.
        let disk_full = cause.contains("No space left on device");
        Error::Fatal { doing, cause, disk_full }
    }

    /// A failed read of RocksDB.
    pub(crate) fn read(doing: &'static str, cause: rocksdb::Error) -> Error {
        match cause.kind() {
            rocksdb::ErrorKind::Corruption => Error::corrupt(doing, cause.into_string()),
            _ => Error::Read { doing, cause: cause.into_string() },
        }
    }

    /// A failed file operation that was not part of a commit.
    pub(crate) fn file(doing: &'static str, path: &Path, cause: &std::io::Error) -> Error {
        let disk_full = cause.kind() == std::io::ErrorKind::StorageFull;
        let cause = format!("{}: {cause}", path.display());
        Error::Fatal { doing, cause, disk_full }
    }

    /// A failed opening of the RocksDB in `dir`.
    pub(crate) fn open(dir: &Path, cause: rocksdb::Error) -> Error {
        let kind = cause.kind();
        let text = cause.into_string();
        if text.contains("lock hold by current process") || text.contains("While lock file") {
            return Error::InUse { dir: dir.to_path_buf() };
        }
        match kind {
            rocksdb::ErrorKind::InvalidArgument if text.contains("olumn family not found") => {
                Error::Unfinished { dir: dir.to_path_buf() }
            }
            rocksdb::ErrorKind::Corruption => Error::corrupt(format!("the database in {}", dir.display()), text),
            _ => Error::Fatal {
                doing: "opening the database",
                disk_full: text.contains("No space left on device"),
                cause: text,
            },
        }
    }
}

fn advice(disk_full: bool) -> &'static str {
    if disk_full {
        "the disk is full: free some space and start again; what was acknowledged is safe"
    } else {
        "the process must stop; look at the disk and the system log, then start again: what was acknowledged is safe"
    }
}

/// The first eight bytes in hex: enough to compare by eye.
fn short(hash: &Hash) -> String {
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_so() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = Error::file("writing the witness", Path::new("/x"), &full);
        assert!(error.is_fatal() && error.is_disk_full());
        assert!(error.to_string().contains("free some space"));
    }

    #[test]
    fn falling_behind_says_what_to_do() {
        let witness = Head { sequence: 9, chain: [1; 32] };
        let text = Error::BehindWitness { head: Head::EMPTY, witness, path: "w".into() }.to_string();
        assert!(text.contains("record 9") && text.contains("catch-up"));
    }
}
