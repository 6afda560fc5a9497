//! A record as the auditor reads it: who asked what from where, and what came of it. Field numbers are those of
//! `proto/quittance/record/v1/record.proto`; nothing here was generated from it.

use crate::bytes::{Fields, Value, last, text, unreadable};
use crate::fault::{Fault, must};

/// One record.
#[derive(Debug)]
pub struct Record<'a> {
    pub sequence: u64,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    pub content: Content<'a>,
}

#[derive(Debug)]
pub enum Content<'a> {
    Genesis { house: &'a str },
    Decided(Decided<'a>),
}

/// A command with its outcome.
#[derive(Debug)]
pub struct Decided<'a> {
    pub actor: &'a str,
    pub origin: Origin<'a>,
    pub command: Command<'a>,
    pub outcome: Outcome<'a>,
    /// The document that the command was read from, as it came.
    pub document: Option<&'a [u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    Kafka { topic: &'a str, partition: u32, offset: u64 },
    Call { request: &'a str },
    Engine,
    File,
}

/// What was asked: the number of its field in `Command`, and its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    pub kind: u32,
    pub body: &'a [u8],
    /// The command as it stands in the record: what a checker of a proposal hashes.
    pub whole: &'a [u8],
}

/// Numbers of the fields of `Command`.
pub mod command {
    pub const TRADE: u32 = 1;
    pub const SET_REFERENCE: u32 = 2;
    pub const OPEN: u32 = 3;
    pub const TRANSFER: u32 = 4;
    pub const REVERSE: u32 = 5;
    pub const APPROVE: u32 = 9;
    pub const REFUSE: u32 = 10;
    pub const CONTINUE: u32 = 11;
    pub const QUARANTINE: u32 = 12;
    pub const CLOSE_QUARANTINED: u32 = 13;
    pub const ADVICE: u32 = 20;
    pub const CLOSE_BREAK: u32 = 21;
    pub const CONTROL_TOTALS: u32 = 30;
    pub const SIGN_OFF: u32 = 31;
}

#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    /// The facts, each a field 1.
    Accepted(Fields<'a>),
    /// The number of the reason.
    Rejected(u32),
    Duplicate(u64),
}

/// A trade message: by what it is known, and its details if it has any.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub source: &'a str,
    pub id: &'a str,
    pub version: u32,
    pub details: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Record<'a>, Fault> {
        let (mut sequence, mut at, mut content) = (0, 0, None);
        let mut fields = Fields::of(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => sequence = value.number()?,
                2 => at = value.signed()?,
                3 => _ = value.small()?,
                4 => content = Some(Content::Genesis { house: genesis(value.bytes()?)? }),
                5 => content = Some(Content::Decided(Decided::read(value.bytes()?)?)),
                other => return Err(Fault::unknown(format!("a record has a field {other}"))),
            }
        }
        let content = content.ok_or_else(|| unreadable("a record of nothing"))?;
        Ok(Record { sequence, at, content })
    }
}

fn genesis(bytes: &[u8]) -> Result<&str, Fault> {
    let format = last(bytes, 1)?.map_or(Ok(0), Value::small)?;
    must!(I10, format == 1, "the genesis is of format {format}");
    text(bytes, 2)
}

impl<'a> Decided<'a> {
    fn read(bytes: &'a [u8]) -> Result<Decided<'a>, Fault> {
        let (mut actor, mut origin, mut command, mut outcome) = ("", None, None, None);
        let mut document = None;
        let mut fields = Fields::of(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => actor = value.text()?,
                2 => _ = value.text()?,
                3 => origin = Some(kafka(value.bytes()?)?),
                4 => origin = Some(Origin::Call { request: value.text()? }),
                5 => origin = Some(Origin::Engine),
                6 => origin = Some(Origin::File),
                7 => command = Some(Command::read(value.bytes()?)?),
                8 => outcome = Some(Outcome::Accepted(Fields::of(value.bytes()?))),
                9 => outcome = Some(Outcome::Rejected(last(value.bytes()?, 1)?.map_or(Ok(0), Value::small)?)),
                10 => outcome = Some(Outcome::Duplicate(value.number()?)),
                11 => document = Some(value.bytes()?),
                other => return Err(Fault::unknown(format!("what was decided has a field {other}"))),
            }
        }
        let (Some(origin), Some(command), Some(outcome)) = (origin, command, outcome) else {
            return Err(unreadable("no origin, command or outcome"));
        };
        must!(I10, !actor.is_empty(), "nobody asked for it");
        if let Some(document) = document {
            let of_topic = matches!(origin, Origin::Kafka { .. });
            must!(I10, of_topic && command.kind == command::ADVICE, "a document beside what no agent sent as one");
            must!(I10, is_xml(document), "the document as received is no XML: {} bytes", document.len());
        }
        Ok(Decided { actor, origin, command, outcome, document })
    }

    /// The trade message it brought.
    pub fn message(&self) -> Result<Option<Message<'a>>, Fault> {
        match self.command.kind {
            command::TRADE => Message::read(self.command.body).map(Some),
            command::CLOSE_QUARANTINED => match last(self.command.body, 2)? {
                Some(replay) => Message::read(replay.bytes()?).map(Some),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }
}

/// Whether bytes look like an XML document: text that begins with a tag. What it says is not read again here.
fn is_xml(document: &[u8]) -> bool {
    let text = std::str::from_utf8(document).ok();
    text.is_some_and(|text| text.trim_start_matches('\u{feff}').trim_start().starts_with('<'))
}

fn kafka(bytes: &[u8]) -> Result<Origin<'_>, Fault> {
    let (mut topic, mut partition, mut offset) = ("", 0, 0);
    let mut fields = Fields::of(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => topic = value.text()?,
            2 => partition = value.small()?,
            3 => offset = value.number()?,
            other => return Err(Fault::unknown(format!("an origin has a field {other}"))),
        }
    }
    Ok(Origin::Kafka { topic, partition, offset })
}

impl<'a> Command<'a> {
    fn read(whole: &'a [u8]) -> Result<Command<'a>, Fault> {
        let mut fields = Fields::of(whole);
        match (fields.next()?, fields.next()?) {
            (Some((kind, body)), None) => Ok(Command { kind, body: body.bytes()?, whole }),
            _ => Err(unreadable("a command that is not one")),
        }
    }
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Result<Message<'a>, Fault> {
        let mut message = Message { source: "", id: "", version: 0, details: None };
        let mut fields = Fields::of(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => message.source = value.text()?,
                2 => message.id = value.text()?,
                3 => message.version = value.small()?,
                5 => message.details = Some(value.bytes()?),
                // The bytes are those that came: what a front office says besides is kept, and means nothing here.
                _ => {}
            }
        }
        Ok(message)
    }
}
