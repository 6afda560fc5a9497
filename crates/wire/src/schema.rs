//! What a field and a message are, and the macros by which the other modules write their tables of field numbers.
//!
//! A type of the model has one form on the wire: an identifier is a string, a date a `uint32`, an `i64` a `sint64`,
//! and so on ([`Wire`]). A message is then a table of numbers and names ([`message!`], [`choice!`]), read and written by
//! the same table. The tests hold the tables against the `.proto` files.

use crate::error::{DecodeError, Fault};
use crate::read::{self, Key};
use crate::write;

/// How a type stands in a field, or in the fields of a `oneof` with consecutive numbers.
pub(crate) trait Wire: Sized {
    /// A list of them is packed: one field, the numbers one after the other.
    const PACKED: bool = false;

    /// Writes it whatever it is.
    fn put(&self, number: u32, out: &mut Vec<u8>);

    /// It is what an absent field means.
    #[inline]
    fn is_implied(&self) -> bool {
        false
    }

    /// Writes it unless its absence says the same.
    #[inline]
    fn write(&self, number: u32, out: &mut Vec<u8>) {
        if !self.is_implied() {
            self.put(number, out);
        }
    }

    /// Takes in one occurrence of the field, the last of which counts, and gives back the bytes behind it. `first` is
    /// the first number of a `oneof`.
    ///
    /// Leaves `None` where the bytes say nothing: an empty text that must be a name, the zero of an enum.
    fn merge<'a>(slot: &mut Option<Self>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault>;

    /// What the absent field means; `None` where it must not be absent.
    #[inline]
    fn absent() -> Option<Self> {
        None
    }

    /// As an element of a packed list.
    fn pack(&self) -> u64 {
        unreachable!("only numbers are packed")
    }

    /// From an element of a packed list; `None` as in [`Wire::merge`].
    fn unpack(_: u64) -> Result<Option<Self>, Fault> {
        unreachable!("only numbers are packed")
    }
}

/// What has fields of its own.
pub(crate) trait Message: Sized {
    /// Writes its fields.
    fn body(&self, out: &mut Vec<u8>);

    /// Reads its fields.
    fn read(bytes: &[u8]) -> Result<Self, Fault>;
}

impl<T: Wire> Wire for Option<T> {
    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.put(number, out);
        }
    }

    #[inline]
    fn merge<'a>(slot: &mut Option<Option<T>>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        T::merge(slot.get_or_insert(None), first, key, bytes)
    }

    #[inline]
    fn absent() -> Option<Option<T>> {
        Some(None)
    }
}

impl<T: Wire> Wire for Box<T> {
    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        (**self).put(number, out);
    }

    #[inline]
    fn merge<'a>(slot: &mut Option<Box<T>>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        only_once(slot)?;
        let mut inner = None;
        let rest = T::merge(&mut inner, first, key, bytes)?;
        *slot = inner.map(Box::new);
        Ok(rest)
    }
}

impl<T: Wire> Wire for Vec<T> {
    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if !T::PACKED {
            self.iter().for_each(|value| value.put(number, out));
        } else if !self.is_empty() {
            write::nested(number, out, |out| self.iter().for_each(|value| write::varint(value.pack(), out)));
        }
    }

    #[inline]
    fn merge<'a>(slot: &mut Option<Vec<T>>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        /// Room is made for no more than this many at once, whatever the bytes seem to promise.
        const AT_ONCE: usize = 32;
        let nothing = |index| DecodeError::new("is empty").element(index);
        if T::PACKED && read::is_packed(key) {
            let values = slot.get_or_insert_default();
            let (mut packed, rest) = read::bytes(key, bytes)?;
            while !packed.is_empty() {
                let (number, left) = read::any_number(packed)?;
                let value = T::unpack(number).map_err(|fault| fault.element(values.len()))?;
                values.push(value.ok_or_else(|| nothing(values.len()))?);
                packed = left;
            }
            return Ok(rest);
        }
        let mut value = None;
        let rest = T::merge(&mut value, first, key, bytes)
            .map_err(|fault| fault.element(slot.as_ref().map_or(0, Vec::len)))?;
        // The rest of the message is usually more of the same: as many as fit if all are as long as this one.
        let values = slot
            .get_or_insert_with(|| Vec::with_capacity((1 + rest.len() / (bytes.len() - rest.len() + 1)).min(AT_ONCE)));
        values.push(value.ok_or_else(|| nothing(values.len()))?);
        Ok(rest)
    }

    #[inline]
    fn absent() -> Option<Vec<T>> {
        Some(Vec::new())
    }
}

/// The value of a field after all of the message has been read.
#[inline]
pub(crate) fn required<T: Wire>(slot: Option<T>, field: &str) -> Result<T, Fault> {
    match slot.or_else(T::absent) {
        Some(value) => Ok(value),
        None => Err(DecodeError::missing(field)),
    }
}

/// The one kind a `oneof` must have.
#[inline]
pub(crate) fn one<T>(slot: Option<T>, field: &str) -> Result<T, Fault> {
    slot.ok_or_else(|| DecodeError::new("one kind is required, none is known").within(field))
}

/// A message that comes again in the same field: protobuf would put the parts together, but nobody writes one so, and of two that
/// contradict each other none is to be believed.
#[inline]
pub(crate) fn only_once<T>(slot: &Option<T>) -> Result<(), Fault> {
    if slot.is_some() { Err(DecodeError::new("is there twice")) } else { Ok(()) }
}

/// Writes fields that are in scope by reference: `number name`, `first..=last name` for a `oneof`, `number name = value`
/// where the absent field means that value.
macro_rules! write_fields {
    ($out:ident: $($first:literal $(..= $last:literal)? $name:ident $(= $default:expr)?),*) => {{
        $(write_fields!(@one $out, $first, $name $(, $default)?);)*
    }};
    (@one $out:ident, $first:literal, $name:ident) => {
        $crate::schema::Wire::write($name, $first, $out)
    };
    (@one $out:ident, $first:literal, $name:ident, $default:expr) => {
        if *$name != $default {
            $crate::schema::Wire::put($name, $first, $out)
        }
    };
}

/// Reads the same table from bytes, and makes the value.
macro_rules! read_fields {
    ($bytes:expr => [$($make:tt)*] { $($first:literal $(..= $last:literal)? $name:ident $(= $default:expr)?),* }) => {{
        let mut bytes: &[u8] = $bytes;
        $(let mut $name = None;)*
        while !bytes.is_empty() {
            let (key, value) = $crate::read::key(bytes)?;
            let step = match key.number() {
                $($first $(..= $last)? => $crate::schema::Wire::merge(&mut $name, $first, key, value),)*
                _ => $crate::read::skip(key, value),
            };
            bytes = match step {
                Ok(rest) => rest,
                Err(fault) => return Err(match key.number() {
                    $($first $(..= $last)? => fault.within(stringify!($name)),)*
                    _ => fault,
                }),
            };
        }
        $($make)* { $($name: read_fields!(@value $name $(, $default)?)),* }
    }};
    (@value $name:ident) => { $crate::schema::required($name, stringify!($name))? };
    (@value $name:ident, $default:expr) => { $name.unwrap_or($default) };
}

/// A message stands in a field of its own.
macro_rules! message_field {
    ($type:ty) => {
        impl $crate::schema::Wire for $type {
            #[inline]
            fn put(&self, number: u32, out: &mut Vec<u8>) {
                $crate::write::nested(number, out, |out| $crate::schema::Message::body(self, out));
            }

            #[inline]
            fn merge<'a>(
                slot: &mut Option<$type>,
                _: u32,
                key: $crate::read::Key,
                bytes: &'a [u8],
            ) -> Result<&'a [u8], $crate::error::Fault> {
                $crate::schema::only_once(slot)?;
                let (message, rest) = $crate::read::bytes(key, bytes)?;
                *slot = Some(<$type as $crate::schema::Message>::read(message)?);
                Ok(rest)
            }
        }
    };
}

/// A struct of the model that is a message with the same field names.
macro_rules! message {
    ($type:ident { $($table:tt)* }) => {
        message_field! { $type }
        impl $crate::schema::Message for $type {
            #[inline]
            fn body(&self, out: &mut Vec<u8>) {
                message!(@body self, out, { $($table)* });
            }

            #[inline]
            fn read(bytes: &[u8]) -> Result<$type, $crate::error::Fault> {
                Ok(read_fields!(bytes => [$type] { $($table)* }))
            }
        }
    };
    (@body $self:ident, $out:ident, { $($first:literal $(..= $last:literal)? $name:ident $(= $default:expr)?),* }) => {
        let Self { $($name),* } = $self;
        write_fields!($out: $($first $(..= $last)? $name $(= $default)?),*)
    };
}

/// An enum of the model that is a message with one `oneof`: of messages (`number label Variant(name)`) or of variants
/// with fields of their own (`number label Variant { table }`).
macro_rules! choice {
    ($type:ident as $name:literal { $(
        $number:literal $label:literal $variant:ident
            $({ $($first:literal $(..= $last:literal)? $field:ident $(= $default:expr)?),* })?
            $(($inner:ident))?
    ),* $(,)? }) => {
        message_field! { $type }
        impl $crate::schema::Message for $type {
            #[inline]
            fn body(&self, out: &mut Vec<u8>) {
                match self {
                    $($type::$variant $({ $($field),* })? $(($inner))? => {
                        $($crate::write::nested($number, out, |_out| {
                            write_fields!(_out: $($first $(..= $last)? $field $(= $default)?),*);
                        });)?
                        $($crate::schema::Wire::put($inner, $number, out);)?
                    })*
                }
            }

            #[inline]
            fn read(mut bytes: &[u8]) -> Result<$type, $crate::error::Fault> {
                let mut chosen = None;
                while !bytes.is_empty() {
                    let (key, value) = $crate::read::key(bytes)?;
                    match key.number() {
                        $($number => {
                            $crate::schema::only_once(&chosen)?;
                            let read = || -> Result<($type, &[u8]), $crate::error::Fault> {
                                $({
                                    let (message, rest) = $crate::read::bytes(key, value)?;
                                    let variant = read_fields!(message => [$type::$variant]
                                        { $($first $(..= $last)? $field $(= $default)?),* });
                                    Ok((variant, rest))
                                })?
                                $({
                                    let mut $inner = None;
                                    let rest = $crate::schema::Wire::merge(&mut $inner, $number, key, value)?;
                                    Ok(($type::$variant($crate::schema::required($inner, "")?), rest))
                                })?
                            };
                            let (variant, rest) = read().map_err(|fault| fault.within($label))?;
                            chosen = Some(variant);
                            bytes = rest;
                        })*
                        _ => bytes = $crate::read::skip(key, value)?,
                    }
                }
                $crate::schema::one(chosen, $name)
            }
        }
    };
}

/// An enum of the model that is an enum on the wire. Zero is no value; unknown numbers are refused.
macro_rules! enumeration {
    ($type:ident { $($number:literal $variant:ident),* $(,)? }) => {
        impl $crate::schema::Wire for $type {
            const PACKED: bool = true;

            #[inline]
            fn put(&self, number: u32, out: &mut Vec<u8>) {
                $crate::write::number(number, $crate::schema::Wire::pack(self), out);
            }

            #[inline]
            fn pack(&self) -> u64 {
                match self { $($type::$variant => $number,)* }
            }

            #[inline]
            fn unpack(number: u64) -> Result<Option<$type>, $crate::error::Fault> {
                match number {
                    0 => Ok(None),
                    $($number => Ok(Some($type::$variant)),)*
                    other => Err($crate::DecodeError::new(format_args!(
                        "{other} is unknown, expected one of{}",
                        concat!($(" ", $number, " ", stringify!($variant)),*),
                    ))),
                }
            }

            #[inline]
            fn merge<'a>(
                slot: &mut Option<$type>,
                _: u32,
                key: $crate::read::Key,
                bytes: &'a [u8],
            ) -> Result<&'a [u8], $crate::error::Fault> {
                let (number, rest) = $crate::read::number(key, bytes)?;
                *slot = Self::unpack(number)?;
                Ok(rest)
            }
        }
    };
}

pub(crate) use {choice, enumeration, message, message_field, read_fields, write_fields};
