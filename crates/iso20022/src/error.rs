//! What is wrong with a document, and what a document has no room for: each with the path of the element.

use std::fmt::{self, Display};
use thiserror::Error;

/// Why bytes are not the message they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ReadError {
    /// The element, from the root inwards: `RequestPayload/Document/SctiesSttlmTxConf/TxIdDtls`. Empty: the document itself.
    pub path: String,
    /// Where in the bytes, counted from 0: where the element begins, or where the XML goes wrong.
    pub offset: usize,
    /// What was found and what was expected, for a person to mend it.
    pub reason: String,
}

impl ReadError {
    #[cold]
    pub(crate) fn of(path: &str, reason: impl Display) -> ReadError {
        ReadError { path: path.to_owned(), offset: 0, reason: reason.to_string() }
    }

    /// The line of [`ReadError::offset`] in the bytes that were read, counted from 1.
    pub fn line(&self, bytes: &[u8]) -> usize {
        bytes.iter().take(self.offset).filter(|byte| **byte == b'\n').count() + 1
    }
}

impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.path.is_empty() { "the document" } else { &self.path };
        write!(f, "{place} (byte {}): {}", self.offset, self.reason)
    }
}

/// Why a message cannot be written: the standard has no place or not enough room for something it says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: {reason}")]
pub struct WriteError {
    /// The element, below `AppHdr` or `Document`.
    pub path: String,
    /// What does not fit.
    pub reason: String,
}

impl WriteError {
    #[cold]
    pub(crate) fn of(path: &str, reason: impl Display) -> WriteError {
        WriteError { path: path.to_owned(), reason: reason.to_string() }
    }
}
