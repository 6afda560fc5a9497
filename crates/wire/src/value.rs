//! Values: numbers, texts, identifiers, decimals, dates and instants, each in its one form on the wire.

use crate::error::{DecodeError, Fault};
use crate::read::Field;
use crate::schema::Wire;
use crate::write;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{Bic, Cfi, CurrencyCode, Identifier, Isin, Lei};
use model::index::{AccountIx, Asset, BookIx, CalendarIx, DomainIx, InstrumentIx, PartyIx, SourceIx};
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
            fn merge(slot: &mut Option<$type>, _: u32, field: Field<'_, '_>) -> Result<(), Fault> {
                *slot = Self::unpack(field.varint()?)?;
                Ok(())
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
            fn merge(slot: &mut Option<$type>, _: u32, field: Field<'_, '_>) -> Result<(), Fault> {
                let value = write::unzigzag(field.varint()?);
                match <$type>::try_from(value) {
                    Ok(value) => *slot = Some(value),
                    Err(_) => return Err(DecodeError::new(format_args!(concat!("{} has more than ", $bits, " bits"), value))),
                }
                Ok(())
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
    fn merge(slot: &mut Option<bool>, _: u32, field: Field<'_, '_>) -> Result<(), Fault> {
        *slot = Some(field.varint()? != 0);
        Ok(())
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
    fn merge(slot: &mut Option<String>, _: u32, field: Field<'_, '_>) -> Result<(), Fault> {
        *slot = Some(field.text()?.to_owned());
        Ok(())
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
            fn merge(slot: &mut Option<$type>, number: u32, field: Field<'_, '_>) -> Result<(), Fault> {
                let mut index = None;
                u32::merge(&mut index, number, field)?;
                *slot = index.map($type);
                Ok(())
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
            fn merge(slot: &mut Option<$type>, _: u32, field: Field<'_, '_>) -> Result<(), Fault> {
                let text = field.text()?;
                *slot = if text.is_empty() { None } else { Some($type::parse(text).map_err(DecodeError::new)?) };
                Ok(())
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
    fn merge(slot: &mut Option<Code>, _: u32, field: Field<'_, '_>) -> Result<(), Fault> {
        let text = field.text()?;
        *slot = Code::parse(text);
        if slot.is_none() && !text.is_empty() {
            return Err(DecodeError::new(format_args!("code: {text:?}, expected four of A-Z 0-9")));
        }
        Ok(())
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
    fn merge(slot: &mut Option<Decimal>, _: u32, field: Field<'_, '_>) -> Result<(), Fault> {
        // A message sent twice is one message with the fields of both.
        let before = slot.unwrap_or(Decimal::ZERO);
        let (mut unscaled, mut scale) = (Some(before.unscaled), Some(before.scale));
        let mut reader = field.message()?;
        while let Some(field) = reader.next()? {
            match field.number {
                1 => i64::merge(&mut unscaled, 1, field).map_err(|error| error.within("unscaled"))?,
                2 => u32::merge(&mut scale, 2, field).map_err(|error| error.within("scale"))?,
                _ => field.skip()?,
            }
        }
        let decimal = Decimal::new(unscaled.unwrap_or(0), scale.unwrap_or(0));
        *slot = Some(decimal.map_err(|error| DecodeError::new(error).within("scale"))?);
        Ok(())
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
    if number > 9999_99_99 {
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
    fn merge(slot: &mut Option<Date>, _: u32, field: Field<'_, '_>) -> Result<(), Fault> {
        *slot = Date::unpack(field.varint()?)?;
        Ok(())
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
    fn merge(slot: &mut Option<Timestamp>, _: u32, field: Field<'_, '_>) -> Result<(), Fault> {
        let before = slot.map_or(0, Timestamp::micros);
        let mut seconds = before.div_euclid(1_000_000);
        let mut nanos = before.rem_euclid(1_000_000) as u64 * 1_000;
        let mut reader = field.message()?;
        while let Some(field) = reader.next()? {
            match field.number {
                1 => seconds = field.varint()? as i64,
                2 => nanos = field.varint()?,
                _ => field.skip()?,
            }
        }
        if nanos >= 1_000_000_000 || !nanos.is_multiple_of(1_000) {
            let reason = format_args!("{} is out of range or finer than a microsecond", nanos as i64);
            return Err(DecodeError::new(reason).within("nanos"));
        }
        let micros = seconds.checked_mul(1_000_000).and_then(|micros| micros.checked_add(nanos as i64 / 1_000));
        let micros = micros.ok_or_else(|| DecodeError::new("instant out of range"))?;
        *slot = Some(Timestamp::from_micros(micros).map_err(DecodeError::new)?);
        Ok(())
    }
}

/// A `oneof` of `uint32 instrument` and `string currency`.
impl Wire for Asset {
    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        match (self.as_instrument(), self.as_currency()) {
            (Some(instrument), _) => instrument.put(number, out),
            (None, Some(currency)) => currency.put(number + 1, out),
            (None, None) => unreachable!("an asset is an instrument or a currency"),
        }
    }

    #[inline]
    fn merge(slot: &mut Option<Asset>, number: u32, field: Field<'_, '_>) -> Result<(), Fault> {
        if field.number == number {
            let index = field.varint()?;
            if index >= 1 << 31 {
                return Err(DecodeError::new(format_args!("{index} is no number of an instrument")));
            }
            *slot = Some(Asset::instrument(InstrumentIx(index as u32)));
        } else {
            let mut currency = None;
            CurrencyCode::merge(&mut currency, number + 1, field)?;
            *slot = currency.map(Asset::currency);
        }
        Ok(())
    }
}
