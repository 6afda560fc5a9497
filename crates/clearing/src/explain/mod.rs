//! Why something has not settled, and the smallest changes that would settle it: found by doing them on a copy.
//!
//! Reading order: [`excerpt`] (what is copied), [`scratch`] (a shard over the copy), [`causes`] (what keeps an instruction
//! from settling now), [`remedies`] and its parts (what would end a cause), [`search`] (cause after cause until it settles,
//! then without what is not needed). Nothing here is told to anybody but who asks: no record, no change of the state.

mod causes;
mod excerpt;
mod remedies;
mod scratch;
mod search;
mod words;

pub use excerpt::{Excerpt, Neighbourhood, Sought};

use crate::past::Past;
use alloc::string::String;
use alloc::vec::Vec;
use model::command::{Command, CutOff, What};
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::Identifier;
use model::reference::CutOffRule;
use model::timestamp::Timestamp;

/// The cut-offs of a date by a domain's zone and rules: the engine knows no zone, whoever asks does.
pub type Days<'a> = &'a dyn Fn(&str, &[CutOffRule], Date) -> Vec<CutOff>;

/// Who can do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// The party whose settlement is asked for, or this house for it.
    We,
    /// The other party of a trade: what we say of it is advice.
    Counterparty,
    /// The agent or CSD that settles there: what we say of it is advice.
    Agent,
}

/// What kind of thing keeps something from settling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CauseKind {
    /// The trade is in repair: one cause for each defect.
    InRepair,
    /// A person took the instruction away, or a part settled and nothing was instructed for the rest.
    Uninstructed,
    Unmatched,
    Held,
    /// Held because a limit on the counterparty is used up.
    LimitHold,
    /// The intended settlement date has not come.
    BeforeDate,
    DayNotOpen,
    CutOffPassed,
    LacksSecurities,
    LacksCash,
    /// The agent has it and has not settled it.
    AtAgent,
    /// The agent has not answered our last request.
    RequestPending,
    /// Nothing is in its way; it has not been tried since.
    Untried,
}

/// One reason, of the instruction asked for or of one that it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub kind: CauseKind,
    /// ISO 20022 codes, or the code of a defect.
    pub codes: Vec<String>,
    /// Whose trade it is.
    pub party: Identifier,
    pub trade: u64,
    pub instruction: Option<u64>,
    /// The account that lacks, what of, how much is needed and how much there is (a credit line counted in).
    pub lack: Option<Lack>,
    /// The date it waits for.
    pub date: Option<Date>,
    /// In words.
    pub text: String,
}

/// What an account lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    pub account: Identifier,
    pub what: What,
    pub need: Decimal,
    pub available: Decimal,
}

/// What kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Release a hold.
    Release,
    /// Bring cash or securities to an account.
    Fund,
    /// Send another version of a trade.
    Amend,
    /// Send a trade that is missing.
    Instruct,
    /// Define or change reference data.
    Reference,
    /// Repair a trade.
    Repair,
    /// Approve what was proposed.
    Approve,
    /// Open a settlement day.
    Day,
    /// The agent answers, reports or confirms.
    Advise,
}

/// A change that, with the others of its explanation, would settle it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: ChangeKind,
    pub actor: Actor,
    /// In words.
    pub text: String,
    /// The commands it stands for, in order: exactly what was tried on the copy.
    pub commands: Vec<Command>,
    /// Not before this instant: what waits for a date.
    pub not_before: Option<Timestamp>,
    /// Before this instant, when the settlement day cuts off.
    pub before: Option<Timestamp>,
    /// The parameters ask for a second person.
    pub needs_second: bool,
    /// What nobody has told and the proof took for granted; empty: nothing.
    pub assumes: String,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The last record that was seen.
    pub sequence: u64,
    pub trade: u64,
    pub instruction: Option<u64>,
    /// What is in its way, in the order in which it is met.
    pub causes: Vec<Cause>,
    /// What would settle it, in the order in which it is to be done; none of them can be left out.
    pub changes: Vec<Change>,
    /// All of them together settled it, on the copy.
    pub settles: bool,
    /// What could not be found when they do not.
    pub unfound: String,
    /// There was more than was looked at: others may be served first.
    pub partial: bool,
    /// How often something was tried.
    pub tried: u32,
}

/// Explains what an excerpt is about. `past` is the log it was taken from, which may have gone on.
pub fn explain(excerpt: Excerpt, past: &dyn Past, days: Days<'_>) -> Explanation {
    search::run(excerpt, past, days)
}
