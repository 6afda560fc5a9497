//! What an agent of an external domain says, and what it comes to (docs/decisions/0011). Nothing of it is refused.

use super::known::{minor, units};
use super::{Answer, Booking, Books, Break, Ended, Instruction, Place, Thing};
use model::advice::{Advice, AdviceBody, AllegementRemoval, Confirmation, Status};
use model::breaks::{AgentStanding, BreakKind};
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use model::instruction::{Code, code};
use model::rejection::Reason;
use model::trade::Method;
use std::rc::Rc;

/// What an open instruction knows of the agent's side of it.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    pub standing: AgentStanding,
    /// How many requests were sent.
    pub requests: u32,
    pub request: Option<Request>,
    /// Hold and priority to be asked for next.
    pub wanted: Option<(bool, u8)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Cancel,
    Modify(bool, u8),
}

/// Where an instruction was to settle: what a late confirmation is held against.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub depot: Identifier,
    pub nostro: Option<Identifier>,
    pub instrument: Identifier,
}

/// Whom a quoted reference means; an open one with the number of the request it quotes.
pub(super) enum Quoted {
    Open(u64, Option<u32>),
    Ended(u64),
    Unknown,
}

pub(super) type Item = (Option<Identifier>, Thing, i64, i64);

impl Instruction {
    /// Hold and priority as they are, or as the agent was or will be asked to make them.
    pub(super) fn asked(&self) -> (bool, u8) {
        let Some(outside) = &self.outside else { return (self.held, self.priority) };
        match (outside.wanted, outside.request) {
            (Some(wanted), _) => wanted,
            (None, Some(Request::Modify(held, priority))) => (held, priority),
            (None, _) => (self.held, self.priority),
        }
    }

    pub(super) fn agent(&mut self) -> &mut Outside {
        self.outside.as_mut().expect("an agent has it")
    }
}

impl Books {
    pub(super) fn send_instruction(&mut self, number: u64) {
        let instruction = self.instructions.get_mut(&number).expect("it is open");
        instruction.outside = Some(Outside { standing: AgentStanding::Sent, requests: 0, request: None, wanted: None });
        let deal = &instruction.deal;
        let depot = deal.depot.clone().expect("what is instructed has a depot");
        let sent = Sent { depot, nostro: deal.nostro.clone(), instrument: deal.instrument.clone() };
        self.sent.insert(number, Rc::new(sent));
    }

    pub(super) fn quoted(&self, text: &str) -> Quoted {
        let plain = text.strip_prefix(&*format!("Q{}-", self.shard)).unwrap_or_default();
        let (number, request) = match plain.split_once('-') {
            None => (plain, None),
            Some((number, request)) => (number, request.parse().ok()),
        };
        match number.parse::<u64>() {
            Ok(number) if self.instructions.contains_key(&number) => match self.instructions[&number].is_outside() {
                true => Quoted::Open(number, request),
                false => Quoted::Unknown,
            },
            Ok(number) if self.sent.contains_key(&number) => Quoted::Ended(number),
            _ => Quoted::Unknown,
        }
    }

    pub(super) fn advice(&mut self, advice: &Advice) -> Result<Answer, Reason> {
        let key = (advice.sender.clone(), advice.id.clone());
        let earlier = self.advices.get(&key).cloned().unwrap_or_default();
        for (place, (sequence, same)) in earlier.iter().enumerate() {
            if **same == *advice {
                return Ok(Answer::Duplicate(*sequence));
            }
            if place == 8 {
                return Err(Reason::AdviceIdReused);
            }
        }
        self.advices.entry(key.clone()).or_default().push((self.sequence, Rc::new(advice.clone())));
        if !earlier.is_empty() {
            self.tell(BreakKind::AdviceIdReused, Vec::new());
            return Ok(Answer::Accepted);
        }
        if self.is_foreign(advice) {
            self.tell(BreakKind::NotTheAgent, Vec::new());
            return Ok(Answer::Accepted);
        }
        match &advice.body {
            AdviceBody::Status(said) => self.status(advice, said),
            AdviceBody::Confirmation(said) => self.confirm(advice, said),
            AdviceBody::CancellationAnswer(said) => self.agent_answers(advice, said, true),
            AdviceBody::ModificationAnswer(said) => self.agent_answers(advice, said, false),
            AdviceBody::Allegement(_) => {
                let number = self.open_break(BreakKind::Alleged, Vec::new(), false);
                self.alleged.insert(key, number);
            }
            AdviceBody::CashEntry(said) => self.cash_entry(advice, said),
            AdviceBody::SecuritiesBalances(said) => self.securities(said),
            AdviceBody::CashBalances(said) => self.cash(said),
            AdviceBody::AllegementRemoval(said) => self.unallege(advice, said),
        }
        self.tell_below_zero();
        Ok(Answer::Accepted)
    }

    /// Whether somebody else is the agent of what an advice speaks of.
    fn is_foreign(&self, advice: &Advice) -> bool {
        let accounts: Vec<&str> = match &advice.body {
            AdviceBody::Confirmation(said) => vec![&said.account, &said.cash_account],
            AdviceBody::Allegement(said) => vec![&said.account],
            AdviceBody::CashEntry(said) => vec![&said.account],
            AdviceBody::SecuritiesBalances(said) => vec![&said.account],
            AdviceBody::CashBalances(said) => vec![&said.account],
            _ => Vec::new(),
        };
        let domain_of = |name: &str| self.known.mirror(name).map(|account| account.domain.clone());
        let about = match self.quoted(&advice.reference) {
            Quoted::Open(number, _) => Some(self.instructions[&number].deal.domain.clone()),
            Quoted::Ended(number) => domain_of(self.sent[&number].depot.as_str()),
            Quoted::Unknown => None,
        };
        let spoken: Vec<Identifier> = about.into_iter().chain(accounts.into_iter().filter_map(domain_of)).collect();
        let is_agent =
            |domain: &Identifier| self.known.domains[domain].agent.as_ref().is_none_or(|agent| *agent == advice.sender);
        if !spoken.is_empty() {
            return !spoken.iter().all(is_agent);
        }
        let mut any = self.known.domains.keys().filter(|domain| self.known.is_external(domain)).peekable();
        any.peek().is_some() && !any.any(is_agent)
    }

    /// A break that is only told.
    pub(super) fn tell(&mut self, kind: BreakKind, items: Vec<Item>) {
        self.open_break(kind, items, false);
    }

    fn open_break(&mut self, kind: BreakKind, items: Vec<Item>, booked: bool) -> u64 {
        let number = self.next_break;
        self.next_break += 1;
        self.breaks.insert(number, Break { kind, items, booked });
        number
    }

    /// A break whose differences stand on the break account of who holds each account.
    pub(super) fn book_break(&mut self, kind: BreakKind, items: Vec<Item>) {
        let mut booked = false;
        for (account, thing, ours, theirs) in &items {
            let Some(account) = account else { continue };
            let entity = self.known.accounts[account].holder.clone();
            let amount = i128::from(*theirs) - i128::from(*ours);
            self.post(Place::Lies(entity.clone(), account.clone()), thing.clone(), amount);
            self.post(Place::Break(entity), thing.clone(), amount);
            booked = true;
        }
        self.open_break(kind, items, booked);
    }

    fn unallege(&mut self, advice: &Advice, said: &AllegementRemoval) {
        match self.alleged.get(&(advice.sender.clone(), said.allegement.clone())) {
            Some(number) => _ = self.breaks.remove(number),
            None => self.tell(BreakKind::UnknownReference, Vec::new()),
        }
    }

    fn status(&mut self, advice: &Advice, said: &Status) {
        let number = match self.quoted(&advice.reference) {
            Quoted::Open(number, _) => number,
            Quoted::Ended(_) => return,
            Quoted::Unknown => return self.tell(BreakKind::UnknownReference, Vec::new()),
        };
        let standing = AgentStanding::of(&said.status);
        let instruction = self.instructions.get_mut(&number).expect("it is open");
        instruction.agent().standing = standing;
        instruction.failing = standing == AgentStanding::Failing;
        instruction.reasons = said.reasons.iter().filter_map(|text| Code::parse(text)).collect();
        if matches!(standing, AgentStanding::Rejected | AgentStanding::Cancelled) {
            self.gone(number, &said.reasons);
        }
    }

    /// The agent has the instruction no more; unless we had asked for that, a person must know.
    pub(super) fn gone(&mut self, number: u64, reasons: &[String]) {
        if self.instructions[&number].outside.as_ref().is_some_and(|outside| outside.request == Some(Request::Cancel)) {
            return self.ends(number, code::CANI);
        }
        let reason = reasons.iter().find_map(|text| Code::parse(text)).unwrap_or(code::CANS);
        self.ends(number, reason);
        self.tell(BreakKind::EndedOutside, Vec::new());
    }

    /// The instrument that a text from outside means.
    pub(super) fn instrument_said(&self, text: &str, on: Date) -> Option<Identifier> {
        let named = self.known.instrument_named(text, on).or_else(|| Identifier::parse(text).ok())?;
        self.known.instruments.contains_key(&named).then_some(named)
    }

    fn confirm(&mut self, advice: &Advice, said: &Confirmation) {
        match self.quoted(&advice.reference) {
            Quoted::Open(number, _) => self.confirm_open(number, said),
            Quoted::Ended(number) => {
                let sent = self.sent[&number].clone();
                self.set_aside(BreakKind::SettledAfterEnd, said, Some(&sent));
            }
            Quoted::Unknown => self.set_aside(BreakKind::UnknownReference, said, None),
        }
    }

    pub(super) fn quantity_said(&self, quantity: Decimal, paper: &Identifier) -> Option<i64> {
        units(quantity, self.known.scale(paper)).filter(|units| *units > 0)
    }

    fn confirm_open(&mut self, number: u64, said: &Confirmation) {
        let instruction = self.instructions[&number].clone();
        let deal = &instruction.deal;
        let named = || self.instrument_said(&said.instrument, said.effective_date);
        let same = said.instrument.is_empty() || named().as_ref() == Some(&deal.instrument);
        if said.movement != instruction.movement() || !same {
            let sent = self.sent[&number].clone();
            return self.set_aside(BreakKind::OtherTerms, said, Some(&sent));
        }
        let mut further: Vec<(BreakKind, Vec<Item>)> = Vec::new();
        let mut account = |text: &str, instructed: &Option<Identifier>| {
            if text.is_empty() {
                return instructed.clone();
            }
            let found = self.known.mirror(text);
            match found {
                None => further.push((BreakKind::UnknownAccount, Vec::new())),
                Some(found) if instructed.as_ref().is_some_and(|name| *name != found.id) => {
                    further.push((BreakKind::OtherAccount, Vec::new()));
                }
                Some(_) => {}
            }
            let own = found.filter(|found| found.holder == deal.party).map(|found| found.id.clone());
            own.or_else(|| instructed.clone())
        };
        let depot = account(&said.account, &deal.depot);
        let nostro = account(&said.cash_account, &deal.nostro);
        let quantity = self.quantity_said(said.quantity, &deal.instrument);
        let mut paid = Some(0);
        if let (Some(currency), Some(amount)) = (said.currency, said.amount) {
            let said = money_said(amount, currency);
            if deal.method == Method::Dvp && currency == deal.currency {
                paid = said;
            } else if let Some(amount) = said.filter(|amount| *amount != 0) {
                let sign = if instruction.delivers() { 1 } else { -1 };
                let item = nostro.clone().map(|nostro| (Some(nostro), Thing::Cash(currency), 0, sign * amount));
                further.push((BreakKind::OtherAmount, item.into_iter().collect()));
            } else if said.is_none() {
                paid = None;
            }
        }
        let (Some(quantity), Some(paid)) = (quantity, paid) else {
            return self.tell(BreakKind::CannotBook, Vec::new());
        };
        let depot = depot.expect("what is instructed has a depot");
        self.mirror_settlement(&instruction, said, (depot, nostro), (quantity, paid), further);
    }

    /// The counterparty is relieved of what it owed, the mirrors get what moved.
    fn mirror_settlement(
        &mut self,
        instruction: &Instruction,
        said: &Confirmation,
        (depot, nostro): (Identifier, Option<Identifier>),
        (moved, moved_cash): (i64, i64),
        further: Vec<(BreakKind, Vec<Item>)>,
    ) {
        let deal = &instruction.deal;
        let (open, due) = (instruction.quantity, instruction.amount);
        let near = instruction
            .cut_off()
            .map_or(0, |currency| self.known.matching_tolerance(currency, deal.trade_date, due).unsigned_abs());
        let quantity = moved.min(open);
        let own = if quantity == open {
            due
        } else {
            // In proportion, half up; the agent's own figure when it is near.
            let (due, quantity, open) = (i128::from(due), i128::from(quantity), i128::from(open));
            let part = i64::try_from((due * quantity * 2 + open).div_euclid(open * 2)).expect("a part of 64 bits");
            let theirs = moved_cash <= instruction.amount && moved_cash.abs_diff(part) <= near.max(1);
            if theirs { moved_cash } else { part }
        };
        let paid = if moved_cash.abs_diff(own) <= near { moved_cash } else { own };
        let sign = if instruction.delivers() { -1i64 } else { 1 };
        let (party, paper) = (deal.party.clone(), Thing::Paper(deal.instrument.clone()));
        let owed = Place::Owed(party.clone(), deal.counterparty.clone());
        let book = Some(deal.book.clone());
        let units = i128::from(sign * quantity);
        let mut postings = vec![
            ((owed.clone(), paper.clone(), units), book.clone()),
            ((Place::Lies(party.clone(), depot.clone()), paper.clone(), units), None),
        ];
        if let Some(nostro) = nostro.clone().filter(|_| deal.method == Method::Dvp) {
            let cash = Thing::Cash(deal.currency);
            let (own, paid) = (i128::from(-sign * own), i128::from(-sign * paid));
            postings.push(((owed, cash.clone(), own), book));
            postings.push(((Place::Lies(party.clone(), nostro), cash.clone(), paid), None));
            postings.push(((Place::Difference(party), cash, paid - own), None));
        }
        for ((place, thing, amount), _) in postings.clone() {
            self.post(place, thing, amount);
        }
        let number = instruction.number;
        let booking = Booking { pair: Some((number, number)), postings, trades: vec![instruction.dated()] };
        self.bookings.entry(self.sequence).or_default().push(booking);
        let left = open - quantity;
        self.keep_part(instruction.trade, left, open);
        let ended = left == 0 || said.partial != "PAIN";
        self.reduce(number, left, due - own, ended);
        if moved_cash != paid
            && let Some(nostro) = nostro
        {
            let item = (Some(nostro), Thing::Cash(deal.currency), -sign * own, -sign * moved_cash);
            self.book_break(BreakKind::OtherAmount, vec![item]);
        }
        if moved > quantity {
            self.book_break(BreakKind::OtherQuantity, vec![(Some(depot), paper, sign * quantity, sign * moved)]);
        } else if ended && left > 0 {
            self.tell(BreakKind::OtherQuantity, vec![(Some(depot), paper, sign * open, sign * quantity)]);
        }
        for (kind, items) in further {
            self.book_break(kind, items);
        }
        if ended && left > 0 {
            self.follow_trade(instruction.trade);
        }
    }

    fn reduce(&mut self, number: u64, left: i64, left_amount: i64, ended: bool) {
        let instruction = self.instructions.get_mut(&number).expect("it is open");
        (instruction.quantity, instruction.amount) = (left, left_amount);
        let trade = instruction.trade;
        if ended {
            let instruction = self.instructions.remove(&number).expect("it is open");
            self.ended.insert(number, if left == 0 { Ended::Settled } else { Ended::InPart });
            if left == 0 {
                return drop(self.close_trade(trade));
            }
            let trade = self.trades.get_mut(&trade).expect("it is open");
            (trade.deal, trade.instruction) = (instruction.terms(), None);
            trade.defects.clear();
        }
        self.trades.get_mut(&trade).expect("it is open").partly_settled = true;
    }
}

/// An amount from outside in minor units, not below zero.
pub(super) fn money_said(amount: Decimal, currency: CurrencyCode) -> Option<i64> {
    minor(amount, currency).ok().filter(|amount| *amount >= 0)
}
