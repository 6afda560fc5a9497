//! What an audit found: a verdict, the first violation, and the figures by which two audits can be compared.

use serde::Serialize;

use crate::books::TrialLine;
use crate::chain::Hash;
use crate::fault::{Fault, Invariant};
use crate::fold::Counts;
use crate::trades::Tally;

/// How it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was looked at holds.
    Good,
    /// Something does not.
    Violated,
    /// It cannot be told: something is missing, or not known here.
    #[default]
    CannotTell,
}

/// The first thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub invariant: Invariant,
    /// What the invariant says.
    pub says: &'static str,
    /// The record at which it shows.
    pub sequence: u64,
    /// What is off, with the figures.
    pub what: String,
}

/// One invariant and how much was held against it.
#[derive(Clone, Debug, Serialize)]
pub struct Look {
    pub invariant: Invariant,
    pub says: &'static str,
    pub looked: u64,
    /// Why it was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<&'static str>,
}

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub verdict: Verdict,
    pub house: String,
    /// The last record, and the chain up to it.
    pub head: u64,
    pub chain: Hash,
    pub violation: Option<Violation>,
    /// Why it cannot be told.
    pub unknown: Option<String>,
    pub counts: Counts,
    pub instructed: Tally,
    pub settled: Tally,
    pub cancelled: Tally,
    pub open: Tally,
    pub trial_balance: Vec<TrialLine>,
    /// Messages of a topic that do not count.
    pub dropped: u64,
    looked: [u64; 22],
    /// The record it is at.
    pub(crate) at: u64,
}

impl Report {
    pub(crate) fn looked(&mut self, invariant: Invariant, at: u64) {
        self.looked[invariant as usize] += at;
    }

    pub(crate) fn end(mut self, result: Result<(), Fault>) -> Report {
        match result {
            Ok(()) => self.verdict = Verdict::Good,
            Err(Fault::Violated(invariant, what)) => {
                self.verdict = Verdict::Violated;
                self.violation = Some(Violation { invariant, says: invariant.says(), sequence: self.at, what });
            }
            Err(Fault::Unknown(what)) => {
                self.verdict = Verdict::CannotTell;
                self.unknown = Some(if self.at > 0 { format!("record {}: {what}", self.at) } else { what });
            }
        }
        self
    }

    /// Every invariant, and how much was held against it.
    #[must_use]
    pub fn looks(&self) -> Vec<Look> {
        let look = |invariant: Invariant| {
            let looked = self.looked[invariant as usize];
            Look { invariant, says: invariant.says(), looked, absent: invariant.absent().filter(|_| looked == 0) }
        };
        Invariant::ALL.into_iter().map(look).collect()
    }

    /// The report as scripts read it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "verdict": self.verdict,
            "house": self.house,
            "head": { "sequence": self.head, "chain": crate::hex(&self.chain) },
            "violation": self.violation,
            "unknown": self.unknown,
            "counts": self.counts,
            "instructions": {
                "instructed": self.instructed,
                "settled": self.settled,
                "cancelled": self.cancelled,
                "open": self.open,
            },
            "trial_balance": self.trial_balance,
            "dropped": self.dropped,
            "invariants": self.looks(),
        })
    }
}
