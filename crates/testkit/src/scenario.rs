//! The language of the scenarios in `tests/scenarios`: what happens, in a settlement analyst's words, and what comes of
//! it.
//!
//! ```text
//! # Delivery versus payment moves both legs or neither.
//! include standard
//!
//! open
//! pair A1 B1 ALPHA buys 100 SAP from BETA @ 120.00 isd=today
//! ----
//! ... what the service answered, one fact a line
//! ```
//!
//! A block is commands, four dashes, and what is expected. Verbs: the front office's (`trade`, `pair`,
//! `amend`, `cancel`, `resend`), the people's (`repair`, `hold`, `release`, `prioritise`, `transfer`, `reverse`,
//! `approve` …), control's (`totals`, `sign-off`, `accounting`), reference data's ([`mod@reference`]), the timer's (`open`,
//! `cut-off`, `close`), and questions (`balance`,
//! `position`, `owed`, `differences`, `instruction`, `why`, `status`, `postings`). `at 10:00` sets the clock (UTC), which
//! each command moves on by a second; `by=`, `because=` and `call=` say who asks, why, and under which request id;
//! `pause` leaves long work undone, `work` does a step of it, `work all` the rest. A label (`p1: limit …`) names a
//! record for `approve p1`, `reverse p1`, `replay q1 as …`. In an external
//! domain `advise` is what the agent says ([`mod@advices`]), and `breaks` what it contradicts us in.

mod advices;
mod control;
mod explained;
mod grants;
mod limits;
mod margin;
mod outside;
mod player;
mod queries;
mod reference;
mod script;
mod stage;
mod tell;
mod trades;
mod verbs;
mod view;
mod words;

pub use player::Player;
pub use script::{Block, Line, Script, Step};
pub use stage::{InMemory, Stage};

use model::identifier::Identifier;
use model::record::Genesis;
use model::timestamp::Timestamp;

/// How a file is played. Each way must give the same answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Straight,
    /// After every command the state is folded again from the log's bytes, and read back from a snapshot.
    Restarts,
    /// Every trade message and every advice is delivered twice.
    Twice,
}

impl Mode {
    pub const ALL: [Mode; 3] = [Mode::Straight, Mode::Restarts, Mode::Twice];
}

/// The first record of every scenario: one shard that owns one domain.
pub fn genesis() -> Genesis {
    Genesis {
        format: 1,
        house: Identifier::parse("SCENARIO").expect("a name"),
        shard: 0,
        domains: vec![Identifier::parse(reference::DOMAIN).expect("a name")],
        cluster: None,
        at: Timestamp::parse("2026-01-01T00:00:00Z").expect("an instant"),
    }
}

/// A player on a shard in memory.
pub fn player(mode: Mode) -> Player<InMemory> {
    Player::new(InMemory::new(mode), mode == Mode::Twice)
}
