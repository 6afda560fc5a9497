//! The settlement status view: every instruction and trade, how far it has come and why not further.
//!
//! Open rows are kept in memory and written when they changed; rows of what has ended are in the database only. An instruction
//! costs two rows in its life, its own and its trade's (which is also found by source and id), when it ends before it is
//! first written; each writing on the way adds one.

mod changes;
mod filter;
mod fold;
mod instruction;
mod list;
mod outline;
mod render;
mod sums;
mod trade;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use model::date::Date;
use model::identifier::Identifier;
use model::index::{Asset, DomainIx, PartyIx, SourceIx};
use model::record::{FactContent, Facts, Outcome};
use model::trade::Method;
use store::{Batch, Views};
use wire::pb::view as pb;

use crate::Error;
use crate::numbered::Numbered;
use crate::rows::{self, Rows};
use crate::view::{View, table};

pub(crate) use changes::Changes;
pub(crate) use filter::Filter;
pub(crate) use instruction::{Instruction, Stage, TradeKey};
pub(crate) use list::{Limits, Listing, find};
pub(crate) use render::Renderer;
pub(crate) use trade::Trade;

#[derive(Default)]
pub(crate) struct Status {
    /// Open instructions, and those that ended since rows were last written.
    instructions: Numbered<Instruction>,
    /// Open trades, likewise.
    trades: Numbered<Trade>,
    pub(crate) sums: sums::Sums,
    /// The current business date of each domain.
    pub(crate) days: BTreeMap<DomainIx, Date>,
    /// Open quarantined records by sequence, and proposals by number.
    pub(crate) quarantined: BTreeMap<u64, pb::QuarantinedRow>,
    pub(crate) proposals: BTreeMap<u64, pb::ProposalRow>,
    pub(crate) changes: Changes,

    dirty_instructions: Vec<u64>,
    dirty_trades: Vec<u64>,
    /// Trades whose end came with no change of their own.
    ended_trades: Vec<u64>,
    dirty_days: Vec<DomainIx>,
    dirty_quarantined: Vec<u64>,
    dirty_proposals: Vec<u64>,
    /// Open trades without an open instruction.
    loose: BTreeSet<u64>,
    /// What the record being folded changed.
    touched_instructions: Vec<u64>,
    touched_trades: Vec<u64>,
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
        let mut dirty = self.dirty_trades.iter().filter_map(|number| self.trades.get(*number));
        dirty.find(|trade| trade.key.source == source && trade.key.id == *id)
    }

    /// How many instructions are open, or ended since rows were last written.
    pub(crate) fn in_memory(&self) -> usize {
        self.instructions.len()
    }

    /// What each party's counterparties owe it (above zero) and are owed (below zero) by its open trades.
    pub(crate) fn open_obligations(&self) -> BTreeMap<(PartyIx, Asset), i128> {
        let mut owed = BTreeMap::new();
        let open = self.instructions.iter().filter(|(_, each)| !each.has_ended()).map(|(_, each)| &each.outline);
        let loose = self.loose_after(0).filter_map(|trade| trade.outline.as_deref());
        for outline in open.chain(loose) {
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

impl View for Status {
    const NAME: &'static str = "status";
    const VERSION: u32 = 1;
    const TABLES: &'static [u8] = &[
        table::OPEN,
        table::ENDED,
        table::TRADES,
        table::LOOSE,
        table::SUMS,
        table::QUARANTINED,
        table::PROPOSALS,
        table::STATUS_DAYS,
    ];

    fn fold(&mut self, facts: &Facts) {
        if let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content {
            for event in events {
                self.event(facts, event);
            }
            self.end_of_record(facts.sequence);
        }
    }

    fn save(&self, batch: &mut Batch<'_>) {
        let mut rows = Rows::new(batch);
        // In the order of their keys, which costs the database half of what any other order does.
        for number in sorted(&self.dirty_instructions) {
            let Some(instruction) = self.instructions.get(number) else { continue };
            let key = number.to_be_bytes();
            if !instruction.has_ended() {
                rows.put(table::OPEN, &key, &instruction.row());
            } else {
                rows.put(table::ENDED, &key, &instruction.row());
                if instruction.on_disk {
                    rows.delete(table::OPEN, &key);
                }
            }
        }
        let mut trades: Vec<&Trade> = self.dirty_trades.iter().filter_map(|number| self.trades.get(*number)).collect();
        trades.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        for trade in trades {
            rows.put(table::TRADES, &trade.key.bytes(), &trade.row());
            let key = trade.number.to_be_bytes();
            if trade.is_loose() {
                let row = pb::LooseTradeRow { source: trade.key.source.0, id: trade.key.id.to_string() };
                rows.put(table::LOOSE, &key, &row);
            } else if trade.loose_on_disk {
                rows.delete(table::LOOSE, &key);
            }
        }
        for domain in &self.dirty_days {
            if let Some(date) = self.days.get(domain) {
                rows.put(table::STATUS_DAYS, &domain.0.to_be_bytes(), &pb::DayRow { date: date.days() });
            }
        }
        for number in &self.dirty_quarantined {
            match self.quarantined.get(number) {
                Some(row) => rows.put(table::QUARANTINED, &number.to_be_bytes(), row),
                None => rows.delete(table::QUARANTINED, &number.to_be_bytes()),
            }
        }
        for number in &self.dirty_proposals {
            match self.proposals.get(number) {
                Some(row) => rows.put(table::PROPOSALS, &number.to_be_bytes(), row),
                None => rows.delete(table::PROPOSALS, &number.to_be_bytes()),
            }
        }
        self.sums.save(&mut rows);
    }

    fn saved(&mut self) {
        for number in std::mem::take(&mut self.dirty_instructions) {
            let Some(instruction) = self.instructions.get_mut(number) else { continue };
            if instruction.has_ended() {
                self.instructions.remove(number);
            } else {
                (instruction.dirty, instruction.on_disk) = (false, true);
            }
        }
        for number in std::mem::take(&mut self.dirty_trades) {
            let Some(trade) = self.trades.get_mut(number) else { continue };
            (trade.dirty, trade.loose_on_disk) = (false, trade.is_loose());
            if trade.has_ended() {
                self.trades.remove(number);
            }
        }
        for number in std::mem::take(&mut self.ended_trades) {
            self.trades.remove(number);
        }
        self.dirty_days.clear();
        self.dirty_quarantined.clear();
        self.dirty_proposals.clear();
        self.sums.saved();
    }

    fn load(&mut self, rows: &Views, sequence: u64) -> Result<(), Error> {
        self.changes = Changes::after(sequence);
        self.sums.load(rows)?;
        rows::each(rows, table::OPEN, |key, row: pb::InstructionRow| {
            let number = rows::number(table::OPEN, key)?;
            let mut instruction = Instruction::from_row(table::OPEN, &row)?;
            instruction.on_disk = true;
            for link in &mut instruction.links {
                if self.trades.get(link.trade).is_none() {
                    self.load_trade(rows, link.key.clone())?;
                }
                let trade = rows::present(table::OPEN, self.trades.get_mut(link.trade), "trade of that number")?;
                trade.open += 1;
                link.key = trade.key.clone();
            }
            self.instructions.insert(number, instruction);
            Ok(())
        })?;
        rows::each(rows, table::LOOSE, |_, row: pb::LooseTradeRow| {
            let id = rows::identifier(table::LOOSE, &row.id)?;
            let number = self.load_trade(rows, Arc::new(TradeKey { source: SourceIx(row.source), id }))?;
            if let Some(trade) = self.trades.get_mut(number) {
                trade.loose_on_disk = true;
            }
            self.loose.insert(number);
            Ok(())
        })?;
        rows::each(rows, table::STATUS_DAYS, |key, row: pb::DayRow| {
            let domain = DomainIx(u32::from_be_bytes(rows::key(table::STATUS_DAYS, key)?));
            self.days.insert(domain, rows::date(table::STATUS_DAYS, row.date)?);
            Ok(())
        })?;
        rows::each(rows, table::QUARANTINED, |key, row| {
            self.quarantined.insert(rows::number(table::QUARANTINED, key)?, row);
            Ok(())
        })?;
        rows::each(rows, table::PROPOSALS, |key, row| {
            self.proposals.insert(rows::number(table::PROPOSALS, key)?, row);
            Ok(())
        })
    }
}

impl Status {
    /// Reads an open trade and gives its number.
    fn load_trade(&mut self, rows: &Views, key: Arc<TradeKey>) -> Result<u64, Error> {
        let bytes = rows::present(table::TRADES, rows.get(table::TRADES, &key.bytes())?, "row of an open trade")?;
        let mut trade = Trade::from_row(key, &rows::decode(table::TRADES, &bytes)?)?;
        for number in &trade.instructions {
            if let Some(bytes) = rows.get(table::ENDED, &number.to_be_bytes())? {
                let row: pb::InstructionRow = rows::decode(table::ENDED, &bytes)?;
                trade.settled |= row.stage == Stage::Settled as u32;
            }
        }
        let number = trade.number;
        self.trades.insert(number, trade);
        Ok(number)
    }
}

fn sorted(numbers: &[u64]) -> Vec<u64> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers
}
