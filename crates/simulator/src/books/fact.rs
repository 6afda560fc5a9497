//! What a record tells that no balance and no instruction shows; compared with it, word for word.

use super::control::Sums;
use super::limits::Line;
use model::date::Date;
use model::identifier::Identifier;
use model::limit::OnBreach;
use model::margin::CallStanding;

/// What a record told that no balance and no instruction shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Compared {
        counted: Sums,
        agreed: bool,
    },
    SignedOff {
        counted: Sums,
    },
    Closed {
        entity: Identifier,
        date: Date,
        clean: bool,
    },
    PriorDay {
        entity: Identifier,
        trade: u64,
        belongs_to: Date,
        shows_on: Option<Date>,
    },
    Reserved {
        line: Line,
        trade: u64,
        amount: i64,
        lacks: Option<String>,
    },
    Held {
        line: Line,
        instrument: Identifier,
        quantity: i64,
        amount: i64,
        lacks: Option<String>,
    },
    Breached {
        line: Line,
        trade: Option<u64>,
        used: i64,
        excess: i64,
        unmeasured: u32,
        on_breach: OnBreach,
    },
    Cured {
        line: Line,
        limit: i64,
        used: i64,
        since: u64,
    },
    /// With number, amount and due day of the call.
    Assessed {
        account: Identifier,
        figures: Vec<i64>,
        lacks: Vec<String>,
        call: Option<(u64, i64, Date)>,
    },
    CallMoved {
        number: u64,
        paid: i64,
        outstanding: i64,
        standing: CallStanding,
    },
}

impl Fact {
    /// Says that something takes more or less of a limit.
    pub(super) fn takes(&self) -> bool {
        matches!(self, Fact::Reserved { .. } | Fact::Held { .. })
    }
}
