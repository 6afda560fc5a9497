//! What goes wrong, as gRPC says it: a code, a text for people, and details for programs (`error.proto` is the registry).

use std::collections::HashMap;
use std::time::Duration;

use engine::SubmitError;
use model::rejection::{Reason, Rejection};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use wire::DecodeError;
use wire::pb::service::ErrorReason;

use crate::past::{EFFECTIVE_AT, KNOWN_AT};

/// The domain of every reason.
pub const DOMAIN: &str = "quittance";

/// When to ask again for what is on its way.
const SOON: Duration = Duration::from_millis(200);

/// The business says no: recorded, and the answer to every retry.
pub(crate) fn rejected(rejection: &Rejection, sequence: u64, duplicate: bool) -> Status {
    let code = rejection.reason.code();
    let subject = rejection.subject.to_string();
    let help = rejection.reason.help();
    let mut metadata = pairs([("sequence", sequence.to_string()), ("subject", subject.clone())]);
    if duplicate {
        metadata.insert("duplicate".to_owned(), "true".to_owned());
    }
    let mut details = ErrorDetails::with_error_info(code, DOMAIN, metadata);
    details.add_precondition_failure_violation(code, subject.clone(), help);
    let about = if subject.is_empty() { String::new() } else { format!(" ({subject})") };
    let status = match rejection.reason {
        Reason::NotPermitted => Code::PermissionDenied,
        _ => Code::FailedPrecondition,
    };
    Status::with_error_details(status, format!("{code}{about}: {help}"), details)
}

/// The request makes no sense at `path`.
pub(crate) fn malformed(path: &str, why: impl ToString) -> Status {
    let why = why.to_string();
    let mut details = details(ErrorReason::Malformed, []);
    details.add_bad_request_violation(path, why.clone());
    let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
    Status::with_error_details(Code::InvalidArgument, format!("{place}{why}"), details)
}

/// A message that wire refuses; `field` is where it stands in the request.
pub(crate) fn undecodable(field: &str, error: &DecodeError) -> Status {
    malformed(&joined(field, &error.path), &error.reason)
}

/// The path of a fault in a field of the request.
pub(crate) fn joined(field: &str, path: &str) -> String {
    match (field, path) {
        (field, "") => field.to_owned(),
        ("", path) => path.to_owned(),
        (field, path) => format!("{field}.{path}"),
    }
}

/// A command that only the engine may give.
pub(crate) fn engine_only(command: &'static str) -> Status {
    let details = details(ErrorReason::EngineOnly, [("command", command.to_owned())]);
    let text = format!("{command}: only the engine itself gives this command");
    Status::with_error_details(Code::InvalidArgument, text, details)
}

/// Nobody knows who calls.
pub(crate) fn unauthenticated(why: &str) -> Status {
    Status::with_error_details(Code::Unauthenticated, why, details(ErrorReason::Unauthenticated, []))
}

/// Whoever calls may not make this call.
pub(crate) fn not_permitted(why: &str) -> Status {
    let text = format!("{why}: an administrator grants it");
    Status::with_error_details(Code::PermissionDenied, text, details(ErrorReason::NotPermitted, []))
}

/// There is no such thing.
pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Status {
    let id = id.to_string();
    let details = details(ErrorReason::NotFound, [("what", what.to_owned()), ("id", id.clone())]);
    Status::with_error_details(Code::NotFound, format!("there is no {what} {id}"), details)
}

/// A view has no answer.
pub(crate) fn view(error: projections::Error) -> Status {
    use projections::Error;
    let text = error.to_string();
    let (code, details) = match error {
        Error::Unavailable { view, .. } => {
            (Code::Unavailable, details(ErrorReason::ViewStopped, [("view", view.to_owned())]))
        }
        Error::TooOld { view, at, wanted } => {
            let at = [("view", view.to_owned()), ("at", at.to_string()), ("wanted", wanted.to_string())];
            let mut details = details(ErrorReason::ViewBehind, at);
            details.set_retry_info(Some(SOON));
            (Code::Unavailable, details)
        }
        Error::Folding { at, wanted } => {
            let at = [("view", "past".to_owned()), ("at", at.to_string()), ("wanted", wanted)];
            let mut details = details(ErrorReason::ViewBehind, at);
            details.set_retry_info(Some(SOON));
            (Code::Unavailable, details)
        }
        Error::ManyPasts => {
            let mut details = details(ErrorReason::ViewBehind, [("view", "past".to_owned())]);
            details.set_retry_info(Some(SOON));
            (Code::ResourceExhausted, details)
        }
        Error::NoPast(why) => return malformed(KNOWN_AT, why),
        Error::Undated { .. } => return malformed(EFFECTIVE_AT, text),
        Error::NotFound { what, id } => {
            (Code::NotFound, details(ErrorReason::NotFound, [("what", what.to_owned()), ("id", id)]))
        }
        Error::UnknownName { kind, id } => {
            (Code::NotFound, details(ErrorReason::NotFound, [("what", kind.to_owned()), ("id", id)]))
        }
        Error::Filter { field, reason } => return malformed(&format!("filter.{field}"), reason),
        Error::Token(_) => (Code::InvalidArgument, details(ErrorReason::TokenRefused, [])),
        Error::Store(error) => return store(&error),
        Error::Row { .. } | Error::Record { .. } | Error::Gap { .. } => {
            (Code::DataLoss, details(ErrorReason::Damaged, []))
        }
        _ => (Code::Internal, details(ErrorReason::Internal, [])),
    };
    Status::with_error_details(code, text, details)
}

/// A page token that was not given for this listing.
pub(crate) fn token_refused() -> Status {
    let text = "the token is not one that this listing gave out: take it as it came, or begin without one";
    Status::with_error_details(Code::InvalidArgument, text, details(ErrorReason::TokenRefused, []))
}

/// The disk has no answer.
pub(crate) fn store(error: &store::Error) -> Status {
    let (code, reason) = match error {
        store::Error::Corrupt { .. } => (Code::DataLoss, ErrorReason::Damaged),
        _ => (Code::Internal, ErrorReason::Internal),
    };
    Status::with_error_details(code, error.to_string(), details(reason, []))
}

/// Stored bytes that cannot be read.
pub(crate) fn damaged(text: String) -> Status {
    Status::with_error_details(Code::DataLoss, text, details(ErrorReason::Damaged, []))
}

/// A command got no answer.
pub(crate) fn shard(error: SubmitError) -> Status {
    let text = error.to_string();
    match error {
        SubmitError::Closed | SubmitError::Unanswered => stopped(text),
        SubmitError::Following(_) => {
            Status::with_error_details(Code::FailedPrecondition, text, details(ErrorReason::Following, []))
        }
        SubmitError::Halted(_) => {
            Status::with_error_details(Code::Unavailable, text, details(ErrorReason::ShardHalted, []))
        }
        SubmitError::Crashed { .. } => {
            Status::with_error_details(Code::Aborted, text, details(ErrorReason::CommandCrashed, []))
        }
        SubmitError::NothingToQuarantine(_) => not_found("message that crashed the shard", "to be set aside"),
        SubmitError::Misused(_) => internal(text),
    }
}

/// The shard takes no commands, or ended with this one in its hands.
pub(crate) fn stopped(text: String) -> Status {
    Status::with_error_details(Code::Unavailable, text, details(ErrorReason::ShardStopped, []))
}

/// A record is on disk here, and whether others will ever see it is not known.
pub(crate) fn unpublished(code: Code, text: String, sequence: u64) -> Status {
    Status::with_error_details(code, text, details(ErrorReason::Unpublished, [("sequence", sequence.to_string())]))
}

/// There is no place for another stream now.
pub(crate) fn too_many(most: usize) -> Status {
    let text = format!(
        "{most} subscriptions and readers of the log are open, and there may be no more: end one, or try again"
    );
    Status::with_error_details(Code::ResourceExhausted, text, ErrorDetails::with_retry_info(Some(SOON)))
}

/// Nothing can be asked yet.
pub(crate) fn starting(text: String) -> Status {
    let mut details = details(ErrorReason::Starting, []);
    details.set_retry_info(Some(SOON));
    Status::with_error_details(Code::Unavailable, text, details)
}

/// A fault of ours.
pub(crate) fn internal(text: impl Into<String>) -> Status {
    Status::with_error_details(Code::Internal, text, details(ErrorReason::Internal, []))
}

fn details<const N: usize>(reason: ErrorReason, metadata: [(&str, String); N]) -> ErrorDetails {
    ErrorDetails::with_error_info(name(reason), DOMAIN, pairs(metadata))
}

/// The name of a reason in an answer.
fn name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

fn pairs<const N: usize>(pairs: [(&str, String); N]) -> HashMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_tells_people_and_programs() {
        let status = rejected(&Rejection::new(Reason::VersionConflict, "T-1"), 7, true);
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert!(status.message().starts_with("VERSION_CONFLICT (T-1): this version"), "{}", status.message());
        let details = status.get_error_details();
        let info = details.error_info().expect("always");
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("VERSION_CONFLICT", DOMAIN));
        assert_eq!(info.metadata["sequence"], "7");
        assert_eq!(info.metadata["duplicate"], "true");
        assert_eq!(details.precondition_failure().expect("one").violations[0].subject, "T-1");
    }

    #[test]
    fn what_makes_no_sense_has_its_place() {
        let error = DecodeError { path: "details.quantity".to_owned(), reason: "is required and missing".to_owned() };
        let status = undecodable("trade", &error);
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        assert_eq!(details.bad_request().expect("one").field_violations[0].field, "trade.details.quantity");
        assert_eq!(status.message(), "trade.details.quantity: is required and missing");
    }

    #[test]
    fn every_reason_is_a_name_without_its_prefix() {
        for number in (1..=12).chain(30..=31) {
            let reason = ErrorReason::try_from(number).expect("no gaps");
            assert!(!name(reason).starts_with("ERROR"), "{}", name(reason));
        }
        assert!(ErrorReason::try_from(13).is_err(), "a new reason belongs into this test");
    }
}
