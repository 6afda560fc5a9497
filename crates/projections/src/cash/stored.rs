//! The cash view's rows: flows, balances and limits, and how the sums are made of them again at a start.

use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{AccountIx, Asset, DomainIx};
use model::record::{FactContent, Facts, Outcome};
use store::{Batch, Views};
use wire::pb::view as pb;

use super::flow::{Flow, FlowTerms};
use super::{Cash, count};
use crate::Error;
use crate::rows::{self, Rows};
use crate::view::{View, table};

impl View for Cash {
    const NAME: &'static str = "cash";
    const VERSION: u32 = 1;
    const TABLES: &'static [u8] = &[table::FLOWS, table::TERMS, table::CASH, table::LIMITS, table::CASH_DAYS];

    fn fold(&mut self, facts: &Facts) {
        if let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content {
            for event in events {
                self.event(facts.sequence, event);
            }
            self.end_of_record();
        }
    }

    fn save(&self, _: &Views, batch: &mut Batch<'_>) -> Result<(), Error> {
        let mut rows = Rows::new(batch);
        let mut numbers = self.dirty_flows.clone();
        numbers.sort_unstable();
        for number in numbers {
            match self.flows.get(number) {
                Some(flow) if !flow.ended => rows.put(table::FLOWS, &number.to_be_bytes(), &flow.row()),
                Some(flow) if flow.on_disk => rows.delete(table::FLOWS, &number.to_be_bytes()),
                _ => {}
            }
        }
        let mut trades = self.dirty_terms.clone();
        trades.sort_unstable();
        trades.dedup();
        for trade in trades {
            match self.terms.get(&trade) {
                Some(terms) => rows.put(table::TERMS, &trade.to_be_bytes(), &terms.row()),
                None if self.terms_on_disk.contains(&trade) => rows.delete(table::TERMS, &trade.to_be_bytes()),
                None => {}
            }
        }
        for (account, currency) in &self.dirty_accounts {
            if let Some(entry) = self.accounts.get(&(*account, *currency)) {
                let key = [account.0.to_be_bytes(), Asset::currency(*currency).0.to_be_bytes()].concat();
                rows.put(table::CASH, &key, &pb::BalanceRow { amount: rows::int128(entry.settled) });
            }
        }
        for (account, currency, from) in &self.dirty_limits {
            let amount = self.limits.get(&(account.clone(), *currency)).and_then(|dates| dates.get(from));
            if let Some(amount) = amount {
                rows.put(table::LIMITS, &limit_key(account, *currency, *from), &pb::LimitRow { amount: *amount });
            }
        }
        for domain in &self.dirty_days {
            if let Some(date) = self.days.get(domain) {
                rows.put(table::CASH_DAYS, &domain.0.to_be_bytes(), &pb::DayRow { date: date.days() });
            }
        }
        Ok(())
    }

    fn saved(&mut self) {
        for number in self.dirty_flows.drain(..) {
            let Some(flow) = self.flows.get_mut(number) else { continue };
            (flow.dirty, flow.on_disk) = (false, true);
            if flow.ended {
                self.flows.remove(number);
            }
        }
        for key in self.dirty_accounts.drain(..) {
            if let Some(entry) = self.accounts.get_mut(&key) {
                entry.dirty = false;
            }
        }
        for trade in self.dirty_terms.drain(..) {
            if self.terms.contains_key(&trade) {
                self.terms_on_disk.insert(trade);
            } else {
                self.terms_on_disk.remove(&trade);
            }
        }
        self.dirty_limits.clear();
        self.dirty_days.clear();
    }

    fn load(&mut self, rows: &Views, _sequence: u64) -> Result<(), Error> {
        rows::each(rows, table::FLOWS, |key, row: pb::FlowRow| {
            let flow = Flow::from_row(&row)?;
            self.flows.insert(rows::number(table::FLOWS, key)?, flow);
            Ok(())
        })?;
        self.pair_flows();
        rows::each(rows, table::TERMS, |key, row: pb::FlowTermsRow| {
            let trade = rows::number(table::TERMS, key)?;
            self.terms.insert(trade, FlowTerms::from_row(table::TERMS, &row)?);
            self.terms_on_disk.insert(trade);
            Ok(())
        })?;
        rows::each(rows, table::CASH, |key, row: pb::BalanceRow| {
            let [a, b, c, d, asset @ ..] = rows::key::<8>(table::CASH, key)?;
            let currency = Asset(u32::from_be_bytes(asset)).as_currency();
            let key = (AccountIx(u32::from_be_bytes([a, b, c, d])), rows::present(table::CASH, currency, "currency")?);
            self.accounts.entry(key).or_default().settled = rows::from_int128(row.amount);
            Ok(())
        })?;
        rows::each(rows, table::LIMITS, |key, row: pb::LimitRow| {
            let (account, currency, from) = read_limit_key(key)?;
            self.limits.entry((account, currency)).or_default().insert(from, row.amount);
            Ok(())
        })?;
        rows::each(rows, table::CASH_DAYS, |key, row: pb::DayRow| {
            let domain = DomainIx(u32::from_be_bytes(rows::key(table::CASH_DAYS, key)?));
            self.days.insert(domain, rows::date(table::CASH_DAYS, row.date)?);
            Ok(())
        })
    }
}

impl Cash {
    /// Tells each flow that was read whether its pair is held, and adds it to the sums.
    fn pair_flows(&mut self) {
        let held = |number: u64| self.flows.get(number).is_some_and(|flow| flow.held);
        let read: Vec<(u64, bool)> =
            self.flows.iter().map(|(number, flow)| (number, flow.held || held(flow.counter))).collect();
        for (number, pair_held) in read {
            let Some(flow) = self.flows.get_mut(number) else { continue };
            flow.pair_held = pair_held;
            if let Some(share) = flow.share() {
                count(&mut self.accounts, &share, 1);
            }
        }
    }
}

/// Date, currency and account, the last of which has no fixed length.
fn limit_key(account: &Identifier, currency: CurrencyCode, from: Date) -> Vec<u8> {
    [&from.days().to_be_bytes(), currency.as_str().as_bytes(), account.as_str().as_bytes()].concat()
}

fn read_limit_key(key: &[u8]) -> Result<(Identifier, CurrencyCode, Date), Error> {
    const TABLE: u8 = table::LIMITS;
    let (date, rest) = rows::present(TABLE, key.split_first_chunk::<4>(), "date")?;
    let (currency, account) = rows::present(TABLE, rest.split_first_chunk::<3>(), "currency")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let account = rows::identifier(TABLE, &text(account))?;
    Ok((account, rows::currency(TABLE, &text(currency))?, rows::date(TABLE, i32::from_be_bytes(*date))?))
}
