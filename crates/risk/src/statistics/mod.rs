//! Statistics of market risk: value at risk, expected shortfall, back-testing, concentration.
//!
//! The one module where floating point is allowed: these are estimates from samples, not money. Nothing of it enters a
//! ledger, a record or a stored row; a view may show it with the rule, the sample and the date it was made from.
#![allow(clippy::float_arithmetic, reason = "estimates from samples; no ledger and no stored row may use them")]

pub mod backtest;
pub mod concentration;
pub mod simulation;
pub mod value_at_risk;
