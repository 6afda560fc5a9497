//! The state: everything open, and what it stands on. Settled and cancelled business leaves it.

use crate::accounting::AccountingEntry;
use crate::addresses::Addresses;
use crate::balances::Balances;
use crate::breaks::Breaks;
use crate::control::Control;
use crate::instruction::Instruction;
use crate::limits::Limits;
use crate::margin::Margin;
use crate::marks::Marks;
use crate::matching::Matching;
use crate::names::Names;
use crate::past::IdKey;
use crate::places::{self, Places};
use crate::proposal::Proposal;
use crate::reference::ReferenceData;
use crate::shared::Shared;
use crate::slab::{NONE, Slab};
use crate::waiting::{Nodes, Rank};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use model::command::CutOff;
use model::date::Date;
use model::event::Cursor;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{DomainIx, PartyIx, SourceIx};
use model::permission::Grants;
use model::record::Genesis;
use model::timestamp::Timestamp;
use model::trade::{Defect, Terms};

/// One shard's state. A fold of its records.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(crate) genesis: Option<Genesis>,
    /// The last record folded.
    pub(crate) sequence: u64,
    pub(crate) at: Option<Timestamp>,
    pub(crate) names: Shared<Names>,
    pub(crate) reference: Shared<ReferenceData>,
    /// Who may do what.
    pub(crate) grants: Shared<Grants>,
    pub(crate) addresses: Shared<Addresses>,
    pub(crate) balances: Balances,
    pub(crate) waiting: Nodes,

    pub(crate) trades: Slab<Trade>,
    pub(crate) trade_by_key: Places,
    pub(crate) trade_by_number: Places,
    pub(crate) next_trade: u64,

    pub(crate) instructions: Slab<Instruction>,
    pub(crate) instruction_by_number: Places,
    pub(crate) next_instruction: u64,
    pub(crate) matching: Matching,

    /// Matched pairs whose date or day has not come, by domain and rank; the value is the deliverer's place.
    pub(crate) due: BTreeMap<(u32, Rank), u32>,
    /// Accounts (slots) that were credited while somebody waited.
    pub(crate) retry: VecDeque<u32>,
    /// Trades in repair, by number.
    pub(crate) repairs: BTreeMap<u64, u32>,
    /// How far the present look over the trades in repair has come, when one is running.
    pub(crate) repairing: Option<u64>,
    /// Amendments and cancels that came before their trade: by trade, by version, with their record's sequence.
    pub(crate) awaited: BTreeMap<IdKey, BTreeMap<u32, u64>>,
    pub(crate) days: Vec<Day>,
    pub(crate) proposals: BTreeMap<u64, Proposal>,
    pub(crate) quarantined: BTreeSet<u64>,
    /// Records whose postings were turned round, with the deliverer's instruction of a settlement (else 0).
    pub(crate) reversed: BTreeSet<(u64, u64)>,
    /// What each source sent, to be held against what it says.
    pub(crate) control: Control,
    /// The accounting day of each entity that has one.
    pub(crate) accounting: BTreeMap<PartyIx, AccountingEntry>,
    pub(crate) breaks: Breaks,
    /// The last price and rate of everything that was ever priced.
    pub(crate) marks: Shared<Marks>,
    pub(crate) limits: Limits,
    pub(crate) margin: Margin,
}

/// An open trade. What its instruction knows is kept there alone.
#[derive(Clone, Debug)]
pub(crate) struct Trade {
    pub number: u64,
    pub key: IdKey,
    pub source: SourceIx,
    /// The record that holds the details in force.
    pub current: u64,
    pub version: u32,
    /// The instruction's place; `NONE` while in repair or without one.
    pub instruction: u32,
    /// The source's own amounts were accepted by a person.
    pub amounts_accepted: bool,
    /// An agent settled a part of it: what is left can be cancelled or instructed again, not amended.
    pub partly_settled: bool,
    /// The terms, while no instruction carries them.
    pub loose: Option<Box<Loose>>,
    /// A change that waits for the counterparty's consent.
    pub pending: Option<Box<Pending>>,
}

/// What a trade keeps while it has no instruction.
#[derive(Clone, Debug)]
pub(crate) struct Loose {
    pub terms: Terms,
    /// What is wrong; nothing when a person took the instruction away.
    pub defects: Vec<Defect>,
}

/// A change of a matched trade, until both sides agree.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub version: u32,
    /// The record that brought it.
    pub sequence: u64,
    pub cancel: bool,
}

/// The settlement day of one domain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Day {
    /// The last date opened.
    pub date: Option<Date>,
    pub open: bool,
    pub cut_offs: Vec<CutOff>,
    pub passed: BTreeSet<Option<CurrencyCode>>,
    /// How far the settlement cycle has come, while one runs.
    pub cycle: Option<Cursor>,
    /// The next place a survey of the open instructions looks at, while one runs.
    pub survey: Option<u32>,
}

impl Day {
    /// Whether something intended for `date` may settle now.
    ///
    /// A day that names cut-offs settles only what has one: on Thanksgiving euros settle in Paris and dollars do not.
    pub fn settles(&self, date: Date, currency: Option<CurrencyCode>) -> bool {
        let served = self.cut_offs.is_empty() || self.cut_offs.iter().any(|each| each.currency == currency);
        self.open && served && self.date.is_some_and(|today| date <= today) && !self.passed.contains(&currency)
    }

    /// Whether the cut-off of `date` has passed.
    pub fn is_past(&self, date: Date, currency: Option<CurrencyCode>) -> bool {
        match self.date {
            None => false,
            Some(today) if date < today => true,
            Some(today) => date == today && (!self.open || self.passed.contains(&currency)),
        }
    }
}

impl State {
    /// The place of an open trade by its key.
    pub(crate) fn place_of(&self, key: &IdKey) -> Option<u32> {
        self.trade_by_key.find(places::of_key(key), |place| self.trades[place].key == *key)
    }

    /// Makes a trade that was put at a place known by its key and number.
    pub(crate) fn index_trade(&mut self, key: &IdKey, number: u64, place: u32) {
        self.trade_by_key.add(places::of_key(key), place);
        self.trade_by_number.add(places::of_number(number), place);
    }

    /// An open trade by its number, with its place.
    pub(crate) fn trade(&self, number: u64) -> Option<(u32, &Trade)> {
        let places = &self.trade_by_number;
        let place = places.find(places::of_number(number), |place| self.trades[place].number == number)?;
        Some((place, &self.trades[place]))
    }

    /// An open instruction by its number, with its place.
    pub(crate) fn instruction(&self, number: u64) -> Option<(u32, &Instruction)> {
        let places = &self.instruction_by_number;
        let place = places.find(places::of_number(number), |place| self.instructions[place].number == number)?;
        Some((place, &self.instructions[place]))
    }

    pub(crate) fn day(&self, domain: DomainIx) -> Option<&Day> {
        self.days.get(domain.at())
    }

    pub(crate) fn day_mut(&mut self, domain: DomainIx) -> &mut Day {
        if self.days.len() <= domain.at() {
            self.days.resize_with(domain.at() + 1, Day::default);
        }
        &mut self.days[domain.at()]
    }

    /// Whether this shard owns a domain.
    pub(crate) fn owns(&self, domain: &Identifier) -> bool {
        self.genesis.as_ref().is_none_or(|genesis| genesis.domains.is_empty() || genesis.domains.contains(domain))
    }
}

impl Trade {
    pub fn has_instruction(&self) -> bool {
        self.instruction != NONE
    }
}
