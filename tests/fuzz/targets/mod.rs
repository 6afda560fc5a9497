//! What is fuzzed: for each way in from outside a function of bytes that panics when something is not as it must be.
//!
//! The same functions run in two programs: under libFuzzer (`make fuzz`), which looks for bytes that nobody thought of, and in the
//! workspace's test `corpus`, which plays the small corpus of the tree on a stable compiler.

pub mod advice;
pub mod command;
pub mod decimal;
mod house;
pub mod line;
pub mod note;
pub mod proof;
pub mod record;
pub mod snapshot;
pub mod token;
pub mod trade;
pub mod xml;

/// A way in.
pub struct Target {
    /// As `TARGET=` and the folder of its corpus name it.
    pub name: &'static str,
    /// Whether the bytes made sense.
    pub run: fn(&[u8]) -> bool,
}

/// All of them.
pub const TARGETS: [Target; 11] = [
    Target { name: "trade", run: trade::run },
    Target { name: "advice", run: advice::run },
    Target { name: "xml", run: xml::run },
    Target { name: "command", run: command::run },
    Target { name: "line", run: line::run },
    Target { name: "record", run: record::run },
    Target { name: "decimal", run: decimal::run },
    Target { name: "token", run: token::run },
    Target { name: "snapshot", run: snapshot::run },
    Target { name: "proof", run: proof::run },
    Target { name: "note", run: note::run },
];
