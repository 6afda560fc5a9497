//! The rows of the ledger and cash views, held against the books at the record where they stand (I16).
//!
//! | key | row |
//! |---|---|
//! | `00 02` name | checkpoint: sequence `u64`, chain `[32]`, version `u32` |
//! | `30` account `u64`, asset `u32` | a balance of the ledger |
//! | `31` entity `u32`, asset `u32` | turnover with counterparties: traded, settled, other |
//! | `22` account `u32`, currency `u32` | settled cash of an account |
//!
//! Amounts are messages of a high half (field 1, signed) and a low half (field 2).

use std::collections::BTreeMap;
use std::path::Path;

use rocksdb::{DB, Direction, IteratorMode, Options};

use crate::books::{Balances, Books, Turnover};
use crate::bytes::{Value, last};
use crate::disk::{from_rocksdb, head, scan};
use crate::fault::{Fault, must};
use crate::posting::{Account, Asset};
use crate::source::Mark;

/// Which views are held against what.
const LEDGER: &str = "ledger";
const CASH: &str = "cash";

/// The views of a data directory.
pub struct Views {
    db: DB,
    /// The record each view stands at.
    places: BTreeMap<String, u64>,
}

fn damaged(what: &str) -> Fault {
    Fault::violated(crate::Invariant::I16, format!("{what} of a view cannot be read"))
}

impl Views {
    /// Opens them as they are now; a server may go on writing.
    pub fn open(dir: &Path) -> Result<Views, Fault> {
        let db = DB::open_for_read_only(&Options::default(), dir, false).map_err(|cause| from_rocksdb(&cause))?;
        Ok(Views { db, places: BTreeMap::new() })
    }

    fn rows(&self, prefix: &[u8], mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        for row in self.db.iterator_opt(IteratorMode::From(prefix, Direction::Forward), scan()) {
            let (key, value) = row.map_err(|cause| from_rocksdb(&cause))?;
            let Some(key) = key.strip_prefix(prefix) else { break };
            visit(key, &value)?;
        }
        Ok(())
    }

    /// Where each of them stands.
    pub fn marks(&mut self) -> Result<Vec<Mark>, Fault> {
        let (mut marks, mut places) = (Vec::new(), BTreeMap::new());
        self.rows(&[0, 2], |name, row| {
            let name = String::from_utf8_lossy(name).into_owned();
            let (sequence, chain) = row.get(..40).and_then(head).ok_or_else(|| damaged("the checkpoint"))?;
            marks.push(Mark { who: format!("view {name}"), sequence, chain });
            places.insert(name, sequence);
            Ok(())
        })?;
        self.places = places;
        Ok(marks)
    }

    /// Holds the views that stand at this record against the books as they are now; how many rows.
    pub fn check_at(&self, sequence: u64, books: &Books) -> Result<u64, Fault> {
        let mut rows = 0;
        for (name, _) in self.places.iter().filter(|(_, place)| **place == sequence) {
            rows += match name.as_str() {
                LEDGER => self.ledger(&books.balances)? + self.turnover(&books.turnover)?,
                CASH => self.cash(&books.balances)?,
                _ => 0,
            };
        }
        Ok(rows)
    }

    fn ledger(&self, balances: &Balances) -> Result<u64, Fault> {
        let mut seen = 0;
        self.rows(&[48], |key, row| {
            let (account, asset) = key.split_at_checked(8).ok_or_else(|| damaged("a key"))?;
            let key = (Account(small(account)?), Asset(small(asset)? as u32));
            let amount = int128(last(row, 1)?)?;
            let own = balances.get(&key).copied();
            must!(
                I16,
                own == Some(amount),
                "the ledger has {amount} of {} on {:#x}, the records {own:?}",
                key.1.0,
                key.0.0
            );
            seen += 1;
            Ok(())
        })?;
        must!(I16, seen == balances.len() as u64, "the ledger has {seen} balances, the records {}", balances.len());
        Ok(seen)
    }

    fn turnover(&self, turnover: &Turnover) -> Result<u64, Fault> {
        let mut seen = 0;
        self.rows(&[49], |key, row| {
            let (entity, asset) = key.split_at_checked(4).ok_or_else(|| damaged("a key"))?;
            let key = (small(entity)? as u32, Asset(small(asset)? as u32));
            let row = [int128(last(row, 1)?)?, int128(last(row, 2)?)?, int128(last(row, 3)?)?];
            let own = turnover.get(&key);
            must!(I16, own == Some(&row), "the turnover of party {} is {row:?}, by the records {own:?}", key.0);
            seen += 1;
            Ok(())
        })?;
        must!(I16, seen == turnover.len() as u64, "{seen} turnovers, by the records {}", turnover.len());
        Ok(seen)
    }

    fn cash(&self, balances: &Balances) -> Result<u64, Fault> {
        let located = balances.iter().filter(|((account, asset), _)| account.is_location() && asset.is_currency());
        let own: BTreeMap<(u32, Asset), i128> =
            located.map(|((account, asset), amount)| ((account.other(), *asset), *amount)).collect();
        let mut seen = 0;
        self.rows(&[34], |key, row| {
            let (account, asset) = key.split_at_checked(4).ok_or_else(|| damaged("a key"))?;
            let key = (small(account)? as u32, Asset(small(asset)? as u32));
            let amount = int128(last(row, 1)?)?;
            let booked = own.get(&key).copied();
            // An account with payments to come and none made has a row of nothing.
            must!(
                I16,
                booked.unwrap_or(0) == amount,
                "account {} has {amount} in cash, by the records {booked:?}",
                key.0
            );
            seen += u64::from(booked.is_some());
            Ok(())
        })?;
        must!(I16, seen == own.len() as u64, "{seen} cash accounts, by the records {}", own.len());
        Ok(seen)
    }
}

fn small(bytes: &[u8]) -> Result<u64, Fault> {
    if bytes.is_empty() || bytes.len() > 8 {
        return Err(damaged("a key"));
    }
    Ok(bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

fn int128(value: Option<Value<'_>>) -> Result<i128, Fault> {
    let Some(value) = value else { return Ok(0) };
    let high = last(value.bytes()?, 1)?.map_or(Ok(0), Value::signed)?;
    let low = last(value.bytes()?, 2)?.map_or(Ok(0), Value::number)?;
    Ok(i128::from(high) << 64 | i128::from(low))
}
