//! The file beside a place in which a feed keeps its fold, so that a restart folds only what came after. A cache: what is
//! damaged, of another log or version, or ahead of the place is not used, and the log is folded from its beginning.

use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use store::{Head, Log};

/// What the file begins with: four letters and the form of the file.
const MAGIC: &[u8; 8] = b"QFOLD\0\0\x01";
/// Magic, version, sequence, chain.
const HEAD: usize = 8 + 4 + 8 + 32;
/// SHA-256 of all before it ends the file.
const SUM: usize = 32;

/// A kept fold, or the place for one.
pub(super) struct Kept {
    path: PathBuf,
    /// Of the fold: another one's bytes mean something else.
    version: u32,
    /// The record after which the fold was kept last.
    at: u64,
}

impl Kept {
    pub fn beside(place: &Path, version: u32) -> Kept {
        Kept { path: place.with_extension("fold"), version, at: 0 }
    }

    pub fn sequence(&self) -> u64 {
        self.at
    }

    /// The fold and the record after which it stood; nothing where there is none that can be used, which is said.
    ///
    /// Nothing of what came up to `told` needs to be told any more. A fold from behind that would leave out what must be.
    pub fn read(&mut self, log: &Log, told: u64) -> Option<(u64, Vec<u8>)> {
        let file = match fs::read(&self.path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return None,
            Err(cause) => return self.refuse(&cause.to_string()),
        };
        let Some((at, fold)) = parse(&file, self.version) else {
            return self.refuse("it is damaged, or of another version");
        };
        match log.chain_at(at.sequence) {
            Ok(Some(chain)) if chain == at.chain => {}
            Ok(_) => return self.refuse("it is of another log"),
            Err(cause) => return self.refuse(&cause.to_string()),
        }
        if at.sequence > told {
            return self.refuse("it is ahead of what is known to be told");
        }
        Some((at.sequence, fold.to_vec()))
    }

    /// It is used.
    pub fn taken(&mut self, sequence: u64) {
        self.at = sequence;
    }

    pub fn refuse<T>(&self, why: &str) -> Option<T> {
        tracing::warn!(path = %self.path.display(), "the kept fold is not used, the log is folded from its beginning: {why}");
        None
    }

    /// Keeps the fold as it is after a record, whole or not at all. What cannot be kept is folded again, so it stops nobody.
    pub fn write(&mut self, at: Head, fold: &[u8]) {
        // Not again before as much more has come, even if it failed.
        self.at = at.sequence;
        if let Err(cause) = self.try_write(at, fold) {
            tracing::warn!(path = %self.path.display(), "a fold cannot be kept, a restart takes longer: {cause}");
        }
    }

    fn try_write(&self, at: Head, fold: &[u8]) -> io::Result<()> {
        let bytes = file(at, self.version, fold);
        let mut staged = self.path.as_os_str().to_owned();
        staged.push(".new");
        let mut out = File::create(&staged)?;
        out.write_all(&bytes)?;
        out.sync_data()?;
        fs::rename(&staged, &self.path)
    }
}

fn file(at: Head, version: u32, fold: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + fold.len() + SUM);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&version.to_be_bytes());
    bytes.extend_from_slice(&at.sequence.to_be_bytes());
    bytes.extend_from_slice(&at.chain);
    bytes.extend_from_slice(fold);
    let sum: [u8; SUM] = Sha256::digest(&bytes).into();
    bytes.extend_from_slice(&sum);
    bytes
}

fn parse(file: &[u8], version: u32) -> Option<(Head, &[u8])> {
    let (body, sum) = file.split_at_checked(file.len().checked_sub(SUM)?)?;
    let (head, fold) = body.split_at_checked(HEAD)?;
    let whole = <[u8; SUM]>::from(Sha256::digest(body)) == *sum;
    if !whole || head[..8] != MAGIC[..] || head[8..12] != version.to_be_bytes() {
        return None;
    }
    let sequence = u64::from_be_bytes(head[12..20].try_into().ok()?);
    Some((Head { sequence, chain: head[20..].try_into().ok()? }, fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_cut_or_of_another_version_is_no_kept_fold() {
        let at = Head { sequence: 0x0102_0304, chain: [7; 32] };
        for fold in [&b"a fold"[..], b""] {
            let good = file(at, 3, fold);
            assert_eq!(parse(&good, 3), Some((at, fold)));
            assert_eq!(parse(&good, 4), None);
            for place in 0..good.len() {
                let mut bent = good.clone();
                bent[place] ^= 0x10;
                assert_eq!(parse(&bent, 3), None, "byte {place}");
                assert_eq!(parse(&good[..place], 3), None, "cut at {place}");
            }
        }
    }
}
