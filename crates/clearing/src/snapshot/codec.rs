//! The codec of snapshots: fixed-width little-endian numbers, counts before lists; nothing that needs a schema.

use super::SnapshotError;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

const PIECE: usize = 1 << 20;

/// Where a snapshot is written to.
pub(crate) struct Output<'a> {
    bytes: Vec<u8>,
    piece: &'a mut dyn FnMut(&[u8]),
}

impl<'a> Output<'a> {
    pub fn new(piece: &'a mut dyn FnMut(&[u8])) -> Output<'a> {
        Output { bytes: Vec::with_capacity(PIECE + PIECE / 8), piece }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Between two items: a piece may end here.
    pub fn pause(&mut self) {
        if self.bytes.len() >= PIECE {
            (self.piece)(&self.bytes);
            self.bytes.clear();
        }
    }

    pub fn finish(self) {
        (self.piece)(&self.bytes);
    }
}

/// Where a snapshot is read from. No number straddles two pieces.
pub(crate) struct Input<'a> {
    pieces: &'a mut dyn Iterator<Item = Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl<'a> Input<'a> {
    pub fn new(pieces: &'a mut dyn Iterator<Item = Vec<u8>>) -> Input<'a> {
        Input { pieces, piece: Vec::new(), at: 0 }
    }

    pub fn take(&mut self, count: usize) -> Result<&[u8], SnapshotError> {
        if self.at == self.piece.len() && count > 0 {
            self.piece = self.pieces.next().ok_or(SnapshotError("it is cut short"))?;
            self.at = 0;
        }
        let end = self.at.checked_add(count).filter(|end| *end <= self.piece.len());
        let end = end.ok_or(SnapshotError("it is cut short"))?;
        let taken = &self.piece[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// Whether nothing follows.
    pub fn is_at_end(&mut self) -> bool {
        self.at == self.piece.len() && (&mut self.pieces).all(|piece| piece.is_empty())
    }
}

/// Puts a value into a snapshot and gets it back.
pub(crate) trait Codec: Sized {
    fn put(&self, out: &mut Output<'_>);
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError>;
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Codec for $type {
            fn put(&self, out: &mut Output<'_>) { out.write(&self.to_le_bytes()); }
            fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
                let bytes = input.take(size_of::<$type>())?;
                Ok(<$type>::from_le_bytes(bytes.try_into().expect("as many bytes as were asked for")))
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64, i32, i64, i128);

impl Codec for usize {
    fn put(&self, out: &mut Output<'_>) {
        (*self as u64).put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        usize::try_from(u64::get(input)?).map_err(|_| SnapshotError("a count is too large"))
    }
}

impl Codec for bool {
    fn put(&self, out: &mut Output<'_>) {
        u8::from(*self).put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        match u8::get(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(SnapshotError("a flag is neither on nor off")),
        }
    }
}

impl Codec for String {
    fn put(&self, out: &mut Output<'_>) {
        self.len().put(out);
        out.write(self.as_bytes());
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        let length = usize::get(input)?;
        let bytes = input.take(length)?;
        core::str::from_utf8(bytes).map(String::from).map_err(|_| SnapshotError("a text is not UTF-8"))
    }
}

impl<const N: usize> Codec for [u8; N] {
    fn put(&self, out: &mut Output<'_>) {
        out.write(self);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        Ok(input.take(N)?.try_into().expect("as many bytes as were asked for"))
    }
}

impl<T: Codec> Codec for Option<T> {
    fn put(&self, out: &mut Output<'_>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        Ok(if bool::get(input)? { Some(T::get(input)?) } else { None })
    }
}

impl<T: Codec> Codec for Box<T> {
    fn put(&self, out: &mut Output<'_>) {
        (**self).put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        T::get(input).map(Box::new)
    }
}

pub(crate) fn put_all<'a, T: Codec + 'a>(count: usize, items: impl Iterator<Item = &'a T>, out: &mut Output<'_>) {
    count.put(out);
    for item in items {
        item.put(out);
        out.pause();
    }
}

pub(crate) fn get_all<T: Codec, C: FromIterator<T>>(input: &mut Input<'_>) -> Result<C, SnapshotError> {
    let count = usize::get(input)?;
    (0..count).map(|_| T::get(input)).collect()
}

macro_rules! lists {
    ($($list:ident),*) => {$(
        impl<T: Codec> Codec for $list<T> {
            fn put(&self, out: &mut Output<'_>) { put_all(self.len(), self.iter(), out); }
            fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> { get_all(input) }
        }
    )*};
}
lists!(Vec, VecDeque);

/// What is in order was written in order: a state has one snapshot.
fn rising<T>(items: Vec<T>, before: impl Fn(&T, &T) -> bool) -> Result<Vec<T>, SnapshotError> {
    match items.windows(2).all(|pair| before(&pair[0], &pair[1])) {
        true => Ok(items),
        false => Err(SnapshotError("what should be in order is not")),
    }
}

impl<T: Codec + Ord> Codec for BTreeSet<T> {
    fn put(&self, out: &mut Output<'_>) {
        put_all(self.len(), self.iter(), out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        Ok(rising(get_all(input)?, |one: &T, next| one < next)?.into_iter().collect())
    }
}

impl<T: Codec> Codec for Box<[T]> {
    fn put(&self, out: &mut Output<'_>) {
        put_all(self.len(), self.iter(), out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        get_all::<T, Vec<T>>(input).map(Vec::into_boxed_slice)
    }
}

impl<K: Codec + Ord, V: Codec> Codec for BTreeMap<K, V> {
    fn put(&self, out: &mut Output<'_>) {
        self.len().put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
            out.pause();
        }
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        let count = usize::get(input)?;
        let items = (0..count).map(|_| Ok((K::get(input)?, V::get(input)?))).collect::<Result<_, _>>()?;
        Ok(rising(items, |one: &(K, V), next| one.0 < next.0)?.into_iter().collect())
    }
}

macro_rules! tuples {
    ($(($($name:ident . $at:tt),*))*) => {$(
        impl<$($name: Codec),*> Codec for ($($name,)*) {
            fn put(&self, out: &mut Output<'_>) { $(self.$at.put(out);)* }
            fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> { Ok(($($name::get(input)?,)*)) }
        }
    )*};
}
tuples! { (A.0, B.1) (A.0, B.1, C.2) (A.0, B.1, C.2, D.3) }

/// A structure, field by field.
macro_rules! fields {
    ($($type:ty { $($field:ident),* $(,)? })*) => {$(
        impl Codec for $type {
            fn put(&self, out: &mut Output<'_>) { $(self.$field.put(out);)* }
            fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> { Ok(Self { $($field: Codec::get(input)?),* }) }
        }
    )*};
}

/// An enumeration without contents, by numbers given here.
macro_rules! choices {
    ($($type:ty { $($variant:ident = $number:literal),* $(,)? })*) => {$(
        impl Codec for $type {
            fn put(&self, out: &mut Output<'_>) {
                let number: u8 = match self { $(Self::$variant => $number,)* };
                number.put(out);
            }
            fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
                match u8::get(input)? { $($number => Ok(Self::$variant),)* _ => Err(SnapshotError("a choice is unknown")) }
            }
        }
    )*};
}

/// A code or name that is written as its text.
macro_rules! texts {
    ($($type:ty),*) => {$(
        impl Codec for $type {
            fn put(&self, out: &mut Output<'_>) {
                (self.as_str().len() as u8).put(out);
                out.write(self.as_str().as_bytes());
            }
            fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
                let length = u8::get(input)?;
                let bytes = input.take(usize::from(length))?;
                let text = core::str::from_utf8(bytes).map_err(|_| SnapshotError("a name is not text"))?;
                <$type>::parse(text).map_err(|_| SnapshotError("a name is malformed"))
            }
        }
    )*};
}

pub(crate) use {choices, fields, texts};
