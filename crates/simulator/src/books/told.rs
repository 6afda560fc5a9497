//! What a source said of one trade, version by version: the answer to the same is the old one, for ever.

use super::{Answer, Books};
use model::rejection::Reason;
use model::trade::TradeMessage;
use std::collections::BTreeMap;
use std::rc::Rc;

/// All that was said of one trade and taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The message that captured it, with its record.
    pub captured: Option<(u64, Rc<TradeMessage>)>,
    /// What came later or too early.
    pub versions: BTreeMap<u32, (u64, Rc<TradeMessage>)>,
    /// Versions that wait for the trade to come.
    pub awaited: BTreeMap<u32, Rc<TradeMessage>>,
    pub open: Option<u64>,
    pub cancelled: bool,
}

impl Told {
    fn seen(&self, message: &TradeMessage) -> Option<(u64, bool)> {
        let captured = self.captured.iter().filter(|(_, earlier)| earlier.version == message.version);
        let found = self.versions.get(&message.version).into_iter().chain(captured).next();
        found.map(|(sequence, earlier)| (*sequence, **earlier == *message))
    }

    /// The answer to what was said before, or is older than what is in force.
    fn answer(&self, message: &TradeMessage, otherwise: Reason) -> Result<Answer, Reason> {
        match self.seen(message) {
            Some((sequence, true)) => Ok(Answer::Duplicate(sequence)),
            Some((_, false)) => Err(Reason::VersionConflict),
            None => Err(otherwise),
        }
    }
}

impl Books {
    /// A trade message: what it comes to by what was said before.
    pub(super) fn trade_message(&mut self, message: &Rc<TradeMessage>) -> Result<Answer, Reason> {
        let key = (message.source.clone(), message.id.clone());
        let told = self.told.get(&key).cloned().unwrap_or_default();
        if let Some(number) = told.open {
            let trade = &self.trades[&number];
            let newest = trade.pending.as_ref().map_or(trade.version, |pending| pending.version.max(trade.version));
            if message.version <= newest {
                return told.answer(message, Reason::VersionTooOld);
            }
            self.new_version(number, message)?;
        } else if told.captured.is_some() {
            let reason = if told.cancelled { Reason::TradeCancelled } else { Reason::TradeSettled };
            return told.answer(message, reason);
        } else if told.awaited.contains_key(&message.version) {
            return told.answer(message, Reason::VersionConflict);
        } else {
            self.first_seen(message, &told)?;
        }
        self.remember(message);
        Ok(Answer::Accepted)
    }

    /// Keeps what an accepted record said of a trade.
    pub(super) fn remember(&mut self, message: &Rc<TradeMessage>) {
        let sequence = self.sequence;
        let told = self.told.entry((message.source.clone(), message.id.clone())).or_default();
        let captures = told.captured.as_ref().is_some_and(|(captured, _)| *captured == sequence);
        if !captures {
            told.versions.insert(message.version, (sequence, message.clone()));
        }
    }
}
