//! The settlement status view: every instruction and trade, how far it has come and why not further.
//!
//! Open rows are kept in memory and written when they changed; rows of what has ended are in the database only. An instruction
//! costs its trade's row (which is found by source and id) and a part of one that it shares with its neighbours, when it ends before
//! it is first written; each writing on the way adds one.

mod breaks;
mod changes;
mod counting;
mod ended;
mod figures;
mod filter;
mod fold;
mod instruction;
mod list;
mod open;
mod outline;
mod outside;
mod proposal;
mod render;
mod stored;
mod sums;
mod trade;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{Asset, DomainIx, PartyIx, SourceIx};
use model::trade::Method;
use wire::pb::view as pb;

use crate::numbered::Numbered;

pub(crate) use changes::Changes;
pub(crate) use figures::{Figure, Measure};
pub(crate) use filter::Filter;
pub(crate) use instruction::{Instruction, TradeKey};
pub(crate) use list::{Limits, Listing, find};
pub(crate) use open::Open;
pub(crate) use render::Renderer;
pub(crate) use trade::Trade;

use outline::Outline;
use sums::Heading;

pub(crate) type Days = BTreeMap<DomainIx, Date>;
pub(crate) type Reversed = BTreeMap<u64, u64>;

#[derive(Default)]
pub(crate) struct Status {
    /// Open instructions, and those that ended since rows were last written.
    instructions: Numbered<Instruction>,
    /// Open trades, likewise.
    trades: Numbered<Trade>,
    pub(crate) sums: sums::Sums,
    pub(crate) figures: figures::Figures,
    /// The current business date of each domain.
    pub(crate) days: Days,
    /// Open quarantined records by sequence, and proposals by number.
    pub(crate) quarantined: BTreeMap<u64, pb::QuarantinedRow>,
    pub(crate) proposals: BTreeMap<u64, pb::ProposalRow>,
    /// Settled pairs whose postings were turned round: the deliverer's number and the record that did it.
    pub(crate) reversed: Reversed,
    /// Open breaks by number.
    pub(crate) breaks: BTreeMap<u64, pb::BreakRow>,
    pub(crate) changes: Changes,

    dirty_instructions: Vec<u64>,
    /// By source and number.
    dirty_trades: Vec<(u32, u64)>,
    /// Trades whose end came with no change of their own.
    ended_trades: Vec<u64>,
    dirty_days: Vec<DomainIx>,
    dirty_quarantined: Vec<u64>,
    dirty_proposals: Vec<u64>,
    dirty_reversed: Vec<u64>,
    dirty_breaks: Vec<u64>,
    /// Open trades without an open instruction.
    loose: BTreeSet<u64>,
    /// The highest page of ended instructions that is written.
    written_to: Option<u64>,
    /// What the record being folded changed: instructions with what they counted under before (nothing when they are new), trades,
    /// and what trades say for themselves.
    touched_instructions: Vec<(u64, Option<(Heading, i64)>)>,
    touched_trades: Vec<u64>,
    outlines: Vec<(u64, Outline)>,
}

impl Status {
    /// An instruction that is open or ended lately.
    pub(crate) fn instruction(&self, number: u64) -> Option<&Instruction> {
        self.instructions.get(number)
    }

    /// A trade that is open or ended lately.
    pub(crate) fn trade(&self, number: u64) -> Option<&Trade> {
        self.trades.get(number)
    }

    /// Open trades without an open instruction, by rising number.
    pub(crate) fn loose_after(&self, number: u64) -> impl Iterator<Item = &Trade> {
        let loose = self.loose.range((Bound::Excluded(number), Bound::Unbounded));
        loose.filter_map(|number| self.trades.get(*number))
    }

    /// Instructions that are open or ended lately, by rising number.
    pub(crate) fn instructions_after(&self, number: u64) -> impl Iterator<Item = (u64, &Instruction)> {
        self.instructions.after(number)
    }

    /// A trade that is not in the database yet.
    pub(crate) fn unwritten_trade(&self, source: SourceIx, id: &Identifier) -> Option<&Trade> {
        let mut dirty = self.dirty_trades.iter().filter_map(|(_, number)| self.trades.get(*number));
        dirty.find(|trade| trade.key.source == source && trade.key.id == *id)
    }

    /// Instructions of a domain that fail, and what of them is against payment, by currency.
    pub(crate) fn failing_now(&self, domain: DomainIx) -> BTreeMap<CurrencyCode, (i64, i128)> {
        let mut failing: BTreeMap<_, (i64, i128)> = BTreeMap::new();
        let of_domain =
            |heading: &&Heading| heading.domain == domain && heading.status == pb::InstructionStatus::Failing as i32;
        for (heading, sum) in self.sums.iter().filter(|(heading, _)| of_domain(heading)) {
            let figure = failing.entry(heading.currency).or_default();
            *figure = (figure.0 + sum.count, figure.1 + sum.value);
        }
        failing
    }

    /// How many instructions are open, or ended since rows were last written.
    pub(crate) fn in_memory(&self) -> usize {
        self.instructions.len()
    }

    /// What each party's counterparties owe it (above zero) and are owed (below zero) by its open trades.
    pub(crate) fn open_obligations(&self) -> BTreeMap<(PartyIx, Asset), i128> {
        let mut owed = BTreeMap::new();
        for Open { outline, .. } in self.open() {
            let sign = if outline.receives { -1 } else { 1 };
            let amount = if outline.method == Method::Dvp { i128::from(outline.amount) } else { 0 };
            let assets = [
                (Asset::instrument(outline.instrument), sign * i128::from(outline.quantity)),
                (Asset::currency(outline.currency), -sign * amount),
            ];
            for (asset, amount) in assets {
                *owed.entry((outline.party, asset)).or_insert(0) += amount;
            }
        }
        owed
    }
}
