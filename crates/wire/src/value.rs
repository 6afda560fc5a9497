//! Values: numbers, texts, identifiers, decimals, dates and instants, each in its one form on the wire.

use crate::error::{DecodeError, Fault};
use crate::read::{self, Key};
use crate::schema::Wire;
use crate::write;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{Bic, Cfi, CurrencyCode, Identifier, Isin, Lei};
use model::index::{AccountIx, BookIx, CalendarIx, DomainIx, InstrumentIx, PartyIx, SourceIx};
use model::instruction::Code;
use model::timestamp::Timestamp;

/// Unsigned numbers (`uint32`, `uint64`): zero is what an absent field means.
macro_rules! unsigned {
    ($($type:ty, $bits:literal;)*) => {$(
        impl Wire for $type {
            const PACKED: bool = true;

            #[inline]
            fn put(&self, number: u32, out: &mut Vec<u8>) {
                write::number(number, u64::from(*self), out);
            }

            #[inline]
            fn is_implied(&self) -> bool {
                *self == 0
            }

            #[inline]
            fn pack(&self) -> u64 {
                u64::from(*self)
            }

            #[inline]
            fn unpack(number: u64) -> Result<Option<$type>, Fault> {
                let value = <$type>::try_from(number);
                value.map(Some).map_err(|_| DecodeError::new(format_args!(concat!("{} has more than ", $bits, " bits"), number)))
            }

            #[inline]
            fn merge<'a>(slot: &mut Option<$type>, _: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
                let (number, rest) = read::number(key, bytes)?;
                *slot = Self::unpack(number)?;
                Ok(rest)
            }

            #[inline]
            fn absent() -> Option<$type> {
                Some(0)
            }
        }
    )*};
}
unsigned! { u8, "8"; u16, "16"; u32, "32"; u64, "64"; }

/// Signed numbers (`sint32`, `sint64`).
macro_rules! signed {
    ($($type:ty, $bits:literal;)*) => {$(
        impl Wire for $type {
            #[inline]
            fn put(&self, number: u32, out: &mut Vec<u8>) {
                write::number(number, write::zigzag(i64::from(*self)), out);
            }

            #[inline]
            fn is_implied(&self) -> bool {
                *self == 0
            }

            #[inline]
            fn merge<'a>(slot: &mut Option<$type>, _: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
                let (number, rest) = read::number(key, bytes)?;
                let value = write::unzigzag(number);
                match <$type>::try_from(value) {
                    Ok(value) => *slot = Some(value),
                    Err(_) => return Err(DecodeError::new(format_args!(concat!("{} has more than ", $bits, " bits"), value))),
                }
                Ok(rest)
            }

            #[inline]
            fn absent() -> Option<$type> {
                Some(0)
            }
        }
    )*};
}
signed! { i32, "32"; i64, "64"; }

impl Wire for bool {
    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        write::number(number, u64::from(*self), out);
    }

    #[inline]
    fn is_implied(&self) -> bool {
        !*self
    }

    #[inline]
    fn merge<'a>(slot: &mut Option<bool>, _: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let (number, rest) = read::number(key, bytes)?;
        *slot = Some(number != 0);
        Ok(rest)
    }

    #[inline]
    fn absent() -> Option<bool> {
        Some(false)
    }
}

impl Wire for String {
    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        write::bytes(number, self.as_bytes(), out);
    }

    #[inline]
    fn is_implied(&self) -> bool {
        self.is_empty()
    }

    #[inline]
    fn merge<'a>(slot: &mut Option<String>, _: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let (text, rest) = read::text(key, bytes)?;
        *slot = Some(text.to_owned());
        Ok(rest)
    }

    #[inline]
    fn absent() -> Option<String> {
        Some(String::new())
    }
}

/// Numbers that a name was given.
macro_rules! index {
    ($($type:ident)*) => {$(
        impl Wire for $type {
            #[inline]
            fn put(&self, number: u32, out: &mut Vec<u8>) {
                self.0.put(number, out);
            }

            #[inline]
            fn is_implied(&self) -> bool {
                self.0 == 0
            }

            #[inline]
            fn merge<'a>(slot: &mut Option<$type>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
                let mut index = None;
                let rest = u32::merge(&mut index, first, key, bytes)?;
                *slot = index.map($type);
                Ok(rest)
            }

            #[inline]
            fn absent() -> Option<$type> {
                Some($type(0))
            }
        }
    )*};
}
index! { PartyIx BookIx AccountIx InstrumentIx DomainIx CalendarIx SourceIx }

/// Texts with a check of their own. An empty one is an absent one.
macro_rules! checked_text {
    ($($type:ident)*) => {$(
        impl Wire for $type {
            #[inline]
            fn put(&self, number: u32, out: &mut Vec<u8>) {
                write::bytes(number, self.as_str().as_bytes(), out);
            }

            #[inline]
            fn merge<'a>(slot: &mut Option<$type>, _: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
                let (text, rest) = read::text(key, bytes)?;
                // Straight into the slot: a value that is looked at between being made and being moved is slow to move.
                match $type::parse(text) {
                    Ok(value) => *slot = Some(value),
                    Err(_) if text.is_empty() => *slot = None,
                    Err(error) => return Err(DecodeError::new(error)),
                }
                Ok(rest)
            }
        }
    )*};
}
checked_text! { Identifier CurrencyCode Isin Lei Bic Cfi }

impl Wire for Code {
    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        write::bytes(number, self.as_str().as_bytes(), out);
    }

    #[inline]
    fn merge<'a>(slot: &mut Option<Code>, _: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let (text, rest) = read::text(key, bytes)?;
        *slot = Code::parse(text);
        if slot.is_none() && !text.is_empty() {
            return Err(DecodeError::new(format_args!("code: {text:?}, expected four of A-Z 0-9")));
        }
        Ok(rest)
    }
}

impl Wire for Decimal {
    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        write::nested(number, out, |out| {
            self.unscaled.write(1, out);
            self.scale.write(2, out);
        });
    }

    #[inline]
    fn merge<'a>(slot: &mut Option<Decimal>, _: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        // A message sent twice is one message with the fields of both.
        let Decimal { mut unscaled, mut scale } = slot.unwrap_or(Decimal::ZERO);
        let (mut message, rest) = read::bytes(key, bytes)?;
        while !message.is_empty() {
            let (key, value) = read::key(message)?;
            message = match key.number() {
                1 => {
                    let (number, left) = read::number(key, value).map_err(|fault| fault.within("unscaled"))?;
                    unscaled = write::unzigzag(number);
                    left
                }
                2 => {
                    let (number, left) = read::number(key, value).map_err(|fault| fault.within("scale"))?;
                    // What does not fit is too large anyway.
                    scale = u32::try_from(number).unwrap_or(u32::MAX);
                    left
                }
                _ => read::skip(key, value)?,
            };
        }
        *slot = Some(Decimal::new(unscaled, scale).map_err(|error| DecodeError::new(error).within("scale"))?);
        Ok(rest)
    }
}

/// A date as `YYYYMMDD`.
#[inline]
fn date_number(date: Date) -> u32 {
    let (year, month, day) = date.ymd();
    // Years are 1900 to 2200.
    year.unsigned_abs() * 10_000 + u32::from(month) * 100 + u32::from(day)
}

/// The date of a number `YYYYMMDD`.
#[inline]
fn date_of_number(number: u64) -> Result<Date, Fault> {
    let refused = |reason: &dyn std::fmt::Display| {
        DecodeError::new(format_args!("{number} is no date of the form YYYYMMDD: {reason}"))
    };
    if number > 99_999_999 {
        return Err(refused(&"more than eight digits"));
    }
    let number = number as i32;
    Date::from_ymd(number / 10_000, (number / 100 % 100) as u8, (number % 100) as u8).map_err(|error| refused(&error))
}

impl Wire for Date {
    const PACKED: bool = true;

    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        write::number(number, self.pack(), out);
    }

    #[inline]
    fn pack(&self) -> u64 {
        u64::from(date_number(*self))
    }

    #[inline]
    fn unpack(number: u64) -> Result<Option<Date>, Fault> {
        if number == 0 { Ok(None) } else { date_of_number(number).map(Some) }
    }

    #[inline]
    fn merge<'a>(slot: &mut Option<Date>, _: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let (number, rest) = read::number(key, bytes)?;
        *slot = Date::unpack(number)?;
        Ok(rest)
    }
}

/// `google.protobuf.Timestamp`: seconds (`int64`) and nanoseconds (`int32`).
impl Wire for Timestamp {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        let micros = self.micros();
        write::nested(number, out, |out| {
            // An int64: a negative number is written as its 64 bits.
            (micros.div_euclid(1_000_000) as u64).write(1, out);
            (micros.rem_euclid(1_000_000) as u64 * 1_000).write(2, out);
        });
    }

    #[inline]
    fn merge<'a>(slot: &mut Option<Timestamp>, _: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let before = slot.map_or(0, Timestamp::micros);
        let mut seconds = before.div_euclid(1_000_000);
        let mut nanos = before.rem_euclid(1_000_000) as u64 * 1_000;
        let (mut message, rest) = read::bytes(key, bytes)?;
        while !message.is_empty() {
            let (key, value) = read::key(message)?;
            message = match key.number() {
                1 => {
                    let (number, left) = read::number(key, value).map_err(|fault| fault.within("seconds"))?;
                    seconds = number as i64;
                    left
                }
                2 => {
                    let (number, left) = read::number(key, value).map_err(|fault| fault.within("nanos"))?;
                    nanos = number;
                    left
                }
                _ => read::skip(key, value)?,
            };
        }
        if nanos >= 1_000_000_000 || !nanos.is_multiple_of(1_000) {
            let reason = format_args!("{} is out of range or finer than a microsecond", nanos as i64);
            return Err(DecodeError::new(reason).within("nanos"));
        }
        let micros = seconds.checked_mul(1_000_000).and_then(|micros| micros.checked_add(nanos as i64 / 1_000));
        let micros = micros.ok_or_else(|| DecodeError::new("instant out of range"))?;
        *slot = Some(Timestamp::from_micros(micros).map_err(DecodeError::new)?);
        Ok(rest)
    }
}

/// A hash: 32 bytes, or absent.
impl Wire for [u8; 32] {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        write::bytes(number, self, out);
    }

    fn merge<'a>(slot: &mut Option<[u8; 32]>, _: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let (found, rest) = read::bytes(key, bytes)?;
        *slot = found.try_into().ok();
        if slot.is_none() && !found.is_empty() {
            return Err(DecodeError::new(format_args!("{} bytes are no SHA-256, which has 32", found.len())));
        }
        Ok(rest)
    }
}
