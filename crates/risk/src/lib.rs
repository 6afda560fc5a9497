//! The pure arithmetic of positions and P&L: numbers in, numbers out.
//!
//! - [`amount`]: shares, market values and conversions, each with a named rounding.
//! - [`rule`]: regulatory numbers as data with a jurisdiction, a first day and a source.
//! - [`lots`]: what is held, what it cost, what was earned; by trade date, whatever the order of arrival.
//!
//! Amounts are `i128` in minor units, quantities `i128` in the instrument's smallest unit. Nothing here knows a clock, a
//! file or a price source: what is missing is the caller's exception to name. `no_std`, as `model` and `clearing`.
#![no_std]
#![deny(clippy::float_arithmetic)]
extern crate alloc;

pub mod amount;
pub mod lots;
pub mod rule;
