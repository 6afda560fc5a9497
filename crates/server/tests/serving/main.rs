//! The whole service in one process, asked over gRPC as its callers ask it.

mod answers;
mod commands;
mod console;
mod desk;
mod doors;
mod explain;
mod followed;
mod health;
mod house;
mod lifecycle;
mod limits;
mod listing;
mod log;
mod past;
mod permissions;
mod process;
mod revoked;
mod risk_watch;
mod risks;
mod tokens;
mod watch;
