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
use store::{Block, Head, Views};

use crate::runner::{STEP, fold};
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
        // Whether to go on.
        let mut take = |block: &Block| -> Result<bool, Error> {
            let wanted = block.iter().filter(|(number, _)| *number > from && *number <= sequence);
            fold(&mut folder, &mut facts, wanted)?;
            at = block.last().min(sequence);
            if !go_on(Progress { from, at, head: sequence }) {
                return Ok(false);
            }
            if at - saved >= SAVED_EVERY && at == block.last() {
                saved = at;
                folder.save_now_and_then(block.head())?;
                scratch.within(options.bytes)?;
            }
            Ok(true)
        };
        let mut taken: Result<bool, Error> = Ok(true);
        if from < sequence {
            source.read(from + 1, &mut |block| {
                taken = take(block);
                let ended = !matches!(taken, Ok(true)) || block.last() >= sequence;
                if ended { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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

    /// An error when there is no room left.
    fn within(&self, bytes: u64) -> Result<(), Error> {
        let taken = self.bytes();
        if taken > bytes {
            let (taken, may) = (taken >> 20, bytes >> 20);
            return Err(Error::PastFailed(format!("their rows take {taken} MiB, and {may} MiB are allowed")));
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(dir = %self.0.display(), %error, "views of an earlier record could not be deleted");
        }
    }
}
