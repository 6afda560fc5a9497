//! The one writer of the views: takes facts in, writes rows with the place they are true at.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use model::record::Facts;
use store::{Hash, Head, Views};

use crate::shared::{Shared, State, ViewName};
use crate::{Error, Projections};

/// Folds facts into the views, in the order of the log. There is one for a directory of views.
pub struct Folder {
    shared: Arc<Shared>,
}

/// The first of the members.
const NAMES: usize = 0;

/// A digest of the rows of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableDigest {
    pub view: &'static str,
    pub table: u8,
    pub hash: Hash,
}

impl Projections {
    /// Loads the views as they were last written. Questions are answered from there; the folder takes them further.
    ///
    /// A view whose rows cannot be read or are of another version is emptied: it is rebuilt from record 1.
    pub fn open(rows: Arc<Views>) -> Result<(Projections, Folder), Error> {
        let mut state = State::default();
        for member in state.members_mut() {
            let loaded = member.load(&rows);
            let reason = match loaded {
                Ok(Some(checkpoint)) if checkpoint.version != member.version() => {
                    "its rows are of another version".to_owned()
                }
                Ok(_) => continue,
                Err(Error::Store(error)) => return Err(error.into()),
                Err(error) => error.to_string(),
            };
            tracing::warn!(view = member.name(), reason, "the view is rebuilt from the log");
            member.wipe(&rows)?;
        }
        let shared = Arc::new(Shared::new(rows, state));
        Ok((Projections::new(shared.clone()), Folder { shared }))
    }
}

impl Folder {
    /// Empties the views whose rows come from another history than the log has, and names them.
    ///
    /// `chain_at` gives the log's chain after a record, nothing beyond its head.
    pub fn adopt(
        &mut self,
        mut chain_at: impl FnMut(u64) -> Result<Option<Hash>, store::Error>,
    ) -> Result<Vec<&'static str>, Error> {
        let mut wiped = Vec::new();
        for member in self.shared.state_mut().members_mut() {
            let Some(checkpoint) = self.shared.rows.checkpoint(member.name())? else { continue };
            if chain_at(checkpoint.sequence)? != Some(checkpoint.chain) {
                tracing::warn!(
                    view = member.name(),
                    sequence = checkpoint.sequence,
                    "the log has another history: the view is rebuilt"
                );
                member.wipe(&self.shared.rows)?;
                wiped.push(member.name());
            }
        }
        self.shared.step();
        Ok(wiped)
    }

    /// Empties all views, so that they are rebuilt from record 1.
    pub fn wipe(&mut self) -> Result<(), Error> {
        for member in self.shared.state_mut().members_mut() {
            member.wipe(&self.shared.rows)?;
        }
        self.shared.step();
        Ok(())
    }

    /// Stops all views but these: to fold some of them alone.
    pub fn fold_only(&mut self, views: &[ViewName]) {
        for member in self.shared.state_mut().members_mut() {
            if views.iter().all(|view| view.as_str() != member.name()) {
                member.stop("only others are folded here".to_owned());
            }
        }
        self.shared.step();
    }

    /// Bounds the window of recent changes that subscriptions read from: one entry of 16 bytes for each instruction and record.
    pub fn set_window(&mut self, changes: usize) {
        let mut state = self.shared.state_mut();
        state.status.view.changes.set_limit(changes);
        state.positions.view.changes.set_limit(changes);
    }

    /// The record after which the log must be read: the last one that every live view has folded. None if all have stopped.
    pub fn sequence(&self) -> Option<u64> {
        let state = self.shared.state();
        state.members().into_iter().filter(|member| member.stopped().is_none()).map(|member| member.sequence()).min()
    }

    /// Takes in the next records. Views that have seen some of them skip those.
    ///
    /// All of one call become visible at once; questions wait for that long, so a call should not have many thousands.
    pub fn fold(&mut self, facts: &[Facts]) {
        let mut state = self.shared.state_mut();
        for member in state.members_mut() {
            member.fold(facts);
        }
        drop(state);
        self.shared.step();
    }

    /// Writes what has changed with its place, for every view that stands at `head`, the end of a block.
    pub fn save(&mut self, head: Head) -> Result<(), Error> {
        self.save_some(head, 0..ViewName::ALL.len())
    }

    /// The same in the midst of much work: views that gain by waiting wait.
    pub fn save_now_and_then(&mut self, head: Head) -> Result<(), Error> {
        let wanting = self.wanting(head);
        self.save_some(head, wanting.into_iter().map(|(_, index)| index))
    }

    /// The same of one view only, the one that has waited longest: nothing is folded while rows are written, so they are written a
    /// part at a time. The names, of which few change, go with each: what a row refers to is there when it is loaded.
    pub fn save_one(&mut self, head: Head) -> Result<(), Error> {
        let wanting = self.wanting(head);
        let oldest = wanting.iter().filter(|(_, index)| *index != NAMES).min();
        let names = wanting.iter().find(|(_, index)| *index == NAMES);
        self.save_some(head, names.into_iter().chain(oldest).map(|(_, index)| *index))
    }

    /// The views with rows to write that do not gain by waiting: up to where they are written, and which.
    fn wanting(&self, head: Head) -> Vec<(u64, usize)> {
        let state = self.shared.state();
        let members = state.members().into_iter().enumerate();
        let wanting = members.filter(|(_, member)| member.wants_saving(head, false));
        wanting.map(|(index, member)| (member.saved_up_to(), index)).collect()
    }

    fn save_some(&mut self, head: Head, chosen: impl IntoIterator<Item = usize>) -> Result<(), Error> {
        for index in chosen {
            let (saved, name) = {
                // Questions go on while rows are written: this thread is the only one that changes them.
                let state = self.shared.state();
                let member = state.members()[index];
                if !member.wants_saving(head, true) {
                    continue;
                }
                (catch_unwind(AssertUnwindSafe(|| member.save(&self.shared.rows, head))), member.name())
            };
            let mut state = self.shared.state_mut();
            let member = &mut state.members_mut()[index];
            match saved {
                Ok(Ok(())) => member.saved(head),
                Ok(Err(error)) => return Err(error),
                Err(_) => member.stop(format!("the rows of {name} could not be written")),
            }
        }
        Ok(())
    }

    /// Stops all views for a reason: the log cannot be read any further, or the disk refuses.
    pub fn stop(&mut self, reason: &str) {
        for member in self.shared.state_mut().members_mut() {
            member.stop(reason.to_owned());
        }
        self.shared.step();
    }

    /// A digest of every table as it was last written: equal for equal logs up to the same record.
    pub fn digests(&self) -> Result<Vec<TableDigest>, Error> {
        let reader = self.shared.rows.reader();
        let mut digests = Vec::new();
        for member in self.shared.state().members() {
            for table in member.tables() {
                digests.push(TableDigest { view: member.name(), table: *table, hash: reader.digest(*table)? });
            }
        }
        Ok(digests)
    }
}
