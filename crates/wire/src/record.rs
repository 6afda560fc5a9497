//! Records: `quittance.record.v1.Record`, written once per command and read by every fold.

use crate::error::{DecodeError, Fault};
use crate::read::{self, Key};
use crate::schema::{Message, Wire, message, message_field, read_fields, required, write_fields};
use crate::write;
use model::command::{Command, Inbound, Origin};
use model::event::Event;
use model::identifier::Identifier;
use model::record::{Content, FactContent, Facts, Genesis, Outcome, Record};
use model::rejection::{Reason, Rejection};
use model::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};

// Field numbers of `Record`.
const SEQUENCE: u32 = 1;
const AT_MICROS: u32 = 2;
const RULES_VERSION: u32 = 3;
const GENESIS: u32 = 4;
const DECIDED: u32 = 5;
// Field numbers of `Decided`.
const ACTOR: u32 = 1;
const REASON: u32 = 2;
const ORIGIN: u32 = 3;
const COMMAND: u32 = 7;
const OUTCOME: u32 = 8;
const DOCUMENT: u32 = 11;
// Of `Command`.
const TRADE: u32 = 1;
const ADVICE: u32 = 20;

/// A message as it came, which was read into a record's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// A trade or an advice as protobuf: its bytes are stored instead of what this crate would write.
    Protobuf(&'a [u8]),
    /// An advice as an XML document: the command is stored as this crate writes it, the document beside it.
    Document(&'a [u8]),
}

/// Appends a record. `raw` is the message as it came, where the caller has read one.
///
/// # Panics
/// When the command is none that comes so.
pub fn encode(record: &Record, raw: Option<Received<'_>>, out: &mut Vec<u8>) {
    record.sequence.write(SEQUENCE, out);
    record.at().micros().write(AT_MICROS, out);
    record.rules_version.write(RULES_VERSION, out);
    match &record.content {
        Content::Genesis(genesis) => write::nested(GENESIS, out, |out| write_genesis(genesis, out)),
        Content::Decided { inbound, outcome } => write::nested(DECIDED, out, |out| {
            inbound.actor.put(ACTOR, out);
            inbound.reason.write(REASON, out);
            inbound.origin.put(ORIGIN, out);
            match raw {
                Some(Received::Protobuf(raw)) => {
                    let kind = match inbound.command {
                        Command::Trade(_) => TRADE,
                        Command::Advice(_) => ADVICE,
                        _ => panic!("only a trade or an advice has raw bytes"),
                    };
                    write::nested(COMMAND, out, |out| write::bytes(kind, raw, out));
                }
                Some(Received::Document(_)) | None => inbound.command.put(COMMAND, out),
            }
            outcome.put(OUTCOME, out);
            if let Some(Received::Document(document)) = raw {
                assert!(matches!(inbound.command, Command::Advice(_)), "only an advice comes as a document");
                write::bytes(DOCUMENT, document, out);
            }
        }),
    }
}

/// Reads a record with its command.
pub fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    struct Decided {
        actor: Identifier,
        reason: String,
        origin: Origin,
        command: Command,
        outcome: Outcome,
    }
    let read_decided = |bytes: &[u8]| -> Result<Decided, Fault> {
        Ok(read_fields!(bytes => [Decided] { 1 actor, 2 reason, 3..=6 origin, 7 command, 8..=10 outcome }))
    };
    let envelope = Envelope::read(bytes)?;
    let (at, sequence, rules_version) = (envelope.at, envelope.sequence, envelope.rules_version);
    let content = match envelope.content {
        Part::Genesis(bytes) => Content::Genesis(read_genesis(bytes, at)?),
        Part::Decided(bytes) => {
            let decided = read_decided(bytes).map_err(|error| error.within("decided"))?;
            let Decided { actor, reason, origin, command, outcome } = decided;
            Content::Decided { inbound: Inbound { command, origin, actor, reason, at }, outcome }
        }
    };
    Ok(Record { sequence, rules_version, content })
}

/// Reads a record without its command, origin and reason: all that a fold needs, and no more than is needed for that.
pub fn facts(bytes: &[u8]) -> Result<Facts, DecodeError> {
    struct Decided {
        actor: Identifier,
        outcome: Outcome,
    }
    let read_decided =
        |bytes: &[u8]| -> Result<Decided, Fault> { Ok(read_fields!(bytes => [Decided] { 1 actor, 8..=10 outcome })) };
    let envelope = Envelope::read(bytes)?;
    let (sequence, at) = (envelope.sequence, envelope.at);
    match envelope.content {
        Part::Genesis(bytes) => {
            let genesis = read_genesis(bytes, at)?;
            // Nobody asked for it but the house itself.
            Ok(Facts { sequence, at, actor: genesis.house.clone(), content: FactContent::Genesis(genesis) })
        }
        Part::Decided(bytes) => {
            let Decided { actor, outcome } = read_decided(bytes).map_err(|error| error.within("decided"))?;
            Ok(Facts { sequence, at, actor, content: FactContent::Outcome(outcome) })
        }
    }
}

/// The XML document from which the record's command was read, as it came; `None` where it was not read from one.
pub fn document(bytes: &[u8]) -> Option<&[u8]> {
    last_field(last_field(bytes, DECIDED)?, DOCUMENT)
}

/// The bytes of the trade or advice that was the record's command, as they came, be they protobuf or XML; `None` where the
/// command was another.
pub fn raw_message(bytes: &[u8]) -> Option<&[u8]> {
    let decided = last_field(bytes, DECIDED)?;
    if let Some(document) = last_field(decided, DOCUMENT) {
        return Some(document);
    }
    let command = last_field(decided, COMMAND)?;
    last_field(command, TRADE).or_else(|| last_field(command, ADVICE))
}

/// SHA-256 of the command of a record as it is stored: by it an approval names what was proposed. `None`: a genesis.
pub fn payload_hash(bytes: &[u8]) -> Option<[u8; 32]> {
    let command = last_field(last_field(bytes, DECIDED)?, COMMAND)?;
    Some(Sha256::digest(command).into())
}

/// The place of a record and its stamp, without reading the rest.
pub fn sequence_and_at(mut bytes: &[u8]) -> Result<(u64, Timestamp), DecodeError> {
    let mut sequence = None;
    while !bytes.is_empty() {
        let (key, value) = read::key(bytes)?;
        match key.number() {
            SEQUENCE => {
                let (number, rest) = read::number(key, value)?;
                sequence = Some(number);
                bytes = rest;
            }
            AT_MICROS => {
                let sequence = sequence.ok_or_else(|| DecodeError::missing("sequence"))?;
                let (micros, _) = read::number(key, value)?;
                return Ok((sequence, timestamp(write::unzigzag(micros))?));
            }
            // What is written here has both in front; an instant of zero is not written.
            _ => break,
        }
    }
    Ok((sequence.ok_or_else(|| DecodeError::missing("sequence"))?, Timestamp::EPOCH))
}

/// The outermost fields of a record.
struct Envelope<'a> {
    sequence: u64,
    at: Timestamp,
    rules_version: u32,
    content: Part<'a>,
}

enum Part<'a> {
    Genesis(&'a [u8]),
    Decided(&'a [u8]),
}

impl<'a> Envelope<'a> {
    #[inline]
    fn read(mut bytes: &'a [u8]) -> Result<Envelope<'a>, Fault> {
        let (mut sequence, mut micros, mut rules_version, mut content) = (0, 0, Some(0), None);
        while !bytes.is_empty() {
            let (key, value) = read::key(bytes)?;
            bytes = match key.number() {
                SEQUENCE => {
                    let (number, rest) = read::number(key, value)?;
                    sequence = number;
                    rest
                }
                AT_MICROS => {
                    let (number, rest) = read::number(key, value)?;
                    micros = write::unzigzag(number);
                    rest
                }
                RULES_VERSION => u32::merge(&mut rules_version, RULES_VERSION, key, value)?,
                kind @ (GENESIS | DECIDED) => {
                    let (message, rest) = read::bytes(key, value)?;
                    content = Some(if kind == GENESIS { Part::Genesis(message) } else { Part::Decided(message) });
                    rest
                }
                _ => read::skip(key, value)?,
            };
        }
        if sequence == 0 {
            return Err(DecodeError::missing("sequence"));
        }
        let content = content.ok_or_else(|| DecodeError::missing("content"))?;
        Ok(Envelope { sequence, at: timestamp(micros)?, rules_version: rules_version.unwrap_or(0), content })
    }
}

fn timestamp(micros: i64) -> Result<Timestamp, Fault> {
    Timestamp::from_micros(micros).map_err(|error| DecodeError::new(error).within("at_micros"))
}

/// The bytes of a field, the last if there are several.
fn last_field(mut bytes: &[u8], number: u32) -> Option<&[u8]> {
    let mut last = None;
    while !bytes.is_empty() {
        let (key, value) = read::key(bytes).ok()?;
        if key.number() == number {
            last = Some(read::bytes(key, value).ok()?.0);
        }
        bytes = read::skip(key, value).ok()?;
    }
    last
}

fn write_genesis(genesis: &Genesis, out: &mut Vec<u8>) {
    // Its instant is the record's.
    let Genesis { format, house, shard, domains, cluster, at: _ } = genesis;
    write_fields!(out: 1 format, 2 house, 3 shard, 4 domains, 5 cluster);
}

fn read_genesis(bytes: &[u8], at: Timestamp) -> Result<Genesis, Fault> {
    struct Flat {
        format: u32,
        house: Identifier,
        shard: u32,
        domains: Vec<Identifier>,
        cluster: Option<String>,
    }
    let Flat { format, house, shard, domains, cluster } = read_fields!(bytes => [Flat] {
        1 format, 2 house, 3 shard, 4 domains, 5 cluster
    });
    Ok(Genesis { format, house, shard, domains, cluster, at })
}

/// The `oneof origin` of `Decided`.
impl Wire for Origin {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        match self {
            Origin::Kafka { topic, partition, offset } => {
                write::nested(number, out, |out| write_fields!(out: 1 topic, 2 partition, 3 offset));
            }
            Origin::Call { request_id } => request_id.put(number + 1, out),
            Origin::Engine => write::nested(number + 2, out, |_| {}),
            Origin::File { line } => line.put(number + 3, out),
        }
    }

    fn merge<'a>(slot: &mut Option<Origin>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        if key.number() == first + 3 {
            let (line, rest) = read::number(key, bytes)?;
            *slot = Some(Origin::File { line });
            return Ok(rest);
        }
        let (message, rest) = read::bytes(key, bytes)?;
        *slot = Some(match key.number() - first {
            0 => read_fields!(message => [Origin::Kafka] { 1 topic, 2 partition, 3 offset }),
            1 => {
                let mut request_id = None;
                Identifier::merge(&mut request_id, first, key, bytes)?;
                Origin::Call { request_id: required(request_id, "request_id")? }
            }
            _ => Origin::Engine,
        });
        Ok(rest)
    }
}

/// The `oneof outcome` of `Decided`.
impl Wire for Outcome {
    #[inline]
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        match self {
            Outcome::Accepted(events) => write::nested(number, out, |out| events.put(1, out)),
            Outcome::Rejected(rejection) => rejection.put(number + 1, out),
            Outcome::Duplicate { of } => of.put(number + 2, out),
        }
    }

    #[inline]
    fn merge<'a>(slot: &mut Option<Outcome>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        match key.number() - first {
            0 => {
                let (mut message, rest) = read::bytes(key, bytes)?;
                let mut events: Option<Vec<Event>> = None;
                while !message.is_empty() {
                    let (key, value) = read::key(message)?;
                    message = match key.number() {
                        1 => Wire::merge(&mut events, 1, key, value).map_err(|fault| fault.within("events"))?,
                        _ => read::skip(key, value)?,
                    };
                }
                *slot = Some(Outcome::Accepted(events.unwrap_or_default()));
                Ok(rest)
            }
            1 => {
                let (message, rest) = read::bytes(key, bytes)?;
                *slot = Some(Outcome::Rejected(Rejection::read(message)?));
                Ok(rest)
            }
            _ => {
                let (of, rest) = read::number(key, bytes)?;
                *slot = Some(Outcome::Duplicate { of });
                Ok(rest)
            }
        }
    }
}

message! { Rejection { 1 reason, 2 subject } }

/// Its numbers are the model's; a test holds them against the `.proto`.
impl Wire for Reason {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        write::number(number, *self as u64, out);
    }

    fn merge<'a>(slot: &mut Option<Reason>, _: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let (number, rest) = read::number(key, bytes)?;
        *slot = u16::try_from(number).ok().and_then(Reason::from_number);
        if slot.is_none() && number != 0 {
            return Err(DecodeError::new(format_args!("{number} is no reason of a rejection")));
        }
        Ok(rest)
    }
}
