//! How a command ends: the exit code scripts rely on, and one sentence for people.
//!
//! 0 done · 1 failed or refused · 2 called wrongly · 4 no such thing. Nothing that failed ever exits with 0.

use std::fmt;
use std::io::ErrorKind;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What an error means to a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It failed, or the business said no.
    Failed = 1,
    /// The command line or an argument makes no sense; of a verification, that it cannot be told.
    Usage = 2,
    /// What was named does not exist.
    NotFound = 4,
}

/// An error whose meaning is known; any other error is [`Kind::Failed`].
#[derive(Debug)]
pub struct Fault {
    kind: Kind,
    text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Fault {}

/// A failure.
pub fn failed(text: impl Into<String>) -> anyhow::Error {
    Fault { kind: Kind::Failed, text: text.into() }.into()
}

/// What cannot be told either way, as `quittance verify` has it: neither good nor a violation.
pub fn undecided(text: impl Into<String>) -> anyhow::Error {
    Fault { kind: Kind::Usage, text: text.into() }.into()
}

/// A mistake in how the command was called.
pub fn usage(text: impl Into<String>) -> anyhow::Error {
    Fault { kind: Kind::Usage, text: text.into() }.into()
}

/// Something that does not exist.
pub fn not_found(text: impl Into<String>) -> anyhow::Error {
    Fault { kind: Kind::NotFound, text: text.into() }.into()
}

/// A server's answer that is an error, in a sentence: what it is, what it is about, and what to do.
pub fn from_status(status: Status) -> anyhow::Error {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.as_str()).unwrap_or_default();
    let mut text = match (status.code(), reason) {
        (Code::FailedPrecondition, code) if !code.is_empty() => format!("refused: {}", status.message()),
        (Code::Unavailable, "") => format!("the server does not answer: {}", status.message()),
        _ => status.message().to_owned(),
    };
    // Where a field is wrong matters more than that one is.
    for violation in details.bad_request().iter().flat_map(|request| &request.field_violations) {
        text.push_str(&format!("\n  {}: {}", violation.field, violation.description));
    }
    if !reason.is_empty() && !text.contains(reason) {
        text.push_str(&format!(" [{reason}]"));
    }
    let kind = match status.code() {
        Code::InvalidArgument | Code::OutOfRange => Kind::Usage,
        Code::NotFound => Kind::NotFound,
        _ => Kind::Failed,
    };
    Fault { kind, text }.into()
}

/// The reason in the server's error, when it gave one: a rejection's code or an `ErrorReason`.
pub fn reason(status: &Status) -> Option<String> {
    status.get_error_details().error_info().map(|info| info.reason.clone()).filter(|reason| !reason.is_empty())
}

/// Prints an error and gives the exit code it deserves.
pub fn report(error: &anyhow::Error) -> u8 {
    // `quittance log list | head` ends when head has seen enough: that is no failure of ours.
    let pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    };
    if error.chain().any(pipe) {
        return 0;
    }
    eprintln!("quittance: {error:#}");
    error.downcast_ref::<Fault>().map_or(Kind::Failed, |fault| fault.kind) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_says_what_kind_of_end_it_was() {
        assert_eq!(report(&failed("no")), 1);
        assert_eq!(report(&usage("what?")), 2);
        assert_eq!(report(&not_found("where?")), 4);
        assert_eq!(report(&anyhow::anyhow!("something else")), 1);
        assert_eq!(report(&not_found("inner").context("outer")), 4);
        assert_eq!(report(&std::io::Error::from(ErrorKind::BrokenPipe).into()), 0);
    }

    #[test]
    fn a_servers_answer_keeps_its_meaning() {
        assert_eq!(report(&from_status(Status::not_found("no trade FO-A T1"))), 4);
        assert_eq!(report(&from_status(Status::invalid_argument("no"))), 2);
        assert_eq!(report(&from_status(Status::failed_precondition("no"))), 1);
    }
}
