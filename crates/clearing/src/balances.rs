//! Every balance of the ledger, in slots: what an account has of an asset, and who waits for more of it.

use crate::places::Places;
use crate::waiting::Tree;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use model::index::{AccountIx, Asset, PartyIx};
use model::ledger::{LedgerAccount, Posting};

/// A balance and what hangs on it. Not aligned to a cache line: that costs 16 B, one and a half times an open instruction.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub account: u64,
    pub asset: Asset,
    pub amount: i128,
    /// Who waits for this account to be credited; only locations have any.
    pub waiting: Tree,
    /// Stands in the queue of accounts to try again.
    pub queued: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Balances {
    pub slots: Vec<Slot>,
    places: Places,
    /// The slots of each location, so that a statement of one account looks at no other.
    by_location: BTreeMap<u64, Vec<u32>>,
    /// No balance was ever further from zero: while this leaves room, no single balance need be looked at.
    pub high_water: i128,
}

/// What a balance may be: the range of the wire's integer.
pub(crate) const RANGE: i128 = i64::MAX as i128;

impl Balances {
    pub fn place(&self, account: LedgerAccount, asset: Asset) -> Option<u32> {
        self.find(account.pack(), asset)
    }

    pub fn amount(&self, account: LedgerAccount, asset: Asset) -> i128 {
        self.place(account, asset).map_or(0, |place| self.slots[place as usize].amount)
    }

    /// The slot of an account and asset, made on first use.
    pub fn slot(&mut self, account: LedgerAccount, asset: Asset) -> u32 {
        let account = account.pack();
        self.find(account, asset).unwrap_or_else(|| {
            let place = self.slots.len() as u32;
            self.slots.push(Slot { account, asset, amount: 0, waiting: Tree::default(), queued: false });
            self.places.add(hash(account, asset), place);
            note_location(&mut self.by_location, account, place);
            place
        })
    }

    #[inline]
    fn find(&self, account: u64, asset: Asset) -> Option<u32> {
        self.places.find(hash(account, asset), |place| {
            let slot = &self.slots[place as usize];
            slot.account == account && slot.asset == asset
        })
    }

    /// Looks where postings will be booked, all of them before the first is: each look-up waits twice for memory, and so they
    /// wait at the same time. Changes nothing.
    pub fn look_ahead<'a>(&self, postings: impl Iterator<Item = &'a Posting>) {
        let mut seen = 0;
        for posting in postings {
            let account = posting.account.pack();
            let likely = self.places.likely(hash(account, posting.asset));
            seen ^= likely.and_then(|place| self.slots.get(place as usize)).map_or(0, |slot| slot.account);
        }
        core::hint::black_box(seen);
    }

    /// Books one posting; the slot, so that a credit can wake who waits.
    pub fn post(&mut self, posting: &Posting) -> u32 {
        let place = self.slot(posting.account, posting.asset);
        let slot = &mut self.slots[place as usize];
        slot.amount += posting.amount;
        self.high_water = self.high_water.max(slot.amount.abs());
        place
    }

    /// What lies in one place.
    pub fn of_location(&self, account: LedgerAccount) -> impl Iterator<Item = (Asset, i128)> {
        let slots = self.by_location.get(&account.pack()).into_iter().flatten();
        slots.map(|place| &self.slots[*place as usize]).map(|slot| (slot.asset, slot.amount))
    }

    /// Puts back a slot from a snapshot; `false` where it cannot be one.
    #[must_use]
    pub fn restore(&mut self, slot: Slot) -> bool {
        let known = self.find(slot.account, slot.asset).is_some();
        if known || LedgerAccount::unpack(slot.account).is_none() || slot.amount == i128::MIN {
            return false;
        }
        self.places.add(hash(slot.account, slot.asset), self.slots.len() as u32);
        note_location(&mut self.by_location, slot.account, self.slots.len() as u32);
        self.high_water = self.high_water.max(slot.amount.abs());
        self.slots.push(slot);
        true
    }
}

fn note_location(by_location: &mut BTreeMap<u64, Vec<u32>>, account: u64, place: u32) {
    if matches!(LedgerAccount::unpack(account), Some(LedgerAccount::Location { .. })) {
        by_location.entry(account).or_default().push(place);
    }
}

/// Half of the hash of an account and an asset.
#[inline]
fn hash(account: u64, asset: Asset) -> u32 {
    foldhash::fast::FixedState::default().hash_one((account, asset.0)) as u32
}

/// Where something of a holder lies.
pub(crate) fn location(entity: PartyIx, account: AccountIx) -> LedgerAccount {
    LedgerAccount::Location { entity, account }
}
