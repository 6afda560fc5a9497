//! A holding: open lots and what was earned so far; the fold of a position's entries in their order.

use super::{Entry, Fees, Key, Method, Policy, What};
use crate::amount::{Conversion, Overflow, minus, plus, portion};
use alloc::collections::VecDeque;

/// An open lot. Under the average method there is one, the pool, under the key of the trade that opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// The entry that opened it.
    pub opened: Key,
    /// Signed: negative is short. Never zero.
    pub quantity: i128,
    /// Total cost in minor units of the instrument's currency, signed as the quantity.
    pub cost: i128,
    /// The same in the base currency, at the rates of acquisition.
    pub base_cost: i128,
}

/// Open lots and cumulative results. All lots have one sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// In trade-date order.
    pub lots: VecDeque<Lot>,
    /// Price gains on what was closed, in the instrument's currency.
    pub realised: i128,
    /// Interest sold and income received, less interest bought.
    pub accrued: i128,
    /// Fees expensed; negative is a cost.
    pub fees: i128,
    /// The price part of the realised result in the base currency: the local result at the closing trade's rate.
    pub base_realised: i128,
    /// The FX part: the rest.
    pub base_realised_fx: i128,
    /// `accrued` in the base currency, at the rates of the entries.
    pub base_accrued: i128,
    /// `fees` in the base currency, at the rates of the entries.
    pub base_fees: i128,
}

/// A trade, or what is left of it while it closes lots.
struct Rest {
    quantity: i128,
    amount: i128,
    base: i128,
}

impl Rest {
    /// Takes a part off: the amounts rounded, the remainder left to what is left.
    fn take(&mut self, quantity: i128) -> Result<Rest, Overflow> {
        let taken = Rest {
            quantity,
            amount: portion(self.amount, quantity, self.quantity)?,
            base: portion(self.base, quantity, self.quantity)?,
        };
        self.quantity = minus(self.quantity, quantity)?;
        self.amount = minus(self.amount, taken.amount)?;
        self.base = minus(self.base, taken.base)?;
        Ok(taken)
    }
}

impl Holding {
    /// Held in all, signed.
    pub fn quantity(&self) -> Result<i128, Overflow> {
        crate::amount::sum(self.lots.iter().map(|lot| lot.quantity))
    }

    /// What the open lots cost, in the instrument's currency.
    pub fn cost(&self) -> Result<i128, Overflow> {
        crate::amount::sum(self.lots.iter().map(|lot| lot.cost))
    }

    /// What the open lots cost in the base currency.
    pub fn base_cost(&self) -> Result<i128, Overflow> {
        crate::amount::sum(self.lots.iter().map(|lot| lot.base_cost))
    }

    /// Folds the next entry in order.
    pub(super) fn fold(&mut self, entry: &Entry, policy: Policy) -> Result<(), Overflow> {
        match entry.what {
            What::Income { amount } => self.earn(amount, entry.rate),
            What::Trade { quantity, amount, accrued, fees } => {
                let amount = match policy.fees {
                    Fees::Expensed => {
                        self.fees = minus(self.fees, fees)?;
                        self.base_fees = minus(self.base_fees, entry.rate.apply(fees)?)?;
                        amount
                    }
                    Fees::Capitalised => plus(amount, fees)?,
                };
                self.earn(minus(0, accrued)?, entry.rate)?;
                self.trade(Rest { quantity, amount, base: entry.rate.apply(amount)? }, entry, policy.method)
            }
        }
    }

    fn earn(&mut self, amount: i128, rate: Conversion) -> Result<(), Overflow> {
        self.accrued = plus(self.accrued, amount)?;
        self.base_accrued = plus(self.base_accrued, rate.apply(amount)?)?;
        Ok(())
    }

    /// Closes lots of the other sign, then opens one with what is left: a flip is a closing and an opening.
    fn trade(&mut self, mut rest: Rest, entry: &Entry, method: Method) -> Result<(), Overflow> {
        if method == Method::Average {
            self.pool()?;
        }
        while rest.quantity != 0 {
            let Some(lot) = self.lots.front_mut().filter(|lot| (lot.quantity < 0) != (rest.quantity < 0)) else {
                return self.open(rest, entry, method);
            };
            // The closed part as the lot's sign has it.
            let part = if lot.quantity.unsigned_abs() <= rest.quantity.unsigned_abs() {
                lot.quantity
            } else {
                minus(0, rest.quantity)?
            };
            let mut held = Rest { quantity: lot.quantity, amount: lot.cost, base: lot.base_cost };
            let (gone, came) = (held.take(part)?, rest.take(minus(0, part)?)?);
            (lot.quantity, lot.cost, lot.base_cost) = (held.quantity, held.amount, held.base);
            if lot.quantity == 0 {
                self.lots.pop_front();
            }
            self.realise(minus(0, plus(gone.amount, came.amount)?)?, minus(0, plus(gone.base, came.base)?)?, entry)?;
        }
        Ok(())
    }

    fn realise(&mut self, local: i128, base: i128, entry: &Entry) -> Result<(), Overflow> {
        let price = entry.rate.apply(local)?;
        self.realised = plus(self.realised, local)?;
        self.base_realised = plus(self.base_realised, price)?;
        self.base_realised_fx = plus(self.base_realised_fx, minus(base, price)?)?;
        Ok(())
    }

    fn open(&mut self, rest: Rest, entry: &Entry, method: Method) -> Result<(), Overflow> {
        let Rest { quantity, amount, base } = rest;
        match self.lots.front_mut() {
            Some(pool) if method == Method::Average => {
                pool.quantity = plus(pool.quantity, quantity)?;
                pool.cost = plus(pool.cost, amount)?;
                pool.base_cost = plus(pool.base_cost, base)?;
            }
            _ => self.lots.push_back(Lot { opened: entry.key.clone(), quantity, cost: amount, base_cost: base }),
        }
        Ok(())
    }

    /// Makes one pool of the lots, as when a book goes over to the average method: no result comes of it.
    fn pool(&mut self) -> Result<(), Overflow> {
        while self.lots.len() > 1 {
            let last = self.lots.pop_back().expect("more than one lot");
            let pool = self.lots.front_mut().expect("more than one lot");
            pool.quantity = plus(pool.quantity, last.quantity)?;
            pool.cost = plus(pool.cost, last.cost)?;
            pool.base_cost = plus(pool.base_cost, last.base_cost)?;
        }
        Ok(())
    }
}
