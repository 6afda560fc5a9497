//! The simulator: the real shard, store and views on one thread, business and faults from a seed, and a bookkeeper of its
//! own who says what every balance, position and instruction must be. The first difference ends a run.
//!
//! Reading order: `input` (what can happen), `generate` (business from a seed), `books` (the bookkeeper, who shares
//! nothing with `clearing` but the vocabulary), `house` (the machine, its surroundings, its faults), `compare`, `run`.
//! The same seed gives the same run: no clock, no thread of ours, no randomness but the seed's.

mod books;
mod compare;
mod generate;
mod house;
mod input;
mod known_words;
mod run;
mod tally;
mod world;

pub use input::{Fault, Input, Step};
pub use known_words::{EVENTS, commands};
pub use run::{Outcome, replay, run, shrink};
pub use tally::Tally;
