//! Balances and tie-outs as answers.

use std::collections::BTreeMap;

use model::index::{Asset, Kind, PartyIx};
use model::ledger::{Axis, LedgerAccount};
use prost::Message;
use wire::pb::view as pb;

use super::{Key, Ledger};
use crate::Error;
use crate::names::Names;
use crate::token;
use crate::values;

/// Which balances.
pub(crate) struct BalanceFilter {
    entity: Option<PartyIx>,
    kinds: Vec<pb::LedgerAccountKind>,
    asset: Option<Asset>,
    with_zero: bool,
    pub(crate) hash: u64,
}

impl BalanceFilter {
    pub(crate) fn parse(filter: &pb::BalanceFilter, names: &Names) -> Result<BalanceFilter, Error> {
        let kind = |number: &i32| match pb::LedgerAccountKind::try_from(*number) {
            Ok(kind) if kind != pb::LedgerAccountKind::Unspecified => Ok(kind),
            _ => Err(Error::Filter { field: "kinds", reason: format!("{number} is no kind of ledger account") }),
        };
        let entity = match filter.entity.as_str() {
            "" => None,
            id => Some(PartyIx(names.index(Kind::Party, id)?)),
        };
        let asset = match filter.asset.as_str() {
            "" => None,
            id => Some(names.asset(id)?),
        };
        let mut canonical = filter.clone();
        canonical.kinds.sort_unstable();
        canonical.kinds.dedup();
        Ok(BalanceFilter {
            entity,
            kinds: filter.kinds.iter().map(kind).collect::<Result<_, _>>()?,
            asset,
            with_zero: filter.with_zero,
            hash: token::hash(&canonical.encode_to_vec()),
        })
    }

    fn admits(&self, key: Key, amount: i128) -> bool {
        let (account, asset) = (key.account(), key.asset());
        self.entity.is_none_or(|entity| account.entity() == entity)
            && (self.kinds.is_empty() || self.kinds.contains(&kind(account)))
            && self.asset.is_none_or(|only| asset == only)
            && (self.with_zero || amount != 0)
    }
}

/// The packed account and asset of the last balance of a page.
pub(super) type Place = (u64, u32);

/// What is held against each other for one entity and asset.
#[derive(Default)]
struct Sides {
    ownership: i128,
    location: i128,
    open: i128,
}

impl Ledger {
    /// So many balances after a place, and the place of the last one if there are more.
    pub(crate) fn balances(
        &self,
        names: &Names,
        filter: &BalanceFilter,
        after: Option<Place>,
        size: usize,
    ) -> Result<(Vec<pb::Balance>, Option<Place>), Error> {
        let mut found: Vec<(Key, i128)> = self
            .balances
            .iter()
            .map(|(key, balance)| (*key, balance.amount))
            .filter(|(key, amount)| {
                after.is_none_or(|(account, asset)| *key > Key(account, asset)) && filter.admits(*key, *amount)
            })
            .collect();
        found.sort_unstable();
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more).map(|(key, _)| (key.0, key.1));
        let page = found.into_iter().map(|(key, amount)| balance(names, key, amount));
        Ok((page.collect::<Result<_, _>>()?, last))
    }

    /// Ownership against location, and what moved against what is open, for every entity and asset.
    pub(crate) fn tie_outs(
        &self,
        names: &Names,
        open_trades: Option<&BTreeMap<(PartyIx, Asset), i128>>,
    ) -> Result<Vec<pb::TieOut>, Error> {
        let mut sides = BTreeMap::<(PartyIx, Asset), Sides>::new();
        #[expect(clippy::iter_over_hash_type, reason = "sums do not depend on the order of what is added")]
        for (key, balance) in &self.balances {
            let account = key.account();
            let entry = sides.entry((account.entity(), key.asset())).or_default();
            match account.axis() {
                Axis::Ownership => entry.ownership += balance.amount,
                Axis::Location => entry.location += balance.amount,
            }
            if matches!(account, LedgerAccount::Counterparty { .. }) {
                entry.open += balance.amount;
            }
        }
        for key in open_trades.into_iter().flat_map(BTreeMap::keys) {
            sides.entry(*key).or_default();
        }
        let line = |((entity, asset), side): ((PartyIx, Asset), Sides)| {
            let turnover = self.turnover.get(&(entity, asset)).copied().unwrap_or_default();
            let from_status = open_trades.map(|open| open.get(&(entity, asset)).copied().unwrap_or(0));
            let scale = names.scale(asset);
            let decimal = |units: i128| values::decimal("a balance", units, scale).map(Some);
            let (currency, instrument) = asset_names(names, asset)?;
            Ok(pb::TieOut {
                entity: names.text(Kind::Party, entity.0)?,
                currency,
                instrument,
                ownership: decimal(side.ownership)?,
                location: decimal(side.location)?,
                traded: decimal(turnover.traded)?,
                settled: decimal(turnover.settled)?,
                other: decimal(turnover.other)?,
                open: decimal(side.open)?,
                open_trades: from_status.map_or(Ok(None), decimal)?,
                ties: side.ownership == side.location
                    && turnover.traded + turnover.settled + turnover.other == side.open
                    && from_status.is_none_or(|open| open + turnover.other == side.open),
            })
        };
        sides.into_iter().map(line).collect()
    }
}

fn kind(account: LedgerAccount) -> pb::LedgerAccountKind {
    match account {
        LedgerAccount::Book { .. } => pb::LedgerAccountKind::Book,
        LedgerAccount::Counterparty { .. } => pb::LedgerAccountKind::Counterparty,
        LedgerAccount::Difference { .. } => pb::LedgerAccountKind::Difference,
        LedgerAccount::Break { .. } => pb::LedgerAccountKind::Break,
        LedgerAccount::Location { .. } => pb::LedgerAccountKind::Location,
    }
}

fn balance(names: &Names, key: Key, amount: i128) -> Result<pb::Balance, Error> {
    let (account, asset) = (key.account(), key.asset());
    let name = match account {
        LedgerAccount::Book { book, .. } => names.text(Kind::Book, book.0)?,
        LedgerAccount::Counterparty { party, .. } => names.text(Kind::Party, party.0)?,
        LedgerAccount::Difference { .. } | LedgerAccount::Break { .. } => String::new(),
        LedgerAccount::Location { account, .. } => names.text(Kind::Account, account.0)?,
    };
    let (currency, instrument) = asset_names(names, asset)?;
    Ok(pb::Balance {
        entity: names.text(Kind::Party, account.entity().0)?,
        kind: kind(account) as i32,
        account: name,
        currency,
        instrument,
        amount: Some(values::decimal("a balance", amount, names.scale(asset))?),
    })
}

fn asset_names(names: &Names, asset: Asset) -> Result<(String, String), Error> {
    match asset.as_instrument() {
        Some(index) => Ok((String::new(), names.text(Kind::Instrument, index.0)?)),
        None => Ok((asset.as_currency().map_or(String::new(), |code| code.to_string()), String::new())),
    }
}
