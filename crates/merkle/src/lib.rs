//! A Merkle tree over the records of a log (RFC 9162), signed checkpoints of it (C2SP tlog-checkpoint and signed-note), and proofs that
//! anybody can check: that a record is in the log, and that a later log goes on from an earlier one.
//!
//! [`tree`], [`note`] and [`proof`] are all a verifier needs: they know no store. [`Grower`] keeps the hashes and makes the proofs.

mod grower;
pub mod note;
pub mod proof;
pub mod tree;

pub use grower::Grower;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// What is wrong, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

pub(crate) fn wrong(what: impl Into<String>) -> Wrong {
    Wrong(what.into())
}
