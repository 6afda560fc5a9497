//! Listings of instructions: pages by rising number, over what is in memory and what is in the database at once.
//!
//! An instruction keeps its number, so pages neither repeat nor miss what is there from beginning to end, whatever is written in
//! between. A page looks at a bounded number of rows, however few pass the filter, and its token goes on after the last one.

use std::collections::BTreeMap;

use store::Reader;

use super::Status;
use super::ended;
use super::filter::{Filter, OldEnough};
use super::instruction::Instruction;
use crate::Error;

/// How much one page may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Rows in it.
    pub(crate) size: usize,
    /// Rows looked at, in memory and in the database each.
    pub(crate) examined: usize,
}

/// A page being put together.
pub(crate) struct Listing {
    after: u64,
    limits: Limits,
    found: BTreeMap<u64, Instruction>,
    /// Every instruction up to this number was looked at.
    complete_to: u64,
}

impl Listing {
    pub(crate) fn new(after: u64, limits: Limits) -> Listing {
        Listing { after, limits, found: BTreeMap::new(), complete_to: u64::MAX }
    }

    /// Looks at what is in memory.
    pub(crate) fn examine_memory(&mut self, status: &Status, filter: &Filter, old_enough: &OldEnough) {
        let mut passed = 0;
        for (examined, (number, row)) in status.instructions_after(self.after).enumerate() {
            if examined == self.limits.examined || passed == self.limits.size {
                break;
            }
            if filter.admits(row, old_enough) {
                self.found.insert(number, row.clone());
                passed += 1;
            }
            if examined + 1 == self.limits.examined || passed == self.limits.size {
                self.complete_to = self.complete_to.min(number);
            }
        }
    }

    /// Looks at those that have ended, as the database had them when memory was looked at.
    pub(crate) fn examine_ended(&mut self, rows: &Reader<'_>, filter: &Filter) -> Result<(), Error> {
        if !filter.admits_ended() || self.after == u64::MAX {
            return Ok(());
        }
        let none = OldEnough::new();
        let (mut examined, mut passed) = (0, 0);
        ended::each_after(rows, self.after, |number, instruction| {
            if number > self.complete_to {
                return Ok(false);
            }
            examined += 1;
            if filter.admits(&instruction, &none) {
                self.found.insert(number, instruction);
                passed += 1;
            }
            if examined == self.limits.examined || passed == self.limits.size {
                self.complete_to = number;
                return Ok(false);
            }
            Ok(true)
        })
    }

    /// The page, and the number after which the next one begins, if there may be one.
    pub(crate) fn finish(self) -> (Vec<(u64, Instruction)>, Option<u64>) {
        let mut page: Vec<_> = self.found.into_iter().take_while(|(number, _)| *number <= self.complete_to).collect();
        if page.len() > self.limits.size {
            page.truncate(self.limits.size);
            let last = page.last().map(|(number, _)| *number);
            return (page, last);
        }
        let next = (self.complete_to != u64::MAX).then_some(self.complete_to);
        (page, next)
    }
}

/// An instruction by number, open or ended.
pub(crate) fn find(status: &Status, rows: &store::Views, number: u64) -> Result<Option<Instruction>, Error> {
    if let Some(row) = status.instruction(number) {
        return Ok(Some(row.clone()));
    }
    ended::find(rows, number)
}
