//! The vocabulary of the back office: what appears in a command, in an event or in a record, and nothing else.
//!
//! Reading order: [`trade`] (what the front office says), [`instruction`] (what is settled), [`ledger`] (what moves),
//! [`reference`] (what all of it stands on), then [`command`], [`event`] and [`record`], the way of the data.
//!
//! `no_std` on purpose: no clock, file, thread or random hasher can be named here or in `clearing`.
#![no_std]
#![deny(clippy::float_arithmetic)]
extern crate alloc;

pub mod date;
pub mod decimal;
pub mod timestamp;

pub mod calendar;
pub mod currency;
pub mod identifier;

pub mod accounting;
pub mod control;
pub mod index;
pub mod instruction;
pub mod ledger;
pub mod limit;
pub mod margin;
pub mod permission;
pub mod reference;
pub mod trade;

pub mod advice;
pub mod breaks;
pub mod outbound;

pub mod command;
pub mod event;
pub mod record;
pub mod rejection;
