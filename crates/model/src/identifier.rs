//! Names of things, checked where they enter: what is an [`Isin`] here has the right check digit.
//!
//! Every code is upper-case ASCII of fixed length, stored inline, compared as bytes; nothing is trimmed, folded or
//! normalised, so two texts that look alike but differ (a Cyrillic letter, a full-width digit) cannot both be codes.
//! Free names are [`Identifier`]s. There is no conversion that panics and none that skips the check.

mod bic;
mod code;
mod fault;
mod isin;
mod lei;

pub use bic::Bic;
pub use code::{Cfi, CurrencyCode, Mic, TransactionType};
pub use fault::{CodeError, Fault};
pub use isin::Isin;
pub use lei::Lei;

use core::fmt;
use core::str::FromStr;
use smol_str::SmolStr;

/// What every code does alike, given its own `parse` and `as_str`.
macro_rules! ascii_code {
    ($type:ident) => {
        impl core::str::FromStr for $type {
            type Err = crate::identifier::CodeError;

            fn from_str(text: &str) -> Result<$type, Self::Err> {
                $type::parse(text)
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
use ascii_code;

/// The text of bytes that a check has let in.
fn ascii(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).expect("only ASCII passes the checks")
}

/// A name that somebody else chose: of a trade, a book, an account, a party, a source system.
///
/// 1 to [`Identifier::MAX_LEN`] of `A-Z a-z 0-9 . _ : / + -`: enough for UTIs (ISO 23897: 52), for the references of
/// MT and ISO 20022 messages (16 and 35) and for URNs; too little for control characters, spaces, quotes and
/// look-alikes. Case counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(SmolStr);

/// The characters of a name. A name is parsed a dozen times for each message.
const ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let ascii = byte as u8;
        allowed[byte] = ascii.is_ascii_alphanumeric() || matches!(ascii, b'.' | b'_' | b':' | b'/' | b'+' | b'-');
        byte += 1;
    }
    allowed
};

impl Identifier {
    /// The longest name, in characters.
    pub const MAX_LEN: usize = 64;

    /// Checks length and characters.
    pub fn parse(text: &str) -> Result<Identifier, CodeError> {
        const NAME: &str = "identifier";
        if (1..=Identifier::MAX_LEN).contains(&text.len()) && text.bytes().all(|byte| ALLOWED[usize::from(byte)]) {
            return Ok(Identifier(SmolStr::new(text)));
        }
        // Something is off: say what.
        fault::characters(NAME, text, Identifier::MAX_LEN, "one of A-Z a-z 0-9 . _ : / + -", |_, byte| {
            ALLOWED[usize::from(byte)]
        })?;
        Err(CodeError::new(NAME, Fault::Length { found: text.len(), expected: "1 to 64" }))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// So that a map of identifiers is searched by text.
impl core::borrow::Borrow<str> for Identifier {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for Identifier {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Identifier, CodeError> {
        Identifier::parse(text)
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn names_are_kept_as_they_are() {
        for text in ["T-1", "a", "MUREX:2026/11/21+7_x.y", &"Z".repeat(64)] {
            assert_eq!(Identifier::parse(text).unwrap().to_string(), text);
        }
        assert_ne!(Identifier::parse("book").unwrap(), Identifier::parse("Book").unwrap());
    }

    #[test]
    fn refused_names_say_why() {
        for (text, why) in [
            ("", "identifier: 0 bytes, expected 1 to 64"),
            (&*"Z".repeat(65), "identifier: 65 bytes, expected 1 to 64"),
            (&*"Z".repeat(1 << 20), "identifier: 1048576 bytes, expected 1 to 64"),
            ("A 1", "identifier: ' ' at position 2, expected one of A-Z a-z 0-9 . _ : / + -"),
            ("\u{410}1", "identifier: 'А' at position 1, expected one of A-Z a-z 0-9 . _ : / + -"),
            ("AB\u{202e}", "identifier: '\\u{202e}' at position 3, expected one of A-Z a-z 0-9 . _ : / + -"),
            ("A\0", "identifier: '\\0' at position 2, expected one of A-Z a-z 0-9 . _ : / + -"),
            ("A'--", "identifier: '\\'' at position 2, expected one of A-Z a-z 0-9 . _ : / + -"),
            ("A\n", "identifier: '\\n' at position 2, expected one of A-Z a-z 0-9 . _ : / + -"),
        ] {
            assert_eq!(Identifier::parse(text).unwrap_err().to_string(), why);
        }
    }
}
