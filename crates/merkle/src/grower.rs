//! The hashes a tree is made of, in files that only grow, and the proofs made from them.
//!
//! `level-0` holds the hash of every entry, 32 bytes each; `level-1` the root of every 256 of them that are full, `level-2` of every 256 of
//! those, and so on: 32.2 bytes an entry. What lies between is computed when asked for, at most 255 hashes for each of the four or so
//! levels of a large tree. The files are a cache: delete them, and they are made again from the log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::proof::{Kind, Proof};
use crate::{Hash, Wrong, tree, wrong};

/// One of `level-1` stands over so many of `level-0`: 2⁸.
const FAN_BITS: u32 = 8;
const FAN: usize = 1 << FAN_BITS;
const LEVELS: usize = 5;
/// Hashes that are kept in memory before they are written.
const PENDING: usize = 1 << 15;

/// A tree that grows.
pub struct Grower {
    dir: PathBuf,
    levels: Vec<Level>,
}

struct Level {
    file: File,
    written: u64,
    pending: Vec<Hash>,
}

impl Level {
    fn len(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(self.pending.as_flattened(), self.written * 32)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    fn read(&self, from: u64, count: usize) -> io::Result<Vec<Hash>> {
        let mut hashes = vec![[0; 32]; count];
        let stored = self.written.saturating_sub(from).min(count as u64) as usize;
        self.file.read_exact_at(hashes[..stored].as_flattened_mut(), from * 32)?;
        let kept = (from + stored as u64).saturating_sub(self.written) as usize;
        hashes[stored..].copy_from_slice(&self.pending[kept..kept + count - stored]);
        Ok(hashes)
    }
}

impl Grower {
    /// Opens the tree in a directory, or begins one. One process at a time: the directory is locked.
    ///
    /// # Errors
    /// When the directory cannot be used, or another process does.
    pub fn open(dir: &Path) -> io::Result<Grower> {
        fs::create_dir_all(dir)?;
        let mut levels = Vec::new();
        for level in 0..LEVELS {
            let path = dir.join(format!("level-{level}"));
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
            if level == 0 {
                file.try_lock().map_err(|_| io::Error::other("another process uses the tree"))?;
            }
            let written = file.metadata()?.len() / 32;
            levels.push(Level { file, written, pending: Vec::new() });
        }
        // A crash may have left one file behind another: each has what the one below it says, and no more.
        let mut grower = Grower { dir: dir.to_owned(), levels };
        for level in 1..LEVELS {
            let full = grower.levels[level - 1].written >> FAN_BITS;
            let own = &mut grower.levels[level];
            own.written = own.written.min(full);
            while grower.levels[level].len() < full {
                let next = grower.levels[level].len();
                let root = grower.levels[level - 1].read(next << FAN_BITS, FAN).map(reduce)?;
                grower.levels[level].pending.push(root);
            }
            grower.levels[level].flush()?;
        }
        Ok(grower)
    }

    /// Entries it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels[0].len()
    }

    /// Where it lies.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends the hash of the next entry.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn push(&mut self, leaf: Hash) -> io::Result<()> {
        let mut hash = leaf;
        for level in 0..LEVELS {
            self.levels[level].pending.push(hash);
            let len = self.levels[level].len();
            if !len.is_multiple_of(FAN as u64) || level + 1 == LEVELS {
                break;
            }
            hash = self.levels[level].read(len - FAN as u64, FAN).map(reduce)?;
        }
        if self.levels[0].pending.len() >= PENDING {
            self.flush()?;
        }
        Ok(())
    }

    /// The hash of an entry, by its sequence from 1; `None` when it has none such.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn leaf(&self, sequence: u64) -> io::Result<Option<Hash>> {
        if sequence == 0 || sequence > self.size() {
            return Ok(None);
        }
        self.levels[0].read(sequence - 1, 1).map(|hashes| hashes.first().copied())
    }

    /// Writes what is in memory, the lower levels first.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn flush(&mut self) -> io::Result<()> {
        for level in &mut self.levels {
            level.flush()?;
            level.file.flush()?;
        }
        self.levels.iter().try_for_each(|level| level.file.sync_data())
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn clear(&mut self) -> io::Result<()> {
        for level in &mut self.levels {
            level.file.set_len(0)?;
            (level.written, level.pending) = (0, Vec::new());
        }
        Ok(())
    }

    /// The root over the first entries.
    ///
    /// # Errors
    /// When there are fewer, or the files cannot be read.
    pub fn root(&self, size: u64) -> Result<Hash, Wrong> {
        self.reaches(size)?;
        if size == 0 { Ok(tree::empty()) } else { self.over(0, size).map_err(|cause| wrong(cause.to_string())) }
    }

    /// Proves that the record of this sequence, from 1, is among the first `size`.
    ///
    /// # Errors
    /// When it is not, or the files cannot be read.
    pub fn inclusion(&self, sequence: u64, size: u64) -> Result<Proof, Wrong> {
        self.reaches(size)?;
        if sequence == 0 || sequence > size {
            return Err(wrong(format!("there is no record {sequence} among {size}")));
        }
        let (index, mut low, mut high, mut path) = (sequence - 1, 0, size, Vec::new());
        while high - low > 1 {
            let middle = low + split(high - low);
            let (other, rest) =
                if index < middle { ((middle, high), (low, middle)) } else { ((low, middle), (middle, high)) };
            path.push(self.over(other.0, other.1).map_err(|cause| wrong(cause.to_string()))?);
            (low, high) = rest;
        }
        path.reverse();
        Ok(Proof { kind: Kind::Inclusion(sequence), size, path })
    }

    /// Proves that the tree of `size` entries goes on from the tree of the first `first`.
    ///
    /// # Errors
    /// When there are fewer, or the files cannot be read.
    pub fn consistency(&self, first: u64, size: u64) -> Result<Proof, Wrong> {
        self.reaches(size)?;
        if first == 0 || first > size {
            return Err(wrong(format!("{size} records do not go on from {first}")));
        }
        let (mut low, mut high, mut path, mut whole) = (0, size, Vec::new(), true);
        let read = |low, high| self.over(low, high).map_err(|cause| wrong(cause.to_string()));
        while first != high {
            let middle = low + split(high - low);
            if first <= middle {
                path.push(read(middle, high)?);
                high = middle;
            } else {
                path.push(read(low, middle)?);
                (low, whole) = (middle, false);
            }
        }
        if !whole {
            path.push(read(low, high)?);
        }
        path.reverse();
        Ok(Proof { kind: Kind::Consistency(first), size, path })
    }

    fn reaches(&self, size: u64) -> Result<(), Wrong> {
        match size <= self.size() {
            true => Ok(()),
            false => Err(wrong(format!("the tree has {} records, not {size}", self.size()))),
        }
    }

    /// The root over the entries from `low` to before `high`.
    fn over(&self, low: u64, high: u64) -> io::Result<Hash> {
        let count = high - low;
        if count.is_power_of_two() && low.is_multiple_of(count) {
            let bits = count.trailing_zeros();
            let level = ((bits / FAN_BITS) as usize).min(LEVELS - 1);
            let below = FAN_BITS * level as u32;
            return self.levels[level].read(low >> below, 1 << (bits - below)).map(reduce);
        }
        let middle = low + split(count);
        Ok(tree::node(&self.over(low, middle)?, &self.over(middle, high)?))
    }
}

/// The largest power of two below a number above one.
fn split(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// The root over hashes that are a power of two in number.
fn reduce(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        for at in 0..hashes.len() / 2 {
            hashes[at] = tree::node(&hashes[2 * at], &hashes[2 * at + 1]);
        }
        hashes.truncate(hashes.len() / 2);
    }
    hashes[0]
}
