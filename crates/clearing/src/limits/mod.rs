//! Limits on counterparties and issuers: the lines that are counted, what open trades reserve of them, and which are breached.
//!
//! What is used is a sum of reservations, each told by a record ([`model::event::Event::LimitReserved`]): counted as it
//! comes and counted anew it is the same. While a house has no limits nothing here is touched.

mod check;
mod follow;
mod holdings;
mod measure;
mod survey;

pub(crate) use check::{check_add_on, check_limit};
pub(crate) use follow::{Overlay, follow, hold};
pub(crate) use holdings::{Held, named};
pub(crate) use survey::continue_reserve;

use crate::reference::{in_force, minor, set_from};
use crate::state::State;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{InstrumentIx, Kind, PartyIx};
use model::limit::{AddOn, CounterpartyLimit, LimitKind, LimitLine, OnBreach, Reservation};

/// Ours, the counterparty (of an issuer limit the issuer), what for.
pub(crate) type LimitKey = (PartyIx, PartyIx, LimitKind);

/// The rows of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub currency: CurrencyCode,
    /// In minor units, by first day.
    pub rows: Vec<(Date, (i64, OnBreach))>,
}

/// How much of a line is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// In minor units of the limit.
    pub amount: i64,
    /// Trades that reserve it; of an issuer limit instruments that are owned.
    pub trades: u32,
    /// Those of them that cannot be measured.
    pub unmeasured: u32,
    /// The record that first told that it is breached.
    pub breached: Option<u64>,
}

/// What a trade reserves of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reserved {
    pub line: LimitLine,
    pub amount: i64,
    pub measured: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub limits: BTreeMap<LimitKey, Limit>,
    /// By CFI prefix, then by first trade date.
    pub add_ons: BTreeMap<String, Vec<(Date, Decimal)>>,
    pub used: BTreeMap<LimitLine, Used>,
    /// By trade number.
    pub reserved: BTreeMap<u64, Vec<Reserved>>,
    /// The next place a look over the instruments and then the open trades comes to, while one runs.
    pub surveying: Option<u32>,
    /// Who issued what, as it was set.
    pub issuers: BTreeMap<InstrumentIx, Identifier>,
    /// What is owned of issuers that have a limit.
    pub held: BTreeMap<(InstrumentIx, LimitLine), Held>,
}

/// A line of a limit, as people ask for it. Amounts in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitFacts {
    pub entity: Identifier,
    pub counterparty: Identifier,
    pub kind: LimitKind,
    pub currency: CurrencyCode,
    /// Of a delivery limit.
    pub value_date: Option<Date>,
    /// In force on the day asked for; absent before the first row's day.
    pub limit: Option<(i64, OnBreach)>,
    pub used: i64,
    pub trades: u32,
    pub unmeasured: u32,
    /// The record that first told the breach.
    pub breached: Option<u64>,
}

impl Limit {
    /// What holds on a day.
    pub fn on(&self, date: Date) -> Option<(i64, OnBreach)> {
        in_force(&self.rows, date).copied()
    }

    pub fn set(&mut self, from: Date, amount: i64, on_breach: OnBreach) {
        set_from(&mut self.rows, from, (amount, on_breach));
    }
}

impl Used {
    /// Whether it is more than a limit allows. What cannot be measured may be anything.
    pub fn is_over(&self, limit: i64) -> bool {
        self.amount > limit || self.unmeasured > 0
    }

    fn is_nothing(&self) -> bool {
        (self.amount, self.trades, self.unmeasured, self.breached) == (0, 0, 0, None)
    }

    /// Takes a reservation in the place of another.
    pub fn replace(&mut self, before: Option<&Reserved>, after: Option<&Reserved>) {
        for (reserved, sign) in [(before, -1), (after, 1)] {
            let Some(reserved) = reserved else { continue };
            let count = |counted: u32| counted.saturating_add_signed(sign);
            self.amount += i64::from(sign) * reserved.amount;
            self.trades = count(self.trades);
            if !reserved.measured {
                self.unmeasured = count(self.unmeasured);
            }
        }
    }
}

impl Reserved {
    /// Of an event; nothing where nothing is reserved any more.
    pub fn of(reservation: &Reservation) -> Option<Reserved> {
        let measured = reservation.lacks.is_none();
        let (line, amount) = (reservation.line, reservation.amount);
        (amount != 0 || !measured).then_some(Reserved { line, amount, measured })
    }
}

impl Limits {
    pub fn key(line: &LimitLine) -> LimitKey {
        (line.entity, line.counterparty, line.kind)
    }

    /// Nobody set a limit: nothing is measured.
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }
}

impl State {
    /// Every line of every limit, with what is used of it; what holds is that of `on`.
    pub fn limits(&self, on: Date) -> Vec<LimitFacts> {
        let name =
            |party: PartyIx| self.names.name(Kind::Party, party.0).expect("a party of a limit has its name").clone();
        let facts = |key: &LimitKey, limit: &Limit, value_date: Option<Date>, used: Used| LimitFacts {
            entity: name(key.0),
            counterparty: name(key.1),
            kind: key.2,
            currency: limit.currency,
            value_date,
            limit: limit.on(on),
            used: used.amount,
            trades: used.trades,
            unmeasured: used.unmeasured,
            breached: used.breached,
        };
        let mut all = Vec::new();
        for (key, limit) in &self.limits.limits {
            let line = |value_date| LimitLine { entity: key.0, counterparty: key.1, kind: key.2, value_date };
            let lines = self.limits.used.range(line(None)..=line(Some(Date::MAX)));
            let before = all.len();
            all.extend(lines.map(|(line, used)| facts(key, limit, line.value_date, *used)));
            if all.len() == before {
                all.push(facts(key, limit, None, Used::default()));
            }
        }
        all
    }

    /// Counts anew what is reserved, and compares: the sums are kept as trades come and go.
    ///
    /// # Errors
    /// What differs, in words.
    pub fn recount_limits(&self) -> Result<usize, String> {
        let mut counted: BTreeMap<LimitLine, Used> = BTreeMap::new();
        for (trade, all) in &self.limits.reserved {
            if self.trade(*trade).is_none() {
                return Err(alloc::format!("trade {trade} is over and still reserves"));
            }
            for reserved in all {
                counted.entry(reserved.line).or_default().replace(None, Some(reserved));
            }
        }
        for ((_, line), held) in &self.limits.held {
            counted.entry(*line).or_default().replace(None, Some(&held.reserved(*line)));
        }
        self.recount_holdings()?;
        for (line, used) in &self.limits.used {
            let counted = counted.remove(line).unwrap_or_default();
            let same =
                (counted.amount, counted.trades, counted.unmeasured) == (used.amount, used.trades, used.unmeasured);
            if !same {
                return Err(alloc::format!("{line:?}: {used:?} is kept, {counted:?} is counted"));
            }
        }
        match counted.keys().next() {
            Some(line) => Err(alloc::format!("{line:?} is reserved and not counted")),
            None => Ok(self.limits.reserved.len()),
        }
    }

    pub(crate) fn apply_limit(&mut self, limit: &CounterpartyLimit) {
        let amount = minor(limit.amount, limit.currency).expect("checked when it was set");
        let party = |name: &Identifier| {
            PartyIx(self.names.find(Kind::Party, name.as_str()).expect("a checked limit names only what has a number"))
        };
        let key = (party(&limit.entity), party(&limit.counterparty), limit.kind);
        let fresh = !self.limits.limits.contains_key(&key);
        let rows = self.limits.limits.entry(key).or_insert(Limit { currency: limit.currency, rows: Vec::new() });
        rows.set(limit.valid_from, amount, limit.on_breach);
        if fresh && (self.trades.len() > 0 || limit.kind == LimitKind::Issuer) {
            self.limits.surveying = Some(0);
        }
    }

    pub(crate) fn apply_add_on(&mut self, add_on: &AddOn) {
        let rows = self.limits.add_ons.entry(add_on.cfi_prefix.to_string()).or_default();
        set_from(rows, add_on.valid_from, add_on.rate);
    }

    pub(crate) fn apply_reserved(&mut self, reservation: &Reservation) {
        let after = Reserved::of(reservation);
        let all = self.limits.reserved.entry(reservation.trade).or_default();
        let at = all.iter().position(|reserved| reserved.line == reservation.line);
        let before = at.map(|at| all.remove(at));
        all.extend(after);
        if all.is_empty() {
            self.limits.reserved.remove(&reservation.trade);
        }
        let used = self.limits.used.entry(reservation.line).or_default();
        used.replace(before.as_ref(), after.as_ref());
        if used.is_nothing() {
            self.limits.used.remove(&reservation.line);
        }
    }

    pub(crate) fn apply_breached(&mut self, sequence: u64, line: &LimitLine) {
        self.limits.used.entry(*line).or_default().breached.get_or_insert(sequence);
    }

    pub(crate) fn apply_cured(&mut self, line: &LimitLine) {
        let Some(used) = self.limits.used.get_mut(line) else { return };
        used.breached = None;
        if used.is_nothing() {
            self.limits.used.remove(line);
        }
    }
}
