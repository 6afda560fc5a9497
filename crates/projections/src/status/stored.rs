//! The status view's rows: what is written when, and how memory is filled again at a start.

use std::sync::Arc;

use model::index::{DomainIx, SourceIx};
use model::record::{FactContent, Facts, Outcome};
use store::{Batch, Views};
use wire::pb::view as pb;

use super::ended::{self, EndedWriter};
use super::instruction::{Instruction, Stage, TradeKey};
use super::trade::Trade;
use super::{Changes, Status};
use crate::Error;
use crate::numbered::PAGE;
use crate::rows::{self, Rows};
use crate::view::{View, table};

impl View for Status {
    const NAME: &'static str = "status";
    const VERSION: u32 = 3;
    const TABLES: &'static [u8] = &[
        table::OPEN,
        table::ENDED,
        table::TRADES,
        table::LOOSE,
        table::SUMS,
        table::QUARANTINED,
        table::PROPOSALS,
        table::STATUS_DAYS,
        table::REVERSED,
        table::BREAKS,
        table::FIGURES,
    ];

    fn fold(&mut self, facts: &Facts) {
        if let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content {
            for event in events {
                self.event(facts, event);
            }
            self.end_of_record(facts.sequence);
        }
    }

    fn save(&self, views: &Views, batch: &mut Batch<'_>) -> Result<(), Error> {
        let mut rows = Rows::new(batch);
        let mut ended = EndedWriter::new(views, self.written_to);
        // In the order of their keys, which costs the database half of what any other order does.
        let mut numbers = self.dirty_instructions.clone();
        numbers.sort_unstable();
        for number in numbers {
            let Some(instruction) = self.instructions.get(number) else { continue };
            let key = number.to_be_bytes();
            if !instruction.has_ended() {
                rows.put(table::OPEN, &key, &instruction.row());
            } else {
                ended.put(&mut rows, number, instruction)?;
                if instruction.on_disk {
                    rows.delete(table::OPEN, &key);
                }
            }
        }
        ended.finish(&mut rows);
        // A source counts its ids upwards, more or less: the order in which they came is that of their names.
        let mut trades: Vec<(u32, u64)> = self.dirty_trades.clone();
        trades.sort_unstable();
        for trade in trades.into_iter().filter_map(|(_, number)| self.trades.get(number)) {
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
        for number in &self.dirty_reversed {
            if let Some(sequence) = self.reversed.get(number) {
                let row = pb::ReversedRow { sequence: *sequence };
                rows.put(table::REVERSED, &number.to_be_bytes(), &row);
            }
        }
        self.save_breaks(&mut rows);
        self.sums.save(&mut rows);
        self.figures.save(&mut rows);
        Ok(())
    }

    fn saved(&mut self) {
        for number in self.dirty_instructions.drain(..) {
            let Some(instruction) = self.instructions.get_mut(number) else { continue };
            if instruction.has_ended() {
                self.instructions.remove(number);
                self.written_to = self.written_to.max(Some(number / PAGE));
            } else {
                (instruction.dirty, instruction.on_disk) = (false, true);
            }
        }
        for (_, number) in self.dirty_trades.drain(..) {
            let Some(trade) = self.trades.get_mut(number) else { continue };
            (trade.dirty, trade.loose_on_disk) = (false, trade.is_loose());
            if trade.has_ended() {
                self.trades.remove(number);
            }
        }
        for number in self.ended_trades.drain(..) {
            self.trades.remove(number);
        }
        self.dirty_days.clear();
        self.dirty_quarantined.clear();
        self.dirty_proposals.clear();
        self.dirty_reversed.clear();
        self.dirty_breaks.clear();
        self.sums.saved();
        self.figures.saved();
    }

    fn load(&mut self, rows: &Views, sequence: u64) -> Result<(), Error> {
        self.changes = Changes::after(sequence);
        self.written_to = ended::highest_page(rows)?;
        self.sums.load(rows)?;
        self.figures.load(rows)?;
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
        self.load_breaks(rows)?;
        rows::each(rows, table::REVERSED, |key, row: pb::ReversedRow| {
            self.reversed.insert(rows::number(table::REVERSED, key)?, row.sequence);
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
            trade.settled |= ended::find(rows, *number)?.is_some_and(|row| row.stage == Stage::Settled);
        }
        let number = trade.number;
        self.trades.insert(number, trade);
        Ok(number)
    }
}
