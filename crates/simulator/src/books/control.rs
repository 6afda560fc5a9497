//! Control totals: what a source says it sent, beside what was taken of it (docs/decisions/0031).

use super::known::{minor, units};
use super::{Books, Deal, Fact};
use model::control::{ControlTotals, SignOff, Totals};
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::rejection::Reason;
use model::trade::{Method, Side};
use std::collections::{BTreeMap, BTreeSet};

/// Quantities in 10⁻⁹, whatever the instrument; amounts in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub count: i64,
    pub bought: i128,
    pub sold: i128,
    pub paid: i128,
    pub received: i128,
}

/// Of a trade date, a source and a currency.
pub type ControlKey = (Date, Identifier, CurrencyCode);

#[derive(Clone, Debug, Default)]
pub struct ControlRow {
    pub counted: Sums,
    pub stated: Option<Sums>,
    /// What was counted when a person let the difference stand.
    signed: Option<Sums>,
    /// Whose trades were ever counted here.
    entities: BTreeSet<Identifier>,
}

impl ControlRow {
    pub fn agrees(&self) -> bool {
        self.stated.unwrap_or_default() == self.counted
    }

    pub fn is_signed_off(&self) -> bool {
        !self.agrees() && self.signed == Some(self.counted)
    }

    fn is_in_order(&self) -> bool {
        self.agrees() || self.is_signed_off()
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Control {
    pub rows: BTreeMap<ControlKey, ControlRow>,
    /// Up to here what was in order is kept no more.
    gone: Option<Date>,
}

/// Nine decimals; nothing when there are more.
fn billionths(quantity: Decimal) -> Result<i128, Reason> {
    if quantity.unscaled < 0 {
        return Err(Reason::AmountNegative);
    }
    units(quantity, 9).map(i128::from).ok_or(Reason::QuantityTooFine)
}

fn money(amount: Decimal, currency: CurrencyCode) -> Result<i128, Reason> {
    if amount.unscaled < 0 {
        return Err(Reason::AmountNegative);
    }
    minor(amount, currency).map(i128::from)
}

/// What totals say, counted as the rows are.
pub fn sums_of(totals: &Totals, currency: CurrencyCode) -> Result<Sums, Reason> {
    Ok(Sums {
        count: i64::try_from(totals.count).unwrap_or(i64::MAX),
        bought: billionths(totals.bought)?,
        sold: billionths(totals.sold)?,
        paid: money(totals.paid, currency)?,
        received: money(totals.received, currency)?,
    })
}

impl Books {
    /// A trade of a source counts from now on (1), or no more (-1), with what is open of it.
    pub(super) fn count(&mut self, source: &Identifier, deal: &Deal, times: i64) {
        let key = (deal.trade_date, source.clone(), deal.currency);
        if !self.control.rows.contains_key(&key) && self.control.gone.is_some_and(|gone| deal.trade_date <= gone) {
            return;
        }
        let places = 9 - u32::from(self.known.scale(&deal.instrument));
        let quantity = i128::from(times) * i128::from(deal.quantity) * 10i128.pow(places);
        let amount = if deal.method == Method::Dvp { i128::from(times) * i128::from(deal.net) } else { 0 };
        let row = self.control.rows.entry(key).or_default();
        row.counted.count += times;
        if deal.side == Side::Buy {
            row.counted.bought += quantity;
            row.counted.paid += amount;
        } else {
            row.counted.sold += quantity;
            row.counted.received += amount;
        }
        if times > 0 {
            row.entities.insert(deal.party.clone());
        }
    }

    pub(super) fn control_totals(&mut self, said: &ControlTotals) -> Result<(), Reason> {
        let stated = sums_of(&said.totals, said.currency)?;
        let key = (said.trade_date, said.source.clone(), said.currency);
        if !self.control.rows.contains_key(&key) && self.control.gone.is_some_and(|gone| said.trade_date <= gone) {
            return Err(Reason::ControlDayGone);
        }
        let row = self.control.rows.entry(key).or_default();
        row.stated = Some(stated);
        let (counted, agreed) = (row.counted, row.agrees());
        self.facts.push(Fact::Compared { counted, agreed });
        Ok(())
    }

    pub(super) fn sign_off(&mut self, said: &SignOff) -> Result<(), Reason> {
        let key = (said.trade_date, said.source.clone(), said.currency);
        let row = self.control.rows.get_mut(&key).filter(|row| !row.is_in_order());
        let row = row.ok_or(Reason::NothingToSignOff)?;
        row.signed = Some(row.counted);
        self.facts.push(Fact::SignedOff { counted: row.counted });
        Ok(())
    }

    /// Whether the totals let an entity close a day, and whether all were in order.
    pub(super) fn control_allows(&self, entity: &Identifier, date: Date) -> Result<bool, Reason> {
        let mut clean = true;
        for ((on, ..), row) in &self.control.rows {
            let concerns = row.entities.is_empty() || row.entities.contains(entity);
            if *on > date || !concerns || row.is_in_order() {
                continue;
            }
            if row.stated.is_some() {
                return Err(Reason::ControlTotalsDiffer);
            }
            clean = false;
        }
        Ok(clean)
    }

    /// What is in order and was closed by everybody a month ago is kept no longer.
    pub(super) fn forget_control(&mut self, closed: Date) {
        let limit = closed.add_days(-31).expect("a date");
        let days = &self.closings;
        self.control.rows.retain(|(date, ..), row| {
            let all_closed = row.entities.iter().all(|entity| days.get(entity).is_some_and(|day| day.is_closed(*date)));
            *date > limit || !row.is_in_order() || !all_closed
        });
        self.control.gone = self.control.gone.max(Some(limit));
    }

    /// What is kept of each source, date and currency.
    pub fn control_rows(&self) -> &BTreeMap<ControlKey, ControlRow> {
        &self.control.rows
    }
}
