//! Limits on counterparties (docs/decisions/0054): what an open trade takes of them, measured when its economics change and
//! not in between; what is breached, and which trade must be held for it.

use super::marks::{ten, up};
use super::{Books, Deal, Fact};
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::limit::{LimitKind, OnBreach};
use model::trade::Method;
use std::collections::BTreeMap;

/// Ours, the counterparty or issuer, what for; of a delivery limit the value date.
pub type Line = (Identifier, Identifier, LimitKind, Option<Date>);

/// What something takes of a line; nothing said of it where it cannot be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Taken {
    pub unmeasured: bool,
    pub amount: i64,
}

/// How a line stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    pub amount: i64,
    pub count: u32,
    pub unmeasured: u32,
    /// The record that first told the breach.
    pub breached: Option<u64>,
}

pub(super) type Row = (i64, OnBreach);

/// What a limit is counted in, and its rows by first day.
type Rows = (CurrencyCode, BTreeMap<Date, Row>);

#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    pub rows: BTreeMap<(Identifier, Identifier, LimitKind), Rows>,
    pub add_ons: BTreeMap<(String, Date), Decimal>,
    /// What each trade takes of each line.
    pub reserved: BTreeMap<(u64, Line), Taken>,
    /// What is owned of an instrument and takes of its issuer's line.
    pub held: BTreeMap<(Identifier, Line), (i64, Taken)>,
    pub breached: BTreeMap<Line, u64>,
    pub issuers: BTreeMap<Identifier, Identifier>,
    /// Open trades in their places: a place that became free is given again, the last one first.
    pub places: Vec<Option<u64>>,
    pub free: Vec<usize>,
    /// How far the look over instruments and trades has come.
    pub walk: Option<usize>,
}

impl Limits {
    fn add_on(&self, cfi: &str, on: Date) -> Decimal {
        let mut best: Option<(usize, Date, Decimal)> = None;
        for ((prefix, from), rate) in &self.add_ons {
            let longer = best.is_none_or(|(length, since, _)| (length, since) < (prefix.len(), *from));
            if cfi.starts_with(prefix.as_str()) && *from <= on && longer {
                best = Some((prefix.len(), *from, *rate));
            }
        }
        best.map_or(Decimal { unscaled: 1, scale: 0 }, |(_, _, rate)| rate)
    }
}

impl Books {
    /// How much of a line is used: all that takes of it, added up.
    pub fn used(&self, line: &Line) -> Use {
        let mut used = Use { breached: self.limits.breached.get(line).copied(), ..Use::default() };
        let trades = self.limits.reserved.iter().filter(|((_, of), _)| of == line).map(|(_, taken)| *taken);
        let holdings = self.limits.held.iter().filter(|((_, of), _)| of == line).map(|(_, (_, taken))| *taken);
        for taken in trades.chain(holdings) {
            used.amount += taken.amount;
            used.count += 1;
            used.unmeasured += u32::from(taken.unmeasured);
        }
        used
    }

    /// What holds of a line today.
    pub(super) fn limit_of(&self, (entity, other, kind, _): &Line) -> Option<(CurrencyCode, Option<Row>)> {
        let (currency, rows) = self.limits.rows.get(&(entity.clone(), other.clone(), *kind))?;
        Some((*currency, rows.range(..=self.today()).next_back().map(|(_, row)| *row)))
    }

    /// Every line that anything is known of.
    pub fn limit_lines(&self) -> BTreeMap<Line, (CurrencyCode, Option<Row>, Use)> {
        let limits = &self.limits;
        let trades = limits.reserved.keys().map(|(_, line)| line);
        let all = trades.chain(limits.held.keys().map(|(_, line)| line)).chain(limits.breached.keys());
        let mut lines: BTreeMap<Line, _> = BTreeMap::new();
        for line in all {
            let (currency, row) = self.limit_of(line).expect("a line is of a limit");
            lines.insert(line.clone(), (currency, row, self.used(line)));
        }
        for (entity, other, kind) in limits.rows.keys() {
            let has = |(one, two, of, _): &Line| (one, two, of) == (entity, other, kind);
            if !lines.keys().any(has) {
                let line = (entity.clone(), other.clone(), *kind, None);
                let (currency, row) = self.limit_of(&line).expect("it is there");
                lines.insert(line, (currency, row, Use::default()));
            }
        }
        lines
    }

    /// What a trade on these terms is to take of each line, or for want of what that cannot be told.
    fn wanted(&self, deal: &Deal) -> Vec<(Line, Result<i64, String>)> {
        let mut all = Vec::new();
        for kind in [LimitKind::PreSettlement, LimitKind::Delivery] {
            let date = (kind == LimitKind::Delivery).then_some(deal.date);
            let line = (deal.party.clone(), deal.counterparty.clone(), kind, date);
            let Some((currency, _)) = self.limit_of(&line) else { continue };
            // Delivery against payment risks no principal.
            if kind == LimitKind::Delivery && deal.method == Method::Dvp {
                continue;
            }
            let principal = match deal.method {
                Method::Dvp => self.marks.convert(i128::from(deal.net), deal.currency, currency),
                Method::Fop => self.marks.worth(&self.known, &deal.instrument, i128::from(deal.quantity), currency),
            };
            let cfi = self.known.instruments.get(&deal.instrument).map_or("", |paper| paper.cfi.as_str());
            let amount = principal.map(|principal| {
                let rate = self.limits.add_on(cfi, deal.trade_date);
                let part = if kind == LimitKind::Delivery {
                    principal
                } else {
                    up(principal * i128::from(rate.unscaled), ten(rate.scale))
                };
                i64::try_from(part).expect("a small house")
            });
            all.push((line, amount));
        }
        all
    }

    fn taken(amount: &Result<i64, String>) -> Option<Taken> {
        match amount {
            Ok(0) => None,
            Ok(amount) => Some(Taken { unmeasured: false, amount: *amount }),
            Err(_) => Some(Taken { unmeasured: true, amount: 0 }),
        }
    }

    /// What a trade takes, on these terms; `missing`: only where nothing was measured until now.
    pub(super) fn reserve(&mut self, trade: u64, deal: &Deal, missing: bool) {
        let wanted = self.wanted(deal);
        if !missing {
            for line in self.lines_of(trade) {
                if !wanted.iter().any(|(of, _)| *of == line) {
                    self.take_of_line(trade, line, None, None);
                }
            }
        }
        for (line, amount) in wanted {
            let own = self.limits.reserved.get(&(trade, line.clone())).copied();
            let after = Books::taken(&amount);
            let keeps = missing && own.is_some_and(|own| !own.unmeasured);
            if !keeps && own != after {
                self.take_of_line(trade, line, after, amount.err());
            }
        }
    }

    fn lines_of(&self, trade: u64) -> Vec<Line> {
        self.limits.reserved.keys().filter(|(of, _)| *of == trade).map(|(_, line)| line.clone()).collect()
    }

    /// The trade is over, or what is left of it is nobody's risk.
    pub(super) fn give_back(&mut self, trade: u64) {
        for line in self.lines_of(trade) {
            self.take_of_line(trade, line, None, None);
        }
    }

    /// A part has settled: what is open keeps its part of what the whole took, rounded up.
    pub(super) fn keep_part(&mut self, trade: u64, open: i64, before: i64) {
        for line in self.lines_of(trade) {
            let own = self.limits.reserved[&(trade, line.clone())];
            let part = up(i128::from(own.amount) * i128::from(open), i128::from(before));
            let kept = Taken { amount: i64::try_from(part).expect("a part"), ..own };
            let kept = Some(kept).filter(|kept| open > 0 && (kept.amount != 0 || kept.unmeasured));
            if kept != Some(own) {
                self.take_of_line(trade, line, kept, None);
            }
        }
    }

    fn take_of_line(&mut self, trade: u64, line: Line, after: Option<Taken>, lacks: Option<String>) {
        let key = (trade, line.clone());
        let before = match after {
            Some(after) => self.limits.reserved.insert(key, after),
            None => self.limits.reserved.remove(&key),
        };
        let amount = after.map_or(0, |after| after.amount);
        self.facts.push(Fact::Reserved { line: line.clone(), trade, amount, lacks });
        let more = after > before && after.is_some();
        self.limit_stands(&line, more.then_some(trade));
    }

    /// Says where a breach begins, where a trade takes it further, and where it ends.
    pub(super) fn limit_stands(&mut self, line: &Line, taken_by: Option<u64>) {
        let used = self.used(line);
        let (_, row) = self.limit_of(line).expect("a line is of a limit");
        let over = row.is_some_and(|(limit, _)| used.amount > limit || used.unmeasured > 0);
        let limit = row.map_or(i64::MAX, |(limit, _)| limit);
        if let (Some(since), false) = (used.breached, over) {
            self.limits.breached.remove(line);
            self.facts.push(Fact::Cured { line: line.clone(), limit, used: used.amount, since });
        } else if let (Some((_, on_breach)), true) = (row, over && (used.breached.is_none() || taken_by.is_some())) {
            self.limits.breached.entry(line.clone()).or_insert(self.sequence);
            let (amount, unmeasured) = (used.amount, used.unmeasured);
            let excess = (amount - limit).max(0);
            let line = line.clone();
            self.facts.push(Fact::Breached { line, trade: taken_by, used: amount, excess, unmeasured, on_breach });
        }
    }

    /// A day began, and rows may hold from it on.
    pub(super) fn look_at_limits(&mut self) {
        for line in self.limit_lines().into_keys() {
            self.limit_stands(&line, None);
        }
    }

    /// Whether a trade is to be held: its source says so, or it would go over a limit that asks for it; and it stays held
    /// as long as that is exceeded.
    pub(super) fn goes_on_hold(&self, trade: u64, before: Option<&Deal>, after: &Deal) -> bool {
        let was_held = before.is_some_and(|before| before.hold);
        if after.hold || self.holding_holds(before, after, was_held) {
            return true;
        }
        self.wanted(after).into_iter().any(|(line, amount)| {
            let Some((_, Some((limit, OnBreach::Hold)))) = self.limit_of(&line) else { return false };
            let own = self.limits.reserved.get(&(trade, line.clone())).copied();
            let next = Books::taken(&amount);
            self.would_be_over(&line, own, next, limit) && (was_held || next > own)
        })
    }

    /// Whether a line would be over a limit with one thing that takes of it changed.
    pub(super) fn would_be_over(&self, line: &Line, before: Option<Taken>, after: Option<Taken>, limit: i64) -> bool {
        let used = self.used(line);
        let amount = |taken: Option<Taken>| taken.map_or(0, |taken| taken.amount);
        let count = |taken: Option<Taken>| u32::from(taken.is_some_and(|taken| taken.unmeasured));
        let unmeasured = used.unmeasured + count(after) - count(before);
        used.amount + amount(after) - amount(before) > limit || unmeasured > 0
    }

    /// An open trade has a place.
    pub(super) fn give_place(&mut self, trade: u64) {
        match self.limits.free.pop() {
            Some(place) => self.limits.places[place] = Some(trade),
            None => self.limits.places.push(Some(trade)),
        }
    }

    pub(super) fn leave_place(&mut self, trade: u64) {
        let place = self.limits.places.iter().position(|at| *at == Some(trade)).expect("an open trade has its place");
        self.limits.places[place] = None;
        self.limits.free.push(place);
    }
}
