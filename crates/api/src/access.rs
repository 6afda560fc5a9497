//! Who may call what: before any service sees a call, it is known who calls, and whether that one may.
//!
//! [`door`] makes sure who calls (a certificate, a signed token, or – on loopback, by an explicit flag – the caller's own
//! word) and that nobody has revoked it ([`revoked`]), [`rights`] is the one table of what each role may ask, [`Guard`] stands before every service and asks both.
//! Commands go on to `decide`, which refuses them in the log; questions are refused here. [`sight`] keeps out of answers
//! what is out of the asker's scope, and `questions` writes down what auditors and administrators asked.

pub mod door;
pub mod guard;
pub mod questions;
pub mod revoked;
pub mod rights;
pub mod sight;
pub mod token;

pub use door::{Authority, Door};
pub use guard::Guard;
pub use questions::Questions;
pub use revoked::Revocations;
pub use token::{Algorithm, Tokens};
