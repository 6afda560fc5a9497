//! Prices to measure by, limits and margin accounts, in a snapshot.

use super::SnapshotError;
use super::codec::{Codec, Input, Output, choices, fields};
use crate::limits::{Held, Limit, Limits, Reserved, Used};
use crate::margin::{Call, Margin, MarginEntry};
use crate::marks::{Mark, Marks};
use model::decimal::Decimal;
use model::limit::{LimitKind, LimitLine, OnBreach};
use model::margin::CallKind;

impl Codec for Decimal {
    fn put(&self, out: &mut Output<'_>) {
        (self.unscaled, self.scale).put(out);
    }
    fn get(input: &mut Input<'_>) -> Result<Self, SnapshotError> {
        let (unscaled, scale) = Codec::get(input)?;
        Decimal::new(unscaled, scale).map_err(|_| SnapshotError("a decimal is out of range"))
    }
}

choices! {
    LimitKind { PreSettlement = 1, Delivery = 2, Issuer = 3 }
    OnBreach { Warn = 1, Hold = 2 }
    CallKind { Maintenance = 1, Initial = 2 }
}

fields! {
    Mark { date, currency, value, accrued }
    Marks { prices, rates }
    Limit { currency, rows }
    LimitLine { entity, counterparty, kind, value_date }
    Used { amount, trades, unmeasured, breached }
    Reserved { line, amount, measured }
    Held { quantity, amount, measured }
    MarginEntry { client, book, currency, jurisdiction, domain, call_days }
    Call { kind, account, amount, outstanding, date, due, missed, issued }
    Margin { accounts, books, calls, given, dealt }
    Limits { limits, add_ons, used, reserved, surveying, issuers, held }
}
