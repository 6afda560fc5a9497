//! Why something has not settled, asked of a running engine: the shard copies what it depends on, a part of the open
//! instructions at a time, and everything else happens elsewhere.

use crate::error::SubmitError;
use crate::handle::Handle;
use crate::timer::resolve_cut_offs;
use clearing::{Excerpt, Explanation, IdKey, Past, Sought};
use model::command::CutOff;
use model::date::Date;
use model::record::Record;
use model::reference::CutOffRule;
use std::cell::RefCell;
use store::Log;

/// So many places of open instructions are looked at between two commands: some hundred microseconds.
const SLICE: u32 = 20_000;

impl Handle {
    /// A copy of what a settlement depends on, as it is on disk; nothing when it is not open.
    ///
    /// # Errors
    /// As [`Handle::ask`].
    pub async fn excerpt(&self, sought: Sought) -> Result<Option<Excerpt>, SubmitError> {
        let wanted = sought.clone();
        let Some(mut around) = self.ask(move |state| state.neighbourhood(&wanted)).await? else { return Ok(None) };
        let mut next = Some(0);
        while let Some(from) = next {
            let look = move |state: &clearing::State| {
                let next = state.touching(&mut around, from, SLICE);
                (around, next)
            };
            (around, next) = self.ask(look).await?;
        }
        self.ask(move |state| state.excerpt(&sought, &around)).await
    }
}

/// Explains what an excerpt is about. Computes for some milliseconds: not on a thread that answers calls.
///
/// # Errors
/// What of the log could not be read.
pub fn explain(excerpt: Excerpt, log: &Log) -> Result<Explanation, String> {
    let past = LogPast { log, fault: RefCell::new(None) };
    let days = |zone: &str, rules: &[CutOffRule], date: Date| -> Vec<CutOff> {
        // A zone that nobody knows cannot be opened either: the trial says so.
        resolve_cut_offs(zone, rules, date).unwrap_or_default()
    };
    let explanation = clearing::explain(excerpt, &past, &days);
    match past.fault.into_inner() {
        Some(fault) => Err(fault),
        None => Ok(explanation),
    }
}

/// The log on disk. What the state of an excerpt saw is on disk before the excerpt is handed out.
struct LogPast<'a> {
    log: &'a Log,
    fault: RefCell<Option<String>>,
}

impl LogPast<'_> {
    fn read<T>(&self, sequence: u64, read: impl FnOnce(&[u8]) -> Result<T, String>) -> Option<T> {
        let block = self.log.block_holding(sequence).map_err(|cause| cause.to_string());
        let read =
            block.and_then(|block| block.as_ref().and_then(|block| block.record(sequence)).map(read).transpose());
        read.unwrap_or_else(|cause| {
            self.fault.borrow_mut().get_or_insert_with(|| format!("record {sequence} cannot be read: {cause}"));
            None
        })
    }
}

impl Past for LogPast<'_> {
    fn sequence_of(&self, key: &IdKey) -> Option<u64> {
        self.log.id(key).unwrap_or_else(|cause| {
            self.fault.borrow_mut().get_or_insert_with(|| format!("the past cannot be read: {cause}"));
            None
        })
    }

    fn record(&self, sequence: u64) -> Option<Record> {
        self.read(sequence, |bytes| wire::record::decode(bytes).map_err(|cause| cause.to_string()))
    }

    fn payload_hash(&self, sequence: u64) -> Option<[u8; 32]> {
        self.read(sequence, |bytes| Ok(wire::record::payload_hash(bytes)))?
    }
}
