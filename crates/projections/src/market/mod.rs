//! What was recorded of the market: sets of prices and rates, and in what each instrument is priced.
//!
//! A set is a row, as it came; of a date, snap and source the highest version holds, whole. In memory is which sets there are.
//! Nothing is priced here: whoever asks for an answer names the set or gets the last one, and the answer says which it was.

mod prices;

use std::collections::BTreeMap;

use model::command::Command;
use model::date::Date;
use model::event::Event;
use model::identifier::{CurrencyCode, Identifier};
use model::record::{FactContent, Facts, Outcome};
use model::reference::{PriceSet, Reference};
use model::trade::QuantityType;
use risk::amount::PriceKind;
use store::{Batch, Views};
use wire::pb::record;

use crate::Error;
use crate::rows::{self, Rows};
use crate::view::{View, table};

pub(crate) use prices::{Prices, Unpriced, Wanted};

/// Date, snap and source.
type SetKey = (Date, Identifier, Identifier);

#[derive(Default)]
pub(crate) struct Market {
    /// The version of each that holds.
    sets: BTreeMap<SetKey, u32>,
    terms: BTreeMap<Identifier, Terms>,
    /// Sets that are not written yet.
    fresh: BTreeMap<SetKey, PriceSet>,
    dirty_terms: Vec<Identifier>,
}

/// How an instrument is priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) kind: PriceKind,
    pub(crate) currency: CurrencyCode,
}

impl Market {
    fn set(&mut self, reference: &Reference) {
        match reference {
            Reference::PriceSet(set) => {
                let key = (set.date, set.snap.clone(), set.source.clone());
                self.sets.insert(key.clone(), set.version);
                self.fresh.insert(key, set.clone());
            }
            Reference::Instrument(each) => {
                let kind = match each.quantity_type {
                    QuantityType::Unit => PriceKind::Amount,
                    QuantityType::Face => PriceKind::Percent,
                };
                self.terms.insert(each.id.clone(), Terms { kind, currency: each.currency });
                self.dirty_terms.push(each.id.clone());
            }
            _ => {}
        }
    }
}

impl View for Market {
    const NAME: &'static str = "market";
    const VERSION: u32 = 1;
    const TABLES: &'static [u8] = &[table::MARKET_SETS, table::MARKET_TERMS];

    fn fold(&mut self, facts: &Facts) {
        let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content else { return };
        for event in events {
            if let Event::ReferenceSet { reference, .. } = event {
                self.set(reference);
            }
        }
    }

    fn save(&self, _: &Views, batch: &mut Batch<'_>) -> Result<(), Error> {
        let mut rows = Rows::new(batch);
        for (key, set) in &self.fresh {
            let command = Command::SetReference(Box::new(Reference::PriceSet(set.clone())));
            rows.put(table::MARKET_SETS, &set_key(key), &wire::command::into_wire(&command));
        }
        for id in &self.dirty_terms {
            if let Some(terms) = self.terms.get(id) {
                let row = [&[u8::from(terms.kind == PriceKind::Percent)], terms.currency.as_str().as_bytes()].concat();
                rows.put_bytes(table::MARKET_TERMS, id.as_str().as_bytes(), &row);
            }
        }
        Ok(())
    }

    fn saved(&mut self) {
        self.fresh.clear();
        self.dirty_terms.clear();
    }

    fn load(&mut self, rows: &Views, _sequence: u64) -> Result<(), Error> {
        rows::each(rows, table::MARKET_SETS, |_, row: record::Command| {
            let set = from_row(&row)?;
            self.sets.insert((set.date, set.snap, set.source), set.version);
            Ok(())
        })?;
        for row in rows.scan(table::MARKET_TERMS, &[], &[]) {
            let row = row?;
            let id = rows::identifier(table::MARKET_TERMS, &String::from_utf8_lossy(&row.key))?;
            let [percent, currency @ ..] = rows::key::<4>(table::MARKET_TERMS, &row.value)?;
            let kind = if percent == 1 { PriceKind::Percent } else { PriceKind::Amount };
            let currency = rows::currency(table::MARKET_TERMS, &String::from_utf8_lossy(&currency))?;
            self.terms.insert(id, Terms { kind, currency });
        }
        Ok(())
    }
}

/// By date, then by name; no identifier has a zero in it.
fn set_key((date, snap, source): &SetKey) -> Vec<u8> {
    [&date.days().to_be_bytes()[..], snap.as_str().as_bytes(), &[0], source.as_str().as_bytes()].concat()
}

fn from_row(row: &record::Command) -> Result<PriceSet, Error> {
    let command = rows::sound(table::MARKET_SETS, wire::command::from_wire(row))?;
    let set = match command {
        Command::SetReference(reference) => match *reference {
            Reference::PriceSet(set) => Some(set),
            _ => None,
        },
        _ => None,
    };
    rows::present(table::MARKET_SETS, set, "set of prices")
}
