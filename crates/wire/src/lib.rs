//! Protobuf: the generated code of `proto/`, and the only conversions between it and the model.
//!
//! Two ways lead through this crate. What is hot (trades from Kafka, records of the log) is read and written by
//! [`trade`] and [`record`] straight between bytes and the model. What people and programs call (gRPC, NDJSON files)
//! goes through the generated messages in [`pb`], by [`command`] and [`json`]; these too end in the one reader and
//! writer, so there is one place where a field is checked. That the two agree with the `.proto` files is tested with
//! the generated code as judge.
//!
//! Inside: `read` and `write` are protobuf's own rules, `schema` says what a field and a message are, and the modules
//! by concept (`value`, `reference`, `posting`, `event` …) are tables of field numbers.

mod asset;
pub mod command;
pub mod control;
mod error;
mod event;
pub mod json;
mod limit;
mod margin;
pub mod pb;
mod posting;
mod read;
pub mod record;
mod reference;
mod schema;
pub mod settlement;
pub mod trade;
mod value;
mod write;

pub use error::DecodeError;

/// The descriptors of every message and service, with their imports: for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The most bytes of a trade message. A longer one is set aside without being read.
pub const MAX_TRADE: usize = 64 * 1024;

/// The most bytes of a message to or from an agent. A longer one is set aside without being read.
pub const MAX_ADVICE: usize = 64 * 1024;

/// The most bytes of an XML document on a topic: it is kept in the record beside what was read from it. A longer one is set aside
/// without being read.
pub const MAX_DOCUMENT: usize = 128 * 1024;

/// The most bytes of any command: its outcome may repeat it and must still fit a record.
pub const MAX_COMMAND: usize = 240 * 1024;

/// The most bytes of a record. A larger outcome is a group of records.
pub const MAX_RECORD: usize = 512 * 1024;

/// The most bytes of an unreadable message that are kept in the log. Of a longer one only hash, size and origin are.
pub const MAX_RAW_KEPT: usize = MAX_TRADE;

/// The most bytes of a free text: a reason, a name.
pub const MAX_TEXT: usize = 1024;
