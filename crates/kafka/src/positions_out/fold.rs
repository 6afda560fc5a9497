//! Positions as a fold of the log: sums by book and instrument and by depot and instrument. Knows no broker.

mod kept;

pub(super) use kept::VERSION;
use model::breaks::AgentStanding;
use model::decimal::Decimal;
use model::event::{Event, Link};
use model::identifier::Identifier;
use model::index::{AccountIx, BookIx, InstrumentIx, Kind, PartyIx};
use model::ledger::{LedgerAccount, Posting};
use model::record::{FactContent, Facts, Outcome};
use model::reference::{PROVISIONAL_SCALE, Reference};
use model::trade::{Side, Terms};
use pbjson_types::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wire::DecodeError;
use wire::pb::status::{Position, position};
use wire::pb::typ;

/// Whose it is, or where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Book(BookIx),
    Depot(AccountIx),
}

type Place = (Holder, InstrumentIx);

/// Smallest units of the instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    settled: i128,
    traded: i128,
    due_in: i128,
    due_in_failing: i128,
    due_out: i128,
}

#[derive(Debug)]
struct Row {
    entity: PartyIx,
    sums: Sums,
    /// As they were told last; nothing: never, or that nothing is left.
    told: Option<Sums>,
}

/// A trade of which something may still settle.
#[derive(Clone, Debug)]
struct Open {
    entity: PartyIx,
    book: BookIx,
    depot: Option<AccountIx>,
    instrument: InstrumentIx,
    buys: bool,
    quantity: i64,
    settled: i64,
    legs: Vec<Leg>,
}

/// An open instruction of a trade.
#[derive(Clone, Debug)]
struct Leg {
    instruction: u64,
    quantity: i64,
    failing: bool,
}

/// The fold. What is open and what is held are in memory; nothing of what is over.
#[derive(Debug, Default)]
pub struct PositionsFold {
    names: BTreeMap<(Kind, u32), Identifier>,
    /// What each instrument is counted in, by its id.
    scales: HashMap<Identifier, u8>,
    rows: BTreeMap<Place, Row>,
    trades: HashMap<u64, Open>,
    /// The trades of each open instruction.
    instructions: HashMap<u64, Vec<u64>>,
    /// What the present record touched.
    touched: BTreeSet<Place>,
}

impl Open {
    fn of(terms: &Terms) -> Open {
        Open {
            entity: terms.party,
            book: terms.book,
            depot: terms.depot,
            instrument: terms.instrument,
            buys: terms.side == Side::Buy,
            quantity: terms.quantity,
            settled: 0,
            legs: Vec::new(),
        }
    }

    /// What is left to settle, as its book and its depot have it.
    fn due(&self) -> Sums {
        let left = i128::from(self.quantity - self.settled);
        match self.buys {
            true => {
                let fails = self.legs.iter().any(|leg| leg.failing);
                Sums { due_in: left, due_in_failing: if fails { left } else { 0 }, ..Sums::default() }
            }
            false => Sums { due_out: left, ..Sums::default() },
        }
    }
}

impl Sums {
    fn add(&mut self, other: Sums, sign: i128) {
        self.settled += sign * other.settled;
        self.traded += sign * other.traded;
        self.due_in += sign * other.due_in;
        self.due_in_failing += sign * other.due_in_failing;
        self.due_out += sign * other.due_out;
    }
}

impl PositionsFold {
    /// Takes in a record.
    ///
    /// # Panics
    /// When a record is left out.
    pub(super) fn fold(&mut self, facts: &Facts) {
        let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content else { return };
        for event in events {
            for posting in event.postings() {
                let Some(instrument) = posting.asset.as_instrument() else { continue };
                match posting.account {
                    LedgerAccount::Location { entity, account } => {
                        self.settle((Holder::Depot(account), instrument), entity, posting.amount);
                    }
                    // What a book owns by trade date is what the ledger has in it.
                    LedgerAccount::Book { entity, book } => {
                        let traded = Sums { traded: posting.amount, ..Sums::default() };
                        self.add((Holder::Book(book), instrument), entity, traded, 1);
                    }
                    _ => {}
                }
            }
            self.event(event);
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Interned { kind, index, id } => _ = self.names.insert((*kind, *index), id.clone()),
            Event::ReferenceSet { reference, scale } => {
                if let (Reference::Instrument(instrument), Some(scale)) = (&**reference, scale) {
                    self.scales.insert(instrument.id.clone(), *scale);
                }
            }
            Event::TradeCaptured { trade, terms, .. } => self.set(*trade, Some(Open::of(terms))),
            Event::TradeChanged { trade, terms, .. } => {
                // A trade that settled in full is never changed, so it is there; what settled of it stays.
                let before = self.trades.get(trade).unwrap_or_else(|| panic!("trade {trade} is not open"));
                let (settled, legs) = (before.settled, before.legs.clone());
                self.set(*trade, Some(Open { settled, legs, ..Open::of(terms) }));
            }
            Event::TradeCancelled { trade, .. } => self.set(*trade, None),
            Event::InstructionIssued { instruction, links, .. } => self.issue(*instruction, links),
            Event::InstructionCancelled { instruction, .. } => self.end(*instruction),
            Event::InstructionsFailing { instructions, .. } => {
                instructions.iter().for_each(|instruction| self.fails(*instruction, true));
            }
            Event::InstructionAdvised { instruction, standing, .. } => {
                self.fails(*instruction, *standing == AgentStanding::Failing);
            }
            Event::InstructionsSettled { deliver, receive, books, quantity, postings, .. } => {
                if let Some((entities, instrument)) = moved(postings) {
                    self.settle((Holder::Book(books.0), instrument), entities.0, -i128::from(*quantity));
                    self.settle((Holder::Book(books.1), instrument), entities.1, i128::from(*quantity));
                }
                for instruction in [*deliver, *receive] {
                    self.change(instruction, |open, at| open.settled += open.legs[at].quantity);
                    self.end(instruction);
                }
            }
            Event::InstructionConfirmed { instruction, book, quantity, open_quantity, ended, postings, .. } => {
                for posting in postings {
                    if let (LedgerAccount::Location { entity, .. }, Some(instrument)) =
                        (posting.account, posting.asset.as_instrument())
                    {
                        self.settle((Holder::Book(*book), instrument), entity, posting.amount);
                    }
                }
                self.change(*instruction, |open, at| {
                    open.settled += *quantity;
                    open.legs[at].quantity = *open_quantity;
                });
                if *ended {
                    self.end(*instruction);
                }
            }
            Event::BreakOpened { postings, .. }
            | Event::BreakClosed { postings, .. }
            | Event::Opened { postings, .. }
            | Event::Transferred { postings, .. }
            | Event::Reversed { postings, .. } => self.booked(postings),
            _ => {}
        }
    }

    /// What moved in the books other than by trade and settlement: it has settled at once.
    fn booked(&mut self, postings: &[Posting]) {
        for posting in postings {
            if let (LedgerAccount::Book { entity, book }, Some(instrument)) =
                (posting.account, posting.asset.as_instrument())
            {
                self.settle((Holder::Book(book), instrument), entity, posting.amount);
            }
        }
    }

    /// What an open trade says now; nothing when it is cancelled.
    fn set(&mut self, trade: u64, now: Option<Open>) {
        if let Some(before) = self.trades.remove(&trade) {
            self.count(&before, -1);
            if now.is_none() {
                before.legs.iter().for_each(|leg| _ = self.instructions.remove(&leg.instruction));
            }
        }
        if let Some(now) = now {
            self.count(&now, 1);
            self.trades.insert(trade, now);
        }
    }

    fn issue(&mut self, instruction: u64, links: &[Link]) {
        for link in links {
            let open = self.trades.get_mut(&link.trade).unwrap_or_else(|| panic!("trade {} is not open", link.trade));
            open.legs.push(Leg { instruction, quantity: link.quantity, failing: false });
        }
        self.instructions.insert(instruction, links.iter().map(|link| link.trade).collect());
    }

    fn fails(&mut self, instruction: u64, fails: bool) {
        self.change(instruction, |open, at| open.legs[at].failing = fails);
    }

    /// Changes the trades of an instruction; also says where the instruction stands among a trade's.
    fn change(&mut self, instruction: u64, mut change: impl FnMut(&mut Open, usize)) {
        for trade in self.instructions.get(&instruction).cloned().unwrap_or_default() {
            let Some(mut open) = self.trades.remove(&trade) else { continue };
            self.count(&open, -1);
            if let Some(at) = open.legs.iter().position(|leg| leg.instruction == instruction) {
                change(&mut open, at);
            }
            self.count(&open, 1);
            self.trades.insert(trade, open);
        }
    }

    /// An instruction is over; a trade that has settled in full with it.
    fn end(&mut self, instruction: u64) {
        self.change(instruction, |open, at| _ = open.legs.remove(at));
        for trade in self.instructions.remove(&instruction).unwrap_or_default() {
            if self.trades.get(&trade).is_some_and(|open| open.legs.is_empty() && open.settled >= open.quantity) {
                self.trades.remove(&trade);
            }
        }
    }

    /// What is due of a trade.
    fn count(&mut self, open: &Open, sign: i128) {
        let (entity, due) = (open.entity, open.due());
        self.add((Holder::Book(open.book), open.instrument), entity, due, sign);
        if let Some(depot) = open.depot {
            // A depot has no trades of its own: what will lie there follows from what is due.
            let traded = due.due_in - due.due_out;
            self.add((Holder::Depot(depot), open.instrument), entity, Sums { traded, ..due }, sign);
        }
    }

    fn settle(&mut self, place: Place, entity: PartyIx, amount: i128) {
        let traded = if matches!(place.0, Holder::Depot(_)) { amount } else { 0 };
        self.add(place, entity, Sums { settled: amount, traded, ..Sums::default() }, 1);
    }

    fn add(&mut self, place: Place, entity: PartyIx, sums: Sums, sign: i128) {
        let row = self.rows.entry(place).or_insert(Row { entity, sums: Sums::default(), told: None });
        row.sums.add(sums, sign);
        self.touched.insert(place);
    }

    /// What the record changed, by key; nothing under a key: nothing is held or open there any more.
    ///
    /// # Errors
    /// When a quantity does not fit the wire.
    pub(super) fn changed(&mut self, facts: &Facts) -> Result<Vec<(String, Option<Position>)>, DecodeError> {
        let mut changed = Vec::new();
        for place in std::mem::take(&mut self.touched) {
            let row = self.rows.get_mut(&place).expect("it was touched");
            let (entity, sums) = (row.entity, row.sums);
            let is = (sums != Sums::default()).then_some(sums);
            let was = std::mem::replace(&mut row.told, is);
            if is.is_none() {
                self.rows.remove(&place);
            }
            if is != was {
                let position = is.map(|sums| self.position(place, entity, sums, facts)).transpose()?;
                changed.push((self.key(place), position));
            }
        }
        Ok(changed)
    }

    fn position(
        &self,
        (holder, instrument): Place,
        entity: PartyIx,
        sums: Sums,
        facts: &Facts,
    ) -> Result<Position, DecodeError> {
        let instrument = self.name(Kind::Instrument, instrument.0);
        let scale = self.scales.get(instrument).copied().unwrap_or(PROVISIONAL_SCALE);
        let decimal = |units: i128| {
            let decimal = Decimal::from_units(units, u32::from(scale));
            let decimal = decimal.map(|decimal| typ::Decimal { unscaled: decimal.unscaled, scale: decimal.scale });
            decimal
                .map(Some)
                .map_err(|cause| DecodeError { path: format!("position of {instrument}"), reason: cause.to_string() })
        };
        let Sums { settled, traded, due_in, due_in_failing, due_out } = sums;
        let micros = facts.at.micros();
        Ok(Position {
            holder: Some(match holder {
                Holder::Book(book) => position::Holder::Book(self.name(Kind::Book, book.0).to_string()),
                Holder::Depot(depot) => position::Holder::Depot(self.name(Kind::Account, depot.0).to_string()),
            }),
            entity: self.name(Kind::Party, entity.0).to_string(),
            instrument: instrument.to_string(),
            settled: decimal(settled)?,
            traded: decimal(traded)?,
            due_in: decimal(due_in)?,
            due_in_failing: decimal(due_in_failing)?,
            due_out: decimal(due_out)?,
            available_to_deliver: decimal((settled - due_out).max(0))?,
            available_to_trade: decimal((settled + due_in - due_in_failing - due_out).max(0))?,
            sequence: facts.sequence,
            at: Some(Timestamp {
                seconds: micros.div_euclid(1_000_000),
                nanos: (micros.rem_euclid(1_000_000) * 1_000) as i32,
            }),
        })
    }

    /// No identifier has a bar in it, so no two places share a key.
    fn key(&self, (holder, instrument): Place) -> String {
        let (kind, name) = match holder {
            Holder::Book(book) => ("book", self.name(Kind::Book, book.0)),
            Holder::Depot(depot) => ("depot", self.name(Kind::Account, depot.0)),
        };
        format!("{kind}|{name}|{}", self.name(Kind::Instrument, instrument.0))
    }

    fn name(&self, kind: Kind, index: u32) -> &Identifier {
        self.names.get(&(kind, index)).expect("a number has its name before it is used")
    }
}

/// Who delivers, who receives, and what. Of a settlement the deliverer's postings come first.
fn moved(postings: &[Posting]) -> Option<((PartyIx, PartyIx), InstrumentIx)> {
    let mut sides = postings.iter().filter(|posting| posting.asset.as_instrument().is_some());
    let (first, instrument) = sides.next().map(|first| (first.account.entity(), first.asset.as_instrument()))?;
    let last = sides.next_back().map_or(first, |last| last.account.entity());
    Some(((first, last), instrument?))
}
