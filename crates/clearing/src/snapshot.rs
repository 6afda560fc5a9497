//! Snapshots: the state as bytes, in pieces, and back. A cache in a private format: another version is not read but
//! rebuilt from the log.
//!
//! What can be derived (maps by id, matching buckets, trees) is not written but built again, in the same shape.

mod codec;
mod counted;
mod outside;
mod parts;

use crate::balances::Slot;
use crate::instruction::{Instruction, Stage};
use crate::places;
use crate::shared::Shared;
use crate::slab::NONE;
use crate::state::State;
use crate::waiting::Tree;
use alloc::vec::Vec;
use codec::{Codec, Input, Output};
use model::index::Kind;

/// The private format's version. Raise it with every change of what is written.
pub const SNAPSHOT_VERSION: u32 = 8;

/// Bytes that are no snapshot of this version. The log is folded instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotError(pub(crate) &'static str);

impl core::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the snapshot cannot be read: {}", self.0)
    }
}

impl core::error::Error for SnapshotError {}

const END: u32 = 0x51_74_74_6e;

impl State {
    /// Writes the state in pieces of about a mebibyte.
    pub fn write_snapshot(&self, piece: &mut dyn FnMut(&[u8])) {
        let mut out = Output::new(piece);
        SNAPSHOT_VERSION.put(&mut out);
        self.genesis.put(&mut out);
        self.sequence.put(&mut out);
        self.at.put(&mut out);
        for kind in Kind::ALL {
            self.names.all(kind).len().put(&mut out);
            for name in self.names.all(kind) {
                name.put(&mut out);
                out.pause();
            }
        }
        self.reference.put(&mut out);
        self.grants.put(&mut out);
        self.addresses.put(&mut out);
        self.balances.high_water.put(&mut out);
        self.balances.slots.len().put(&mut out);
        for slot in &self.balances.slots {
            (slot.account, slot.asset, slot.amount, slot.queued).put(&mut out);
            out.pause();
        }
        self.next_trade.put(&mut out);
        self.trades.put(&mut out);
        self.next_instruction.put(&mut out);
        self.instructions.put(&mut out);
        self.retry.put(&mut out);
        self.repairs.put(&mut out);
        self.repairing.put(&mut out);
        self.awaited.put(&mut out);
        self.days.put(&mut out);
        self.proposals.put(&mut out);
        self.quarantined.put(&mut out);
        self.reversed.put(&mut out);
        self.control.put(&mut out);
        self.accounting.put(&mut out);
        self.breaks.put(&mut out);
        self.marks.put(&mut out);
        self.limits.put(&mut out);
        self.margin.put(&mut out);
        END.put(&mut out);
        out.finish();
    }

    /// Reads a state from its pieces.
    ///
    /// # Errors
    /// When the bytes are of another version, cut short or contradict themselves.
    pub fn read_snapshot(pieces: impl Iterator<Item = Vec<u8>>) -> Result<State, SnapshotError> {
        let mut pieces = pieces;
        let mut input = Input::new(&mut pieces);
        if u32::get(&mut input)? != SNAPSHOT_VERSION {
            return Err(SnapshotError("it is of another version"));
        }
        let mut state =
            State { genesis: Codec::get(&mut input)?, sequence: Codec::get(&mut input)?, ..State::default() };
        state.at = Codec::get(&mut input)?;
        for kind in Kind::ALL {
            for index in 0..usize::get(&mut input)? {
                let name = Codec::get(&mut input)?;
                state.names.add(kind, index as u32, &name);
            }
        }
        state.reference = Shared::new(Codec::get(&mut input)?);
        state.grants = Shared::new(Codec::get(&mut input)?);
        state.addresses = Shared::new(Codec::get(&mut input)?);
        let high_water = Codec::get(&mut input)?;
        for _ in 0..usize::get(&mut input)? {
            let (account, asset, amount, queued) = Codec::get(&mut input)?;
            state.balances.restore(Slot { account, asset, amount, waiting: Tree::default(), queued });
        }
        state.balances.high_water = high_water;
        state.next_trade = Codec::get(&mut input)?;
        state.trades = Codec::get(&mut input)?;
        state.next_instruction = Codec::get(&mut input)?;
        state.instructions = Codec::get(&mut input)?;
        state.retry = Codec::get(&mut input)?;
        state.repairs = Codec::get(&mut input)?;
        state.repairing = Codec::get(&mut input)?;
        state.awaited = Codec::get(&mut input)?;
        state.days = Codec::get(&mut input)?;
        state.proposals = Codec::get(&mut input)?;
        state.quarantined = Codec::get(&mut input)?;
        state.reversed = Codec::get(&mut input)?;
        state.control = Codec::get(&mut input)?;
        state.accounting = Codec::get(&mut input)?;
        state.breaks = Codec::get(&mut input)?;
        state.marks = Shared::new(Codec::get(&mut input)?);
        state.limits = Codec::get(&mut input)?;
        state.margin = Codec::get(&mut input)?;
        if u32::get(&mut input)? != END {
            return Err(SnapshotError("it does not end where it should"));
        }
        state.rebuild()?;
        Ok(state)
    }

    /// Builds again what the open business implies.
    fn rebuild(&mut self) -> Result<(), SnapshotError> {
        for (place, trade) in self.trades.iter() {
            self.trade_by_key.add(places::of_key(&trade.key), place);
            self.trade_by_number.add(places::of_number(trade.number), place);
        }
        let places: Vec<u32> = self.instructions.iter().map(|(place, _)| place).collect();
        for place in places {
            let instruction = &self.instructions[place];
            let partner_there = instruction.partner == NONE || self.instructions.get(instruction.partner).is_some();
            if self.trades.get(instruction.trade).is_none() || !partner_there {
                return Err(SnapshotError("an instruction names what is not open"));
            }
            self.instruction_by_number.add(places::of_number(instruction.number), place);
            self.restore_queue(place);
        }
        Ok(())
    }

    fn restore_queue(&mut self, place: u32) {
        let instruction: &mut Instruction = &mut self.instructions[place];
        if instruction.outside.is_some() {
            return;
        }
        if instruction.partner == NONE {
            return self.restore_unmatched(place);
        }
        let stage = core::mem::replace(&mut instruction.stage, Stage::Idle);
        match stage {
            Stage::Idle => {}
            Stage::Due => {
                let rank = self.pair_rank(&self.instructions[place]);
                self.due.insert((self.instructions[place].domain.0, rank), place);
                self.instructions[place].stage = Stage::Due;
            }
            Stage::Waiting(slot) => self.queue_waiting(place, slot),
        }
    }
}
