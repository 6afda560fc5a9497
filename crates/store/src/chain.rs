//! The hash chain over records: what makes a changed, lost or inserted record visible.

use sha2::{Digest, Sha256};

use crate::Hash;

/// The chain before record 1.
pub const ORIGIN: Hash = [0; 32];

/// Hash of one record's bytes: the leaf hash of RFC 9162 (section 2.1.1), SHA-256 of a zero byte and the bytes.
///
/// The leading byte keeps a record from being passed off as an inner node once a Merkle tree stands over the same leaves.
#[must_use]
pub fn leaf(record: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

/// The chain after a record: SHA-256 of the chain before it and its leaf hash.
#[must_use]
pub fn link(prev: &Hash, leaf: &Hash) -> Hash {
    Sha256::new().chain_update(prev).chain_update(leaf).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: &Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Published value: the leaf hash of an empty entry (RFC 6962 and 9162 test vectors of Certificate Transparency).
    #[test]
    fn leaf_of_nothing_is_the_published_value() {
        assert_eq!(hex(&leaf(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn link_depends_on_both_sides_and_their_order() {
        let (a, b) = (leaf(b"a"), leaf(b"b"));
        assert_ne!(link(&a, &b), link(&b, &a));
        assert_ne!(link(&ORIGIN, &a), a);
    }
}
