//! The whole service in one process, asked over gRPC as its callers ask it.

mod answers;
mod commands;
mod health;
mod house;
mod lifecycle;
mod listing;
mod log;
mod process;
mod watch;
