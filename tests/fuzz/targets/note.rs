//! Signed checkpoints and the keys that verify them: a note is opened only where the signature under it is the one that our key makes
//! of its text, and what is read is written back to the same.
//!
//! The first byte chooses: 0 a note, 1 a text that is signed and then bent by the two bytes in front of it, 2 a verifier's key.

use merkle::note::{Checkpoint, Signer, VerifierKey};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::cell::OnceCell;

/// Whether a note was opened or a key read.
pub fn run(bytes: &[u8]) -> bool {
    thread_local!(static SIGNER: OnceCell<Signer> = const { OnceCell::new() });
    SIGNER.with(|signer| match bytes {
        [0, note @ ..] => std::str::from_utf8(note).is_ok_and(|note| opened(signer.get_or_init(made), note)),
        [1, at, with, text @ ..] => {
            std::str::from_utf8(text).is_ok_and(|text| signed(signer.get_or_init(made), text, *at, *with))
        }
        [2, key @ ..] => std::str::from_utf8(key).is_ok_and(key_read),
        _ => false,
    })
}

/// A signer whose key protects nothing: the seed 1 to 32 in a PKCS#8 document (RFC 8410), as ring writes one.
pub fn made() -> Signer {
    let seed: Vec<u8> = (1..=32).collect();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed");
    let head = [0x30, 0x53, 2, 1, 1, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let document = [&head[..], &seed, &[0xa1, 0x23, 3, 0x21, 0], pair.public_key().as_ref()].concat();
    Signer::new("log.example", &document).expect("a key")
}

fn opened(signer: &Signer, note: &str) -> bool {
    let Ok(text) = signer.verifier().open(note) else { return false };
    assert!(note.starts_with(text) && text.ends_with('\n'));
    // The signature is one of a text alone: the one that we make of this text stands under it.
    let ours = signer.sign(text);
    let line = ours.lines().last().expect("a line of a signature");
    assert!(note[text.len()..].lines().any(|other| other == line), "opened, and not signed: {note}");
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.text(), text, "written, it is another checkpoint");
    }
    true
}

fn signed(signer: &Signer, text: &str, at: u8, with: u8) -> bool {
    let text = format!("{text}\n");
    let note = signer.sign(&text);
    assert_eq!(signer.verifier().open(&note), Ok(&*text), "our own signature");
    // One byte of it is changed, counted from the end: in the text, the name or the signature.
    let mut bent = note.clone().into_bytes();
    let place = bent.len() - 1 - usize::from(at) % bent.len();
    bent[place] ^= with;
    if let Ok(bent) = String::from_utf8(bent)
        && bent != note
    {
        opened(signer, &bent);
        assert_ne!(signer.verifier().open(&bent), Ok(&*text), "a bent note says the same: {bent}");
    }
    true
}

fn key_read(text: &str) -> bool {
    let Ok(key) = VerifierKey::parse(text) else { return false };
    assert_eq!(VerifierKey::parse(&key.to_string()), Ok(key.clone()), "{key}");
    assert_eq!(key.to_string(), text.trim(), "written, it is another key");
    // Whoever signed with our key did not sign with this one, unless it is ours.
    let ours = made();
    assert_eq!(key.open(&ours.sign("a text\n")).is_ok(), key == *ours.verifier(), "{key}");
    true
}

/// Notes and keys to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let signer = made();
    let checkpoint = Checkpoint {
        origin: "log.example".to_owned(),
        size: 20_852_163,
        root: [7; 32],
        extensions: vec!["known at 2026-11-22".to_owned()],
    };
    let note = signer.sign(&checkpoint.text());
    let with = |first: u8, rest: &str| [&[first], rest.as_bytes()].concat();
    let bent = |at: u8, with: u8| [&[1, at, with], checkpoint.text().trim_end().as_bytes()].concat();
    let stranger = "— other AAAAAMHUvj==\n";
    [
        ("checkpoint", with(0, &note)),
        ("two-signatures", with(0, &format!("{note}{stranger}"))),
        ("stranger", with(0, &format!("{}\n{stranger}", checkpoint.text()))),
        ("cut-off", with(0, note.trim_end())),
        ("no-text", with(0, &signer.sign("\n"))),
        ("straight", bent(0, 0)),
        ("bent-signature", bent(9, 1)),
        ("bent-name", bent(105, 2)),
        ("bent-text", bent(140, 1)),
        ("key", with(2, &signer.verifier().to_string())),
        ("another-key", with(2, "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")),
        ("bent-key", with(2, &signer.verifier().to_string().replace("example", "examplf"))),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}
