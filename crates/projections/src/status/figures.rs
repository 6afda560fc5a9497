//! Management figures: counts and values by settlement day, added to as things happen, so that a report of any period costs
//! its days and not its instructions.
//!
//! What an agent of an external domain matches and fails is its own affair: there only settled trades are counted.

use std::collections::BTreeMap;

use model::date::Date;
use model::identifier::CurrencyCode;
use model::index::DomainIx;
use model::trade::Method;
use store::Views;
use wire::pb::view as pb;

use super::instruction::Instruction;
use crate::Error;
use crate::rows::{self, Rows};
use crate::view::table;

const TABLE: u8 = table::FIGURES;

/// What is counted. Discriminants are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Measure {
    /// By intended date: issued, less those cancelled before they matched.
    Due = 1,
    /// By intended date: matched by the end of the trade date, before the intended date, on it, after it.
    MatchedOnTradeDate = 2,
    MatchedBefore = 3,
    MatchedOn = 4,
    MatchedLate = 5,
    /// By intended date: settled by then, or not though matched.
    SettledOn = 6,
    FailedOn = 7,
    /// By the day it happened.
    SettledThatDay = 8,
    /// By the day: failing when it was over.
    FailingOvernight = 9,
    /// Trades by the day they settled: all, and those that nobody touched.
    Trades = 10,
    Untouched = 11,
}

impl Measure {
    const ALL: [Measure; 11] = [
        Measure::Due,
        Measure::MatchedOnTradeDate,
        Measure::MatchedBefore,
        Measure::MatchedOn,
        Measure::MatchedLate,
        Measure::SettledOn,
        Measure::FailedOn,
        Measure::SettledThatDay,
        Measure::FailingOvernight,
        Measure::Trades,
        Measure::Untouched,
    ];
}

/// What a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Of {
    pub(crate) domain: DomainIx,
    pub(crate) currency: CurrencyCode,
    pub(crate) measure: Measure,
    pub(crate) date: Date,
}

/// How many, and of those against payment how much in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) count: i64,
    pub(crate) value: i128,
    dirty: bool,
}

#[derive(Default)]
pub(crate) struct Figures(BTreeMap<Of, Figure>);

impl Of {
    fn key(self) -> [u8; 12] {
        let mut key = [0; 12];
        key[..4].copy_from_slice(&self.domain.0.to_be_bytes());
        key[4..7].copy_from_slice(self.currency.as_str().as_bytes());
        key[7] = self.measure as u8;
        key[8..].copy_from_slice(&crate::positions::date_bytes(self.date));
        key
    }

    fn from_key(key: [u8; 12]) -> Result<Of, Error> {
        let [a, b, c, d, currency @ .., measure, e, f, g, h] = key;
        let measure = Measure::ALL.into_iter().find(|each| *each as u8 == measure);
        Ok(Of {
            domain: DomainIx(u32::from_be_bytes([a, b, c, d])),
            currency: rows::currency(TABLE, &String::from_utf8_lossy(&currency))?,
            measure: rows::present(TABLE, measure, "such measure")?,
            date: rows::date(TABLE, i32::from_be_bytes([e, f, g, h]) ^ i32::MIN)?,
        })
    }
}

impl Figures {
    pub(crate) fn add(&mut self, of: Of, count: i64, value: i128) {
        let figure = self.0.entry(of).or_default();
        figure.count += count;
        figure.value += value;
        figure.dirty = true;
    }

    /// An instruction more, or less.
    fn one(&mut self, row: &Instruction, measure: Measure, date: Date, sign: i64) {
        let value = if row.outline.method == Method::Dvp { i128::from(row.amount()) } else { 0 };
        let of = Of { domain: row.outline.domain, currency: row.outline.currency, measure, date };
        self.add(of, sign, i128::from(sign) * value);
    }

    pub(super) fn issued(&mut self, row: &Instruction) {
        self.one(row, Measure::Due, row.outline.intended, 1);
    }

    /// Cancelled before it matched: nobody waited for it.
    pub(super) fn withdrawn(&mut self, row: &Instruction) {
        self.one(row, Measure::Due, row.outline.intended, -1);
    }

    /// Matched, on this business day of its domain.
    pub(super) fn matched(&mut self, row: &Instruction, on: Date) {
        let due = row.outline.intended;
        if on <= row.outline.trade_date {
            self.one(row, Measure::MatchedOnTradeDate, due, 1);
        }
        let measure = match on.cmp(&due) {
            std::cmp::Ordering::Less => Measure::MatchedBefore,
            std::cmp::Ordering::Equal => Measure::MatchedOn,
            std::cmp::Ordering::Greater => Measure::MatchedLate,
        };
        self.one(row, measure, due, 1);
    }

    /// Its intended date is over, and it has not settled.
    pub(super) fn failed(&mut self, row: &Instruction, on: Date) {
        if row.outline.intended == on {
            self.one(row, Measure::FailedOn, on, 1);
        }
    }

    /// Settled, its trade as nobody had touched it or otherwise.
    pub(super) fn settled(&mut self, row: &Instruction, on: Date, touched: bool) {
        if on <= row.outline.intended && row.agent.is_none() {
            self.one(row, Measure::SettledOn, row.outline.intended, 1);
        }
        self.one(row, Measure::SettledThatDay, on, 1);
        self.one(row, Measure::Trades, on, 1);
        if !touched {
            self.one(row, Measure::Untouched, on, 1);
        }
    }

    /// The figures of a measure on the days of a period, by domain and currency.
    pub(crate) fn of(&self, measure: Measure, (from, to): (Date, Date)) -> BTreeMap<(DomainIx, CurrencyCode), Figure> {
        let mut found: BTreeMap<_, Figure> = BTreeMap::new();
        for (of, figure) in &self.0 {
            if of.measure == measure && (from..=to).contains(&of.date) {
                let sum = found.entry((of.domain, of.currency)).or_default();
                (sum.count, sum.value) = (sum.count + figure.count, sum.value + figure.value);
            }
        }
        found
    }

    pub(super) fn save(&self, rows: &mut Rows<'_, '_>) {
        for (of, figure) in self.0.iter().filter(|(_, figure)| figure.dirty) {
            let row = pb::SumRow { count: figure.count, value: rows::int128(figure.value) };
            rows.put(TABLE, &of.key(), &row);
        }
    }

    pub(super) fn saved(&mut self) {
        self.0.values_mut().for_each(|figure| figure.dirty = false);
    }

    pub(super) fn load(&mut self, rows: &Views) -> Result<(), Error> {
        rows::each(rows, TABLE, |key, row: pb::SumRow| {
            let figure = Figure { count: row.count, value: rows::from_int128(row.value), dirty: false };
            self.0.insert(Of::from_key(rows::key(TABLE, key)?)?, figure);
            Ok(())
        })
    }
}
