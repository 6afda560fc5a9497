//! Profit and loss: the entries of positions valued when somebody asks, by prices and rates as the log has them.
//!
//! A day's result is this close less the last one. Where an entity closed its books, the last close is what it published:
//! with the sets it froze and the entries known at its record; what came in since for days up to it is the adjustment,
//! a figure of its own. A price or rate that is missing is an exception by name: what stands on it is absent, and left out
//! of sums, which say how many lines they leave out.
//!
//! What an entry cost that has no cost in the log – free of payment, moved between books – is the price of its day; the line says so.

mod basis;
mod figures;
mod marks;
mod position;

use std::collections::BTreeMap;

use model::identifier::{CurrencyCode, Identifier};
use model::index::{Asset, Kind};
use wire::pb::typ::Decimal;
use wire::pb::view as pb;

use crate::names::Names;
use crate::positions::{PositionFilter, Spot, wire_method};
use crate::queries::{PageRequest, Projections};
use crate::shared::{At, State, ViewName};
use crate::token::{self, Purpose, Scope};
use crate::{Error, values};
use basis::{Desk, Question};
use figures::Result as DayResult;
pub(crate) use marks::Marks;
use position::Line;

impl Projections {
    /// Results by position.
    ///
    /// # Errors
    /// A question or token that makes no sense, a view that has stopped, sums beyond a decimal.
    pub fn pnl(&self, question: &pb::PnlQuestion, page: PageRequest<'_>, at: At) -> Result<pb::PnlPage, Error> {
        let state = self.shared.at(ViewName::Positions, at.dated())?;
        let question = &pb::PnlQuestion { date: at.date("date", question.date)?, ..question.clone() };
        let asked = Question::parse(question)?;
        let hash = token::hash(&prost::Message::encode_to_vec(question));
        let scope = Scope { purpose: Purpose::Pnl, shard: state.names.live()?.shard(), filter: hash };
        let after = page.place(scope)?.map(|place| Spot(u64::from_be_bytes(place)));
        let mut found = wanted(&state, question, after, page.size() + 1)?;
        let more = found.len() > page.size();
        found.truncate(page.size());
        let last = found.last().copied().filter(|_| more);
        let sequence = state.positions.sequence;
        let grounds = state.valuation.live()?.grounds.clone();
        let picture = state.positions.live()?.picture(&self.shared.rows, found.into_iter());
        drop(state);
        let desk = Desk::new(picture, &grounds, &asked);
        let mut lines = Vec::new();
        self.each_line(&desk, |names, line| {
            lines.push(wire_line(names, &line)?);
            Ok(())
        })?;
        let next_page_token = last.map_or(String::new(), |spot| scope.token(&spot.0.to_be_bytes()));
        Ok(pb::PnlPage { sequence, bases: desk.bases(sequence), lines, next_page_token })
    }

    /// Results by book and currency.
    ///
    /// # Errors
    /// As [`Projections::pnl`].
    pub fn pnl_summary(&self, question: &pb::PnlQuestion, at: At) -> Result<pb::PnlSummary, Error> {
        let state = self.shared.at(ViewName::Positions, at.dated())?;
        let question = &pb::PnlQuestion { date: at.date("date", question.date)?, ..question.clone() };
        let asked = Question::parse(question)?;
        let found = wanted(&state, question, None, usize::MAX)?;
        let sequence = state.positions.sequence;
        let grounds = state.valuation.live()?.grounds.clone();
        let picture = state.positions.live()?.picture(&self.shared.rows, found.into_iter());
        drop(state);
        let desk = Desk::new(picture, &grounds, &asked);
        let mut totals: BTreeMap<(Identifier, Option<CurrencyCode>), Total> = BTreeMap::new();
        let mut exceptions: BTreeMap<i32, u64> = BTreeMap::new();
        self.each_line(&desk, |_, line| {
            let mut codes: Vec<i32> = line.exceptions.iter().map(|missing| missing.code as i32).collect();
            codes.dedup();
            for code in codes {
                *exceptions.entry(code).or_default() += 1;
            }
            let (currency, result) = match line.reporting {
                Some(currency) => (Some(currency), &line.reported),
                None => (line.currency, &line.local),
            };
            let total = totals.entry((line.book.clone(), currency)).or_default();
            total.entity = line.basis.entity.as_ref().map_or(String::new(), |(_, name)| name.to_string());
            if result.is_whole() {
                total.result = total.result.plus(result)?;
                total.positions += 1;
            } else {
                total.excepted += 1;
            }
            Ok(())
        })?;
        let total = |((book, currency), total): ((Identifier, Option<CurrencyCode>), Total)| {
            Ok(pb::PnlTotal {
                book: book.to_string(),
                entity: total.entity,
                currency: currency.map_or(String::new(), |code| code.to_string()),
                day: Some(total.result.wire(currency)?),
                positions: total.positions,
                excepted: total.excepted,
            })
        };
        Ok(pb::PnlSummary {
            sequence,
            bases: desk.bases(sequence),
            totals: totals.into_iter().map(total).collect::<Result<_, Error>>()?,
            exceptions: exceptions.into_iter().map(|(code, lines)| pb::PnlExceptionCount { code, lines }).collect(),
        })
    }

    /// What positions earned on the day of a question, and what of them there was at its close; in the question's currency.
    pub(crate) fn earned(&self, spots: &[Spot], question: &pb::PnlQuestion) -> Result<Vec<Earned>, Error> {
        let asked = Question::parse(question)?;
        let state = self.shared.state();
        let grounds = state.valuation.live()?.grounds.clone();
        let picture = state.positions.live()?.picture(&self.shared.rows, spots.iter().copied());
        drop(state);
        let desk = Desk::new(picture, &grounds, &asked);
        let mut found = Vec::new();
        self.each_line(&desk, |names, line| {
            found.push(Earned {
                instrument: names.id(Kind::Instrument, line.spot.instrument().0)?.clone(),
                scale: names.scale(Asset::instrument(line.spot.instrument())),
                quantity: line.quantity,
                result: line.reported.of_the_market()?,
                book: line.book,
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// Makes the lines of a picture; the fold gets its turn between two positions.
    fn each_line(&self, desk: &Desk<'_>, mut take: impl FnMut(&Names, Line) -> Result<(), Error>) -> Result<(), Error> {
        for (spot, sums) in &desk.picture.spots {
            // Names only come: a later moment has those of the picture.
            let state = self.shared.state();
            let names = state.names.live()?;
            for line in position::lines(desk, names, *spot, *sums)? {
                take(names, line)?;
            }
        }
        Ok(())
    }
}

/// A position's day, in one currency of payment.
pub(crate) struct Earned {
    pub(crate) book: Identifier,
    pub(crate) instrument: Identifier,
    pub(crate) scale: u32,
    /// At the close.
    pub(crate) quantity: i128,
    /// Without fees, in minor units of what is reported in; nothing where an exception hides it.
    pub(crate) result: Option<i128>,
}

#[derive(Default)]
struct Total {
    entity: String,
    result: DayResult,
    positions: u64,
    excepted: u64,
}

/// The positions that a question is about, at most so many.
fn wanted(state: &State, question: &pb::PnlQuestion, after: Option<Spot>, most: usize) -> Result<Vec<Spot>, Error> {
    let names = state.names.live()?;
    let grounds = &state.valuation.live()?.grounds;
    let filter = question.filter.clone().unwrap_or_default();
    let filter = PositionFilter::parse(&filter, names)?.with_flat();
    let all = state.positions.live()?.after(after);
    let fits = all.filter(|(spot, sums)| filter.admits(names, grounds, *spot, sums));
    Ok(fits.map(|(spot, _)| spot).take(most).collect())
}

fn wire_line(names: &Names, line: &Line) -> Result<pb::PnlLine, Error> {
    let scale = names.scale(Asset::instrument(line.spot.instrument()));
    let cents = line.currency.and_then(model::currency::exponent).map_or(0, u32::from);
    let money = |units| values::decimal("a result", units, cents).map(Some);
    let decimal = |decimal: model::decimal::Decimal| Decimal { unscaled: decimal.unscaled, scale: decimal.scale };
    let isin = names.isin(line.spot.instrument(), line.basis.close.marks.date);
    let exception = |missing: &marks::Missing| pb::PnlException {
        code: missing.code as i32,
        subject: missing.subject.clone(),
        date: values::number(missing.date),
    };
    Ok(pb::PnlLine {
        book: line.book.to_string(),
        entity: line.basis.entity.as_ref().map_or(String::new(), |(_, name)| name.to_string()),
        instrument: names.text(Kind::Instrument, line.spot.instrument().0)?,
        isin: isin.map_or(String::new(), |isin| isin.to_string()),
        currency: line.currency.map_or(String::new(), |code| code.to_string()),
        quantity: values::decimal("a position", line.quantity, scale).map(Some)?,
        price: line.mark.map(|(mark, _)| decimal(mark.price)),
        price_accrued: line.mark.map(|(mark, _)| decimal(mark.accrued)),
        market_value: line.mark.map(|(_, value)| money(value)).transpose()?.flatten(),
        cost: money(line.cost)?,
        method: wire_method(line.method) as i32,
        local: Some(line.local.wire(line.currency)?),
        reporting_currency: line.reporting.map_or(String::new(), |code| code.to_string()),
        reported: line.reporting.map(|code| line.reported.wire(Some(code))).transpose()?,
        exceptions: line.exceptions.iter().map(exception).collect(),
        changed_at_sequence: line.changed,
    })
}
