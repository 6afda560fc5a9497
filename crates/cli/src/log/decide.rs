//! `quittance log decide`: the recorded commands decided again, by this build and with what is changed, into another log.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use model::command::Command;
use model::record::Content;
use serde::Deserialize;
use testkit::again::{Again, Change, Turned};
use testkit::memory::Shard;
use wire::pb::record;

use super::reader::Reader;
use crate::fault::{failed, usage};
use crate::output::{figure, note};
use crate::progress;

/// What is changed.
#[derive(Args, Debug)]
pub struct With {
    /// What is to be otherwise: NDJSON, each line {"replace":SEQUENCE,"command":…}, {"after":…,"command":…} or {"drop":SEQUENCE}
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct Decide {
    #[command(flatten)]
    with: With,
    /// Where to [default: stdout]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub const HELP: &str = "\
Every recorded command is decided again in memory, in its order and at its instant, by the rules of this build; the
records that come of it are printed as `log export` prints them. For two builds, let each decide and compare the
two with `quittance log diff ONE OTHER`. Takes the memory of all records.

Examples:
  quittance log decide --data quittance-data --file decided.ndjson
  quittance log decide --data quittance-data --with wider.ndjson --file what-if.ndjson";

/// A line of a file of changes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    replace: Option<u64>,
    after: Option<u64>,
    drop: Option<u64>,
    command: Option<record::Command>,
}

/// What is changed, by the record at which it is.
pub type Changes = BTreeMap<u64, Vec<Change>>;

impl With {
    pub fn load(&self) -> Result<Changes> {
        let Some(path) = &self.with else { return Ok(Changes::new()) };
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let mut changes = Changes::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |why: String| usage(format!("{}, line {number}: {why}", path.display()));
            let (sequence, change) = change(line).map_err(wrong)?;
            let at = changes.entry(sequence).or_default();
            let alone = |change: &Change| !matches!(change, Change::After(_));
            if alone(&change) && at.iter().any(alone) {
                return Err(wrong(format!("record {sequence} is replaced or dropped twice")));
            }
            at.push(change);
        }
        if changes.is_empty() {
            return Err(usage(format!("{} changes nothing", path.display())));
        }
        Ok(changes)
    }
}

fn change(line: &str) -> Result<(u64, Change), String> {
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let command = || -> Result<Command, String> {
        let command = line.command.as_ref().ok_or("it needs a `command`")?;
        match wire::command::from_wire(command).map_err(|error| format!("command: {error}"))? {
            Command::Continue(_) => Err("only the engine itself goes on with long work".to_owned()),
            command => Ok(command),
        }
    };
    match (line.replace, line.after, line.drop) {
        (Some(sequence), None, None) => Ok((sequence, Change::Replace(command()?))),
        (None, Some(sequence), None) => Ok((sequence, Change::After(command()?))),
        (None, None, Some(sequence)) if line.command.is_none() => Ok((sequence, Change::Drop)),
        _ => Err("write one of replace, after and drop, the first two with a command".to_owned()),
    }
}

/// Decides all of a log again, handing over each stored record as it is read.
pub async fn again(
    reader: &mut Reader,
    changes: &Changes,
    mut seen: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<(Shard, Vec<Turned>)> {
    let head = reader.head().await?;
    if let Some(beyond) = changes.keys().find(|sequence| **sequence > head || **sequence < 2) {
        return Err(usage(format!("record {beyond} holds no command: the log has those from 2 to {head}")));
    }
    let bar = progress::counted(head, "records");
    bar.set_message("deciding");
    let mut again: Option<Again> = None;
    reader
        .each(1, head, async |sequence, bytes| {
            seen(sequence, bytes)?;
            let record = wire::record::decode(bytes).with_context(|| format!("record {sequence} cannot be read"))?;
            match (&record.content, &mut again) {
                (Content::Genesis(genesis), _) => again = Some(Again::new(genesis)),
                (Content::Decided { inbound, .. }, Some(again)) => {
                    let changes = changes.get(&sequence).map_or(&[][..], Vec::as_slice);
                    if !changes.is_empty() && matches!(inbound.command, Command::Continue(_)) {
                        return Err(usage(format!(
                            "record {sequence} is the engine's own long work: change a command"
                        )));
                    }
                    again.take(&record, changes);
                }
                (Content::Decided { .. }, None) => return Err(failed("the log does not begin with its genesis")),
            }
            bar.inc(1);
            Ok(true)
        })
        .await?;
    bar.finish_and_clear();
    again.map(Again::finish).ok_or_else(|| failed("the log is empty"))
}

pub async fn run(reader: &mut Reader, command: Decide) -> Result<()> {
    let changes = command.with.load()?;
    let (shard, turned) = again(reader, &changes, |_, _| Ok(())).await?;
    write(&shard, command.file.as_deref())?;
    note(format!("{} records decided", figure::count(shard.records().len() as u64)));
    tell(&turned);
    Ok(())
}

fn write(shard: &Shard, file: Option<&Path>) -> Result<()> {
    let mut out: Box<dyn Write> = match file {
        Some(path) => Box::new(std::fs::File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(std::io::stdout().lock()),
    };
    let mut out = std::io::BufWriter::with_capacity(1 << 16, &mut out);
    for bytes in shard.bytes() {
        writeln!(out, "{}", wire::json::stored_to_json(&bytes)?)?;
    }
    Ok(out.flush()?)
}

/// Says which commands were answered otherwise.
pub fn tell(turned: &[Turned]) {
    const SHOWN: usize = 5;
    if turned.is_empty() {
        return;
    }
    note(format!("{} commands were answered otherwise than recorded:", figure::count(turned.len() as u64)));
    for each in turned.iter().take(SHOWN) {
        note(format!("  record {}: {}, was {}", figure::count(each.sequence), each.now, each.was));
    }
    if turned.len() > SHOWN {
        note("  …");
    }
}
