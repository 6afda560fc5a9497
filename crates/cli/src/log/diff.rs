//! `quittance log diff`: two logs of the same business held side by side, trade by trade: the recorded one and the same decided
//! again, or two that were written to files.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use model::event::Event;
use model::index::Kind;
use model::record::{FactContent, Facts, Outcome};
use projections::{At, Error};
use prost::Message as _;
use serde::Serialize;
use wire::pb::typ::Decimal;
use wire::pb::view::{Instruction, Trade};

use super::decide::{self, With};
use super::reader::Reader;
use crate::fault::{failed, usage};
use crate::output::{self, Cell, Column, Format, column, figure, note};
use crate::progress;
use crate::views::Scratch;

#[derive(Args, Debug)]
pub struct Diff {
    #[command(flatten)]
    with: With,
    /// Two logs written by `log export`, `log decide` or `fold`, instead of one that is decided again
    #[arg(num_args = 0..=2, value_name = "FILE", conflicts_with = "with")]
    pub files: Vec<PathBuf>,
    /// Exit with 1 when anything differs
    #[arg(long)]
    exit_code: bool,
}

pub const HELP: &str = "\
Without files: the log as recorded beside the same commands decided again by this build, with the changes of --with.
A change is a line of JSON; the numbers are those of `quittance log list`, the command as `quittance log show` prints it:
  {\"replace\":17,\"command\":{\"setReference\":{\"tolerance\":{…}}}}   another command in the place of that of record 17
  {\"after\":17,\"command\":{…}}                                     one more, by the same person at the same instant
  {\"drop\":17}                                                     that command was never given
With two files: the one beside the other, as two builds decided them (`quittance log decide` of each).

A line for each field of a trade that differs: status, defects, quantity, amount, dates, and of each of its
instructions status, reasons, matched amount and settlement date. No line: nothing differs. Numbers that the log gives
(records, trades, instructions) and instants are not compared. Takes the memory of all records.

Examples:
  quittance log diff --data quittance-data                        does this build decide as recorded?
  quittance log diff --data quittance-data --with tolerance.ndjson
  quittance log diff old.ndjson new.ndjson --exit-code -o csv";

/// What differs of a trade.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub source: String,
    pub trade: String,
    pub what: String,
    pub one: String,
    pub other: String,
}

pub async fn recorded(reader: &mut Reader, format: Format, command: &Diff) -> Result<()> {
    let changes = command.with.load()?;
    let mut one = Side::new()?;
    let (shard, turned) = decide::again(reader, &changes, |sequence, bytes| one.stored(sequence, bytes)).await?;
    let mut other = Side::new()?;
    for (sequence, bytes) in (1..).zip(shard.bytes()) {
        other.stored(sequence, &bytes)?;
    }
    let compared = compare(&mut one, &mut other)?;
    print(format, RECORDED, compared, command.exit_code, || decide::tell(&turned))
}

pub fn files(format: Format, command: &Diff) -> Result<()> {
    let [one, other] = &command.files[..] else {
        return Err(usage("one file has nothing beside it: name two, or none and --data"));
    };
    let (mut one, mut other) = (Side::read(one)?, Side::read(other)?);
    let compared = compare(&mut one, &mut other)?;
    print(format, FILES, compared, command.exit_code, || ())
}

fn print(
    format: Format,
    columns: &'static [Column<Difference>],
    (trades, differences): (usize, Vec<Difference>),
    exit_code: bool,
    tell: impl FnOnce(),
) -> Result<()> {
    let key = |each: &Difference| (each.source.clone(), each.trade.clone());
    let differing: BTreeSet<_> = differences.iter().map(key).collect();
    let nothing = differences.is_empty();
    output::list(format, columns, differences, "nothing differs")?;
    let (differing, trades) = (figure::count(differing.len() as u64), figure::count(trades as u64));
    note(format!("{differing} of {trades} trades differ"));
    tell();
    if exit_code && !nothing { Err(failed("the logs differ")) } else { Ok(()) }
}

/// A log as views, and the trades it ever named.
struct Side {
    views: Scratch,
    sources: Vec<String>,
    trades: BTreeSet<(String, String)>,
    facts: Vec<Facts>,
}

impl Side {
    fn new() -> Result<Side> {
        let mut views = Scratch::new()?;
        views.folder.set_window(0);
        Ok(Side { views, sources: Vec::new(), trades: BTreeSet::new(), facts: Vec::new() })
    }

    /// From a file of records as JSON, or of stored bytes.
    fn read(path: &Path) -> Result<Side> {
        let place = || path.display().to_string();
        let file = std::fs::File::open(path).with_context(place)?;
        let bar = progress::bytes(file.metadata().with_context(place)?.len());
        let mut side = Side::new()?;
        for (number, line) in (1..).zip(BufReader::new(file).lines()) {
            let line = line.with_context(place)?;
            bar.inc(line.len() as u64 + 1);
            let bytes = stored(&line).map_err(|why| usage(format!("{}, line {number}: {why}", place())))?;
            side.stored(number, &bytes).with_context(place)?;
        }
        bar.finish_and_clear();
        if side.sources.is_empty() && side.facts.is_empty() {
            return Err(usage(format!("{} holds no records", place())));
        }
        Ok(side)
    }

    fn stored(&mut self, sequence: u64, bytes: &[u8]) -> Result<()> {
        const STEP: usize = 1_024;
        let facts = wire::record::facts(bytes).with_context(|| format!("record {sequence} cannot be read"))?;
        if facts.sequence != sequence {
            return Err(usage(format!(
                "record {} stands where record {sequence} should: a log begins with 1",
                facts.sequence
            )));
        }
        if let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content {
            for event in events {
                match event {
                    Event::Interned { kind: Kind::Source, id, .. } => self.sources.push(id.to_string()),
                    Event::TradeCaptured { source, id, .. } => {
                        let source = self.sources.get(source.0 as usize);
                        let source = source.ok_or_else(|| failed(format!("record {sequence} names no source")))?;
                        self.trades.insert((source.clone(), id.to_string()));
                    }
                    _ => {}
                }
            }
        }
        self.facts.push(facts);
        if self.facts.len() == STEP {
            self.fold();
        }
        Ok(())
    }

    fn fold(&mut self) {
        self.views.folder.fold(&self.facts);
        self.facts.clear();
    }

    fn outline(&self, source: &str, id: &str) -> Result<Vec<(String, String)>> {
        match self.views.projections.trade(source, id, At::NOW) {
            Ok(answer) => Ok(outline(&answer.value)),
            Err(Error::NotFound { .. }) => Ok(vec![("status".to_owned(), "unknown".to_owned())]),
            Err(error) => Err(error.into()),
        }
    }
}

/// The bytes of a record in a line.
fn stored(line: &str) -> Result<Vec<u8>, String> {
    let value: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if let Some(stored) = value.get("stored").and_then(serde_json::Value::as_str) {
        return STANDARD.decode(stored).map_err(|error| error.to_string());
    }
    let record: wire::pb::record::Record = serde_json::from_value(value).map_err(|error| error.to_string())?;
    Ok(record.encode_to_vec())
}

/// How many trades there are, and what differs of which.
fn compare(one: &mut Side, other: &mut Side) -> Result<(usize, Vec<Difference>)> {
    one.fold();
    other.fold();
    let trades: BTreeSet<_> = one.trades.union(&other.trades).cloned().collect();
    let mut differences = Vec::new();
    for (source, id) in &trades {
        let (before, after) = (one.outline(source, id)?, other.outline(source, id)?);
        let value = |outline: &[(String, String)], what: &str| {
            outline.iter().find(|(each, _)| each == what).map_or(String::new(), |(_, value)| value.clone())
        };
        // In the order of the fuller one, then what only the other has.
        let whats = before.iter().chain(after.iter().filter(|(what, _)| before.iter().all(|(each, _)| each != what)));
        for (what, _) in whats {
            let (one, other) = (value(&before, what), value(&after, what));
            if one != other {
                let (source, trade, what) = (source.clone(), id.clone(), what.clone());
                differences.push(Difference { source, trade, what, one, other });
            }
        }
    }
    Ok((trades.len(), differences))
}

/// What is compared of a trade, by name.
fn outline(trade: &Trade) -> Vec<(String, String)> {
    let defects: Vec<_> = trade.defects.iter().map(|each| format!("{} {}", each.code, each.subject)).collect();
    let mut outline = vec![
        ("status".to_owned(), word(trade.status().as_str_name(), "TRADE_STATUS_")),
        ("version".to_owned(), trade.version.to_string()),
        ("defects".to_owned(), defects.join(", ")),
        ("quantity".to_owned(), decimal(trade.quantity.as_ref())),
        ("amount".to_owned(), format!("{} {}", decimal(trade.amount.as_ref()), trade.currency)),
        ("trade date".to_owned(), figure::date(trade.trade_date)),
        ("intended date".to_owned(), figure::date(trade.intended_settlement_date)),
    ];
    for (number, instruction) in (1..).zip(&trade.instructions) {
        outline
            .extend(of_instruction(instruction).map(|(what, value)| (format!("instruction {number} {what}"), value)));
    }
    outline
}

fn of_instruction(each: &Instruction) -> [(&'static str, String); 7] {
    let day = |date: u32| if date == 0 { String::new() } else { figure::date(date) };
    [
        ("status", word(each.status().as_str_name(), "INSTRUCTION_STATUS_")),
        ("reasons", each.reasons.join(", ")),
        ("quantity", decimal(each.quantity.as_ref())),
        ("matched amount", decimal(each.matched_amount.as_ref())),
        ("intended date", day(each.intended_settlement_date)),
        ("settled on", day(each.actual_settlement_date)),
        ("accounts", format!("{} {}", each.depot, each.nostro).trim().to_owned()),
    ]
}

fn decimal(decimal: Option<&Decimal>) -> String {
    decimal.map_or(String::new(), |decimal| {
        model::decimal::Decimal { unscaled: decimal.unscaled, scale: decimal.scale }.to_string()
    })
}

/// `TRADE_STATUS_IN_REPAIR` as `in-repair`.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase().replace('_', "-")
}

const RECORDED: &[Column<Difference>] = &[
    column("source", |each| Cell::text(&each.source)),
    column("trade", |each| Cell::text(&each.trade)),
    column("what", |each| Cell::text(&each.what)),
    column("as recorded", |each| Cell::text(&each.one)),
    column("decided again", |each| Cell::text(&each.other)),
];

const FILES: &[Column<Difference>] = &[
    column("source", |each| Cell::text(&each.source)),
    column("trade", |each| Cell::text(&each.trade)),
    column("what", |each| Cell::text(&each.what)),
    column("first", |each| Cell::text(&each.one)),
    column("second", |each| Cell::text(&each.other)),
];
