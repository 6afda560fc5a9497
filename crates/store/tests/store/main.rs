//! The store against a real RocksDB in a temporary directory: one binary, a module for each promise.

mod crash;
mod damage;
mod log;
mod opening;
mod place;
mod recovery_modes;
mod snapshots;
mod views;
