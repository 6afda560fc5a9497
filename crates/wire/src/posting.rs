//! Postings: the hottest message of the log, read and written without detours.
//!
//! An account is its entity and one of book, counterparty, difference or location, each with its own field number: that
//! is shorter than the packed number (9 bytes and its key) and can be read without knowing how to unpack it.

use crate::error::{DecodeError, Fault};
use crate::read::Reader;
use crate::schema::{Message, Wire, message_field, required};
use model::index::{AccountIx, Asset, BookIx, PartyIx};
use model::ledger::{LedgerAccount, Posting};

message_field! { Posting }
impl Message for Posting {
    #[inline]
    fn body(&self, out: &mut Vec<u8>) {
        self.account.entity().write(1, out);
        match self.account {
            LedgerAccount::Book { book, .. } => book.put(2, out),
            LedgerAccount::Counterparty { party, .. } => party.put(3, out),
            LedgerAccount::Difference { .. } => true.put(4, out),
            LedgerAccount::Location { account, .. } => account.put(5, out),
        }
        self.asset.put(6, out);
        let amount = i64::try_from(self.amount).expect("decide lets no amount above 64 bits into an event");
        amount.write(8, out);
    }

    #[inline]
    fn read(mut reader: Reader<'_>) -> Result<Posting, Fault> {
        let (mut entity, mut account, mut asset, mut amount) = (0u32, None, None, 0i64);
        while let Some(field) = reader.next()? {
            let number = field.number;
            match number {
                1 => entity = index(field.varint()?)?,
                2..=5 => account = Some((number, index(field.varint()?)?)),
                6 | 7 => Asset::merge(&mut asset, 6, field)?,
                8 => amount = crate::write::unzigzag(field.varint()?),
                _ => field.skip()?,
            }
        }
        let entity = PartyIx(entity);
        let account = match account {
            Some((2, book)) => LedgerAccount::Book { entity, book: BookIx(book) },
            Some((3, party)) => LedgerAccount::Counterparty { entity, party: PartyIx(party) },
            Some((4, 1)) => LedgerAccount::Difference { entity },
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
