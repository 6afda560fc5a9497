//! The accounting day of a legal entity: opened and closed by command; what is closed does not move.

use crate::control::check_close;
use crate::draft::Draft;
use crate::reference::{invalid, known};
use crate::state::State;
use alloc::string::ToString;
use alloc::vec::Vec;
use model::accounting::{AccountingDay, AccountingStep, FrozenSet, SetName};
use model::currency::exponent;
use model::date::Date;
use model::event::{Event, ReversedTrade};
use model::identifier::Identifier;
use model::index::{BookIx, Kind, PartyIx};
use model::reference::BookPolicy;
use model::rejection::{Reason, Rejection};

/// So many sets of prices and rates may value a day.
const MOST_SETS: usize = 64;

/// Where an entity's books stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountingEntry {
    /// The last date opened.
    pub date: Date,
    pub open: bool,
    /// The last date closed.
    pub closed: Option<Date>,
    /// The prices and rates that date was closed with.
    pub sets: Vec<FrozenSet>,
}

/// Where an entity's books stand, as people ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountingFacts {
    pub entity: Identifier,
    /// The last date opened.
    pub date: Date,
    pub open: bool,
    /// The last date closed, and the prices and rates it is valued by.
    pub closed: Option<Date>,
    pub sets: Vec<FrozenSet>,
}

pub(crate) fn decide_accounting(draft: &mut Draft<'_>, day: &AccountingDay) -> Result<(), Rejection> {
    let state = draft.state;
    let entity = state.names.find(Kind::Party, day.entity.as_str()).map(PartyIx);
    let entity = entity.filter(|entity| state.reference.knows_party(*entity));
    let entity = entity.ok_or_else(|| Rejection::new(Reason::UnknownName, day.entity.as_str()))?;
    let entry = state.accounting.get(&entity);
    match &day.step {
        AccountingStep::Open { date } => {
            if let Some(open) = entry.filter(|entry| entry.open) {
                return Err(Rejection::new(Reason::AccountingDayOpen, open.date.to_string()));
            }
            if entry.is_some_and(|entry| *date <= entry.date) {
                return Err(Rejection::new(Reason::AccountingDayNotAfter, date.to_string()));
            }
            draft.push(Event::AccountingDayOpened { entity, date: *date });
        }
        AccountingStep::Close { date, sets } => {
            if !entry.is_some_and(|entry| entry.open && entry.date == *date) {
                return Err(Rejection::new(Reason::AccountingDayNotOpen, date.to_string()));
            }
            // The event names each set with its version: their number bounds the record.
            let repeats = || sets.iter().enumerate().any(|(at, set)| sets[..at].contains(set));
            if sets.len() > MOST_SETS || repeats() {
                return Err(Rejection::new(Reason::ReferenceInvalid, "sets: each once, and no more than 64"));
            }
            let clean = check_close(state, entity, *date)?;
            let sets = sets.iter().map(|set| freeze(state, set).map(|(set, _)| set)).collect::<Result<_, _>>()?;
            draft.push(Event::AccountingDayClosed { entity, date: *date, clean, sets });
        }
    }
    Ok(())
}

/// A set in the highest version that is recorded now, and the record that holds it.
pub(crate) fn freeze(state: &State, set: &SetName) -> Result<(FrozenSet, u64), Rejection> {
    let SetName { date, snap, source } = set.clone();
    let version = state.reference.price_sets.get(&(date, snap.clone(), source.clone())).copied();
    let (version, sequence) = version.ok_or_else(|| Rejection::new(Reason::UnknownPriceSet, snap.as_str()))?;
    Ok((FrozenSet { date, snap, source, version }, sequence))
}

/// The mark of what moves figures of a day that is closed: it belongs to the trade date, and shows on a later day.
///
/// A change that moves a trade from one date to another belongs to the earlier of the two; a reversal marks each trade it
/// takes back, the two of a pair may be of two entities.
pub(crate) fn prior_day(state: &State, event: &Event) -> Vec<Event> {
    if state.accounting.is_empty() {
        return Vec::new();
    }
    match event {
        Event::Reversed { trades, .. } => {
            let mark = |each: &ReversedTrade| mark(state, each.trade, [(each.entity, each.trade_date)]);
            trades.iter().filter_map(mark).collect()
        }
        _ => changed(state, event).into_iter().collect(),
    }
}

/// The mark of what happens to a trade that is open.
fn changed(state: &State, event: &Event) -> Option<Event> {
    let before = |number: u64| {
        let (_, trade) = state.trade(number)?;
        let terms = state.terms_of(trade);
        Some((terms.party, terms.trade_date))
    };
    let (trade, dated) = match event {
        Event::TradeCaptured { trade, terms, .. } => (*trade, [Some((terms.party, terms.trade_date)), None]),
        Event::TradeChanged { trade, terms, .. } => (*trade, [before(*trade), Some((terms.party, terms.trade_date))]),
        Event::TradeCancelled { trade, .. } => (*trade, [before(*trade), None]),
        _ => return None,
    };
    // What moves nothing and stays on its day shows nowhere.
    let moves = !event.postings().is_empty() || matches!(dated, [Some(before), Some(after)] if before != after);
    mark(state, trade, dated.into_iter().flatten().filter(|_| moves))
}

/// The mark of a trade by the earliest of its dates that is closed.
fn mark(state: &State, trade: u64, dated: impl IntoIterator<Item = (PartyIx, Date)>) -> Option<Event> {
    let closed = |(entity, date): &(PartyIx, Date)| {
        state.accounting.get(entity).and_then(|entry| entry.closed).is_some_and(|closed| *date <= closed)
    };
    let (entity, belongs_to) = dated.into_iter().filter(closed).min_by_key(|(_, date)| *date)?;
    let entry = state.accounting.get(&entity)?;
    Some(Event::PriorDay { entity, trade, belongs_to, shows_on: entry.open.then_some(entry.date) })
}

/// How a book's results are counted decides nothing here, the views have it; but a method or currency of a closed day
/// would move figures that do not move.
pub(crate) fn check_policy(draft: &Draft<'_>, policy: &BookPolicy) -> Result<(), Rejection> {
    let book = BookIx(known(draft, Kind::Book, &policy.book)?);
    if let Some(currency) = policy.currency {
        exponent(currency).ok_or_else(|| Rejection::new(Reason::UnknownCurrency, currency.as_str()))?;
    }
    let owner = draft.state.reference.book(book).map(|entry| entry.owner);
    let closed = owner.and_then(|owner| draft.state.accounting.get(&owner)).and_then(|entry| entry.closed);
    if closed.is_some_and(|closed| policy.valid_from <= closed) {
        return Err(invalid("valid_from: the books of its owner are closed for that day"));
    }
    Ok(())
}

impl State {
    /// Every entity that ever opened an accounting day.
    pub fn accounting_days(&self) -> Vec<AccountingFacts> {
        let facts = |(entity, entry): (&PartyIx, &AccountingEntry)| AccountingFacts {
            entity: self.names.name(Kind::Party, entity.0).expect("a party has its name").clone(),
            date: entry.date,
            open: entry.open,
            closed: entry.closed,
            sets: entry.sets.clone(),
        };
        self.accounting.iter().map(facts).collect()
    }

    pub(crate) fn apply_accounting_opened(&mut self, entity: PartyIx, date: Date) {
        let entry = self.accounting.entry(entity).or_insert(AccountingEntry {
            date,
            open: true,
            closed: None,
            sets: Vec::new(),
        });
        (entry.date, entry.open) = (date, true);
    }

    pub(crate) fn apply_accounting_closed(&mut self, entity: PartyIx, date: Date, sets: &[FrozenSet]) {
        let entry = self.accounting.get_mut(&entity).expect("what is closed was opened");
        (entry.open, entry.closed) = (false, Some(date));
        entry.sets = sets.to_vec();
        self.forget_control(date);
    }
}
