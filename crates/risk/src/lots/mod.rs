//! Lots: what a book holds of an instrument, what it cost and what it earned, in the order of trade dates.
//!
//! A [`Position`] is the ordered list of a book's entries in one instrument. The order is trade date, time, id, and never
//! that of arrival: a late or corrected trade is put in its place and everything after it is computed again. What the
//! entries come to, up to any day, is a [`Holding`]; with a [`Mark`] it is a [`Pnl`].
//!
//! **Rounding.** A lot stores its quantity and its *total* cost; there is no unit cost that could be rounded. Where a part
//! of a lot (or of the average pool, or of a trade that closes several lots) goes, its part of the amount is rounded half
//! up and the remainder stays with what is left, so that the last part takes it. Sum of parts = whole, always; hence
//! realised + unrealised is the same under every method at every moment, to the minor unit. In the base currency the
//! remainder of splitting a result into price and FX lies in the FX part.
//!
//! **Signs.** Quantities and amounts are signed alike: a purchase of 100 for 50.00 is `+100, +5000`, a sale `-100, -5000`.
//! A short lot has a negative quantity and a negative cost (what was received for it).

mod holding;
mod pnl;
mod position;
#[cfg(test)]
mod tests;

pub use holding::{Holding, Lot};
pub use pnl::{Base, Day, Local, Mark, Pnl, day};
pub use position::{Position, holding};

use crate::amount::{Conversion, Overflow};
use alloc::vec::Vec;
use model::date::Date;
use model::identifier::Identifier;
use model::timestamp::Timestamp;
use thiserror::Error;

/// The place of an entry in its position. Compared by trade date, then time, then id: a total order, so that entries of
/// one instant have one result. An entry without a time stands before those of its day that have one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Of the trade; for income the day it is due (ex-date of a dividend, pay date of a coupon).
    pub trade_date: Date,
    /// When it was executed, where known.
    pub at: Option<Timestamp>,
    /// Names the entry in its position.
    pub id: Identifier,
}

/// Something that changes a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: Key,
    pub what: What,
    /// From the instrument's currency to the book's base currency when it was done: the rate at acquisition.
    pub rate: Conversion,
}

/// What happened. Amounts are in minor units of the instrument's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Trade {
        /// Signed; never zero.
        quantity: i128,
        /// What it cost without interest and fees (gross), signed as the quantity.
        amount: i128,
        /// Accrued interest paid (positive) or received (negative) with it.
        accrued: i128,
        /// Commissions, taxes and charges; positive is paid.
        fees: i128,
    },
    /// A coupon, a dividend, a penalty: positive is received. It belongs to the accrued line.
    Income { amount: i128 },
}

/// Which lot a closing trade takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// The oldest first.
    Fifo,
    /// All alike: one pool with one total cost.
    Average,
}

/// What becomes of commissions. Either way the total P&L is the same (beancount, "Trading with Beancount").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fees {
    /// Expense at once, a line of their own: the trading book.
    Expensed,
    /// Part of the cost of a purchase, off the proceeds of a sale: the investment book.
    Capitalised,
}

/// How a book accounts from a trade date on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// First trade date.
    pub from: Date,
    pub method: Method,
    pub fees: Fees,
}

/// A book's policies, rising by date. Before the first the first applies: a position that is older than the policy still
/// has lots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies(Vec<Policy>);

impl Policies {
    /// Sorts them; of two with the same first day the later in the list stands.
    pub fn new(mut policies: Vec<Policy>) -> Result<Policies, Fault> {
        if policies.is_empty() {
            return Err(Fault::NoPolicy);
        }
        policies.sort_by_key(|policy| policy.from);
        let mut kept: Vec<Policy> = Vec::new();
        for policy in policies {
            kept.pop_if(|last| last.from == policy.from);
            kept.push(policy);
        }
        Ok(Policies(kept))
    }

    /// One method for all times, fees expensed.
    pub fn always(method: Method) -> Policies {
        Policies([Policy { from: Date::MIN, method, fees: Fees::Expensed }].into())
    }

    /// The policy for trades of a day.
    pub fn on(&self, date: Date) -> Policy {
        let begun = self.0.partition_point(|policy| policy.from <= date);
        self.0[begun.saturating_sub(1)]
    }
}

/// Why an entry cannot be taken. The position stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// An entry with this id is there already; replace it instead.
    #[error("entry {0} is there already")]
    Known(Identifier),
    /// No entry has this id.
    #[error("there is no entry {0}")]
    Unknown(Identifier),
    /// A trade of nothing.
    #[error("entry {0} has quantity zero")]
    NoQuantity(Identifier),
    /// A book without a policy has no method.
    #[error("no policy was given")]
    NoPolicy,
    /// Sums beyond 128 bits.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}
