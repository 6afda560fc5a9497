//! The witness: a tiny file outside the database that remembers how far the log had come.
//!
//! RocksDB cannot tell a log that lost its newest file, or an older copy of the directory, from a log that never had more. The witness
//! can. It is written at most ten times a second by a thread of its own, so a commit never waits for it; what it saw is always on disk
//! before it, so it never runs ahead of a sound log. It may lag by that tenth of a second, and no more is promised.
//!
//! Two slots are written in turn, in place: a torn write spoils one of them, and a full disk cannot stop it.
//!
//! | offset in slot | bytes | |
//! |---|---|---|
//! | 0 | 4 | magic `QWIT` |
//! | 4 | 2 | format, 1 |
//! | 6 | 2 | zero |
//! | 8 | 40 | sequence `u64`, chain `[32]` |
//! | 48 | 16 | first half of the SHA-256 of the 48 bytes before |

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{Error, Head, keys};

const MAGIC: [u8; 4] = *b"QWIT";
const FORMAT: u16 = 1;
const SLOT: usize = 64;
/// The slots lie on different pages, so that one torn write cannot reach both.
const OFFSETS: [u64; 2] = [0, 4096];
const PAUSE: Duration = Duration::from_millis(100);

/// What the witness last saw; `None` when there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Head>, Error> {
    let unusable = |reason: String| Error::NoWitness { path: path.to_path_buf(), reason };
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(unusable(cause.to_string())),
    };
    OFFSETS
        .iter()
        .filter_map(|&offset| bytes.get(offset as usize..)?.get(..SLOT))
        .filter_map(read_slot)
        .max_by_key(|head| head.sequence)
        .map(Some)
        .ok_or_else(|| unusable("neither of its slots can be read".to_owned()))
}

/// Writes a new witness file and makes its name durable.
pub(crate) fn create(path: &Path, head: Head) -> Result<(), Error> {
    let mut staged = path.as_os_str().to_owned();
    staged.push(".new");
    let staged = PathBuf::from(staged);
    let write = || -> io::Result<()> {
        let file = File::create(&staged)?;
        for offset in OFFSETS {
            file.write_all_at(&slot(head), offset)?;
        }
        file.sync_all()?;
        fs::rename(&staged, path)?;
        sync_parent(path)
    };
    write().map_err(|cause| Error::file("creating the witness", path, &cause))
}

/// Makes a new or renamed entry of a directory durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn slot(head: Head) -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    slot[..4].copy_from_slice(&MAGIC);
    slot[4..6].copy_from_slice(&FORMAT.to_be_bytes());
    slot[8..48].copy_from_slice(&keys::head(&head));
    let check: [u8; 32] = Sha256::digest(&slot[..48]).into();
    slot[48..].copy_from_slice(&check[..16]);
    slot
}

fn read_slot(bytes: &[u8]) -> Option<Head> {
    let head = keys::read_head(bytes.get(8..48)?)?;
    (bytes == slot(head)).then_some(head)
}

/// Keeps a witness file up to date until it is dropped; then writes what it was told last.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    unwritten: Option<Head>,
    closing: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one assignment, so a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    /// Starts with an existing witness file.
    pub(crate) fn start(path: &Path) -> Result<Keeper, Error> {
        let failed = |cause| Error::file("opening the witness", path, &cause);
        let file = File::options().write(true).open(path).map_err(failed)?;
        let shared = Arc::new(Shared { state: Mutex::default(), wake: Condvar::new() });
        let (ours, path_of_thread) = (Arc::clone(&shared), path.to_path_buf());
        let thread = std::thread::Builder::new()
            .name("witness".to_owned())
            .spawn(move || keep(&file, &path_of_thread, &ours))
            .map_err(failed)?;
        Ok(Keeper { shared, thread: Some(thread) })
    }

    /// Tells it a head that is durable. Never waits for a disk.
    pub(crate) fn tell(&self, head: Head) {
        let first = self.shared.state().unwritten.replace(head).is_none();
        if first {
            self.shared.wake.notify_one();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.state().closing = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the witness thread had panicked: the witness may lag behind the log");
        }
    }
}

fn keep(file: &File, path: &Path, shared: &Shared) {
    let mut turn = 0;
    let mut failing = false;
    loop {
        let mut state = shared.state();
        while state.unwritten.is_none() && !state.closing {
            state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(head) = state.unwritten.take() else {
            return;
        };
        drop(state);

        turn = 1 - turn;
        let written = file.write_all_at(&slot(head), OFFSETS[turn]).and_then(|()| file.sync_data());
        // A witness that lags makes a lost tail harder to notice, but what is committed is safe: warn once and go on.
        match written {
            Ok(()) => failing = false,
            Err(cause) if !failing => {
                failing = true;
                tracing::error!(path = %path.display(), %cause, "the witness cannot be written");
            }
            Err(_) => {}
        }

        let state = shared.state();
        if !state.closing {
            let _ = shared.wake.wait_timeout_while(state, PAUSE, |state| !state.closing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(sequence: u64) -> Head {
        Head { sequence, chain: [sequence as u8; 32] }
    }

    #[test]
    fn golden_slot() {
        let slot = slot(head(3));
        assert_eq!(slot[..16], *b"QWIT\0\x01\0\0\0\0\0\0\0\0\0\x03");
        assert_eq!(slot[16..48], [3; 32]);
        let check: [u8; 32] = Sha256::digest(&slot[..48]).into();
        assert_eq!(slot[48..], check[..16]);
    }

    #[test]
    fn what_was_told_last_is_there_after_closing() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("w");
        assert_eq!(read(&path).expect("reads"), None);
        create(&path, Head::EMPTY).expect("creates");
        assert_eq!(read(&path).expect("reads"), Some(Head::EMPTY));
        let keeper = Keeper::start(&path).expect("starts");
        for sequence in 1..=50 {
            keeper.tell(head(sequence));
        }
        drop(keeper);
        assert_eq!(read(&path).expect("reads"), Some(head(50)));
    }

    #[test]
    fn one_torn_slot_leaves_the_other() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("w");
        create(&path, head(4)).expect("creates");
        let file = File::options().write(true).open(&path).expect("opens");
        file.write_all_at(&slot(head(5)), OFFSETS[1]).expect("writes");
        assert_eq!(read(&path).expect("reads"), Some(head(5)));
        file.write_all_at(&[0xFF; 20], OFFSETS[1]).expect("writes");
        assert_eq!(read(&path).expect("reads"), Some(head(4)));
        file.write_all_at(&[0xFF; 20], OFFSETS[0]).expect("writes");
        assert!(matches!(read(&path), Err(Error::NoWitness { .. })));
    }
}
