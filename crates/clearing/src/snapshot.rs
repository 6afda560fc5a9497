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
use crate::places::{self, Places};
use crate::shared::Shared;
use crate::slab::NONE;
use crate::state::State;
use crate::waiting::Tree;
use alloc::vec::Vec;
use codec::{Codec, Input, Output};
use model::identifier::Identifier;
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
                let name: Identifier = Codec::get(&mut input)?;
                if state.names.find(kind, name.as_str()).is_some() {
                    return Err(SnapshotError("a name has two numbers"));
                }
                state.names.add(kind, index as u32, &name);
            }
        }
        state.reference = Shared::new(Codec::get(&mut input)?);
        state.grants = Shared::new(Codec::get(&mut input)?);
        state.addresses = Shared::new(Codec::get(&mut input)?);
        let high_water = Codec::get(&mut input)?;
        for _ in 0..usize::get(&mut input)? {
            let (account, asset, amount, queued) = Codec::get(&mut input)?;
            if !state.balances.restore(Slot { account, asset, amount, waiting: Tree::default(), queued }) {
                return Err(SnapshotError("a balance is there twice, or of no account"));
            }
        }
        if state.balances.high_water > high_water {
            return Err(SnapshotError("a balance is further from zero than any ever was"));
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
        if !input.is_at_end() {
            return Err(SnapshotError("something follows its end"));
        }
        state.rebuild()?;
        Ok(state)
    }

    /// Builds again what the open business implies. A contradiction is an error here: later it would be a panic.
    fn rebuild(&mut self) -> Result<(), SnapshotError> {
        let mut known = Places::default();
        for (place, trade) in self.trades.iter() {
            let instruction_there = !trade.has_instruction() || self.instructions.get(trade.instruction).is_some();
            let (key, number) = (places::of_key(&trade.key), places::of_number(trade.number));
            let twice = self.trade_by_key.find(key, |other| self.trades[other].key == trade.key).is_some()
                || self.trade_by_number.find(number, |other| self.trades[other].number == trade.number).is_some();
            if twice || !instruction_there {
                return Err(SnapshotError("a trade is there twice, or names what is not open"));
            }
            self.trade_by_key.add(key, place);
            self.trade_by_number.add(number, place);
        }
        let places: Vec<u32> = self.instructions.iter().map(|(place, _)| place).collect();
        for place in places {
            let instruction = &self.instructions[place];
            let number = places::of_number(instruction.number);
            let partner_there = instruction.partner == NONE || self.instructions.get(instruction.partner).is_some();
            if self.trades.get(instruction.trade).is_none() || !partner_there {
                return Err(SnapshotError("an instruction names what is not open"));
            }
            if known.find(number, |other| self.instructions[other].number == instruction.number).is_some() {
                return Err(SnapshotError("an instruction is there twice"));
            }
            known.add(number, place);
            self.restore_queue(place)?;
        }
        self.instruction_by_number = known;
        if self.matching.pairs.values().flatten().any(|place| *place == NONE) {
            return Err(SnapshotError("between two parties an unmatched instruction is missing"));
        }
        Ok(())
    }

    fn restore_queue(&mut self, place: u32) -> Result<(), SnapshotError> {
        let instruction: &mut Instruction = &mut self.instructions[place];
        if instruction.outside.is_some() {
            return Ok(());
        }
        if instruction.partner == NONE {
            let alone = instruction.stage == Stage::Idle;
            let restored = alone && self.restore_unmatched(place);
            return if restored { Ok(()) } else { Err(SnapshotError("an unmatched instruction stands elsewhere")) };
        }
        let stage = core::mem::replace(&mut instruction.stage, Stage::Idle);
        match stage {
            Stage::Idle => {}
            Stage::Due => {
                let rank = self.pair_rank(&self.instructions[place]);
                self.due.insert((self.instructions[place].domain.0, rank), place);
                self.instructions[place].stage = Stage::Due;
            }
            Stage::Waiting(slot) if (slot as usize) < self.balances.slots.len() => self.queue_waiting(place, slot),
            Stage::Waiting(_) => return Err(SnapshotError("an instruction waits for an account that is not there")),
        }
        Ok(())
    }
}
