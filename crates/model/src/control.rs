//! Control totals: what a source says it sent for a trade date, to be held against what the log has.

use crate::date::Date;
use crate::decimal::Decimal;
use crate::identifier::{CurrencyCode, Identifier};

/// Totals over the trades of one source, trade date and settlement currency: captured and not cancelled, each in its
/// version in force. Bought and sold are kept apart, so that a side turned round does not cancel out. What is free of
/// payment counts with its quantity and without an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    pub count: u64,
    /// Quantity bought (received), over all instruments, each in its own decimals: a sum to compare, not a position.
    pub bought: Decimal,
    /// Quantity sold (delivered).
    pub sold: Decimal,
    /// Net amount to pay for what was bought.
    pub paid: Decimal,
    /// Net amount to receive for what was sold.
    pub received: Decimal,
}

/// What a source says. A later word for the same key replaces the earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlTotals {
    pub source: Identifier,
    pub trade_date: Date,
    pub currency: CurrencyCode,
    pub totals: Totals,
}

/// A person lets a difference stand, as it is now: the reason of the command says why. Any further trade for the key
/// ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOff {
    pub source: Identifier,
    pub trade_date: Date,
    pub currency: CurrencyCode,
}
