//! What tests, demo and benches share: a shard in memory, a realistic flow, and the language of the scenarios.
//!
//! [`memory`] runs the business without the service, [`again`] decides a log again, [`flow`] makes a market's week from a seed, [`scenario`] plays the
//! files of `tests/scenarios` that a settlement analyst reads. Pure: no file, clock, broker or store.

pub mod again;
pub mod flow;
pub mod memory;
pub mod scenario;
pub mod seats;
