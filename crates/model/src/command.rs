//! What may be asked of the engine: every way in which anything changes.

use crate::accounting::AccountingDay;
use crate::advice::Advice;
use crate::breaks::CloseBreak;
use crate::control::{ControlTotals, SignOff};
use crate::date::Date;
use crate::decimal::Decimal;
use crate::identifier::{CurrencyCode, Identifier};
use crate::index::DomainIx;
use crate::instruction::Steer;
use crate::margin::{IssueMarginCalls, MarginAnswer};
use crate::reference::Reference;
use crate::timestamp::Timestamp;
use crate::trade::{Details, TradeMessage};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// A request. Who asks, why and when stands in [`Inbound`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A version of a trade: new, amend or cancel.
    Trade(Box<TradeMessage>),
    /// Reference data.
    SetReference(Box<Reference>),
    /// What somebody already held when the service began.
    Open(Opening),
    /// Funding, deposit, withdrawal, or between accounts of one holder.
    Transfer(Transfer),
    /// Correct by reversal (and rebook by another command that names it).
    /// Names the instruction where the record settled several pairs.
    Reverse { sequence: u64, instruction: Option<u64> },
    /// Fill in what a trade in repair lacks.
    Repair(Box<Repair>),
    /// Hold, release, prioritise or cancel an instruction.
    Steer { instruction: u64, steer: Steer },
    /// The settlement day of a domain.
    Day(DayStep),
    /// Say yes to what another person proposed.
    Approve {
        proposal: u64,
        /// SHA-256 of the command as it stands in the record that proposed it: what the checker has seen. Absent: not said.
        payload_hash: Option<[u8; 32]>,
    },
    /// Say no, or take back.
    Refuse { proposal: u64 },
    /// The shard's own: go on with long work.
    Continue(Task),
    /// Bytes that made no sense, kept.
    Quarantine(Box<Unreadable>),
    /// A quarantined record is closed by replaying it, repaired, or by discarding it.
    CloseQuarantined { sequence: u64, replay: Option<Replay> },
    /// What a source says it sent, to be compared.
    ControlTotals(Box<ControlTotals>),
    /// Lets a difference of control totals stand.
    SignOff(SignOff),
    /// The accounting day of a legal entity.
    Accounting(Box<AccountingDay>),
    /// What an agent tells us.
    Advice(Box<Advice>),
    /// A person closes what the outside and our records differ in.
    CloseBreak(CloseBreak),
    /// Says who looks after a break.
    AssignBreak { number: u64, owner: Identifier },
    /// Assesses client margin accounts and calls what is missing.
    IssueMarginCalls(IssueMarginCalls),
    /// Assesses what a trade date's purchases and short sales of margin accounts ask for, and calls it.
    IssueInitialCalls(IssueMarginCalls),
    /// What a person says of an open margin call.
    AnswerMarginCall { number: u64, answer: MarginAnswer },
}

impl Command {
    /// The word for it in the interface, logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Trade(_) => "trade",
            Command::SetReference(_) => "set-reference",
            Command::Open(_) => "open",
            Command::Transfer(_) => "transfer",
            Command::Reverse { .. } => "reverse",
            Command::Repair(_) => "repair",
            Command::Steer { .. } => "steer",
            Command::Day(_) => "day",
            Command::Approve { .. } => "approve",
            Command::Refuse { .. } => "refuse",
            Command::Continue(_) => "continue",
            Command::Quarantine(_) => "quarantine",
            Command::CloseQuarantined { .. } => "close-quarantined",
            Command::ControlTotals(_) => "control-totals",
            Command::SignOff(_) => "sign-off",
            Command::Accounting(_) => "accounting",
            Command::Advice(_) => "advice",
            Command::CloseBreak(_) => "close-break",
            Command::AssignBreak { .. } => "assign-break",
            Command::IssueMarginCalls(_) => "issue-margin-calls",
            Command::IssueInitialCalls(_) => "issue-initial-calls",
            Command::AnswerMarginCall { .. } => "answer-margin-call",
        }
    }
}

/// An opening balance or position: it belongs to a book and lies in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub account: Identifier,
    pub book: Identifier,
    pub what: What,
    pub quantity: Decimal,
    /// What the position cost in all, for P&L; absent for cash.
    pub cost: Option<Cost>,
}

/// An amount of money a position cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    pub currency: CurrencyCode,
    pub amount: Decimal,
}

/// What bytes that made no sense should have said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    Trade(Box<TradeMessage>),
    Advice(Box<Advice>),
}

/// Cash or an instrument, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Currency(CurrencyCode),
    Instrument(Identifier),
}

/// Moves cash or securities. `from` absent: from outside, into the book; `to` absent: to the outside, out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub from: Option<Identifier>,
    pub to: Option<Identifier>,
    /// Whose it is; needed when one end is outside, or when it changes hands (`to_book`).
    pub book: Identifier,
    pub to_book: Option<Identifier>,
    pub what: What,
    /// Always positive.
    pub quantity: Decimal,
}

/// What a person says of a trade in repair: new details for the same version, or just "look again".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    pub source: Identifier,
    pub id: Identifier,
    /// Replaces what the source sent; absent: look again, accepting the source's own amounts.
    pub details: Option<Details>,
}

/// A step of a domain's settlement day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayStep {
    pub domain: Identifier,
    pub step: Step,
}

/// Opens, cuts off, closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Opens a date; the cut-offs were resolved to instants by whoever opens it.
    Open { date: Date, cut_offs: Vec<CutOff> },
    /// Ends the day's settlement in a currency (absent: free of payment).
    CutOff { date: Date, currency: Option<CurrencyCode> },
    /// Ends the day: what is left fails.
    Close { date: Date },
}

/// An instant after which a currency (absent: free of payment) no longer settles that day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutOff {
    pub currency: Option<CurrencyCode>,
    pub at: Timestamp,
}

/// Long work of which one record does a bounded step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// Accounts that were credited: try again what waits on them.
    Retry,
    /// Settle what has come due in a domain, by priority, date, arrival.
    Cycle(DomainIx),
    /// Look over all that is open in a domain after a cut-off or at the opening: who fails, and why who is unmatched.
    Survey(DomainIx),
    /// Try again the trades in repair after reference data came.
    Repair,
    /// Look over the open trades for what a new limit counts, or what could not be measured until now.
    Reserve,
}

/// Bytes that could not be read, and where they came from. Oversize keeps hash and offset only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What is wrong, and where in the message.
    pub path: String,
    pub reason: String,
    /// The bytes as they came, cut at the limit.
    pub bytes: Vec<u8>,
    /// SHA-256 of all of them.
    pub hash: [u8; 32],
    /// How many they were.
    pub size: u64,
}

/// Where a command came from: what makes a delivery unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A record of a Kafka partition.
    Kafka { topic: Identifier, partition: u32, offset: u64 },
    /// A call; the id makes a retry answer the same.
    Call { request_id: Identifier },
    /// The engine's timer, or its continuation of long work.
    Engine,
    /// A line of a file.
    File { line: u64 },
}

/// A command on its way in: stamped once, ordered once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    pub command: Command,
    pub origin: Origin,
    /// The person or system that asks.
    pub actor: Identifier,
    /// Why; free text, may be empty where the parameters do not demand one.
    pub reason: String,
    /// Kafka: the broker's time stamp; calls and timer: the clock. Never goes back.
    pub at: Timestamp,
}
