//! The books kept a second time, from postings alone: what every record moves is read, weighed and added up here, before anybody asks
//! why. `fold` then holds it against what the facts say.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;

use crate::bytes::Fields;
use crate::fault::{Fault, must};
use crate::names::Names;
use crate::posting::{Account, Asset, Posting, kind};

/// By account and asset.
pub type Balances = HashMap<(Account, Asset), i128, FixedState>;

/// What moved what counterparties owe, per entity and asset: by trades, by settlement, otherwise.
pub type Turnover = HashMap<(u32, Asset), [i128; 3], FixedState>;

/// What facts of a kind move.
pub struct Moving {
    /// The field of their postings.
    pub postings: u32,
    /// The place in [`Turnover`].
    cause: usize,
    lies: Lies,
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

/// An opening may leave an account anywhere.
const OPENED: u32 = 16;

/// What facts of that kind move; `None`: nothing.
pub fn moving(kind: u32) -> Option<Moving> {
    let (postings, cause, lies) = match kind {
        // Trades: captured, changed, cancelled.
        1 => (6, 0, Lies::Nowhere),
        7 => (5, 0, Lies::Nowhere),
        8 => (3, 0, Lies::Nowhere),
        // Settled here; confirmed by an agent.
        4 => (7, 1, Lies::Moves),
        43 => (10, 1, Lies::Comes),
        // Transfers, openings, reversals, breaks opened and closed.
        13 | OPENED | 48 => (3, 2, Lies::Comes),
        17 => (2, 2, Lies::Comes),
        45 => (8, 2, Lies::Comes),
        _ => return None,
    };
    Some(Moving { postings, cause, lies })
}

#[derive(Default)]
pub struct Books {
    pub balances: Balances,
    pub turnover: Turnover,
    /// Per asset: what openings, transfers, agents and breaks brought in, less what they took.
    pub inflow: BTreeMap<Asset, i128>,
    by_entity: Vec<((u32, Asset), i128)>,
    by_asset: Vec<(Asset, i128)>,
}

/// What some records move, in their order.
#[derive(Default)]
pub struct Moves {
    postings: Vec<Posting>,
    /// Where those of each fact end.
    facts: Vec<usize>,
    /// Locations that were debited, and what they stand at when their record is over.
    debited: Vec<(Account, Asset, i128)>,
    /// Where those of each accepted record end.
    records: Vec<usize>,
}

impl Moves {
    /// To be told off fact by fact, record by record.
    pub fn told(&self) -> Told<'_> {
        Told { moves: self, fact: 0, record: 0 }
    }
}

/// Which moves were told off.
pub struct Told<'a> {
    moves: &'a Moves,
    fact: usize,
    record: usize,
}

impl<'a> Told<'a> {
    /// The postings of the next fact.
    pub fn fact(&mut self) -> &'a [Posting] {
        self.fact += 1;
        part(&self.moves.postings, &self.moves.facts, self.fact)
    }

    /// What the next accepted record debited.
    pub fn record(&mut self) -> &'a [(Account, Asset, i128)] {
        self.record += 1;
        part(&self.moves.debited, &self.moves.records, self.record)
    }
}

/// The part of that number, from 1.
fn part<'a, T>(all: &'a [T], ends: &[usize], number: usize) -> &'a [T] {
    let start = if number > 1 { ends[number - 2] } else { 0 };
    &all[start..ends[number - 1]]
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
    /// Reads and books what a fact moves.
    pub fn fact(&mut self, kind: u32, body: &[u8], moves: &mut Moves) -> Result<(), Fault> {
        let start = moves.postings.len();
        if let Some(moving) = moving(kind) {
            let mut fields = Fields::of(body);
            while let Some((number, value)) = fields.next()? {
                if number == moving.postings {
                    moves.postings.push(Posting::read(value.bytes()?)?);
                }
            }
            self.post(&moving, &moves.postings[start..])?;
        }
        if kind != OPENED {
            let gives = |posting: &&Posting| posting.account.is_location() && posting.amount < 0;
            let debited = moves.postings[start..].iter().filter(gives);
            moves.debited.extend(debited.map(|posting| (posting.account, posting.asset, 0)));
        }
        moves.facts.push(moves.postings.len());
        Ok(())
    }

    /// What the accounts that it debited stand at.
    pub fn end_of_record(&self, moves: &mut Moves) {
        let before = moves.records.last().copied().unwrap_or(0);
        for (account, asset, stands) in &mut moves.debited[before..] {
            *stands = self.balances.get(&(*account, *asset)).copied().unwrap_or_default();
        }
        moves.records.push(moves.debited.len());
    }

    /// Books what a fact moves: ownership less location is nothing, for each entity and asset.
    fn post(&mut self, moving: &Moving, postings: &[Posting]) -> Result<(), Fault> {
        self.by_entity.clear();
        self.by_asset.clear();
        for Posting { account, asset, amount } in postings {
            let (asset, amount, owner) = (*asset, i128::from(*amount), (account.entity(), *asset));
            *self.balances.entry((*account, asset)).or_default() += amount;
            if account.is_location() {
                must!(I5, moving.lies != Lies::Nowhere, "a trade moves what lies in an account");
                add(&mut self.by_entity, owner, -amount);
                add(&mut self.by_asset, asset, amount);
            } else {
                add(&mut self.by_entity, owner, amount);
            }
            if account.kind() == kind::COUNTERPARTY {
                self.turnover.entry(owner).or_default()[moving.cause] += amount;
            }
        }
        for ((entity, _), difference) in &self.by_entity {
            must!(I2, *difference == 0, "ownership and location of party {entity} part by {difference}");
        }
        for (asset, amount) in &self.by_asset {
            if moving.lies == Lies::Comes {
                *self.inflow.entry(*asset).or_default() += amount;
            } else {
                // What one depot or nostro gives another gets.
                must!(I1, *amount == 0, "a settlement makes or loses {amount} of an asset");
            }
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

/// Adds to what a key has; a fact has few.
fn add<K: PartialEq>(sums: &mut Vec<(K, i128)>, key: K, amount: i128) {
    match sums.iter_mut().find(|(own, _)| *own == key) {
        Some((_, sum)) => *sum += amount,
        None => sums.push((key, amount)),
    }
}
