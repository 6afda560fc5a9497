//! The result of one position: what its entries come to at a close and at the one before, as they were known then.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use model::currency::exponent;
use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{Asset, Kind, PartyIx};
use risk::amount::{Conversion, Overflow, PriceKind, Scales, value};
use risk::lots::{self, Holding, Mark, Method, Pnl, Policies, What};
use wire::pb::view::PnlExceptionCode as Code;

use super::basis::{Basis, Desk, Moment};
use super::figures::{Figures, Result as DayResult};
use super::marks::Missing;
use crate::Error;
use crate::names::Names;
use crate::positions::{Amounts, Former, Place, Spot, Sums, lot_entry};
use crate::valuation::Priceable;

type Entries = BTreeMap<Place, Amounts>;

/// A position's result in one currency of payment, in minor units.
pub(super) struct Line {
    pub(super) book: Identifier,
    pub(super) basis: Rc<Basis>,
    pub(super) spot: Spot,
    pub(super) currency: Option<CurrencyCode>,
    pub(super) quantity: i128,
    pub(super) cost: i128,
    /// With the market value.
    pub(super) mark: Option<(Mark, i128)>,
    pub(super) method: Method,
    pub(super) local: DayResult,
    pub(super) reporting: Option<CurrencyCode>,
    pub(super) reported: DayResult,
    pub(super) exceptions: BTreeSet<Missing>,
    pub(super) changed: u64,
}

fn overflow(_: Overflow) -> Error {
    Error::Overflow { what: "a result" }
}

/// The entries as they were known at a record.
fn as_known(now: &Entries, former: &[Former], known: Option<u64>) -> Entries {
    let Some(known) = known else { return now.clone() };
    let then = now.iter().filter(|(_, amounts)| amounts.known <= known);
    let mut entries: Entries = then.map(|(place, amounts)| (place.clone(), *amounts)).collect();
    for each in former.iter().filter(|each| each.amounts.known <= known && known < each.until) {
        entries.insert(each.place.clone(), each.amounts);
    }
    entries
}

/// The lines of a position: one for each currency of payment.
pub(super) fn lines(desk: &Desk<'_>, names: &Names, spot: Spot, sums: Sums) -> Result<Vec<Line>, Error> {
    let book = names.id(Kind::Book, spot.book().0)?.clone();
    let owner = desk.grounds.owner(&book).cloned();
    let entity = owner.and_then(|owner| Some((PartyIx(names.index(Kind::Party, owner.as_str()).ok()?), owner)));
    let basis = desk.basis(entity)?;
    let instrument = names.id(Kind::Instrument, spot.instrument().0)?.clone();
    let priceable = desk.grounds.instrument(&instrument);

    let (now, former) = (desk.picture.entries(spot)?, desk.picture.former(spot)?);
    let close = as_known(&now, &former, basis.close.known);
    // Where the same close holds for both, what was published is what is known again.
    let then = basis.last.as_ref().filter(|last| last.known != basis.close.known);
    let published = then.map(|last| as_known(&now, &former, last.known));
    // What is paid in nothing is valued in what the instrument is quoted in.
    let currency = |amounts: &Amounts| amounts.currency.or(priceable.map(|priceable| priceable.currency));
    let seen = close.values().chain(published.iter().flat_map(BTreeMap::values));
    let currencies: BTreeSet<Option<CurrencyCode>> = seen.map(currency).collect();
    let mut found = Vec::new();
    for code in currencies {
        let date = basis.close.marks.date;
        let reporting = desk.question.currency.or_else(|| desk.grounds.reporting(&book, date));
        let policies = desk.question.by.policies(desk.grounds, &book);
        let part = Part {
            desk,
            names,
            basis: &basis,
            spot,
            instrument: &instrument,
            priceable,
            code,
            reporting,
            policies: &policies,
        };
        let of = |entries: &Entries, to: Date| -> Vec<(Place, Amounts)> {
            let dated = entries.iter().filter(|(place, amounts)| place.date <= to && currency(amounts) == code);
            dated.map(|(place, amounts)| (place.clone(), *amounts)).collect()
        };
        let closing = of(&close, date);
        let mut exceptions = BTreeSet::new();
        let now = part.at(&basis.close, &closing, &mut exceptions)?;
        let (mut opening, mut again) = (None, None);
        let mut is_there = !closing.is_empty();
        if let Some(last) = &basis.last {
            let entries = of(&close, last.marks.date);
            let at_last = part.at(last, &entries, &mut exceptions)?;
            opening = match &published {
                Some(published) => {
                    let entries = of(published, last.marks.date);
                    is_there |= !entries.is_empty();
                    Some(part.at(last, &entries, &mut exceptions)?)
                }
                None => Some(at_last.clone()),
            };
            again = Some(at_last);
        } else {
            exceptions.insert(Missing { code: Code::NoLastClose, subject: String::new(), date });
        }
        if !is_there {
            continue;
        }
        let day = |figures: fn(&Sight) -> Option<Figures>| DayResult {
            has_last: basis.last.is_some(),
            opening: opening.as_ref().and_then(figures),
            again: again.as_ref().and_then(figures),
            closing: figures(&now),
        };
        found.push(Line {
            book: book.clone(),
            basis: basis.clone(),
            spot,
            currency: code,
            quantity: now.holding.quantity().map_err(overflow)?,
            cost: now.holding.cost().map_err(overflow)?,
            mark: now.mark.zip(now.pnl).map(|(mark, pnl)| (mark, pnl.value)),
            method: policies.on(date).method,
            local: day(|sight| sight.pnl.as_ref().map(Figures::local)),
            reporting,
            reported: day(|sight| sight.pnl.as_ref().filter(|_| sight.is_reported).map(Figures::base)),
            exceptions,
            changed: sums.changed,
        });
    }
    Ok(found)
}

/// What the entries of one currency come to at one close.
#[derive(Clone)]
struct Sight {
    holding: Holding,
    /// Absent where nothing is held.
    mark: Option<Mark>,
    /// Absent when an exception hides it.
    pnl: Option<Pnl>,
    /// It has a rate for everything.
    is_reported: bool,
}

struct Part<'a> {
    desk: &'a Desk<'a>,
    names: &'a Names,
    basis: &'a Basis,
    spot: Spot,
    instrument: &'a Identifier,
    priceable: Option<Priceable>,
    code: Option<CurrencyCode>,
    reporting: Option<CurrencyCode>,
    policies: &'a Policies,
}

impl Part<'_> {
    fn scales(&self) -> Scales {
        let currency = self.code.and_then(exponent).map_or(0, u32::from);
        Scales { quantity: self.names.scale(Asset::instrument(self.spot.instrument())), currency }
    }

    /// Values entries; what is missing is added to the exceptions.
    fn at(
        &self,
        moment: &Moment,
        entries: &[(Place, Amounts)],
        exceptions: &mut BTreeSet<Missing>,
    ) -> Result<Sight, Error> {
        let mut is_reported = self.reporting.is_some();
        let mut is_known = true;
        let mut list = Vec::with_capacity(entries.len());
        for (number, (place, amounts)) in entries.iter().enumerate() {
            let (what, rate) = self.entry(place, amounts, exceptions)?;
            is_known &= what.is_some();
            is_reported &= rate.is_some();
            let Amounts { quantity, amount, accrued, fees, .. } = *amounts;
            let what = what.unwrap_or(What::Trade { quantity, amount, accrued, fees });
            list.push(lot_entry(number, place, what, rate.unwrap_or(Conversion::SAME)));
        }
        let holding = lots::holding(self.policies, list).map_err(overflow)?;
        let flat = holding.quantity().map_err(overflow)? == 0;
        let mut note = |missing: Missing| {
            exceptions.insert(missing);
        };
        let rate = match (self.code, self.reporting) {
            (Some(from), Some(to)) if !flat => moment.marks.rate(from, to).map_err(&mut note).ok(),
            _ => Some(Conversion::SAME),
        };
        is_reported &= rate.is_some();
        let rate = rate.unwrap_or(Conversion::SAME);
        let date = moment.marks.date;
        let mark = match (self.code, self.priceable) {
            _ if flat => None,
            (None, _) => {
                note(Missing { code: Code::NoCurrency, subject: self.instrument.to_string(), date });
                None
            }
            (Some(_), None) => {
                note(Missing { code: Code::NoPrice, subject: self.instrument.to_string(), date });
                None
            }
            (Some(code), Some(priceable)) => {
                moment.marks.mark(self.instrument, priceable, (code, rate), self.scales()).map_err(&mut note).ok()
            }
        };
        let pnl = match mark {
            Some(mark) => Some(holding.pnl(&mark).map_err(overflow)?),
            // Nothing is held, so nothing needs a price.
            None if flat => Some(holding.pnl(&self.nothing(rate)).map_err(overflow)?),
            None => None,
        };
        Ok(Sight { holding, mark, pnl: pnl.filter(|_| is_known), is_reported })
    }

    fn nothing(&self, rate: Conversion) -> Mark {
        let zero = model::decimal::Decimal::ZERO;
        Mark { price: zero, accrued: zero, kind: PriceKind::Amount, scales: self.scales(), rate }
    }

    /// An entry as a trade with a cost, and its rate into what is reported; nothing where that cannot be known.
    fn entry(
        &self,
        place: &Place,
        amounts: &Amounts,
        exceptions: &mut BTreeSet<Missing>,
    ) -> Result<(Option<What>, Option<Conversion>), Error> {
        let Amounts { quantity, amount, accrued, fees, uncosted, .. } = *amounts;
        let needs_rate = self.reporting.is_some() && self.reporting != self.code;
        let mut what = Some(What::Trade { quantity, amount, accrued, fees });
        if !uncosted && !needs_rate {
            return Ok((what, Some(Conversion::SAME)));
        }
        let (marks, earlier) = self.desk.acquired(self.basis, place.date)?;
        let mut note = |missing: Missing| {
            exceptions.insert(missing);
        };
        if earlier {
            note(Missing { code: Code::SetOfEarlierDay, subject: place.id.to_string(), date: place.date });
        }
        if uncosted {
            note(Missing { code: Code::CostAtMarket, subject: place.id.to_string(), date: place.date });
            let mark = match (self.code, self.priceable) {
                (Some(code), Some(priceable)) => marks
                    .mark(self.instrument, priceable, (code, Conversion::SAME), self.scales())
                    .map_err(&mut note)
                    .ok(),
                _ => {
                    note(Missing { code: Code::NoPrice, subject: self.instrument.to_string(), date: place.date });
                    None
                }
            };
            let at_market = |mark: Mark| -> Result<What, Overflow> {
                Ok(What::Trade {
                    quantity,
                    amount: value(quantity, mark.price, mark.kind, mark.scales)?,
                    accrued: value(quantity, mark.accrued, mark.kind, mark.scales)?,
                    fees,
                })
            };
            what = mark.map(at_market).transpose().map_err(overflow)?;
        }
        let rate = match (self.code, self.reporting) {
            (Some(from), Some(to)) => marks.rate(from, to).map_err(&mut note).ok(),
            _ => Some(Conversion::SAME),
        };
        Ok((what, rate))
    }
}
