//! JSON: commands as lines of a file, and records for people to read.
//!
//! It is the protobuf JSON of `quittance.record.v1`, with one difference: a decimal is a text, `"12.50"`. Names may be
//! written as in the `.proto` or in camel case; unknown names are errors.

mod decimal;

use crate::error::{DecodeError, Fault};
use crate::{MAX_RECORD, MAX_TEXT, command, pb, record};
use model::command::{Command, Inbound, Origin};
use model::identifier::Identifier;
use model::record::Record;
use model::timestamp::Timestamp;
use prost::Message as _;

/// The longest line of a command file.
pub const MAX_LINE: usize = 4 * MAX_RECORD;

/// Reads a line of a command file: `quittance.record.v1.Inbound`.
pub fn inbound_from_line(text: &str, line: u64) -> Result<Inbound, DecodeError> {
    let (inbound, at) = submission_from_line(text, line)?;
    let at = at.ok_or_else(|| DecodeError::missing("at"))?;
    Ok(Inbound { at, ..inbound })
}

/// Reads a line that may leave its instant to whoever takes it in; then [`Inbound::at`] is the epoch.
pub fn submission_from_line(text: &str, line: u64) -> Result<(Inbound, Option<Timestamp>), DecodeError> {
    if text.len() > MAX_LINE {
        return Err(*DecodeError::new(format_args!("{} bytes are more than a line may have ({MAX_LINE})", text.len())));
    }
    let inbound: pb::record::Inbound = serde_json::from_str(text).map_err(from_serde)?;
    let asked = inbound.command.as_ref().ok_or_else(|| DecodeError::missing("command"))?;
    let command = command::from_wire(asked).map_err(|error| Box::new(error).within("command"))?;
    let actor = match &*inbound.actor {
        "" => return Err(*DecodeError::missing("actor")),
        actor => Identifier::parse(actor).map_err(|error| DecodeError::new(error).within("actor"))?,
    };
    let reason = command::free_text(&inbound.reason).map_err(|error| Box::new(error).within("reason"))?;
    let at = inbound.at.map(|at| instant(&at).map_err(|error| error.within("at"))).transpose()?;
    let origin = Origin::File { line };
    Ok((Inbound { command, origin, actor, reason, at: at.unwrap_or(Timestamp::EPOCH) }, at))
}

/// A line of a command file.
pub fn inbound_to_line(inbound: &Inbound) -> String {
    to_text(&pb::record::Inbound {
        at: Some(pbjson_types::Timestamp {
            seconds: inbound.at.micros().div_euclid(1_000_000),
            nanos: (inbound.at.micros().rem_euclid(1_000_000) * 1_000) as i32,
        }),
        actor: inbound.actor.to_string(),
        reason: inbound.reason.clone(),
        command: Some(command::into_wire(&inbound.command)),
    })
}

/// `quittance.record.v1.Command`.
pub fn command_to_json(command: &Command) -> String {
    to_text(&command::into_wire(command))
}

/// `quittance.record.v1.Record`.
pub fn record_to_json(record: &Record) -> String {
    let mut bytes = Vec::with_capacity(1024);
    record::encode(record, None, &mut bytes);
    stored_to_json(&bytes).expect("what is written here is what the schema says")
}

/// The same from the bytes of the log, without reading them into the model.
pub fn stored_to_json(bytes: &[u8]) -> Result<String, DecodeError> {
    let record = pb::record::Record::decode(bytes).map_err(DecodeError::new)?;
    // Bytes that were not written here may have a number that is no value of its enumeration, for which JSON has no name.
    Ok(serde_json::to_string(&record).map_err(DecodeError::new)?)
}

fn to_text(message: &impl serde::Serialize) -> String {
    serde_json::to_string(message).expect("a message of ours has no value that JSON lacks")
}

fn instant(at: &pbjson_types::Timestamp) -> Result<Timestamp, Fault> {
    let fine = u64::try_from(at.nanos).ok().filter(|nanos| nanos.is_multiple_of(1_000));
    let nanos = fine.ok_or_else(|| DecodeError::new("finer than a microsecond"))? as i64;
    let micros = at.seconds.checked_mul(1_000_000).and_then(|micros| micros.checked_add(nanos / 1_000));
    let micros = micros.ok_or_else(|| DecodeError::new("instant out of range"))?;
    Timestamp::from_micros(micros).map_err(DecodeError::new)
}

/// Where in the text, and what serde says of it.
fn from_serde(error: serde_json::Error) -> Fault {
    let mut reason = error.to_string();
    // Serde repeats what it found; a text that is all wrong need not come back whole.
    if let Some((cut, _)) = reason.char_indices().nth(MAX_TEXT) {
        reason.truncate(cut);
    }
    DecodeError::new(reason)
}
