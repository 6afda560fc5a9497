//! The accounting day of a legal entity: its close freezes the prices and rates by which it is valued.

use crate::date::Date;
use crate::identifier::Identifier;
use alloc::vec::Vec;

/// A step of an entity's accounting day. There is no way back: a closed day stays closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountingDay {
    /// The legal entity.
    pub entity: Identifier,
    pub step: AccountingStep,
}

/// Opens, closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountingStep {
    Open {
        date: Date,
    },
    /// Closes with these sets of prices and rates, each in its highest version now recorded.
    Close {
        date: Date,
        sets: Vec<SetName>,
    },
}

/// Names a set of prices and rates; without its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetName {
    pub date: Date,
    /// `CLOSE`, `1600` …
    pub snap: Identifier,
    pub source: Identifier,
}

/// A set in the version by which a closed day is valued for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenSet {
    pub date: Date,
    pub snap: Identifier,
    pub source: Identifier,
    pub version: u32,
}
