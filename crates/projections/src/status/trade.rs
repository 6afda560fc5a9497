//! A trade as the status view keeps it while it is open, and its row.

use std::sync::Arc;

use model::identifier::Identifier;
use model::trade::{Defect, DefectKind};
use wire::pb::view as pb;

use super::instruction::TradeKey;
use super::outline::Outline;
use crate::Error;
use crate::rows;
use crate::view::table;

const TABLE: u8 = table::TRADES;

#[derive(Clone, Debug)]
pub(crate) struct Trade {
    pub(crate) number: u64,
    pub(crate) key: Arc<TradeKey>,
    pub(crate) version: u32,
    /// Absent while an instruction says it.
    pub(crate) outline: Option<Box<Outline>>,
    /// All that were issued for it.
    pub(crate) instructions: Vec<u64>,
    pub(crate) defects: Vec<Defect>,
    pub(crate) cancelled: bool,
    /// The version that waits for consent, and whether it cancels.
    pub(crate) requested: Option<(u32, bool)>,
    pub(crate) captured: u64,
    pub(crate) changed: u64,
    /// How many of its instructions are open. Not in its row: theirs say it.
    pub(crate) open: u32,
    /// One of them has settled. Likewise.
    pub(crate) settled: bool,
    /// It was in repair, or a person did something to it: it never goes straight through again.
    pub(crate) touched: bool,
    /// Waits to be written.
    pub(crate) dirty: bool,
    /// Stands among the loose ones on disk.
    pub(crate) loose_on_disk: bool,
}

impl Trade {
    /// Nothing can happen to it any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.open == 0 && (self.cancelled || self.settled)
    }

    /// Open, and no open instruction names it.
    pub(crate) fn is_loose(&self) -> bool {
        self.open == 0 && !self.has_ended()
    }

    pub(crate) fn row(&self) -> pb::TradeRow {
        let defect = |defect: &Defect| pb::DefectRow { kind: defect.kind as u32, subject: defect.subject.to_string() };
        let (requested_version, requested_cancel) = self.requested.unwrap_or_default();
        pb::TradeRow {
            number: self.number,
            version: self.version,
            outline: self.outline.as_ref().map(|outline| outline.row()),
            instructions: self.instructions.clone(),
            defects: self.defects.iter().map(defect).collect(),
            cancelled: self.cancelled,
            requested_version,
            requested_cancel,
            captured: self.captured,
            changed_after: self.changed - self.captured,
            touched: self.touched,
        }
    }

    pub(crate) fn from_row(key: Arc<TradeKey>, row: &pb::TradeRow) -> Result<Trade, Error> {
        let defect = |defect: &pb::DefectRow| {
            let kind = DefectKind::ALL.into_iter().find(|kind| *kind as u32 == defect.kind);
            Ok(Defect {
                kind: rows::present(TABLE, kind, "such defect")?,
                subject: rows::sound(TABLE, Identifier::parse(&defect.subject))?,
            })
        };
        let outline = row.outline.as_ref().map(|outline| Outline::from_row(TABLE, outline)).transpose()?;
        Ok(Trade {
            number: row.number,
            key,
            version: row.version,
            outline: outline.map(Box::new),
            instructions: row.instructions.clone(),
            defects: row.defects.iter().map(defect).collect::<Result<_, Error>>()?,
            cancelled: row.cancelled,
            requested: (row.requested_version != 0).then_some((row.requested_version, row.requested_cancel)),
            captured: row.captured,
            changed: row.captured + row.changed_after,
            open: 0,
            settled: false,
            touched: row.touched,
            dirty: false,
            loose_on_disk: false,
        })
    }
}
