//! `quittance log views`: what the views say of the files of a log, as it stands or as it stood, without a server.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use projections::{At, Past, PastOptions, Pasts, Projections};
use store::Log;

use super::reader::log_dir;
use crate::asof::AsOf;
use crate::fault::{failed, not_found, usage};
use crate::output::{figure, note};
use crate::progress;
use crate::views::{self, Printer, VIEWS};

#[derive(Args, Debug)]
pub struct Rows {
    /// Only this view; may be said several times [default: all]
    #[arg(long, value_name = "NAME", value_parser = VIEWS)]
    view: Vec<String>,
}

pub const HELP: &str = "\
Reads the log of --data only, while a server may write it, and folds it into views that are thrown away. Prints a line of JSON
for each row, with the record on which it stands.

Examples:
  quittance log views --data quittance-data --known-at 4711
  quittance log views --data quittance-data --known-at 2026-11-23 --view cash --view balance
  quittance log views --data quittance-data --effective-at 2026-11-19 --view position";

pub fn run(data: Option<&Path>, asof: &AsOf, command: &Rows) -> Result<()> {
    let data = data.ok_or_else(|| usage("say --data DIR: a server is asked by the commands of each view"))?;
    if !data.is_dir() {
        return Err(not_found(format!("there is no directory {}", data.display())));
    }
    let log = Arc::new(Log::open_read_only(&log_dir(data), &views::options())?);
    let dir = tempfile::Builder::new().prefix("quittance-views-").tempdir().context("a directory for the views")?;
    let options = PastOptions { dir: dir.path().join("past"), kept: 1, bytes: u64::MAX, store: views::options() };
    let bar = progress::counted(log.head().sequence, "records");
    bar.set_message("folding");
    let sequence = match asof.known_at {
        None => log.head().sequence,
        Some(known) => Pasts::place(&log, known)?,
    };
    let no_others: [&Projections; 0] = [];
    let past = Past::fold(&log, sequence, &no_others, &dir.path().join("views"), &options, &mut |progress| {
        bar.set_position(progress.at);
        true
    })?;
    bar.finish_and_clear();
    let past = past.ok_or_else(|| failed("the log was not folded"))?;
    let wanted: Vec<&str> = match &command.view[..] {
        [] => VIEWS.to_vec(),
        some => some.iter().map(String::as_str).collect(),
    };
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let at = asof.effective_at.map_or(At::NOW, |date| At::NOW.effective(date));
    Printer { out: &mut out, at, known_at: Some(past.sequence()) }.print(past.views(), &wanted)?;
    out.flush()?;
    note(format!("as known at record {}", figure::count(past.sequence())));
    Ok(())
}
