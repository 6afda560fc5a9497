//! What the publisher of statuses keeps between two runs: the fold and its place, in one batch, in a database of its own.

use super::fold::StatusFold;
use super::trade::OpenTrade;
use crate::error::Error;
use model::identifier::Identifier;
use prost::Message as _;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use store::{Checkpoint, Head, Log, Views};
use wire::pb::status::{OpenRow, TradeStatus};

/// Its name in the database.
const NAME: &str = "trade-status";
/// Raised with every change of the fold or of the rows: all statuses are then told again.
const VERSION: u32 = 2;

// Tables; never reuse a number.
const SOURCES: u8 = 1;
const DAYS: u8 = 2;
const OPEN: u8 = 3;
const TOLD: u8 = 4;
const SETTLED: u8 = 5;

/// The database.
pub(super) struct Kept {
    rows: Views,
}

impl Kept {
    /// Opens it in a directory, and reads the fold with the place it stands at. What is of another log or version, or
    /// cannot be read, is made again from the beginning: to tell again does no harm.
    pub fn open(dir: &Path, options: &store::Options, log: &Log) -> Result<(Kept, StatusFold, Head), Error> {
        let rows = match Views::open(dir, options) {
            Err(error @ (store::Error::Format { .. } | store::Error::Corrupt { .. })) => {
                tracing::warn!(%error, "the statuses told are made again from the log");
                Views::destroy(dir).and_then(|()| Views::open(dir, options))
            }
            opened => opened,
        };
        let kept = Kept { rows: rows.map_err(|cause| file(dir, &cause))? };
        let checkpoint = kept.rows.checkpoint(NAME).map_err(|cause| file(dir, &cause))?;
        if let Some(place) = checkpoint.filter(|checkpoint| checkpoint.version == VERSION) {
            let chain = log.chain_at(place.sequence).map_err(|cause| Error::Log { cause: cause.to_string() })?;
            if chain == Some(place.chain) {
                let fold = kept.read().map_err(|cause| Error::File { path: dir.display().to_string(), cause })?;
                return Ok((kept, fold, Head { sequence: place.sequence, chain: place.chain }));
            }
            tracing::warn!(sequence = place.sequence, "the statuses told are of another log: all are told again");
        }
        kept.rows.wipe(NAME, &[SOURCES, DAYS, OPEN, TOLD, SETTLED]).map_err(|cause| file(dir, &cause))?;
        Ok((kept, StatusFold::default(), Head::EMPTY))
    }

    /// What was told of a trade that is not open.
    pub fn told(&self, key: &str) -> Result<Option<TradeStatus>, Error> {
        let row = self.rows.get(TOLD, key.as_bytes()).map_err(|cause| file(self.rows.dir(), &cause))?;
        let status = row.map(|row| TradeStatus::decode(&row[..]));
        status.transpose().map_err(|cause| Error::File {
            path: self.rows.dir().display().to_string(),
            cause: format!("{key}: {cause}"),
        })
    }

    /// What a record settled: instructions, each with the key of its trade.
    pub fn settled(&self, sequence: u64) -> Result<Vec<(u64, Arc<str>)>, Error> {
        let row = self.rows.get(SETTLED, &sequence.to_be_bytes()).map_err(|cause| file(self.rows.dir(), &cause))?;
        let Some(row) = row else { return Ok(Vec::new()) };
        let line = |line: &str| {
            let (number, key) = line.split_once(' ')?;
            Some((number.parse().ok()?, key.into()))
        };
        let text = std::str::from_utf8(&row).ok();
        text.and_then(|text| text.lines().map(line).collect()).ok_or_else(|| Error::File {
            path: self.rows.dir().display().to_string(),
            cause: format!("the row of record {sequence} is damaged; delete the directory to tell all again"),
        })
    }

    /// Writes what changed, and up to where it holds.
    pub fn save(&self, fold: &mut StatusFold, place: Head) -> Result<(), Error> {
        let mut batch = self.rows.begin(NAME);
        for (index, source) in &fold.sources {
            batch.put(SOURCES, &index.to_be_bytes(), source.as_str().as_bytes());
        }
        for (domain, date) in &fold.days {
            batch.put(DAYS, &domain.to_be_bytes(), &date.to_be_bytes());
        }
        for number in fold.dirty.drain(..) {
            // What opened and ended since the last time needs no row.
            if let Some(trade) = fold.open.get_mut(&number) {
                batch.put(OPEN, &number.to_be_bytes(), &trade.row().encode_to_vec());
                (trade.dirty, trade.saved) = (false, true);
            }
        }
        for number in fold.closed.drain(..) {
            batch.delete(OPEN, &number.to_be_bytes());
        }
        let mut told: Vec<_> = fold.told.drain().collect();
        told.sort_unstable();
        for (key, status) in told {
            batch.put(TOLD, key.as_bytes(), &status);
        }
        let mut lines = String::new();
        for settled in fold.settled.chunk_by(|one, other| one.0 == other.0) {
            lines.clear();
            for (_, instruction, key) in settled {
                // A string takes all that is written.
                let _ = writeln!(lines, "{instruction} {key}");
            }
            batch.put(SETTLED, &settled[0].0.to_be_bytes(), lines.as_bytes());
        }
        fold.settled.clear();
        let checkpoint = Checkpoint { sequence: place.sequence, chain: place.chain, version: VERSION };
        // After an error the fold is not used any more.
        batch.commit(checkpoint).map_err(|cause| file(self.rows.dir(), &cause))
    }

    fn read(&self) -> Result<StatusFold, String> {
        let mut fold = StatusFold::default();
        let damaged = |table: u8| format!("a row of table {table} is damaged; delete the directory to tell all again");
        for row in self.rows.scan(SOURCES, &[], &[]) {
            let row = row.map_err(|cause| cause.to_string())?;
            let name = std::str::from_utf8(&row.value).ok().and_then(|text| Identifier::parse(text).ok());
            let index = four(&row.key).ok_or_else(|| damaged(SOURCES))?;
            fold.sources.insert(index, name.ok_or_else(|| damaged(SOURCES))?);
        }
        for row in self.rows.scan(DAYS, &[], &[]) {
            let row = row.map_err(|cause| cause.to_string())?;
            let (domain, date) = four(&row.key).zip(four(&row.value)).ok_or_else(|| damaged(DAYS))?;
            fold.days.insert(domain, date);
        }
        for row in self.rows.scan(OPEN, &[], &[]) {
            let row = row.map_err(|cause| cause.to_string())?;
            let number = row.key.as_slice().try_into().map(u64::from_be_bytes).map_err(|_| damaged(OPEN))?;
            let trade = OpenRow::decode(&row.value[..]).ok().and_then(OpenTrade::from_row);
            fold.restore(number, trade.ok_or_else(|| damaged(OPEN))?);
        }
        Ok(fold)
    }

    /// For tests: what was told of every trade, open or not.
    #[cfg(test)]
    pub fn all_told(&self) -> std::collections::BTreeMap<String, TradeStatus> {
        let ended = self.rows.scan(TOLD, &[], &[]).map(|row| {
            let row = row.expect("a row");
            TradeStatus::decode(&row.value[..]).expect("a status")
        });
        let open = self.read().expect("readable").open.into_values();
        let open = open.map(|trade| super::status::named(&trade.key, trade.status));
        ended.chain(open).map(|status| (super::key(&status.source, &status.trade_id), status)).collect()
    }
}

fn four(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

fn file(dir: &Path, cause: &store::Error) -> Error {
    Error::File { path: dir.display().to_string(), cause: cause.to_string() }
}
