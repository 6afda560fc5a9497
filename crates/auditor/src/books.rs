//! The books kept a second time, from postings alone: balances, what came in from outside, and what no account may fall to.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;

use crate::facts::Fact;
use crate::fault::{Fault, must};
use crate::names::Names;
use crate::posting::{Account, Asset, Posting, kind, net};

/// By account and asset.
pub type Balances = HashMap<(Account, Asset), i128, FixedState>;

/// What moved what counterparties owe, per entity and asset: by trades, by settlement, otherwise.
pub type Turnover = HashMap<(u32, Asset), [i128; 3], FixedState>;

#[derive(Default)]
pub struct Books {
    pub balances: Balances,
    pub turnover: Turnover,
    /// What the books of each entity own of each asset.
    owned: HashMap<(u32, Asset), i128, FixedState>,
    /// Per asset: what openings, transfers, agents and breaks brought in, less what they took.
    pub inflow: BTreeMap<Asset, i128>,
    /// Locations that this record debits, to be held against their floors when it is over.
    debited: Vec<(Account, Asset)>,
    pub postings: u64,
    scratch: Vec<Posting>,
}

/// A line of the trial balance.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TrialLine {
    /// A currency, or the house's name of the instrument.
    pub asset: String,
    /// Lies in depots, nostros and internal accounts, in smallest units.
    pub location: String,
    /// Of books, counterparties, differences and breaks.
    pub ownership: String,
    /// What came in from outside less what went out.
    pub inflow: String,
}

impl Books {
    /// Books what a fact moves.
    pub fn post(&mut self, fact: &Fact<'_>, postings: &[Posting]) -> Result<(), Fault> {
        self.postings += postings.len() as u64;
        self.balanced(postings)?;
        let (cause, lies) = match fact {
            Fact::Captured { .. } | Fact::Changed { .. } | Fact::TradeCancelled { .. } => (0, Lies::Nowhere),
            Fact::Settled { .. } => (1, Lies::Moves),
            Fact::Confirmed { .. } => (1, Lies::Comes),
            Fact::Opened | Fact::Transferred | Fact::Reversed { .. } => (2, Lies::Comes),
            Fact::BreakOpened { .. } | Fact::BreakClosed { .. } => (2, Lies::Comes),
            _ => {
                must!(I5, postings.is_empty(), "a fact that moves nothing has postings");
                return Ok(());
            }
        };
        if lies == Lies::Nowhere {
            let moved = postings.iter().any(|posting| posting.account.is_location());
            must!(I5, !moved, "a trade moves what lies in an account");
        }
        for posting in postings {
            let Posting { account, asset, amount } = *posting;
            *self.balances.entry((account, asset)).or_default() += i128::from(amount);
            if account.kind() == kind::BOOK && !asset.is_currency() {
                *self.owned.entry((account.entity(), asset)).or_default() += i128::from(amount);
            }
            if account.kind() == kind::COUNTERPARTY {
                self.turnover.entry((account.entity(), asset)).or_default()[cause] += i128::from(amount);
            }
            if account.is_location() {
                if lies == Lies::Comes {
                    *self.inflow.entry(asset).or_default() += i128::from(amount);
                }
                if amount < 0 && !matches!(fact, Fact::Opened) {
                    self.debited.push((account, asset));
                }
            }
        }
        if lies == Lies::Moves {
            self.keeps(postings)?;
        }
        Ok(())
    }

    /// What the books of an entity own of an asset.
    pub fn owned(&self, entity: u32, asset: Asset) -> i128 {
        self.owned.get(&(entity, asset)).copied().unwrap_or_default()
    }

    /// Ownership less location is nothing, for each entity and asset.
    fn balanced(&mut self, postings: &[Posting]) -> Result<(), Fault> {
        for (place, first) in postings.iter().enumerate() {
            let of = |posting: &Posting| (posting.account.entity(), posting.asset);
            if postings[..place].iter().any(|earlier| of(earlier) == of(first)) {
                continue;
            }
            let mut difference = 0i128;
            for posting in postings[place..].iter().filter(|posting| of(posting) == of(first)) {
                let amount = i128::from(posting.amount);
                difference += if posting.account.is_location() { -amount } else { amount };
            }
            must!(
                I2,
                difference == 0,
                "ownership and location of party {} part by {difference}",
                first.account.entity()
            );
        }
        Ok(())
    }

    /// What one depot or nostro gives another gets: a settlement creates nothing.
    fn keeps(&mut self, postings: &[Posting]) -> Result<(), Fault> {
        self.scratch.clear();
        let located = postings.iter().filter(|posting| posting.account.is_location());
        self.scratch.extend(located.map(|posting| Posting { account: Account(0), ..*posting }));
        net(&mut self.scratch);
        must!(I1, self.scratch.is_empty(), "a settlement makes or loses {} of an asset", self.scratch[0].amount);
        Ok(())
    }

    /// What holds at the end of each record: no account below what it may fall to.
    pub fn end_of_record(&mut self, names: &Names, today: u32) -> Result<(), Fault> {
        for (account, asset) in self.debited.drain(..) {
            let Some(floor) = names.floor(account.other(), asset, today) else { continue };
            let balance = self.balances.get(&(account, asset)).copied().unwrap_or_default();
            must!(
                I4,
                balance >= floor,
                "account {} stands at {balance} of {}, below {floor}",
                names.account(account.other()),
                names.asset(asset)
            );
        }
        Ok(())
    }

    /// Per asset, what lies everywhere, what is owned, and what came in.
    pub fn trial_balance(&self, names: &Names) -> Result<Vec<TrialLine>, Fault> {
        let mut per_entity: BTreeMap<(u32, Asset), i128> = BTreeMap::new();
        let mut sums: BTreeMap<Asset, (i128, i128)> = BTreeMap::new();
        let mut ordered: Vec<_> = self.balances.iter().map(|(key, amount)| (*key, *amount)).collect();
        ordered.sort_unstable();
        for ((account, asset), amount) in ordered {
            let (location, ownership) = sums.entry(asset).or_default();
            let part = per_entity.entry((account.entity(), asset)).or_default();
            if account.is_location() {
                (*location, *part) = (*location + amount, *part - amount);
            } else {
                (*ownership, *part) = (*ownership + amount, *part + amount);
            }
        }
        for ((entity, asset), part) in per_entity {
            must!(I1, part == 0, "ownership and location of party {entity} part by {part} of {}", names.asset(asset));
        }
        let mut lines = Vec::new();
        for (asset, (location, ownership)) in sums {
            let inflow = self.inflow.get(&asset).copied().unwrap_or_default();
            must!(I1, location == inflow, "{location} of {} lie in accounts, {inflow} came in", names.asset(asset));
            let [location, ownership, inflow] = [location, ownership, inflow].map(|amount| amount.to_string());
            lines.push(TrialLine { asset: names.asset(asset), location, ownership, inflow });
        }
        Ok(lines)
    }
}

/// What a fact does to what lies in accounts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lies {
    Nowhere,
    /// From one to another.
    Moves,
    /// In from outside, or out.
    Comes,
}
