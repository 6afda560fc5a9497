//! What each event does to the rows of the status view.

use std::sync::Arc;

use model::event::{Event, Link, Wait};
use model::identifier::Identifier;
use model::index::SourceIx;
use model::instruction::{Code, Movement};
use model::record::Facts;
use model::trade::{Defect, Terms};
use wire::pb::view as pb;

use super::Status;
use super::counting::count_end;
use super::instruction::{Instruction, Linked, Stage, TradeKey};
use super::outline::Outline;
use super::proposal::subject;
use super::sums::Heading;
use super::trade::Trade;

impl Status {
    pub(super) fn event(&mut self, facts: &Facts, event: &Event) {
        let sequence = facts.sequence;
        match event {
            Event::TradeCaptured { trade, source, id, version, terms, defects, .. } => {
                self.capture(sequence, *trade, (*source, id), *version, terms, defects);
            }
            Event::TradeChanged { trade, version, economic, terms, defects, .. } => {
                self.change_trade(sequence, *trade, *version, *economic, terms, defects);
            }
            Event::TradeChangeRequested { trade, version, cancel } => {
                self.with_trade(*trade, sequence, |trade| trade.requested = Some((*version, *cancel)));
            }
            Event::TradeCancelled { trade, version, .. } => {
                self.with_trade(*trade, sequence, |trade| {
                    (trade.cancelled, trade.version, trade.requested) = (true, *version, None);
                });
            }
            Event::InstructionIssued { instruction, links, movement, quantity, amount } => {
                self.issue(sequence, *instruction, links, *movement, *quantity, *amount);
            }
            Event::InstructionUnmatched { instruction, reasons } => {
                self.with(*instruction, sequence, |row| row.reasons.clone_from(reasons));
            }
            Event::InstructionsMatched { deliver, receive, amount, reasons } => {
                let (deliverers, receivers) = reasons.unzip();
                for (number, counter, reason) in [(*deliver, *receive, deliverers), (*receive, *deliver, receivers)] {
                    self.with(number, sequence, |row| {
                        (row.stage, row.counter, row.matched) = (Stage::Matched, counter, sequence);
                        row.matched_amount = Some(*amount);
                        row.wait_for(reason, None);
                    });
                    self.count_match(number);
                }
            }
            Event::InstructionsPending { deliver, receive, reasons, waits } => {
                for (number, reason) in [(*deliver, reasons.0), (*receive, reasons.1)] {
                    self.with(number, sequence, |row| row.wait_for(Some(reason), *waits));
                }
            }
            Event::InstructionSteered { instruction, held, priority, cancel_requested } => {
                self.touch(facts, *instruction);
                self.steer(sequence, *instruction, *held, *priority, *cancel_requested);
            }
            Event::InstructionsSettled { deliver, receive, amount, value_date, .. } => {
                for number in [*deliver, *receive] {
                    self.end(number, sequence, |row| {
                        (row.stage, row.settled_on, row.matched_amount) =
                            (Stage::Settled, Some(*value_date), Some(*amount));
                        row.wait_for(None, None);
                    });
                }
            }
            Event::InstructionCancelled { instruction, reason } => {
                self.end(*instruction, sequence, |row| {
                    row.stage = Stage::Cancelled;
                    row.wait_for(Some(*reason), None);
                });
            }
            Event::InstructionsFailing { date, instructions, .. } => {
                for number in instructions {
                    self.with(*number, sequence, |row| row.failing = true);
                    if let Some(row) = self.instructions.get(*number) {
                        self.figures.failed(row, *date);
                    }
                }
            }
            Event::Reversed { instruction: Some(deliver), .. } => {
                // The pair has ended and may be in the database only: what came of it afterwards stands beside it.
                self.reversed.insert(*deliver, sequence);
                self.dirty_reversed.push(*deliver);
                self.changes.push(sequence, *deliver);
            }
            Event::DayOpened { domain, date, .. } => {
                self.count_overnight(*domain);
                self.days.insert(*domain, *date);
                self.dirty_days.push(*domain);
            }
            Event::Quarantined {} => {
                let row = pb::QuarantinedRow { at: facts.at.micros(), actor: facts.actor.to_string() };
                self.quarantined.insert(sequence, row);
                self.dirty_quarantined.push(sequence);
            }
            Event::QuarantineClosed { sequence, .. } => {
                self.quarantined.remove(sequence);
                self.dirty_quarantined.push(*sequence);
            }
            Event::Proposed { proposal, command } => {
                let row = pb::ProposalRow {
                    at: facts.at.micros(),
                    actor: facts.actor.to_string(),
                    command: command.name().to_owned(),
                    subject: subject(command),
                };
                self.proposals.insert(*proposal, row);
                self.dirty_proposals.push(*proposal);
            }
            Event::ProposalClosed { proposal, .. } => {
                self.proposals.remove(proposal);
                self.dirty_proposals.push(*proposal);
            }
            Event::InstructionSent { .. }
            | Event::AdviceTaken { .. }
            | Event::InstructionAdvised { .. }
            | Event::InstructionConfirmed { .. }
            | Event::RequestAnswered { .. }
            | Event::BreakOpened { .. }
            | Event::BreakChanged { .. }
            | Event::BreakAssigned { .. }
            | Event::BreakClosed { .. } => self.outside_event(facts, event),
            Event::Interned { .. }
            | Event::ReferenceSet { .. }
            | Event::Opened { .. }
            | Event::Transferred { .. }
            | Event::Reversed { instruction: None, .. }
            | Event::TradeAwaited { .. }
            | Event::CutOffPassed { .. }
            | Event::DayClosed { .. }
            | Event::Progressed { .. }
            | Event::TradeChangeLapsed { .. }
            | Event::ControlTotalsCompared { .. }
            | Event::ControlSignedOff { .. }
            | Event::AccountingDayOpened { .. }
            | Event::AccountingDayClosed { .. }
            | Event::PriorDay { .. }
            | Event::LimitReserved(_)
            | Event::HoldingReserved(_)
            | Event::LimitBreached(_)
            | Event::LimitCured(_)
            | Event::MarginAssessed(_)
            | Event::InitialAssessed(_)
            | Event::MarginCallMoved(_) => {}
        }
    }

    pub(super) fn end_of_record(&mut self, sequence: u64) {
        for (number, before) in self.touched_instructions.drain(..) {
            self.changes.push(sequence, number);
            let after = self.instructions.get(number).map(counted);
            if before != after {
                if let Some((heading, value)) = before {
                    self.sums.take(heading, value);
                }
                if let Some((heading, value)) = after {
                    self.sums.add(heading, value);
                }
            }
        }
        for (number, outline) in self.outlines.drain(..) {
            if let Some(trade) = self.trades.get_mut(number).filter(|trade| trade.open == 0) {
                trade.outline = Some(Box::new(outline));
            }
        }
        for number in self.touched_trades.drain(..) {
            let Some(trade) = self.trades.get_mut(number) else { continue };
            if trade.open > 0 {
                // An instruction speaks for the trade: it need not say the same again.
                trade.outline = None;
            }
            if trade.is_loose() {
                self.loose.insert(number);
            } else if !self.loose.is_empty() {
                self.loose.remove(&number);
            }
        }
    }

    /// What a trade says for itself, if no instruction says it.
    fn outline(&self, trade: u64) -> Option<&Outline> {
        let newest = self.outlines.iter().rev().find(|(number, _)| *number == trade).map(|(_, outline)| outline);
        newest.or_else(|| self.trades.get(trade)?.outline.as_deref())
    }

    fn capture(
        &mut self,
        sequence: u64,
        number: u64,
        key: (SourceIx, &Identifier),
        version: u32,
        terms: &Terms,
        defects: &[Defect],
    ) {
        let trade = Trade {
            number,
            key: Arc::new(TradeKey { source: key.0, id: key.1.clone() }),
            version,
            outline: None,
            instructions: Vec::new(),
            defects: defects.to_vec(),
            cancelled: false,
            requested: None,
            captured: sequence,
            changed: sequence,
            open: 0,
            settled: false,
            touched: !defects.is_empty(),
            dirty: true,
            loose_on_disk: false,
        };
        assert!(self.trades.insert(number, trade).is_none(), "trade {number} was captured twice");
        self.dirty_trades.push((key.0.0, number));
        self.touched_trades.push(number);
        self.outlines.push((number, terms.into()));
    }

    fn change_trade(
        &mut self,
        sequence: u64,
        number: u64,
        version: u32,
        economic: bool,
        terms: &Terms,
        defects: &[Defect],
    ) {
        let speaks = economic || self.outline(number).is_some();
        let mut instructed = Vec::new();
        self.with_trade(number, sequence, |trade| {
            (trade.version, trade.requested) = (version, None);
            trade.touched |= !defects.is_empty();
            trade.defects = defects.to_vec();
            if !speaks {
                instructed.clone_from(&trade.instructions);
            }
        });
        if speaks {
            self.outlines.push((number, terms.into()));
        }
        // What is owed stays as it is, so the instruction stands: it only learns the new version and book.
        for each in instructed {
            if self.instructions.get(each).is_some_and(|row| !row.has_ended()) {
                self.with(each, sequence, |row| {
                    if row.outline.book != terms.book {
                        row.former_book = Some(row.outline.book);
                        row.outline.book = terms.book;
                    }
                    for link in row.links.iter_mut().filter(|link| link.trade == number) {
                        link.version = version;
                    }
                });
            }
        }
    }

    fn issue(&mut self, sequence: u64, number: u64, links: &[Link], movement: Movement, quantity: i64, amount: i64) {
        let Some(outline) = links.first().and_then(|link| self.outline(link.trade)) else {
            panic!("instruction {number} is for a trade that is not open or already instructed")
        };
        let outline = Outline { receives: movement == Movement::Receive, quantity, amount, ..outline.clone() };
        let mut linked = Vec::with_capacity(links.len());
        for link in links {
            self.with_trade(link.trade, sequence, |trade| {
                trade.open += 1;
                trade.instructions.push(number);
                linked.push(Linked {
                    trade: link.trade,
                    key: trade.key.clone(),
                    version: trade.version,
                    quantity: link.quantity,
                    amount: link.amount,
                });
            });
        }
        let instruction = Instruction {
            outline,
            links: linked.into(),
            stage: Stage::Unmatched,
            failing: false,
            cancel_requested: false,
            matched_amount: None,
            settled_on: None,
            reasons: Vec::new(),
            agent: None,
            waits: None,
            counter: 0,
            issued: sequence,
            matched: 0,
            ended: 0,
            changed: sequence,
            former_book: None,
            dirty: true,
            on_disk: false,
        };
        self.figures.issued(&instruction);
        assert!(self.instructions.insert(number, instruction).is_none(), "instruction {number} was issued twice");
        self.dirty_instructions.push(number);
        self.touched_instructions.push((number, None));
    }

    fn steer(&mut self, sequence: u64, number: u64, held: bool, priority: u8, cancel_requested: bool) {
        let mut taken_back = Vec::new();
        self.with(number, sequence, |row| {
            if row.cancel_requested && !cancel_requested {
                taken_back.extend(row.links.iter().map(|link| link.trade));
            }
            (row.outline.held, row.outline.priority, row.cancel_requested) = (held, priority, cancel_requested);
        });
        // A version that waited for consent is no longer asked for.
        for trade in taken_back {
            if self.trades.get(trade).is_some_and(|trade| trade.requested.is_some()) {
                self.with_trade(trade, sequence, |trade| trade.requested = None);
            }
        }
    }

    /// Changes an open instruction and all that hangs on it.
    pub(super) fn with(&mut self, number: u64, sequence: u64, change: impl FnOnce(&mut Instruction)) {
        let open = self.instructions.get_mut(number).filter(|row| !row.has_ended());
        let Some(row) = open else { panic!("instruction {number} is not open") };
        if row.changed != sequence {
            // Its first change in this record.
            self.touched_instructions.push((number, Some(counted(row))));
            row.changed = sequence;
        }
        change(row);
        if !row.dirty {
            row.dirty = true;
            self.dirty_instructions.push(number);
        }
    }

    /// Ends an open instruction and tells its trades.
    pub(super) fn end(&mut self, number: u64, sequence: u64, change: impl FnOnce(&mut Instruction)) {
        self.with(number, sequence, |row| {
            change(row);
            (row.ended, row.cancel_requested) = (sequence, false);
        });
        let Some(row) = self.instructions.get(number) else { return };
        let settled = row.stage == Stage::Settled;
        count_end(&mut self.figures, &self.trades, row);
        for link in &row.links {
            // Nothing speaks for a trade whose instruction was cancelled: it does so itself.
            if !settled && self.outline(link.trade).is_none() {
                let outline = Outline { quantity: link.quantity, amount: link.amount, ..row.outline.clone() };
                self.outlines.push((link.trade, outline));
            }
            let Some(trade) = self.trades.get_mut(link.trade) else { panic!("trade {} is not open", link.trade) };
            trade.open -= 1;
            trade.settled |= settled;
            if !settled && !trade.dirty {
                trade.dirty = true;
                self.dirty_trades.push((trade.key.source.0, link.trade));
            }
            if trade.has_ended() {
                self.ended_trades.push(link.trade);
            }
            self.touched_trades.push(link.trade);
        }
    }

    pub(super) fn with_trade(&mut self, number: u64, sequence: u64, change: impl FnOnce(&mut Trade)) {
        // Ended trades stay in memory until they are written: when that is must make no difference.
        let open = self.trades.get_mut(number).filter(|trade| !trade.has_ended());
        let Some(trade) = open else { panic!("trade {number} is not open") };
        change(trade);
        trade.changed = sequence;
        self.touched_trades.push(number);
        if !trade.dirty {
            trade.dirty = true;
            self.dirty_trades.push((trade.key.source.0, number));
        }
    }
}

/// What an instruction is counted under, and with how much.
fn counted(row: &Instruction) -> (Heading, i64) {
    (Heading::of(row), row.amount())
}

impl Instruction {
    /// Takes over why it goes no further; the account that lacks is shown on the side whose account it is.
    pub(super) fn wait_for(&mut self, reason: Option<Code>, waits: Option<Wait>) {
        self.reasons.clear();
        self.reasons.extend(reason);
        let own = |wait: &Wait| [self.outline.depot, self.outline.nostro].contains(&Some(wait.account));
        self.waits = waits.filter(own);
    }
}
