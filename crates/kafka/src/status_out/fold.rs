//! Statuses as a fold of the log: which trade's front office is told what, record by record. Knows no broker.

mod settled;

use super::trade::{Leg, OpenTrade, codes, defects, number, stamp};
use model::command::{Command, Inbound};
use model::event::{Event, Link};
use model::identifier::Identifier;
use model::index::Kind;
use model::record::{Content, FactContent, Facts, Outcome};
use model::timestamp::Timestamp;
use model::trade::{Action, Terms, TradeMessage};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wire::DecodeError;
use wire::pb::status::{Answer, AnswerKind, StatusReason, TradeState, TradeStatus};

/// A status to be told, under the key of its trade.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// `SOURCE|TRADE-ID`.
    pub key: String,
    /// What holds from now on.
    pub status: TradeStatus,
}

/// What was kept of trades that are not open and not in memory any more.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    /// What was told of a trade, by its key.
    pub told: &'a dyn Fn(&str) -> Option<TradeStatus>,
    /// What a record settled: instructions, each with the key of its trade.
    pub settled: &'a dyn Fn(u64) -> Vec<(u64, String)>,
}

/// The key of a trade. No identifier has a bar in it, so no two trades share a key.
pub fn key(source: &str, id: &str) -> String {
    format!("{source}|{id}")
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
    numbers: HashMap<String, u64>,
    /// The trades of each open instruction.
    instructions: HashMap<u64, Arc<[u64]>>,
    /// What the present record touched, as it was told before, without the trade's names.
    touched: Vec<(u64, TradeStatus)>,
    /// Since the last time it was saved: open trades that changed, trades that ended, what was told of trades not open.
    pub(super) dirty: BTreeSet<u64>,
    pub(super) closed: BTreeSet<u64>,
    pub(super) told: BTreeMap<String, Box<TradeStatus>>,
    /// And what records settled.
    pub(super) settled: BTreeMap<u64, Vec<(u64, String)>>,
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

    /// What was written up to now is kept elsewhere.
    pub(super) fn saved(&mut self) {
        self.dirty.clear();
        self.closed.clear();
        self.told.clear();
        self.settled.clear();
    }

    /// How many trades are open.
    #[must_use]
    pub fn open_trades(&self) -> usize {
        self.open.len()
    }

    pub(super) fn restore(&mut self, number: u64, trade: OpenTrade) {
        self.numbers.insert(key(&trade.status.source, &trade.status.trade_id), number);
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
                let source = self.sources.get(&source.0).expect("a source has its name").to_string();
                self.capture(place, *trade, (source, id.to_string()), *version, terms);
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
            Event::TradeAwaited { message, .. } => out.push(self.awaited(place, message)),
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

    fn capture(&mut self, place: Place, trade: u64, (source, id): (String, String), version: u32, terms: &Terms) {
        self.numbers.insert(key(&source, &id), trade);
        let status = TradeStatus {
            source,
            trade_id: id,
            version,
            accepted_at: Some(place.sequence),
            intended_settlement_date: Some(number(terms.intended_settlement_date)),
            ..TradeStatus::default()
        };
        let row = OpenTrade {
            status,
            domain: terms.domain.0,
            quantity: terms.quantity,
            settled: 0,
            instructed: false,
            cancelled: false,
            defects: Vec::new(),
            legs: Vec::new(),
            ended_for: None,
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
        let row = self.open.get_mut(&number).unwrap_or_else(|| panic!("trade {number} is not open"));
        if !self.touched.iter().any(|(touched, _)| *touched == number) {
            self.touched.push((number, nameless(&mut row.status, |status| status.clone())));
        }
        row
    }

    /// Tells what the record made of the trades it touched, in the order in which it touched them.
    fn tell(&mut self, place: Place, out: &mut Vec<Update>) {
        for (number, before) in std::mem::take(&mut self.touched) {
            let row = self.open.get_mut(&number).expect("it was touched");
            row.refresh();
            let ended = row.has_ended();
            if nameless(&mut row.status, |status| *status != before) {
                (row.status.sequence, row.status.at) = (place.sequence, Some(stamp(place.at)));
                row.status.business_date = self.days.get(&row.domain).copied();
                let status = row.status.clone();
                out.push(Update { key: key(&status.source, &status.trade_id), status });
            }
            self.dirty.insert(number);
            if ended {
                self.close(number);
            }
        }
    }

    fn close(&mut self, number: u64) {
        let row = self.open.remove(&number).expect("it is open");
        for leg in &row.legs {
            self.instructions.remove(&leg.instruction);
        }
        let key = key(&row.status.source, &row.status.trade_id);
        self.numbers.remove(&key);
        self.dirty.remove(&number);
        self.closed.insert(number);
        self.told.insert(key, Box::new(row.status));
    }

    /// What was told last of a trade that is not open.
    fn known(&self, key: &str, before: Before<'_>) -> Option<TradeStatus> {
        self.told.get(key).map(|status| (**status).clone()).or_else(|| (before.told)(key))
    }

    fn awaited(&mut self, place: Place, message: &TradeMessage) -> Update {
        let mut status = not_accepted(place, message.source.as_str(), message.id.as_str(), TradeState::Awaited);
        status.version = message.version;
        let key = key(&status.source, &status.trade_id);
        self.told.insert(key.clone(), Box::new(status.clone()));
        Update { key, status }
    }

    /// A message that did not become a trade or a version of one: refused, or not to be read.
    fn refused(&mut self, bytes: &[u8], before: Before<'_>, out: &mut Vec<Update>) -> Result<(), DecodeError> {
        let record = wire::record::decode(bytes)?;
        let place = Place { sequence: record.sequence, at: record.at() };
        let Content::Decided { inbound, outcome } = &record.content else { return Ok(()) };
        let Some((source, id, answer, reason)) = letter(place, inbound, outcome) else { return Ok(()) };
        let key = key(&source, &id);
        if let Some(number) = self.numbers.get(&key).copied() {
            self.trade(number).set_answer(answer);
            self.tell(place, out);
            return Ok(());
        }
        let status = match self.known(&key, before) {
            // It settled, was cancelled or is awaited: so it stays.
            Some(known) if !is_unaccepted(&known) => {
                TradeStatus { sequence: place.sequence, at: Some(stamp(place.at)), answer: Some(answer), ..known }
            }
            _ => {
                let quarantined = answer.kind == AnswerKind::Quarantined as i32;
                let state = if quarantined { TradeState::Quarantined } else { TradeState::Rejected };
                let mut status = not_accepted(place, &source, &id, state);
                status.version = answer.version.unwrap_or_default();
                (status.reasons, status.answer) = (vec![reason], Some(answer));
                status
            }
        };
        self.told.insert(key.clone(), Box::new(status.clone()));
        out.push(Update { key, status });
        Ok(())
    }
}

/// Looks at a status without its trade's names, which are as long as all the rest and never change.
fn nameless<T>(status: &mut TradeStatus, look: impl FnOnce(&TradeStatus) -> T) -> T {
    let names = (std::mem::take(&mut status.source), std::mem::take(&mut status.trade_id));
    let seen = look(status);
    (status.source, status.trade_id) = names;
    seen
}

fn is_unaccepted(status: &TradeStatus) -> bool {
    matches!(status.state(), TradeState::Rejected | TradeState::Quarantined)
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

/// To whom a refusal goes (source and trade id) and what it says; `None` where no source sent it, or nobody can tell
/// which: then the quarantine topic alone has it.
fn letter(place: Place, inbound: &Inbound, outcome: &Outcome) -> Option<(String, String, Answer, StatusReason)> {
    match (&inbound.command, outcome) {
        (Command::Trade(message), Outcome::Rejected(rejection)) => {
            let (code, subject) = (rejection.reason.code().to_owned(), rejection.subject.clone());
            let cancel = message.action == Action::Cancel;
            let mut answer = answer(place, AnswerKind::Rejected, Some(message.version), cancel, &code);
            answer.text = rejection.reason.help().to_owned();
            Some((message.source.to_string(), message.id.to_string(), answer, StatusReason { code, subject }))
        }
        (Command::Quarantine(unreadable), Outcome::Accepted(_)) => {
            let sent = wire::pb::trade::Trade::decode(&unreadable.bytes[..]).ok()?;
            let (source, id) = (Identifier::parse(&sent.source).ok()?, Identifier::parse(&sent.id).ok()?);
            let mut answer = answer(place, AnswerKind::Quarantined, sent.version, false, "UNREADABLE");
            answer.text = format!("{} {}", unreadable.path, unreadable.reason).trim().to_owned();
            let reason = StatusReason { code: "UNREADABLE".to_owned(), subject: unreadable.path.clone() };
            Some((source.to_string(), id.to_string(), answer, reason))
        }
        _ => None,
    }
}
