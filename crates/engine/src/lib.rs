//! The shard: one writer that decides, three stages that keep it busy, and the asynchronous handle before it.
//!
//! Reading order: [`engine`](Engine) (what runs), `shard` (the middle stage: one order of all commands, and where blocks
//! are cut), `step` (one command becomes one record), `decode` and `commit` (the stages before and after), [`recover`]
//! (how a state comes back) and [`verify`] (how anybody proves it).
//!
//! What it promises:
//!
//! * an answer is given only when the record that holds it is on disk;
//! * the cursor of a Kafka source is in the same batch as the records it caused;
//! * the same inbound order gives the same bytes, however blocks were cut and however often the process died;
//! * after a panic or a store error nothing more is answered or committed.

mod clock;
mod commit;
mod crash;
mod cursor;
mod decode;
mod engine;
mod error;
mod explain;
mod follow;
mod handle;
mod intake;
mod metrics;
mod options;
mod past;
mod recovery;
mod shard;
mod shared;
mod snapshot;
mod sources;
mod status;
mod step;
mod stepped;
mod timer;
mod verify;

pub use clearing::{
    Actor, CallFacts, Cause, CauseKind, Change, ChangeKind, Explanation, LimitFacts, MarginStanding, Sought, State,
};
pub use clock::Clock;
pub use crash::{Place, Suspect};
pub use cursor::{SourceCursor, cursor};
pub use engine::Engine;
pub use error::{Closed, Error, Failure, SubmitError};
pub use explain::explain;
pub use follow::{ImportError, Replica};
pub use handle::{Answer, Handle, Pending, Request};
pub use intake::{Intake, RawBatch, RawMessage};
pub use options::{Options, Pace};
pub use recovery::{Progress, recover, recover_at, recover_with};
pub use status::{BlockReport, Status};
pub use stepped::Stepped;
pub use timer::{CutOffError, resolve_cut_offs};
pub use verify::{Tally, VerifyReport, Violation, verify};
