//! An open trade as its front office sees it: what is told of it is computed from its instructions and defects.

use super::status;
use model::date::Date;
use model::instruction::Code;
use model::timestamp::Timestamp;
use model::trade::Defect;
use smol_str::{SmolStr, ToSmolStr as _};
use std::sync::Arc;
use wire::pb::status::{Answer, LegRow, OpenRow, StatusReason, TradeState, TradeStatus};

/// An open trade.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OpenTrade {
    /// The trade's names, as its statuses are keyed.
    pub key: Arc<str>,
    /// As it was told last, without its names; state and reasons are computed anew after each record.
    pub status: TradeStatus,
    /// What was told last, to be compared with: encoded, without names, place and time.
    pub told: Vec<u8>,
    /// The settlement domain's number.
    pub domain: u32,
    /// In the instrument's smallest units.
    pub quantity: i64,
    /// How much of it has settled.
    pub settled: i64,
    pub instructed: bool,
    pub cancelled: bool,
    pub defects: Vec<StatusReason>,
    pub legs: Vec<Leg>,
    /// Why its last instruction ended without settlement.
    pub ended_for: Option<String>,
    /// It changed since the last time it was saved.
    pub dirty: bool,
    /// It has a row in the database.
    pub saved: bool,
}

/// An open instruction of a trade.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leg {
    pub instruction: u64,
    pub quantity: i64,
    pub matched: bool,
    pub failing: bool,
    pub reasons: Vec<SmolStr>,
}

impl OpenTrade {
    /// Whether nothing more will be heard of it from here.
    pub fn has_ended(&self) -> bool {
        self.cancelled || (self.legs.is_empty() && self.settled > 0 && self.settled >= self.quantity)
    }

    fn state(&self) -> TradeState {
        if self.cancelled {
            return TradeState::Cancelled;
        }
        if self.has_ended() {
            return TradeState::Settled;
        }
        if self.settled > 0 {
            return TradeState::PartSettled;
        }
        if !self.defects.is_empty() && self.legs.is_empty() {
            return TradeState::Repair;
        }
        match (self.legs.is_empty(), self.instructed) {
            (true, true) => TradeState::Uninstructed,
            (true, false) => TradeState::Accepted,
            _ if self.legs.iter().any(|leg| leg.failing) => TradeState::Failing,
            _ if self.legs.iter().all(|leg| leg.matched) => TradeState::Matched,
            _ => TradeState::Instructed,
        }
    }

    fn reasons(&self, state: TradeState) -> Vec<StatusReason> {
        let plain = |code: &str| StatusReason { code: code.to_owned(), subject: String::new() };
        let mut reasons = match state {
            TradeState::Settled => Vec::new(),
            TradeState::Uninstructed | TradeState::Cancelled => {
                self.ended_for.as_deref().map(plain).into_iter().collect()
            }
            _ => self.defects.clone(),
        };
        for code in self.legs.iter().flat_map(|leg| &leg.reasons) {
            if !reasons.iter().any(|reason: &StatusReason| reason.code == **code && reason.subject.is_empty()) {
                reasons.push(plain(code));
            }
        }
        reasons
    }

    /// What is to be told now, but for the record's own place and time.
    pub fn refresh(&mut self) {
        let state = self.state();
        self.status.reasons = self.reasons(state);
        self.status.state = state as i32;
    }

    pub fn leg_mut(&mut self, instruction: u64) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.instruction == instruction)
    }

    pub fn set_answer(&mut self, answer: Answer) {
        self.status.answer = Some(answer);
    }

    pub fn row(&self) -> OpenRow {
        let leg = |leg: &Leg| LegRow {
            instruction: leg.instruction,
            quantity: leg.quantity,
            matched: leg.matched,
            failing: leg.failing,
            reasons: leg.reasons.iter().map(SmolStr::to_string).collect(),
        };
        OpenRow {
            status: Some(status::named(&self.key, self.status.clone())),
            domain: self.domain,
            quantity: self.quantity,
            settled: self.settled,
            instructed: self.instructed,
            defects: self.defects.clone(),
            legs: self.legs.iter().map(leg).collect(),
            ended_for: self.ended_for.clone(),
        }
    }

    /// As it was saved.
    pub fn from_row(row: OpenRow) -> Option<OpenTrade> {
        let leg = |leg: LegRow| Leg {
            instruction: leg.instruction,
            quantity: leg.quantity,
            matched: leg.matched,
            failing: leg.failing,
            reasons: leg.reasons.iter().map(SmolStr::new).collect(),
        };
        let (key, mut status) = status::nameless(row.status?);
        Some(OpenTrade {
            key,
            told: status::compared(&mut status),
            status,
            domain: row.domain,
            quantity: row.quantity,
            settled: row.settled,
            instructed: row.instructed,
            // A cancelled trade is not open.
            cancelled: false,
            defects: row.defects,
            legs: row.legs.into_iter().map(leg).collect(),
            ended_for: row.ended_for,
            dirty: false,
            saved: true,
        })
    }
}

pub(crate) fn defects(defects: &[Defect]) -> Vec<StatusReason> {
    let reason =
        |defect: &Defect| StatusReason { code: defect.kind.code().to_owned(), subject: defect.subject.to_string() };
    defects.iter().map(reason).collect()
}

pub(crate) fn codes(codes: &[Code]) -> Vec<SmolStr> {
    codes.iter().map(|code| code.as_str().to_smolstr()).collect()
}

/// `YYYYMMDD`.
pub(crate) fn number(date: Date) -> u32 {
    let (year, month, day) = date.ymd();
    year.unsigned_abs() * 10_000 + u32::from(month) * 100 + u32::from(day)
}

pub(crate) fn stamp(at: Timestamp) -> pbjson_types::Timestamp {
    let (seconds, micros) = (at.micros().div_euclid(1_000_000), at.micros().rem_euclid(1_000_000));
    // Less than a second in nanoseconds fits.
    pbjson_types::Timestamp { seconds, nanos: micros as i32 * 1_000 }
}
