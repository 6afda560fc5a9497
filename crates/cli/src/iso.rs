//! `quittance iso`: settlement messages between protobuf JSON and ISO 20022 XML, by files. Knows no server.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use iso20022::{MAX_DOCUMENT, Message};
use model::advice::Advice;
use model::command::{Command, Inbound, Origin};
use model::identifier::Identifier;
use model::outbound::OutboundInstruction;
use model::timestamp::Timestamp;
use prost::Message as _;
use serde_json::Value;

use crate::fault::{failed, usage};
use crate::fold::identifier;

/// Settlement messages as ISO 20022 XML: what agents are told and what they say, to and from protobuf JSON
#[derive(Args, Debug)]
#[command(
    after_help = "Written: sese.020, 023, 030 to an agent; sese.024, 025, 027, 028, 029, 031, semt.002, camt.053, camt.054 from one;\n\
    each with a header head.001. Read: the same, of any version. Which element is which field: docs/ISO20022.md."
)]
pub struct Iso {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Write messages as XML documents
    #[command(
        after_help = "A line is a quittance.settlement.v1.OutboundInstruction or Advice as protobuf JSON, as on the topics, or a command\n\
    (quittance.record.v1.Inbound) with an advice. What the standard has no room for is an error, never cut.\n\n\
    Example:\n  echo '{\"sender\":\"QCSDDEFFXXX\",\"id\":\"X-1\",\"reference\":\"Q0-42\",\"status\":{\"status\":\"MACH\"}}' |\n    \
    quittance iso to-xml - --to MYBANK\n  quittance iso to-xml instructions.ndjson --out ./outgoing"
    )]
    ToXml(ToXml),
    /// Read XML documents, one line of JSON for each message in them
    #[command(
        after_help = "A statement of several accounts, or a notification of several entries, gives as many lines. A document that\n\
    cannot be read is told with its line, element and reason; the others are read all the same, and the exit code is 1.\n\n\
    Example:\n  quittance iso to-json confirmation.xml statement.xml\n  \
    quittance iso to-json *.xml --command-by ines | quittance submit -"
    )]
    ToJson(ToJson),
}

#[derive(Args, Debug)]
struct ToXml {
    /// NDJSON messages; - reads stdin
    file: PathBuf,
    /// The house that advices go to: the header names it
    #[arg(long, value_parser = identifier, value_name = "HOUSE")]
    to: Option<Identifier>,
    /// When the documents are written, by their headers, as 2026-11-23T07:30:00Z; absent: now
    #[arg(long, value_parser = instant, value_name = "INSTANT")]
    created: Option<Timestamp>,
    /// A file for each message, by its reference, in this directory; absent: one message, to stdout
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct ToJson {
    /// XML documents; - reads stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Advices as commands of this person, for `quittance submit`
    #[arg(long, value_parser = identifier, value_name = "ACTOR")]
    command_by: Option<Identifier>,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

pub fn run(command: Iso) -> Result<()> {
    match command.verb {
        Verb::ToXml(asked) => to_xml(&asked),
        Verb::ToJson(asked) => to_json(&asked),
    }
}

/// A message of a line.
enum Said {
    Instruction(OutboundInstruction),
    Advice(Box<Advice>),
}

fn to_xml(asked: &ToXml) -> Result<()> {
    let created = match asked.created {
        Some(created) => created,
        None => now()?,
    };
    if let Some(folder) = &asked.out {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut written = 0u64;
    for (number, text) in (1u64..).zip(open(&asked.file)?.lines()) {
        let place = || format!("{}, line {number}", asked.file.display());
        let text = text.with_context(place)?;
        if text.trim().is_empty() {
            continue;
        }
        let said = message(&text, number).map_err(|reason| usage(format!("{}: {reason}", place())))?;
        let (name, document) = match &said {
            Said::Instruction(said) => (&said.reference, iso20022::write_instruction(said, created)),
            Said::Advice(said) => {
                let to = asked.to.as_ref();
                let to = to.ok_or_else(|| usage(format!("{}: an advice needs --to, the house it goes to", place())))?;
                (&said.id, iso20022::write_advice(said, to, created))
            }
        };
        let document = document.map_err(|error| failed(format!("{}: {error}", place())))?;
        written += 1;
        match &asked.out {
            Some(folder) => {
                let path = folder.join(format!("{}.xml", name.as_str().replace(['/', ':'], "_")));
                let mut file = File::create_new(&path).with_context(|| path.display().to_string())?;
                file.write_all(&document).with_context(|| path.display().to_string())?;
            }
            None if written > 1 => {
                return Err(usage(format!(
                    "{}: a second message, and stdout is one document: give --out DIR",
                    place()
                )));
            }
            None => io::stdout().write_all(&document)?,
        }
    }
    match written {
        0 => Err(usage(format!("{}: it holds no message", asked.file.display()))),
        _ => Ok(()),
    }
}

/// What a line says, by what only one of the kinds has.
fn message(text: &str, number: u64) -> Result<Said, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let has = |names: &[&str]| names.iter().any(|name| value.get(name).is_some());
    if has(&["command"]) {
        let (inbound, _) = wire::json::submission_from_line(text, number).map_err(|error| error.to_string())?;
        return match inbound.command {
            Command::Advice(advice) => Ok(Said::Advice(advice)),
            _ => Err("a command that is no advice: the standard has no message for it here".to_owned()),
        };
    }
    if has(&["instruct", "cancel", "modify"]) {
        let said: wire::pb::settlement::OutboundInstruction =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        let said = wire::settlement::decode_outbound(&said.encode_to_vec());
        return said.map(Said::Instruction).map_err(|error| error.to_string());
    }
    let said: wire::pb::settlement::Advice = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let said = wire::settlement::advice_from_wire(&said).map_err(|error| error.to_string())?;
    Ok(Said::Advice(Box::new(said)))
}

fn to_json(asked: &ToJson) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut unread = 0;
    for path in &asked.files {
        let mut bytes = Vec::new();
        // One byte more than may be: then it is said to be too long.
        let read = open(path)?.take(MAX_DOCUMENT as u64 + 1).read_to_end(&mut bytes);
        read.with_context(|| path.display().to_string())?;
        match iso20022::read(&bytes) {
            Ok(said) => print(&mut out, said, asked.command_by.as_ref(), path)?,
            Err(error) => {
                eprintln!("quittance: {}, line {}: {error}", path.display(), error.line(&bytes));
                unread += 1;
            }
        }
    }
    out.flush()?;
    match unread {
        0 => Ok(()),
        _ => Err(failed(format!("{unread} of {} documents could not be read", asked.files.len()))),
    }
}

fn print(out: &mut impl Write, said: Message, actor: Option<&Identifier>, path: &Path) -> Result<()> {
    match (said, actor) {
        (Message::Instruction(said), None) => {
            writeln!(out, "{}", serde_json::to_string(&wire::settlement::outbound_into_wire(&said))?)?;
        }
        (Message::Instruction(_), Some(_)) => {
            let reason = "an instruction to an agent, which is no command: leave --command-by out to see it";
            return Err(usage(format!("{}: {reason}", path.display())));
        }
        (Message::Advices(advices), None) => {
            for advice in advices {
                writeln!(out, "{}", serde_json::to_string(&wire::settlement::advice_into_wire(&advice))?)?;
            }
        }
        (Message::Advices(advices), Some(actor)) => {
            let at = now()?;
            for advice in advices {
                let reason = format!("{} by file", advice.name());
                let command = Command::Advice(Box::new(advice));
                let inbound = Inbound { command, origin: Origin::File { line: 0 }, actor: actor.clone(), reason, at };
                writeln!(out, "{}", wire::json::inbound_to_line(&inbound))?;
            }
        }
    }
    Ok(())
}

fn now() -> Result<Timestamp> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(Timestamp::from_millis(i64::try_from(since.as_millis())?)?)
}

fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(io::stdin().lock())));
    }
    let file = File::open(path).map_err(|error| usage(format!("{}: {error}", path.display())))?;
    Ok(Box::new(BufReader::new(file)))
}
