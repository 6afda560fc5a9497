//! What is open: instructions, and trades that no instruction speaks for. What coverage and exposure are asked of.

use super::Status;
use super::instruction::{Instruction, TradeKey};
use super::outline::Outline;

/// An obligation that has neither settled nor been cancelled.
#[derive(Clone, Copy)]
pub(crate) struct Open<'a> {
    /// What is left of it, in quantity and amount.
    pub(crate) outline: &'a Outline,
    /// Of the trade; of several the first.
    pub(crate) key: &'a TradeKey,
    /// Absent while the trade is not instructed: in repair, or its instruction was cancelled.
    pub(crate) instruction: Option<(u64, &'a Instruction)>,
    /// Of the instruction, else of the trade: the order of arrival within each.
    pub(crate) number: u64,
}

impl Status {
    /// All that is open, in no order that means anything.
    pub(crate) fn open(&self) -> impl Iterator<Item = Open<'_>> {
        let instructed = self.instructions.iter().filter(|(_, row)| !row.has_ended());
        let instructed = instructed.filter_map(|(number, row)| open_instruction(number, row));
        instructed.chain(self.loose_after(0).filter_map(|trade| {
            let outline = trade.outline.as_deref()?;
            Some(Open { outline, key: &trade.key, instruction: None, number: trade.number })
        }))
    }

    /// One open instruction.
    pub(crate) fn open_at(&self, number: u64) -> Option<Open<'_>> {
        let row = self.instruction(number).filter(|row| !row.has_ended())?;
        open_instruction(number, row)
    }
}

fn open_instruction(number: u64, row: &Instruction) -> Option<Open<'_>> {
    let key = &row.links.first()?.key;
    Some(Open { outline: &row.outline, key, instruction: Some((number, row)), number })
}
