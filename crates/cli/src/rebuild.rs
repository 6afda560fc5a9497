//! `quittance rebuild`: the views made again from the log. They are a cache: nothing is lost by it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use projections::{Projections, ViewName};
use store::{Log, Views};

use crate::fault::usage;
use crate::log::log_dir;
use crate::output::{figure, note};
use crate::service::views_dir;
use crate::{progress, views};

/// Make the views again from the log
#[derive(Args, Debug)]
#[command(after_help = "No server may run on the directory.\n\n\
    Examples:\n  quittance rebuild --data quittance-data\n  quittance rebuild --data quittance-data --view cash")]
pub struct Rebuild {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only this view: names, status, cash, ledger or positions [default: all]
    #[arg(long, value_name = "NAME")]
    view: Option<String>,
}

pub fn run(command: Rebuild) -> Result<()> {
    let known = ViewName::ALL.map(ViewName::as_str);
    if let Some(view) = command.view.as_deref().filter(|view| !known.contains(view)) {
        return Err(usage(format!("there is no view {view}: there are {}", known.join(", "))));
    }
    let started = Instant::now();
    let log = Log::open_read_only(&log_dir(&command.data), &views::options())?;
    let dir = views_dir(&command.data);
    match &command.view {
        None => Views::destroy(&dir)?,
        Some(view) => wipe(&dir, view)?,
    }
    let (_projections, mut folder) = Projections::open(Arc::new(Views::open(&dir, &views::options())?))?;
    // A view of another history than the log's goes with the one that was named.
    folder.adopt(|sequence| log.chain_at(sequence))?;
    let head = log.head().sequence;
    let bar = progress::counted(head, "records");
    views::follow(&log, &mut folder, head, |sequence| bar.set_position(sequence))?;
    bar.finish_and_clear();
    let what = command.view.map_or_else(|| "all views".to_owned(), |view| format!("the view {view}"));
    let seconds = started.elapsed().as_secs_f64();
    note(format!("rebuilt {what} from {} records in {seconds:.1} s", figure::count(head)));
    Ok(())
}

/// Empties one view.
fn wipe(dir: &std::path::Path, view: &str) -> Result<()> {
    let rows = Arc::new(Views::open(dir, &views::options())?);
    let (_, folder) = Projections::open(rows.clone())?;
    let tables = folder.digests()?.into_iter().filter(|table| table.view == view).map(|table| table.table);
    Ok(rows.wipe(view, &tables.collect::<Vec<_>>())?)
}
