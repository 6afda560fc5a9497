//! Limits on issuers, what is owned of their instruments by trade date at the last prices; and the long look over everything
//! that a new limit, issuer or price sets going.

use super::limits::{Line, Taken};
use super::{Books, Deal, Fact, Place, Thing};
use model::identifier::{CurrencyCode, Identifier};
use model::limit::{CounterpartyLimit, LimitKind, OnBreach};
use model::reference::PriceSet;
use model::trade::Side;
use std::collections::{BTreeMap, BTreeSet};

type Holding = Option<(i64, Taken)>;

impl Books {
    fn issuer_line(&self, entity: &Identifier, paper: &Identifier) -> Option<(Line, CurrencyCode)> {
        let issuer = self.limits.issuers.get(paper)?;
        let line = (entity.clone(), issuer.clone(), LimitKind::Issuer, None);
        let (currency, _) = self.limit_of(&line)?;
        Some((line, currency))
    }

    /// What all books of an entity have of an instrument.
    fn owned(&self, entity: &Identifier, paper: &Identifier) -> i128 {
        let of = |place: &Place| matches!(place, Place::Book(owner, _) if owner == entity);
        let all = self.balances.iter().filter(|(place, thing, _)| of(place) && *thing == Thing::Paper(paper.clone()));
        all.map(|(_, _, amount)| *amount).sum()
    }

    /// What a quantity takes, and what is lacking to tell. What is short takes nothing.
    fn holding(&self, paper: &Identifier, quantity: i128, currency: CurrencyCode) -> (Holding, Option<String>) {
        if quantity <= 0 {
            return (None, None);
        }
        let owned = i64::try_from(quantity).expect("a small house");
        match self.marks.worth(&self.known, paper, quantity, currency) {
            Ok(worth) => {
                let amount = i64::try_from(worth).expect("a small house");
                (Some((owned, Taken { unmeasured: false, amount })), None)
            }
            Err(lacks) => (Some((owned, Taken { unmeasured: true, amount: 0 })), Some(lacks)),
        }
    }

    /// What was booked after `from` may have moved what is owned.
    pub(super) fn holdings_moved(&mut self, from: usize, trade: Option<u64>) {
        if self.limits.issuers.is_empty() || self.limits.rows.is_empty() {
            return;
        }
        let mut moved: BTreeMap<(Identifier, usize), i128> = BTreeMap::new();
        for (place, thing, amount) in &self.posted[from..] {
            if let (Place::Book(entity, _), Thing::Paper(paper)) = (place, thing) {
                let number = self.known.named.iter().position(|name| name == paper).expect("what is booked has a name");
                *moved.entry((entity.clone(), number)).or_default() += amount;
            }
        }
        for (entity, number) in moved.into_iter().filter(|(_, amount)| *amount != 0).map(|(key, _)| key) {
            let paper = self.known.named[number].clone();
            self.look_at_holding(&entity, &paper, trade);
        }
    }

    fn look_at_holding(&mut self, entity: &Identifier, paper: &Identifier, trade: Option<u64>) {
        let wanted = self.issuer_line(entity, paper);
        // It may have had another issuer.
        let elsewhere: Vec<Line> = self
            .limits
            .held
            .keys()
            .filter(|(of, line)| of == paper && line.0 == *entity)
            .map(|(_, line)| line.clone())
            .filter(|line| wanted.as_ref().is_none_or(|(wanted, _)| wanted != line))
            .collect();
        for line in elsewhere {
            self.hold_of_line(line, paper, (None, None), None);
        }
        let Some((line, currency)) = wanted else { return };
        let before = self.limits.held.get(&(paper.clone(), line.clone())).copied();
        let (after, lacks) = self.holding(paper, self.owned(entity, paper), currency);
        if before != after {
            self.hold_of_line(line, paper, (after, lacks), trade);
        }
    }

    fn hold_of_line(
        &mut self,
        line: Line,
        paper: &Identifier,
        (after, lacks): (Holding, Option<String>),
        trade: Option<u64>,
    ) {
        let key = (paper.clone(), line.clone());
        let before = match after {
            Some(after) => self.limits.held.insert(key, after),
            None => self.limits.held.remove(&key),
        };
        let taken = |holding: Holding| holding.map_or(Taken { unmeasured: false, amount: 0 }, |(_, taken)| taken);
        let (quantity, amount) = (after.map_or(0, |(quantity, _)| quantity), taken(after).amount);
        let instrument = paper.clone();
        self.facts.push(Fact::Held { line: line.clone(), instrument, quantity, amount, lacks });
        let more = taken(after) > taken(before);
        self.limit_stands(&line, trade.filter(|_| more));
    }

    /// Whether a purchase would take an issuer's line over a limit that asks for a hold.
    pub(super) fn holding_holds(&self, before: Option<&Deal>, after: &Deal, was_held: bool) -> bool {
        if after.side != Side::Buy {
            return false;
        }
        let Some((line, currency)) = self.issuer_line(&after.party, &after.instrument) else { return false };
        let Some((_, Some((limit, OnBreach::Hold)))) = self.limit_of(&line) else { return false };
        let signed = |deal: &Deal| {
            let same = (&deal.party, &deal.instrument) == (&after.party, &after.instrument);
            let quantity = if deal.side == Side::Buy { deal.quantity } else { -deal.quantity };
            if same { i128::from(quantity) } else { 0 }
        };
        let more = signed(after) - before.map_or(0, signed);
        let held = self.limits.held.get(&(after.instrument.clone(), line.clone())).map(|(_, taken)| *taken);
        let owned = self.owned(&after.party, &after.instrument);
        let (next, _) = self.holding(&after.instrument, owned + more, currency);
        let next = next.map(|(_, taken)| taken);
        let nothing = Taken { unmeasured: false, amount: 0 };
        let takes_more = next.unwrap_or(nothing) > held.unwrap_or(nothing);
        self.would_be_over(&line, held, next, limit) && (was_held || takes_more)
    }

    fn issuer_limits(&self) -> bool {
        self.limits.rows.keys().any(|(_, _, kind)| *kind == LimitKind::Issuer)
    }

    pub(super) fn set_limit(&mut self, limit: &CounterpartyLimit, amount: i64) {
        let key = (limit.entity.clone(), limit.counterparty.clone(), limit.kind);
        let fresh = !self.limits.rows.contains_key(&key);
        let (_, rows) = self.limits.rows.entry(key.clone()).or_insert((limit.currency, BTreeMap::new()));
        rows.insert(limit.valid_from, (amount, limit.on_breach));
        if fresh && (!self.trades.is_empty() || limit.kind == LimitKind::Issuer) {
            self.limits.walk = Some(0);
        }
        let of = |line: &&Line| (&line.0, &line.1, &line.2) == (&key.0, &key.1, &key.2);
        let lines: Vec<Line> = self.limit_lines().keys().filter(of).cloned().collect();
        for line in lines.iter().filter(|_| !fresh) {
            self.limit_stands(line, None);
        }
    }

    pub(super) fn set_issuer(&mut self, paper: Identifier, issuer: Identifier) {
        self.limits.issuers.insert(paper, issuer);
        if self.issuer_limits() {
            self.limits.walk = Some(0);
        }
    }

    /// New prices: what is held is looked at again where they moved it, and what could not be measured.
    pub(super) fn set_prices(&mut self, set: &PriceSet) {
        let before = self.marks.clone();
        self.marks.take(set, &self.known.named);
        let papers: BTreeSet<&Identifier> = self.limits.held.keys().map(|(paper, _)| paper).collect();
        let price = |paper: &&Identifier| before.prices.get(*paper) != self.marks.prices.get(*paper);
        let moved = !papers.is_empty() && (before.rates != self.marks.rates || papers.iter().any(price));
        let unmeasured = self.limits.reserved.values().chain(self.limits.held.values().map(|(_, taken)| taken));
        if moved || unmeasured.into_iter().any(|taken| taken.unmeasured) {
            self.limits.walk = Some(0);
        }
    }

    /// A step of the look over everything: the instruments as they were named, then the trades in their places.
    pub(super) fn reserve_step(&mut self) {
        let from = self.limits.walk.expect("it goes on");
        let papers = if self.issuer_limits() { self.known.named.len() } else { 0 };
        let end = papers + self.limits.places.len();
        let (examined, most) = (self.known.parameters.examined_per_step, self.known.parameters.attempts_per_step);
        let (mut place, mut left) = (from, examined);
        while place < end && left > 0 && self.facts.iter().filter(|fact| fact.takes()).count() < most as usize {
            if place < papers {
                let paper = self.known.named[place].clone();
                let mut entities: BTreeSet<Identifier> =
                    self.limits.held.keys().filter(|(of, _)| *of == paper).map(|(_, line)| line.0.clone()).collect();
                let issuer = self.limits.issuers.get(&paper);
                let with_limit = self
                    .limits
                    .rows
                    .keys()
                    .filter(|(_, other, kind)| *kind == LimitKind::Issuer && Some(other) == issuer);
                entities.extend(with_limit.map(|(entity, ..)| entity.clone()));
                for entity in entities {
                    self.look_at_holding(&entity, &paper, None);
                }
            } else if let Some(trade) = self.limits.places[place - papers] {
                let terms = self.terms(trade);
                self.reserve(trade, &terms, true);
            }
            (place, left) = (place + 1, left - 1);
        }
        self.limits.walk = (place < end).then_some(place);
    }
}
