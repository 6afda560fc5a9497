//! The stock record: double entry per legal entity and asset on two axes that agree, who owns it and where it lies.
//!
//! *Ownership* accounts (books, what counterparties owe and are owed, differences, breaks) and *location* accounts (depots,
//! nostros, internal accounts) move together: in every record, for each entity and asset, the sum over ownership
//! equals the sum over location. Capture moves only ownership (book against counterparty); settlement moves the
//! counterparty back and the location with it.

use crate::index::{AccountIx, Asset, BookIx, PartyIx};
use alloc::vec::Vec;
use core::fmt;

/// Which side of the stock record an account stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// Who owns it.
    Ownership,
    /// Where it lies.
    Location,
}

/// An account of the ledger. The entity is the legal entity (or member) whose books these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// Owned by a book.
    Book { entity: PartyIx, book: BookIx },
    /// Owed by (negative: delivered before it was owed to) a counterparty since trade date. Seen from the owner: a
    /// purchase captured makes the book positive and this negative until it settles.
    Counterparty { entity: PartyIx, party: PartyIx },
    /// What a tolerance forgave and what a rounding left: a named account of its own, never dropped.
    Difference { entity: PartyIx },
    /// What the outside moved and nothing of ours explains, until a person closes the break.
    Break { entity: PartyIx },
    /// Where it lies: a depot, a nostro or an internal account.
    Location { entity: PartyIx, account: AccountIx },
}

impl LedgerAccount {
    /// The entity whose ledger it is in.
    pub fn entity(self) -> PartyIx {
        match self {
            LedgerAccount::Book { entity, .. }
            | LedgerAccount::Counterparty { entity, .. }
            | LedgerAccount::Difference { entity }
            | LedgerAccount::Break { entity }
            | LedgerAccount::Location { entity, .. } => entity,
        }
    }

    /// Ownership or location.
    pub fn axis(self) -> Axis {
        match self {
            LedgerAccount::Location { .. } => Axis::Location,
            _ => Axis::Ownership,
        }
    }

    /// One number for maps and for the wire: kind (8 bits), entity (28), the other party, book or account (28).
    pub fn pack(self) -> u64 {
        let (kind, entity, other) = match self {
            LedgerAccount::Book { entity, book } => (1u64, entity, book.0),
            LedgerAccount::Counterparty { entity, party } => (2, entity, party.0),
            LedgerAccount::Difference { entity } => (3, entity, 0),
            LedgerAccount::Location { entity, account } => (4, entity, account.0),
            LedgerAccount::Break { entity } => (15, entity, 0),
        };
        assert!(entity.0 < 1 << 28 && other < 1 << 28, "interned numbers fit in 28 bits");
        kind << 56 | u64::from(entity.0) << 28 | u64::from(other)
    }

    /// The account a number stands for; `None` when it stands for none.
    pub fn unpack(packed: u64) -> Option<LedgerAccount> {
        let entity = PartyIx((packed >> 28) as u32 & 0x0fff_ffff);
        let other = packed as u32 & 0x0fff_ffff;
        match packed >> 56 {
            1 => Some(LedgerAccount::Book { entity, book: BookIx(other) }),
            2 => Some(LedgerAccount::Counterparty { entity, party: PartyIx(other) }),
            3 if other == 0 => Some(LedgerAccount::Difference { entity }),
            4 => Some(LedgerAccount::Location { entity, account: AccountIx(other) }),
            15 if other == 0 => Some(LedgerAccount::Break { entity }),
            _ => None,
        }
    }
}

/// One movement of one balance, in minor units of the asset. Positive is more for the entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Posting {
    /// What moves.
    pub account: LedgerAccount,
    /// Counted in.
    pub asset: Asset,
    /// By how much; on the wire it fits a signed 64-bit integer.
    pub amount: i128,
}

/// An entity and asset in which ownership and location would part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imbalance {
    pub entity: PartyIx,
    pub asset: Asset,
    /// Σ ownership − Σ location.
    pub difference: i128,
}

impl fmt::Display for Imbalance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of {:?} of party {}", self.difference, self.asset, self.entity.0)
    }
}

/// Checks the law of the stock record: per entity and asset, Σ ownership − Σ location = 0.
pub fn check_balanced(postings: &[Posting]) -> Result<(), Imbalance> {
    for (at, posting) in postings.iter().enumerate() {
        let key = (posting.account.entity(), posting.asset);
        let seen = postings[..at].iter().any(|earlier| (earlier.account.entity(), earlier.asset) == key);
        if seen {
            continue;
        }
        let difference = postings[at..]
            .iter()
            .filter(|each| (each.account.entity(), each.asset) == key)
            .map(|each| match each.account.axis() {
                Axis::Ownership => each.amount,
                Axis::Location => -each.amount,
            })
            .sum();
        if difference != 0 {
            return Err(Imbalance { entity: key.0, asset: key.1, difference });
        }
    }
    Ok(())
}

/// The same postings with their signs turned: a reversal.
pub fn reversed(postings: &[Posting]) -> Vec<Posting> {
    postings.iter().map(|posting| Posting { amount: -posting.amount, ..*posting }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::InstrumentIx;

    fn post(account: LedgerAccount, amount: i128) -> Posting {
        Posting { account, asset: Asset::instrument(InstrumentIx(7)), amount }
    }

    #[test]
    fn a_purchase_moves_ownership_at_capture_and_location_at_settlement() {
        let entity = PartyIx(1);
        let book = LedgerAccount::Book { entity, book: BookIx(3) };
        let owed = LedgerAccount::Counterparty { entity, party: PartyIx(2) };
        let depot = LedgerAccount::Location { entity, account: AccountIx(9) };
        assert_eq!(check_balanced(&[post(book, 100), post(owed, -100)]), Ok(()));
        assert_eq!(check_balanced(&[post(owed, 100), post(depot, 100)]), Ok(()));
        let torn = check_balanced(&[post(owed, 100), post(depot, 99)]).unwrap_err();
        assert_eq!(torn.difference, 1);
    }

    #[test]
    fn packing_is_its_own_inverse_and_refuses_what_it_never_wrote() {
        for account in [
            LedgerAccount::Book { entity: PartyIx(5), book: BookIx(268_435_455) },
            LedgerAccount::Counterparty { entity: PartyIx(0), party: PartyIx(12) },
            LedgerAccount::Difference { entity: PartyIx(77) },
            LedgerAccount::Break { entity: PartyIx(78) },
            LedgerAccount::Location { entity: PartyIx(1), account: AccountIx(0) },
        ] {
            assert_eq!(LedgerAccount::unpack(account.pack()), Some(account));
        }
        assert_eq!(LedgerAccount::unpack(0), None);
        assert_eq!(LedgerAccount::unpack(9 << 56), None);
    }
}
