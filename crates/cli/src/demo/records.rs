//! The log read once more at the end: a count of what its records say that uses nothing of the service's own.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use model::command::Command;
use model::event::Event;
use model::record::{Content, Outcome};
use wire::pb::service::ReadRecordsRequest;

use super::naive::Naive;
use crate::connection::Connection;
use crate::fault::from_status;
use crate::paging::answer;
use crate::views::Scratch;

/// What the records say, counted.
pub struct Records {
    /// The last one read.
    pub sequence: u64,
    /// How often a version of a trade was accepted.
    pub trades: BTreeMap<(String, String, u32), u64>,
    /// Instructions.
    pub issued: i128,
    pub settled: i128,
    pub cancelled: i128,
    /// Trades that were in repair at some time.
    pub in_repair: u64,
    /// Views folded from the same records.
    pub views: Scratch,
    /// The same records in plain sums.
    pub naive: Naive,
    repaired: BTreeSet<u64>,
}

impl Records {
    /// Reads the log over gRPC up to a record.
    pub async fn read(connection: &Connection, to: u64) -> Result<Records> {
        let mut records = Records {
            sequence: to,
            trades: BTreeMap::new(),
            issued: 0,
            settled: 0,
            cancelled: 0,
            in_repair: 0,
            views: Scratch::new()?,
            naive: Naive::default(),
            repaired: BTreeSet::new(),
        };
        let request = ReadRecordsRequest { from_sequence: 1, follow: false, limit: to, decode: false };
        let mut stream = answer(connection.log().read_records(request).await)?;
        while let Some(response) = stream.message().await.map_err(from_status)? {
            let mut facts = Vec::with_capacity(response.records.len());
            for stored in response.records.iter().filter(|stored| stored.sequence <= to) {
                records.record(&stored.stored)?;
                facts.push(wire::record::facts(&stored.stored)?);
            }
            records.views.folder.fold(&facts);
        }
        records.in_repair = records.repaired.len() as u64;
        Ok(records)
    }

    fn record(&mut self, bytes: &[u8]) -> Result<()> {
        let record = wire::record::decode(bytes)?;
        self.naive.record(&record);
        for event in record.events() {
            match event {
                Event::InstructionIssued { .. } => self.issued += 1,
                Event::InstructionsSettled { .. } => self.settled += 2,
                Event::InstructionCancelled { .. } => self.cancelled += 1,
                Event::TradeCaptured { trade, defects, .. } | Event::TradeChanged { trade, defects, .. }
                    if !defects.is_empty() =>
                {
                    self.repaired.insert(*trade);
                }
                _ => {}
            }
        }
        if let Content::Decided { inbound, outcome: Outcome::Accepted(_) } = &record.content
            && let Command::Trade(trade) = &inbound.command
        {
            let key = (trade.source.to_string(), trade.id.to_string(), trade.version);
            *self.trades.entry(key).or_default() += 1;
        }
        Ok(())
    }
}
