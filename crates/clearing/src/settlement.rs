//! Settlement: delivery versus payment, gross, both legs in one record or neither; what lacks waits on the account
//! that lacks, and is tried again in order when that account is credited.

use crate::balances::location;
use crate::draft::Draft;
use crate::instruction::{Instruction, Stage, settlement_postings};
use crate::state::State;
use crate::waiting::Rank;
use alloc::vec::Vec;
use core::ops::Bound;
use model::command::Task;
use model::event::{Cursor, Event, TradeRef, Wait};
use model::identifier::CurrencyCode;
use model::index::{AccountIx, Asset, DomainIx};
use model::instruction::{Code, Movement, code};
use model::ledger::LedgerAccount;
use model::rejection::{Reason, Rejection};
use model::trade::Method;

/// What would come of settling a pair now.
pub(crate) enum Attempt {
    Settles,
    /// The date or the day has not come.
    NotNow(Code),
    Lacks(Wait, (Code, Code)),
}

/// What a hold on either side says to deliverer and receiver.
pub(crate) fn hold_reasons(deliver_held: bool, receive_held: bool) -> Option<(Code, Code)> {
    match (deliver_held, receive_held) {
        (true, true) => Some((code::BOTH, code::BOTH)),
        (true, false) => Some((code::PREA, code::PRCY)),
        (false, true) => Some((code::PRCY, code::PREA)),
        (false, false) => None,
    }
}

impl Draft<'_> {
    /// Joins two instructions that agree, and settles them when that can be.
    pub(crate) fn pair_up(&mut self, one: Instruction, other: Instruction) {
        let (deliver, receive) = if one.movement == Movement::Deliver { (one, other) } else { (other, one) };
        let amount = deliver.amount;
        self.set_gone(deliver.number);
        self.set_gone(receive.number);
        let matched =
            |reasons| Event::InstructionsMatched { deliver: deliver.number, receive: receive.number, amount, reasons };
        if let Some(reasons) = hold_reasons(deliver.held, receive.held) {
            self.push(matched(Some(reasons)));
            self.fail_if_past(&deliver, &receive);
            return;
        }
        match self.attempt(&deliver, &receive, amount, None) {
            Attempt::Settles => {
                self.push(matched(None));
                self.push_settled(&deliver, &receive, amount);
            }
            Attempt::NotNow(reason) => {
                self.push(matched(Some((reason, reason))));
                self.fail_if_past(&deliver, &receive);
            }
            Attempt::Lacks(wait, reasons) => {
                self.push(matched(Some(reasons)));
                self.push_pending(&deliver, &receive, reasons, Some(wait));
                self.fail_if_past(&deliver, &receive);
            }
        }
    }

    /// A pair that matches after the cut-off of its date fails at once.
    fn fail_if_past(&mut self, deliver: &Instruction, receive: &Instruction) {
        let day = self.state.day(deliver.domain);
        if let Some(day) = day.filter(|day| day.is_past(deliver.date, deliver.cut_off())) {
            self.push(Event::InstructionsFailing {
                domain: deliver.domain,
                date: day.date.expect("a past day has a date"),
                instructions: alloc::vec![deliver.number, receive.number],
            });
        }
    }

    pub(crate) fn attempt(
        &self,
        deliver: &Instruction,
        receive: &Instruction,
        amount: i64,
        within: Option<u32>,
    ) -> Attempt {
        let state = self.state;
        let Some(day) = state.day(deliver.domain) else { return Attempt::NotNow(code::FUTU) };
        if !day.settles(deliver.date, deliver.cut_off()) {
            let future = day.date.is_none_or(|today| deliver.date > today);
            return Attempt::NotNow(if future { code::FUTU } else { code::CYCL });
        }
        let securities = Asset::instrument(deliver.instrument);
        let short = state.reference.account(deliver.depot).is_some_and(|entry| entry.may_go_short);
        let depot = location(deliver.party, deliver.depot);
        if !short && !self.covers(depot, securities, deliver.quantity, 0, within) {
            let wait = Wait { account: deliver.depot, asset: securities, need: deliver.quantity };
            return Attempt::Lacks(wait, (code::LACK, code::CLAC));
        }
        if let (Method::Dvp, Some(nostro)) = (receive.method, receive.nostro)
            && amount > 0
        {
            let currency = receive.currency.as_currency().expect("an instruction's currency is one");
            let today = day.date.expect("an open day has a date");
            let limit = state.reference.limit(nostro, currency, today);
            if !self.covers(location(receive.party, nostro), receive.currency, amount, limit, within) {
                let wait = Wait { account: nostro, asset: receive.currency, need: amount };
                return Attempt::Lacks(wait, (code::CMON, code::MONY));
            }
        }
        Attempt::Settles
    }

    /// Whether an account has enough; one that was credited and still has a queue to try serves that queue first.
    fn covers(&self, account: LedgerAccount, asset: Asset, need: i64, limit: i64, within: Option<u32>) -> bool {
        let place = self.state.balances.place(account, asset);
        let slot = place.map(|place| &self.state.balances.slots[place as usize]);
        if slot.is_some_and(|slot| slot.queued) && within != place {
            return false;
        }
        let before = slot.map_or(0, |slot| slot.amount);
        before + self.moved(account, asset) + i128::from(limit) >= i128::from(need)
    }

    fn push_settled(&mut self, deliver: &Instruction, receive: &Instruction, amount: i64) {
        let postings = settlement_postings(deliver, receive, amount);
        let today = self.state.day(deliver.domain).and_then(|day| day.date);
        self.push(Event::InstructionsSettled {
            deliver: deliver.number,
            receive: receive.number,
            books: (deliver.book, receive.book),
            quantity: deliver.quantity,
            currency: deliver.currency.as_currency().expect("an instruction's currency is one"),
            amount,
            value_date: today.expect("settlement happens on an open day"),
            postings,
            deliver_trade: self.trade_ref(deliver),
            receive_trade: self.trade_ref(receive),
        });
    }

    /// The trade that an instruction settles, as a later reversal needs it.
    pub(crate) fn trade_ref(&self, instruction: &Instruction) -> Option<TradeRef> {
        // One that this very record captured has no place yet.
        let issued_now = |event: &Event| match event {
            Event::InstructionIssued { instruction: number, links, .. } if *number == instruction.number => {
                links.first().map(|link| link.trade)
            }
            _ => None,
        };
        let captured = self.state.trades.get(instruction.trade).map(|trade| trade.number);
        let trade = captured.or_else(|| self.events.iter().rev().find_map(issued_now))?;
        Some(TradeRef { trade, trade_date: instruction.trade_date })
    }

    fn push_pending(
        &mut self,
        deliver: &Instruction,
        receive: &Instruction,
        reasons: (Code, Code),
        waits: Option<Wait>,
    ) {
        self.push(Event::InstructionsPending { deliver: deliver.number, receive: receive.number, reasons, waits });
    }

    /// Tries a pair of the state and says what came of it; nothing when it stays as it is.
    pub(crate) fn try_pair(&mut self, deliver: u32, within: Option<u32>) {
        let state = self.state;
        let one = &state.instructions[deliver];
        let other = &state.instructions[one.partner];
        let amount = one.matched_amount;
        match self.attempt(one, other, amount, within) {
            Attempt::Settles => self.push_settled(one, other, amount),
            Attempt::Lacks(wait, reasons) => self.push_pending(one, other, reasons, Some(wait)),
            // What stays due says why only when that is news.
            Attempt::NotNow(reason) if one.stage != Stage::Due || one.reasons.as_deref() != Some(&[reason]) => {
                self.push_pending(one, other, (reason, reason), None);
            }
            Attempt::NotNow(_) => {}
        }
    }
}

/// Tries what waits on the account at the head of the queue of credited accounts, in order, as far as it fits.
pub(crate) fn continue_retry(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let state = draft.state;
    let Some(place) = state.retry.front().copied() else { return Err(Reason::NothingToDo.into()) };
    let slot = &state.balances.slots[place as usize];
    let account = LedgerAccount::unpack(slot.account).expect("a slot is of an account");
    let budget = state.reference.parameters.attempts_per_step.max(1);
    let (mut after, mut examined) = (None, 0);
    let mut remaining = false;
    loop {
        let available = draft.balance(account, slot.asset) + i128::from(slot_limit(state, account, slot.asset));
        let Some((rank, deliver)) = slot.waiting.next_fitting(&state.waiting, after.as_ref(), available) else { break };
        if examined == budget {
            remaining = true;
            break;
        }
        draft.try_pair(deliver, Some(place));
        examined += 1;
        after = Some(rank);
    }
    draft.push(Event::Progressed {
        task: Task::Retry,
        examined,
        remaining,
        cursor: Cursor { place: u64::from(place), ..Cursor::default() },
    });
    Ok(())
}

pub(crate) fn slot_limit(state: &State, account: LedgerAccount, asset: Asset) -> i64 {
    let (LedgerAccount::Location { account, .. }, Some(currency)) = (account, asset.as_currency()) else { return 0 };
    let domain = state.reference.account(account).map(|entry| entry.domain);
    let today = domain.and_then(|domain| state.day(domain)).and_then(|day| day.date);
    today.map_or(0, |today| state.reference.limit(account, currency, today))
}

/// A step of a domain's settlement cycle: what has come due, by priority, date, arrival.
pub(crate) fn continue_cycle(draft: &mut Draft<'_>, domain: DomainIx) -> Result<(), Rejection> {
    let state = draft.state;
    let day = state.day(domain).ok_or(Reason::NothingToDo)?;
    let (Some(cursor), Some(today)) = (day.cycle, day.date) else { return Err(Reason::NothingToDo.into()) };
    let budget = state.reference.parameters.attempts_per_step.max(1) as usize;
    let batch: Vec<(Rank, u32)> = due_after(state, domain, today.days(), cursor).take(budget).collect();
    for (_, deliver) in &batch {
        draft.try_pair(*deliver, None);
    }
    let last = batch.last().map_or(cursor, |(rank, _)| Cursor {
        priority: rank.priority,
        date: rank.date,
        place: rank.number,
    });
    draft.push(Event::Progressed {
        task: Task::Cycle(domain),
        examined: batch.len() as u32,
        remaining: batch.len() == budget,
        cursor: last,
    });
    Ok(())
}

/// What is due on or before a date, after a place in the order.
fn due_after(state: &State, domain: DomainIx, today: i32, cursor: Cursor) -> impl Iterator<Item = (Rank, u32)> {
    let first = Rank { priority: cursor.priority, date: cursor.date, number: cursor.place };
    (cursor.priority..=*model::instruction::PRIORITIES.end()).flat_map(move |priority| {
        let from = if priority == first.priority {
            Bound::Excluded((domain.0, first))
        } else {
            Bound::Included((domain.0, Rank { priority, date: i32::MIN, number: 0 }))
        };
        let to = Bound::Included((domain.0, Rank { priority, date: today, number: u64::MAX }));
        state.due.range((from, to)).map(|((_, rank), place)| (*rank, *place))
    })
}

impl State {
    pub(crate) fn apply_pending(&mut self, deliver: u64, reasons: (Code, Code), waits: Option<Wait>) {
        let (place, instruction) = self.instruction(deliver).expect("what pends is open");
        let (party, partner) = (instruction.party, instruction.partner);
        let other = self.instructions[partner].party;
        self.set_pair_reasons(place, reasons);
        match waits {
            None => self.queue_due(place),
            Some(wait) => {
                let holder = if wait.asset.as_instrument().is_some() { party } else { other };
                let slot = self.balances.slot(location(holder, wait.account), wait.asset);
                self.queue_waiting(place, slot);
            }
        }
    }

    /// An account got more: who waits for it is tried again.
    pub(crate) fn wake(&mut self, slot: u32) {
        let entry = &mut self.balances.slots[slot as usize];
        if !entry.waiting.is_empty() && !entry.queued {
            entry.queued = true;
            self.retry.push_back(slot);
        }
    }

    /// A credit line moved.
    pub(crate) fn wake_cash(&mut self, account: AccountIx, currency: CurrencyCode) {
        let holder = self.reference.account(account).map(|entry| entry.holder);
        let slot = holder.and_then(|holder| self.balances.place(location(holder, account), Asset::currency(currency)));
        if let Some(slot) = slot {
            self.wake(slot);
        }
    }

    pub(crate) fn apply_progress(&mut self, task: Task, remaining: bool, cursor: Cursor) {
        match task {
            Task::Retry if !remaining => {
                let slot = self.retry.pop_front().expect("a retry is of the account at the head");
                self.balances.slots[slot as usize].queued = false;
            }
            Task::Retry => {}
            Task::Cycle(domain) => self.day_mut(domain).cycle = remaining.then_some(cursor),
            Task::Survey(domain) => self.day_mut(domain).survey = remaining.then_some(cursor.place as u32),
            Task::Repair => self.repairing = remaining.then_some(cursor.place),
            Task::Reserve => self.limits.surveying = remaining.then_some(cursor.place as u32),
        }
    }
}

/// What a settlement makes void: changes of its trades that waited for the other side's consent. `earlier` is what the
/// same record has decided so far: a change may just have been taken back.
pub(crate) fn lapsed_changes(state: &State, earlier: &[Event], event: &Event) -> [Option<Event>; 2] {
    let Event::InstructionsSettled { deliver, receive, .. } = event else { return [None, None] };
    [*deliver, *receive].map(|number| {
        let (_, instruction) = state.instruction(number)?;
        let trade = &state.trades[instruction.trade];
        let pending = trade.pending.as_deref()?;
        let withdrawn = |event: &Event| match event {
            Event::TradeChanged { trade: changed, .. } => *changed == trade.number,
            Event::InstructionSteered { instruction, cancel_requested, .. } => {
                *instruction == number && !cancel_requested
            }
            _ => false,
        };
        let (trade, version, cancel) = (trade.number, pending.version, pending.cancel);
        let lapsed = Event::TradeChangeLapsed { trade, version, cancel, reason: code::DSET };
        (!earlier.iter().any(withdrawn)).then_some(lapsed)
    })
}
