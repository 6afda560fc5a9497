//! `quittance fold`: commands from a file, decided and folded in memory. The same engine without server, broker or disk.

use std::io::{BufRead, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use model::identifier::Identifier;
use model::record::{Content, Genesis, Outcome, Record};
use model::timestamp::Timestamp;
use testkit::memory::Shard;

use crate::fault::{failed, usage};
use crate::output::{figure, note};
use crate::submit;
use crate::views;

/// Fold commands in memory: what if, without server, broker or disk
#[derive(Args, Debug)]
#[command(
    after_help = "A line is a quittance.record.v1.Inbound as protobuf JSON: at, actor, reason, command. Every record that\n\
    comes of it is printed as a line of JSON, the genesis first. The same file gives the same lines, to the byte.\n\n\
    Examples:\n  quittance fold week.ndjson > records.ndjson\n  \
    quittance fold week.ndjson --views --quiet\n  \
    quittance fold - --strict < what-if.ndjson"
)]
pub struct Fold {
    /// NDJSON commands; - reads stdin
    file: PathBuf,
    /// After the records print the final views: instructions, trades in repair, cash, ledger, positions
    #[arg(long)]
    views: bool,
    /// Print no records
    #[arg(long, short)]
    quiet: bool,
    /// Exit with 1 when a command is refused
    #[arg(long)]
    strict: bool,
    /// The house in the genesis
    #[arg(long, default_value = "FOLD", value_parser = identifier, value_name = "ID")]
    house: Identifier,
    /// The settlement domains the shard owns; none: all
    #[arg(long, value_parser = identifier, value_name = "ID")]
    domain: Vec<Identifier>,
}

pub fn identifier(text: &str) -> Result<Identifier, String> {
    Identifier::parse(text).map_err(|error| error.to_string())
}

/// How many commands were decided how.
#[derive(Default)]
struct Counts {
    accepted: u64,
    rejected: u64,
    duplicate: u64,
}

impl Counts {
    fn add(&mut self, record: &Record) {
        match &record.content {
            Content::Decided { outcome: Outcome::Accepted(_), .. } => self.accepted += 1,
            Content::Decided { outcome: Outcome::Rejected(_), .. } => self.rejected += 1,
            Content::Decided { outcome: Outcome::Duplicate { .. }, .. } => self.duplicate += 1,
            Content::Genesis(_) => {}
        }
    }
}

pub fn run(command: Fold) -> Result<()> {
    let (input, bar) = submit::open(&command.file)?;
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let (mut shard, mut printed, mut counts) = (None, 0, Counts::default());
    let mut last = Timestamp::EPOCH;
    for (number, text) in (1..).zip(input.lines()) {
        let text = text.with_context(|| format!("line {number}"))?;
        bar.inc(text.len() as u64 + 1);
        if text.trim().is_empty() {
            continue;
        }
        let inbound = wire::json::inbound_from_line(&text, number)
            .map_err(|error| usage(format!("{}, line {number}: {error}", command.file.display())))?;
        if inbound.at < last {
            let at = inbound.at;
            return Err(usage(format!(
                "{}, line {number}: time goes back from {last} to {at}",
                command.file.display()
            )));
        }
        last = inbound.at;
        let shard = shard.get_or_insert_with(|| Shard::new(genesis(&command, inbound.at)));
        counts.add(shard.submit(inbound));
        if !command.quiet {
            for record in &shard.records()[printed..] {
                writeln!(out, "{}", wire::json::record_to_json(record))?;
            }
        }
        printed = shard.records().len();
    }
    bar.finish_and_clear();
    out.flush()?;
    let Some(shard) = shard else {
        return Err(usage(format!("{} holds no command", command.file.display())));
    };
    if command.views {
        views::print(&mut out, shard.records())?;
        out.flush()?;
    }
    note(format!(
        "{} records; commands: {} accepted, {} refused, {} known before",
        figure::count(printed as u64),
        figure::count(counts.accepted),
        figure::count(counts.rejected),
        figure::count(counts.duplicate)
    ));
    if command.strict && counts.rejected > 0 {
        return Err(failed(format!("{} commands were refused", figure::count(counts.rejected))));
    }
    Ok(())
}

fn genesis(command: &Fold, at: Timestamp) -> Genesis {
    Genesis { format: 1, house: command.house.clone(), shard: 0, domains: command.domain.clone(), cluster: None, at }
}
