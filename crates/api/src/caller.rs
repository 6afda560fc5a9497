//! What every call says of itself: who asks, why, under which id, and how long the answer may take.

use std::time::Duration;

use model::identifier::Identifier;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::failure::malformed;

/// The metadata that names who asks.
pub const ACTOR: &str = "x-quittance-actor";

/// What is wrong with a field that every call has.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) path: &'static str,
    pub(crate) why: String,
}

impl Fault {
    fn new(path: &'static str, why: impl ToString) -> Fault {
        Fault { path, why: why.to_string() }
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Status {
        malformed(fault.path, fault.why)
    }
}

/// Who asks. There is no authentication yet: what the caller says is written down.
pub(crate) fn actor(metadata: &MetadataMap) -> Result<Identifier, Fault> {
    let hint = "the person or system that asks, an identifier in the metadata of the call";
    let value =
        metadata.get(ACTOR).ok_or_else(|| Fault::new(ACTOR, format_args!("is required and missing: {hint}")))?;
    let text = value.to_str().map_err(|_| Fault::new(ACTOR, format_args!("is not a text: {hint}")))?;
    Identifier::parse(text).map_err(|error| Fault::new(ACTOR, error))
}

/// The id under which a call is known for ever.
pub(crate) fn request_id(text: &str) -> Result<Identifier, Fault> {
    if text.is_empty() {
        return Err(Fault::new(
            "request_id",
            "is required and missing: choose one, best a UUID, and keep it for retries",
        ));
    }
    Identifier::parse(text).map_err(|error| Fault::new("request_id", error))
}

/// Why.
pub(crate) fn reason(text: &str) -> Result<String, Fault> {
    wire::command::free_text(text).map_err(|error| Fault::new("reason", error.reason))
}

/// How long a query may wait for its record: nine tenths of what the caller gives it, so that the caller learns why there is no
/// answer before it hangs up, and never more than `most`.
pub(crate) fn patience(metadata: &MetadataMap, most: Duration) -> Duration {
    match metadata.get("grpc-timeout").and_then(|value| timeout(value.to_str().ok()?)) {
        Some(given) => most.min(given * 9 / 10),
        None => most,
    }
}

/// The value of `grpc-timeout`: at most eight digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(key: &'static str, value: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert(key, value.parse().expect("ASCII"));
        metadata
    }

    #[test]
    fn a_mutation_names_its_actor() {
        assert_eq!(actor(&metadata(ACTOR, "anna")).expect("sound").as_str(), "anna");
        assert!(Status::from(actor(&MetadataMap::new()).expect_err("missing")).message().contains("x-quittance-actor"));
        assert!(actor(&metadata(ACTOR, "an na")).is_err());
    }

    #[test]
    fn patience_is_less_than_the_deadline() {
        let most = Duration::from_secs(10);
        for (text, patience_ms) in
            [("1S", 900), ("100m", 90), ("2H", 10_000), ("1x", 10_000), ("123456789S", 10_000), ("", 10_000)]
        {
            let given = patience(&metadata("grpc-timeout", text), most);
            assert_eq!(given.as_millis(), patience_ms, "{text:?}");
        }
        assert_eq!(patience(&MetadataMap::new(), most), most);
    }

    #[test]
    fn texts_are_checked() {
        assert!(request_id("").expect_err("missing").why.contains("best a UUID"));
        assert!(request_id("0197f0a2-6f9f-7000-8000-000000000001").is_ok());
        assert!(reason("because\u{202e}").is_err());
    }
}
