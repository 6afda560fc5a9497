//! The bookkeeper: says what every command must come to, and what stands where afterwards.
//!
//! Plain maps and loops, written from the documents (`docs/TRADES.md`, `docs/decisions/`, above all 0062, which lists the
//! rules of order it relies on). It shares nothing with `clearing` but the vocabulary of `model`: names stay names, every
//! queue is a search through all that is open, and nothing is indexed.

mod closing;
mod control;
mod day;
mod fact;
mod initial;
mod issuers;
mod known;
mod ledger;
mod limits;
mod margin;
mod marks;
mod matching;
mod open;
mod outside;
mod people;
mod requests;
mod resolve;
mod rights;
mod settle;
mod statements;
mod steer;
mod told;
mod trades;

use closing::Closing;
use control::Control;
pub use control::{ControlRow, Sums, sums_of};
pub use fact::Fact;
use known::Known;
use limits::Limits;
pub use limits::Line;
pub use margin::Call;
use margin::Margin;
use marks::Marks;
use model::accounting::SetName;
use model::breaks::{BreakKind, Resolution};
use model::command::{Command, Inbound, Task};
use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::instruction::Code;
use model::record::Genesis;
use model::rejection::Reason;
use model::timestamp::Timestamp;
use open::{Deal, Pending, Stage};
pub use open::{Instruction, Trade};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use told::Told;

/// What a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    Duplicate(u64),
    Rejected(Reason),
}

/// An account of the ledger, by names: first whose ledger it is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Book(Identifier, Identifier),
    Owed(Identifier, Identifier),
    Difference(Identifier),
    Break(Identifier),
    Lies(Identifier, Identifier),
}

/// What a balance is counted in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    Cash(CurrencyCode),
    Paper(Identifier),
}

type Posting = (Place, Thing, i128);

/// The advices under one id of a sender, with their records.
type Advices = Vec<(u64, Rc<model::advice::Advice>)>;

/// How an instruction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Settled,
    /// A part has settled, and no more will come.
    InPart,
    Cancelled(Code),
}

/// The settlement day of a domain.
#[derive(Clone, Debug, Default)]
pub struct Day {
    pub date: Option<Date>,
    pub open: bool,
    cut_offs: Vec<Option<CurrencyCode>>,
    passed: BTreeSet<Option<CurrencyCode>>,
    /// The rank after which the cycle goes on.
    cycle: Option<settle::Rank>,
    survey: bool,
}

impl Day {
    fn settles(&self, date: Date, currency: Option<CurrencyCode>) -> bool {
        let served = self.cut_offs.is_empty() || self.cut_offs.contains(&currency);
        self.open && served && self.date.is_some_and(|today| date <= today) && !self.passed.contains(&currency)
    }

    fn is_past(&self, date: Date, currency: Option<CurrencyCode>) -> bool {
        match self.date {
            None => false,
            Some(today) if date == today => !self.open || self.passed.contains(&currency),
            Some(today) => date < today,
        }
    }
}

/// What a record booked, as far as it can be turned round.
#[derive(Clone, Debug)]
struct Booking {
    /// Deliverer and receiver of a settlement; an external one has only itself.
    pair: Option<(u64, u64)>,
    /// With the book that gets back what the counterparty owed.
    postings: Vec<(Posting, Option<Identifier>)>,
    /// Of a settlement: its trades, whose they are and the day each belongs to.
    trades: Vec<(u64, Identifier, Date)>,
}

/// What the outside contradicts, until a person closes it.
#[derive(Clone, Debug)]
pub struct Break {
    pub kind: BreakKind,
    /// Account, asset, ours, theirs.
    items: Vec<(Option<Identifier>, Thing, i64, i64)>,
    booked: bool,
}

/// All books of the house, and what is open.
#[derive(Clone, Debug)]
pub struct Books {
    sequence: u64,
    at: Timestamp,
    actor: Identifier,
    shard: u32,
    owned: Vec<Identifier>,
    known: Known,
    /// In the order in which they were first touched.
    balances: Vec<(Place, Thing, i128)>,
    numbers: BTreeMap<(Place, Thing), usize>,
    pub trades: BTreeMap<u64, Trade>,
    told: BTreeMap<(Identifier, Identifier), Told>,
    pub instructions: BTreeMap<u64, Instruction>,
    pub ended: BTreeMap<u64, Ended>,
    next_trade: u64,
    next_instruction: u64,
    pub days: BTreeMap<Identifier, Day>,
    /// Balances that were credited while somebody waited, first come first.
    retry: VecDeque<usize>,
    /// What the present record has booked so far.
    posted: Vec<Posting>,
    /// As it was when the present record began: no other business is served before these.
    first_served: BTreeSet<usize>,
    /// The trade from which the look over all repairs goes on.
    repairing: Option<u64>,
    requests: BTreeMap<Identifier, (u64, Rc<Command>)>,
    proposals: BTreeMap<u64, (Identifier, Timestamp, Rc<Command>)>,
    pub quarantined: BTreeSet<u64>,
    bookings: BTreeMap<u64, Vec<Booking>>,
    reversed: BTreeSet<(u64, u64)>,
    advices: BTreeMap<(Identifier, Identifier), Advices>,
    pub breaks: BTreeMap<u64, Break>,
    next_break: u64,
    /// Instructions that were sent out, as they were sent, by number.
    sent: BTreeMap<u64, Rc<outside::Sent>>,
    /// Which break an allegement opened, by sender and id of its advice.
    alleged: BTreeMap<(Identifier, Identifier), u64>,
    control: Control,
    /// The accounting day of each entity.
    pub closings: BTreeMap<Identifier, Closing>,
    /// What the present record told.
    pub facts: Vec<Fact>,
    /// The first trade that the present record may capture.
    first_trade: u64,
    limits: Limits,
    /// The last price and rate of everything.
    marks: Marks,
    margin: Margin,
    grants: rights::Grants,
}

impl Books {
    pub fn new(genesis: &Genesis) -> Books {
        Books {
            sequence: 1,
            at: genesis.at,
            actor: genesis.house.clone(),
            shard: genesis.shard,
            owned: genesis.domains.clone(),
            known: Known::default(),
            balances: Vec::new(),
            numbers: BTreeMap::new(),
            trades: BTreeMap::new(),
            told: BTreeMap::new(),
            instructions: BTreeMap::new(),
            ended: BTreeMap::new(),
            next_trade: 1,
            next_instruction: 1,
            days: BTreeMap::new(),
            retry: VecDeque::new(),
            posted: Vec::new(),
            first_served: BTreeSet::new(),
            repairing: None,
            requests: BTreeMap::new(),
            proposals: BTreeMap::new(),
            quarantined: BTreeSet::new(),
            bookings: BTreeMap::new(),
            reversed: BTreeSet::new(),
            advices: BTreeMap::new(),
            breaks: BTreeMap::new(),
            next_break: 1,
            sent: BTreeMap::new(),
            alleged: BTreeMap::new(),
            control: Control::default(),
            closings: BTreeMap::new(),
            facts: Vec::new(),
            first_trade: 1,
            limits: Limits::default(),
            marks: Marks::default(),
            margin: Margin::default(),
            grants: rights::Grants::new(),
        }
    }

    /// Takes in a command, which becomes the record `sequence`.
    pub fn take(&mut self, sequence: u64, inbound: &Inbound) -> Answer {
        assert_eq!(sequence, self.sequence + 1, "commands are taken in the order of their records");
        (self.sequence, self.at, self.actor) = (sequence, inbound.at, inbound.actor.clone());
        self.posted.clear();
        self.facts.clear();
        self.first_trade = self.next_trade;
        self.first_served = self.retry.iter().copied().collect();
        self.ask(inbound)
    }

    /// The long work that comes next: credited accounts, then cycles, then repairs, then what limits count, then surveys.
    pub fn next_work(&self) -> Option<(&'static str, Option<&Identifier>)> {
        if !self.retry.is_empty() {
            return Some(("retry", None));
        }
        let first = |wanted: fn(&Day) -> bool| {
            self.known.domain_order.iter().find(|name| self.days.get(*name).is_some_and(wanted))
        };
        if let Some(domain) = first(|day| day.cycle.is_some()) {
            return Some(("cycle", Some(domain)));
        }
        if self.repairing.is_some() {
            return Some(("repair", None));
        }
        if self.limits.walk.is_some() {
            return Some(("reserve", None));
        }
        first(|day| day.survey).map(|domain| ("survey", Some(domain)))
    }

    fn go_on(&mut self, task: Task) -> Result<(), Reason> {
        let next = self.next_work().map(|(word, domain)| (word, domain.cloned()));
        match (task, next) {
            (Task::Retry, Some(("retry", _))) => self.retry_step(),
            (Task::Cycle(_), Some(("cycle", Some(domain)))) => self.cycle_step(&domain),
            (Task::Repair, Some(("repair", _))) => self.repair_step(),
            (Task::Reserve, Some(("reserve", _))) => self.reserve_step(),
            (Task::Survey(_), Some(("survey", Some(domain)))) => self.survey(&domain),
            _ => return Err(Reason::NothingToDo),
        }
        Ok(())
    }

    /// The date of the last record.
    pub fn today(&self) -> Date {
        self.at.date_utc()
    }

    /// The date of a domain's settlement day, else that of the record.
    fn business_date(&self, domain: &Identifier) -> Date {
        self.days.get(domain).and_then(|day| day.date).unwrap_or_else(|| self.today())
    }

    /// Every balance that is not zero.
    pub fn balances(&self) -> impl Iterator<Item = &(Place, Thing, i128)> {
        self.balances.iter().filter(|(_, _, amount)| *amount != 0)
    }

    /// What lies in an account, by the name of a currency or instrument.
    pub fn lies(&self, holder: &str, account: &str, thing: &str) -> i64 {
        let name = |text| Identifier::parse(text).expect("a sound name");
        let code = CurrencyCode::parse(thing).ok().filter(|code| model::currency::exponent(*code).is_some());
        let thing = code.map_or_else(|| Thing::Paper(name(thing)), Thing::Cash);
        let amount = self.balance(&Place::Lies(name(holder), name(account)), &thing);
        i64::try_from(amount).expect("a small house")
    }

    /// In how many decimals an instrument is counted.
    pub fn scale(&self, instrument: &Identifier) -> u8 {
        self.known.scale(instrument)
    }

    /// How many of each are open, by the words of the interface.
    pub fn open_counts(&self) -> [(&'static str, usize); 7] {
        [
            ("trades", self.trades.len()),
            ("instructions", self.instructions.len()),
            ("in_repair", self.trades.values().filter(|trade| trade.in_repair).count()),
            ("awaited", self.told.values().filter(|told| !told.awaited.is_empty()).count()),
            ("proposals", self.proposals.len()),
            ("quarantined", self.quarantined.len()),
            ("breaks", self.breaks.len()),
        ]
    }

    /// The recorded sets of prices and rates, for people to name.
    pub fn price_sets(&self) -> impl Iterator<Item = SetName> {
        let name = |(date, snap, source): &(Date, Identifier, Identifier)| SetName {
            date: *date,
            snap: snap.clone(),
            source: source.clone(),
        };
        self.known.price_sets.keys().map(name)
    }

    /// The open proposals, for people to look at.
    pub fn proposals(&self) -> impl Iterator<Item = (u64, &Identifier, &Command)> {
        self.proposals.iter().map(|(number, (maker, _, command))| (*number, maker, &**command))
    }

    /// Records that can be turned round, for people to err about.
    pub fn bookings(&self) -> impl Iterator<Item = (u64, Option<u64>)> {
        self.bookings.iter().map(|(sequence, bookings)| (*sequence, bookings[0].pair.map(|(deliver, _)| deliver)))
    }
}

/// Whether a resolution books something.
fn books_something(resolution: Resolution) -> bool {
    resolution != Resolution::Explained
}
