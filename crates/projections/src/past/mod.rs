//! The views as they stood after an earlier record: the same folds of the same log, up to there, in a directory that is thrown
//! away, so that the same questions are answered by the same code.
//!
//! A fold begins with a copy of the newest rows not after the record – those of the live views, or of another past – and else
//! at record 1. What has been folded is kept for the next question, as far as number and room allow ([`Pasts`]).

mod kept;
mod known;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::record::Facts;
use store::{Head, Views};

use crate::runner::{STEP, decode};
use crate::{Error, Folder, Progress, Projections, Source};

pub use kept::{PastStage, Pasts};
pub use known::Known;

/// Where pasts lie and how much they may take.
#[derive(Clone)]
pub struct PastOptions {
    /// A directory of their own; what is in it is deleted.
    pub dir: PathBuf,
    /// How many are kept, the last used ones. None: such questions are refused.
    pub kept: usize,
    /// Bytes on disk of all that are kept.
    pub bytes: u64,
    /// How their databases are opened.
    pub store: store::Options,
}

/// Records between two looks at the room a fold takes.
const SAVED_EVERY: u64 = 50_000;

/// The views as they stood after a record.
pub struct Past {
    views: Projections,
    sequence: u64,
    // Dropped last: the rows lie in it.
    scratch: Scratch,
}

impl Past {
    /// Folds the log up to a record into a directory that goes with what is returned. `bases` are views of the same log, from
    /// whose rows the fold may begin. Nothing when `go_on`, which is told after each block, says no.
    ///
    /// # Errors
    /// A log that cannot be read or ends before the record; rows that take more than [`PastOptions::bytes`].
    pub fn fold(
        source: &dyn Source,
        sequence: u64,
        bases: &[&Projections],
        dir: &Path,
        options: &PastOptions,
        go_on: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Option<Past>, Error> {
        let scratch = Scratch::new(dir)?;
        let (views, mut folder) = begin(source, sequence, bases, &scratch.0, options)?;
        let from = folder.sequence().unwrap_or(0);
        let (mut at, mut saved) = (from, from);
        let mut facts: Vec<Facts> = Vec::with_capacity(STEP);
        let mut taken: Result<bool, Error> = Ok(true);
        if from < sequence {
            source.read(from + 1, &mut |block| {
                let wanted = block.iter().filter(|(number, _)| *number > from && *number <= sequence);
                taken = fold(&mut folder, &mut facts, wanted);
                if taken.is_ok() {
                    at = block.last().min(sequence);
                    taken = Ok(go_on(Progress { from, at, head: sequence }));
                }
                if matches!(taken, Ok(true)) && at - saved >= SAVED_EVERY && at == block.last() {
                    saved = at;
                    taken = folder.save_now_and_then(block.head()).and_then(|()| scratch.within(options.bytes));
                }
                if matches!(taken, Ok(true)) && at < sequence {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
        }
        if !taken? {
            return Ok(None);
        }
        let chain = source.chain_at(sequence)?.filter(|_| at == sequence);
        let chain = chain.ok_or(Error::Gap { head: at, wanted: sequence })?;
        folder.save(Head { sequence, chain })?;
        scratch.within(options.bytes)?;
        Ok(Some(Past { views, sequence, scratch }))
    }

    /// The views, which move no more.
    #[must_use]
    pub fn views(&self) -> &Projections {
        &self.views
    }

    /// The last record that is in them.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Bytes on disk.
    fn bytes(&self) -> u64 {
        self.scratch.bytes()
    }
}

/// Opens views from which the fold goes on: a copy of the newest rows that are not too new, or none.
fn begin(
    source: &dyn Source,
    sequence: u64,
    bases: &[&Projections],
    dir: &Path,
    options: &PastOptions,
) -> Result<(Projections, Folder), Error> {
    let mut newest: Option<(u64, &Projections)> = None;
    for base in bases {
        if let Some(at) = base.written_not_after(sequence)?
            && newest.is_none_or(|(best, _)| at > best)
        {
            newest = Some((at, *base));
        }
    }
    let rows = dir.join("views");
    if let Some((_, base)) = newest {
        base.shared.rows.copy_to(&rows)?;
    }
    let (views, mut folder) = Projections::open(Arc::new(Views::open(&rows, &options.store)?))?;
    // Nobody subscribes to the past.
    folder.set_window(0);
    folder.adopt(|sequence| source.chain_at(sequence))?;
    // Rows were written between the look and the copy.
    if views.standing().iter().any(|view| view.sequence > sequence) {
        folder.wipe()?;
    }
    Ok((views, folder))
}

/// Folds records; whether there was no fault.
fn fold<'a>(
    folder: &mut Folder,
    facts: &mut Vec<Facts>,
    records: impl Iterator<Item = (u64, &'a [u8])>,
) -> Result<bool, Error> {
    for (sequence, bytes) in records {
        facts.push(decode(sequence, bytes)?);
        if facts.len() == STEP {
            folder.fold(facts);
            facts.clear();
        }
    }
    folder.fold(facts);
    facts.clear();
    Ok(true)
}

impl Projections {
    /// The record at which the least written view is, if the rows of all of them are written and of none after a record.
    fn written_not_after(&self, sequence: u64) -> Result<Option<u64>, Error> {
        let mut least = None;
        for view in self.standing() {
            match self.shared.rows.checkpoint(view.view)? {
                Some(written) if written.sequence <= sequence => {
                    least = Some(least.map_or(written.sequence, |least: u64| least.min(written.sequence)));
                }
                _ => return Ok(None),
            }
        }
        Ok(least)
    }
}

/// A directory that goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(dir: &Path) -> Result<Scratch, Error> {
        fs::create_dir_all(dir).map_err(|error| Error::PastFailed(format!("{}: {error}", dir.display())))?;
        Ok(Scratch(dir.to_path_buf()))
    }

    fn bytes(&self) -> u64 {
        let files = fs::read_dir(self.0.join("views")).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }

    /// Whether there is room; an error when not.
    fn within(&self, bytes: u64) -> Result<bool, Error> {
        let taken = self.bytes();
        if taken > bytes {
            let (taken, may) = (taken >> 20, bytes >> 20);
            return Err(Error::PastFailed(format!("their rows take {taken} MiB, and {may} MiB are allowed")));
        }
        Ok(true)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(dir = %self.0.display(), %error, "views of an earlier record could not be deleted");
        }
    }
}
