//! Limits on counterparties and issuers: how much may be at stake with whom, as reference data; what trades reserve of it and what
//! breaches it, as facts.
//!
//! How a trade is measured, and why, is `docs/decisions/0054-limits-and-margin-calls-are-records.md`.

use crate::date::Date;
use crate::decimal::Decimal;
use crate::identifier::{CurrencyCode, Identifier};
use crate::index::{InstrumentIx, PartyIx};
use alloc::string::String;

/// What a limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LimitKind {
    /// What replacing open trades could cost: an add-on of what is open, whatever its value date.
    PreSettlement = 1,
    /// The principal that can be lost where delivery and payment are not one: free of payment, by value date.
    Delivery = 2,
    /// What would be lost with an issuer: what is owned of its instruments by trade date, at the last recorded prices.
    Issuer = 3,
}

impl LimitKind {
    /// Every kind, in the order of its code.
    pub const ALL: [LimitKind; 3] = [LimitKind::PreSettlement, LimitKind::Delivery, LimitKind::Issuer];

    /// The word for it in the interface.
    pub fn name(self) -> &'static str {
        match self {
            LimitKind::PreSettlement => "pre-settlement",
            LimitKind::Delivery => "delivery",
            LimitKind::Issuer => "issuer",
        }
    }
}

/// What becomes of a trade that goes over a limit. It is captured in any case: what was traded is a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OnBreach {
    /// The breach is recorded; the trade goes its way.
    Warn = 1,
    /// Its instruction is issued on hold; a person releases it, with a reason.
    Hold = 2,
}

/// How much an entity may have at stake with a counterparty, from a date on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterpartyLimit {
    /// Ours.
    pub entity: Identifier,
    /// Of an issuer limit the issuer by its name among us ([`crate::reference::Issuer`]); it need not be a party.
    pub counterparty: Identifier,
    pub kind: LimitKind,
    /// What it is counted in; the same in every later row.
    pub currency: CurrencyCode,
    /// First day on which it holds.
    pub valid_from: Date,
    pub amount: Decimal,
    pub on_breach: OnBreach,
}

/// Which share of what is open counts as pre-settlement exposure, from a trade date on. Of several that fit an instrument
/// the one with the longest prefix; of an instrument that none fits, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddOn {
    /// First letters of the CFI it is for; empty: of all.
    pub cfi_prefix: String,
    /// First trade date.
    pub valid_from: Date,
    /// `0.08` is 8 percent.
    pub rate: Decimal,
}

/// One line that is counted: a limit, and of a delivery limit the value date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitLine {
    pub entity: PartyIx,
    /// Of an issuer limit the issuer: its name has a number among the parties' names.
    pub counterparty: PartyIx,
    pub kind: LimitKind,
    pub value_date: Option<Date>,
}

/// What a trade reserves of a line from now on; it replaces what it reserved before. Nothing is reserved any more when the
/// amount is zero and nothing is lacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub line: LimitLine,
    pub trade: u64,
    /// What the limit is counted in.
    pub currency: CurrencyCode,
    /// In its minor units.
    pub amount: i64,
    /// The price or rate for want of which it cannot be measured: an instrument, or `USD/EUR`. The amount is then zero
    /// and the line counts as breached.
    pub lacks: Option<String>,
}

/// What an entity owns of an instrument by trade date reserves of its issuer's line from now on; it replaces what it reserved
/// before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldingReservation {
    pub line: LimitLine,
    pub instrument: InstrumentIx,
    /// In the instrument's smallest unit, all books of the entity together; zero where nothing is owned, or it is short.
    pub quantity: i64,
    /// What the limit is counted in.
    pub currency: CurrencyCode,
    /// What the quantity was worth at the last recorded price, in minor units.
    pub amount: i64,
    /// The price or rate for want of which it cannot be measured. The amount is then zero and the line counts as breached.
    pub lacks: Option<String>,
}

/// A trade took a line over its limit (or further over it), or the limit fell below what is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitBreach {
    pub line: LimitLine,
    /// What took it there; absent: the limit moved, its date came, or (of an issuer) prices or something other than a trade.
    pub trade: Option<u64>,
    pub currency: CurrencyCode,
    /// In minor units, as are the next two.
    pub limit: i64,
    pub used: i64,
    /// Above the limit; zero when only what cannot be measured breaches it.
    pub excess: i64,
    /// Trades (of an issuer: instruments) that cannot be measured.
    pub unmeasured: u32,
    /// What the limit asks for.
    pub on_breach: OnBreach,
}

/// A line that was breached is within its limit again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitCure {
    pub line: LimitLine,
    pub currency: CurrencyCode,
    /// In minor units, as is the next.
    pub limit: i64,
    pub used: i64,
    /// The record that first told the breach.
    pub since: u64,
}
