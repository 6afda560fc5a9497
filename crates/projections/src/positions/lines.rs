//! Positions as answers: quantities from the sums, lots and results from the entries, when asked.

use std::collections::BTreeMap;

use model::currency;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{Asset, BookIx, InstrumentIx, Kind};
use model::reference::LotMethod;
use risk::amount::Conversion;
use risk::lots::{self, Holding, Key, Method, Policies, What};
use wire::pb::record::LotMethod as WireMethod;
use wire::pb::view as pb;

use super::{Amounts, Picture, Place, Spot, Sums};
use crate::names::Names;
use crate::token;
use crate::valuation::Grounds;
use crate::{Error, values};

/// Which positions, by number.
pub(crate) struct PositionFilter {
    book: Option<BookIx>,
    entity: Option<Identifier>,
    instrument: Option<InstrumentIx>,
    with_flat: bool,
    pub(crate) hash: u64,
}

impl PositionFilter {
    pub(crate) fn parse(filter: &pb::PositionFilter, names: &Names) -> Result<PositionFilter, Error> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let entity =
            given(&filter.entity).map(|entity| names.index(Kind::Party, &entity).map(|_| entity)).transpose()?;
        Ok(PositionFilter {
            book: given(&filter.book).map(|book| names.index(Kind::Book, &book).map(BookIx)).transpose()?,
            entity: entity.and_then(|entity| Identifier::parse(&entity).ok()),
            instrument: given(&filter.instrument).map(|id| names.instrument(&id)).transpose()?,
            with_flat: filter.with_flat,
            hash: token::hash(&prost::Message::encode_to_vec(filter)),
        })
    }

    pub(crate) fn admits(&self, names: &Names, grounds: &Grounds, spot: Spot, sums: &Sums) -> bool {
        let flat = sums.traded == 0 && sums.settled == 0;
        let owner = || names.id(Kind::Book, spot.book().0).ok().and_then(|book| grounds.owner(book));
        (self.with_flat || !flat)
            && self.book.is_none_or(|book| book == spot.book())
            && self.instrument.is_none_or(|instrument| instrument == spot.instrument())
            && self.entity.as_ref().is_none_or(|entity| owner() == Some(entity))
    }

    /// It may pass, or have passed, when something is held.
    pub(crate) fn concerns(&self, names: &Names, grounds: &Grounds, spot: Spot) -> bool {
        let held = Sums { traded: 1, ..Sums::default() };
        self.admits(names, grounds, spot, &held)
    }

    /// The same, whether flat or not: what is over has a result.
    pub(crate) fn with_flat(self) -> PositionFilter {
        PositionFilter { with_flat: true, ..self }
    }
}

/// How lots are to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// As each book's own policy says.
    Book,
    /// All alike, whatever the policies say.
    Method(LotMethod),
}

impl By {
    pub(crate) fn from_wire(method: WireMethod) -> By {
        match method {
            WireMethod::Unspecified => By::Book,
            WireMethod::Fifo => By::Method(LotMethod::Fifo),
            WireMethod::Average => By::Method(LotMethod::Average),
        }
    }

    pub(crate) fn policies(self, grounds: &Grounds, book: &Identifier) -> Policies {
        match self {
            By::Book => grounds.policies(book),
            By::Method(LotMethod::Fifo) => Policies::always(Method::Fifo),
            By::Method(LotMethod::Average) => Policies::always(Method::Average),
        }
    }
}

/// Entries of one currency, in order.
#[derive(Default)]
struct Group {
    entries: Vec<(Place, Amounts)>,
    uncosted: u64,
}

/// The lines of one position: one for each currency it was paid in.
pub(crate) fn lines(
    picture: &Picture<'_>,
    (names, grounds): (&Names, &Grounds),
    (spot, sums): (Spot, Sums),
    by: By,
    in_full: bool,
) -> Result<Vec<pb::Position>, Error> {
    let mut groups: BTreeMap<Option<CurrencyCode>, Group> = BTreeMap::new();
    for (place, amounts) in picture.entries(spot)? {
        let group = groups.entry(amounts.currency).or_default();
        group.uncosted += u64::from(amounts.uncosted);
        group.entries.push((place, amounts));
    }
    // Up to a date the entries are what was traded by then, and what had settled by then no row says.
    let held = match picture.until() {
        None => (sums.traded, Some(sums.settled)),
        Some(_) => {
            let entries = groups.values().flat_map(|group| &group.entries);
            (entries.map(|(_, amounts)| amounts.quantity).sum(), None)
        }
    };
    groups.into_iter().map(|each| line(names, grounds, (spot, sums.changed, held), each, by, in_full)).collect()
}

/// The entry for `risk::lots`. Its place in the order is its id: it sorts as the rows do.
pub(crate) fn lot_entry(number: usize, place: &Place, what: What, rate: Conversion) -> lots::Entry {
    let id = Identifier::parse(&format!("{number:012}")).expect("digits are a name");
    lots::Entry { key: Key { trade_date: place.date, at: None, id }, what, rate }
}

fn holding(entries: &[(Place, Amounts)], policies: &Policies) -> Result<Holding, Error> {
    let entries = entries.iter().enumerate().map(|(number, (place, amounts))| {
        let Amounts { quantity, amount, accrued, fees, .. } = *amounts;
        lot_entry(number, place, What::Trade { quantity, amount, accrued, fees }, Conversion::SAME)
    });
    lots::holding(policies, entries).map_err(|_| Error::Overflow { what: "a position" })
}

pub(crate) fn wire_method(method: Method) -> WireMethod {
    match method {
        Method::Fifo => WireMethod::Fifo,
        Method::Average => WireMethod::Average,
    }
}

fn line(
    names: &Names,
    grounds: &Grounds,
    (spot, changed, (traded, settled)): (Spot, u64, (i128, Option<i128>)),
    (currency, group): (Option<CurrencyCode>, Group),
    by: By,
    in_full: bool,
) -> Result<pb::Position, Error> {
    let book = names.id(Kind::Book, spot.book().0)?;
    let policies = by.policies(grounds, book);
    let held = holding(&group.entries, &policies)?;
    let scale = names.scale(Asset::instrument(spot.instrument()));
    let cents = currency.map_or(0, |code| u32::from(currency::exponent(code).unwrap_or(0)));
    let units = |units| values::decimal("a position", units, scale).map(Some);
    let money = |units| values::decimal("a position", units, cents).map(Some);
    let overflow = |_| Error::Overflow { what: "a position" };
    let last = group.entries.last().map(|(place, _)| place.date);
    let figures = |method: Method| -> Result<pb::MethodFigures, Error> {
        let holding = holding(&group.entries, &Policies::always(method))?;
        Ok(pb::MethodFigures {
            method: wire_method(method) as i32,
            cost: money(holding.cost().map_err(overflow)?)?,
            realised: money(holding.realised)?,
        })
    };
    let lot = |lot: &lots::Lot| {
        let number = lot.opened.id.as_str().parse::<usize>().ok();
        let (place, amounts) = number.and_then(|number| group.entries.get(number)).expect("a lot is of an entry");
        Ok(pb::Lot {
            opened_by: place.id.to_string(),
            trade: if amounts.booked { 0 } else { place.number },
            sequence: amounts.known,
            trade_date: values::number(place.date),
            quantity: units(lot.quantity)?,
            cost: money(lot.cost)?,
        })
    };
    Ok(pb::Position {
        book: book.to_string(),
        entity: grounds.owner(book).map_or(String::new(), ToString::to_string),
        instrument: names.text(Kind::Instrument, spot.instrument().0)?,
        isin: last.and_then(|date| names.isin(spot.instrument(), date)).map_or(String::new(), |isin| isin.to_string()),
        currency: currency.map_or(String::new(), |currency| currency.to_string()),
        traded: units(traded)?,
        settled: settled.map_or(Ok(None), units)?,
        quantity: units(held.quantity().map_err(overflow)?)?,
        cost: money(held.cost().map_err(overflow)?)?,
        realised: money(held.realised)?,
        accrued: money(held.accrued)?,
        fees: money(held.fees)?,
        method: wire_method(last.map_or(Method::Fifo, |date| policies.on(date).method)) as i32,
        entries: group.entries.len() as u64,
        uncosted: group.uncosted,
        changed_at_sequence: changed,
        methods: if in_full { vec![figures(Method::Fifo)?, figures(Method::Average)?] } else { Vec::new() },
        lots: if in_full { held.lots.iter().map(lot).collect::<Result<_, Error>>()? } else { Vec::new() },
    })
}
