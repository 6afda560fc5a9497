//! An instruction as the status view keeps it, and its row.

use std::sync::Arc;

use model::date::Date;
use model::event::Wait;
use model::identifier::Identifier;
use model::index::{AccountIx, Asset, BookIx, SourceIx};
use model::instruction::Code;
use wire::pb::view as pb;

use super::outline::Outline;
use crate::Error;
use crate::rows;

/// How far it has come. Discriminants are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Stage {
    Unmatched = 0,
    Matched = 1,
    Settled = 2,
    Cancelled = 3,
}

/// By what name a trade's source knows it; shared by the trade and its instructions.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TradeKey {
    pub(crate) source: SourceIx,
    pub(crate) id: Identifier,
}

impl TradeKey {
    /// Of its row.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [&self.source.0.to_be_bytes(), self.id.as_str().as_bytes()].concat()
    }
}

/// How much of which version of a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linked {
    pub(crate) trade: u64,
    pub(crate) key: Arc<TradeKey>,
    pub(crate) version: u32,
    pub(crate) quantity: i64,
    pub(crate) amount: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub(crate) outline: Outline,
    pub(crate) links: Box<[Linked]>,
    pub(crate) stage: Stage,
    pub(crate) failing: bool,
    pub(crate) cancel_requested: bool,
    pub(crate) matched_amount: Option<i64>,
    pub(crate) settled_on: Option<Date>,
    pub(crate) reasons: Vec<Code>,
    /// What the agent of an external domain says of it; absent in the internal seat.
    pub(crate) agent: Option<Box<pb::AgentRow>>,
    pub(crate) waits: Option<Wait>,
    /// Zero while unmatched.
    pub(crate) counter: u64,
    /// Sequences; zero: not yet.
    pub(crate) issued: u64,
    pub(crate) matched: u64,
    pub(crate) ended: u64,
    pub(crate) changed: u64,
    /// So that whoever watches the former book learns that it left.
    pub(crate) former_book: Option<BookIx>,
    /// Waits to be written.
    pub(crate) dirty: bool,
    /// Stands among the open rows on disk.
    pub(crate) on_disk: bool,
}

impl Instruction {
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Settled | Stage::Cancelled)
    }

    pub(crate) fn status(&self) -> pb::InstructionStatus {
        match self.stage {
            Stage::Unmatched => pb::InstructionStatus::Unmatched,
            Stage::Matched if self.failing => pb::InstructionStatus::Failing,
            Stage::Matched => pb::InstructionStatus::Pending,
            Stage::Settled => pb::InstructionStatus::Settled,
            Stage::Cancelled => pb::InstructionStatus::Cancelled,
        }
    }

    /// What settles, or would as far as its own side knows.
    pub(crate) fn amount(&self) -> i64 {
        self.matched_amount.unwrap_or(self.outline.amount)
    }

    pub(crate) fn row(&self) -> pb::InstructionRow {
        let after = |sequence: u64| sequence.saturating_sub(self.issued);
        let link = |link: &Linked| pb::LinkRow {
            trade: link.trade,
            source: link.key.source.0,
            id: link.key.id.to_string(),
            version: link.version,
            quantity: (link.quantity != self.outline.quantity).then_some(link.quantity),
            amount: (link.amount != self.outline.amount).then_some(link.amount),
        };
        pb::InstructionRow {
            outline: Some(self.outline.row()),
            links: self.links.iter().map(link).collect(),
            stage: self.stage as u32,
            failing: self.failing,
            cancel_requested: self.cancel_requested,
            matched_amount: self.matched_amount.filter(|amount| *amount != self.outline.amount),
            settled_on: self.settled_on.map(Date::days),
            reasons: self.reasons.iter().map(Code::as_str).collect(),
            waits: self.waits.map(|wait| pb::WaitRow { account: wait.account.0, asset: wait.asset.0, need: wait.need }),
            counter: self.counter,
            issued: self.issued,
            matched_after: after(self.matched),
            changed_after: after(self.changed),
            ended_after: after(self.ended),
            former_book: self.former_book.map(|book| book.0),
            agent: self.agent.as_deref().cloned(),
        }
    }

    pub(crate) fn from_row(table: u8, row: &pb::InstructionRow) -> Result<Instruction, Error> {
        let outline = Outline::from_row(table, rows::present(table, row.outline.as_ref(), "outline")?)?;
        let stage = match row.stage {
            0 => Stage::Unmatched,
            1 => Stage::Matched,
            2 => Stage::Settled,
            3 => Stage::Cancelled,
            other => return Err(Error::Row { table, reason: format!("no stage is {other}") }),
        };
        let link = |link: &pb::LinkRow| {
            Ok(Linked {
                trade: link.trade,
                key: Arc::new(TradeKey { source: SourceIx(link.source), id: rows::identifier(table, &link.id)? }),
                version: link.version,
                quantity: link.quantity.unwrap_or(outline.quantity),
                amount: link.amount.unwrap_or(outline.amount),
            })
        };
        // What was not reached yet has no distance; a match or an end in the record of the issue has none either.
        let reached = |reached: bool, after: u64| if reached { row.issued + after } else { 0 };
        let ended = matches!(stage, Stage::Settled | Stage::Cancelled);
        Ok(Instruction {
            links: row.links.iter().map(link).collect::<Result<_, Error>>()?,
            failing: row.failing,
            cancel_requested: row.cancel_requested,
            matched_amount: (row.counter != 0).then(|| row.matched_amount.unwrap_or(outline.amount)),
            settled_on: row.settled_on.map(|days| rows::date(table, days)).transpose()?,
            reasons: codes(table, &row.reasons)?,
            agent: row.agent.clone().map(Box::new),
            waits: row.waits.as_ref().map(|wait| Wait {
                account: AccountIx(wait.account),
                asset: Asset(wait.asset),
                need: wait.need,
            }),
            counter: row.counter,
            issued: row.issued,
            matched: reached(row.counter != 0, row.matched_after),
            ended: reached(ended, row.ended_after),
            changed: row.issued + row.changed_after,
            former_book: row.former_book.map(BookIx),
            dirty: false,
            on_disk: false,
            outline,
            stage,
        })
    }
}

fn codes(table: u8, text: &str) -> Result<Vec<Code>, Error> {
    let code = |letters: &[u8]| std::str::from_utf8(letters).ok().and_then(Code::parse);
    let codes = text.as_bytes().chunks(4).map(code).collect::<Option<_>>();
    rows::present(table, codes, "such reason")
}
