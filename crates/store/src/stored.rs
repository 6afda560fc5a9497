//! The bytes of a block on disk and on the wire, and the check that they are what was committed.
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 1 | format: 1 = payload as it is, 2 = payload as one zstd frame |
//! | 1 | 4 | number of records |
//! | 5 | 8 | sequence of the first record |
//! | 13 | 32 | chain before the first record |
//! | 45 | 32 | chain after the last record |
//! | 77 | 4 | length of the payload, uncompressed |
//! | 81 | … | payload: each record behind its length (4 bytes); numbers are big-endian |

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use crate::records::PREFIX;
use crate::{Block, BlockBuilder, Error, Hash, chain};

const PLAIN: u8 = 1;
const ZSTD: u8 = 2;
const HEADER: usize = 81;

/// Turns blocks into stored bytes; keeps its buffers and the compressor's tables from block to block.
pub(crate) struct Encoder {
    compressor: Compressor<'static>,
    frame: Vec<u8>,
    stored: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new(level: i32) -> Result<Encoder, Error> {
        let compressor = Compressor::new(level).map_err(|cause| Error::Fatal {
            doing: "starting the block compressor",
            cause: cause.to_string(),
            disk_full: false,
        })?;
        Ok(Encoder { compressor, frame: Vec::new(), stored: Vec::new() })
    }

    /// The stored form of a block, valid until the next call.
    pub(crate) fn encode(&mut self, block: &Block) -> &[u8] {
        let payload = block.payload();
        self.frame.clear();
        self.frame.reserve(zstd::zstd_safe::compress_bound(payload.len()));
        // It can only fail for want of room, which was just made; then, and when it does not pay, the payload is stored as it is.
        let smaller =
            self.compressor.compress_to_buffer(payload, &mut self.frame).is_ok_and(|length| length < payload.len());
        let (format, body) = if smaller { (ZSTD, self.frame.as_slice()) } else { (PLAIN, payload) };
        self.stored.clear();
        self.stored.reserve(HEADER + body.len());
        self.stored.push(format);
        self.stored.extend_from_slice(&(block.len() as u32).to_be_bytes());
        self.stored.extend_from_slice(&block.first().to_be_bytes());
        self.stored.extend_from_slice(&block.prior_chain());
        self.stored.extend_from_slice(&block.chain());
        self.stored.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        self.stored.extend_from_slice(body);
        &self.stored
    }
}

thread_local! {
    /// What a thread that reads blocks keeps from block to block: making the tables anew costs more than a small block.
    static DECODER: RefCell<Option<Decoder>> = const { RefCell::new(None) };
}

/// Reads a stored block and verifies it.
pub(crate) fn decode(stored: &[u8]) -> Result<Block, Error> {
    DECODER.with_borrow_mut(|kept| match kept {
        Some(decoder) => decoder.decode(stored),
        none => none.insert(Decoder::new()?).decode(stored),
    })
}

struct Decoder {
    decompressor: Decompressor<'static>,
}

impl Decoder {
    fn new() -> Result<Decoder, Error> {
        let decompressor = Decompressor::new()
            .map_err(|cause| Error::Read { doing: "starting the block decompressor", cause: cause.to_string() })?;
        Ok(Decoder { decompressor })
    }

    /// The block in `stored`, if its records hash to its chain.
    fn decode(&mut self, stored: &[u8]) -> Result<Block, Error> {
        let Some(header) = Header::read(stored) else {
            return Err(Error::corrupt("a stored block", format!("{} bytes do not hold a header", stored.len())));
        };
        self.body(&header, &stored[HEADER..])
            .map_err(|detail| Error::corrupt(format!("block {}", header.first), detail))
    }

    fn body(&mut self, header: &Header, body: &[u8]) -> Result<Block, String> {
        // Bytes from outside come here too: believe no length before it is checked.
        if header.length > BlockBuilder::MAX_BYTES {
            return Err(format!("a payload of {} bytes", header.length));
        }
        if header.count == 0 || header.first == 0 || header.count > header.length / PREFIX {
            return Err(format!("{} records from {} in {} bytes", header.count, header.first, header.length));
        }
        if header.first.checked_add(header.count as u64).is_none() {
            return Err("sequences beyond the largest number".to_owned());
        }
        let payload = match header.format {
            PLAIN => body.to_vec(),
            ZSTD => self
                .decompressor
                .decompress(body, header.length)
                .map_err(|cause| format!("it does not decompress: {cause}"))?,
            unknown => return Err(format!("format {unknown} is not known here")),
        };
        if payload.len() != header.length {
            return Err(format!("{} bytes instead of {}", payload.len(), header.length));
        }
        let (ends, after) = relink(&payload, header.count, header.prior)?;
        if after != header.after {
            return Err("its records do not hash to its chain".to_owned());
        }
        Ok(Block::new(header.first, header.prior, after, payload, ends))
    }
}

struct Header {
    format: u8,
    count: usize,
    first: u64,
    prior: Hash,
    after: Hash,
    length: usize,
}

impl Header {
    fn read(stored: &[u8]) -> Option<Header> {
        let header: &[u8; HEADER] = stored.get(..HEADER)?.try_into().ok()?;
        Some(Header {
            format: header[0],
            count: u32::from_be_bytes(header[1..5].try_into().ok()?) as usize,
            first: u64::from_be_bytes(header[5..13].try_into().ok()?),
            prior: header[13..45].try_into().ok()?,
            after: header[45..77].try_into().ok()?,
            length: u32::from_be_bytes(header[77..81].try_into().ok()?) as usize,
        })
    }
}

/// Splits a payload into its records and hashes and links them again.
fn relink(payload: &[u8], count: usize, prior: Hash) -> Result<(Vec<u32>, Hash), String> {
    let mut ends = Vec::with_capacity(count);
    let mut chain = prior;
    let mut rest = payload;
    while let Some((length, tail)) = rest.split_first_chunk::<PREFIX>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((record, tail)) = tail.split_at_checked(length) else {
            return Err(format!("record {} runs past the end", ends.len() + 1));
        };
        chain = chain::link(&chain, &chain::leaf(record));
        rest = tail;
        ends.push((payload.len() - rest.len()) as u32);
    }
    if !rest.is_empty() || ends.len() != count {
        return Err(format!("{} records instead of {count}", ends.len()));
    }
    Ok((ends, chain))
}

impl Block {
    /// The bytes that a store keeps for this block, compressed at `level` of zstd: for publishing it and for tests.
    ///
    /// # Errors
    /// Only when the compressor cannot start.
    pub fn to_stored(&self, level: i32) -> Result<Vec<u8>, Error> {
        let mut encoder = Encoder::new(level)?;
        Ok(encoder.encode(self).to_vec())
    }

    /// Reads a block from its stored bytes, wherever they come from, and verifies that its records hash to its chain.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the bytes are not a block or the records do not hash to the chain.
    pub fn from_stored(stored: &[u8]) -> Result<Block, Error> {
        decode(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(records: &[&[u8]]) -> Block {
        let mut builder = BlockBuilder::new(0x0102, [0x11; 32]);
        for record in records {
            builder.push(record);
        }
        builder.finish()
    }

    /// These bytes are on disks and in topics. A change that breaks this test needs a new format number.
    #[test]
    fn golden_header() {
        let block = block(&[b"ab", b""]);
        let stored = block.to_stored(1).expect("encodes");
        let mut golden = vec![1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 2];
        golden.extend([0x11; 32]);
        golden.extend(block.chain());
        golden.extend([0, 0, 0, 10]);
        golden.extend([0, 0, 0, 2, b'a', b'b', 0, 0, 0, 0]);
        assert_eq!(stored, golden);
        assert_eq!(Block::from_stored(&golden).expect("decodes"), block);
    }

    #[test]
    fn compressed_when_it_pays() {
        let block = block(&[&[b'x'; 1000], &[b'y'; 1000]]);
        for level in [-3, 1, 3] {
            let stored = block.to_stored(level).expect("encodes");
            assert_eq!(stored[0], ZSTD);
            assert!(stored.len() < 300);
            assert_eq!(Block::from_stored(&stored).expect("decodes"), block);
        }
    }

    /// Whatever single bit turns over, and wherever the bytes are cut, it is noticed.
    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let long = [b'z'; 300];
        for block in [block(&[b"ab", b"", b"c"]), block(&[&long, b"q", &long])] {
            let stored = block.to_stored(1).expect("encodes");
            for index in 0..stored.len() {
                for bit in 0..8 {
                    let mut bad = stored.clone();
                    bad[index] ^= 1 << bit;
                    match Block::from_stored(&bad) {
                        Err(Error::Corrupt { .. }) => {}
                        // The first sequence is not hashed: the log checks it against its neighbours.
                        Ok(read) if (5..13).contains(&index) => assert_ne!(read, block),
                        // A bit of the zstd frame's own header may change nothing that matters.
                        Ok(read) => assert_eq!(read, block, "byte {index} bit {bit}"),
                        Err(other) => panic!("byte {index} bit {bit}: {other}"),
                    }
                }
                assert!(Block::from_stored(&stored[..index]).is_err());
            }
        }
    }
}
