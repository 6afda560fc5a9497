//! The state machine of settlement: what is decided about a command, and what a fact does to the state.
//!
//! Reading order: [`machine`] (the table of contents: what decides what, what applies what), then a concept a module:
//! [`trade`], [`matching`], [`settlement`], [`day`], [`steer`], [`reference`], [`ledger`], [`proposal`]; [`outside`] is the seat of
//! an external domain, [`breaks`] what contradicts us, [`limits`] what may be at stake with whom; [`mod@explain`] asks what would
//! settle something.
//!
//! [`decide`] is pure: it reads the state, the command and what the log remembers ([`Past`]), and answers with facts or
//! a refusal. [`apply`] folds facts into the state and cannot fail. `no_std`: there is no clock, file or random hasher.
#![no_std]
#![deny(clippy::float_arithmetic)]
extern crate alloc;

mod accounting;
mod addresses;
mod balances;
mod breaks;
mod bucket;
mod change;
mod control;
mod day;
mod draft;
mod explain;
mod instruction;
mod ledger;
mod limits;
mod machine;
mod margin;
mod marks;
mod matching;
mod names;
mod outside;
mod past;
mod permission;
mod places;
mod proposal;
mod queries;
mod reference;
mod repair;
mod resolve;
mod settlement;
mod shared;
mod slab;
mod snapshot;
mod state;
mod steer;
mod tolerance;
mod trade;
mod waiting;

pub use accounting::AccountingFacts;
pub use control::ControlFacts;
pub use explain::{
    Actor, Cause, CauseKind, Change, ChangeKind, Days, Excerpt, Explanation, Lack, Neighbourhood, Sought, explain,
};
pub use limits::LimitFacts;
pub use machine::{apply, begin, decide, next_task};
pub use margin::{CallFacts, MarginStanding};
pub use past::{IdKey, Past, ids, lookups};
pub use permission::permitted;
pub use queries::{InstructionFacts, Standing};
pub use snapshot::{SNAPSHOT_VERSION, SnapshotError};
pub use state::State;

/// Hash maps that hash the same way in every run.
pub(crate) type Map<K, V> = hashbrown::HashMap<K, V, foldhash::fast::FixedState>;
