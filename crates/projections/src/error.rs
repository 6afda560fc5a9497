//! Why a question to a view has no answer, in a form that tells the reader what to do.

use crate::token::TokenError;

/// Every error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The view stopped itself.
    #[error(
        "the view {view} is unavailable: {reason}; the log and the other views are not affected, `quittance rebuild` tries again"
    )]
    Unavailable { view: &'static str, reason: String },

    /// The answer would have been older than the caller can use.
    #[error(
        "the view {view} stands at record {at} and record {wanted} did not come in time: ask again later, or without min_sequence"
    )]
    TooOld { view: &'static str, at: u64, wanted: u64 },

    /// There is no such thing.
    #[error("there is no {what} {id}")]
    NotFound { what: &'static str, id: String },

    /// What was known at an earlier record is being folded.
    #[error("the views of {wanted} are being folded and stand at record {at}: ask again later, the fold goes on")]
    Folding { at: u64, wanted: String },

    /// Too many different pasts are asked for at once.
    #[error("as many views of earlier records as may wait are being folded: ask again later")]
    ManyPasts,

    /// There is no such past.
    #[error("{0}")]
    NoPast(String),

    /// The views of an earlier record could not be folded.
    #[error("the views of an earlier record cannot be folded: {0}")]
    PastFailed(String),

    /// The question is about what stands, not about a date.
    #[error("{what} has no effective date: {instead}")]
    Undated { what: &'static str, instead: &'static str },

    /// A filter names what the log never named.
    #[error("no {kind} is called {id}")]
    UnknownName { kind: &'static str, id: String },

    /// A filter that makes no sense.
    #[error("filter field {field}: {reason}")]
    Filter { field: &'static str, reason: String },

    /// A token that does not belong here.
    #[error(transparent)]
    Token(#[from] TokenError),

    /// An amount that no decimal holds.
    #[error("{what} leaves the range of a decimal")]
    Overflow { what: &'static str },

    /// A record of the log that this program cannot read.
    #[error("record {sequence} of the log cannot be read: {reason}")]
    Record { sequence: u64, reason: String },

    /// A row that is not what was written.
    #[error(
        "a row of table {table} of the views cannot be read: {reason}; delete the directory of the views, they are rebuilt from the log"
    )]
    Row { table: u8, reason: String },

    /// The log and the views are not of one history.
    #[error("the log ends at record {head}, before record {wanted}")]
    Gap { head: u64, wanted: u64 },

    /// The thread of the views could not be started.
    #[error("the thread of the views cannot be started: {0}")]
    Thread(std::io::Error),

    /// What lies below failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}
