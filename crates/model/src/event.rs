//! What became true: facts with their results in them, so that a fold never decides.
//!
//! Few events; the cause is a field. Amounts are minor units, quantities the instrument's smallest units.

use crate::accounting::FrozenSet;
use crate::breaks::{AgentStanding, Answered, BreakItem, BreakKind, Resolution};
use crate::command::{Command, CutOff, Task, What};
use crate::control::Totals;
use crate::date::Date;
use crate::identifier::{CurrencyCode, Identifier};
use crate::index::{AccountIx, Asset, BookIx, DomainIx, Kind, PartyIx, SourceIx};
use crate::instruction::{Code, Movement};
use crate::ledger::Posting;
use crate::limit::{HoldingReservation, LimitBreach, LimitCure, Reservation};
use crate::margin::{CallMoved, InitialAssessment, MarginAssessment};
use crate::outbound::OutboundInstruction;
use crate::reference::Reference;
use crate::trade::{Defect, Terms, TradeMessage};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A name got its number. A name used before it is defined is interned too: the definition follows.
    Interned {
        kind: Kind,
        index: u32,
        id: Identifier,
    },
    /// Reference data holds from its date on; `scale` is what the instrument's balances are counted in.
    ReferenceSet {
        reference: Box<Reference>,
        scale: Option<u8>,
    },
    /// An opening balance was booked.
    Opened {
        account: AccountIx,
        book: BookIx,
        postings: Vec<Posting>,
        cost: Option<(CurrencyCode, i64)>,
    },
    /// Cash or securities moved other than by settlement.
    Transferred {
        what: What,
        postings: Vec<Posting>,
    },
    /// The postings of an earlier record were turned round; of a settlement, of that deliverer's instruction. What is
    /// taken back of each trade belongs to the date of the trade.
    Reversed {
        sequence: u64,
        instruction: Option<u64>,
        postings: Vec<Posting>,
        trades: Vec<ReversedTrade>,
    },

    /// A trade counts from now on in position and exposure. In repair when defects remain.
    TradeCaptured {
        trade: u64,
        source: SourceIx,
        id: Identifier,
        version: u32,
        terms: Box<Terms>,
        defects: Vec<Defect>,
        postings: Vec<Posting>,
    },
    /// Another version (or repaired details) replaced the terms; the postings are the difference. `details_in` is the
    /// sequence of the record that holds the details now in force; `amounts_accepted` when a person let the source's
    /// own figures stand.
    TradeChanged {
        trade: u64,
        version: u32,
        economic: bool,
        details_in: u64,
        amounts_accepted: bool,
        terms: Box<Terms>,
        defects: Vec<Defect>,
        postings: Vec<Posting>,
    },
    /// A new version waits for the counterparty's consent: the instruction is matched.
    TradeChangeRequested {
        trade: u64,
        version: u32,
        cancel: bool,
    },
    /// The trade is no more; the postings undo its capture.
    TradeCancelled {
        trade: u64,
        version: u32,
        postings: Vec<Posting>,
    },
    /// An amend or cancel came before its trade and waits for it.
    TradeAwaited {
        source: SourceIx,
        message: Box<TradeMessage>,
    },

    /// An obligation became an instruction; `links` say of which trades, and how much of each.
    InstructionIssued {
        instruction: u64,
        links: Vec<Link>,
        movement: Movement,
        quantity: i64,
        amount: i64,
    },
    /// Why no counter-instruction fits: the codes of what differs from the nearest, or CMIS.
    InstructionUnmatched {
        instruction: u64,
        reasons: Vec<Code>,
    },
    /// Two instructions agree. The amount is the deliverer's; the pair waits for `reasons` (deliverer's, receiver's)
    /// unless it settles in the same record.
    InstructionsMatched {
        deliver: u64,
        receive: u64,
        amount: i64,
        reasons: Option<(Code, Code)>,
    },
    /// What a matched pair waits for changed; `waits` when it is the credit of an account.
    InstructionsPending {
        deliver: u64,
        receive: u64,
        reasons: (Code, Code),
        waits: Option<Wait>,
    },
    /// Hold, priority or a request for cancellation changed.
    InstructionSteered {
        instruction: u64,
        held: bool,
        priority: u8,
        cancel_requested: bool,
    },
    /// Securities and cash moved, both or neither. Books and trades are the deliverer's and the receiver's: with them a
    /// reversal can be booked and dated when both trades have left the open state.
    InstructionsSettled {
        deliver: u64,
        receive: u64,
        books: (BookIx, BookIx),
        quantity: i64,
        currency: CurrencyCode,
        amount: i64,
        value_date: Date,
        postings: Vec<Posting>,
        deliver_trade: Option<TradeRef>,
        receive_trade: Option<TradeRef>,
    },
    /// Ends without settlement.
    InstructionCancelled {
        instruction: u64,
        reason: Code,
    },
    /// PEND became PENF: their intended date's cut-off passed.
    InstructionsFailing {
        domain: DomainIx,
        date: Date,
        instructions: Vec<u64>,
    },

    /// A settlement day began; its cut-offs as instants.
    DayOpened {
        domain: DomainIx,
        date: Date,
        cut_offs: Vec<CutOff>,
    },
    /// A currency (absent: free of payment) settles no more that day.
    CutOffPassed {
        domain: DomainIx,
        date: Date,
        currency: Option<CurrencyCode>,
    },
    DayClosed {
        domain: DomainIx,
        date: Date,
    },
    /// A step of long work was done.
    Progressed {
        task: Task,
        examined: u32,
        remaining: bool,
        cursor: Cursor,
    },

    /// One person asks; another has to approve. The proposal's number is its record's sequence.
    Proposed {
        proposal: u64,
        command: Box<Command>,
    },
    ProposalClosed {
        proposal: u64,
        approved: bool,
    },
    /// Bytes were set aside.
    Quarantined {},
    QuarantineClosed {
        sequence: u64,
        replayed: bool,
    },

    /// A change that waited for the counterparty's consent came to nothing: DSET, the pair settled first.
    TradeChangeLapsed {
        trade: u64,
        version: u32,
        cancel: bool,
        reason: Code,
    },
    /// What a source said beside what the log has.
    ControlTotalsCompared {
        source: SourceIx,
        trade_date: Date,
        currency: CurrencyCode,
        stated: Totals,
        counted: Totals,
        agreed: bool,
    },
    /// A person lets the difference stand, as long as the log has these totals.
    ControlSignedOff {
        source: SourceIx,
        trade_date: Date,
        currency: CurrencyCode,
        counted: Totals,
    },
    AccountingDayOpened {
        entity: PartyIx,
        date: Date,
    },
    /// The day's figures do not move any more. `clean`: every source and currency with trades of the entity up to that
    /// date has control totals that agree or are signed off.
    AccountingDayClosed {
        entity: PartyIx,
        date: Date,
        clean: bool,
        sets: Vec<FrozenSet>,
    },
    /// What this record did to a trade belongs to a closed accounting day and shows on a later one; absent: on the day
    /// that is opened next.
    PriorDay {
        entity: PartyIx,
        trade: u64,
        belongs_to: Date,
        shows_on: Option<Date>,
    },
    /// A message goes to the agent of an external domain: complete, so that whoever sends it needs no state.
    InstructionSent {
        instruction: u64,
        message: Box<OutboundInstruction>,
    },
    /// An advice was taken in. `reuse` counts the advices with other content under the same id; the first has none.
    AdviceTaken {
        sender: Identifier,
        id: Identifier,
        reuse: u32,
        instruction: Option<u64>,
    },
    /// How an instruction stands at the agent, the codes as received.
    InstructionAdvised {
        instruction: u64,
        standing: AgentStanding,
        status: String,
        reasons: Vec<String>,
        narrative: String,
        agent_reference: String,
    },
    /// The agent settled a part of an instruction, or all of it. Book and trade are there for a reversal.
    InstructionConfirmed {
        instruction: u64,
        book: BookIx,
        quantity: i64,
        currency: CurrencyCode,
        amount: i64,
        effective_date: Date,
        /// What is left of quantity and amount.
        open_quantity: i64,
        open_amount: i64,
        /// Nothing more will come: what is left falls back to the trade.
        ended: bool,
        postings: Vec<Posting>,
        trade: Option<TradeRef>,
    },
    /// What the agent says of our request to hold, release, prioritise or (`cancel`) cancel, the codes as received.
    RequestAnswered {
        instruction: u64,
        cancel: bool,
        answered: Answered,
        status: String,
        reasons: Vec<String>,
    },
    /// The outside contradicts us. `booked`: the difference of each item stands on the break account of its holder.
    BreakOpened {
        number: u64,
        kind: BreakKind,
        instruction: Option<u64>,
        /// A reference, a name, further words.
        subject: String,
        items: Vec<BreakItem>,
        booked: bool,
        /// The business date from which its age counts.
        since: Date,
        postings: Vec<Posting>,
    },
    /// A later statement says otherwise.
    BreakChanged {
        number: u64,
        items: Vec<BreakItem>,
    },
    BreakAssigned {
        number: u64,
        owner: Identifier,
    },
    BreakClosed {
        number: u64,
        resolution: Resolution,
        postings: Vec<Posting>,
    },

    /// What a trade reserves of a limit changed.
    LimitReserved(Reservation),
    /// What a holding reserves of its issuer's limit changed.
    HoldingReserved(HoldingReservation),
    /// A limit is breached, or further than before.
    LimitBreached(LimitBreach),
    /// A limit is kept again.
    LimitCured(LimitCure),

    /// A client margin account was assessed, and perhaps called.
    MarginAssessed(MarginAssessment),
    /// What a trade date's commitments of a client margin account ask for was assessed, and perhaps called.
    InitialAssessed(InitialAssessment),
    /// A margin call was paid, met, cured, withdrawn or missed.
    MarginCallMoved(CallMoved),
}

/// How much of a trade an instruction settles. Many to many: allocations, nets and splits only add links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub trade: u64,
    pub quantity: i64,
    pub amount: i64,
}

/// A trade and the day it belongs to, for who corrects it after it has left the open state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRef {
    pub trade: u64,
    pub trade_date: Date,
}

/// A trade of which a settlement was turned round, and the book that gets back what it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReversedTrade {
    pub entity: PartyIx,
    pub book: BookIx,
    pub trade: u64,
    pub trade_date: Date,
}

/// What is lacking on which account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub account: AccountIx,
    pub asset: Asset,
    /// How much the settlement takes from it.
    pub need: i64,
}

/// How far long work has come. What the numbers mean is the task's own affair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub priority: u8,
    pub date: i32,
    pub place: u64,
}

impl Event {
    /// What it moves in the ledger.
    pub fn postings(&self) -> &[Posting] {
        match self {
            Event::Opened { postings, .. }
            | Event::Transferred { postings, .. }
            | Event::Reversed { postings, .. }
            | Event::TradeCaptured { postings, .. }
            | Event::TradeChanged { postings, .. }
            | Event::TradeCancelled { postings, .. }
            | Event::InstructionConfirmed { postings, .. }
            | Event::BreakOpened { postings, .. }
            | Event::BreakClosed { postings, .. }
            | Event::InstructionsSettled { postings, .. } => postings,
            _ => &[],
        }
    }
}
