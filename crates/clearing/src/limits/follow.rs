//! What a fact does to limits, decided with it: reservations, breaches and cures follow it in the same record.

use super::measure::{Wanted, wanted};
use super::{Held, Limit, LimitKey, Limits, Reserved, Used, holdings};
use crate::draft::Draft;
use crate::instruction::{capture_postings, change_postings};
use crate::reference::minor;
use crate::state::State;
use crate::trade::differ_economically;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use model::date::Date;
use model::decimal::{Rounding, mul_div_round};
use model::event::Event;
use model::identifier::CurrencyCode;
use model::index::{InstrumentIx, Kind, PartyIx};
use model::limit::{CounterpartyLimit, LimitBreach, LimitCure, LimitLine, OnBreach, Reservation};
use model::reference::Reference;
use model::trade::Terms;

/// What a decision has done to limits so far, on top of the state.
#[derive(Default)]
pub(crate) struct Overlay {
    used: BTreeMap<LimitLine, Used>,
    reserved: BTreeMap<u64, Vec<Reserved>>,
    held: BTreeMap<(InstrumentIx, LimitLine), Option<Held>>,
}

impl Overlay {
    pub(super) fn used(&self, state: &State, line: &LimitLine) -> Used {
        self.used.get(line).or_else(|| state.limits.used.get(line)).copied().unwrap_or_default()
    }

    fn reserved<'a>(&'a self, state: &'a State, trade: u64) -> &'a [Reserved] {
        self.reserved.get(&trade).or_else(|| state.limits.reserved.get(&trade)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn held(&self, state: &State, instrument: InstrumentIx, line: &LimitLine) -> Option<Held> {
        let key = (instrument, *line);
        self.held.get(&key).copied().unwrap_or_else(|| state.limits.held.get(&key).copied())
    }

    pub(super) fn set_held(&mut self, instrument: InstrumentIx, line: LimitLine, held: Option<Held>, used: Used) {
        self.held.insert((instrument, line), held);
        self.used.insert(line, used);
    }
}

/// What follows a fact.
pub(crate) fn follow(draft: &mut Draft<'_>, event: &Event) -> Vec<Event> {
    let mut told = Vec::new();
    match event {
        Event::TradeCaptured { trade, terms, .. } => reserve(draft, *trade, terms, false, &mut told),
        Event::TradeChanged { trade, terms, .. } => {
            // Its economics decide: what is looked at again, and is owed as before, is not measured again in passing.
            let before = draft.state.trade(*trade).map(|(_, open)| draft.state.terms_of(open));
            if before.is_none_or(|before| differ_economically(&before, terms)) {
                reserve(draft, *trade, terms, false, &mut told);
            }
        }
        Event::TradeCancelled { trade, .. } => give_back(draft, *trade, &mut told),
        Event::InstructionsSettled { deliver, receive, .. } => {
            for instruction in [*deliver, *receive] {
                if let Some(trade) = trade_of(draft, instruction) {
                    give_back(draft, trade, &mut told);
                }
            }
        }
        Event::InstructionConfirmed { instruction, quantity, open_quantity, .. } => {
            if let Some(trade) = trade_of(draft, *instruction) {
                keep_part(draft, trade, *open_quantity, *open_quantity + *quantity, &mut told);
            }
        }
        Event::DayOpened { .. } => look_at_all(draft, &mut told),
        Event::ReferenceSet { reference, .. } => {
            if let Reference::CounterpartyLimit(limit) = &**reference {
                limit_moves(draft, limit, &mut told);
            }
        }
        _ => {}
    }
    holdings::follow(draft, event, &mut told);
    told
}

/// Puts a trade on hold that would go over a limit which asks for it, and keeps it there while the limit is exceeded.
/// Before it is told: its terms say so. `before`: the terms that these replace.
pub(crate) fn hold(draft: &Draft<'_>, trade: u64, before: Option<&Terms>, terms: &mut Terms) {
    let state = draft.state;
    if state.limits.is_empty() || terms.hold {
        return;
    }
    let was_held = before.is_some_and(|before| before.hold);
    if !state.limits.issuers.is_empty() {
        let postings = before.map_or_else(|| capture_postings(terms), |before| change_postings(before, terms));
        terms.hold = holdings::holds(draft, terms, &postings, was_held);
        if terms.hold {
            return;
        }
    }
    let today = draft.today();
    let before = draft.limits.reserved(state, trade);
    terms.hold = wanted(state, terms).iter().any(|wanted| {
        let Some((limit, OnBreach::Hold)) = in_force(state, &wanted.line, today) else { return false };
        let own = before.iter().find(|reserved| reserved.line == wanted.line);
        let mut used = draft.limits.used(state, &wanted.line);
        let next = next(&used, own, wanted);
        used.replace(own, next.as_ref());
        used.is_over(limit) && (was_held || takes_more(own, next.as_ref()))
    });
}

/// A trade's reservations as they should be. `missing`: only what is not there or could not be measured.
pub(super) fn reserve(draft: &mut Draft<'_>, trade: u64, terms: &Terms, missing: bool, told: &mut Vec<Event>) {
    let all = wanted(draft.state, terms);
    if !missing {
        let gone = |reserved: &&Reserved| !all.iter().any(|wanted| wanted.line == reserved.line);
        let gone: Vec<Reserved> = draft.limits.reserved(draft.state, trade).iter().filter(gone).copied().collect();
        gone.iter().for_each(|reserved| set(draft, trade, reserved.line, Some(reserved), None, None, told));
    }
    for wanted in all {
        let own = draft.limits.reserved(draft.state, trade).iter().find(|each| each.line == wanted.line).copied();
        if missing && own.is_some_and(|own| own.measured) {
            continue;
        }
        let next = next(&draft.limits.used(draft.state, &wanted.line), own.as_ref(), &wanted);
        let lacks = match (&next, wanted.amount) {
            (Some(Reserved { measured: false, .. }), Err(lack)) => Some(draft.lack(lack, terms.instrument)),
            (Some(Reserved { measured: false, .. }), Ok(_)) => Some("range".into()),
            _ => None,
        };
        if own != next {
            set(draft, trade, wanted.line, own.as_ref(), next, lacks, told);
        }
    }
}

/// What a trade reserves next. A sum that would leave its range cannot be measured either.
fn next(used: &Used, own: Option<&Reserved>, wanted: &Wanted) -> Option<Reserved> {
    let others = used.amount - own.map_or(0, |own| own.amount);
    let amount = wanted.amount.as_ref().ok().copied().filter(|amount| others.checked_add(*amount).is_some());
    match amount {
        Some(0) => None,
        Some(amount) => Some(Reserved { line: wanted.line, amount, measured: true }),
        None => Some(Reserved { line: wanted.line, amount: 0, measured: false }),
    }
}

fn give_back(draft: &mut Draft<'_>, trade: u64, told: &mut Vec<Event>) {
    for reserved in draft.limits.reserved(draft.state, trade).to_vec() {
        set(draft, trade, reserved.line, Some(&reserved), None, None, told);
    }
}

/// Of a trade that settled in part, its part of what is open, rounded up.
fn keep_part(draft: &mut Draft<'_>, trade: u64, open: i64, before: i64, told: &mut Vec<Event>) {
    for reserved in draft.limits.reserved(draft.state, trade).to_vec() {
        let part = mul_div_round(i128::from(reserved.amount), i128::from(open), i128::from(before), Rounding::Up);
        let amount = part.and_then(|part| i64::try_from(part).ok()).unwrap_or(reserved.amount);
        let next = Reserved { amount, ..reserved };
        let next = Some(next).filter(|_| open > 0 && (amount != 0 || !reserved.measured));
        if next != Some(reserved) {
            set(draft, trade, reserved.line, Some(&reserved), next, None, told);
        }
    }
}

/// Tells a reservation, and what becomes of the line by it.
fn set(
    draft: &mut Draft<'_>,
    trade: u64,
    line: LimitLine,
    before: Option<&Reserved>,
    after: Option<Reserved>,
    lacks: Option<alloc::string::String>,
    told: &mut Vec<Event>,
) {
    let state = draft.state;
    let Some(limit) = state.limits.limits.get(&Limits::key(&line)) else { return };
    let mut used = draft.limits.used(state, &line);
    used.replace(before, after.as_ref());
    let mut own = draft.limits.reserved(state, trade).to_vec();
    own.retain(|reserved| reserved.line != line);
    own.extend(after);
    draft.limits.reserved.insert(trade, own);
    draft.limits.used.insert(line, used);
    let (currency, amount) = (limit.currency, after.map_or(0, |after| after.amount));
    told.push(Event::LimitReserved(Reservation { line, trade, currency, amount, lacks }));
    let more = takes_more(before, after.as_ref());
    standing(draft, line, currency, limit.on(draft.today()), more.then_some(trade), told);
}

/// Whether a trade takes more of a line than before.
fn takes_more(before: Option<&Reserved>, after: Option<&Reserved>) -> bool {
    let taken = |reserved: Option<&Reserved>| reserved.map_or((false, 0), |each| (!each.measured, each.amount));
    taken(after) > taken(before)
}

/// Tells a breach where one begins or a trade takes it further, and a cure where it ends.
pub(super) fn standing(
    draft: &mut Draft<'_>,
    line: LimitLine,
    currency: CurrencyCode,
    in_force: Option<(i64, OnBreach)>,
    taken_by: Option<u64>,
    told: &mut Vec<Event>,
) {
    let used = draft.limits.used(draft.state, &line);
    // A limit whose first day has not come allows anything.
    let (limit, on_breach) = in_force.unwrap_or((i64::MAX, OnBreach::Warn));
    let over = in_force.is_some() && used.is_over(limit);
    match used.breached {
        None if !over => {}
        Some(_) if over && taken_by.is_none() => {}
        Some(since) if !over => {
            told.push(Event::LimitCured(LimitCure { line, currency, limit, used: used.amount, since }));
            draft.limits.used.insert(line, Used { breached: None, ..used });
        }
        _ => {
            told.push(Event::LimitBreached(LimitBreach {
                line,
                trade: taken_by,
                currency,
                limit,
                used: used.amount,
                excess: (used.amount - limit).max(0),
                unmeasured: used.unmeasured,
                on_breach,
            }));
            let breached = used.breached.or(Some(draft.sequence));
            draft.limits.used.insert(line, Used { breached, ..used });
        }
    }
}

/// A day began: rows may hold from it on.
fn look_at_all(draft: &mut Draft<'_>, told: &mut Vec<Event>) {
    let (state, today) = (draft.state, draft.today());
    for line in state.limits.used.keys() {
        let Some(limit) = state.limits.limits.get(&Limits::key(line)) else { continue };
        standing(draft, *line, limit.currency, limit.on(today), None, told);
    }
}

/// A limit is set: its lines are looked at with it.
fn limit_moves(draft: &mut Draft<'_>, set: &CounterpartyLimit, told: &mut Vec<Event>) {
    let state = draft.state;
    let party = |name: &model::identifier::Identifier| state.names.find(Kind::Party, name.as_str()).map(PartyIx);
    let (Some(entity), Some(counterparty)) = (party(&set.entity), party(&set.counterparty)) else { return };
    let key: LimitKey = (entity, counterparty, set.kind);
    let Ok(amount) = minor(set.amount, set.currency) else { return };
    let mut limit: Limit = match state.limits.limits.get(&key) {
        Some(limit) => limit.clone(),
        None => return,
    };
    limit.set(set.valid_from, amount, set.on_breach);
    let line = |value_date| LimitLine { entity, counterparty, kind: set.kind, value_date };
    for line in state.limits.used.range(line(None)..=line(Some(Date::MAX))).map(|(line, _)| *line) {
        standing(draft, line, limit.currency, limit.on(draft.today()), None, told);
    }
}

pub(super) fn in_force(state: &State, line: &LimitLine, today: Date) -> Option<(i64, OnBreach)> {
    state.limits.limits.get(&Limits::key(line))?.on(today)
}

/// The trade of an instruction that is open, or was issued by this very record.
fn trade_of(draft: &Draft<'_>, number: u64) -> Option<u64> {
    if let Some((_, instruction)) = draft.state.instruction(number) {
        return Some(draft.state.trades[instruction.trade].number);
    }
    draft.events.iter().rev().find_map(|event| match event {
        Event::InstructionIssued { instruction, links, .. } if *instruction == number => {
            links.first().map(|link| link.trade)
        }
        _ => None,
    })
}
