//! Postings: the hottest message of the log, read and written without detours.
//!
//! An account is its entity and one of book, counterparty, difference, break or location, each with its own field number: that
//! is shorter than the packed number (9 bytes and its key) and can be read without knowing how to unpack it.

use crate::asset;
use crate::error::{DecodeError, Fault};
use crate::read;
use crate::schema::{Message, Wire, message_field, required};
use crate::write;
use model::index::{AccountIx, Asset, BookIx, PartyIx};
use model::ledger::{LedgerAccount, Posting};

message_field! { Posting }
impl Message for Posting {
    #[inline]
    fn body(&self, out: &mut Vec<u8>) {
        let (kind, entity, other) = match self.account {
            LedgerAccount::Book { entity, book } => (2, entity, book.0),
            LedgerAccount::Counterparty { entity, party } => (3, entity, party.0),
            LedgerAccount::Difference { entity } => (4, entity, 1),
            LedgerAccount::Location { entity, account } => (5, entity, account.0),
            LedgerAccount::Break { entity } => (15, entity, 1),
        };
        let amount = i64::try_from(self.amount).expect("decide lets no amount above 64 bits into an event");
        let mut small = write::Small::new();
        if entity.0 != 0 {
            small.number(1, u64::from(entity.0));
        }
        small.number(kind, u64::from(other));
        match asset::letters(self.asset) {
            Some(letters) => small.three(7, letters),
            None => small.number(6, u64::from(self.asset.0)),
        }
        if amount != 0 {
            small.number(8, write::zigzag(amount));
        }
        out.extend_from_slice(small.bytes());
    }

    #[inline]
    fn read(mut bytes: &[u8]) -> Result<Posting, Fault> {
        let (mut entity, mut account, mut asset, mut amount) = (0u32, None, None, 0i64);
        while !bytes.is_empty() {
            let (key, value) = read::key(bytes)?;
            bytes = match key.number() {
                1 => {
                    let (number, rest) = read::number(key, value)?;
                    entity = index(number)?;
                    rest
                }
                kind @ (2..=5 | 15) => {
                    let (number, rest) = read::number(key, value)?;
                    account = Some((kind, index(number)?));
                    rest
                }
                6 | 7 => Asset::merge(&mut asset, 6, key, value)?,
                8 => {
                    let (number, rest) = read::number(key, value)?;
                    amount = write::unzigzag(number);
                    rest
                }
                _ => read::skip(key, value)?,
            };
        }
        let entity = PartyIx(entity);
        let account = match account {
            Some((2, book)) => LedgerAccount::Book { entity, book: BookIx(book) },
            Some((3, party)) => LedgerAccount::Counterparty { entity, party: PartyIx(party) },
            Some((4, 1)) => LedgerAccount::Difference { entity },
            Some((15, 1)) => LedgerAccount::Break { entity },
            Some((5, account)) => LedgerAccount::Location { entity, account: AccountIx(account) },
            _ => return Err(DecodeError::missing("account")),
        };
        Ok(Posting { account, asset: required(asset, "asset")?, amount: i128::from(amount) })
    }
}

/// A number of the ledger: 28 bits, so that accounts can be packed.
#[inline]
fn index(value: u64) -> Result<u32, Fault> {
    match u32::try_from(value) {
        Ok(index) if index < 1 << 28 => Ok(index),
        _ => Err(DecodeError::new(format_args!("{value} is no number of an account: it has more than 28 bits"))),
    }
}
