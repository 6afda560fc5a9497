//! Breaks: what the outside says and our records contradict, until a person closes it; and how agents' words are read.

use crate::identifier::Identifier;
use crate::index::{AccountIx, Asset};

macro_rules! break_kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal;)*) => {
        /// What the contradiction is. Numbers and codes are on disk and in the interface.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum BreakKind { $($(#[$doc])* $name = $number,)* }

        impl BreakKind {
            /// Every kind, in the order of its number.
            pub const ALL: &'static [BreakKind] = &[$(BreakKind::$name,)*];

            /// The stable code people and programs see.
            pub fn code(self) -> &'static str { match self { $(BreakKind::$name => $code,)* } }
        }
    };
}

break_kinds! {
    /// The reference it quotes is none of ours, or it quotes none.
    UnknownReference = 1, "UNKNOWN_REFERENCE";
    /// Settled what was cancelled, or settled already.
    SettledAfterEnd = 2, "SETTLED_AFTER_END";
    OtherAmount = 3, "OTHER_AMOUNT";
    OtherQuantity = 4, "OTHER_QUANTITY";
    /// Another direction or instrument than instructed.
    OtherTerms = 5, "OTHER_TERMS";
    /// Another account than instructed.
    OtherAccount = 6, "OTHER_ACCOUNT";
    UnknownAccount = 7, "UNKNOWN_ACCOUNT";
    UnknownInstrument = 8, "UNKNOWN_INSTRUMENT";
    /// Our mirror of an account says less than nothing, or less than its credit line.
    MirrorBelowZero = 9, "MIRROR_BELOW_ZERO";
    /// A cash entry that no instruction of ours explains.
    UnexpectedCash = 10, "UNEXPECTED_CASH";
    /// A balance of a statement is not our mirror's.
    BalanceDiffers = 11, "BALANCE_DIFFERS";
    /// A counterparty says what we have not said.
    Alleged = 12, "ALLEGED";
    /// A sender used the id of an advice again for another one.
    AdviceIdReused = 13, "ADVICE_ID_REUSED";
    /// The agent rejected or cancelled what nobody asked it to.
    EndedOutside = 14, "ENDED_OUTSIDE";
    /// An answer to a request that was not made.
    UnexpectedAnswer = 15, "UNEXPECTED_ANSWER";
    /// An amount that cannot be counted in the asset's units, or would leave the range of a balance; or a change of
    /// the trade that cannot be carried out any more.
    CannotBook = 16, "CANNOT_BOOK";
    /// Who says it is not the agent of the domain it speaks of: nothing of it counts.
    NotTheAgent = 17, "NOT_THE_AGENT";
}

/// A balance or movement on which we and the outside differ: theirs minus ours is the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BreakItem {
    /// Where; absent when we have no such account.
    pub account: Option<AccountIx>,
    pub asset: Asset,
    /// What our records say, in the asset's smallest units; positive is more for us.
    pub ours: i64,
    /// What the outside says.
    pub theirs: i64,
}

/// How a person closes a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Resolution {
    /// Nothing is booked: it is explained. Only where nothing stands on the break account.
    Explained = 1,
    /// The difference is a book's of ours.
    ToBook = 2,
    /// The difference is owed to or by a party.
    ToParty = 3,
    /// The difference goes to the difference account.
    WriteOff = 4,
    /// The outside took it back: the movement is undone.
    Undo = 5,
}

/// A person closes a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseBreak {
    pub number: u64,
    pub resolution: Resolution,
    /// The book or party it goes to.
    pub target: Option<Identifier>,
}

/// How an instruction stands at the agent, as we read its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AgentStanding {
    /// Sent; nothing heard yet.
    Sent = 1,
    Accepted = 2,
    Unmatched = 3,
    Matched = 4,
    Pending = 5,
    Failing = 6,
    Rejected = 7,
    Cancelled = 8,
    /// A code we do not know: kept and shown.
    Other = 9,
}

impl AgentStanding {
    /// The counterparty has said the same, as far as the agent told us.
    pub fn is_matched(self) -> bool {
        matches!(self, AgentStanding::Matched | AgentStanding::Pending | AgentStanding::Failing)
    }

    /// What a code of sese.024 means.
    pub fn of(code: &str) -> AgentStanding {
        match code {
            "PACK" | "ACCP" => AgentStanding::Accepted,
            "NMAT" => AgentStanding::Unmatched,
            "MACH" => AgentStanding::Matched,
            "PEND" => AgentStanding::Pending,
            "PENF" => AgentStanding::Failing,
            "REJT" => AgentStanding::Rejected,
            "CAND" => AgentStanding::Cancelled,
            _ => AgentStanding::Other,
        }
    }
}

/// What an answer says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Answered {
    Done = 1,
    Refused = 2,
    /// Not yet decided, or a code we do not know.
    Underway = 3,
}

impl Answered {
    /// What a code of sese.027 or sese.031 means.
    pub fn of(code: &str) -> Answered {
        match code {
            "CAND" | "MODC" => Answered::Done,
            "DEND" | "REJT" => Answered::Refused,
            _ => Answered::Underway,
        }
    }
}
