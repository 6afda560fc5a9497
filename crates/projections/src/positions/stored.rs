//! The positions view in its database: sums, entries, what of them can still change, and what they were when books closed.

use model::index::PartyIx;
use model::record::{FactContent, Facts, Outcome};
use store::{Batch, Views};

use super::entry::{Entry, Spot, date_bytes};
use super::{Amounts, Open, Place, Positions, Sums};
use crate::Error;
use crate::rows::{self, Rows};
use crate::status::Changes;
use crate::view::{View, table};

impl View for Positions {
    const NAME: &'static str = "positions";
    const VERSION: u32 = 5;
    const TABLES: &'static [u8] = &[
        table::POSITIONS,
        table::POSITION_ENTRIES,
        table::POSITION_TRADES,
        table::POSITION_FORMER,
        table::POSITION_CLOSED,
    ];

    fn fold(&mut self, facts: &Facts) {
        let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content else { return };
        for event in events {
            self.event(facts.sequence, facts.at, event);
        }
    }

    fn save(&self, _: &Views, batch: &mut Batch<'_>) -> Result<(), Error> {
        let mut rows = Rows::new(batch);
        // In the order of their keys, which costs the database half of what any other order does.
        let mut spots = self.dirty_sums.clone();
        spots.sort_unstable();
        for spot in &spots {
            if let Some(sums) = self.sums.get(spot) {
                let numbers = [sums.traded.to_be_bytes(), sums.settled.to_be_bytes()].concat();
                let row = [&numbers[..], &sums.changed.to_be_bytes()].concat();
                rows.put_bytes(table::POSITIONS, &spot.0.to_be_bytes(), &row);
            }
        }
        // Nearly so: within a spot they came by date. What was said of one place last must stay last.
        let mut entries: Vec<&(Place, Option<Amounts>)> = self.dirty_entries.iter().collect();
        entries.sort_by_key(|(place, _)| place.spot);
        for (place, amounts) in entries {
            match amounts {
                Some(amounts) => rows.put_bytes(table::POSITION_ENTRIES, &place.key(), &amounts.row()),
                None => rows.delete(table::POSITION_ENTRIES, &place.key()),
            }
        }
        for former in &self.dirty_former {
            rows.put_bytes(table::POSITION_FORMER, &former.key(), &former.amounts.row());
        }
        for trade in &self.gone_open {
            rows.delete(table::POSITION_TRADES, &trade.to_be_bytes());
        }
        for trade in &self.dirty_open {
            if let Some(open) = self.open.get(*trade) {
                rows.put_bytes(table::POSITION_TRADES, &trade.to_be_bytes(), &open.row());
            }
        }
        for entity in &self.dirty_closed {
            if let Some((date, sequence)) = self.closed.get(entity) {
                let row = [&date_bytes(*date)[..], &sequence.to_be_bytes()].concat();
                rows.put_bytes(table::POSITION_CLOSED, &entity.0.to_be_bytes(), &row);
            }
        }
        Ok(())
    }

    fn saved(&mut self) {
        for spot in self.dirty_sums.drain(..) {
            if let Some(sums) = self.sums.get_mut(&spot) {
                sums.dirty = false;
            }
        }
        for trade in self.dirty_open.drain(..) {
            if let Some(open) = self.open.get_mut(trade) {
                (open.dirty, open.on_disk) = (false, true);
            }
        }
        self.dirty_entries.clear();
        self.dirty_former.clear();
        self.gone_open.clear();
        self.dirty_closed.clear();
    }

    fn load(&mut self, views: &Views, sequence: u64) -> Result<(), Error> {
        self.changes = Changes::after(sequence);
        for row in views.scan(table::POSITIONS, &[], &[]) {
            let row = row?;
            let spot = Spot(rows::number(table::POSITIONS, &row.key)?);
            let value: [u8; 40] = rows::key(table::POSITIONS, &row.value)?;
            let part = |at: usize| i128::from_be_bytes(std::array::from_fn(|place| value[at + place]));
            let changed = u64::from_be_bytes(std::array::from_fn(|place| value[32 + place]));
            self.sums.insert(spot, Sums { traded: part(0), settled: part(16), changed, dirty: false });
            self.spots.insert(spot);
        }
        for row in views.scan(table::POSITION_TRADES, &[], &[]) {
            let row = row?;
            let trade = rows::number(table::POSITION_TRADES, &row.key)?;
            let open = Open::from_row(&row.value)?;
            if let Some(instruction) = open.instruction {
                self.instructed.insert(instruction, trade);
            }
            self.open.insert(trade, open);
        }
        for row in views.scan(table::POSITION_CLOSED, &[], &[]) {
            let row = row?;
            let entity = PartyIx(u32::from_be_bytes(rows::key(table::POSITION_CLOSED, &row.key)?));
            let [a, b, c, d, at @ ..] = rows::key::<12>(table::POSITION_CLOSED, &row.value)?;
            let date = rows::date(table::POSITION_CLOSED, i32::from_be_bytes([a, b, c, d]) ^ i32::MIN)?;
            self.closed.insert(entity, (date, u64::from_be_bytes(at)));
        }
        Ok(())
    }
}

impl Open {
    /// Its instruction, zero when it has none, then its entry.
    fn row(&self) -> Vec<u8> {
        let mut row = self.instruction.unwrap_or(0).to_be_bytes().to_vec();
        self.entry.append_row(&mut row);
        row
    }

    fn from_row(row: &[u8]) -> Result<Open, Error> {
        let (instruction, entry) = rows::present(table::POSITION_TRADES, row.split_first_chunk(), "instruction")?;
        let instruction = Some(u64::from_be_bytes(*instruction)).filter(|number| *number != 0);
        Ok(Open { entry: Entry::from_row(entry)?, instruction, dirty: false, on_disk: true })
    }
}
