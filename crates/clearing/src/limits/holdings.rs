//! Limits on issuers: what an entity owns of their instruments by trade date, at the last recorded prices. Purchases count from
//! capture on, what is short of one instrument pays for no other.

use super::follow::{in_force, standing};
use super::{LimitKey, Limits, Reserved};
use crate::draft::Draft;
use crate::marks::Lack;
use crate::state::State;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use model::event::Event;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{Asset, BookIx, InstrumentIx, Kind, PartyIx};
use model::ledger::{LedgerAccount, Posting};
use model::limit::{HoldingReservation, LimitKind, LimitLine, OnBreach};
use model::reference::{Issuer, PriceSet};
use model::trade::{Side, Terms};

/// What is owned of an instrument, and what that takes of its issuer's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Above zero: what is short takes nothing.
    pub quantity: i64,
    /// In minor units of the limit.
    pub amount: i64,
    pub measured: bool,
}

impl Held {
    /// Of an event; nothing where nothing is owned any more.
    fn of(told: &HoldingReservation) -> Option<Held> {
        let HoldingReservation { quantity, amount, .. } = *told;
        (quantity > 0).then_some(Held { quantity, amount, measured: told.lacks.is_none() })
    }

    pub(super) fn reserved(&self, line: LimitLine) -> Reserved {
        Reserved { line, amount: self.amount, measured: self.measured }
    }

    fn taken(held: Option<&Held>) -> (bool, i64) {
        held.map_or((false, 0), |held| (!held.measured, held.amount))
    }
}

/// How much more the books of each entity own of each instrument by these postings.
fn moved(postings: &[Posting]) -> BTreeMap<(PartyIx, InstrumentIx), i128> {
    let mut moved = BTreeMap::new();
    for posting in postings {
        if let (LedgerAccount::Book { entity, .. }, Some(instrument)) = (posting.account, posting.asset.as_instrument())
        {
            *moved.entry((entity, instrument)).or_default() += posting.amount;
        }
    }
    moved.retain(|_, amount| *amount != 0);
    moved
}

/// What a fact moves, decided with it.
pub(super) fn follow(draft: &mut Draft<'_>, event: &Event, told: &mut Vec<Event>) {
    if draft.state.limits.issuers.is_empty() {
        return;
    }
    let trade = match event {
        Event::TradeCaptured { trade, .. } | Event::TradeChanged { trade, .. } => Some(*trade),
        _ => None,
    };
    for ((entity, instrument), amount) in moved(event.postings()) {
        look(draft, (entity, instrument), amount, trade, told);
    }
}

/// Whether a purchase with these postings goes over a limit that asks for a hold, or stays over it.
pub(super) fn holds(draft: &Draft<'_>, terms: &Terms, postings: &[Posting], was_held: bool) -> bool {
    let state = draft.state;
    let key = (terms.party, terms.instrument);
    let Some((line, currency)) = state.issuer_line(key).filter(|_| terms.side == Side::Buy) else { return false };
    let Some((limit, OnBreach::Hold)) = in_force(state, &line, draft.today()) else { return false };
    let amount = moved(postings).get(&key).copied().unwrap_or(0);
    let before = draft.limits.held(state, terms.instrument, &line);
    let (next, _) = next(draft, key, (line, currency), before.as_ref(), amount);
    let mut used = draft.limits.used(state, &line);
    used.replace(before.map(|held| held.reserved(line)).as_ref(), next.map(|held| held.reserved(line)).as_ref());
    used.is_over(limit) && (was_held || Held::taken(next.as_ref()) > Held::taken(before.as_ref()))
}

/// Looks at what an entity owns of an instrument, `amount` more than is booked so far, and tells what it takes where that changed.
fn look(draft: &mut Draft<'_>, key: (PartyIx, InstrumentIx), amount: i128, trade: Option<u64>, told: &mut Vec<Event>) {
    let state = draft.state;
    let (entity, instrument) = key;
    let wanted = state.issuer_line(key);
    // It may have had another issuer.
    let kept = state.limits.held_of(instrument).map(|(line, _)| *line);
    let others: Vec<LimitLine> = kept
        .filter(|line| line.entity == entity && wanted.is_none_or(|(wanted, _)| wanted != *line))
        .filter(|line| draft.limits.held(state, instrument, line).is_some())
        .collect();
    others.iter().for_each(|line| set(draft, *line, instrument, (None, None), None, told));
    let Some((line, currency)) = wanted else { return };
    let before = draft.limits.held(state, instrument, &line);
    let (after, lacks) = next(draft, key, (line, currency), before.as_ref(), amount);
    if before != after {
        set(draft, line, instrument, (after, lacks), trade, told);
    }
}

/// One instrument for everybody who has a limit with its issuer, or owned it under another: for the walk.
pub(super) fn look_at(draft: &mut Draft<'_>, instrument: InstrumentIx, told: &mut Vec<Event>) {
    let limits = &draft.state.limits;
    let issuer =
        limits.issuers.get(&instrument).and_then(|issuer| draft.state.names.find(Kind::Party, issuer.as_str()));
    let of = |key: &&LimitKey| key.2 == LimitKind::Issuer && Some(key.1.0) == issuer;
    let mut entities: BTreeSet<PartyIx> = limits.limits.keys().filter(of).map(|key| key.0).collect();
    entities.extend(limits.held_of(instrument).map(|(line, _)| line.entity));
    for entity in entities {
        look(draft, (entity, instrument), 0, None, told);
    }
}

/// What is owned and what it takes, and for want of what it cannot be measured.
fn next(
    draft: &Draft<'_>,
    (entity, instrument): (PartyIx, InstrumentIx),
    (line, currency): (LimitLine, CurrencyCode),
    before: Option<&Held>,
    amount: i128,
) -> (Option<Held>, Option<Lack>) {
    let state = draft.state;
    let quantity = match before {
        Some(held) if held.measured => i128::from(held.quantity) + amount,
        _ => owned(draft, entity, instrument) + amount,
    };
    if quantity <= 0 {
        return (None, None);
    }
    let worth = state.marks.worth(&state.names, &state.reference, instrument, quantity, currency);
    let others = draft.limits.used(state, &line).amount - before.map_or(0, |held| held.amount);
    let fits =
        |worth: i128| i64::try_from(worth).ok().filter(|worth| *worth >= 0 && others.checked_add(*worth).is_some());
    let measured = worth.and_then(|worth| fits(worth).zip(i64::try_from(quantity).ok()).ok_or_else(|| "range".into()));
    match measured {
        Ok((amount, quantity)) => (Some(Held { quantity, amount, measured: true }), None),
        Err(lack) => {
            let quantity = i64::try_from(quantity).unwrap_or(i64::MAX);
            (Some(Held { quantity, amount: 0, measured: false }), Some(draft.lack(lack, instrument)))
        }
    }
}

/// What all books of an entity own, added up: where nothing is kept that could be gone on from.
fn owned(draft: &Draft<'_>, entity: PartyIx, instrument: InstrumentIx) -> i128 {
    let book = |book: u32| LedgerAccount::Book { entity, book: BookIx(book) };
    let books = 0..draft.state.names.count(Kind::Book);
    books.map(|index| draft.state.balances.amount(book(index), Asset::instrument(instrument))).sum::<i128>()
        + draft
            .events
            .iter()
            .flat_map(|event| moved(event.postings()))
            .filter(|(key, _)| *key == (entity, instrument))
            .map(|(_, amount)| amount)
            .sum::<i128>()
}

/// Tells what a holding takes, and what becomes of the line by it.
fn set(
    draft: &mut Draft<'_>,
    line: LimitLine,
    instrument: InstrumentIx,
    (after, lacks): (Option<Held>, Option<Lack>),
    trade: Option<u64>,
    told: &mut Vec<Event>,
) {
    let state = draft.state;
    let Some(limit) = state.limits.limits.get(&Limits::key(&line)) else { return };
    let before = draft.limits.held(state, instrument, &line);
    let mut used = draft.limits.used(state, &line);
    used.replace(before.map(|held| held.reserved(line)).as_ref(), after.map(|held| held.reserved(line)).as_ref());
    draft.limits.set_held(instrument, line, after, used);
    let (quantity, amount) = after.map_or((0, 0), |held| (held.quantity, held.amount));
    let currency = limit.currency;
    told.push(Event::HoldingReserved(HoldingReservation { line, instrument, quantity, currency, amount, lacks }));
    let more = Held::taken(after.as_ref()) > Held::taken(before.as_ref());
    standing(draft, line, currency, limit.on(draft.today()), trade.filter(|_| more), told);
}

impl Limits {
    /// What is kept of an instrument, by line.
    pub(super) fn held_of(&self, instrument: InstrumentIx) -> impl Iterator<Item = (&LimitLine, &Held)> {
        let first = PartyIx(0);
        let first = LimitLine { entity: first, counterparty: first, kind: LimitKind::PreSettlement, value_date: None };
        let from = self.held.range((instrument, first)..);
        from.take_while(move |((of, _), _)| *of == instrument).map(|((_, line), held)| (line, held))
    }
}

impl State {
    /// The line that an entity's holding of an instrument counts on, and what it is counted in.
    pub(crate) fn issuer_line(
        &self,
        (entity, instrument): (PartyIx, InstrumentIx),
    ) -> Option<(LimitLine, CurrencyCode)> {
        let issuer = PartyIx(self.names.find(Kind::Party, self.limits.issuers.get(&instrument)?.as_str())?);
        let limit = self.limits.limits.get(&(entity, issuer, LimitKind::Issuer))?;
        let line = LimitLine { entity, counterparty: issuer, kind: LimitKind::Issuer, value_date: None };
        Some((line, limit.currency))
    }

    pub(crate) fn apply_issuer(&mut self, issuer: &Issuer) {
        let instrument = self.names.find(Kind::Instrument, issuer.instrument.as_str());
        let instrument = InstrumentIx(instrument.expect("an issuer is set of an instrument that has a number"));
        self.limits.issuers.insert(instrument, issuer.issuer.clone());
        if self.limits.limits.keys().any(|key| key.2 == LimitKind::Issuer) {
            self.limits.surveying = Some(0);
        }
    }

    pub(crate) fn apply_holding(&mut self, told: &HoldingReservation) {
        let (key, line) = ((told.instrument, told.line), told.line);
        let after = Held::of(told);
        let before = match after {
            Some(held) => self.limits.held.insert(key, held),
            None => self.limits.held.remove(&key),
        };
        let used = self.limits.used.entry(line).or_default();
        used.replace(before.map(|held| held.reserved(line)).as_ref(), after.map(|held| held.reserved(line)).as_ref());
        if used.is_nothing() {
            self.limits.used.remove(&line);
        }
    }

    /// Prices came: what could not be measured is looked at again, and what issuers' limits count at market.
    pub(crate) fn take_prices(&mut self, set: &PriceSet) {
        let owned = |state: &State| {
            let marks = state.limits.held.keys().map(|(instrument, _)| state.marks.prices.get(instrument).copied());
            (!state.limits.held.is_empty()).then(|| (marks.collect::<Vec<_>>(), state.marks.rates.clone()))
        };
        let before = owned(self);
        self.marks.take(set, &self.names);
        if before != owned(self) || self.limits.used.values().any(|used| used.unmeasured > 0) {
            self.limits.surveying = Some(0);
        }
    }

    /// Holds what is kept of issuers' limits against the balances.
    pub(super) fn recount_holdings(&self) -> Result<(), String> {
        let mut owned: BTreeMap<(PartyIx, InstrumentIx), i128> = BTreeMap::new();
        if self.limits.held.is_empty() {
            return Ok(());
        }
        for slot in self.balances.slots.iter() {
            if let (Some(LedgerAccount::Book { entity, .. }), Some(instrument)) =
                (LedgerAccount::unpack(slot.account), slot.asset.as_instrument())
            {
                *owned.entry((entity, instrument)).or_default() += slot.amount;
            }
        }
        for ((instrument, line), held) in &self.limits.held {
            let owned = owned.get(&(line.entity, *instrument)).copied().unwrap_or(0);
            if held.measured && i128::from(held.quantity) != owned {
                return Err(alloc::format!("{line:?}: {held:?} of {instrument:?} is kept, {owned} is owned"));
            }
        }
        Ok(())
    }
}

/// The name whose line it is: an issuer need not be a party, and gets a number like one.
pub(crate) fn named(limit: &model::limit::CounterpartyLimit) -> Option<&Identifier> {
    (limit.kind == LimitKind::Issuer).then_some(&limit.counterparty)
}
