//! Margin: what a client's margin account must hold and what a central counterparty will ask for.
//!
//! Margin looks at *trade-date* positions, unsettled trades included; what is offered as collateral counts only when it
//! has settled. Requirements are rounded up to the minor unit: a call is never short of its rule.

pub mod ccp;
pub mod client;
