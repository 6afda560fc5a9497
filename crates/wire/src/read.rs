//! Reading protobuf: fields one after the other from borrowed bytes.
//!
//! What is malformed is refused as prost refuses it; a number too large for its type is refused too, where prost would
//! cut it. Unknown fields are passed over, groups included.

use crate::error::{DecodeError, Fault};
use prost::encoding::{DecodeContext, WireType, skip_field};

const VARINT: u32 = 0;
const BYTES: u32 = 2;

/// The fields of a message that are still to be read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// A field of which the number is read, and the value still to be.
pub(crate) struct Field<'r, 'a> {
    /// Its number.
    pub number: u32,
    wire_type: u32,
    reader: &'r mut Reader<'a>,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Nothing is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field, if there is one. Its value must be read or [skipped](Field::skip).
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<Field<'_, 'a>>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        if key > u64::from(u32::MAX) || key < 8 {
            return Err(DecodeError::new(format_args!("{key} is no field key: these are not bytes of the message")));
        }
        let key = key as u32;
        Ok(Some(Field { number: key >> 3, wire_type: key & 7, reader: self }))
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Fault> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            [low, high, ref rest @ ..] if high < 0x80 => {
                self.rest = rest;
                Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    /// Three bytes and more: amounts, dates, instants.
    fn long_varint(&mut self) -> Result<u64, Fault> {
        if let Some((head, _)) = self.rest.split_first_chunk::<8>() {
            let word = u64::from_le_bytes(*head);
            // The first byte without the high bit is the last one of the number.
            let end = !word & 0x8080_8080_8080_8080;
            if end != 0 {
                self.rest = &self.rest[end.trailing_zeros() as usize / 8 + 1..];
                // Below that bit: the seven bits of each byte, drawn together by twos, fours and eights.
                let bits = word & (end ^ end.wrapping_sub(1)) & 0x7f7f_7f7f_7f7f_7f7f;
                let bits = bits & 0x007f_007f_007f_007f | (bits & 0x7f00_7f00_7f00_7f00) >> 1;
                let bits = bits & 0x0000_3fff_0000_3fff | (bits & 0x3fff_0000_3fff_0000) >> 2;
                return Ok(bits & 0x0fff_ffff | (bits & 0x0fff_ffff_0000_0000) >> 4);
            }
        }
        self.any_varint()
    }

    /// Near the end of the bytes, or of nine and ten bytes.
    #[inline(never)]
    fn any_varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0u64;
        for (at, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                if at == 9 && byte > 1 {
                    break;
                }
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
        }
        Err(DecodeError::new("a number breaks off or has more than 64 bits"))
    }

    #[inline(always)]
    fn delimited(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.varint()?;
        match usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length)) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(DecodeError::new(format_args!("{length} bytes are announced, {} are left", self.rest.len()))),
        }
    }
}

impl<'a> Field<'_, 'a> {
    #[inline(always)]
    pub fn varint(self) -> Result<u64, Fault> {
        if self.wire_type == VARINT { self.reader.varint() } else { Err(self.other("a number")) }
    }

    #[inline(always)]
    pub fn bytes(self) -> Result<&'a [u8], Fault> {
        if self.wire_type == BYTES {
            self.reader.delimited()
        } else {
            Err(self.other("a text, bytes or a message"))
        }
    }

    #[inline]
    pub fn text(self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.bytes()?)
            .map_err(|error| DecodeError::new(format_args!("is not UTF-8 from byte {} on", error.valid_up_to())))
    }

    #[inline(always)]
    pub fn message(self) -> Result<Reader<'a>, Fault> {
        Ok(Reader { rest: self.bytes()? })
    }

    /// The numbers of a list: all of a packed one, or one that stands alone.
    pub fn numbers(self) -> Result<Numbers<'a>, Fault> {
        if self.wire_type == BYTES { Ok(Numbers::Packed(self.message()?)) } else { Ok(Numbers::One(self.varint()?)) }
    }

    /// How many fields like this one would fill the rest of the message: a guess at the length of a list, and never
    /// more than there are bytes.
    #[inline]
    pub fn more_like_it(&self) -> usize {
        let mut ahead = *self.reader;
        let length = ahead.delimited().map_or(1, <[u8]>::len);
        1 + ahead.rest.len() / (length + 2)
    }

    /// Passes over a field that nobody knows.
    #[inline]
    pub fn skip(self) -> Result<(), Fault> {
        match self.wire_type {
            VARINT => self.reader.varint().map(drop),
            BYTES => self.reader.delimited().map(drop),
            _ => self.skip_foreign(),
        }
    }

    /// Passes over a fixed-width number or a group, of which the schema has none.
    #[cold]
    fn skip_foreign(self) -> Result<(), Fault> {
        WireType::try_from(u64::from(self.wire_type))
            .and_then(|wire| skip_field(wire, self.number, &mut self.reader.rest, DecodeContext::default()))
            .map_err(|error| DecodeError::new(format_args!("field {}: {error}", self.number)))
    }

    #[cold]
    fn other(self, expected: &str) -> Fault {
        let found = match self.wire_type {
            VARINT => "a number",
            BYTES => "a text, bytes or a message",
            _ => "a fixed-width number or a group",
        };
        DecodeError::new(format_args!("has the wire type of {found}, expected {expected}"))
    }
}

/// The numbers of a list.
pub(crate) enum Numbers<'a> {
    One(u64),
    Packed(Reader<'a>),
}

impl Iterator for Numbers<'_> {
    type Item = Result<u64, Fault>;

    fn next(&mut self) -> Option<Result<u64, Fault>> {
        match self {
            Numbers::Packed(reader) if reader.is_empty() => None,
            Numbers::Packed(reader) => {
                let number = reader.varint();
                if number.is_err() {
                    reader.rest = &[];
                }
                Some(number)
            }
            Numbers::One(number) => {
                let number = *number;
                *self = Numbers::Packed(Reader { rest: &[] });
                Some(Ok(number))
            }
        }
    }
}
