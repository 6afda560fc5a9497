//! Statuses as a fold of the log: which trade's front office is told what, record by record. Knows no broker.

mod refused;
mod settled;

use super::status::{self, key};
use super::trade::{Leg, OpenTrade, codes, defects, number, stamp};
use model::event::{Event, Link};
use model::identifier::Identifier;
use model::index::Kind;
use model::record::{FactContent, Facts, Outcome};
use model::timestamp::Timestamp;
use model::trade::{Terms, TradeMessage};
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::DecodeError;
use wire::pb::status::{Answer, AnswerKind, TradeState, TradeStatus};

/// A status to be told, under the key of its trade.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// `SOURCE|TRADE-ID`.
    pub key: Arc<str>,
    /// The record that says so.
    pub sequence: u64,
    /// What holds from now on: a [`TradeStatus`], encoded.
    pub payload: Arc<[u8]>,
}

/// What was kept of trades that are not open and not in memory any more.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    /// What was told of a trade, by its key.
    pub told: &'a dyn Fn(&str) -> Option<TradeStatus>,
    /// What a record settled: instructions, each with the key of its trade.
    pub settled: &'a dyn Fn(u64) -> Vec<(u64, Arc<str>)>,
}

/// Where and when a record stands.
#[derive(Clone, Copy)]
struct Place {
    sequence: u64,
    at: Timestamp,
}

type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// The fold. Open trades are in memory; those that ended only until [`StatusFold::saved`].
#[derive(Debug, Default)]
pub struct StatusFold {
    pub(super) sources: BTreeMap<u32, Identifier>,
    /// The settlement day of each domain, as `YYYYMMDD`.
    pub(super) days: BTreeMap<u32, u32>,
    /// In boxes: a trade is 400 bytes, and a map that grows moves all it holds.
    pub(super) open: HashMap<u64, Box<OpenTrade>>,
    numbers: HashMap<Arc<str>, u64>,
    /// The trades of each open instruction.
    instructions: HashMap<u64, Arc<[u64]>>,
    /// What the present record touched.
    touched: Vec<u64>,
    /// Since the last time it was saved: trades that changed, of which some ended meanwhile; trades with a row that ended; what was
    /// told of trades not open.
    pub(super) dirty: Vec<u64>,
    pub(super) closed: Vec<u64>,
    pub(super) told: HashMap<Arc<str>, Arc<[u8]>>,
    /// And what records settled: record, instruction, key of its trade.
    pub(super) settled: Vec<(u64, u64, Arc<str>)>,
    scratch: Vec<u8>,
}

impl StatusFold {
    /// Takes in a record as it is stored and says whom to tell what.
    ///
    /// # Errors
    /// When the bytes are no record.
    ///
    /// # Panics
    /// When the log contradicts itself, or a record is left out.
    pub fn record(&mut self, bytes: &[u8], before: Before<'_>, out: &mut Vec<Update>) -> Result<(), DecodeError> {
        let facts = wire::record::facts(bytes)?;
        match &facts.content {
            FactContent::Outcome(Outcome::Accepted(events)) if matches!(events[..], [Event::Quarantined {}]) => {
                self.refused(bytes, before, out)
            }
            FactContent::Outcome(Outcome::Rejected(_)) => self.refused(bytes, before, out),
            _ => {
                self.facts(&facts, before, out);
                Ok(())
            }
        }
    }

    /// How many trades are open.
    #[must_use]
    pub fn open_trades(&self) -> usize {
        self.open.len()
    }

    pub(super) fn restore(&mut self, number: u64, trade: OpenTrade) {
        self.numbers.insert(trade.key.clone(), number);
        for leg in &trade.legs {
            let others = self.instructions.get(&leg.instruction).map_or(&[][..], |others| others);
            let trades: Arc<[u64]> = others.iter().copied().chain([number]).collect();
            self.instructions.insert(leg.instruction, trades);
        }
        self.open.insert(number, Box::new(trade));
    }

    fn facts(&mut self, facts: &Facts, before: Before<'_>, out: &mut Vec<Update>) {
        let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content else { return };
        let place = Place { sequence: facts.sequence, at: facts.at };
        for event in events {
            self.event(place, event, out);
            if let Event::Reversed { sequence, instruction, .. } = event {
                self.reversed(place, *sequence, *instruction, before, out);
            }
        }
        self.tell(place, out);
    }

    fn event(&mut self, place: Place, event: &Event, out: &mut Vec<Update>) {
        match event {
            Event::Interned { kind: Kind::Source, index, id } => _ = self.sources.insert(*index, id.clone()),
            Event::DayOpened { domain, date, .. } => _ = self.days.insert(domain.0, number(*date)),
            Event::TradeCaptured { trade, source, id, version, terms, defects: wrong, .. } => {
                let source = self.sources.get(&source.0).expect("a source has its name");
                self.capture(place, *trade, key(source.as_str(), id.as_str()).into(), *version, terms);
                self.trade(*trade).defects = defects(wrong);
            }
            Event::TradeChanged { trade, version, terms, defects: wrong, .. } => {
                let row = self.trade(*trade);
                (row.status.version, row.status.answer) = (*version, None);
                row.status.intended_settlement_date = Some(number(terms.intended_settlement_date));
                (row.quantity, row.domain, row.defects) = (terms.quantity, terms.domain.0, defects(wrong));
            }
            Event::TradeChangeRequested { trade, version, cancel } => {
                let answer = answer(place, AnswerKind::Waiting, Some(*version), *cancel, "");
                self.trade(*trade).set_answer(answer);
            }
            Event::TradeChangeLapsed { trade, version, cancel, reason } => {
                let mut answer = answer(place, AnswerKind::Lapsed, Some(*version), *cancel, reason.as_str());
                answer.text = "the trade settled before the counterparty agreed".to_owned();
                self.trade(*trade).set_answer(answer);
            }
            Event::TradeCancelled { trade, version, .. } => {
                let row = self.trade(*trade);
                (row.cancelled, row.status.version, row.status.answer) = (true, *version, None);
            }
            Event::TradeAwaited { message, .. } => self.awaited(place, message, out),
            Event::InstructionIssued { instruction, links, .. } => self.issue(*instruction, links),
            Event::InstructionUnmatched { instruction, reasons } => {
                self.legs(*instruction, |leg| leg.reasons = codes(reasons));
            }
            Event::InstructionsMatched { deliver, receive, reasons, .. } => {
                let (deliverers, receivers) = reasons.unzip();
                for (instruction, reason) in [(*deliver, deliverers), (*receive, receivers)] {
                    self.legs(instruction, |leg| (leg.matched, leg.reasons) = (true, codes(reason.as_slice())));
                }
            }
            Event::InstructionsPending { deliver, receive, reasons, .. } => {
                self.legs(*deliver, |leg| leg.reasons = codes(&[reasons.0]));
                self.legs(*receive, |leg| leg.reasons = codes(&[reasons.1]));
            }
            Event::InstructionSteered { instruction, cancel_requested: false, .. } => self.taken_back(*instruction),
            Event::InstructionsSettled { deliver, receive, value_date, .. } => {
                for instruction in [*deliver, *receive] {
                    self.note_settled(place, instruction);
                    self.end(instruction, |row, leg| {
                        row.settled += leg.quantity;
                        row.status.settled_on = Some(number(*value_date));
                    });
                }
            }
            Event::InstructionCancelled { instruction, reason } => {
                self.end(*instruction, |row, _| row.ended_for = Some(reason.as_str().to_owned()));
            }
            Event::InstructionsFailing { instructions, .. } => {
                instructions.iter().for_each(|instruction| self.legs(*instruction, |leg| leg.failing = true));
            }
            _ => self.outside(place, event),
        }
    }

    fn capture(&mut self, place: Place, trade: u64, key: Arc<str>, version: u32, terms: &Terms) {
        self.numbers.insert(key.clone(), trade);
        let status = TradeStatus {
            version,
            accepted_at: Some(place.sequence),
            intended_settlement_date: Some(number(terms.intended_settlement_date)),
            ..TradeStatus::default()
        };
        let row = OpenTrade {
            key,
            status,
            told: Vec::new(),
            domain: terms.domain.0,
            quantity: terms.quantity,
            settled: 0,
            instructed: false,
            cancelled: false,
            defects: Vec::new(),
            legs: Vec::new(),
            ended_for: None,
            dirty: false,
            saved: false,
        };
        self.open.insert(trade, Box::new(row));
    }

    fn issue(&mut self, instruction: u64, links: &[Link]) {
        for link in links {
            let leg = Leg { instruction, quantity: link.quantity, matched: false, failing: false, reasons: Vec::new() };
            let row = self.trade(link.trade);
            (row.instructed, row.ended_for) = (true, None);
            row.legs.push(leg);
        }
        self.instructions.insert(instruction, links.iter().map(|link| link.trade).collect());
    }

    fn taken_back(&mut self, instruction: u64) {
        for &trade in &*self.trades_of(instruction) {
            let waits = self.open.get(&trade).and_then(|row| row.status.answer.as_ref());
            if waits.is_some_and(|answer| answer.kind == AnswerKind::Waiting as i32)
                && let Some(answer) = &mut self.trade(trade).status.answer
            {
                answer.kind = AnswerKind::Withdrawn as i32;
            }
        }
    }

    fn end(&mut self, instruction: u64, mut change: impl FnMut(&mut OpenTrade, &Leg)) {
        for &trade in &*self.trades_of(instruction) {
            let row = self.trade(trade);
            if let Some(at) = row.legs.iter().position(|leg| leg.instruction == instruction) {
                let leg = row.legs.remove(at);
                change(row, &leg);
            }
        }
        self.instructions.remove(&instruction);
    }

    fn legs(&mut self, instruction: u64, change: impl Fn(&mut Leg)) {
        for &trade in &*self.trades_of(instruction) {
            self.trade(trade).leg_mut(instruction).into_iter().for_each(&change);
        }
    }

    fn trades_of(&self, instruction: u64) -> Arc<[u64]> {
        let trades = self.instructions.get(&instruction);
        trades.unwrap_or_else(|| panic!("instruction {instruction} is not open")).clone()
    }

    /// An open trade that the present record changes.
    fn trade(&mut self, number: u64) -> &mut OpenTrade {
        if !self.touched.contains(&number) {
            self.touched.push(number);
        }
        self.open.get_mut(&number).unwrap_or_else(|| panic!("trade {number} is not open"))
    }

    /// Tells what the record made of the trades it touched, in the order in which it touched them.
    fn tell(&mut self, place: Place, out: &mut Vec<Update>) {
        let mut touched = std::mem::take(&mut self.touched);
        for number in touched.drain(..) {
            let row = self.open.get_mut(&number).expect("it was touched");
            row.refresh();
            status::compare(&mut row.status, &mut self.scratch);
            let changed = self.scratch != row.told;
            if changed {
                row.told.clone_from(&self.scratch);
                (row.status.sequence, row.status.at) = (place.sequence, Some(stamp(place.at)));
                row.status.business_date = self.days.get(&row.domain).copied();
            }
            if changed || row.has_ended() {
                let payload = status::encoded(&row.key, &row.status, &mut self.scratch);
                if changed {
                    let (key, payload) = (row.key.clone(), payload.clone());
                    out.push(Update { key, sequence: place.sequence, payload });
                }
                if row.has_ended() {
                    self.close(number, payload);
                    continue;
                }
            }
            if !row.dirty {
                row.dirty = true;
                self.dirty.push(number);
            }
        }
        self.touched = touched;
    }

    fn close(&mut self, number: u64, payload: Arc<[u8]>) {
        let row = self.open.remove(&number).expect("it is open");
        for leg in &row.legs {
            self.instructions.remove(&leg.instruction);
        }
        self.numbers.remove(&row.key);
        if row.saved {
            self.closed.push(number);
        }
        self.told.insert(row.key, payload);
    }

    /// What was told last of a trade that is not open.
    fn known(&self, key: &str, before: Before<'_>) -> Option<TradeStatus> {
        match self.told.get(key) {
            Some(payload) => Some(TradeStatus::decode(&**payload).expect("it was encoded here")),
            None => (before.told)(key),
        }
    }

    /// Tells of a trade that is not open.
    fn tell_ended(&mut self, status: TradeStatus, out: &mut Vec<Update>) {
        let sequence = status.sequence;
        let (key, status) = status::nameless(status);
        let payload = status::encoded(&key, &status, &mut self.scratch);
        self.told.insert(key.clone(), payload.clone());
        out.push(Update { key, sequence, payload });
    }

    fn awaited(&mut self, place: Place, message: &TradeMessage, out: &mut Vec<Update>) {
        let mut status = not_accepted(place, message.source.as_str(), message.id.as_str(), TradeState::Awaited);
        status.version = message.version;
        self.tell_ended(status, out);
    }
}

fn not_accepted(place: Place, source: &str, id: &str, state: TradeState) -> TradeStatus {
    TradeStatus {
        source: source.to_owned(),
        trade_id: id.to_owned(),
        state: state as i32,
        sequence: place.sequence,
        at: Some(stamp(place.at)),
        ..TradeStatus::default()
    }
}

fn answer(place: Place, kind: AnswerKind, version: Option<u32>, cancel: bool, code: &str) -> Answer {
    let (code, text) = (code.to_owned(), String::new());
    Answer { kind: kind as i32, version, cancel, code, text, sequence: place.sequence }
}
