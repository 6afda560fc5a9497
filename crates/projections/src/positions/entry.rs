//! Rows of entries. Their keys sort as lots do: book, instrument, trade date, the front office's id, then our number.
//!
//! Facts carry no time of execution, so within a day the id decides: the order of arrival never does.

use model::date::Date;
use model::identifier::CurrencyCode;
use model::index::{BookIx, InstrumentIx};

use crate::Error;
use crate::rows;
use crate::view::table;

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub book: BookIx,
    pub instrument: InstrumentIx,
    pub date: Date,
    pub id: String,
    /// Of the trade; of the record for what is no trade.
    pub number: u64,
}

/// What it says, in smallest units, signed as `risk::lots` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amounts {
    /// Absent when neither cash nor cost was named.
    pub currency: Option<CurrencyCode>,
    /// What it cost is not in the log: free of payment, moved, or opened without a cost.
    pub uncosted: bool,
    pub quantity: i128,
    pub amount: i128,
    pub accrued: i128,
    pub fees: i128,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub place: Place,
    pub amounts: Amounts,
}

/// Between id and number: lower than any character of an id, so that an id sorts before what it begins.
const END: u8 = 0;

pub(super) fn prefix(book: BookIx, instrument: InstrumentIx) -> [u8; 8] {
    (u64::from(book.0) << 32 | u64::from(instrument.0)).to_be_bytes()
}

pub(super) fn from_prefix(bytes: [u8; 8]) -> (BookIx, InstrumentIx) {
    let packed = u64::from_be_bytes(bytes);
    (BookIx((packed >> 32) as u32), InstrumentIx(packed as u32))
}

/// Days with the sign bit turned: earlier dates have lower bytes.
fn date_bytes(date: Date) -> [u8; 4] {
    (date.days() ^ i32::MIN).to_be_bytes()
}

impl Place {
    pub(super) fn key(&self) -> Vec<u8> {
        let id = self.id.as_bytes();
        [&prefix(self.book, self.instrument), &date_bytes(self.date)[..], id, &[END], &self.number.to_be_bytes()]
            .concat()
    }

    pub(super) fn from_key(table: u8, key: &[u8]) -> Result<Place, Error> {
        let broken = || Error::Row { table, reason: format!("a key of {} bytes", key.len()) };
        let (head, rest) = key.split_first_chunk::<8>().ok_or_else(broken)?;
        let (date, rest) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        let (rest, number) = rest.split_last_chunk::<8>().ok_or_else(broken)?;
        let (_, id) = rest.split_last().ok_or_else(broken)?;
        let (book, instrument) = from_prefix(*head);
        Ok(Place {
            book,
            instrument,
            date: rows::date(table, i32::from_be_bytes(*date) ^ i32::MIN)?,
            id: rows::sound(table, String::from_utf8(id.to_vec()))?,
            number: u64::from_be_bytes(*number),
        })
    }
}

impl Amounts {
    /// Three letters of the currency (zeros: none), a flag, four numbers of 128 bits.
    const LENGTH: usize = 68;

    pub(super) fn row(&self) -> [u8; Amounts::LENGTH] {
        let mut row = [0; Amounts::LENGTH];
        if let Some(currency) = &self.currency {
            row[..3].copy_from_slice(currency.as_str().as_bytes());
        }
        row[3] = u8::from(self.uncosted);
        for (place, number) in [self.quantity, self.amount, self.accrued, self.fees].into_iter().enumerate() {
            row[4 + 16 * place..20 + 16 * place].copy_from_slice(&number.to_be_bytes());
        }
        row
    }

    pub(super) fn from_row(table: u8, row: &[u8]) -> Result<Amounts, Error> {
        let row: [u8; Amounts::LENGTH] = rows::key(table, row)?;
        let currency = match &row[..3] {
            [0, 0, 0] => None,
            letters => Some(rows::currency(table, &String::from_utf8_lossy(letters))?),
        };
        let number = |place: usize| i128::from_be_bytes(std::array::from_fn(|byte| row[4 + 16 * place + byte]));
        Ok(Amounts {
            currency,
            uncosted: row[3] != 0,
            quantity: number(0),
            amount: number(1),
            accrued: number(2),
            fees: number(3),
        })
    }
}

impl Entry {
    /// Amounts, then the key.
    pub(super) fn row(&self) -> Vec<u8> {
        [&self.amounts.row()[..], &self.place.key()].concat()
    }

    pub(super) fn from_row(row: &[u8]) -> Result<Entry, Error> {
        const TABLE: u8 = table::POSITION_TRADES;
        let split = row.split_at_checked(Amounts::LENGTH);
        let (amounts, key) = rows::present(TABLE, split, "amounts")?;
        Ok(Entry { place: Place::from_key(TABLE, key)?, amounts: Amounts::from_row(TABLE, amounts)? })
    }
}
