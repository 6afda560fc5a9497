//! Counts and values by status, first reason, domain and currency: sums that each change of an instruction is taken from
//! and added to, so that a summary costs the same however much is open.

use std::collections::BTreeMap;

use model::identifier::CurrencyCode;
use model::index::DomainIx;
use model::instruction::Code;
use store::Views;
use wire::pb::view as pb;

use super::instruction::Instruction;
use crate::Error;
use crate::rows::{self, Rows};
use crate::view::table;

const TABLE: u8 = table::SUMS;

/// What an instruction is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Heading {
    pub(crate) status: i32,
    pub(crate) domain: DomainIx,
    pub(crate) currency: CurrencyCode,
    pub(crate) reason: Option<Code>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) count: i64,
    pub(crate) value: i128,
    dirty: bool,
}

#[derive(Default)]
pub(crate) struct Sums(BTreeMap<Heading, Sum>);

impl Heading {
    pub(crate) fn of(instruction: &Instruction) -> Heading {
        Heading {
            status: instruction.status() as i32,
            domain: instruction.outline.domain,
            currency: instruction.outline.currency,
            reason: instruction.reasons.first().copied(),
        }
    }

    fn key(self) -> [u8; 12] {
        let mut key = [0; 12];
        key[0] = self.status as u8;
        key[1..5].copy_from_slice(&self.domain.0.to_be_bytes());
        key[5..8].copy_from_slice(self.currency.as_str().as_bytes());
        if let Some(reason) = self.reason {
            key[8..].copy_from_slice(reason.as_str().as_bytes());
        }
        key
    }

    fn from_key(key: [u8; 12]) -> Result<Heading, Error> {
        let [status, a, b, c, d, rest @ ..] = key;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Heading {
            status: i32::from(status),
            domain: DomainIx(u32::from_be_bytes([a, b, c, d])),
            currency: rows::currency(TABLE, &text(&rest[..3]))?,
            reason: match rest[3..] {
                [0, 0, 0, 0] => None,
                _ => Some(rows::present(TABLE, Code::parse(&text(&rest[3..])), "such reason")?),
            },
        })
    }
}

impl Sums {
    pub(crate) fn add(&mut self, heading: Heading, value: i64) {
        self.shift(heading, 1, i128::from(value));
    }

    pub(crate) fn take(&mut self, heading: Heading, value: i64) {
        self.shift(heading, -1, -i128::from(value));
    }

    fn shift(&mut self, heading: Heading, count: i64, value: i128) {
        let sum = self.0.entry(heading).or_default();
        sum.count += count;
        sum.value += value;
        sum.dirty = true;
        assert!(sum.count >= 0, "more instructions left {heading:?} than came");
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Heading, &Sum)> {
        self.0.iter().filter(|(_, sum)| sum.count != 0)
    }

    pub(crate) fn save(&self, rows: &mut Rows<'_, '_>) {
        for (heading, sum) in self.0.iter().filter(|(_, sum)| sum.dirty) {
            if sum.count == 0 {
                rows.delete(TABLE, &heading.key());
            } else {
                let row = pb::SumRow { count: sum.count, value: rows::int128(sum.value) };
                rows.put(TABLE, &heading.key(), &row);
            }
        }
    }

    pub(crate) fn saved(&mut self) {
        self.0.retain(|_, sum| {
            sum.dirty = false;
            sum.count != 0
        });
    }

    pub(crate) fn load(&mut self, rows: &Views) -> Result<(), Error> {
        rows::each(rows, TABLE, |key, row: pb::SumRow| {
            let heading = Heading::from_key(rows::key(TABLE, key)?)?;
            let sum = Sum { count: row.count, value: rows::from_int128(row.value), dirty: false };
            self.0.insert(heading, sum);
            Ok(())
        })
    }
}
