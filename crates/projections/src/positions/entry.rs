//! Rows of entries. Their keys sort as lots do: book, instrument, trade date, the front office's id, then our number.
//!
//! Facts carry no time of execution, so within a day the id decides: the order of arrival never does.

use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{BookIx, InstrumentIx, PartyIx};

use crate::Error;
use crate::rows;
use crate::view::table;

/// A book and an instrument in one number, which sorts as both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Spot(pub(crate) u64);

impl Spot {
    pub(crate) fn new(book: BookIx, instrument: InstrumentIx) -> Spot {
        Spot(u64::from(book.0) << 32 | u64::from(instrument.0))
    }

    pub(crate) fn book(self) -> BookIx {
        BookIx((self.0 >> 32) as u32)
    }

    pub(crate) fn instrument(self) -> InstrumentIx {
        InstrumentIx(self.0 as u32)
    }

    /// Its rows stand from the first key up to, not including, the second; an empty one is the end of the table.
    pub(super) fn range(self) -> ([u8; 8], Vec<u8>) {
        let next = self.0.checked_add(1).map_or(Vec::new(), |next| next.to_be_bytes().to_vec());
        (self.0.to_be_bytes(), next)
    }
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) spot: Spot,
    pub(crate) date: Date,
    /// The front office's id of the trade, or what it was that is no trade.
    pub(crate) id: Identifier,
    /// Of the trade; of the record for what is no trade.
    pub(crate) number: u64,
}

/// What it says, in smallest units, signed as `risk::lots` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amounts {
    /// Whose book it is.
    pub(crate) entity: PartyIx,
    /// The record that made it what it is.
    pub(crate) known: u64,
    /// Absent when neither cash nor cost was named.
    pub(crate) currency: Option<CurrencyCode>,
    /// What it cost is not in the log: free of payment, moved, or opened without a cost.
    pub(crate) uncosted: bool,
    /// No trade: its number is that of its record.
    pub(crate) booked: bool,
    pub(crate) quantity: i128,
    pub(crate) amount: i128,
    pub(crate) accrued: i128,
    pub(crate) fees: i128,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) amounts: Amounts,
}

/// Between id and number: lower than any character of an id, so that an id sorts before what it begins.
const END: u8 = 0;

/// Days with the sign bit turned: earlier dates have lower bytes.
pub(crate) fn date_bytes(date: Date) -> [u8; 4] {
    (date.days() ^ i32::MIN).to_be_bytes()
}

impl Place {
    pub(super) fn append_key(&self, to: &mut Vec<u8>) {
        to.extend(self.spot.0.to_be_bytes());
        to.extend(date_bytes(self.date));
        to.extend_from_slice(self.id.as_str().as_bytes());
        to.push(END);
        to.extend(self.number.to_be_bytes());
    }

    pub(super) fn key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(64);
        self.append_key(&mut key);
        key
    }

    pub(super) fn from_key(table: u8, key: &[u8]) -> Result<Place, Error> {
        let broken = || Error::Row { table, reason: format!("a key of {} bytes", key.len()) };
        let (spot, rest) = key.split_first_chunk::<8>().ok_or_else(broken)?;
        let (date, rest) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        let (rest, number) = rest.split_last_chunk::<8>().ok_or_else(broken)?;
        let (_, id) = rest.split_last().ok_or_else(broken)?;
        Ok(Place {
            spot: Spot(u64::from_be_bytes(*spot)),
            date: rows::date(table, i32::from_be_bytes(*date) ^ i32::MIN)?,
            id: rows::identifier(table, rows::sound(table, std::str::from_utf8(id))?)?,
            number: u64::from_be_bytes(*number),
        })
    }
}

impl Amounts {
    const UNCOSTED: u8 = 1;
    /// A currency follows.
    const IN_CURRENCY: u8 = 2;
    const BOOKED: u8 = 4;

    /// A byte of flags, the currency, then numbers as short as they are: nine of ten bytes of fixed fields were zeros.
    pub(super) fn row(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(32);
        self.append_row(&mut row);
        row
    }

    pub(super) fn append_row(&self, row: &mut Vec<u8>) {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        row.push(
            flag(self.uncosted, Amounts::UNCOSTED)
                | flag(self.currency.is_some(), Amounts::IN_CURRENCY)
                | flag(self.booked, Amounts::BOOKED),
        );
        if let Some(currency) = &self.currency {
            row.extend(currency.as_str().as_bytes());
        }
        put(row, i128::from(self.entity.0));
        put(row, i128::from(self.known));
        for number in [self.quantity, self.amount, self.accrued, self.fees] {
            put(row, number);
        }
    }

    pub(super) fn from_row(table: u8, row: &[u8]) -> Result<Amounts, Error> {
        let mut rest = row;
        let amounts = Amounts::take(table, &mut rest)?;
        let whole = rest.is_empty().then_some(amounts);
        rows::present(table, whole, "end where the amounts end")
    }

    /// Reads them off the front.
    fn take(table: u8, rest: &mut &[u8]) -> Result<Amounts, Error> {
        let (flags, after) = rows::present(table, rest.split_first(), "flags")?;
        *rest = after;
        let currency = if flags & Amounts::IN_CURRENCY == 0 {
            None
        } else {
            let (letters, after) = rows::present(table, rest.split_at_checked(3), "currency")?;
            *rest = after;
            Some(rows::currency(table, &String::from_utf8_lossy(letters))?)
        };
        let mut number = || rows::present(table, take(rest), "number");
        let entity = rows::sound(table, u32::try_from(number()?))?;
        Ok(Amounts {
            entity: PartyIx(entity),
            known: rows::sound(table, u64::try_from(number()?))?,
            currency,
            uncosted: flags & Amounts::UNCOSTED != 0,
            booked: flags & Amounts::BOOKED != 0,
            quantity: number()?,
            amount: number()?,
            accrued: number()?,
            fees: number()?,
        })
    }
}

/// A signed number in groups of seven bits from the lowest, as protobuf's `sint` has it but of any size.
fn put(row: &mut Vec<u8>, number: i128) {
    let mut left = ((number << 1) ^ (number >> 127)) as u128;
    while left >= 0x80 {
        row.push(left as u8 | 0x80);
        left >>= 7;
    }
    row.push(left as u8);
}

fn take(rest: &mut &[u8]) -> Option<i128> {
    let mut number = 0u128;
    for place in 0..19 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u128::from(byte & 0x7f).checked_shl(7 * place)?;
        if byte & 0x80 == 0 {
            return Some((number >> 1) as i128 ^ -((number & 1) as i128));
        }
    }
    None
}

impl Entry {
    /// Amounts, then the key.
    pub(super) fn append_row(&self, row: &mut Vec<u8>) {
        self.amounts.append_row(row);
        self.place.append_key(row);
    }

    pub(super) fn from_row(row: &[u8]) -> Result<Entry, Error> {
        const TABLE: u8 = table::POSITION_TRADES;
        let mut rest = row;
        let amounts = Amounts::take(TABLE, &mut rest)?;
        Ok(Entry { place: Place::from_key(TABLE, rest)?, amounts })
    }
}

/// An entry as it was until a record made another of it: kept where the books were closed over it.
#[derive(Clone, Debug)]
pub(crate) struct Former {
    pub(crate) place: Place,
    pub(crate) amounts: Amounts,
    /// The record from which on it no longer holds.
    pub(crate) until: u64,
}

impl Former {
    pub(super) fn key(&self) -> Vec<u8> {
        [self.place.key(), self.until.to_be_bytes().to_vec()].concat()
    }

    pub(super) fn from_row(key: &[u8], row: &[u8]) -> Result<Former, Error> {
        const TABLE: u8 = table::POSITION_FORMER;
        let (place, until) = rows::present(TABLE, key.split_last_chunk::<8>(), "record")?;
        Ok(Former {
            place: Place::from_key(TABLE, place)?,
            amounts: Amounts::from_row(TABLE, row)?,
            until: u64::from_be_bytes(*until),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_and_sort_by_date_then_id() {
        let entry = |date: &str, id: &str, quantity| Entry {
            place: Place {
                spot: Spot::new(BookIx(3), InstrumentIx(u32::MAX)),
                date: Date::parse(date).unwrap(),
                id: Identifier::parse(id).unwrap(),
                number: 7,
            },
            amounts: Amounts {
                entity: PartyIx(9),
                known: u64::MAX,
                currency: CurrencyCode::parse("EUR").ok(),
                uncosted: true,
                booked: true,
                quantity,
                amount: i128::MIN,
                accrued: -1,
                fees: 300,
            },
        };
        let list = [
            entry("1969-12-31", "Z", i128::MAX),
            entry("2026-11-23", "A", 0),
            entry("2026-11-23", "A1", 1),
            entry("2026-11-24", "A", 2),
        ];
        for each in &list {
            let mut row = Vec::new();
            each.append_row(&mut row);
            assert_eq!(Entry::from_row(&row).unwrap(), *each);
            let bare = Amounts { currency: None, uncosted: false, ..each.amounts };
            assert_eq!(Amounts::from_row(61, &bare.row()).unwrap(), bare);
        }
        assert!(list.windows(2).all(|pair| pair[0].place.key() < pair[1].place.key()));
        let row = list[0].amounts.row();
        assert!(Amounts::from_row(61, &row[..row.len() - 1]).is_err());
        assert!(Amounts::from_row(61, &[row, vec![0]].concat()).is_err());
    }
}
