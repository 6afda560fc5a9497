//! `quittance log document`: the message of Kafka that a record was read from, or could not be read from, byte for byte.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use model::command::Command;
use model::record::{Content, Record};
use sha2::{Digest as _, Sha256};

use super::reader::Reader;
use crate::fault::{failed, not_found};
use crate::output::{figure, note};

/// Writes it, and says what it is: its SHA-256 is what a sender can compare, and what the source's cursor held.
pub async fn document(reader: &mut Reader, sequence: u64, file: Option<PathBuf>) -> Result<()> {
    let mut found = None;
    if sequence > 0 && sequence <= reader.head().await? {
        let take = async |_, bytes: &[u8]| {
            found = Some(bytes.to_vec());
            Ok(false)
        };
        reader.each(sequence, sequence, take).await?;
    }
    let stored = found.ok_or_else(|| not_found(format!("there is no record {sequence}")))?;
    let record = wire::record::decode(&stored).map_err(|error| failed(error.to_string()))?;
    let (message, says) = said(&record, &stored)?;
    match &file {
        Some(path) => std::fs::write(path, &message).with_context(|| path.display().to_string())?,
        None => std::io::stdout().lock().write_all(&message)?,
    }
    let hash = figure::hash(&Sha256::digest(&message));
    note(format!("record {sequence}: {} bytes, SHA-256 {hash}; {says}", figure::count(message.len() as u64)));
    Ok(())
}

/// The bytes, and what they are beside what the record says.
fn said(record: &Record, stored: &[u8]) -> Result<(Vec<u8>, String)> {
    let none = || not_found(format!("record {} was not read from a message of Kafka", record.sequence));
    let Content::Decided { inbound, .. } = &record.content else { return Err(none()) };
    if let Command::Quarantine(unreadable) = &inbound.command {
        return match unreadable.bytes.is_empty() {
            false => Ok((unreadable.bytes.clone(), format!("it could not be read: {}", unreadable.reason))),
            true => Err(not_found(format!("the bytes of record {} were too many to be kept", record.sequence))),
        };
    }
    match (wire::record::document(stored), &inbound.command) {
        (Some(document), Command::Advice(advice)) => {
            let says = match iso20022::read_advice(document) {
                Ok(read) if read == **advice => "it says what the record has".to_owned(),
                Ok(_) => {
                    return Err(failed(format!("the document of record {} says otherwise than it", record.sequence)));
                }
                Err(error) => return Err(failed(format!("the document of record {}: {error}", record.sequence))),
            };
            Ok((document.to_vec(), says))
        }
        _ => wire::record::raw_message(stored)
            .filter(|_| matches!(inbound.origin, model::command::Origin::Kafka { .. }))
            .map(|raw| (raw.to_vec(), "protobuf, as it came".to_owned()))
            .ok_or_else(none),
    }
}
