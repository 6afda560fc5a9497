//! The bank's side of trades, and what counterparties say of it, until they have ended.

use crate::instruct::root;
use model::instruction::{Code, code};
use model::trade::Terms;
use std::collections::BTreeMap;

/// A trade of the bank's: an instruction, or a part of one.
pub(super) struct Leg {
    /// The bank's reference of the whole.
    pub root: String,
    pub terms: Terms,
    pub instruction: Option<u64>,
    pub matched: bool,
    pub failing: bool,
    pub reasons: Vec<Code>,
}

/// What the bank instructed under one reference.
#[derive(Default)]
struct Whole {
    /// Trades that have not ended.
    open: Vec<u64>,
    accepted: bool,
    /// Parts of it are still on their way into the log.
    arriving: bool,
    /// The request to cancel it that has no last answer.
    cancel: Option<String>,
}

/// What an instruction is for the bank.
pub(super) enum Issued {
    /// The first of what it instructed.
    First(String),
    /// A further part, or a replacement.
    Again,
    /// A counterparty's.
    Street,
}

/// How far a cancellation has come.
pub(super) enum Cancellation {
    NotAsked,
    /// A part of it is still open.
    Waits,
    /// By the request it was asked for.
    Done(String),
}

/// All that is open.
#[derive(Default)]
pub(super) struct Legs {
    own: BTreeMap<u64, Leg>,
    wholes: BTreeMap<String, Whole>,
    street: BTreeMap<u64, Terms>,
    /// Trade by instruction.
    trades: BTreeMap<u64, u64>,
}

impl Legs {
    pub fn capture(&mut self, trade: u64, id: &str, terms: Terms) {
        let root = root(id).to_owned();
        self.wholes.entry(root.clone()).or_default().open.push(trade);
        let leg = Leg { root, terms, instruction: None, matched: false, failing: false, reasons: Vec::new() };
        self.own.insert(trade, leg);
    }

    /// A part of an instruction comes into the log, with `more` behind it.
    pub fn arrives(&mut self, root: &str, more: bool) {
        if more {
            self.wholes.entry(root.to_owned()).or_default().arriving = true;
        } else if let Some(whole) = self.wholes.get_mut(root) {
            whole.arriving = false;
        }
    }

    pub fn street(&mut self, trade: u64, terms: Terms) {
        self.street.insert(trade, terms);
    }

    pub fn street_terms(&self, trade: u64) -> Option<&Terms> {
        self.street.get(&trade)
    }

    pub fn change(&mut self, trade: u64, terms: &Terms) {
        if let Some(leg) = self.own.get_mut(&trade) {
            leg.terms = terms.clone();
        } else if let Some(known) = self.street.get_mut(&trade) {
            *known = terms.clone();
        }
    }

    pub fn issue(&mut self, instruction: u64, trade: u64) -> Option<Issued> {
        if self.street.contains_key(&trade) {
            return Some(Issued::Street);
        }
        let leg = self.own.get_mut(&trade)?;
        (leg.instruction, leg.matched, leg.failing) = (Some(instruction), false, false);
        self.trades.insert(instruction, trade);
        let whole = self.wholes.entry(leg.root.clone()).or_default();
        if std::mem::replace(&mut whole.accepted, true) {
            return Some(Issued::Again);
        }
        Some(Issued::First(leg.root.clone()))
    }

    pub fn of(&self, instruction: u64) -> Option<&Leg> {
        self.own.get(self.trades.get(&instruction)?)
    }

    pub fn of_mut(&mut self, instruction: u64) -> Option<&mut Leg> {
        self.own.get_mut(self.trades.get(&instruction)?)
    }

    /// An instruction ended without settlement; its trade.
    pub fn ended(&mut self, instruction: u64) -> Option<u64> {
        let trade = self.trades.remove(&instruction)?;
        let leg = self.own.get_mut(&trade)?;
        (leg.instruction, leg.matched) = (None, false);
        Some(trade)
    }

    /// It settled: it is no longer open.
    pub fn settle(&mut self, instruction: u64) -> Option<Leg> {
        let trade = self.trades.remove(&instruction)?;
        let leg = self.own.remove(&trade)?;
        self.close(&leg.root, trade);
        // Nothing more is said of what has settled, unless a request of before waits for its answer.
        let over = |whole: &Whole| whole.open.is_empty() && !whole.arriving && whole.cancel.is_none();
        if self.wholes.get(&leg.root).is_some_and(over) {
            self.wholes.remove(&leg.root);
        }
        Some(leg)
    }

    /// The trade is no more. Its name stays known until the record is told.
    pub fn cancelled(&mut self, trade: u64) {
        self.street.remove(&trade);
        if let Some(root) = self.root_of(trade).map(str::to_owned) {
            self.close(&root, trade);
        }
    }

    fn close(&mut self, root: &str, trade: u64) {
        if let Some(whole) = self.wholes.get_mut(root) {
            whole.open.retain(|open| *open != trade);
        }
    }

    /// Whether more of what was instructed is to settle.
    pub fn is_open(&self, root: &str) -> bool {
        self.wholes.get(root).is_some_and(|whole| !whole.open.is_empty() || whole.arriving)
    }

    pub fn root_of(&self, trade: u64) -> Option<&str> {
        self.own.get(&trade).map(|leg| leg.root.as_str())
    }

    pub fn has_instruction(&self, trade: u64) -> bool {
        self.own.get(&trade).is_some_and(|leg| leg.instruction.is_some())
    }

    pub fn asks_to_cancel(&mut self, root: &str, request: &str) {
        if let Some(whole) = self.wholes.get_mut(root) {
            whole.cancel = Some(request.to_owned());
        }
    }

    pub fn forget_cancellation(&mut self, root: &str) {
        if let Some(whole) = self.wholes.get_mut(root) {
            whole.cancel = None;
        }
    }

    /// It settled before the counterparty agreed: the request that came to nothing.
    pub fn no_cancellation(&mut self, trade: u64) -> Option<(String, u64)> {
        // The trade may have left with this record's settlement already.
        let root = self.root_of(trade).map(str::to_owned);
        let root = root.or_else(|| {
            self.wholes
                .iter()
                .find(|(_, whole)| whole.cancel.is_some() && whole.open.is_empty())
                .map(|(root, _)| root.clone())
        })?;
        self.wholes.get_mut(&root)?.cancel.take().map(|request| (request, trade))
    }

    /// An instruction is gone: whether that was asked for, and all of it is.
    pub fn cancellation_done(&mut self, root: &str) -> Cancellation {
        let Some(whole) = self.wholes.get_mut(root) else { return Cancellation::NotAsked };
        match (&whole.cancel, whole.open.is_empty()) {
            (None, _) => Cancellation::NotAsked,
            (Some(_), false) => Cancellation::Waits,
            (Some(_), true) => whole.cancel.take().map_or(Cancellation::NotAsked, Cancellation::Done),
        }
    }

    /// A cancelled trade that had no instruction: nobody was told by that instruction's end.
    pub fn cancelled_without_instruction(&mut self, root: &str) -> Option<(String, Code)> {
        let whole = self.wholes.get_mut(root).filter(|whole| whole.open.is_empty())?;
        whole.cancel.take().map(|request| (request, code::CANI))
    }
}
