//! What is wrong with a code: its length, a character or its check digits, said so that a person can mend it.

use core::fmt;
use thiserror::Error;

/// A text that is not a code of the kind it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{code}: {fault}")]
pub struct CodeError {
    /// The kind of code: `ISIN`, `LEI`, `currency`…
    pub code: &'static str,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a code. The first fault from the left is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Too short or too long.
    Length {
        /// Bytes found.
        found: usize,
        /// Characters expected, in words.
        expected: &'static str,
    },
    /// A character that may not stand where it does.
    Character {
        /// Counted in characters from 1.
        position: usize,
        /// The character.
        found: char,
        /// What may stand there, in words.
        expected: &'static str,
    },
    /// Right form, wrong sum: most often two digits exchanged or one mistyped.
    CheckDigits {
        /// How many digits the check has.
        width: usize,
        /// The value written.
        found: u8,
        /// The value the other characters ask for.
        expected: u8,
    },
}

impl CodeError {
    pub(super) fn new(code: &'static str, fault: Fault) -> CodeError {
        CodeError { code, fault }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fault::Length { found, expected } => write!(f, "{found} bytes, expected {expected}"),
            Fault::Character { position, found, expected } => {
                write!(f, "{found:?} at position {position}, expected {expected}")
            }
            Fault::CheckDigits { width, found, expected } => {
                write!(f, "check digits are {found:0width$}, expected {expected:0width$}")
            }
        }
    }
}

/// Checks the first `limit` characters; what is longer is refused for its length, not read.
pub(super) fn characters(
    code: &'static str,
    text: &str,
    limit: usize,
    expected: &'static str,
    allowed: impl Fn(usize, u8) -> bool,
) -> Result<(), CodeError> {
    for (index, found) in text.chars().take(limit).enumerate() {
        if !(found.is_ascii() && allowed(index, found as u8)) {
            return Err(CodeError::new(code, Fault::Character { position: index + 1, found, expected }));
        }
    }
    Ok(())
}

/// Exactly `N` bytes, each allowed at its place (counted from 0).
pub(super) fn exactly<const N: usize>(
    code: &'static str,
    text: &str,
    length: &'static str,
    expected: &'static str,
    allowed: impl Fn(usize, u8) -> bool,
) -> Result<[u8; N], CodeError> {
    characters(code, text, N, expected, allowed)?;
    text.as_bytes().try_into().map_err(|_| CodeError::new(code, Fault::Length { found: text.len(), expected: length }))
}

/// Capital letter or digit: the alphabet of ISO codes.
pub(super) fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// The value of a capital letter or digit in check-digit sums: `0`-`9` are 0-9, `A`-`Z` are 10-35.
pub(super) fn value(byte: u8) -> u8 {
    if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' + 10 }
}
