//! The ledger view: every balance of the stock record, and what moved what counterparties owe.
//!
//! Both are sums of postings and nothing else, so that ownership can be held against location and against the other views.

mod answers;

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::event::Event;
use model::index::{Asset, PartyIx};
use model::ledger::{LedgerAccount, Posting};
use model::record::{FactContent, Facts, Outcome};
use store::{Batch, Views};
use wire::pb::view as pb;

use crate::Error;
use crate::rows::{self, Rows};
use crate::view::{View, table};

pub(crate) use answers::BalanceFilter;

/// A packed account and an asset: small, fast to hash, and in the order of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key(u64, u32);

#[derive(Default)]
pub(crate) struct Ledger {
    balances: HashMap<Key, Balance, FixedState>,
    /// Postings to counterparty accounts.
    turnover: HashMap<(PartyIx, Asset), Turnover, FixedState>,
    dirty_balances: Vec<Key>,
    dirty_turnover: Vec<(PartyIx, Asset)>,
}

#[derive(Clone, Copy, Default)]
struct Balance {
    amount: i128,
    dirty: bool,
}

/// By what caused them.
#[derive(Clone, Copy, Default)]
struct Turnover {
    traded: i128,
    settled: i128,
    other: i128,
    dirty: bool,
}

/// What made a posting.
#[derive(Clone, Copy)]
enum Cause {
    Trade,
    Settlement,
    Other,
}

impl Ledger {
    /// What stands on an account, in the asset's smallest unit.
    pub(crate) fn balance(&self, account: LedgerAccount, asset: Asset) -> i128 {
        self.balances.get(&Key(account.pack(), asset.0)).map_or(0, |balance| balance.amount)
    }

    fn post(&mut self, cause: Cause, posting: &Posting) {
        let Posting { account, asset, amount } = *posting;
        let key = Key(account.pack(), asset.0);
        let balance = self.balances.entry(key).or_default();
        balance.amount += amount;
        if !balance.dirty {
            balance.dirty = true;
            self.dirty_balances.push(key);
        }
        if let LedgerAccount::Counterparty { entity, .. } = account {
            let turnover = self.turnover.entry((entity, asset)).or_default();
            match cause {
                Cause::Trade => turnover.traded += amount,
                Cause::Settlement => turnover.settled += amount,
                Cause::Other => turnover.other += amount,
            }
            if !turnover.dirty {
                turnover.dirty = true;
                self.dirty_turnover.push((entity, asset));
            }
        }
    }
}

impl View for Ledger {
    const NAME: &'static str = "ledger";
    const VERSION: u32 = 1;
    /// A book's balance changes with each of its trades: a tenth of the rows for ten times the records. After a crash they are
    /// folded again, which takes a second.
    const PATIENCE: u64 = 200_000;
    const TABLES: &'static [u8] = &[table::BALANCES, table::TURNOVER];

    fn fold(&mut self, facts: &Facts) {
        let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content else { return };
        for event in events {
            let cause = match event {
                Event::TradeCaptured { .. } | Event::TradeChanged { .. } | Event::TradeCancelled { .. } => Cause::Trade,
                Event::InstructionsSettled { .. } | Event::InstructionConfirmed { .. } => Cause::Settlement,
                _ => Cause::Other,
            };
            for posting in event.postings() {
                self.post(cause, posting);
            }
        }
    }

    fn save(&self, _: &Views, batch: &mut Batch<'_>) -> Result<(), Error> {
        let mut rows = Rows::new(batch);
        // In the order of their keys, which costs the database half of what any other order does.
        let mut dirty = self.dirty_balances.clone();
        dirty.sort_unstable();
        for key in dirty {
            if let Some(balance) = self.balances.get(&key) {
                rows.put(table::BALANCES, &key.bytes(), &pb::BalanceRow { amount: rows::int128(balance.amount) });
            }
        }
        let mut dirty = self.dirty_turnover.clone();
        dirty.sort_unstable();
        for (entity, asset) in &dirty {
            if let Some(turnover) = self.turnover.get(&(*entity, *asset)) {
                let row = pb::TurnoverRow {
                    traded: rows::int128(turnover.traded),
                    settled: rows::int128(turnover.settled),
                    other: rows::int128(turnover.other),
                };
                rows.put(table::TURNOVER, &[entity.0.to_be_bytes(), asset.0.to_be_bytes()].concat(), &row);
            }
        }
        Ok(())
    }

    fn saved(&mut self) {
        for key in self.dirty_balances.drain(..) {
            if let Some(balance) = self.balances.get_mut(&key) {
                balance.dirty = false;
            }
        }
        for key in self.dirty_turnover.drain(..) {
            if let Some(turnover) = self.turnover.get_mut(&key) {
                turnover.dirty = false;
            }
        }
    }

    fn load(&mut self, rows: &Views, _sequence: u64) -> Result<(), Error> {
        rows::each(rows, table::BALANCES, |key, row: pb::BalanceRow| {
            let key = Key::from_bytes(rows::key(table::BALANCES, key)?);
            rows::present(table::BALANCES, LedgerAccount::unpack(key.0), "such account")?;
            self.balances.insert(key, Balance { amount: rows::from_int128(row.amount), dirty: false });
            Ok(())
        })?;
        rows::each(rows, table::TURNOVER, |key, row: pb::TurnoverRow| {
            let [a, b, c, d, asset @ ..] = rows::key::<8>(table::TURNOVER, key)?;
            let turnover = Turnover {
                traded: rows::from_int128(row.traded),
                settled: rows::from_int128(row.settled),
                other: rows::from_int128(row.other),
                dirty: false,
            };
            let key = (PartyIx(u32::from_be_bytes([a, b, c, d])), Asset(u32::from_be_bytes(asset)));
            self.turnover.insert(key, turnover);
            Ok(())
        })
    }
}

impl Key {
    fn bytes(self) -> [u8; 12] {
        let mut key = [0; 12];
        key[..8].copy_from_slice(&self.0.to_be_bytes());
        key[8..].copy_from_slice(&self.1.to_be_bytes());
        key
    }

    fn from_bytes(bytes: [u8; 12]) -> Key {
        let [a, b, c, d, e, f, g, h, asset @ ..] = bytes;
        Key(u64::from_be_bytes([a, b, c, d, e, f, g, h]), u32::from_be_bytes(asset))
    }

    /// The account; a number that stands for none was neither posted nor loaded.
    fn account(self) -> LedgerAccount {
        LedgerAccount::unpack(self.0).expect("only packed accounts are kept")
    }

    fn asset(self) -> Asset {
        Asset(self.1)
    }
}
