//! Checkpoints: who says that the log had so many records, and which root they had. A checkpoint is the text of C2SP's `tlog-checkpoint`
//! (origin, size, root, extensions: a line each) in a `signed-note`: an empty line, then `— name base64(key id ‖ signature)`.
//!
//! A key is written `name+id+base64(1 ‖ public key)`; its id is the first four bytes of SHA-256(name ‖ newline ‖ 1 ‖ public key) in
//! hexadecimal, and 1 stands for Ed25519.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use crate::{Hash, Wrong, wrong};

const ED25519_KIND: u8 = 1;
const DASH: &str = "\u{2014} ";

/// Who verifies: the name and public key of a signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: [u8; 32],
}

impl VerifierKey {
    /// Reads `name+id+key`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<VerifierKey, Wrong> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("a key is name+id+base64"));
        };
        let bytes = STANDARD.decode(key).map_err(|_| wrong("the key is not Base64"))?;
        let Some((&ED25519_KIND, bytes)) = bytes.split_first() else { return Err(wrong("the key is not of Ed25519")) };
        let key = VerifierKey::new(name, bytes.try_into().map_err(|_| wrong("the key is not 32 bytes long"))?)?;
        match hex(&key.id()) == id {
            true => Ok(key),
            false => Err(wrong("the key's id is not that of its name and bytes")),
        }
    }

    fn new(name: &str, key: [u8; 32]) -> Result<VerifierKey, Wrong> {
        if name.is_empty() || name.chars().any(|letter| letter.is_whitespace() || letter == '+') {
            return Err(wrong("the name of a key is not empty and has neither spaces nor a plus"));
        }
        Ok(VerifierKey { name: name.to_owned(), key })
    }

    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new().chain_update(&self.name).chain_update([b'\n', ED25519_KIND]).chain_update(self.key);
        let hash: Hash = hash.finalize().into();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// The text of a note, if this key signed it.
    ///
    /// # Errors
    /// When the note is none, or this key did not sign it, or something else was signed.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, Wrong> {
        let end = note.rfind("\n\n").ok_or_else(|| wrong("it is no signed note: no empty line before signatures"))? + 1;
        let (text, signatures) = (&note[..end], &note[end + 1..]);
        if !signatures.ends_with('\n') {
            return Err(wrong("the signatures are cut off"));
        }
        for line in signatures.lines() {
            let signature = line.strip_prefix(DASH).and_then(|line| line.split_once(' '));
            let (name, signature) = signature.ok_or_else(|| wrong("a line of a signature is none"))?;
            let bytes = STANDARD.decode(signature).map_err(|_| wrong("a signature is not Base64"))?;
            let Some((id, signature)) = bytes.split_first_chunk::<4>() else {
                return Err(wrong("a signature is too short"));
            };
            if name == self.name && *id == self.id() {
                let key = UnparsedPublicKey::new(&ED25519, self.key);
                return match key.verify(text.as_bytes(), signature) {
                    Ok(()) => Ok(text),
                    Err(_) => Err(wrong(format!("the signature of {name} is not of this text"))),
                };
            }
        }
        Err(wrong(format!("{} did not sign it", self.name)))
    }
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = [&[ED25519_KIND], &self.key[..]].concat();
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), STANDARD.encode(key))
    }
}

/// Who signs.
pub struct Signer {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl Signer {
    /// Makes a new key: the PKCS#8 document to keep secret.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn generate() -> Result<Vec<u8>, Wrong> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        document.map(|document| document.as_ref().to_vec()).map_err(|_| wrong("no randomness"))
    }

    /// Takes a key from its PKCS#8 document.
    ///
    /// # Errors
    /// When it is none of Ed25519, or the name cannot be one.
    pub fn new(name: &str, pkcs8: &[u8]) -> Result<Signer, Wrong> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| wrong("it is no PKCS#8 key of Ed25519"))?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| wrong("the public key is not 32 bytes long"))?;
        let verifier = VerifierKey::new(name, key)?;
        Ok(Signer { pair, verifier })
    }

    /// The key by which others verify.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text, which ends with a newline.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let signed = [&self.verifier.id()[..], signature.as_ref()].concat();
        format!("{text}\n{DASH}{} {}\n", self.verifier.name, STANDARD.encode(signed))
    }
}

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Of which log.
    pub origin: String,
    /// How many records it had.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Further lines.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads the text that was signed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Checkpoint, Wrong> {
        let mut lines = text.strip_suffix('\n').ok_or_else(|| wrong("a checkpoint ends with a newline"))?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(wrong("a checkpoint has at least three lines"));
        };
        let plain = !size.is_empty()
            && size.bytes().all(|digit| digit.is_ascii_digit())
            && (size == "0" || !size.starts_with('0'));
        let size = size.parse().ok().filter(|_| plain).ok_or_else(|| wrong("its size is no number"))?;
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        let root = root.ok_or_else(|| wrong("its root is no hash"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extensions.iter().any(String::is_empty) {
            return Err(wrong("a line of it is empty"));
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root, extensions })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
