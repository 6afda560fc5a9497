//! The positions view: what each book traded and settled of an instrument, and the entries its lots are made of.
//!
//! Quantities are sums. Lots are not rows: the entries are, in the order of their trade dates, and `risk::lots` makes lots
//! of them when somebody asks, by the method that is asked for. So a late or corrected trade costs one row, and the rule of
//! what closes what is in one place. Only the entries of open trades are in memory, since only those can change; what has
//! changed since rows were last written is a list, since a record appends to it many times more often than anybody reads it.
//!
//! Prices are applied by whoever reads ([`crate::pnl`]). An entry over which the books were closed is kept as it was when
//! it is changed afterwards, so that a closed figure can be computed again for ever.

mod agreed;
mod entry;
mod lines;
mod picture;
mod questions;
mod stored;
mod watch;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::FixedState;
use model::date::Date;
use model::decimal::{Rounding, mul_div_round};
use model::event::Event;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{Asset, BookIx, InstrumentIx, PartyIx};
use model::ledger::{LedgerAccount, Posting};
use model::timestamp::Timestamp;
use model::trade::{Side, Terms};

use crate::numbered::Numbered;
use crate::status::Changes;

use entry::Entry;
pub(crate) use entry::{Amounts, Former, Place, Spot, date_bytes};
pub(crate) use lines::{By, PositionFilter, lot_entry, wire_method};
pub(crate) use picture::Picture;
pub(crate) use questions::business_date;
pub use watch::PositionSubscription;

#[derive(Default)]
pub(crate) struct Positions {
    sums: HashMap<Spot, Sums, FixedState>,
    /// All of them, in order: added to seldom, where sums change with every record.
    spots: BTreeSet<Spot>,
    /// What open trades say, so that a new version takes the old one's place.
    open: Numbered<Open>,
    /// The trade of each open instruction, as the open trades tell.
    instructed: Numbered<u64>,
    /// The last day each entity closed its books for, and the record that did it.
    closed: BTreeMap<PartyIx, (Date, u64)>,
    /// Which position changed at which record, of late.
    pub(crate) changes: Changes,

    dirty_sums: Vec<Spot>,
    /// Entries written and taken away since rows were last written, in order.
    dirty_entries: Vec<(Place, Option<Amounts>)>,
    dirty_former: Vec<Former>,
    dirty_open: Vec<u64>,
    gone_open: Vec<u64>,
    dirty_closed: Vec<PartyIx>,
}

/// A trade that can still change. One that ends before it is ever written needs no row, and none taken away.
struct Open {
    entry: Entry,
    /// Its open instruction; a trade has one at most.
    instruction: Option<u64>,
    dirty: bool,
    on_disk: bool,
}

/// Whose book.
type Owned = (PartyIx, BookIx);

/// Smallest units of the instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// By trade date: everything that counts for the book.
    pub(crate) traded: i128,
    pub(crate) settled: i128,
    /// The last record that changed anything of the position.
    pub(crate) changed: u64,
    dirty: bool,
}

impl Positions {
    fn event(&mut self, sequence: u64, at: Timestamp, event: &Event) {
        let today = || at.date_utc();
        match event {
            Event::TradeCaptured { trade, id, terms, .. } => {
                self.set(sequence, *trade, Some(of_trade(sequence, *trade, id.clone(), terms)));
            }
            // A settled trade is never changed, so its entry is there.
            Event::TradeChanged { trade, terms, .. } => {
                if let Some(before) = self.open.get(*trade) {
                    let id = before.entry.place.id.clone();
                    self.set(sequence, *trade, Some(of_trade(sequence, *trade, id, terms)));
                }
            }
            Event::TradeCancelled { trade, postings, .. } => {
                let kept = self.open.get(*trade).and_then(|open| what_stays(&open.entry, sequence, postings));
                let settled_in_part = kept.is_some();
                self.set(sequence, *trade, kept);
                if settled_in_part {
                    self.close(*trade);
                }
            }
            Event::InstructionIssued { instruction, links, .. } => {
                if let [link] = links.as_slice() {
                    self.instructed.insert(*instruction, link.trade);
                    self.instruct(link.trade, Some(*instruction));
                }
            }
            Event::InstructionCancelled { instruction, .. } => {
                self.end(*instruction);
            }
            Event::InstructionsSettled { deliver, receive, books, quantity, postings, .. } => {
                if let Some(instrument) = postings.iter().find_map(|posting| posting.asset.as_instrument()) {
                    self.add(sequence, Spot::new(books.0, instrument), 0, -i128::from(*quantity));
                    self.add(sequence, Spot::new(books.1, instrument), 0, i128::from(*quantity));
                }
                for instruction in [*deliver, *receive] {
                    if let Some(trade) = self.end(instruction) {
                        self.close(trade);
                    }
                }
            }
            Event::InstructionConfirmed { instruction, book, open_quantity, ended, postings, .. } => {
                for posting in postings {
                    if let (LedgerAccount::Location { .. }, Some(instrument)) =
                        (posting.account, posting.asset.as_instrument())
                    {
                        self.add(sequence, Spot::new(*book, instrument), 0, posting.amount);
                    }
                }
                if *ended
                    && let Some(trade) = self.end(*instruction)
                    && *open_quantity == 0
                {
                    self.close(trade);
                }
            }
            Event::BreakOpened { postings, .. } | Event::BreakClosed { postings, .. } => {
                self.booked(sequence, "break", postings, None, |_| today());
            }
            Event::Opened { postings, cost, .. } => self.booked(sequence, "opened", postings, *cost, |_| today()),
            Event::Transferred { postings, .. } => self.booked(sequence, "moved", postings, None, |_| today()),
            Event::Reversed { postings, trades, .. } => self.booked(sequence, "reversed", postings, None, |owned| {
                let trade = trades.iter().find(|trade| (trade.entity, trade.book) == owned);
                trade.map_or_else(today, |trade| trade.trade_date)
            }),
            Event::AccountingDayClosed { entity, date, .. } => {
                self.closed.insert(*entity, (*date, sequence));
                self.dirty_closed.push(*entity);
            }
            _ => {}
        }
    }

    /// Ends an instruction; its trade.
    fn end(&mut self, instruction: u64) -> Option<u64> {
        let trade = self.instructed.remove(instruction)?;
        if self.open.get(trade).is_some_and(|open| open.instruction == Some(instruction)) {
            self.instruct(trade, None);
        }
        Some(trade)
    }

    /// The instruction that an open trade has from now on.
    fn instruct(&mut self, trade: u64, instruction: Option<u64>) {
        let Some(open) = self.open.get_mut(trade) else { return };
        open.instruction = instruction;
        if !open.dirty {
            open.dirty = true;
            self.dirty_open.push(trade);
        }
    }

    /// What a trade says changes no more.
    fn close(&mut self, trade: u64) -> Option<Open> {
        let closed = self.open.remove(trade)?;
        if closed.on_disk {
            self.gone_open.push(trade);
        }
        Some(closed)
    }

    /// What an open trade says now; nothing when it is cancelled.
    fn set(&mut self, sequence: u64, trade: u64, entry: Option<Entry>) {
        let before = self.close(trade);
        let instruction = before.as_ref().and_then(|before| before.instruction);
        if let Some(Open { entry: Entry { place, amounts }, .. }) = before {
            self.add(sequence, place.spot, -amounts.quantity, 0);
            let closed = self.closed.get(&amounts.entity);
            if closed.is_some_and(|(date, at)| place.date <= *date && amounts.known <= *at) {
                self.dirty_former.push(Former { place: place.clone(), amounts, until: sequence });
            }
            self.dirty_entries.push((place, None));
        }
        if let Some(entry) = entry {
            self.add(sequence, entry.place.spot, entry.amounts.quantity, 0);
            self.dirty_entries.push((entry.place.clone(), Some(entry.amounts)));
            self.open.insert(trade, Open { entry, instruction, dirty: true, on_disk: false });
            self.dirty_open.push(trade);
        }
    }

    /// Opening balances, transfers and reversals: what moved in the books, traded and settled at once. A settlement that is
    /// turned round belongs to the day of its trade, as the trade that takes its place will: both adjust the closed days they
    /// change. All else carries no date of its own and counts on the day of the record. Cash that moved with it, or the cost
    /// that was given, is what it cost; else its cost is not known, which the answer says.
    fn booked(
        &mut self,
        sequence: u64,
        id: &str,
        postings: &[Posting],
        cost: Option<(CurrencyCode, i64)>,
        day_of: impl Fn(Owned) -> Date,
    ) {
        let mut books: BTreeMap<Owned, BTreeMap<InstrumentIx, i128>> = BTreeMap::new();
        let mut cash: BTreeMap<Owned, BTreeMap<CurrencyCode, i128>> = BTreeMap::new();
        for posting in postings {
            let LedgerAccount::Book { entity, book } = posting.account else { continue };
            if let Some(instrument) = posting.asset.as_instrument() {
                *books.entry((entity, book)).or_default().entry(instrument).or_default() += posting.amount;
            } else if let Some(currency) = posting.asset.as_currency() {
                *cash.entry((entity, book)).or_default().entry(currency).or_default() += posting.amount;
            }
        }
        let id = Identifier::parse(id).expect("a word is a name");
        for (owned @ (entity, book), instruments) in books {
            let paid = cash.get(&owned).filter(|paid| paid.len() == 1 && instruments.len() == 1);
            let paid = paid.and_then(|paid| paid.first_key_value()).map(|(currency, amount)| (*currency, -*amount));
            for (instrument, quantity) in instruments.into_iter().filter(|(_, quantity)| *quantity != 0) {
                let given = cost.map(|(currency, cost)| (currency, i128::from(cost) * quantity.signum()));
                let known = paid.or(given);
                let spot = Spot::new(book, instrument);
                let amounts = Amounts {
                    entity,
                    known: sequence,
                    currency: known.map(|(currency, _)| currency),
                    uncosted: known.is_none(),
                    booked: true,
                    quantity,
                    amount: known.map_or(0, |(_, amount)| amount),
                    accrued: 0,
                    fees: 0,
                };
                let place = Place { spot, date: day_of(owned), id: id.clone(), number: sequence };
                self.dirty_entries.push((place, Some(amounts)));
                self.add(sequence, spot, quantity, quantity);
            }
        }
    }

    fn add(&mut self, sequence: u64, spot: Spot, traded: i128, settled: i128) {
        let sums = self.sums.entry(spot).or_insert_with(|| {
            self.spots.insert(spot);
            Sums::default()
        });
        sums.traded += traded;
        sums.settled += settled;
        if sums.changed != sequence {
            sums.changed = sequence;
            self.changes.push(sequence, spot.0);
        }
        if !sums.dirty {
            sums.dirty = true;
            self.dirty_sums.push(spot);
        }
    }
}

/// What a cancel leaves of an entry: nothing, unless an agent had settled a part, which stays bought or sold. The postings
/// undo what was left; interest is kept in proportion, half up, and what was charged stays charged.
fn what_stays(before: &Entry, sequence: u64, undone: &[Posting]) -> Option<Entry> {
    let in_book = |wanted: fn(Asset) -> bool| -> i128 {
        let of_book = undone.iter().filter(|posting| matches!(posting.account, LedgerAccount::Book { .. }));
        of_book.filter(|posting| wanted(posting.asset)).map(|posting| posting.amount).sum()
    };
    let Amounts { quantity, amount, accrued, fees, .. } = before.amounts;
    let rest = in_book(|asset| asset.as_instrument().is_some());
    let left = quantity + rest;
    // Without postings it never stood in the book.
    if left == 0 || rest == 0 {
        return None;
    }
    let kept = mul_div_round(accrued, left, quantity, Rounding::HalfUp).unwrap_or(accrued);
    let paid = amount + accrued + fees - in_book(|asset| asset.as_currency().is_some());
    let amounts =
        Amounts { known: sequence, quantity: left, amount: paid - kept - fees, accrued: kept, ..before.amounts };
    Some(Entry { place: before.place.clone(), amounts })
}

/// The entry of a trade. What the cash comes to is the net amount, so that the entries tie to the ledger; interest and
/// charges are lines of their own and the rest is the price.
fn of_trade(sequence: u64, trade: u64, id: Identifier, terms: &Terms) -> Entry {
    let sign = if terms.side == Side::Buy { 1 } else { -1 };
    let (accrued, fees) = (sign * i128::from(terms.accrued), i128::from(terms.charges));
    Entry {
        place: Place { spot: Spot::new(terms.book, terms.instrument), date: terms.trade_date, id, number: trade },
        amounts: Amounts {
            entity: terms.party,
            known: sequence,
            currency: Some(terms.currency),
            uncosted: terms.method == model::trade::Method::Fop,
            booked: false,
            quantity: sign * i128::from(terms.quantity),
            amount: sign * i128::from(terms.net) - accrued - fees,
            accrued,
            fees,
        },
    }
}
