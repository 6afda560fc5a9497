//! Blocks as they are stored: unpacked, split, hashed and linked again.
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 1 | 1 = payload as it is, 2 = one zstd frame |
//! | 1 | 4 | number of records |
//! | 5 | 8 | sequence of the first record |
//! | 13 | 32 | chain before the first record |
//! | 45 | 32 | chain after the last record |
//! | 77 | 4 | length of the payload, unpacked |
//! | 81 | … | payload: each record behind its length (4 bytes); numbers are big-endian |

use std::cell::RefCell;

use sha2::{Digest, Sha256};
use zstd::bulk::Decompressor;

use crate::fault::{Fault, must};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The chain before record 1.
pub const ORIGIN: Hash = [0; 32];

const HEADER: usize = 81;
/// No block is larger, unpacked.
const LARGEST: usize = 64 << 20;

/// Consecutive records, not yet believed.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub first: u64,
    pub prior: Hash,
    pub after: Hash,
    /// Records one after the other, each behind its length.
    pub payload: Vec<u8>,
    /// How many it says it holds.
    pub count: usize,
}

impl Batch {
    /// Unpacks a stored block.
    pub fn unpack(stored: &[u8]) -> Result<Batch, Fault> {
        let header: Option<&[u8; HEADER]> = stored.get(..HEADER).and_then(|header| header.try_into().ok());
        let Some(header) = header else {
            return Err(Fault::violated(crate::Invariant::I10, "a block without a header"));
        };
        let number =
            |from: usize, to: usize| header[from..to].iter().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
        let (count, first, length) = (number(1, 5) as usize, number(5, 13), number(77, 81) as usize);
        must!(
            I10,
            length <= LARGEST && count <= length / 4 && count > 0,
            "block {first}: {count} records in {length} bytes"
        );
        must!(I10, first > 0 && first.checked_add(count as u64).is_some(), "block {first}: numbers that cannot be");
        let body = &stored[HEADER..];
        let payload = match header[0] {
            1 => body.to_vec(),
            2 => unpacked(body, length).map_err(|cause| {
                Fault::violated(crate::Invariant::I10, format!("block {first} cannot be unpacked: {cause}"))
            })?,
            0 => return Err(Fault::violated(crate::Invariant::I10, format!("block {first} is of no format"))),
            other => return Err(Fault::unknown(format!("block {first} is of format {other}"))),
        };
        must!(I10, payload.len() == length, "block {first}: {} bytes instead of {length}", payload.len());
        let hash = |from: usize| header[from..from + 32].try_into().unwrap_or(ORIGIN);
        Ok(Batch { first, prior: hash(13), after: hash(45), payload, count })
    }

    /// The records with their sequences.
    pub fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = self.payload.as_slice();
        let mut sequence = self.first;
        std::iter::from_fn(move || {
            let (length, tail) = rest.split_first_chunk::<4>()?;
            let (record, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            rest = tail;
            sequence += 1;
            Some((sequence - 1, record))
        })
    }
}

/// One zstd frame; the tables of the last one are used again.
fn unpacked(frame: &[u8], length: usize) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    UNPACKER.with_borrow_mut(|kept| match kept {
        Some(unpacker) => unpacker.decompress(frame, length),
        none => none.insert(Decompressor::new()?).decompress(frame, length),
    })
}

/// The leaf hash of a record: RFC 9162, 2.1.1.
pub fn leaf(record: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

fn link(chain: &Hash, leaf: &Hash) -> Hash {
    Sha256::new().chain_update(chain).chain_update(leaf).finalize().into()
}

/// Follows the chain from record 1, and the Merkle tree over the same leaves.
pub struct Follower {
    pub sequence: u64,
    pub chain: Hash,
    /// Full subtrees from the left, the largest first; only where a root is wanted.
    peaks: Option<Vec<Hash>>,
}

impl Follower {
    pub fn new(with_root: bool) -> Follower {
        Follower { sequence: 0, chain: ORIGIN, peaks: with_root.then(Vec::new) }
    }

    /// Checks the next block; tells `at` the place after each record.
    pub fn take(&mut self, batch: &Batch, at: &mut dyn FnMut(&Follower)) -> Result<(), Fault> {
        let first = batch.first;
        must!(I10, first == self.sequence + 1, "after record {} comes a block that begins with {first}", self.sequence);
        must!(I10, batch.prior == self.chain, "block {first} goes on from another history");
        let (mut seen, mut bytes) = (0, 0);
        for (_, record) in batch.records() {
            let leaf = leaf(record);
            self.chain = link(&self.chain, &leaf);
            self.sequence += 1;
            if let Some(peaks) = &mut self.peaks {
                grow(peaks, self.sequence, leaf);
            }
            at(self);
            seen += 1;
            bytes += record.len() + 4;
        }
        must!(
            I10,
            seen == batch.count && bytes == batch.payload.len(),
            "block {first}: {seen} records of {}",
            batch.count
        );
        must!(I10, self.chain == batch.after, "the records of block {first} do not hash to its chain");
        Ok(())
    }

    /// The root of the tree over all records so far: RFC 9162, 2.1.1.
    pub fn root(&self) -> Option<Hash> {
        let peaks = self.peaks.as_ref()?;
        let root = peaks.iter().rev().copied().reduce(|right, left| node(&left, &right));
        Some(root.unwrap_or_else(|| Sha256::digest([]).into()))
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Adds the leaf that makes the tree this large: two subtrees of one size become one, as often as it goes.
fn grow(peaks: &mut Vec<Hash>, size: u64, leaf: Hash) {
    let mut top = leaf;
    for _ in 0..size.trailing_zeros() {
        let Some(left) = peaks.pop() else { break };
        top = node(&left, &top);
    }
    peaks.push(top);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Certificate Transparency's published test vectors: roots over 1 to 8 entries.
    #[test]
    fn roots_are_the_published_ones() {
        let entries: [&[u8]; 8] = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut follower = Follower::new(true);
        for (entry, root) in entries.iter().zip(roots) {
            let leaf = leaf(entry);
            follower.sequence += 1;
            grow(follower.peaks.as_mut().expect("asked for"), follower.sequence, leaf);
            assert_eq!(crate::hex(&follower.root().expect("asked for")), root);
        }
    }
}
