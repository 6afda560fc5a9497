//! The tree of RFC 9162: its hashes (2.1.1), and the checks of an inclusion proof (2.1.3.2) and a consistency proof (2.1.4.2).

use sha2::{Digest, Sha256};

use crate::{Hash, Wrong, wrong};

/// The hash of an entry.
#[must_use]
pub fn leaf(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of a node over two others.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the tree without entries.
#[must_use]
pub fn empty() -> Hash {
    Sha256::digest([]).into()
}

/// Checks that the entry with this hash stands at `index`, from 0, in the tree of `size` entries with this root.
///
/// # Errors
/// What does not fit.
pub fn check_inclusion(index: u64, size: u64, leaf: &Hash, path: &[Hash], root: &Hash) -> Result<(), Wrong> {
    if index >= size {
        return Err(wrong(format!("there is no entry {index} among {size}")));
    }
    let (mut fn_, mut sn, mut hash) = (index, size - 1, *leaf);
    for step in path {
        if sn == 0 {
            return Err(wrong("the proof is longer than the tree is high"));
        }
        if fn_ & 1 == 1 || fn_ == sn {
            hash = node(step, &hash);
            while fn_ & 1 == 0 && fn_ != 0 {
                (fn_, sn) = (fn_ >> 1, sn >> 1);
            }
        } else {
            hash = node(&hash, step);
        }
        (fn_, sn) = (fn_ >> 1, sn >> 1);
    }
    match sn == 0 && hash == *root {
        true => Ok(()),
        false => Err(wrong("the entry and its path do not lead to the root")),
    }
}

/// Checks that the tree of `second` entries goes on from the tree of `first`: nothing of it was changed or removed.
///
/// # Errors
/// What does not fit.
pub fn check_consistency(first: (u64, &Hash), second: (u64, &Hash), path: &[Hash]) -> Result<(), Wrong> {
    let ((first, first_root), (second, second_root)) = (first, second);
    if first == 0 || first > second {
        return Err(wrong(format!("a tree of {second} entries does not go on from one of {first}")));
    }
    if first == second {
        return match path.is_empty() && first_root == second_root {
            true => Ok(()),
            false => Err(wrong("two roots for one size")),
        };
    }
    // A first tree that is full stands in the second as a node: its root begins the path.
    let mut path = path.iter().copied();
    let seed = if first.is_power_of_two() { Some(*first_root) } else { path.next() };
    let Some(seed) = seed else { return Err(wrong("the proof is empty")) };
    let (mut fn_, mut sn) = (first - 1, second - 1);
    while fn_ & 1 == 1 {
        (fn_, sn) = (fn_ >> 1, sn >> 1);
    }
    let (mut fr, mut sr) = (seed, seed);
    for step in path {
        if sn == 0 {
            return Err(wrong("the proof is longer than the tree is high"));
        }
        if fn_ & 1 == 1 || fn_ == sn {
            (fr, sr) = (node(&step, &fr), node(&step, &sr));
            while fn_ & 1 == 0 && fn_ != 0 {
                (fn_, sn) = (fn_ >> 1, sn >> 1);
            }
        } else {
            sr = node(&sr, &step);
        }
        (fn_, sn) = (fn_ >> 1, sn >> 1);
    }
    match (fr == *first_root, sr == *second_root && sn == 0) {
        (true, true) => Ok(()),
        (false, _) => Err(wrong("the path does not lead to the earlier root")),
        (_, false) => Err(wrong("the path does not lead to the later root")),
    }
}
