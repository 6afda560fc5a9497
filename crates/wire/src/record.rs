//! Records: `quittance.record.v1.Record`, written once per command and read by every fold.

use crate::error::{DecodeError, Fault};
use crate::read::{Field, Reader};
use crate::schema::{Message, Wire, message, message_field, read_fields, required, write_fields};
use crate::write;
use model::command::{Command, Inbound, Origin};
use model::event::Event;
use model::identifier::Identifier;
use model::record::{Content, FactContent, Facts, Genesis, Outcome, Record};
use model::rejection::{Reason, Rejection};
use model::timestamp::Timestamp;

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
// Of `Command`.
const TRADE: u32 = 1;

/// Appends a record.
///
/// `raw_trade` are the bytes of a trade as they came, which the caller has decoded into the command: they are stored
/// instead of what this crate would write.
pub fn encode(record: &Record, raw_trade: Option<&[u8]>, out: &mut Vec<u8>) {
    record.sequence.write(SEQUENCE, out);
    record.at().micros().write(AT_MICROS, out);
    record.rules_version.write(RULES_VERSION, out);
    match &record.content {
        Content::Genesis(genesis) => write::nested(GENESIS, out, |out| write_genesis(genesis, out)),
        Content::Decided { inbound, outcome } => write::nested(DECIDED, out, |out| {
            inbound.actor.put(ACTOR, out);
            inbound.reason.write(REASON, out);
            inbound.origin.put(ORIGIN, out);
            match raw_trade {
                Some(raw) => {
                    assert!(matches!(inbound.command, Command::Trade(_)), "only a trade has raw bytes");
                    write::nested(COMMAND, out, |out| write::bytes(TRADE, raw, out));
                }
                None => inbound.command.put(COMMAND, out),
            }
            outcome.put(OUTCOME, out);
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
    let read_decided = |reader| -> Result<Decided, Fault> {
        Ok(read_fields!(reader => [Decided] { 1 actor, 2 reason, 3..=6 origin, 7 command, 8..=10 outcome }))
    };
    let envelope = Envelope::read(bytes)?;
    let (at, sequence, rules_version) = (envelope.at, envelope.sequence, envelope.rules_version);
    let content = match envelope.content {
        Part::Genesis(reader) => Content::Genesis(read_genesis(reader, at)?),
        Part::Decided(reader) => {
            let decided = read_decided(reader).map_err(|error| error.within("decided"))?;
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
    let read_decided = |reader| -> Result<Decided, Fault> {
        Ok(read_fields!(reader => [Decided] { 1 actor, 8..=10 outcome }))
    };
    let envelope = Envelope::read(bytes)?;
    let (sequence, at) = (envelope.sequence, envelope.at);
    match envelope.content {
        Part::Genesis(reader) => {
            let genesis = read_genesis(reader, at)?;
            // Nobody asked for it but the house itself.
            Ok(Facts { sequence, at, actor: genesis.house.clone(), content: FactContent::Genesis(genesis) })
        }
        Part::Decided(reader) => {
            let Decided { actor, outcome } = read_decided(reader).map_err(|error| error.within("decided"))?;
            Ok(Facts { sequence, at, actor, content: FactContent::Outcome(outcome) })
        }
    }
}

/// The bytes of the trade that was the record's command, as they came; `None` where the command was another.
pub fn raw_trade(bytes: &[u8]) -> Option<&[u8]> {
    let decided = last_field(bytes, DECIDED)?;
    let command = last_field(decided, COMMAND)?;
    last_field(command, TRADE)
}

/// The place of a record and its stamp, without reading the rest.
pub fn sequence_and_at(bytes: &[u8]) -> Result<(u64, Timestamp), DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut sequence = None;
    while let Some(field) = reader.next()? {
        match field.number {
            SEQUENCE => sequence = Some(field.varint()?),
            AT_MICROS => {
                let sequence = sequence.ok_or_else(|| DecodeError::missing("sequence"))?;
                return Ok((sequence, timestamp(write::unzigzag(field.varint()?))?));
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
    Genesis(Reader<'a>),
    Decided(Reader<'a>),
}

impl<'a> Envelope<'a> {
    #[inline]
    fn read(bytes: &'a [u8]) -> Result<Envelope<'a>, Fault> {
        let (mut sequence, mut micros, mut rules_version, mut content) = (0, 0, Some(0), None);
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next()? {
            match field.number {
                SEQUENCE => sequence = field.varint()?,
                AT_MICROS => micros = write::unzigzag(field.varint()?),
                RULES_VERSION => u32::merge(&mut rules_version, RULES_VERSION, field)?,
                GENESIS => content = Some(Part::Genesis(field.message()?)),
                DECIDED => content = Some(Part::Decided(field.message()?)),
                _ => field.skip()?,
            }
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
fn last_field(bytes: &[u8], number: u32) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    let mut last = None;
    while let Some(field) = reader.next().ok()? {
        if field.number == number {
            last = Some(field.bytes().ok()?);
        } else {
            field.skip().ok()?;
        }
    }
    last
}

fn write_genesis(genesis: &Genesis, out: &mut Vec<u8>) {
    // Its instant is the record's.
    let Genesis { format, house, shard, domains, cluster, at: _ } = genesis;
    write_fields!(out: 1 format, 2 house, 3 shard, 4 domains, 5 cluster);
}

fn read_genesis(reader: Reader<'_>, at: Timestamp) -> Result<Genesis, Fault> {
    struct Flat {
        format: u32,
        house: Identifier,
        shard: u32,
        domains: Vec<Identifier>,
        cluster: Option<String>,
    }
    let Flat { format, house, shard, domains, cluster } = read_fields!(reader => [Flat] {
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

    fn merge(slot: &mut Option<Origin>, number: u32, field: Field<'_, '_>) -> Result<(), Fault> {
        *slot = Some(match field.number - number {
            0 => read_fields!(field.message()? => [Origin::Kafka] { 1 topic, 2 partition, 3 offset }),
            1 => {
                let mut request_id = None;
                Identifier::merge(&mut request_id, number, field)?;
                Origin::Call { request_id: required(request_id, "request_id")? }
            }
            2 => {
                field.message()?;
                Origin::Engine
            }
            _ => Origin::File { line: field.varint()? },
        });
        Ok(())
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
    fn merge(slot: &mut Option<Outcome>, number: u32, field: Field<'_, '_>) -> Result<(), Fault> {
        *slot = Some(match field.number - number {
            0 => {
                let mut events: Option<Vec<Event>> = None;
                let mut reader = field.message()?;
                while let Some(field) = reader.next()? {
                    match field.number {
                        1 => Wire::merge(&mut events, 1, field).map_err(|error| error.within("events"))?,
                        _ => field.skip()?,
                    }
                }
                Outcome::Accepted(events.unwrap_or_default())
            }
            1 => Outcome::Rejected(Rejection::read(field.message()?)?),
            _ => Outcome::Duplicate { of: field.varint()? },
        });
        Ok(())
    }
}

message! { Rejection { 1 reason, 2 subject } }

/// Its numbers are the model's; a test holds them against the `.proto`.
impl Wire for Reason {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        write::number(number, *self as u64, out);
    }

    fn merge(slot: &mut Option<Reason>, _: u32, field: Field<'_, '_>) -> Result<(), Fault> {
        let number = field.varint()?;
        *slot = u16::try_from(number).ok().and_then(Reason::from_number);
        if slot.is_none() && number != 0 {
            return Err(DecodeError::new(format_args!("{number} is no reason of a rejection")));
        }
        Ok(())
    }
}
