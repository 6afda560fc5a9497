//! A movement of a balance, and the numbers by which accounts and assets are kept.

use crate::bytes::{Fields, unreadable};
use crate::fault::{Fault, must};

/// Kind (8 bits), entity (28), the other party, book or account (28): as the rows of the ledger view have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(pub u64);

/// The kinds of account.
pub mod kind {
    pub const BOOK: u64 = 1;
    pub const COUNTERPARTY: u64 = 2;
    pub const DIFFERENCE: u64 = 3;
    pub const LOCATION: u64 = 4;
    pub const BREAK: u64 = 15;
}

impl Account {
    pub fn new(kind: u64, entity: u32, other: u32) -> Account {
        Account(kind << 56 | u64::from(entity) << 28 | u64::from(other))
    }
    pub fn kind(self) -> u64 {
        self.0 >> 56
    }
    pub fn entity(self) -> u32 {
        (self.0 >> 28) as u32 & 0x0fff_ffff
    }
    pub fn other(self) -> u32 {
        self.0 as u32 & 0x0fff_ffff
    }
    pub fn is_location(self) -> bool {
        self.kind() == kind::LOCATION
    }
}

/// An instrument's number, or a currency: the high bit and its three letters in base 26.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Asset(pub u32);

const CURRENCY: u32 = 1 << 31;

impl Asset {
    /// Three letters, as text or as they lie in the bytes.
    pub fn currency(code: impl AsRef<[u8]>) -> Result<Asset, Fault> {
        let code = code.as_ref();
        let letters = code.len() == 3 && code.iter().all(u8::is_ascii_uppercase);
        must!(I10, letters, "{:?} is no currency", String::from_utf8_lossy(code));
        Ok(Asset(CURRENCY | code.iter().fold(0, |all, letter| all * 26 + u32::from(letter - b'A'))))
    }

    pub fn instrument(number: u32) -> Asset {
        Asset(number & !CURRENCY)
    }

    pub fn is_currency(self) -> bool {
        self.0 & CURRENCY != 0
    }

    /// The three letters; `None` for an instrument.
    pub fn code(self) -> Option<String> {
        let number = self.0 & !CURRENCY;
        let letter = |place: u32| char::from(b'A' + (number / place % 26) as u8);
        self.is_currency().then(|| [letter(676), letter(26), letter(1)].iter().collect())
    }
}

/// One movement, in the smallest units of the asset; positive is more for the entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Posting {
    pub account: Account,
    pub asset: Asset,
    pub amount: i64,
}

impl Posting {
    pub fn read(bytes: &[u8]) -> Result<Posting, Fault> {
        let (mut entity, mut account, mut asset, mut amount) = (0, None, None, 0);
        let mut fields = Fields::of(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => entity = value.small()?,
                2 => account = Some((kind::BOOK, value.small()?)),
                3 => account = Some((kind::COUNTERPARTY, value.small()?)),
                4 => account = Some((kind::DIFFERENCE, 0)),
                5 => account = Some((kind::LOCATION, value.small()?)),
                15 => account = Some((kind::BREAK, 0)),
                6 => asset = Some(Asset(value.small()?)),
                7 => asset = Some(Asset::currency(value.bytes()?)?),
                8 => amount = value.signed()?,
                other => return Err(Fault::unknown(format!("a posting has a field {other}"))),
            }
        }
        let (Some((kind, other)), Some(asset)) = (account, asset) else {
            return Err(unreadable("a posting without account or asset"));
        };
        must!(I2, entity < 1 << 28 && other < 1 << 28, "a posting of a number that cannot be");
        Ok(Posting { account: Account::new(kind, entity, other), asset, amount })
    }
}

/// Reduces movements to what each account and asset gets in all, in order; what cancels out falls away.
pub fn net(postings: &mut Vec<Posting>) {
    postings.sort_unstable_by_key(|posting| (posting.account, posting.asset));
    postings.dedup_by(|later, first| {
        let same = (later.account, later.asset) == (first.account, first.asset);
        if same {
            first.amount = first.amount.wrapping_add(later.amount);
        }
        same
    });
    postings.retain(|posting| posting.amount != 0);
}
