//! Proofs as files: at most 1 KB for a log of a trillion records.
//!
//! | bytes | |
//! |---|---|
//! | 4 | `QPRF` |
//! | 1 | format, 1 |
//! | 1 | kind: 1 inclusion, 2 consistency |
//! | 8 | inclusion: the record's sequence, from 1; consistency: records of the earlier log |
//! | 8 | records of the log, or of the later one |
//! | 1 | number of hashes |
//! | 32 each | hashes, from the leaf to the root; numbers are big-endian |

use crate::note::Checkpoint;
use crate::{Hash, Wrong, tree, wrong};

const MAGIC: [u8; 6] = *b"QPRF\x01\0";

/// A proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub kind: Kind,
    /// Records of the log, or of the later one.
    pub size: u64,
    pub path: Vec<Hash>,
}

/// Of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This record, by its sequence from 1, is in the log.
    Inclusion(u64),
    /// The log goes on from one of so many records.
    Consistency(u64),
}

impl Proof {
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, number) = match self.kind {
            Kind::Inclusion(sequence) => (1, sequence),
            Kind::Consistency(first) => (2, first),
        };
        let mut bytes = MAGIC[..5].to_vec();
        bytes.push(kind);
        bytes.extend(number.to_be_bytes());
        bytes.extend(self.size.to_be_bytes());
        bytes.push(self.path.len() as u8);
        bytes.extend(self.path.iter().flatten());
        bytes
    }

    /// Reads a proof.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Proof, Wrong> {
        let cut = || wrong("it is no proof, or cut off");
        let (head, hashes) = bytes.split_first_chunk::<23>().ok_or_else(cut)?;
        let number = |from: usize| head[from..from + 8].iter().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
        if head[..5] != MAGIC[..5] || hashes.len() != 32 * usize::from(head[22]) {
            return Err(cut());
        }
        let kind = match head[5] {
            1 => Kind::Inclusion(number(6)),
            2 => Kind::Consistency(number(6)),
            other => return Err(wrong(format!("a proof of kind {other}"))),
        };
        let (hashes, _) = hashes.as_chunks::<32>();
        Ok(Proof { kind, size: number(14), path: hashes.to_vec() })
    }

    /// Checks that a record is in the log of a checkpoint, at the place the proof says.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check_record(&self, record: &[u8], checkpoint: &Checkpoint) -> Result<u64, Wrong> {
        let Kind::Inclusion(sequence) = self.kind else { return Err(wrong("it is no proof of a record")) };
        if self.size != checkpoint.size {
            return Err(wrong(format!(
                "the proof is for {} records, the checkpoint for {}",
                self.size, checkpoint.size
            )));
        }
        let index = sequence.checked_sub(1).ok_or_else(|| wrong("records are numbered from 1"))?;
        tree::check_inclusion(index, self.size, &tree::leaf(record), &self.path, &checkpoint.root)?;
        Ok(sequence)
    }

    /// Checks that the log of the later checkpoint goes on from that of the earlier.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check_consistency(&self, earlier: &Checkpoint, later: &Checkpoint) -> Result<(), Wrong> {
        let Kind::Consistency(first) = self.kind else { return Err(wrong("it is no proof of consistency")) };
        if earlier.origin != later.origin {
            return Err(wrong(format!("{} and {} are two logs", earlier.origin, later.origin)));
        }
        if (first, self.size) != (earlier.size, later.size) {
            return Err(wrong("the proof is for other sizes than the checkpoints"));
        }
        tree::check_consistency((first, &earlier.root), (self.size, &later.root), &self.path)
    }
}
