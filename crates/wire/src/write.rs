//! Writing protobuf straight into a buffer, in one form only: the bytes are hashed.

use prost::bytes::BufMut as _;

const VARINT: u32 = 0;
const BYTES: u32 = 2;

#[inline]
pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
fn key(number: u32, wire_type: u32, out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | wire_type), out);
}

/// A field that is a number.
#[inline]
pub(crate) fn number(number: u32, value: u64, out: &mut Vec<u8>) {
    key(number, VARINT, out);
    varint(value, out);
}

/// A field that is a text or bytes.
#[inline]
pub(crate) fn bytes(number: u32, value: &[u8], out: &mut Vec<u8>) {
    key(number, BYTES, out);
    varint(value.len() as u64, out);
    out.put_slice(value);
}

/// A field that is a message (or a packed list), written by `body`.
///
/// Its length is written once it is known. Room is kept for the usual one byte; a longer body is moved.
#[inline]
pub(crate) fn nested(number: u32, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    key(number, BYTES, out);
    let start = out.len();
    out.push(0);
    body(out);
    let length = out.len() - start - 1;
    if length < 0x80 {
        out[start] = length as u8;
    } else {
        widen(start, length, out);
    }
}

/// Makes room for a length of more than one byte, and writes it.
fn widen(start: usize, length: usize, out: &mut Vec<u8>) {
    let width = prost::encoding::encoded_len_varint(length as u64);
    let body = start + 1..start + 1 + length;
    out.resize(out.len() + width - 1, 0);
    out.copy_within(body, start + width);
    let mut place = &mut out[start..start + width];
    prost::encoding::encode_varint(length as u64, &mut place);
}

/// A signed number as protobuf's `sint64` has it: small whichever its sign.
#[inline]
pub(crate) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// Back from [`zigzag`].
#[inline]
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// A short message built beside the buffer: its place stays in a register, where that of a `Vec` that may grow cannot.
pub(crate) struct Small {
    bytes: [u8; 48],
    length: usize,
}

impl Small {
    #[inline(always)]
    pub fn new() -> Small {
        Small { bytes: [0; 48], length: 0 }
    }

    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    /// A field below 16 that is a number.
    #[inline(always)]
    pub fn number(&mut self, number: u32, mut value: u64) {
        self.push((number << 3 | VARINT) as u8);
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    /// A field below 16 that is a text of three letters.
    #[inline(always)]
    pub fn three(&mut self, number: u32, letters: [u8; 3]) {
        self.push((number << 3 | BYTES) as u8);
        self.push(3);
        letters.into_iter().for_each(|letter| self.push(letter));
    }

    #[inline(always)]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
