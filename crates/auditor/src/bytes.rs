//! Reading protobuf bytes, by hand: a message is a run of numbered fields, and nothing of it is believed before it is read.

use crate::fault::Fault;

/// A field's value as it lies in the bytes.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    pub fn number(self) -> Result<u64, Fault> {
        match self {
            Value::Number(number) => Ok(number),
            Value::Bytes(_) => Err(unreadable("bytes where a number belongs")),
        }
    }

    /// An unsigned number of 32 bits; the numbers of names, dates and codes.
    pub fn small(self) -> Result<u32, Fault> {
        u32::try_from(self.number()?).map_err(|_| unreadable("a number beyond 32 bits"))
    }

    /// A signed number in zigzag form (`sint32`, `sint64`).
    pub fn signed(self) -> Result<i64, Fault> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub fn flag(self) -> Result<bool, Fault> {
        Ok(self.number()? != 0)
    }

    pub fn bytes(self) -> Result<&'a [u8], Fault> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Number(_) => Err(unreadable("a number where bytes belong")),
        }
    }

    pub fn text(self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.bytes()?).map_err(|_| unreadable("a text that is not UTF-8"))
    }
}

/// The fields of a message, in the order of its bytes.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn of(bytes: &'a [u8]) -> Fields<'a> {
        Fields { rest: bytes }
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Fault> {
        // Most numbers are small.
        if let [byte @ 0..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Fault> {
        let mut number = 0u64;
        for (place, byte) in self.rest.iter().take(10).enumerate() {
            if place == 9 && *byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[place + 1..];
                return Ok(number);
            }
        }
        Err(unreadable("a number without an end"))
    }

    #[inline(always)]
    fn take(&mut self, length: u64) -> Result<&'a [u8], Fault> {
        let cut = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = cut.ok_or_else(|| unreadable("a field that runs past the end"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next field: its number and value; `None` at the end.
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0);
        let number = number.ok_or_else(|| unreadable("a field number that cannot be"))?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            1 => Value::Bytes(self.take(8)?),
            5 => Value::Bytes(self.take(4)?),
            _ => return Err(unreadable("a kind of field that does not exist")),
        };
        Ok(Some((number, value)))
    }
}

/// The last field of that number; `None` where there is none.
pub fn last(bytes: &[u8], wanted: u32) -> Result<Option<Value<'_>>, Fault> {
    let (mut fields, mut found) = (Fields::of(bytes), None);
    while let Some((number, value)) = fields.next()? {
        if number == wanted {
            found = Some(value);
        }
    }
    Ok(found)
}

/// The text of a field; empty where it is absent.
pub fn text(bytes: &[u8], wanted: u32) -> Result<&str, Fault> {
    last(bytes, wanted)?.map_or(Ok(""), Value::text)
}

#[cold]
pub fn unreadable(what: &str) -> Fault {
    Fault::violated(crate::Invariant::I10, format!("it cannot be read: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_encoding_guide_shows() {
        // The two examples of protobuf.dev "Encoding": { 1: 150 } and { 2: "testing" }.
        let number = last(&[0x08, 0x96, 0x01], 1).expect("reads").expect("there");
        assert_eq!(number.number().expect("a number"), 150);
        assert_eq!(text(b"\x12\x07testing", 2).expect("reads"), "testing");
        assert_eq!(Value::Number(3).signed().expect("signed"), -2);
        assert_eq!(Value::Number(u64::MAX).signed().expect("signed"), i64::MIN);
    }

    #[test]
    fn refuses_what_ends_too_early_or_never() {
        for bad in [
            &[0x08][..],
            &[0x08, 0x80],
            &[0x12, 5, b'a'],
            &[0x0b],
            &[0x00, 1],
            &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
        ] {
            assert!(last(bad, 1).is_err(), "{bad:?}");
        }
    }
}
