//! The end of a write-ahead log as a power cut may leave it: a record of which some sectors never reached the disk.
//!
//! The log is opened so that RocksDB refuses every record with a wrong checksum, also the last one: for all it knows, a bit turned over in
//! what was acknowledged. It only takes a file that is too *short* for torn. But a file system may have written the new length before
//! the contents, and then sectors of the last record read as zeros. Such an end is cut off here, and only such a one:
//!
//! * the damage is in the newest write-ahead log that holds anything, and no record begins after it: a commit is on disk before the next
//!   is written, so what was acknowledged stands before it;
//! * within the damaged record a whole sector, or the rest of the file from the beginning of one, or its header is zeros. A record that was
//!   written has none: blocks are compressed, and a commit ends with a hash.
//!
//! What is cut off is kept beside the log's directory. Whether anything acknowledged was among it the witness knows, as ever.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::witness::sync_parent;

/// RocksDB writes its log in blocks of this size, into which no record's header is split.
const BLOCK: usize = 32 << 10;
/// Checksum, length, kind.
const HEADER: usize = 7;
/// What disks write at once.
const SECTOR: usize = 512;
/// Less than this many zeros at the end of a file may be chance.
const FEW: usize = 32;

/// Where what was cut off a log goes: beside its directory.
pub(super) fn kept(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(".torn");
    name.into()
}

/// Cuts a torn end off; `false` when that is not what ails the log. `kept` is where what was cut off goes.
pub(super) fn cut_off(dir: &Path, kept: &Path) -> Result<bool, Error> {
    let failed = |doing, path: &Path, cause: io::Error| Error::file(doing, path, &cause);
    let Some(wal) = newest(dir).map_err(|cause| failed("looking for write-ahead logs", dir, cause))? else {
        return Ok(false);
    };
    let bytes = fs::read(&wal).map_err(|cause| failed("reading a write-ahead log", &wal, cause))?;
    let Some(torn) = torn(&bytes) else { return Ok(false) };
    let cut = || {
        let mut file = File::create(kept)?;
        file.write_all(&bytes[torn.start..])?;
        file.sync_all()?;
        sync_parent(kept)?;
        let file = File::options().write(true).open(&wal)?;
        file.set_len(torn.start as u64)?;
        file.sync_all()
    };
    cut().map_err(|cause| failed("cutting a torn record off", &wal, cause))?;
    tracing::warn!(
        wal = %wal.display(), at = torn.start, bytes = torn.len(), kept = %kept.display(),
        "the last record of the write-ahead log was torn, as by a power cut, and is cut off"
    );
    Ok(true)
}

/// The write-ahead log with the highest number that holds anything.
fn newest(dir: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest = None;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()?.parse::<u64>().ok());
        let Some(number) = name.filter(|_| path.extension().is_some_and(|end| end == "log")) else { continue };
        if fs::metadata(&path)?.len() > 0 && newest.as_ref().is_none_or(|(highest, _)| *highest < number) {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// The torn record at the end of a write-ahead log: from the end of the last sound record to the end of the file.
fn torn(bytes: &[u8]) -> Option<Range<usize>> {
    let (mut at, mut sound) = (0, 0);
    loop {
        match piece(bytes, at) {
            Piece::Sound { kind, end } => {
                at = end;
                // A whole record, or the last piece of one.
                if !matches!(kind, FIRST | MIDDLE) {
                    sound = end;
                }
            }
            Piece::Padding { end } => at = end,
            Piece::End => return None,
            Piece::Damaged => break,
        }
    }
    // Behind the damage no place but the beginning of a block is known to be one where a piece may stand.
    for block in (0..bytes.len()).step_by(BLOCK).filter(|block| *block > at) {
        let mut at = block;
        while let Piece::Sound { kind, end } = piece(bytes, at) {
            // Pieces of the torn record may have reached the disk; another record may not.
            if !matches!(kind, MIDDLE | LAST) {
                return None;
            }
            at = end;
        }
    }
    has_unwritten_sector(bytes, sound).then_some(sound..bytes.len())
}

const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

enum Piece {
    Sound {
        kind: u8,
        end: usize,
    },
    /// Too near the end of a block for a header.
    Padding {
        end: usize,
    },
    /// The file ends here.
    End,
    Damaged,
}

/// What stands at a place.
fn piece(bytes: &[u8], at: usize) -> Piece {
    let left = BLOCK - at % BLOCK;
    if at >= bytes.len() {
        return Piece::End;
    }
    if left < HEADER {
        return Piece::Padding { end: at + left };
    }
    let Some(header) = bytes.get(at..at + HEADER) else { return Piece::Damaged };
    let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
    let kind = header[6];
    let end = at + HEADER + length;
    let Some(checked) = bytes.get(at + HEADER - 1..end).filter(|_| kind != 0 && HEADER + length <= left) else {
        return Piece::Damaged;
    };
    match masked(crc32c(checked)).to_le_bytes() == header[..4] {
        true => Piece::Sound { kind, end },
        false => Piece::Damaged,
    }
}

fn has_unwritten_sector(bytes: &[u8], from: usize) -> bool {
    // The sector in which the torn record begins holds the end of the one before, so it was written, but perhaps for that one only.
    if bytes[from..].iter().take(HEADER).all(|byte| *byte == 0) {
        return true;
    }
    let first = from.next_multiple_of(SECTOR);
    (first..bytes.len()).step_by(SECTOR).any(|at| {
        let sector = &bytes[at..bytes.len().min(at + SECTOR)];
        sector.len() >= FEW && sector.iter().all(|byte| *byte == 0)
    })
}

/// As RocksDB stores a checksum.
fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), a bit at a time: it runs once after a power cut.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |checksum, byte| {
        (0..8).fold(checksum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the CRC catalogue, and the test vectors of RFC 3720 (B.4).
    #[test]
    fn the_checksum_is_crc_32c() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }
}
