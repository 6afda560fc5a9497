//! What happens to the house: everything the outside does to it, and everything that goes wrong. A run is a list of these.

use model::command::Command;
use model::identifier::Identifier;
use model::timestamp::Timestamp;
use std::fmt;
use std::rc::Rc;

/// The partitions that are read: two of trades, one of advices.
pub const PARTITIONS: [(&str, u32); 3] =
    [(testkit::flow::TOPIC, 0), (testkit::flow::TOPIC, 1), ("quittance.advices.v1", 0)];

/// One thing that happens, and the chance by which the machine goes on afterwards: its own, so that leaving out others
/// changes nothing of it.
#[derive(Clone, Debug)]
pub struct Step {
    pub input: Input,
    pub chance: u64,
}

#[derive(Clone, Debug)]
pub enum Input {
    /// The clock shows this from now on; it may jump, also back.
    Clock(Timestamp),
    /// Somebody calls; a call that was made before is a retry.
    Call {
        id: Identifier,
        command: Rc<Command>,
        actor: Identifier,
        reason: String,
    },
    /// Bytes are put on a topic, with what they mean; nothing, when nobody can read them.
    Message {
        partition: usize,
        bytes: Rc<Vec<u8>>,
        means: Option<Rc<Command>>,
    },
    Fault(Fault),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process dies while commands wait that nobody has looked at.
    CrashBeforeDecision,
    /// … after they were decided, before their block was cut.
    CrashBeforeBlock,
    /// … after the block was cut, before it was written.
    CrashBeforeWrite,
    /// … while it was written: the end of the log's newest file is missing.
    TornTail,
    /// … after it was synced, before anybody was told.
    CrashBeforeEffects,
    /// … after everybody was told.
    CrashAfterEffects,
    /// A snapshot is written, which later restarts begin with.
    Snapshot,
    /// The views stop, without writing what they know, and go on later.
    ViewsStop,
    /// The views are deleted and rebuilt from the first record.
    ViewsRebuilt,
}

impl Fault {
    pub const ALL: [Fault; 9] = [
        Fault::CrashBeforeDecision,
        Fault::CrashBeforeBlock,
        Fault::CrashBeforeWrite,
        Fault::TornTail,
        Fault::CrashBeforeEffects,
        Fault::CrashAfterEffects,
        Fault::Snapshot,
        Fault::ViewsStop,
        Fault::ViewsRebuilt,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Fault::CrashBeforeDecision => "crash before the decision",
            Fault::CrashBeforeBlock => "crash before the block",
            Fault::CrashBeforeWrite => "crash before the write",
            Fault::TornTail => "torn tail",
            Fault::CrashBeforeEffects => "crash before the effects",
            Fault::CrashAfterEffects => "crash after the effects",
            Fault::Snapshot => "snapshot",
            Fault::ViewsStop => "views stopped",
            Fault::ViewsRebuilt => "views rebuilt",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.input {
            Input::Clock(at) => write!(f, "clock {at}"),
            Input::Call { id, command, actor, .. } => write!(f, "call {id} by {actor}: {command:?}"),
            Input::Message { partition, means: Some(command), .. } => {
                let (topic, number) = PARTITIONS[*partition];
                write!(f, "message {topic}/{number}: {command:?}")
            }
            Input::Message { partition, bytes, means: None } => {
                let (topic, number) = PARTITIONS[*partition];
                write!(f, "message {topic}/{number}: {} bytes that nobody can read", bytes.len())
            }
            Input::Fault(fault) => write!(f, "fault: {}", fault.name()),
        }
    }
}
