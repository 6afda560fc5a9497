//! `quittance verify`: a log proved twice. First by the auditor, who shares no code with the service; then, for a data directory, by the
//! service's own fold, against which its snapshot and views are held.

mod refold;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use auditor::{Against, Report, Verdict};
use clap::Args;
use merkle::note::VerifierKey;
use serde::Serialize;

use crate::audit::proofs;
use crate::fault::{failed, undecided, usage};
use crate::output::{self, Cell, Column, Format, Mark, column, figure, note};
use crate::progress;

/// Prove a log: an independent second reading of every record, and every figure checked
#[derive(Args, Debug)]
#[command(
    after_help = "Reads only, also while a server runs on the directory (the comparison of all views is then left out).\n\n\
    Exit codes: 0 all that was looked at holds, 1 a violation (the first is told), 2 it cannot be told.\n\n\
    Examples:\n  quittance verify --data quittance-data\n  quittance verify --data copy-of-it --independent --json\n  \
    quittance verify --export log.ndjson          # of `quittance log export --stored`\n  \
    quittance verify --kafka 127.0.0.1:9092       # the published topic"
)]
#[group(skip)]
pub struct Verify {
    #[command(flatten)]
    from: From,
    /// Topic of the records, with --kafka
    #[arg(long, value_name = "TOPIC", default_value = kafka::topics::RECORDS, requires = "kafka")]
    topic: String,
    /// Partition of it: the shard
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "kafka")]
    partition: u32,
    /// The witness of the log [default: where it is written, DIR/log.witness]
    #[arg(long, value_name = "FILE", requires = "data")]
    witness: Option<PathBuf>,
    /// A signed checkpoint that was kept elsewhere, of `quittance audit head`: the log must still have that root. May be given again
    #[arg(long, value_name = "FILE", requires = "by")]
    checkpoint: Vec<PathBuf>,
    /// Who signed the checkpoints: name+id+base64
    #[arg(long, value_name = "KEY")]
    by: Option<String>,
    /// Only the independent reading; do not fold again with the service's own code
    #[arg(long)]
    independent: bool,
    /// Do not compare the views with the log
    #[arg(long)]
    no_views: bool,
    /// One JSON document: verdict, first violation, head of the chain, trial balance, what was looked at
    #[arg(long)]
    json: bool,
    /// How to print the checks
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// What to read.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct From {
    /// A data directory, or a copy of one
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A file that `quittance log export --stored` wrote
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// The published topic at these brokers: host:port, with commas between
    #[arg(long, value_name = "BROKERS")]
    kafka: Option<String>,
}

/// One thing that was checked.
#[derive(Serialize)]
struct Check {
    check: String,
    /// How many were looked at.
    checked: u64,
    result: String,
    sound: bool,
}

const CHECKS: &[Column<Check>] = &[
    column("check", |each| Cell::text(&each.check)),
    column("checked", |each| Cell::Count(each.checked)),
    column("result", |each| Cell::Marked(each.result.clone(), if each.sound { Mark::Good } else { Mark::Bad })),
];

impl Check {
    fn sound(check: &str, checked: u64, result: impl Into<String>) -> Check {
        Check { check: check.to_owned(), checked, result: result.into(), sound: true }
    }
}

pub fn run(command: Verify) -> Result<()> {
    let started = Instant::now();
    let report = audit(&command)?;
    let mut checks = rows(&report);
    let mut broken = report
        .violation
        .as_ref()
        .map(|violation| format!("record {}, {:?}: {}", violation.sequence, violation.invariant, violation.what));
    let mut undecidable = report.unknown.clone();
    let (mut refolded, again) = (Vec::new(), command.from.data.as_ref().filter(|_| !command.independent));
    if let (Some(data), Verdict::Good) = (again, report.verdict) {
        match refold::run(data, !command.no_views) {
            Ok((checks, found)) => (refolded, broken) = (checks, found),
            Err(error) => undecidable = Some(format!("{error:#}")),
        }
    }
    if command.json {
        let mut document = report.to_json();
        let verdict = if broken.is_some() {
            "violated"
        } else if undecidable.is_some() {
            "cannot_tell"
        } else {
            "good"
        };
        document["verdict"] = verdict.into();
        document["refold"] = serde_json::to_value(&refolded)?;
        document["seconds"] = started.elapsed().as_secs_f64().into();
        println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        checks.extend(refolded);
        output::list(command.output, CHECKS, checks, "")?;
    }
    if let Some(broken) = broken {
        return Err(failed(format!("VIOLATION, {broken}")));
    }
    if let Some(why) = undecidable {
        return Err(undecided(format!("it cannot be told: {why}")));
    }
    let (records, seconds) = (figure::count(report.head), started.elapsed().as_secs_f64());
    note(format!("{records} records are sound ({seconds:.1} s); chain {}", figure::hash(&report.chain)));
    Ok(())
}

/// The independent reading.
fn audit(command: &Verify) -> Result<Report> {
    let mut roots = Vec::new();
    if let Some(by) = &command.by {
        let by = VerifierKey::parse(by).map_err(|wrong| usage(wrong.to_string()))?;
        for path in &command.checkpoint {
            let checkpoint = proofs::checkpoint(&by, path)?;
            roots.push((checkpoint.size, checkpoint.root));
        }
    }
    let against = Against { witness: command.witness.clone(), no_views: command.no_views, roots };
    let bar = progress::endless("auditing");
    let mut tell = |sequence| bar.set_position(sequence);
    let report = match (&command.from.data, &command.from.export, &command.from.kafka) {
        (Some(data), _, _) => auditor::store(data, &against, &mut tell),
        (_, Some(file), _) => auditor::export(file, &against, &mut tell),
        (_, _, brokers) => {
            let brokers = brokers.as_deref().unwrap_or_default();
            auditor::topic(brokers, &command.topic, command.partition, &against, &mut tell)
        }
    };
    bar.finish_and_clear();
    Ok(report)
}

/// A row for each invariant.
fn rows(report: &Report) -> Vec<Check> {
    let violated = report.violation.as_ref();
    let row = |look: auditor::Look| match (violated.filter(|found| found.invariant == look.invariant), look.absent) {
        (Some(found), _) => {
            let result = format!("VIOLATION at record {}: {}", found.sequence, found.what);
            Check { check: format!("{:?}", look.invariant), checked: look.looked, result, sound: false }
        }
        (None, Some(why)) => Check::sound(&format!("{:?}", look.invariant), 0, format!("not looked at: {why}")),
        (None, None) if look.looked == 0 && violated.is_none() => {
            Check::sound(&format!("{:?}", look.invariant), 0, format!("nothing of the kind is here: {}", look.says))
        }
        (None, None) => Check::sound(&format!("{:?}", look.invariant), look.looked, look.says),
    };
    report.looks().into_iter().map(row).collect()
}
