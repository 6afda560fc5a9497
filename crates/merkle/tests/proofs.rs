//! Trees against the published vectors and against the recursion of the RFC, every proof of every small tree, forged ones, and notes.

use merkle::note::{Checkpoint, Signer, VerifierKey};
use merkle::proof::{Kind, Proof};
use merkle::tree::{empty, leaf, node};
use merkle::{Grower, Hash, tree};

/// The entries of Certificate Transparency's test vectors (certificate-transparency, `merkle_tree_test`), and the roots over the first
/// 0 to 8 of them.
const ENTRIES: [&[u8]; 8] = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// Published paths over these entries: index and size, then the hashes from the leaf up.
const PATHS: [(u64, u64, &[&str]); 3] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn grown(leaves: &[Hash]) -> (tempfile::TempDir, Grower) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut grower = Grower::open(&dir.path().join("tree")).expect("opens");
    for leaf in leaves {
        grower.push(*leaf).expect("grows");
    }
    (dir, grower)
}

/// RFC 9162, 2.1.1, as it is written.
fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty(),
        [one] => *one,
        several => {
            let middle = several.len().next_power_of_two() / 2;
            node(&root_of(&several[..middle]), &root_of(&several[middle..]))
        }
    }
}

#[test]
fn the_published_roots_and_paths() {
    let leaves = ENTRIES.map(leaf);
    let (_dir, grower) = grown(&leaves);
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(hex(&grower.root(size as u64).expect("a root")), *root, "{size}");
    }
    for (index, size, path) in PATHS {
        let proof = grower.inclusion(index + 1, size).expect("a proof");
        let shown: Vec<String> = proof.path.iter().map(|hash| hex(hash)).collect();
        assert_eq!(shown, path, "entry {index} of {size}");
    }
}

#[test]
fn every_proof_of_every_small_tree_holds_and_no_other() {
    let leaves: Vec<Hash> = (0u32..70).map(|number| leaf(&number.to_be_bytes())).collect();
    let (_dir, grower) = grown(&leaves);
    for size in 1..=leaves.len() as u64 {
        let root = grower.root(size).expect("a root");
        assert_eq!(root, root_of(&leaves[..size as usize]));
        for index in 0..size {
            let Proof { path, .. } = grower.inclusion(index + 1, size).expect("a proof");
            tree::check_inclusion(index, size, &leaves[index as usize], &path, &root).expect("it holds");
            let other = leaves[(index as usize + 1) % leaves.len()];
            assert!(tree::check_inclusion(index, size, &other, &path, &root).is_err(), "another entry");
            assert!(
                tree::check_inclusion(index ^ 1, size, &leaves[index as usize], &path, &root).is_err(),
                "another place"
            );
            for cut in 0..path.len() {
                assert!(tree::check_inclusion(index, size, &leaves[index as usize], &path[..cut], &root).is_err());
            }
            let longer = [&path[..], &[root]].concat();
            assert!(tree::check_inclusion(index, size, &leaves[index as usize], &longer, &root).is_err());
        }
        for first in 1..=size {
            let Proof { path, .. } = grower.consistency(first, size).expect("a proof");
            let earlier = grower.root(first).expect("a root");
            tree::check_consistency((first, &earlier), (size, &root), &path).expect("it holds");
            if first == size {
                continue;
            }
            assert!(tree::check_consistency((first, &root), (size, &root), &path).is_err(), "another beginning");
            assert!(tree::check_consistency((first, &earlier), (size, &earlier), &path).is_err(), "another end");
            for at in 0..path.len() {
                let mut bent = path.clone();
                bent[at][7] ^= 1;
                assert!(
                    tree::check_consistency((first, &earlier), (size, &root), &bent).is_err(),
                    "{first} {size} {at}"
                );
            }
            assert!(tree::check_consistency((first, &earlier), (size, &root), &path[1..]).is_err());
        }
    }
}

/// Across the boundaries of its files, and reopened after a crash that lost the end of some of them.
#[test]
fn a_large_tree_is_that_of_the_rfc_and_heals_its_upper_levels() {
    let leaves: Vec<Hash> = (0u32..70_000).map(|number| leaf(&number.to_be_bytes())).collect();
    let (dir, mut grower) = grown(&leaves);
    let sizes = [255, 256, 257, 65_535, 65_536, 65_537, 69_999, 70_000];
    let roots = sizes.map(|size| grower.root(size).expect("a root"));
    for (size, root) in sizes.iter().zip(roots) {
        assert_eq!(root, root_of(&leaves[..*size as usize]), "{size}");
    }
    grower.flush().expect("writes");
    drop(grower);
    let level = |level: u32| dir.path().join(format!("tree/level-{level}"));
    std::fs::File::options().write(true).open(level(1)).expect("opens").set_len(32 * 100 + 5).expect("cuts");
    std::fs::write(level(2), []).expect("cuts");
    let grower = Grower::open(&dir.path().join("tree")).expect("opens");
    assert_eq!(grower.size(), 70_000);
    assert_eq!(sizes.map(|size| grower.root(size).expect("a root")), roots);
    assert!(Grower::open(&dir.path().join("tree")).is_err(), "one process at a time");
    let proof = grower.inclusion(69_000, 70_000).expect("a proof");
    assert_eq!(Proof::from_bytes(&proof.to_bytes()), Ok(proof.clone()));
    assert!(Proof::from_bytes(&proof.to_bytes()[1..]).is_err() && Proof::from_bytes(&proof.to_bytes()[..60]).is_err());
}

/// The example of golang.org/x/mod/sumdb/note, which the C2SP format comes from.
#[test]
fn a_published_note_is_verified_and_a_changed_one_is_not() {
    let key = VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").expect("a key");
    let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let note = format!(
        "{text}\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    );
    assert_eq!(key.open(&note), Ok(text));
    assert!(key.open(&note.replace("answer", "Answer")).is_err());
    assert!(VerifierKey::parse("PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").is_err());
}

#[test]
fn a_checkpoint_is_signed_read_and_held_against_a_proof() {
    let signer = Signer::new("house.example/shard-0", &Signer::generate().expect("a key")).expect("a signer");
    let verifier = VerifierKey::parse(&signer.verifier().to_string()).expect("a key");
    let leaves: Vec<Hash> = (0u32..1_000).map(|number| leaf(&number.to_be_bytes())).collect();
    let (_dir, grower) = grown(&leaves);
    let checkpoint = |size| Checkpoint {
        origin: "house.example/shard-0".to_owned(),
        size,
        root: grower.root(size).expect("a root"),
        extensions: vec!["chain 00".to_owned()],
    };
    let (earlier, later) = (checkpoint(600), checkpoint(1_000));
    let note = signer.sign(&later.text());
    assert_eq!(Checkpoint::parse(verifier.open(&note).expect("signed")), Ok(later.clone()));
    let stranger = Signer::new("house.example/shard-0", &Signer::generate().expect("a key")).expect("a signer");
    assert!(stranger.verifier().open(&note).is_err(), "another key of that name");
    for bad in ["o\n01\nAA==\n", "o\n-1\nAA==\n", "o\n1\n", "\n1\nAA==\n", "o\n1\nAA=="] {
        assert!(Checkpoint::parse(bad).is_err(), "{bad:?}");
    }

    let proof = grower.inclusion(501, 1_000).expect("a proof");
    assert_eq!(proof.check_record(&500u32.to_be_bytes(), &later), Ok(501));
    assert!(proof.check_record(&501u32.to_be_bytes(), &later).is_err());
    assert!(proof.check_record(&500u32.to_be_bytes(), &earlier).is_err());
    let grows = grower.consistency(600, 1_000).expect("a proof");
    assert_eq!(grows.check_consistency(&earlier, &later), Ok(()));
    assert!(grows.check_consistency(&Checkpoint { root: [1; 32], ..earlier.clone() }, &later).is_err());
    assert!(grows.check_consistency(&Checkpoint { origin: "b".to_owned(), ..earlier }, &later).is_err());
    assert!(matches!(grows.kind, Kind::Consistency(600)));
}

/// The goal for outsiders: a kilobyte and a millisecond, at ten million records.
#[test]
#[ignore = "writes 320 MB: `cargo test -p merkle --test proofs -- --ignored --nocapture`, the figures of docs/PROOF.md"]
fn ten_million_records_are_proved_in_a_kilobyte_and_a_millisecond() {
    const SIZE: u64 = 10_000_000;
    let dir = tempfile::tempdir().expect("a directory");
    let mut grower = Grower::open(dir.path()).expect("opens");
    let started = std::time::Instant::now();
    for number in 0..SIZE {
        grower.push(leaf(&number.to_be_bytes())).expect("grows");
    }
    grower.flush().expect("writes");
    println!("{SIZE} leaves hashed and kept in {:.1} s", started.elapsed().as_secs_f64());
    let root = grower.root(SIZE).expect("a root");
    let measure = |what: &str, prove: &dyn Fn(u64) -> Proof, check: &dyn Fn(u64, &Proof)| {
        let (mut took, mut checked, mut largest) = (Vec::new(), Vec::new(), 0);
        for step in 1..=1_000 {
            let number = step * 9_973 % SIZE + 1;
            let started = std::time::Instant::now();
            let proof = prove(number);
            took.push(started.elapsed());
            largest = largest.max(proof.to_bytes().len());
            let started = std::time::Instant::now();
            check(number, &proof);
            checked.push(started.elapsed());
        }
        took.sort_unstable();
        checked.sort_unstable();
        println!(
            "{what}: {largest} bytes at most; made p50 {:?} p99 {:?}; checked p99 {:?}",
            took[500], took[990], checked[990]
        );
        assert!(largest <= 1_024 && took[500].as_micros() < 1_000, "a kilobyte and a millisecond");
    };
    measure("inclusion", &|number| grower.inclusion(number, SIZE).expect("a proof"), &|number, proof| {
        let entry = leaf(&(number - 1).to_be_bytes());
        tree::check_inclusion(number - 1, SIZE, &entry, &proof.path, &root).expect("it holds");
    });
    measure("consistency", &|number| grower.consistency(number, SIZE).expect("a proof"), &|number, proof| {
        let earlier = grower.root(number).expect("a root");
        tree::check_consistency((number, &earlier), (SIZE, &root), &proof.path).expect("it holds");
    });
}

/// Bent proofs and notes: refused, whatever is bent.
#[test]
fn what_is_bent_proves_nothing() {
    let leaves: Vec<Hash> = (0u32..300).map(|number| leaf(&number.to_be_bytes())).collect();
    let (_dir, grower) = grown(&leaves);
    let root = grower.root(300).expect("a root");
    let checkpoint = Checkpoint { origin: "o".to_owned(), size: 300, root, extensions: Vec::new() };
    let proof = grower.inclusion(201, 300).expect("a proof").to_bytes();
    for at in 0..proof.len() {
        for bit in 0..8 {
            let mut bent = proof.clone();
            bent[at] ^= 1 << bit;
            let read =
                Proof::from_bytes(&bent).and_then(|proof| proof.check_record(&200u32.to_be_bytes(), &checkpoint));
            assert!(read.is_err(), "byte {at} bit {bit}");
        }
        assert!(Proof::from_bytes(&proof[..at]).is_err());
    }
    let signer = Signer::new("o", &Signer::generate().expect("a key")).expect("a signer");
    let note = signer.sign(&checkpoint.text()).into_bytes();
    for at in 0..note.len() {
        let mut bent = note.clone();
        bent[at] ^= 1;
        let text = String::from_utf8_lossy(&bent);
        assert_ne!(signer.verifier().open(&text).ok(), Some(checkpoint.text().as_str()), "byte {at} of {text}");
    }
}
