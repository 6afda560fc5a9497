//! The second half of `quittance verify`: the log folded again by the code that serves, and what it keeps beside the log – snapshot
//! and views – compared with that fold. It finds what the first half cannot know: what a snapshot or a view's row should hold.

use std::path::Path;

use anyhow::Result;
use engine::VerifyReport;
use store::{Log, Views};

use super::Check;
use crate::log::log_dir;
use crate::output::{figure, note};
use crate::service::views_dir;
use crate::{progress, views};

/// Folds the log of a data directory again; the checks, and the first thing that is wrong.
pub fn run(data: &Path, with_views: bool) -> Result<(Vec<Check>, Option<String>)> {
    let log = Log::open_read_only(&log_dir(data), &views::options())?;
    let bar = progress::counted(log.head().sequence, "records");
    bar.set_message("folding");
    let report = engine::verify(&log, &mut |progress| bar.set_position(progress.sequence))?;
    bar.finish_and_clear();
    let mut checks = checks(&report);
    let mut broken =
        report.violation.as_ref().map(|violation| format!("record {}: {}", violation.sequence, violation.what));
    if broken.is_none() {
        bar.set_position(0);
        bar.set_message("tables");
        match log.verify_tables() {
            Ok(()) => checks.push(Check::sound("tables of the store", 1, "checksums agree")),
            Err(error) => broken = Some(error.to_string()),
        }
    }
    if broken.is_none() && with_views {
        let compared = compare_views(data, &log)?;
        broken = compared.iter().find(|check| !check.sound).map(|check| format!("{}: {}", check.check, check.result));
        checks.extend(compared);
    }
    Ok((checks, broken))
}

/// What the engine's own verification looked at.
fn checks(report: &VerifyReport) -> Vec<Check> {
    let snapshot = match report.snapshot {
        Some(sequence) => Check::sound("snapshot", 1, format!("equals the fold at record {}", figure::count(sequence))),
        None => Check::sound("snapshot", 0, "none that this release reads"),
    };
    let count = figure::count;
    let (instructed, settled) = (report.instructed.count, report.settled.count);
    let (cancelled, open) = (report.cancelled.count, report.open.count);
    let mut checks = vec![
        Check::sound("blocks and their chain", report.blocks, "unpacked, hashed again, linked"),
        Check::sound(
            "records",
            report.sequence,
            format!(
                "{} accepted, {} refused, {} known before",
                count(report.accepted),
                count(report.rejected),
                count(report.duplicates)
            ),
        ),
        Check::sound("facts", report.events, "folded again from the genesis"),
        Check::sound("postings", report.postings, "each record's balance, per entity and asset"),
        Check::sound("balances", report.balances, "ownership = location"),
        Check {
            check: "instructions".to_owned(),
            checked: instructed,
            result: format!("= {} settled + {} cancelled + {} open", count(settled), count(cancelled), count(open)),
            sound: instructed == settled + cancelled + open,
        },
        snapshot,
    ];
    if let Some(violation) = &report.violation {
        let (check, checked) = ("VIOLATION", violation.sequence);
        checks.push(Check { check: check.to_owned(), checked, result: violation.what.clone(), sound: false });
    }
    checks
}

/// Makes the views again from the log and compares every table with the one that is stored, at the record it was stored at.
fn compare_views(data: &Path, log: &Log) -> Result<Vec<Check>> {
    let dir = views_dir(data);
    let left_out = |why: &str| {
        note(format!("the views are not compared: {why}"));
        Ok(Vec::new())
    };
    if !dir.is_dir() {
        return left_out("there are none, they are made from the log when a server starts");
    }
    let stored = match Views::open(&dir, &views::options()) {
        Ok(stored) => stored,
        Err(store::Error::InUse { .. }) => return left_out("a server is using them"),
        Err(error) => return Err(error.into()),
    };
    let mut scratch = views::Scratch::new()?;
    let tables = scratch.folder.digests()?;
    let mut at: Vec<(u64, &'static str)> = Vec::new();
    let mut checks = Vec::new();
    let mut names: Vec<&'static str> = tables.iter().map(|table| table.view).collect();
    names.dedup();
    for view in names {
        let Some(checkpoint) = stored.checkpoint(view)? else { continue };
        if log.chain_at(checkpoint.sequence)? != Some(checkpoint.chain) {
            let result =
                format!("is of another history at record {}: `quittance rebuild`", figure::count(checkpoint.sequence));
            checks.push(Check { check: check_name(view).to_owned(), checked: 0, result, sound: false });
        } else {
            at.push((checkpoint.sequence, view));
        }
    }
    at.sort_unstable();
    let bar = progress::counted(log.head().sequence, "records");
    bar.set_message("views");
    for (sequence, view) in at {
        views::follow(log, &mut scratch.folder, sequence, |sequence| bar.set_position(sequence))?;
        let made = scratch.folder.digests()?;
        let mut torn = Vec::new();
        for table in made.iter().filter(|table| table.view == view) {
            if stored.digest(table.table)? != table.hash {
                torn.push(table.table.to_string());
            }
        }
        let tables = made.iter().filter(|table| table.view == view).count() as u64;
        let (result, sound) = match torn.is_empty() {
            true => (format!("equals its rebuild at record {}", figure::count(sequence)), true),
            false => (format!("table {} differs from its rebuild", torn.join(", ")), false),
        };
        checks.push(Check { check: check_name(view).to_owned(), checked: tables, result, sound });
    }
    bar.finish_and_clear();
    Ok(checks)
}

fn check_name(view: &str) -> &'static str {
    match view {
        "names" => "view names, tables",
        "status" => "view status, tables",
        "cash" => "view cash, tables",
        "ledger" => "view ledger, tables",
        "positions" => "view positions, tables",
        "valuation" => "view valuation, tables",
        _ => "view, tables",
    }
}
