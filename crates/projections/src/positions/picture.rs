//! Positions as they are at one record, to be read while the fold goes on: rows of the database at a moment, and what
//! changed since they were written.

use std::collections::BTreeMap;

use model::date::Date;
use store::{Reader, Views};

use super::entry::{Amounts, Former, Place, Spot};
use super::{Positions, Sums};
use crate::Error;
use crate::view::table;

/// Some positions, taken under the lock and read without it.
pub(crate) struct Picture<'a> {
    reader: Reader<'a>,
    /// In order.
    pub(crate) spots: Vec<(Spot, Sums)>,
    entries: BTreeMap<Spot, Vec<(Place, Option<Amounts>)>>,
    former: BTreeMap<Spot, Vec<Former>>,
    until: Option<Date>,
}

impl Positions {
    /// The positions that are wanted; they rise.
    pub(crate) fn picture<'a>(&self, views: &'a Views, wanted: impl Iterator<Item = Spot>) -> Picture<'a> {
        let spots: Vec<_> = wanted.filter_map(|spot| Some((spot, *self.sums.get(&spot)?))).collect();
        let is_wanted = |spot: &Spot| spots.binary_search_by_key(spot, |(each, _)| *each).is_ok();
        let (mut entries, mut former): (BTreeMap<_, Vec<_>>, BTreeMap<_, Vec<_>>) = Default::default();
        for each in self.dirty_entries.iter().filter(|(place, _)| is_wanted(&place.spot)) {
            entries.entry(each.0.spot).or_default().push(each.clone());
        }
        for each in self.dirty_former.iter().filter(|each| is_wanted(&each.place.spot)) {
            former.entry(each.place.spot).or_default().push(each.clone());
        }
        Picture { reader: views.reader(), spots, entries, former, until: None }
    }

    pub(super) fn sums(&self, spot: Spot) -> Option<&Sums> {
        self.sums.get(&spot)
    }

    /// All positions after one, in order.
    pub(crate) fn after(&self, spot: Option<Spot>) -> impl Iterator<Item = (Spot, &Sums)> {
        let from = spot.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.spots.range((from, std::ops::Bound::Unbounded)).map(|spot| (*spot, &self.sums[spot]))
    }
}

impl Picture<'_> {
    /// What it reads from, for other tables at the same moment.
    pub(crate) fn reader(&self) -> &Reader<'_> {
        &self.reader
    }

    /// Only entries up to a trade date count.
    pub(crate) fn through(self, until: Option<Date>) -> Self {
        Picture { until, ..self }
    }

    /// The last trade date that counts; none: all do.
    pub(super) fn until(&self) -> Option<Date> {
        self.until
    }

    /// A position's entries in the order of trade dates.
    pub(crate) fn entries(&self, spot: Spot) -> Result<BTreeMap<Place, Amounts>, Error> {
        const TABLE: u8 = table::POSITION_ENTRIES;
        let (from, to) = spot.range();
        let mut entries = BTreeMap::new();
        for row in self.reader.scan(TABLE, &from, &to) {
            let row = row?;
            entries.insert(Place::from_key(TABLE, &row.key)?, Amounts::from_row(TABLE, &row.value)?);
        }
        for (place, amounts) in self.entries.get(&spot).into_iter().flatten() {
            match amounts {
                Some(amounts) => entries.insert(place.clone(), *amounts),
                None => entries.remove(place),
            };
        }
        entries.retain(|place, _| self.until.is_none_or(|until| place.date <= until));
        Ok(entries)
    }

    /// What its entries said when books were closed and say no more.
    pub(crate) fn former(&self, spot: Spot) -> Result<Vec<Former>, Error> {
        let (from, to) = spot.range();
        let mut former = Vec::new();
        for row in self.reader.scan(table::POSITION_FORMER, &from, &to) {
            let row = row?;
            former.push(Former::from_row(&row.key, &row.value)?);
        }
        // Rows may have been written since: then they are there twice, and count once.
        for each in self.former.get(&spot).into_iter().flatten() {
            if !former.iter().any(|other| (&other.place, other.until) == (&each.place, each.until)) {
                former.push(each.clone());
            }
        }
        Ok(former)
    }
}
