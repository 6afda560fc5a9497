//! How far a Kafka source was consumed: stored in the same batch as the records it caused.

use crate::error::Error;
use model::identifier::Identifier;
use store::Log;

/// Where a consumer goes on, and what it checks before it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCursor {
    /// Kafka's cluster id, as the genesis names it; empty when it names none.
    pub cluster: String,
    /// The first offset that is not yet in the log.
    pub next_offset: u64,
    /// SHA-256 of the last message that is: the broker must still have it, else it lost or replaced its tail.
    pub last_hash: [u8; 32],
}

const FORMAT: u8 = 1;
const PREFIX: &str = "kafka/";

/// The cursor of a partition as the last commit left it; `None` when nothing of it was ever consumed.
///
/// # Errors
/// When the log cannot be read.
pub fn cursor(log: &Log, topic: &Identifier, partition: u32) -> Result<Option<SourceCursor>, Error> {
    let name = name(topic, partition);
    match log.cursor(&name)? {
        None => Ok(None),
        Some(row) => match decode(&row) {
            Some(cursor) => Ok(Some(cursor)),
            None => Err(Error::Store(store::Error::Corrupt {
                what: format!("the cursor of {}", String::from_utf8_lossy(&name)),
                detail: format!("{} bytes that this release does not know", row.len()),
            })),
        },
    }
}

/// The name under which the cursor of a partition is stored: `kafka/<topic>/<partition>`.
pub(crate) fn name(topic: &Identifier, partition: u32) -> Vec<u8> {
    format!("{PREFIX}{topic}/{partition}").into_bytes()
}

/// The partition that a cursor's name stands for.
pub(crate) fn parse_name(name: &[u8]) -> Option<(Identifier, u32)> {
    let (topic, partition) = std::str::from_utf8(name).ok()?.strip_prefix(PREFIX)?.rsplit_once('/')?;
    Some((Identifier::parse(topic).ok()?, partition.parse().ok()?))
}

/// Row: format byte 1, next offset `u64` big-endian, hash `[32]`, cluster id in UTF-8.
pub(crate) fn encode(next_offset: u64, last_hash: &[u8; 32], cluster: &str) -> Vec<u8> {
    let mut row = Vec::with_capacity(41 + cluster.len());
    row.push(FORMAT);
    row.extend_from_slice(&next_offset.to_be_bytes());
    row.extend_from_slice(last_hash);
    row.extend_from_slice(cluster.as_bytes());
    row
}

pub(crate) fn decode(row: &[u8]) -> Option<SourceCursor> {
    let (&FORMAT, rest) = row.split_first()? else { return None };
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    let (last_hash, cluster) = rest.split_first_chunk::<32>()?;
    Some(SourceCursor {
        cluster: std::str::from_utf8(cluster).ok()?.to_owned(),
        next_offset: u64::from_be_bytes(*offset),
        last_hash: *last_hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These bytes are on disks.
    #[test]
    fn golden_row_and_name() {
        let row = encode(258, &[7; 32], "ab");
        assert_eq!(row[..9], [1, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(row[9..41], [7; 32]);
        assert_eq!(&row[41..], b"ab");
        let cursor = SourceCursor { cluster: "ab".to_owned(), next_offset: 258, last_hash: [7; 32] };
        assert_eq!(decode(&row), Some(cursor));
        assert_eq!(decode(&row[..40]), None);
        assert_eq!(decode(&[2; 50]), None);

        let topic = Identifier::parse("a/b.v1").expect("a name");
        assert_eq!(name(&topic, 3), b"kafka/a/b.v1/3");
        assert_eq!(parse_name(b"kafka/a/b.v1/3"), Some((topic, 3)));
        assert_eq!(parse_name(b"other"), None);
    }
}
