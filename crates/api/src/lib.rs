//! The gRPC interface: commands in, answers and streams out, errors as `google.rpc.Status` with details.
//!
//! [`Backend`] is what all services stand on: the shard takes commands, the log proves them, the views answer questions. A module
//! per service implements the service of that name in `proto/quittance/service/v1`; what they share is [`failure`] (errors as
//! gRPC has them), `caller` (who asks, and how long the answer may take), `past` (what was known when) and `receipt` (what became of a command).
//! [`routes`] puts them on one port, with health and reflection.
//!
//! No service decides anything: a command is answered by its record, a question by a view at a record that the answer names.

pub mod access;
mod ack;
mod backend;
mod books;
mod bulk;
mod caller;
mod cash;
mod computed;
pub mod explain;
mod failure;
mod followed;
mod ledger;
mod limits;
mod log;
mod margin;
mod margin_followed;
mod operator;
mod past;
mod position;
mod receipt;
mod report;
mod risk;
mod routes;
mod settlement;
mod state;
mod trade;
mod watch;

pub use ack::{ACK, Publication};
pub use backend::{Backend, Limits, Opened};
pub use caller::ACTOR;
pub use past::{EFFECTIVE_AT, KNOWN_AT};
pub use routes::{Health, Serving, Transport, routes};
