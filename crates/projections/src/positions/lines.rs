//! Positions as answers: quantities from the sums, lots and results from the entries, when asked.

use std::collections::BTreeMap;

use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{Asset, BookIx, InstrumentIx, Kind};
use risk::amount::Conversion;
use risk::lots::{Entry as LotEntry, Holding, Key, Method, Policies, Position, What};
use store::Views;
use wire::pb::typ::Decimal;

use super::entry::{Amounts, Place, prefix};
use super::{Positions, Sums};
use crate::names::Names;
use crate::view::table;
use crate::{Error, values};

/// What a book holds of an instrument, in one currency of payment.
#[derive(Clone, Debug, PartialEq)]
pub struct PositionLine {
    pub book: String,
    pub instrument: String,
    /// ISO 4217; empty where no cost was ever named.
    pub currency: String,
    /// By trade date, in all currencies: what the ledger has in the book.
    pub traded: Decimal,
    /// In all currencies.
    pub settled: Decimal,
    /// In this currency, of what the lots are.
    pub quantity: Decimal,
    pub cost: Decimal,
    pub realised: Decimal,
    pub accrued: Decimal,
    pub fees: Decimal,
    /// In trade-date order.
    pub lots: Vec<LotLine>,
    /// Entries whose cost is not in the log and counts as zero: the result is not complete while there are any.
    pub uncosted: u64,
}

/// An open lot.
#[derive(Clone, Debug, PartialEq)]
pub struct LotLine {
    /// The front office's id of the trade that opened it, or `opened`, `moved`, `reversed` for what was none.
    pub opened_by: String,
    pub trade_date: Date,
    pub quantity: Decimal,
    pub cost: Decimal,
}

/// Entries of one currency.
#[derive(Default)]
struct Group {
    entries: Vec<(Place, Amounts)>,
    uncosted: u64,
}

impl Positions {
    /// The positions of a book and an instrument, or of all; those that are over count too, for their results.
    pub(crate) fn lines(
        &self,
        views: &Views,
        names: &Names,
        (book, instrument): (Option<BookIx>, Option<InstrumentIx>),
        method: Method,
    ) -> Result<Vec<PositionLine>, Error> {
        let mut lines = Vec::new();
        for (key, sums) in &self.sums {
            if book.is_none_or(|only| key.0 == only) && instrument.is_none_or(|only| key.1 == only) {
                for (currency, group) in self.groups(views, *key)? {
                    lines.push(line(names, *key, *sums, currency, group, method)?);
                }
            }
        }
        Ok(lines)
    }

    /// The entries in the database, with what changed since.
    fn groups(
        &self,
        views: &Views,
        (book, instrument): (BookIx, InstrumentIx),
    ) -> Result<BTreeMap<Option<CurrencyCode>, Group>, Error> {
        const TABLE: u8 = table::POSITION_ENTRIES;
        let from = prefix(book, instrument);
        let to = u64::from_be_bytes(from).checked_add(1).map_or(Vec::new(), |next| next.to_be_bytes().to_vec());
        let mut entries = BTreeMap::new();
        for row in views.scan(TABLE, &from, &to) {
            let row = row?;
            entries.insert(Place::from_key(TABLE, &row.key)?, Amounts::from_row(TABLE, &row.value)?);
        }
        let first = Place { book, instrument, date: Date::MIN, id: String::new(), number: 0 };
        let ours = self.dirty_entries.range(first..);
        for (place, amounts) in ours.take_while(|(place, _)| (place.book, place.instrument) == (book, instrument)) {
            match amounts {
                Some(amounts) => entries.insert(place.clone(), *amounts),
                None => entries.remove(place),
            };
        }
        let mut groups: BTreeMap<Option<CurrencyCode>, Group> = BTreeMap::new();
        for (place, amounts) in entries {
            let group = groups.entry(amounts.currency).or_default();
            group.uncosted += u64::from(amounts.uncosted);
            group.entries.push((place, amounts));
        }
        Ok(groups)
    }
}

/// The holding that the entries come to.
fn holding(entries: &[(Place, Amounts)], method: Method) -> Result<Holding, Error> {
    let overflow = |_| Error::Overflow { what: "a position" };
    let mut position = Position::new(Policies::always(method));
    for (number, (place, amounts)) in entries.iter().enumerate() {
        // The place in the order is the id: it sorts as the rows do.
        let id = Identifier::parse(&format!("{number:020}")).expect("digits are a name");
        let Amounts { quantity, amount, accrued, fees, .. } = *amounts;
        let entry = LotEntry {
            key: Key { trade_date: place.date, at: None, id },
            what: What::Trade { quantity, amount, accrued, fees },
            rate: Conversion::SAME,
        };
        position.insert(entry).map_err(overflow)?;
    }
    Ok(position.holding().clone())
}

fn line(
    names: &Names,
    (book, instrument): (BookIx, InstrumentIx),
    sums: Sums,
    currency: Option<CurrencyCode>,
    group: Group,
    method: Method,
) -> Result<PositionLine, Error> {
    let holding = holding(&group.entries, method)?;
    let scale = names.scale(Asset::instrument(instrument));
    let cents = currency.map_or(0, |currency| names.scale(Asset::currency(currency)));
    let units = |units| values::decimal("a position", units, scale);
    let money = |units| values::decimal("a position", units, cents);
    let overflow = |_| Error::Overflow { what: "a position" };
    let lot = |lot: &risk::lots::Lot| {
        let number = lot.opened.id.as_str().parse::<usize>().ok();
        let opened = number.and_then(|number| group.entries.get(number));
        Ok(LotLine {
            opened_by: opened.map_or(String::new(), |(place, _)| place.id.clone()),
            trade_date: lot.opened.trade_date,
            quantity: units(lot.quantity)?,
            cost: money(lot.cost)?,
        })
    };
    Ok(PositionLine {
        book: names.text(Kind::Book, book.0)?,
        instrument: names.text(Kind::Instrument, instrument.0)?,
        currency: currency.map_or(String::new(), |currency| currency.to_string()),
        traded: units(sums.traded)?,
        settled: units(sums.settled)?,
        quantity: units(holding.quantity().map_err(overflow)?)?,
        cost: money(holding.cost().map_err(overflow)?)?,
        realised: money(holding.realised)?,
        accrued: money(holding.accrued)?,
        fees: money(holding.fees)?,
        lots: holding.lots.iter().map(lot).collect::<Result<_, Error>>()?,
        uncosted: group.uncosted,
    })
}
