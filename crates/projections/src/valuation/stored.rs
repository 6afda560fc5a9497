//! The valuation view in its database: pieces of reference data as the commands that set them, sets, closes.

use std::sync::Arc;

use model::accounting::FrozenSet;
use model::command::Command;
use model::date::Date;
use model::index::PartyIx;
use model::record::{FactContent, Facts, Outcome};
use model::reference::Reference;
use store::{Batch, Views};
use wire::pb::view as pb;

use super::{Close, Dirty, Valuation, sets};
use crate::positions::date_bytes;
use crate::rows::{self, Rows};
use crate::view::{View, table};
use crate::{Error, values};

/// A piece of reference data from the command that set it.
pub(super) fn reference(table: u8, bytes: &[u8]) -> Result<Reference, Error> {
    let row: wire::pb::record::Command = rows::decode(table, bytes)?;
    match rows::sound(table, wire::command::from_wire(&row))? {
        Command::SetReference(reference) => Ok(*reference),
        _ => rows::present(table, None, "reference data"),
    }
}

fn close_key(entity: PartyIx, date: Date) -> Vec<u8> {
    [entity.0.to_be_bytes(), date_bytes(date)].concat()
}

fn close_from_row(row: &pb::CloseRow) -> Result<Close, Error> {
    const TABLE: u8 = table::CLOSES;
    let set = |set: &wire::pb::record::FrozenSet| {
        let date = rows::sound(TABLE, values::from_number("date", set.date))?;
        Ok(FrozenSet {
            date: rows::present(TABLE, date, "date of a set")?,
            snap: rows::identifier(TABLE, &set.snap)?,
            source: rows::identifier(TABLE, &set.source)?,
            version: set.version,
        })
    };
    Ok(Close { sequence: row.sequence, sets: row.sets.iter().map(set).collect::<Result<_, Error>>()? })
}

impl View for Valuation {
    const NAME: &'static str = "valuation";
    const VERSION: u32 = 3;
    const TABLES: &'static [u8] = &[table::PRICE_SETS, table::GROUNDS, table::CLOSES];

    fn fold(&mut self, facts: &Facts) {
        let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content else { return };
        for event in events {
            self.event(facts, event);
        }
    }

    fn save(&self, _: &Views, batch: &mut Batch<'_>) -> Result<(), Error> {
        let mut rows = Rows::new(batch);
        for dirty in &self.dirty {
            match dirty {
                Dirty::Reference(key, reference) => {
                    let row = wire::command::into_wire(&Command::SetReference(reference.clone()));
                    rows.put(table::GROUNDS, key, &row);
                }
                Dirty::Set(set) => {
                    if let Some(contents) = self.grounds.sets.unwritten(set) {
                        rows.put_bytes(table::PRICE_SETS, &sets::key(set), &sets::row(contents));
                    }
                }
                Dirty::Close(entity, date) => {
                    if let Some(close) = self.grounds.close(*entity, *date) {
                        let sets = close.sets.iter().map(wire::control::frozen_set).collect();
                        let row = pb::CloseRow { sequence: close.sequence, sets };
                        rows.put(table::CLOSES, &close_key(*entity, *date), &row);
                    }
                }
            }
        }
        Ok(())
    }

    fn saved(&mut self) {
        for dirty in std::mem::take(&mut self.dirty) {
            if let Dirty::Set(set) = dirty {
                Arc::make_mut(&mut self.grounds).sets.written(&set);
            }
        }
    }

    fn load(&mut self, views: &Views, _sequence: u64) -> Result<(), Error> {
        let grounds = Arc::make_mut(&mut self.grounds);
        for row in views.scan(table::GROUNDS, &[], &[]) {
            grounds.set(&reference(table::GROUNDS, &row?.value)?);
        }
        for row in views.scan(table::PRICE_SETS, &[], &[]) {
            grounds.sets.load(&row?.key)?;
        }
        rows::each(views, table::CLOSES, |key, row: pb::CloseRow| {
            let [a, b, c, d, date @ ..] = rows::key::<8>(table::CLOSES, key)?;
            let date = rows::date(table::CLOSES, i32::from_be_bytes(date) ^ i32::MIN)?;
            let entity = PartyIx(u32::from_be_bytes([a, b, c, d]));
            grounds.closes.insert((entity, date), close_from_row(&row)?);
            Ok(())
        })
    }
}
