//! The positions view: what each book traded and settled of an instrument, and the entries its lots are made of.
//!
//! Quantities are sums. Lots are not rows: the entries are, in the order of their trade dates, and `risk::lots` makes lots
//! of them when somebody asks, by the method that is asked for. So a late or corrected trade costs one row, and the rule of
//! what closes what is in one place. Only the entries of open trades are in memory, since only those can change.
//!
//! Prices are applied by whoever reads: there is none in the log.

mod agreed;
mod entry;
mod lines;

use std::collections::BTreeMap;

use model::event::Event;
use model::identifier::CurrencyCode;
use model::index::{BookIx, InstrumentIx};
use model::ledger::{LedgerAccount, Posting};
use model::record::{FactContent, Facts, Outcome};
use model::timestamp::Timestamp;
use model::trade::{Side, Terms};
use store::{Batch, Views};

use crate::Error;
use crate::rows::{self, Rows};
use crate::view::{View, table};

use entry::{Amounts, Entry, Place};
pub use lines::{LotLine, PositionLine};

#[derive(Default)]
pub(crate) struct Positions {
    sums: BTreeMap<(BookIx, InstrumentIx), Sums>,
    /// What open trades say, so that a new version takes the old one's place.
    open: BTreeMap<u64, Entry>,
    /// The trade of each open instruction.
    instructed: BTreeMap<u64, u64>,

    dirty_sums: Vec<(BookIx, InstrumentIx)>,
    /// Entries written and taken away since rows were last written.
    dirty_entries: BTreeMap<Place, Option<Amounts>>,
    dirty_open: Vec<u64>,
    dirty_instructed: Vec<u64>,
}

/// Smallest units of the instrument.
#[derive(Clone, Copy, Default)]
struct Sums {
    /// By trade date: everything that counts for the book.
    traded: i128,
    settled: i128,
    dirty: bool,
}

impl Positions {
    fn event(&mut self, sequence: u64, at: Timestamp, event: &Event) {
        match event {
            Event::TradeCaptured { trade, id, terms, .. } => {
                self.set(*trade, Some(of_trade(*trade, id.as_str(), terms)))
            }
            // A settled trade is never changed, so its entry is there.
            Event::TradeChanged { trade, terms, .. } => {
                if let Some(before) = self.open.get(trade) {
                    let id = before.place.id.clone();
                    self.set(*trade, Some(of_trade(*trade, &id, terms)));
                }
            }
            Event::TradeCancelled { trade, .. } => self.set(*trade, None),
            Event::InstructionIssued { instruction, links, .. } => {
                if let [link] = links.as_slice() {
                    self.instructed.insert(*instruction, link.trade);
                    self.dirty_instructed.push(*instruction);
                }
            }
            Event::InstructionCancelled { instruction, .. } => self.end(*instruction),
            Event::InstructionsSettled { deliver, receive, books, quantity, postings, .. } => {
                if let Some(instrument) = postings.iter().find_map(|posting| posting.asset.as_instrument()) {
                    self.add(books.0, instrument, 0, -i128::from(*quantity));
                    self.add(books.1, instrument, 0, i128::from(*quantity));
                }
                for instruction in [*deliver, *receive] {
                    if let Some(trade) = self.instructed.get(&instruction).copied()
                        && self.open.remove(&trade).is_some()
                    {
                        self.dirty_open.push(trade);
                    }
                    self.end(instruction);
                }
            }
            Event::InstructionConfirmed { instruction, book, open_quantity, ended, postings, .. } => {
                for posting in postings {
                    if let (LedgerAccount::Location { .. }, Some(instrument)) =
                        (posting.account, posting.asset.as_instrument())
                    {
                        self.add(*book, instrument, 0, posting.amount);
                    }
                }
                if *ended {
                    let trade = self.instructed.get(instruction).copied().filter(|_| *open_quantity == 0);
                    if let Some(trade) = trade
                        && self.open.remove(&trade).is_some()
                    {
                        self.dirty_open.push(trade);
                    }
                    self.end(*instruction);
                }
            }
            Event::BreakOpened { postings, .. } | Event::BreakClosed { postings, .. } => {
                self.booked(sequence, at, "break", postings, None);
            }
            Event::Opened { postings, cost, .. } => self.booked(sequence, at, "opened", postings, *cost),
            Event::Transferred { postings, .. } => self.booked(sequence, at, "moved", postings, None),
            Event::Reversed { postings, .. } => self.booked(sequence, at, "reversed", postings, None),
            _ => {}
        }
    }

    fn end(&mut self, instruction: u64) {
        if self.instructed.remove(&instruction).is_some() {
            self.dirty_instructed.push(instruction);
        }
    }

    /// What an open trade says now; nothing when it is cancelled.
    fn set(&mut self, trade: u64, entry: Option<Entry>) {
        if let Some(before) = self.open.remove(&trade) {
            self.add(before.place.book, before.place.instrument, -before.amounts.quantity, 0);
            self.dirty_entries.insert(before.place, None);
        }
        if let Some(entry) = entry {
            self.add(entry.place.book, entry.place.instrument, entry.amounts.quantity, 0);
            self.dirty_entries.insert(entry.place.clone(), Some(entry.amounts));
            self.open.insert(trade, entry);
        }
        self.dirty_open.push(trade);
    }

    /// Opening balances, transfers and reversals: what moved in the books, traded and settled at once, on the day of the record,
    /// since they carry no date of their own. Cash that moved with
    /// it, or the cost that was given, is what it cost; else its cost is not known, which the answer says.
    fn booked(
        &mut self,
        sequence: u64,
        at: Timestamp,
        id: &str,
        postings: &[Posting],
        cost: Option<(CurrencyCode, i64)>,
    ) {
        let mut books: BTreeMap<BookIx, BTreeMap<InstrumentIx, i128>> = BTreeMap::new();
        let mut cash: BTreeMap<BookIx, BTreeMap<CurrencyCode, i128>> = BTreeMap::new();
        for posting in postings {
            let LedgerAccount::Book { book, .. } = posting.account else { continue };
            if let Some(instrument) = posting.asset.as_instrument() {
                *books.entry(book).or_default().entry(instrument).or_default() += posting.amount;
            } else if let Some(currency) = posting.asset.as_currency() {
                *cash.entry(book).or_default().entry(currency).or_default() += posting.amount;
            }
        }
        for (book, instruments) in books {
            let paid = cash.get(&book).filter(|paid| paid.len() == 1 && instruments.len() == 1);
            let paid = paid.and_then(|paid| paid.first_key_value()).map(|(currency, amount)| (*currency, -*amount));
            for (instrument, quantity) in instruments.into_iter().filter(|(_, quantity)| *quantity != 0) {
                let given = cost.map(|(currency, cost)| (currency, i128::from(cost) * quantity.signum()));
                let known = paid.or(given);
                let place = Place { book, instrument, date: at.date_utc(), id: id.to_owned(), number: sequence };
                let amounts = Amounts {
                    currency: known.map(|(currency, _)| currency),
                    uncosted: known.is_none(),
                    quantity,
                    amount: known.map_or(0, |(_, amount)| amount),
                    accrued: 0,
                    fees: 0,
                };
                self.dirty_entries.insert(place, Some(amounts));
                self.add(book, instrument, quantity, quantity);
            }
        }
    }

    fn add(&mut self, book: BookIx, instrument: InstrumentIx, traded: i128, settled: i128) {
        let sums = self.sums.entry((book, instrument)).or_default();
        sums.traded += traded;
        sums.settled += settled;
        if !sums.dirty {
            sums.dirty = true;
            self.dirty_sums.push((book, instrument));
        }
    }
}

/// The entry of a trade. What the cash comes to is the net amount, so that the entries tie to the ledger; interest and
/// charges are lines of their own and the rest is the price.
fn of_trade(trade: u64, id: &str, terms: &Terms) -> Entry {
    let sign = if terms.side == Side::Buy { 1 } else { -1 };
    let (accrued, fees) = (sign * i128::from(terms.accrued), i128::from(terms.charges));
    Entry {
        place: Place {
            book: terms.book,
            instrument: terms.instrument,
            date: terms.trade_date,
            id: id.to_owned(),
            number: trade,
        },
        amounts: Amounts {
            currency: Some(terms.currency),
            uncosted: terms.method == model::trade::Method::Fop,
            quantity: sign * i128::from(terms.quantity),
            amount: sign * i128::from(terms.net) - accrued - fees,
            accrued,
            fees,
        },
    }
}

impl View for Positions {
    const NAME: &'static str = "positions";
    const VERSION: u32 = 1;
    const TABLES: &'static [u8] =
        &[table::POSITIONS, table::POSITION_ENTRIES, table::POSITION_TRADES, table::POSITION_INSTRUCTIONS];

    fn fold(&mut self, facts: &Facts) {
        let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content else { return };
        for event in events {
            self.event(facts.sequence, facts.at, event);
        }
    }

    fn save(&self, _: &Views, batch: &mut Batch<'_>) -> Result<(), Error> {
        let mut rows = Rows::new(batch);
        for key in &self.dirty_sums {
            if let Some(sums) = self.sums.get(key) {
                let row = [sums.traded.to_be_bytes(), sums.settled.to_be_bytes()].concat();
                rows.put_bytes(table::POSITIONS, &entry::prefix(key.0, key.1), &row);
            }
        }
        for (place, amounts) in &self.dirty_entries {
            match amounts {
                Some(amounts) => rows.put_bytes(table::POSITION_ENTRIES, &place.key(), &amounts.row()),
                None => rows.delete(table::POSITION_ENTRIES, &place.key()),
            }
        }
        for trade in &self.dirty_open {
            match self.open.get(trade) {
                Some(entry) => rows.put_bytes(table::POSITION_TRADES, &trade.to_be_bytes(), &entry.row()),
                None => rows.delete(table::POSITION_TRADES, &trade.to_be_bytes()),
            }
        }
        for instruction in &self.dirty_instructed {
            let key = instruction.to_be_bytes();
            match self.instructed.get(instruction) {
                Some(trade) => rows.put_bytes(table::POSITION_INSTRUCTIONS, &key, &trade.to_be_bytes()),
                None => rows.delete(table::POSITION_INSTRUCTIONS, &key),
            }
        }
        Ok(())
    }

    fn saved(&mut self) {
        for key in self.dirty_sums.drain(..) {
            if let Some(sums) = self.sums.get_mut(&key) {
                sums.dirty = false;
            }
        }
        self.dirty_entries.clear();
        self.dirty_open.clear();
        self.dirty_instructed.clear();
    }

    fn load(&mut self, views: &Views, _sequence: u64) -> Result<(), Error> {
        for row in views.scan(table::POSITIONS, &[], &[]) {
            let row = row?;
            let (book, instrument) = entry::from_prefix(rows::key(table::POSITIONS, &row.key)?);
            let value: [u8; 32] = rows::key(table::POSITIONS, &row.value)?;
            let part = |at: usize| i128::from_be_bytes(std::array::from_fn(|place| value[at + place]));
            self.sums.insert((book, instrument), Sums { traded: part(0), settled: part(16), dirty: false });
        }
        for row in views.scan(table::POSITION_TRADES, &[], &[]) {
            let row = row?;
            self.open.insert(rows::number(table::POSITION_TRADES, &row.key)?, Entry::from_row(&row.value)?);
        }
        for row in views.scan(table::POSITION_INSTRUCTIONS, &[], &[]) {
            let row = row?;
            let instruction = rows::number(table::POSITION_INSTRUCTIONS, &row.key)?;
            self.instructed.insert(instruction, rows::number(table::POSITION_INSTRUCTIONS, &row.value)?);
        }
        Ok(())
    }
}
