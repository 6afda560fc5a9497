//! Sets of prices and rates by name, date and version; their contents while they are not written, else from the database.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::accounting::FrozenSet;
use model::command::Command;
use model::date::Date;
use model::identifier::Identifier;
use model::reference::{PriceSet, Reference, is_synthetic};
use prost::Message as _;
use store::Reader;

use crate::positions::date_bytes;
use crate::view::table;
use crate::{Error, rows};

const TABLE: u8 = table::PRICE_SETS;

/// A series of sets: one for each date, in versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SetName {
    /// `CLOSE`, `1600` …
    pub(crate) snap: Identifier,
    pub(crate) source: Identifier,
}

type Versions = BTreeMap<u32, Option<Arc<PriceSet>>>;

#[derive(Clone, Default)]
pub(crate) struct Sets(BTreeMap<SetName, BTreeMap<Date, Versions>>);

/// Where a set's row stands.
pub(super) fn key(set: &FrozenSet) -> Vec<u8> {
    let (snap, source) = (set.snap.as_str().as_bytes(), set.source.as_str().as_bytes());
    [&date_bytes(set.date)[..], snap, &[0], source, &[0], &set.version.to_be_bytes()].concat()
}

pub(super) fn row(set: &PriceSet) -> Vec<u8> {
    wire::command::into_wire(&Command::SetReference(Box::new(Reference::PriceSet(set.clone())))).encode_to_vec()
}

fn from_row(bytes: &[u8]) -> Result<PriceSet, Error> {
    let set = match super::stored::reference(TABLE, bytes)? {
        Reference::PriceSet(set) => Some(set),
        _ => None,
    };
    rows::present(TABLE, set, "set of prices")
}

impl Sets {
    pub(super) fn add(&mut self, set: PriceSet) -> FrozenSet {
        let PriceSet { date, snap, source, version, .. } = &set;
        let name = FrozenSet { date: *date, snap: snap.clone(), source: source.clone(), version: *version };
        self.versions(&name).insert(name.version, Some(Arc::new(set)));
        name
    }

    fn versions(&mut self, set: &FrozenSet) -> &mut Versions {
        let name = SetName { snap: set.snap.clone(), source: set.source.clone() };
        self.0.entry(name).or_default().entry(set.date).or_default()
    }

    /// The contents while they are not written.
    pub(super) fn unwritten(&self, set: &FrozenSet) -> Option<&Arc<PriceSet>> {
        let name = SetName { snap: set.snap.clone(), source: set.source.clone() };
        self.0.get(&name)?.get(&set.date)?.get(&set.version)?.as_ref()
    }

    /// The contents are in the database.
    pub(super) fn written(&mut self, set: &FrozenSet) {
        self.versions(set).insert(set.version, None);
    }

    /// Learns of a row.
    pub(super) fn load(&mut self, key: &[u8]) -> Result<(), Error> {
        let parts = || {
            let (date, rest) = key.split_first_chunk::<4>()?;
            let (rest, version) = rest.split_last_chunk::<4>()?;
            let mut names = rest.split(|byte| *byte == 0);
            Some((i32::from_be_bytes(*date) ^ i32::MIN, names.next()?, names.next()?, u32::from_be_bytes(*version)))
        };
        let (date, snap, source, version) = rows::present(TABLE, parts(), "such key")?;
        let name = |bytes| rows::identifier(TABLE, rows::sound(TABLE, std::str::from_utf8(bytes))?);
        let set = FrozenSet { date: rows::date(TABLE, date)?, snap: name(snap)?, source: name(source)?, version };
        self.written(&set);
        Ok(())
    }

    /// The one series that stands in where none is named: one that was observed. Nothing when there is none.
    ///
    /// # Errors
    /// There are several.
    pub(crate) fn only(&self) -> Result<Option<&SetName>, Error> {
        let observed: Vec<_> = self.0.keys().filter(|name| !is_synthetic(&name.source)).collect();
        if observed.len() > 1 {
            let names: Vec<_> = observed.iter().map(|name| format!("{} {}", name.snap, name.source)).collect();
            let reason = format!("several series are recorded, say which: {}", names.join(", "));
            return Err(Error::Filter { field: "sets", reason });
        }
        Ok(observed.first().copied())
    }

    /// The dates that a series has sets of, from the earliest.
    pub(crate) fn dates(&self, name: &SetName) -> impl Iterator<Item = Date> {
        self.0.get(name).into_iter().flat_map(|dates| dates.keys().copied())
    }

    /// All series there are.
    pub(crate) fn names(&self) -> impl Iterator<Item = &SetName> {
        self.0.keys()
    }

    /// The set of a series for exactly this date, in its highest version.
    pub(crate) fn on(&self, name: &SetName, date: Date) -> Option<FrozenSet> {
        self.0.get(name)?.get_key_value(&date).and_then(|found| highest(name, found))
    }

    /// The last set of a series before a date.
    pub(crate) fn before(&self, name: &SetName, date: Date) -> Option<FrozenSet> {
        self.0.get(name)?.range(..date).next_back().and_then(|found| highest(name, found))
    }

    /// The last set of a series.
    pub(crate) fn last(&self, name: &SetName) -> Option<FrozenSet> {
        self.0.get(name)?.last_key_value().and_then(|found| highest(name, found))
    }

    /// The contents of a set.
    pub(crate) fn read(&self, reader: &Reader<'_>, set: &FrozenSet) -> Result<Arc<PriceSet>, Error> {
        if let Some(contents) = self.unwritten(set) {
            return Ok(contents.clone());
        }
        let row = rows::present(TABLE, reader.get(TABLE, &key(set))?, "row of a set that was recorded")?;
        from_row(&row).map(Arc::new)
    }
}

fn highest(name: &SetName, (date, versions): (&Date, &Versions)) -> Option<FrozenSet> {
    let (version, _) = versions.last_key_value()?;
    Some(FrozenSet { date: *date, snap: name.snap.clone(), source: name.source.clone(), version: *version })
}
