//! Reading protobuf: fields one after the other from borrowed bytes.
//!
//! What is malformed is refused as prost refuses it; a number too large for its type is refused too, where prost would
//! cut it. Unknown fields are passed over, groups included.
//!
//! Every function takes the bytes that are left and gives back what follows: the place of the reading stays in
//! registers. (Behind a `&mut` it lives in memory, and each field waits for the one before it to be stored: measured,
//! twice the time.)

use crate::error::{DecodeError, Fault};
use prost::encoding::{DecodeContext, WireType, skip_field};

/// What stands before a value: the field's number and the form of the value.
#[derive(Clone, Copy)]
pub(crate) struct Key(u32);

impl Key {
    const VARINT: u32 = 0;
    const BYTES: u32 = 2;

    /// The field's number.
    #[inline(always)]
    pub fn number(self) -> u32 {
        self.0 >> 3
    }

    #[inline(always)]
    fn wire_type(self) -> u32 {
        self.0 & 7
    }

    #[cold]
    fn unlike(self, expected: &str) -> Fault {
        let found = match self.wire_type() {
            Key::VARINT => "a number",
            Key::BYTES => "a text, bytes or a message",
            _ => "a fixed-width number or a group",
        };
        DecodeError::new(format_args!("has the wire type of {found}, expected {expected}"))
    }
}

/// The key of the next field.
#[inline(always)]
pub(crate) fn key(bytes: &[u8]) -> Result<(Key, &[u8]), Fault> {
    let (key, rest) = any_number(bytes)?;
    if key < 8 || key > u64::from(u32::MAX) {
        return Err(DecodeError::new(format_args!("{key} is no field key: these are not bytes of the message")));
    }
    Ok((Key(key as u32), rest))
}

/// A value that is a number.
#[inline(always)]
pub(crate) fn number(key: Key, bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    if key.wire_type() == Key::VARINT { any_number(bytes) } else { Err(key.unlike("a number")) }
}

/// A value that is bytes or a message.
#[inline(always)]
pub(crate) fn bytes(key: Key, bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    if key.wire_type() == Key::BYTES { delimited(bytes) } else { Err(key.unlike("a text, bytes or a message")) }
}

/// A value that is a text.
#[inline(always)]
pub(crate) fn text(key: Key, from: &[u8]) -> Result<(&str, &[u8]), Fault> {
    let (text, rest) = bytes(key, from)?;
    match std::str::from_utf8(text) {
        Ok(text) => Ok((text, rest)),
        Err(error) => Err(DecodeError::new(format_args!("is not UTF-8 from byte {} on", error.valid_up_to()))),
    }
}

/// Passes over a value that nobody knows.
#[inline(always)]
pub(crate) fn skip(key: Key, bytes: &[u8]) -> Result<&[u8], Fault> {
    match key.wire_type() {
        Key::VARINT => any_number(bytes).map(|(_, rest)| rest),
        Key::BYTES => delimited(bytes).map(|(_, rest)| rest),
        _ => skip_foreign(key, bytes),
    }
}

/// Passes over a fixed-width number or a group, of which the schema has none.
#[cold]
fn skip_foreign(key: Key, mut bytes: &[u8]) -> Result<&[u8], Fault> {
    WireType::try_from(u64::from(key.wire_type()))
        .and_then(|wire| skip_field(wire, key.number(), &mut bytes, DecodeContext::default()))
        .map_err(|error| DecodeError::new(format_args!("field {}: {error}", key.number())))?;
    Ok(bytes)
}

/// A message that may be put before another: fields to its last byte, and none that reaches beyond it.
#[cold]
pub(crate) fn whole(mut bytes: &[u8]) -> Result<(), Fault> {
    while !bytes.is_empty() {
        let (key, value) = self::key(bytes)?;
        bytes = skip(key, value)?;
    }
    Ok(())
}

/// Whether a value is a packed list of numbers.
pub(crate) fn is_packed(key: Key) -> bool {
    key.wire_type() == Key::BYTES
}

/// A number without regard to its key, and what follows it.
#[inline(always)]
pub(crate) fn any_number(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    match *bytes {
        [byte, ref rest @ ..] if byte < 0x80 => Ok((u64::from(byte), rest)),
        [low, high, ref rest @ ..] if high < 0x80 => Ok((u64::from(low & 0x7f) | u64::from(high) << 7, rest)),
        _ => match long_number(bytes) {
            (value, length @ 1..) => Ok((value, &bytes[length..])),
            _ => Err(DecodeError::new("a number breaks off or has more than 64 bits")),
        },
    }
}

/// A number of three bytes and more (amounts, dates, instants) and how many they are; none if it is malformed.
fn long_number(bytes: &[u8]) -> (u64, usize) {
    if let Some((head, _)) = bytes.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*head);
        // The first byte without the high bit is the last one of the number.
        let end = !word & 0x8080_8080_8080_8080;
        if end != 0 {
            // Up to that bit: the seven bits of each byte, drawn together by twos, fours and eights.
            let bits = word & (end ^ end.wrapping_sub(1)) & 0x7f7f_7f7f_7f7f_7f7f;
            let bits = bits & 0x007f_007f_007f_007f | (bits & 0x7f00_7f00_7f00_7f00) >> 1;
            let bits = bits & 0x0000_3fff_0000_3fff | (bits & 0x3fff_0000_3fff_0000) >> 2;
            let bits = bits & 0x0fff_ffff | (bits & 0x0fff_ffff_0000_0000) >> 4;
            return (bits, end.trailing_zeros() as usize / 8 + 1);
        }
    }
    // Near the end of the bytes, or of nine and ten bytes.
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return if at == 9 && byte > 1 { (0, 0) } else { (value, at + 1) };
        }
    }
    (0, 0)
}

#[inline(always)]
fn delimited(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let (length, rest) = any_number(bytes)?;
    if length <= rest.len() as u64 { Ok(rest.split_at(length as usize)) } else { Err(cut_short(length, rest)) }
}

#[cold]
fn cut_short(length: u64, rest: &[u8]) -> Fault {
    DecodeError::new(format_args!("{length} bytes are announced, {} are left", rest.len()))
}
