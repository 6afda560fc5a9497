//! What is settled: the words of a settlement instruction, with the ISO 20022 codes of its life.

use core::fmt;

/// A four-letter ISO 20022 code, kept as data so that a foreign one is never lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code([u8; 4]);

impl Code {
    /// A code known when compiling. Four upper-case letters or digits.
    pub const fn of(text: &str) -> Code {
        match Code::parse(text) {
            Some(code) => code,
            None => panic!("a code is four upper-case letters or digits"),
        }
    }

    /// `None` unless four upper-case ASCII letters or digits.
    pub const fn parse(text: &str) -> Option<Code> {
        let bytes = text.as_bytes();
        if bytes.len() != 4 {
            return None;
        }
        let mut at = 0;
        while at < 4 {
            if !(bytes[at].is_ascii_uppercase() || bytes[at].is_ascii_digit()) {
                return None;
            }
            at += 1;
        }
        Some(Code([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// The four letters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("only ASCII is let in")
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The codes this service itself gives (domain notes 2.6). Others may come from outside and are kept.
pub mod code {
    use super::Code;

    // Unmatched (UnmatchedReason11Code).
    pub const DSEC: Code = Code::of("DSEC");
    pub const DQUA: Code = Code::of("DQUA");
    pub const DDAT: Code = Code::of("DDAT");
    pub const DTRD: Code = Code::of("DTRD");
    pub const DMON: Code = Code::of("DMON");
    pub const NCRR: Code = Code::of("NCRR");
    pub const FRAP: Code = Code::of("FRAP");
    pub const DELN: Code = Code::of("DELN");
    pub const DCMX: Code = Code::of("DCMX");
    pub const DMCT: Code = Code::of("DMCT");
    pub const IIND: Code = Code::of("IIND");
    pub const ICUS: Code = Code::of("ICUS");
    pub const IEXE: Code = Code::of("IEXE");
    pub const CMIS: Code = Code::of("CMIS");
    // Pending and failing (PendingReason28, FailingReason5).
    pub const LACK: Code = Code::of("LACK");
    pub const CLAC: Code = Code::of("CLAC");
    pub const MONY: Code = Code::of("MONY");
    pub const CMON: Code = Code::of("CMON");
    pub const PREA: Code = Code::of("PREA");
    pub const PRCY: Code = Code::of("PRCY");
    pub const BOTH: Code = Code::of("BOTH");
    pub const FUTU: Code = Code::of("FUTU");
    /// Waiting for the next settlement day or cycle.
    pub const CYCL: Code = Code::of("CYCL");
    // Cancelled (CancelledStatusReason16).
    pub const CANI: Code = Code::of("CANI");
    pub const CANZ: Code = Code::of("CANZ");
    pub const CANS: Code = Code::of("CANS");
    // Why a change or cancel is denied.
    /// The instruction has settled.
    pub const DSET: Code = Code::of("DSET");
    // Settlement transaction types used by default.
    pub const TRAD: Code = Code::of("TRAD");
}

/// Which way the securities go for the party that instructs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Movement {
    /// DELI.
    Deliver,
    /// RECE.
    Receive,
}

impl Movement {
    /// The other side's.
    pub fn opposite(self) -> Movement {
        match self {
            Movement::Deliver => Movement::Receive,
            Movement::Receive => Movement::Deliver,
        }
    }
}

/// Lowest and highest number a priority may have: 1 reserved, 2 top, 3 high, 4 normal.
pub const PRIORITIES: core::ops::RangeInclusive<u8> = 1..=4;

/// What a person does to an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Steer {
    /// Block settlement (PREA); matching goes on.
    Hold,
    Release,
    /// Settlement order: 1 to 4.
    Prioritise(u8),
    /// Unmatched: cancels. Matched: asks, and cancels once both sides have asked.
    Cancel,
    /// Takes back one's own request for cancellation.
    KeepAfterAll,
}
