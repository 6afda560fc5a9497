//! Positions as a fold of the log: sums by book and instrument and by depot and instrument. Knows no broker.

mod kept;
mod told;

use foldhash::fast::RandomState;
pub(super) use kept::VERSION;
use model::breaks::AgentStanding;
use model::event::{Event, Link};
use model::identifier::Identifier;
use model::index::{AccountIx, BookIx, InstrumentIx, Kind, PartyIx};
use model::ledger::{LedgerAccount, Posting};
use model::record::{FactContent, Facts, Outcome};
use model::reference::Reference;
use model::timestamp::Timestamp;
use model::trade::{Side, Terms};
use std::collections::{BTreeMap, BTreeSet};
pub(super) use told::Changed;

/// Whose it is, or where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Book(BookIx),
    Depot(AccountIx),
}

type Place = (Holder, InstrumentIx);
type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;

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
    /// As they were after the last record that changed them; nothing: there was no row.
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
    /// What has changed and was not told yet: when last.
    untold: BTreeMap<Place, (u64, Timestamp)>,
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
        self.note(facts.sequence, facts.at);
    }

    /// What the record changed is to be told.
    fn note(&mut self, sequence: u64, at: Timestamp) {
        let mut touched = std::mem::take(&mut self.touched);
        while let Some(place) = touched.pop_first() {
            let row = self.rows.get_mut(&place).expect("it was touched");
            let is = (row.sums != Sums::default()).then_some(row.sums);
            let was = std::mem::replace(&mut row.told, is);
            if is.is_none() {
                self.rows.remove(&place);
            }
            if is != was {
                self.untold.insert(place, (sequence, at));
            }
        }
        self.touched = touched;
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
        let Some(trades) = self.instructions.get_mut(&instruction).map(std::mem::take) else { return };
        for trade in &trades {
            let Some(open) = self.trades.get_mut(trade) else { continue };
            let Some(at) = open.legs.iter().position(|leg| leg.instruction == instruction) else { continue };
            let before = open.due();
            change(open, at);
            let mut due = open.due();
            due.add(before, -1);
            if due != Sums::default() {
                let (entity, place) = (open.entity, (open.book, open.depot, open.instrument));
                self.add_due(entity, place, due, 1);
            }
        }
        self.instructions.insert(instruction, trades);
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
        self.add_due(open.entity, (open.book, open.depot, open.instrument), open.due(), sign);
    }

    fn add_due(
        &mut self,
        entity: PartyIx,
        (book, depot, instrument): (BookIx, Option<AccountIx>, InstrumentIx),
        due: Sums,
        sign: i128,
    ) {
        self.add((Holder::Book(book), instrument), entity, due, sign);
        if let Some(depot) = depot {
            // A depot has no trades of its own: what will lie there follows from what is due.
            let traded = due.due_in - due.due_out;
            self.add((Holder::Depot(depot), instrument), entity, Sums { traded, ..due }, sign);
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
}

/// Who delivers, who receives, and what. Of a settlement the deliverer's postings come first.
fn moved(postings: &[Posting]) -> Option<((PartyIx, PartyIx), InstrumentIx)> {
    let mut sides = postings.iter().filter(|posting| posting.asset.as_instrument().is_some());
    let (first, instrument) = sides.next().map(|first| (first.account.entity(), first.asset.as_instrument()))?;
    let last = sides.next_back().map_or(first, |last| last.account.entity());
    Some(((first, last), instrument?))
}
