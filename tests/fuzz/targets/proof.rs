//! The verifier of proofs: of a tree of nineteen records it accepts the true proofs, as the recursion of RFC 9162 makes them, and no
//! others, whatever is moved, bent, cut off or taken from elsewhere in the tree.
//!
//! The first byte chooses: a proof file against every record, or a true proof to which the rest of the bytes does something.

use merkle::note::Checkpoint;
use merkle::proof::{Kind, Proof};
use merkle::{Hash, tree};
use std::cell::OnceCell;

const RECORDS: u64 = 19;

/// Whether a proof was accepted.
pub fn run(bytes: &[u8]) -> bool {
    thread_local!(static HEADS: OnceCell<Vec<Checkpoint>> = const { OnceCell::new() });
    HEADS.with(|heads| {
        let heads = heads.get_or_init(|| (0..=RECORDS).map(head).collect());
        match bytes {
            [0, file @ ..] => Proof::from_bytes(file).is_ok_and(|proof| {
                assert_eq!(proof.to_bytes(), file, "written, it is another proof");
                judged(&proof, heads)
            }),
            [kind, number, size, changes @ ..] => judged(&changed(*kind, *number, *size, changes), heads),
            _ => false,
        }
    })
}

/// What the log's record of a sequence says.
fn record(sequence: u64) -> Vec<u8> {
    format!("record {sequence}").into_bytes()
}

fn leaves(from: u64, to: u64) -> Vec<Hash> {
    (from + 1..=to).map(|sequence| tree::leaf(&record(sequence))).collect()
}

fn head(size: u64) -> Checkpoint {
    Checkpoint { origin: "log".to_owned(), size, root: root(&leaves(0, size)), extensions: Vec::new() }
}

fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// RFC 9162, 2.1.1.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => tree::empty(),
        [one] => *one,
        several => {
            let (left, right) = several.split_at(split(several.len()));
            tree::node(&root(left), &root(right))
        }
    }
}

/// RFC 9162, 2.1.3.1.
fn inclusion(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, other) = match index.checked_sub(left.len()) {
        None => (inclusion(index, left), root(right)),
        Some(index) => (inclusion(index, right), root(left)),
    };
    path.push(other);
    path
}

/// RFC 9162, 2.1.4.1, with `known` for "the subtree is one that the verifier has the hash of".
fn consistency(first: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if first == leaves.len() {
        return if known { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, other) = match first.checked_sub(left.len()) {
        None | Some(0) => (consistency(first, left, known), root(right)),
        Some(first) => (consistency(first, right, false), root(left)),
    };
    path.push(other);
    path
}

/// The true path of a kind in a tree of so many records; nothing where there is none.
fn truth(kind: Kind, size: u64) -> Option<Vec<Hash>> {
    if size > RECORDS {
        return None;
    }
    let leaves = leaves(0, size);
    match kind {
        Kind::Inclusion(sequence) if (1..=size).contains(&sequence) => Some(inclusion(sequence as usize - 1, &leaves)),
        Kind::Consistency(first) if (1..=size).contains(&first) => Some(consistency(first as usize, &leaves, true)),
        _ => None,
    }
}

/// Asks the verifier about every record or head, and compares with what is true.
fn judged(proof: &Proof, heads: &[Checkpoint]) -> bool {
    let size = proof.size.min(RECORDS);
    let later = &heads[size as usize];
    let sound = truth(proof.kind, proof.size).is_some_and(|path| path == proof.path);
    let mut accepted = false;
    for number in 0..=RECORDS {
        let (says, own) = match proof.kind {
            Kind::Inclusion(sequence) => (proof.check_record(&record(number), later).is_ok(), sequence == number),
            Kind::Consistency(first) => {
                let same = proof.check_consistency(&heads[number as usize], later).is_ok();
                (same, first == number)
            }
        };
        assert_eq!(says, sound && own, "{number} of {size}: {proof:?}");
        accepted |= says;
    }
    // A hash of the tree itself is no record: an inner node never passes for a leaf.
    if let Kind::Inclusion(_) = proof.kind {
        for pair in proof.path.windows(2) {
            assert!(proof.check_record(&pair.concat(), later).is_err(), "{proof:?}");
        }
    }
    accepted
}

/// A true proof, and what two bytes at a time do to it.
fn changed(kind: u8, number: u8, size: u8, changes: &[u8]) -> Proof {
    let size = 1 + u64::from(size) % RECORDS;
    let number = 1 + u64::from(number) % size;
    let kind = if kind % 2 == 1 { Kind::Inclusion(number) } else { Kind::Consistency(number) };
    let path = truth(kind, size).expect("there is one");
    let mut proof = Proof { kind, size, path };
    for change in changes.as_chunks::<2>().0 {
        let [what, with] = change.map(usize::from);
        let length = proof.path.len();
        let at = with % length.max(1);
        match what % 9 {
            0 if length > 0 => proof.path[at][what / 9] ^= 1 << (with % 8),
            1 if length > 0 => drop(proof.path.remove(at)),
            2 if length > 0 => proof.path.swap(at, what / 9 % length),
            3 if length > 0 => proof.path.insert(at, proof.path[what / 9 % length]),
            // Hashes that are in the tree: of a record, and of a subtree.
            4 if length > 0 => proof.path[at] = tree::leaf(&record(what as u64 / 9)),
            5 => proof.path.push(root(&leaves(0, with as u64 % (RECORDS + 1)))),
            6 => proof.size = with as u64 % (RECORDS + 2),
            7 => {
                proof.kind = match proof.kind {
                    Kind::Inclusion(_) => Kind::Inclusion(with as u64 % (RECORDS + 2)),
                    Kind::Consistency(_) => Kind::Consistency(with as u64 % (RECORDS + 2)),
                }
            }
            8 => {
                proof.kind = match proof.kind {
                    Kind::Inclusion(number) => Kind::Consistency(number),
                    Kind::Consistency(number) => Kind::Inclusion(number),
                }
            }
            _ => {}
        }
    }
    proof
}

/// Proofs to begin with: files of true ones, and true ones that something is done to.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let file = |kind, size| {
        let path = truth(kind, size).expect("there is one");
        [&[0], &*Proof { kind, size, path }.to_bytes()].concat()
    };
    [
        ("record-1-of-1", file(Kind::Inclusion(1), 1)),
        ("record-6-of-8", file(Kind::Inclusion(6), 8)),
        ("record-19-of-19", file(Kind::Inclusion(19), 19)),
        ("from-4-to-8", file(Kind::Consistency(4), 8)),
        ("from-6-to-19", file(Kind::Consistency(6), 19)),
        ("from-7-to-7", file(Kind::Consistency(7), 7)),
        ("straight-inclusion", vec![1, 4, 12]),
        ("straight-consistency", vec![2, 4, 12]),
        ("bent", vec![1, 4, 12, 0, 3]),
        ("cut-off", vec![1, 4, 12, 1, 0]),
        ("longer", vec![1, 4, 12, 5, 13]),
        ("another-size", vec![2, 4, 12, 6, 14]),
        ("another-place", vec![1, 4, 12, 7, 6]),
        ("another-kind", vec![1, 4, 12, 8, 0]),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}
