//! A position: entries in the order of their trades, and the place from which to compute again when one is late.

use super::{Entry, Fault, Holding, Key, Policies, What};
use crate::amount::Overflow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use model::date::Date;
use model::identifier::Identifier;

/// A book's entries in one instrument and what they come to.
///
/// Holdings are kept after every [`Position::STEP`] entries, so that a late trade costs a step and what follows it, and
/// not the whole history.
#[derive(Clone, Debug)]
pub struct Position {
    policies: Policies,
    /// In the order of their keys.
    entries: Vec<Entry>,
    keys: BTreeMap<Identifier, Key>,
    /// The holding after `STEP`, `2 * STEP` … entries.
    kept: Vec<Holding>,
    /// After all of them.
    now: Holding,
}

/// What entries in the order of their keys come to, for a reader who asks once: nothing is kept on the way.
pub fn holding(policies: &Policies, entries: impl IntoIterator<Item = Entry>) -> Result<Holding, Overflow> {
    let mut holding = Holding::default();
    for entry in entries {
        holding.fold(&entry, policies.on(entry.key.trade_date))?;
    }
    Ok(holding)
}

impl Position {
    /// Entries between two kept holdings.
    const STEP: usize = 64;

    /// A book that holds nothing.
    pub fn new(policies: Policies) -> Position {
        let now = Holding::default();
        Position { policies, entries: Vec::new(), keys: BTreeMap::new(), kept: Vec::new(), now }
    }

    /// The entries in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What all entries come to.
    pub fn holding(&self) -> &Holding {
        &self.now
    }

    /// What the entries with a trade date up to and including a day come to.
    pub fn holding_on(&self, date: Date) -> Result<Holding, Overflow> {
        self.after(self.entries.partition_point(|entry| entry.key.trade_date <= date))
    }

    /// Puts an entry in its place, wherever that is.
    pub fn insert(&mut self, entry: Entry) -> Result<(), Fault> {
        if self.keys.contains_key(&entry.key.id) {
            return Err(Fault::Known(entry.key.id));
        }
        self.change(None, Some(entry))
    }

    /// Takes an entry out, as when its trade is cancelled: afterwards the position is as if it had never been.
    pub fn remove(&mut self, id: &Identifier) -> Result<(), Fault> {
        let key = self.keys.get(id).cloned().ok_or_else(|| Fault::Unknown(id.clone()))?;
        self.change(Some(key), None)
    }

    /// Puts an entry in the place of the one with its id, also when its trade date is another.
    pub fn replace(&mut self, entry: Entry) -> Result<(), Fault> {
        let key = self.keys.get(&entry.key.id).cloned().ok_or_else(|| Fault::Unknown(entry.key.id.clone()))?;
        self.change(Some(key), Some(entry))
    }

    /// All or nothing: where the new order cannot be computed, the old one is put back.
    fn change(&mut self, old: Option<Key>, new: Option<Entry>) -> Result<(), Fault> {
        if let Some(Entry { key, what: What::Trade { quantity: 0, .. }, .. }) = &new {
            return Err(Fault::NoQuantity(key.id.clone()));
        }
        let added = new.as_ref().map(|entry| entry.key.clone());
        let taken = old.map(|key| self.take(&key));
        let mut from = taken.as_ref().map_or(usize::MAX, |(place, _)| *place);
        if let Some(entry) = new {
            from = from.min(self.put(entry));
        }
        let appended = taken.is_none() && from.checked_add(1) == Some(self.entries.len());
        let outcome = if appended { self.append() } else { self.compute(from) };
        if outcome.is_err() {
            if let Some(key) = added {
                self.take(&key);
            }
            if let Some((_, entry)) = taken {
                self.put(entry);
            }
            self.compute(0)?;
        }
        Ok(outcome?)
    }

    fn put(&mut self, entry: Entry) -> usize {
        let place = self.entries.partition_point(|other| other.key < entry.key);
        self.keys.insert(entry.key.id.clone(), entry.key.clone());
        self.entries.insert(place, entry);
        place
    }

    fn take(&mut self, key: &Key) -> (usize, Entry) {
        let place = self.entries.partition_point(|other| other.key < *key);
        self.keys.remove(&key.id);
        (place, self.entries.remove(place))
    }

    /// Goes on from where we are: what most trades do.
    fn append(&mut self) -> Result<(), Overflow> {
        let entry = self.entries.last().expect("one was put there");
        let mut next = self.now.clone();
        next.fold(entry, self.policies.on(entry.key.trade_date))?;
        self.now = next;
        if self.entries.len().is_multiple_of(Position::STEP) {
            self.keep(self.entries.len(), &self.now.clone());
        }
        Ok(())
    }

    /// Computes again from a place on, keeping holdings on the way; what was kept before it stays.
    fn compute(&mut self, from: usize) -> Result<(), Overflow> {
        self.kept.truncate(from / Position::STEP);
        let mut holding = self.kept.last().cloned().unwrap_or_default();
        for place in self.kept.len() * Position::STEP..self.entries.len() {
            let entry = &self.entries[place];
            holding.fold(entry, self.policies.on(entry.key.trade_date))?;
            self.keep(place + 1, &holding);
        }
        self.now = holding;
        Ok(())
    }

    /// Keeps the holding after so many entries, if that is a step.
    fn keep(&mut self, count: usize, holding: &Holding) {
        if count.is_multiple_of(Position::STEP) {
            self.kept.truncate(count / Position::STEP - 1);
            self.kept.push(holding.clone());
        }
    }

    /// The holding after the first so many entries.
    fn after(&self, count: usize) -> Result<Holding, Overflow> {
        let kept = (count / Position::STEP).min(self.kept.len());
        let mut holding = kept.checked_sub(1).map_or_else(Holding::default, |place| self.kept[place].clone());
        for entry in &self.entries[kept * Position::STEP..count] {
            holding.fold(entry, self.policies.on(entry.key.trade_date))?;
        }
        Ok(holding)
    }
}
