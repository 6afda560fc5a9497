//! What the composition root may choose.

use crate::clock::Clock;
use crate::recovery::Progress;
use model::identifier::Identifier;
use model::record::Genesis;
use model::trade::TradeMessage;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How an engine is started. Everything but the first three has a sound default:
/// `Options { queue: 64, ..Options::new(dir, genesis) }`.
#[derive(Clone)]
pub struct Options {
    /// The directory of the log.
    pub dir: PathBuf,
    /// The first record, used only when the log is created.
    pub genesis: Genesis,
    /// Create the log, which must not exist, instead of opening the one that must.
    pub create: bool,
    /// Begin as a follower of another shard's log ([`crate::Engine::replica`]), which may be empty; decide when promoted.
    pub follow: bool,
    /// Most calls that wait for their turn; more wait outside.
    pub queue: usize,
    /// Most batches of a Kafka source that wait to be decoded.
    pub intake_batches: usize,
    /// A block is cut at the latest after so many records …
    pub block_records: usize,
    /// … or so many bytes.
    pub block_bytes: usize,
    /// Blocks for which nobody waits are cut no closer together: each is a sync, a message to publish, and a look of every follower,
    /// whatever is in it. Who gave a command or asked a question is never kept waiting by it.
    pub block_pause: Duration,
    /// A snapshot is written when so many records came after the last one (more when it is large); 0: never while running.
    pub snapshot_every: u64,
    /// Up to this size the snapshot is taken from the running state, in a pause (about a millisecond for 3 MiB); a larger
    /// one is folded in the background, which costs each record's fold once more. 0: always folded.
    pub snapshot_pause_bytes: u64,
    /// A snapshot is written when the engine stops in order.
    pub snapshot_on_stop: bool,
    /// Pass cut-offs by the clock. Off where time is an input of its own: tests, files.
    pub timer: bool,
    /// How long work is taken up between commands.
    pub pace: Pace,
    /// Stamps calls and wakes the timer.
    pub clock: Clock,
    /// Memory, compression and witness of the log.
    pub store: store::Options,
    /// Told how far recovery has come.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    /// The topic whose messages are advices of agents; those of every other one are trades.
    pub advices_topic: Identifier,
    /// Reads the trades of an intake; another one than the wire's is for tests of what must never happen.
    #[doc(hidden)]
    pub decode: fn(&[u8]) -> Result<TradeMessage, wire::DecodeError>,
}

impl Options {
    /// Opens the log in a directory with the defaults.
    pub fn new(dir: impl Into<PathBuf>, genesis: Genesis) -> Options {
        Options {
            dir: dir.into(),
            genesis,
            create: false,
            follow: false,
            queue: 1_024,
            intake_batches: 4,
            block_records: 4_096,
            block_bytes: 512 << 10,
            block_pause: Duration::from_millis(2),
            snapshot_every: 250_000,
            snapshot_pause_bytes: 64 << 20,
            snapshot_on_stop: true,
            timer: true,
            pace: Pace::default(),
            clock: Clock::system(),
            store: store::Options::default(),
            progress: None,
            advices_topic: Identifier::parse("quittance.advices.v1").expect("a name"),
            decode: wire::trade::decode,
        }
    }

    /// Creates the log instead.
    #[must_use]
    pub fn creating(mut self) -> Options {
        self.create = true;
        self
    }
}

/// How much of the long work (`Continue`) is done between two commands. Counts, never times: see the design, 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Retries of credited accounts after each command; they come first, since others wait behind them.
    pub retries: u32,
    /// Steps of cycles, surveys and repairs after each command.
    pub steps: u32,
    /// Go on when nobody asks for anything.
    pub when_idle: bool,
}

impl Pace {
    /// After each command everything that is due is done before the next one: the same records whatever the timing.
    pub const DRAIN: Pace = Pace { retries: u32::MAX, steps: u32::MAX, when_idle: true };
    /// Long work only when it is asked for by `Continue`.
    pub const BY_HAND: Pace = Pace { retries: 0, steps: 0, when_idle: false };
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { retries: 16, steps: 1, when_idle: true }
    }
}
