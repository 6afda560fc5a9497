//! Commands: `quittance.record.v1.Command`, for submit and for command files.

use crate::error::{DecodeError, Fault};
use crate::read::{self, Key};
use crate::schema::{Message, Wire, choice, enumeration, message, message_field, read_fields, required, write_fields};
use crate::{MAX_ADVICE, MAX_COMMAND, MAX_DOCUMENT, MAX_RAW_KEPT, MAX_TEXT, pb};
use model::breaks::CloseBreak;
use model::command::{Command, Cost, CutOff, DayStep, Opening, Repair, Replay, Step, Task, Transfer, Unreadable, What};
use model::identifier::{CurrencyCode, Identifier};
use model::index::DomainIx;
use model::instruction::Steer;
use model::reference::Reference;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

/// The command that a generated message stands for. Every rule of form is checked; rules of business are not.
pub fn from_wire(command: &pb::record::Command) -> Result<Command, DecodeError> {
    let size = command.encoded_len();
    // What comes of an advice repeats its names: it is held to what it may have on its topic.
    let advice = matches!(command.kind, Some(pb::record::command::Kind::Advice(_)));
    let limit = if advice { MAX_ADVICE } else { MAX_COMMAND };
    if size > limit {
        return Err(*DecodeError::new(format_args!("{size} bytes are more than a command may have ({limit})")));
    }
    let command = Command::read(&command.encode_to_vec())?;
    check_texts(&command)?;
    Ok(command)
}

/// The generated message of a command.
pub fn into_wire(command: &Command) -> pb::record::Command {
    let mut bytes = Vec::with_capacity(512);
    command.body(&mut bytes);
    pb::record::Command::decode(&*bytes).expect("what is written here is what the schema says")
}

/// A free text from outside: of bounded length, on one line, without what hides or turns round its own letters.
pub fn free_text(text: &str) -> Result<String, DecodeError> {
    Ok(checked_text(text)?.to_owned())
}

pub(crate) fn checked_text(text: &str) -> Result<&str, Fault> {
    if text.len() > MAX_TEXT {
        return Err(DecodeError::new(format_args!("{} bytes are more than a text may have ({MAX_TEXT})", text.len())));
    }
    // Controls, and the marks that change the direction of writing or cannot be seen.
    let hidden = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    match text.chars().find(|&letter| hidden(letter)) {
        Some(letter) => Err(DecodeError::new(format_args!("{letter:?} may not stand in a text"))),
        None => Ok(text),
    }
}

/// What is kept of bytes that could not be read: all of them, or their hash and size where they are too many.
pub fn unreadable(bytes: &[u8], error: DecodeError) -> Unreadable {
    unreadable_up_to(MAX_RAW_KEPT, bytes, error)
}

/// The same of what should have been an XML document.
pub fn unreadable_document(bytes: &[u8], error: DecodeError) -> Unreadable {
    unreadable_up_to(MAX_DOCUMENT, bytes, error)
}

fn unreadable_up_to(most: usize, bytes: &[u8], error: DecodeError) -> Unreadable {
    Unreadable {
        path: error.path,
        reason: error.reason,
        bytes: if bytes.len() > most { Vec::new() } else { bytes.to_vec() },
        hash: Sha256::digest(bytes).into(),
        size: bytes.len() as u64,
    }
}

/// The free texts of a command from outside. Those of the log are not checked again: what is in it can be read.
fn check_texts(command: &Command) -> Result<(), Fault> {
    let reference = match command {
        Command::SetReference(reference) => reference,
        Command::Advice(advice) => {
            return crate::settlement::check_advice(advice).map_err(|error| error.within("advice"));
        }
        Command::CloseQuarantined { replay: Some(Replay::Advice(advice)), .. } => {
            let at_fault = |error: Fault| error.within("replay_advice").within("close_quarantined");
            return crate::settlement::check_advice(advice).map_err(at_fault);
        }
        _ => return Ok(()),
    };
    let (text, path) = match &**reference {
        Reference::Party(party) => (&party.name, "set_reference.party.name"),
        Reference::Book(book) => (&book.name, "set_reference.book.name"),
        Reference::Domain(domain) => (&domain.zone, "set_reference.domain.zone"),
        Reference::AddOn(add_on) => (&add_on.cfi_prefix, "set_reference.add_on.cfi_prefix"),
        Reference::MarginAccount(account) => (&account.jurisdiction, "set_reference.margin_account.jurisdiction"),
        Reference::Ssi(ssi) if ssi.cfi_prefix.is_some() => {
            (ssi.cfi_prefix.as_ref().expect("tested"), "set_reference.ssi.cfi_prefix")
        }
        _ => return Ok(()),
    };
    checked_text(text).map(drop).map_err(|error| error.within(path))
}

choice! { Command as "command" {
    1 "trade" Trade(trade),
    2 "set_reference" SetReference(reference),
    3 "open" Open(opening),
    4 "transfer" Transfer(transfer),
    5 "reverse" Reverse { 1 sequence, 2 instruction },
    6 "repair" Repair(repair),
    7 "steer" Steer { 1 instruction, 2..=3 steer },
    8 "day" Day(step),
    9 "approve" Approve { 1 proposal, 30 payload_hash },
    10 "refuse" Refuse { 1 proposal },
    11 "continue_task" Continue(task),
    12 "quarantine" Quarantine(unreadable),
    13 "close_quarantined" CloseQuarantined { 1 sequence, 2..=3 replay },
    30 "control_totals" ControlTotals(totals),
    31 "sign_off" SignOff(sign_off),
    32 "accounting" Accounting(day),
    20 "advice" Advice(advice),
    21 "close_break" CloseBreak(closing),
    22 "assign_break" AssignBreak { 1 number, 2 owner },
    50 "issue_margin_calls" IssueMarginCalls(issue),
    52 "issue_initial_calls" IssueInitialCalls(issue),
    51 "answer_margin_call" AnswerMarginCall { 1 number, 2 answer },
} }

message! { Opening { 1 account, 2 book, 3..=4 what, 5 quantity, 6 cost } }
message! { Cost { 1 currency, 2 amount } }
message! { Transfer { 1 from, 2 to, 3 book, 4 to_book, 5..=6 what, 7 quantity } }
message! { Repair { 1 source, 2 id, 3 details } }
message! { CloseBreak { 1 number, 2 resolution, 3 target } }
message! { DayStep { 1 domain, 2..=4 step } }
message! { CutOff { 1 currency, 2 at } }

/// A `oneof` of a trade and an advice.
impl Wire for Replay {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        match self {
            Replay::Trade(trade) => trade.put(number, out),
            Replay::Advice(advice) => advice.put(number + 1, out),
        }
    }

    fn merge<'a>(slot: &mut Option<Replay>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        if key.number() == first {
            let mut trade = None;
            let rest = Wire::merge(&mut trade, first, key, bytes)?;
            *slot = trade.map(Replay::Trade);
            return Ok(rest);
        }
        let mut advice = None;
        let rest = Wire::merge(&mut advice, first, key, bytes)?;
        *slot = advice.map(Replay::Advice);
        Ok(rest)
    }
}

/// A `oneof` of `string currency` and `string instrument`.
impl Wire for What {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        match self {
            What::Currency(code) => code.put(number, out),
            What::Instrument(id) => id.put(number + 1, out),
        }
    }

    fn merge<'a>(slot: &mut Option<What>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        if key.number() == first {
            let mut code = None;
            let rest = CurrencyCode::merge(&mut code, first, key, bytes)?;
            *slot = code.map(What::Currency);
            return Ok(rest);
        }
        let mut id = None;
        let rest = Identifier::merge(&mut id, first, key, bytes)?;
        *slot = id.map(What::Instrument);
        Ok(rest)
    }
}

/// A `oneof` of `DayOpen`, `DayCutOff` and `DayClose`.
impl Wire for Step {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        match self {
            Step::Open { date, cut_offs } => {
                crate::write::nested(number, out, |out| write_fields!(out: 1 date, 2 cut_offs));
            }
            Step::CutOff { date, currency } => {
                crate::write::nested(number + 1, out, |out| write_fields!(out: 1 date, 2 currency));
            }
            Step::Close { date } => crate::write::nested(number + 2, out, |out| write_fields!(out: 1 date)),
        }
    }

    fn merge<'a>(slot: &mut Option<Step>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let (message, rest) = read::bytes(key, bytes)?;
        *slot = Some(match key.number() - first {
            0 => read_fields!(message => [Step::Open] { 1 date, 2 cut_offs }),
            1 => read_fields!(message => [Step::CutOff] { 1 date, 2 currency }),
            _ => read_fields!(message => [Step::Close] { 1 date }),
        });
        Ok(rest)
    }
}

/// `SteerAction`, without the priority that goes with one of them.
#[derive(Clone, Copy)]
enum SteerAction {
    Hold,
    Release,
    Prioritise,
    Cancel,
    KeepAfterAll,
}
enumeration! { SteerAction { 1 Hold, 2 Release, 3 Prioritise, 4 Cancel, 5 KeepAfterAll } }

/// Two fields beside the others: the action, and the priority where the action is to prioritise.
impl Wire for Steer {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        let (action, priority) = match *self {
            Steer::Hold => (SteerAction::Hold, None),
            Steer::Release => (SteerAction::Release, None),
            Steer::Prioritise(priority) => (SteerAction::Prioritise, Some(priority)),
            Steer::Cancel => (SteerAction::Cancel, None),
            Steer::KeepAfterAll => (SteerAction::KeepAfterAll, None),
        };
        action.put(number, out);
        priority.put(number + 1, out);
    }

    fn merge<'a>(slot: &mut Option<Steer>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        if key.number() == first {
            let mut action = None;
            let rest = SteerAction::merge(&mut action, first, key, bytes).map_err(|fault| fault.within("action"))?;
            *slot = action.map(|action| match action {
                SteerAction::Hold => Steer::Hold,
                SteerAction::Release => Steer::Release,
                // No priority: what the domain refuses, should it not follow.
                SteerAction::Prioritise => Steer::Prioritise(0),
                SteerAction::Cancel => Steer::Cancel,
                SteerAction::KeepAfterAll => Steer::KeepAfterAll,
            });
            return Ok(rest);
        }
        let mut priority = None;
        let rest = u8::merge(&mut priority, first, key, bytes).map_err(|fault| fault.within("priority"))?;
        match slot {
            Some(Steer::Prioritise(place)) => *place = required(priority, "priority")?,
            _ => {
                return Err(
                    DecodeError::new("goes with the action to prioritise only, and after it").within("priority")
                );
            }
        }
        Ok(rest)
    }
}

/// `TaskKind`, without the domain that goes with some of them.
#[derive(Clone, Copy)]
enum TaskKind {
    Retry,
    Cycle,
    Survey,
    Repair,
    Reserve,
}
enumeration! { TaskKind { 1 Retry, 2 Cycle, 3 Survey, 4 Repair, 50 Reserve } }

message_field! { Task }
impl Message for Task {
    fn body(&self, out: &mut Vec<u8>) {
        let (kind, domain) = match self {
            Task::Retry => (&TaskKind::Retry, &DomainIx(0)),
            Task::Cycle(domain) => (&TaskKind::Cycle, domain),
            Task::Survey(domain) => (&TaskKind::Survey, domain),
            Task::Repair => (&TaskKind::Repair, &DomainIx(0)),
            Task::Reserve => (&TaskKind::Reserve, &DomainIx(0)),
        };
        write_fields!(out: 1 kind, 2 domain);
    }

    fn read(bytes: &[u8]) -> Result<Task, Fault> {
        struct Flat {
            kind: TaskKind,
            domain: DomainIx,
        }
        let Flat { kind, domain } = read_fields!(bytes => [Flat] { 1 kind, 2 domain });
        match kind {
            TaskKind::Retry if domain.0 == 0 => Ok(Task::Retry),
            TaskKind::Repair if domain.0 == 0 => Ok(Task::Repair),
            TaskKind::Reserve if domain.0 == 0 => Ok(Task::Reserve),
            TaskKind::Cycle => Ok(Task::Cycle(domain)),
            TaskKind::Survey => Ok(Task::Survey(domain)),
            _ => Err(DecodeError::new("goes with a cycle or a survey only").within("domain")),
        }
    }
}

message_field! { Unreadable }
impl Message for Unreadable {
    fn body(&self, out: &mut Vec<u8>) {
        self.path.write(1, out);
        self.reason.write(2, out);
        if !self.bytes.is_empty() {
            crate::write::bytes(3, &self.bytes, out);
        }
        crate::write::bytes(4, &self.hash, out);
        self.size.write(5, out);
    }

    fn read(mut bytes: &[u8]) -> Result<Unreadable, Fault> {
        let (mut path, mut reason, mut size) = (None, None, None);
        let (mut raw, mut hash) = (Vec::new(), None);
        while !bytes.is_empty() {
            let (key, value) = read::key(bytes)?;
            bytes = match key.number() {
                1 => Wire::merge(&mut path, 1, key, value).map_err(|fault| fault.within("path"))?,
                2 => Wire::merge(&mut reason, 2, key, value).map_err(|fault| fault.within("reason"))?,
                3 => {
                    let (found, rest) = read::bytes(key, value).map_err(|fault| fault.within("raw"))?;
                    raw = found.to_vec();
                    rest
                }
                4 => {
                    let (found, rest) = read::bytes(key, value).map_err(|fault| fault.within("hash"))?;
                    hash = found.try_into().ok();
                    rest
                }
                5 => Wire::merge(&mut size, 5, key, value).map_err(|fault| fault.within("size"))?,
                _ => read::skip(key, value)?,
            };
        }
        let hash = hash.ok_or_else(|| DecodeError::new("32 bytes are required").within("hash"))?;
        let (path, reason, size) = (required(path, "path")?, required(reason, "reason")?, required(size, "size")?);
        Ok(Unreadable { path, reason, bytes: raw, hash, size })
    }
}
