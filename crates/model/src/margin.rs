//! Client margin accounts: reference data, and calls from assessment to their end.
//!
//! How an account is assessed, and what cures a call, is `docs/decisions/0054-limits-and-margin-calls-are-records.md`.

use crate::accounting::{FrozenSet, SetName};
use crate::date::Date;
use crate::decimal::Decimal;
use crate::identifier::{CurrencyCode, Identifier};
use alloc::string::String;
use alloc::vec::Vec;

/// A client's margin account: one book of its own, by the rules of a jurisdiction. A later row for the same id replaces
/// from its date on; the book stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarginAccount {
    pub id: Identifier,
    /// The client who owes.
    pub client: Identifier,
    /// Holds its positions and cash, and nothing else.
    pub book: Identifier,
    /// What it is assessed and called in.
    pub currency: CurrencyCode,
    /// Whose rules (`risk::published`): an ISO 3166 country code.
    pub jurisdiction: String,
    /// Whose calendar counts its days, and whose days end them.
    pub domain: Identifier,
    /// Business days from an assessment until its call is due.
    pub call_days: u8,
    /// First day on which it holds.
    pub valid_from: Date,
}

/// What a central counterparty asks of us for what has not settled, from a date on: the numbers of its rules, or of a house that
/// expects more. None are shipped: they are a member's agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearingTerms {
    pub ccp: Identifier,
    /// Whose law it works under: an ISO 3166 country code.
    pub jurisdiction: String,
    /// First business day on which they hold.
    pub valid_from: Date,
    /// Where the numbers stand: rule book and chapter.
    pub source: String,
    /// A position above this share of an account's gross market value is concentrated.
    pub gap_threshold: Decimal,
    /// The charge for it, as a share of that position's value.
    pub gap_rate: Decimal,
    /// Of the market value that is past its date.
    pub fails_rate: Decimal,
    /// The volatility charge is never less than this share of market value.
    pub least_haircut: Decimal,
    /// Of the volatility charge, one-sided: 0.99.
    pub confidence: Decimal,
    /// Moves of the past that it stands on.
    pub scenarios: u32,
    /// Closes from the beginning of a move to its end: the time a liquidation takes.
    pub horizon: u8,
    /// First letters of the CFI of what is never concentrated: indices and funds on them.
    pub index_cfi: Vec<String>,
}

/// Assess accounts at a recorded set of prices, and call what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueMarginCalls {
    /// Its date is the business date.
    pub set: SetName,
    /// Empty: all accounts.
    pub accounts: Vec<Identifier>,
}

impl IssueMarginCalls {
    /// So many accounts are assessed by one command: what is told of them must fit a record; `wire`'s tests hold it to it.
    pub const MOST_ACCOUNTS: usize = 500;
    /// So much of what an account lacks is told by name; of the rest how much there is.
    pub const MOST_LACKS: usize = 8;
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CallKind {
    /// What an account lacks of what must be kept.
    Maintenance = 1,
    /// What a day's purchases and short sales ask for beyond what the rest of the account has to spare.
    Initial = 2,
}

impl CallKind {
    /// The word for it in the interface.
    pub fn name(self) -> &'static str {
        match self {
            CallKind::Maintenance => "maintenance",
            CallKind::Initial => "initial",
        }
    }
}

/// What a person says of an open call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarginAnswer {
    /// Met by what our records do not show; the reason says how.
    Met,
    /// Called in error.
    Withdrawn,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CallStanding {
    /// Issued, and not due yet.
    Open = 1,
    /// Its due day has closed; it still is to be met.
    Missed = 2,
    /// Paid in full, or a person says that it is met.
    Met = 3,
    /// A later assessment finds nothing missing.
    Cured = 4,
    /// A person took it back.
    Withdrawn = 5,
}

impl CallStanding {
    /// Nothing more is expected of it.
    pub fn has_ended(self) -> bool {
        !matches!(self, CallStanding::Open | CallStanding::Missed)
    }

    /// The word for it in the interface.
    pub fn name(self) -> &'static str {
        match self {
            CallStanding::Open => "open",
            CallStanding::Missed => "missed",
            CallStanding::Met => "met",
            CallStanding::Cured => "cured",
            CallStanding::Withdrawn => "withdrawn",
        }
    }
}

/// How an account stood at a set of prices, in minor units of its currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarginFigures {
    /// Market value of what is long, by trade date.
    pub long: i64,
    /// Market value of what is short, as a positive number.
    pub short: i64,
    /// Credit less debit balance by trade date, proceeds of short sales included.
    pub cash: i64,
    /// Long less short, plus cash.
    pub equity: i64,
    /// What the rules ask of new commitments at these values.
    pub initial: i64,
    /// What must be kept.
    pub maintenance: i64,
    /// What is missing to it; zero when nothing is.
    pub missing: i64,
}

/// A call that an assessment issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuedCall {
    /// Given by the log, from 1.
    pub number: u64,
    /// What is missing and not called yet, in minor units.
    pub amount: i64,
    pub due: Date,
}

/// An account was assessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarginAssessment {
    pub account: Identifier,
    /// What it stands on.
    pub set: FrozenSet,
    pub currency: CurrencyCode,
    /// All zero where something is lacking.
    pub figures: MarginFigures,
    /// Prices, rates or rules for want of which it could not be assessed: instruments, `USD/EUR`, `rule of XX`.
    pub lacks: Vec<String>,
    pub call: Option<IssuedCall>,
}

/// What a trade date's commitments ask for, in minor units of the account's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InitialFigures {
    /// What was paid that day for what became long, net of what was sold again.
    pub bought: i64,
    /// What was taken that day for what became short.
    pub sold_short: i64,
    /// What the rest of the account has above its own initial requirement.
    pub available: i64,
    /// Equity of the rest.
    pub equity: i64,
    /// What is asked for.
    pub required: i64,
}

/// An account's commitments of a day were assessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialAssessment {
    pub account: Identifier,
    /// What the rest of the account stands on; its date is the trade date.
    pub set: FrozenSet,
    pub currency: CurrencyCode,
    /// All zero where something is lacking.
    pub figures: InitialFigures,
    /// Prices, rates or rules for want of which it could not be assessed: instruments, `USD/EUR`, `rule of XX`.
    pub lacks: Vec<String>,
    pub call: Option<IssuedCall>,
}

/// A call came to stand otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallMoved {
    pub number: u64,
    /// Cash that this record brought towards it, in minor units.
    pub paid: i64,
    /// What is still to come.
    pub outstanding: i64,
    pub standing: CallStanding,
}
