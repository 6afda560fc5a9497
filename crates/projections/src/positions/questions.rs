//! The questions about positions: what is wanted is taken under the lock, entries are read and lots made without it.

use std::sync::Arc;

use model::index::{BookIx, Kind};
use wire::pb::record::LotMethod;
use wire::pb::view as pb;

use super::lines::{By, PositionFilter, lines};
use super::{Picture, Spot, Sums};
use crate::names::Names;
use crate::queries::{Answer, PageRequest, Projections};
use crate::shared::{At, State, ViewName};
use crate::token::{Purpose, Scope};
use crate::valuation::Grounds;
use crate::{Error, values};

/// The latest settlement day that is or was open anywhere; zero while none was.
pub(crate) fn business_date(state: &State) -> u32 {
    let days = state.status.live().ok().and_then(|status| status.days.values().max().copied());
    days.map_or(0, values::number)
}

/// Book and instrument in words.
pub(super) fn names_of(names: &Names, spot: Spot) -> Result<(String, String), Error> {
    Ok((names.text(Kind::Book, spot.book().0)?, names.text(Kind::Instrument, spot.instrument().0)?))
}

impl Projections {
    /// Positions that fit a filter, by book and instrument, lots made by a method; unspecified: each book's own.
    ///
    /// # Errors
    /// A filter or token that makes no sense, a view that has stopped.
    pub fn positions(
        &self,
        filter: &pb::PositionFilter,
        method: LotMethod,
        page: PageRequest<'_>,
        at: At,
    ) -> Result<pb::PositionPage, Error> {
        let state = self.shared.at(ViewName::Positions, at.dated())?;
        let (names, positions) = (state.names.live()?, state.positions.live()?);
        let grounds = state.valuation.live()?.grounds.clone();
        let with_flat = filter.with_flat;
        let filter = PositionFilter::parse(filter, names)?;
        // What is flat today may not have been on the date: that shows in the entries.
        let filter = if at.effective.is_some() { filter.with_flat() } else { filter };
        let scope = Scope { purpose: Purpose::Positions, shard: names.shard(), filter: filter.hash ^ method as u64 };
        let after = page.place(scope)?.map(|place| Spot(u64::from_be_bytes(place)));
        let fits = |(spot, sums): &(Spot, &Sums)| filter.admits(names, &grounds, *spot, sums);
        // One more than the page holds tells whether there is a next.
        let mut found: Vec<Spot> =
            positions.after(after).filter(fits).map(|(spot, _)| spot).take(page.size() + 1).collect();
        let more = found.len() > page.size();
        found.truncate(page.size());
        let last = found.last().copied().filter(|_| more);
        let picture = positions.picture(&self.shared.rows, found.into_iter()).through(at.effective);
        let (sequence, business_date) = (state.positions.sequence, business_date(&state));
        drop(state);
        let mut positions = self.position_lines(&picture, &grounds, By::from_wire(method), false)?;
        if at.effective.is_some() && !with_flat {
            positions.retain(|position| position.traded.is_some_and(|traded| traded.unscaled != 0));
        }
        Ok(pb::PositionPage {
            sequence,
            business_date,
            positions,
            next_page_token: last.map_or(String::new(), |spot| scope.token(&spot.0.to_be_bytes())),
        })
    }

    /// What a book has of an instrument (our id or an ISIN): a line for each currency it was paid in, with lots and the figures
    /// of every method.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the book never had any.
    pub fn position(
        &self,
        book: &str,
        instrument: &str,
        method: LotMethod,
        at: At,
    ) -> Result<Answer<Vec<pb::Position>>, Error> {
        let state = self.shared.at(ViewName::Positions, at.dated())?;
        let (names, positions) = (state.names.live()?, state.positions.live()?);
        let grounds = state.valuation.live()?.grounds.clone();
        let unknown = || Error::NotFound { what: "position", id: format!("of {instrument} in {book}") };
        let book = names.index(Kind::Book, book).map(BookIx).map_err(|_| unknown())?;
        let spot = Spot::new(book, names.instrument(instrument).map_err(|_| unknown())?);
        let picture = positions.picture(&self.shared.rows, std::iter::once(spot)).through(at.effective);
        let sequence = state.positions.sequence;
        drop(state);
        if picture.spots.is_empty() {
            return Err(unknown());
        }
        Ok(Answer { sequence, value: self.position_lines(&picture, &grounds, By::from_wire(method), true)? })
    }

    pub(crate) fn position_lines(
        &self,
        picture: &Picture<'_>,
        grounds: &Arc<Grounds>,
        by: By,
        in_full: bool,
    ) -> Result<Vec<pb::Position>, Error> {
        let mut found = Vec::with_capacity(picture.spots.len());
        for each in &picture.spots {
            // Names only come: a later moment has those of the picture. The fold gets its turn between two positions.
            let state = self.shared.state();
            found.extend(lines(picture, (state.names.live()?, grounds), *each, by, in_full)?);
        }
        Ok(found)
    }
}
