//! The pure arithmetic of positions, P&L, margin, exposure and market risk: numbers in, numbers out.
//!
//! - [`amount`]: shares, market values and conversions, each with a named rounding.
//! - [`rule`]: regulatory numbers as data with a jurisdiction, a first day and a source; [`published`] has those we ship.
//! - [`lots`]: what is held, what it cost, what was earned; by trade date, whatever the order of arrival.
//! - [`margin`]: client margin accounts, their calls and cures; what a CCP will ask for.
//! - [`exposure`]: what a settlement can cost by its phase, capital for aged fails, limits by reservation.
//! - [`statistics`]: value at risk and its relatives; the one place where floating point is allowed.
//!
//! Amounts are `i128` in minor units, quantities `i128` in the instrument's smallest unit. Nothing here knows a clock, a
//! file or a price source: what is missing is the caller's exception to name. `no_std`, as `model` and `clearing`.
#![no_std]
#![deny(clippy::float_arithmetic)]
extern crate alloc;

pub mod amount;
pub mod exposure;
pub mod lots;
pub mod margin;
pub mod published;
pub mod rule;
pub mod statistics;
