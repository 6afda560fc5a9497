//! Bytes that make no sense: where, and what was expected.

use std::fmt::{self, Display};
use thiserror::Error;

/// Why bytes or a text are not the message they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct DecodeError {
    /// The field, from the outermost message inwards: `details.charges[2].amount.scale`. Empty: the message itself.
    pub path: String,
    /// What is wrong and what was expected, for a person to mend it.
    pub reason: String,
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.reason) } else { write!(f, "{}: {}", self.path, self.reason) }
    }
}

/// A [`DecodeError`] on its way out. Boxed, so that what is read well pays nothing for it.
pub(crate) type Fault = Box<DecodeError>;

impl From<Fault> for DecodeError {
    fn from(fault: Fault) -> DecodeError {
        *fault
    }
}

impl DecodeError {
    /// An error at the place that is being read; who called adds where that is.
    #[cold]
    pub(crate) fn new(reason: impl Display) -> Fault {
        Box::new(DecodeError { path: String::new(), reason: reason.to_string() })
    }

    /// A field that must be there is not.
    #[cold]
    pub(crate) fn missing(field: &str) -> Fault {
        DecodeError::new("is required and missing").within(field)
    }

    /// The same error seen from the message around.
    #[cold]
    pub(crate) fn within(mut self: Box<Self>, outer: &str) -> Fault {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{outer}{joint}{}", self.path);
        self
    }

    /// The same error in an element of a list.
    #[cold]
    pub(crate) fn element(self: Box<Self>, index: usize) -> Fault {
        self.within(&format!("[{index}]"))
    }
}
