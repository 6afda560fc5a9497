//! What is found wrong, and the list of what must hold: the invariants of the house by their numbers.

use serde::Serialize;

/// What must always be true. The numbers are those of the reliability concept (section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
    I8,
    I9,
    I10,
    I11,
    I12,
    I13,
    I14,
    I15,
    I16,
    I17,
    I18,
    I19,
    I20,
    I21,
    I22,
}

use Invariant::*;

impl Invariant {
    /// All of them, in order.
    pub const ALL: [Invariant; 22] =
        [I1, I2, I3, I4, I5, I6, I7, I8, I9, I10, I11, I12, I13, I14, I15, I16, I17, I18, I19, I20, I21, I22];

    /// What it says, in a line.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            I1 => {
                "per asset, what lies in all accounts is what came in less what went out; per entity, owned = lying there"
            }
            I2 => "the legs of every fact balance per entity and asset",
            I3 => "a balance is the sum of its postings",
            I4 => "no depot below zero, no cash below the credit line in force",
            I5 => "securities appear and vanish only by openings, transfers, reversals, agents' words and breaks",
            I6 => "an instruction ends once, by allowed steps; what has ended stays so",
            I7 => "instructed = settled + cancelled + open, in count and quantity",
            I8 => "delivery and payment in one fact, with exactly the legs the two instructions say",
            I9 => "netting",
            I10 => "records are numbered 1…n, hash to their chain, are well-formed, and time does not go back",
            I11 => "witness, checkpoints, snapshots and views stand on this history",
            I12 => "offsets of a source strictly rise",
            I13 => "one id, one outcome, for ever; the table of ids is what the records say",
            I14 => "head, cursors and blocks say the same",
            I15 => "what needs two persons had two, in time and for the same payload; everybody had the role it needs",
            I16 => "the rows of the ledger and cash views are the fold of the records",
            I17 => "state hash in the records",
            I18 => "same input, same bytes",
            I19 => "the published topic is the log, in order, once",
            I20 => "names, instruments, accounts and instructions used were there before",
            I22 => "margin figures add up; what is missing is called once, a call is paid what it asks and ends once",
            I21 => "used of a limit = what open trades reserve; what is over it is told, with its true figures",
        }
    }

    /// Why it is not looked at here, where it is not.
    #[must_use]
    pub fn absent(self) -> Option<&'static str> {
        match self {
            I9 => Some("netting is not built"),
            I17 => Some("no state hash is recorded; the second half compares the snapshot with the fold"),
            I18 => Some("needs the engine: the second half, and the engine's tests"),
            _ => None,
        }
    }
}

/// Why the audit ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Something that must hold does not.
    Violated(Invariant, String),
    /// It cannot be told: what is needed is not there or is not known here.
    Unknown(String),
}

impl Fault {
    pub fn violated(invariant: Invariant, what: impl Into<String>) -> Fault {
        Fault::Violated(invariant, what.into())
    }

    pub fn unknown(what: impl Into<String>) -> Fault {
        Fault::Unknown(what.into())
    }
}

/// Ends in a violation unless something holds.
macro_rules! must {
    ($invariant:ident, $holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err($crate::fault::Fault::violated($crate::Invariant::$invariant, format!($($what)+)));
        }
    };
}
pub(crate) use must;
