//! The engine against a real store: the same bytes whatever happens, and nothing answered that is not on disk.

mod answers;
mod crashes;
mod follow;
mod intake;
mod outside;
mod proofs;
mod sameness;
mod support;
mod timer;
