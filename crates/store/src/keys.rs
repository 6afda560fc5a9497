//! Every table, kind, key and small row on disk. **Nothing here is ever reused or reordered**: a retired kind stays in its list.
//!
//! Numbers are big-endian and of fixed width, so that the order of bytes is the order of numbers.
//!
//! | database | table (column family) | key | row |
//! |---|---|---|---|
//! | log | `default` | `01` | format: magic `QLOG`, version `u16` |
//! | log | `default` | `02` | head: sequence `u64`, chain `[32]` |
//! | log | `default` | `03` name | cursor of a source: bytes of the caller |
//! | log | `default` | `04` number `u64` | manifest of a snapshot, see [`Manifest`] |
//! | log | `default` | `05` | how far ids were moved from `claims` to `ids`: first sequence of the last block, `u64` |
//! | log | `blocks` | first sequence `u64` | a block, see `stored.rs` |
//! | log | `claims` | first sequence of a block `u64` | its ids that are not in `ids` yet: each id `[16]`, sequence `u64` |
//! | log | `ids` | id `[16]` | sequence `u64` |
//! | log | `snapshots` | number `u64`, piece `u32` | bytes of the caller |
//! | views | `default` | `00 01` | format: magic `QVWS`, version `u16` |
//! | views | `default` | `00 02` view | checkpoint: sequence `u64`, chain `[32]`, version `u32` |
//! | views | `default` | table `01`–`ff`, key | row of a view; the projections list their tables |

use crate::{Hash, Head};

/// Format of the log; raised when old programs could no longer read what new ones write.
pub(crate) const LOG_FORMAT: u16 = 1;
/// Format of the views.
pub(crate) const VIEWS_FORMAT: u16 = 1;

pub(crate) const BLOCKS: &str = "blocks";
pub(crate) const CLAIMS: &str = "claims";
pub(crate) const IDS: &str = "ids";
pub(crate) const SNAPSHOTS: &str = "snapshots";

const KIND_FORMAT: u8 = 0x01;
const KIND_HEAD: u8 = 0x02;
const KIND_CURSOR: u8 = 0x03;
const KIND_MANIFEST: u8 = 0x04;
const KIND_MOVED: u8 = 0x05;

/// The table number of the views' own rows; tables of views start at 1.
pub(crate) const VIEWS_OWN: u8 = 0x00;
const VIEWS_KIND_FORMAT: u8 = 0x01;
const VIEWS_KIND_CHECKPOINT: u8 = 0x02;

pub(crate) const FORMAT: [u8; 1] = [KIND_FORMAT];
pub(crate) const HEAD: [u8; 1] = [KIND_HEAD];
pub(crate) const CURSORS: [u8; 1] = [KIND_CURSOR];
pub(crate) const CURSORS_END: [u8; 1] = [KIND_CURSOR + 1];
pub(crate) const MANIFESTS: [u8; 1] = [KIND_MANIFEST];
pub(crate) const MANIFESTS_END: [u8; 1] = [KIND_MANIFEST + 1];
pub(crate) const MOVED: [u8; 1] = [KIND_MOVED];
pub(crate) const VIEWS_FORMAT_KEY: [u8; 2] = [VIEWS_OWN, VIEWS_KIND_FORMAT];

/// Key of the cursor of a source.
pub(crate) fn cursor(name: &[u8]) -> Vec<u8> {
    [&CURSORS, name].concat()
}

/// Key of a snapshot's manifest.
pub(crate) fn manifest(number: u64) -> [u8; 9] {
    let mut key = [KIND_MANIFEST; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

/// Number of the snapshot whose manifest has this key.
pub(crate) fn manifest_number(key: &[u8]) -> Option<u64> {
    match key.split_first() {
        Some((&KIND_MANIFEST, number)) => Some(u64::from_be_bytes(number.try_into().ok()?)),
        _ => None,
    }
}

/// Key of a block, by its first record.
pub(crate) fn block(first: u64) -> [u8; 8] {
    first.to_be_bytes()
}

/// The sequence in a key of eight bytes.
pub(crate) fn read_sequence(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.try_into().ok()?))
}

/// The ids that a block claims, 24 bytes each.
pub(crate) fn claims(claims: &[([u8; 16], u64)]) -> Vec<u8> {
    let mut row = Vec::with_capacity(claims.len() * 24);
    for (id, sequence) in claims {
        row.extend_from_slice(id);
        row.extend_from_slice(&sequence.to_be_bytes());
    }
    row
}

/// Reads the ids that a block claims.
pub(crate) fn read_claims(row: &[u8]) -> Option<Vec<([u8; 16], u64)>> {
    let (claims, rest) = row.as_chunks::<24>();
    if !rest.is_empty() {
        return None;
    }
    claims.iter().map(|claim| Some((claim[..16].try_into().ok()?, read_sequence(&claim[16..])?))).collect()
}

/// Key of a piece of a snapshot.
pub(crate) fn piece(number: u64, index: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key[8..].copy_from_slice(&index.to_be_bytes());
    key
}

/// Number of the snapshot that a piece belongs to.
pub(crate) fn piece_number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(..8)?.try_into().ok()?))
}

/// Key of the checkpoint of a view.
pub(crate) fn checkpoint(view: &str) -> Vec<u8> {
    [&[VIEWS_OWN, VIEWS_KIND_CHECKPOINT], view.as_bytes()].concat()
}

/// Key of a row of a view.
pub(crate) fn row(table: u8, key: &[u8]) -> Vec<u8> {
    assert!(table != VIEWS_OWN, "table 0 belongs to the views themselves");
    [&[table], key].concat()
}

/// A format row: four letters and a version.
pub(crate) fn format(magic: [u8; 4], version: u16) -> [u8; 6] {
    let mut row = [0; 6];
    row[..4].copy_from_slice(&magic);
    row[4..].copy_from_slice(&version.to_be_bytes());
    row
}

pub(crate) const LOG_MAGIC: [u8; 4] = *b"QLOG";
pub(crate) const VIEWS_MAGIC: [u8; 4] = *b"QVWS";

/// The head row.
pub(crate) fn head(head: &Head) -> [u8; 40] {
    let mut row = [0; 40];
    row[..8].copy_from_slice(&head.sequence.to_be_bytes());
    row[8..].copy_from_slice(&head.chain);
    row
}

/// Reads a head row.
pub(crate) fn read_head(row: &[u8]) -> Option<Head> {
    let row: &[u8; 40] = row.try_into().ok()?;
    Some(Head { sequence: u64::from_be_bytes(row[..8].try_into().ok()?), chain: row[8..].try_into().ok()? })
}

/// What says that a snapshot is complete: it is written last, synced, and describes all pieces.
///
/// Row: format byte 1, version `u32`, head as above, pieces `u32`, bytes `u64`, SHA-256 over each piece's length (`u64`) and bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Manifest {
    pub version: u32,
    pub head: Head,
    pub pieces: u32,
    pub bytes: u64,
    pub digest: Hash,
}

const MANIFEST_FORMAT: u8 = 1;

impl Manifest {
    pub(crate) fn to_row(self) -> [u8; 89] {
        let mut row = [0; 89];
        row[0] = MANIFEST_FORMAT;
        row[1..5].copy_from_slice(&self.version.to_be_bytes());
        row[5..45].copy_from_slice(&head(&self.head));
        row[45..49].copy_from_slice(&self.pieces.to_be_bytes());
        row[49..57].copy_from_slice(&self.bytes.to_be_bytes());
        row[57..].copy_from_slice(&self.digest);
        row
    }

    pub(crate) fn from_row(row: &[u8]) -> Option<Manifest> {
        let row: &[u8; 89] = row.try_into().ok()?;
        if row[0] != MANIFEST_FORMAT {
            return None;
        }
        Some(Manifest {
            version: u32::from_be_bytes(row[1..5].try_into().ok()?),
            head: read_head(&row[5..45])?,
            pieces: u32::from_be_bytes(row[45..49].try_into().ok()?),
            bytes: u64::from_be_bytes(row[49..57].try_into().ok()?),
            digest: row[57..].try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD_1: Head = Head { sequence: 0x0102_0304_0506_0708, chain: [0xAB; 32] };

    /// These bytes are on disks. A change that breaks this test breaks every log there is.
    #[test]
    fn golden_keys() {
        assert_eq!(FORMAT, [1]);
        assert_eq!(HEAD, [2]);
        assert_eq!(MOVED, [5]);
        assert_eq!(cursor(b"k/0"), b"\x03k/0");
        assert_eq!(manifest(7), *b"\x04\0\0\0\0\0\0\0\x07");
        assert_eq!(manifest_number(&manifest(7)), Some(7));
        assert_eq!(block(258), *b"\0\0\0\0\0\0\x01\x02");
        assert_eq!(piece(1, 2), *b"\0\0\0\0\0\0\0\x01\0\0\0\x02");
        assert_eq!(piece_number(&piece(1, 2)), Some(1));
        assert_eq!(VIEWS_FORMAT_KEY, [0, 1]);
        assert_eq!(checkpoint("cash"), b"\0\x02cash");
        assert_eq!(row(9, b"x"), b"\x09x");
        assert_eq!([BLOCKS, CLAIMS, IDS, SNAPSHOTS], ["blocks", "claims", "ids", "snapshots"]);
    }

    #[test]
    fn golden_rows() {
        assert_eq!(format(LOG_MAGIC, LOG_FORMAT), *b"QLOG\0\x01");
        assert_eq!(format(VIEWS_MAGIC, VIEWS_FORMAT), *b"QVWS\0\x01");

        let row = head(&HEAD_1);
        assert_eq!(row[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(row[8..], [0xAB; 32]);
        assert_eq!(read_head(&row), Some(HEAD_1));
        assert_eq!(read_head(&row[1..]), None);

        let claimed = [([0xAA; 16], 258), ([0xBB; 16], 1)];
        let row = claims(&claimed);
        assert_eq!(row[..16], [0xAA; 16]);
        assert_eq!(row[16..24], [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(row[24..40], [0xBB; 16]);
        assert_eq!(read_claims(&row), Some(claimed.to_vec()));
        assert_eq!(read_claims(&row[1..]), None);

        let manifest = Manifest { version: 3, head: HEAD_1, pieces: 4, bytes: 5, digest: [0xCD; 32] };
        let row = manifest.to_row();
        assert_eq!(row[..5], [1, 0, 0, 0, 3]);
        assert_eq!(row[5..45], head(&HEAD_1));
        assert_eq!(row[45..57], [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5]);
        assert_eq!(row[57..], [0xCD; 32]);
        assert_eq!(Manifest::from_row(&row), Some(manifest));
    }

    #[test]
    #[should_panic(expected = "table 0")]
    fn table_zero_is_not_for_views() {
        row(0, b"x");
    }
}
