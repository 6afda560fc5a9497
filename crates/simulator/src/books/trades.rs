//! What a version does to a trade, stage by stage (docs/TRADES.md).

use super::resolve::Resolved;
use super::told::Told;
use super::{Books, Deal, Ended, Instruction, Pending, Place, Posting, Stage, Thing, Trade};
use model::command::Repair;
use model::instruction::code;
use model::rejection::Reason;
use model::trade::{Action, DefectKind, Details, Method, Side, TradeMessage};
use std::collections::BTreeMap;
use std::rc::Rc;

fn about_book(kind: &DefectKind) -> bool {
    matches!(kind, DefectKind::UnknownBook | DefectKind::BookNotOwned)
}

fn details_of(message: &TradeMessage) -> Rc<Details> {
    Rc::new(message.details.clone().expect("new and amended trades have details"))
}

/// Whether other terms change what is owed or what must match.
fn economic(before: &Deal, after: &Deal) -> bool {
    let free = before.method == Method::Fop && after.method == Method::Fop;
    let blind = Deal {
        book: before.book.clone(),
        net: if free { before.net } else { after.net },
        hold: before.hold,
        priority: before.priority,
        ..after.clone()
    };
    blind != *before
}

impl Books {
    /// Of a trade that nobody has heard of.
    pub(super) fn first_seen(&mut self, message: &Rc<TradeMessage>, told: &Told) -> Result<(), Reason> {
        let key = (message.source.clone(), message.id.clone());
        if message.action != Action::New {
            if let Some(details) = &message.details {
                let resolved = self.resolve(details, false)?;
                self.note_names(&resolved.deal);
            }
            self.told.entry(key).or_default().awaited.insert(message.version, message.clone());
            return Ok(());
        }
        let details = details_of(message);
        let Resolved { mut deal, defects } = self.resolve(&details, false)?;
        let waiting = told.awaited.last_key_value().filter(|(version, _)| **version > message.version);
        let later = waiting.map(|(_, message)| message.clone());
        let amended = match later.as_ref().and_then(|later| later.details.as_ref()) {
            Some(details) => Some(self.resolve(details, false)?),
            None => None,
        };
        let number = self.next_trade;
        self.next_trade += 1;
        self.note_names(&deal);
        deal.hold = self.goes_on_hold(number, None, &deal);
        let booked = self.posted.len();
        self.capture(&deal, 1);
        self.count(&message.source, &deal, 1);
        self.tell_prior_day(number, None, Some(&deal), true);
        self.give_place(number);
        self.reserve(number, &deal, false);
        self.holdings_moved(booked, Some(number));
        let entry = self.told.entry(key).or_default();
        entry.captured = Some((self.sequence, message.clone()));
        entry.awaited.clear();
        entry.open = Some(number);
        self.trades.insert(
            number,
            Trade {
                source: message.source.clone(),
                id: message.id.clone(),
                deal,
                in_repair: !defects.is_empty(),
                defects,
                current: details,
                version: message.version,
                amounts_accepted: false,
                partly_settled: false,
                instruction: None,
                pending: None,
            },
        );
        match (later, amended) {
            (Some(_), None) => self.cancel_trade(number),
            (Some(later), Some(resolved)) => {
                let resolved = self.held_by_limits(number, resolved);
                self.change(number, Some(later.version), details_of(&later), false, resolved);
                self.issue_if_sound(number);
            }
            (None, _) => self.issue_if_sound(number),
        }
        Ok(())
    }

    /// What capture moves, so many times: the book against the counterparty.
    fn captured(deal: &Deal, times: i128) -> Vec<Posting> {
        let book = Place::Book(deal.party.clone(), deal.book.clone());
        let owed = Place::Owed(deal.party.clone(), deal.counterparty.clone());
        let sign = if deal.side == Side::Buy { times } else { -times };
        let (quantity, paper) = (sign * i128::from(deal.quantity), Thing::Paper(deal.instrument.clone()));
        let mut moved = vec![(book.clone(), paper.clone(), quantity), (owed.clone(), paper, -quantity)];
        if deal.method == Method::Dvp {
            let (amount, cash) = (sign * i128::from(deal.net), Thing::Cash(deal.currency));
            moved.extend([(book, cash.clone(), -amount), (owed, cash, amount)]);
        }
        moved
    }

    fn capture(&mut self, deal: &Deal, times: i128) {
        self.deal_in(deal, times);
        for (place, thing, amount) in Books::captured(deal, times) {
            self.post(place, thing, amount);
        }
    }

    /// Whether other terms move the ledger at all.
    fn moves(before: &Deal, after: &Deal) -> bool {
        let mut net: BTreeMap<(Place, Thing), i128> = BTreeMap::new();
        for (place, thing, amount) in Books::captured(before, -1).into_iter().chain(Books::captured(after, 1)) {
            *net.entry((place, thing)).or_default() += amount;
        }
        net.values().any(|amount| *amount != 0)
    }

    /// The terms in force: of the instruction, when there is one.
    pub(super) fn terms(&self, trade: u64) -> Deal {
        let trade = &self.trades[&trade];
        trade.instruction.map_or_else(|| trade.deal.clone(), |number| self.instructions[&number].terms())
    }

    /// What a trade becomes, on hold where a limit asks for it.
    pub(super) fn held_by_limits(&self, trade: u64, mut resolved: Resolved) -> Resolved {
        let before = self.terms(trade);
        resolved.deal.hold = self.goes_on_hold(trade, Some(&before), &resolved.deal);
        resolved
    }

    /// Other details are in force from now on; the ledger gets the difference.
    pub(super) fn change(
        &mut self,
        number: u64,
        version: Option<u32>,
        details: Rc<Details>,
        amounts_accepted: bool,
        resolved: Resolved,
    ) {
        let Resolved { deal, defects } = resolved;
        self.note_names(&deal);
        let before = self.terms(number);
        let booked = self.posted.len();
        self.capture(&before, -1);
        self.capture(&deal, 1);
        let source = self.trades[&number].source.clone();
        self.count(&source, &before, -1);
        self.count(&source, &deal, 1);
        let known = self.was_there(number).then_some(&before);
        self.tell_prior_day(number, known, Some(&deal), Books::moves(&before, &deal));
        if known.is_none_or(|before| economic(before, &deal)) {
            self.reserve(number, &deal, false);
        }
        self.holdings_moved(booked, Some(number));
        let trade = self.trades.get_mut(&number).expect("it is open");
        trade.version = version.unwrap_or(trade.version);
        trade.current = details;
        trade.amounts_accepted = amounts_accepted;
        trade.pending = None;
        trade.in_repair = !defects.is_empty();
        trade.defects = defects;
        let issued = trade.instruction;
        match issued.and_then(|number| self.instructions.get_mut(&number)) {
            None => trade.deal = deal,
            Some(instruction) => {
                instruction.deal.book = deal.book;
                let wanted = (deal.hold, deal.priority);
                let stands = (instruction.held, instruction.priority);
                if let Some(outside) = &mut instruction.outside {
                    outside.wanted = (wanted != stands).then_some(wanted);
                }
            }
        }
    }

    /// The trade is no more: what is still owed of it is undone.
    pub(super) fn cancel_trade(&mut self, number: u64) {
        let open = self.terms(number);
        let booked = self.posted.len();
        self.capture(&open, -1);
        self.count(&self.trades[&number].source.clone(), &open, -1);
        if self.was_there(number) {
            self.tell_prior_day(number, Some(&open), None, true);
        }
        self.holdings_moved(booked, None);
        let trade = self.close_trade(number);
        self.told.get_mut(&(trade.source, trade.id)).expect("it was captured").cancelled = true;
    }

    pub(super) fn close_trade(&mut self, number: u64) -> Trade {
        self.give_back(number);
        self.leave_place(number);
        let trade = self.trades.remove(&number).expect("it is open");
        let told = self.told.get_mut(&(trade.source.clone(), trade.id.clone())).expect("it was captured");
        told.open = None;
        trade
    }

    pub(super) fn issue_if_sound(&mut self, number: u64) {
        if self.trades[&number].defects.is_empty() {
            self.issue(number);
        }
    }

    /// Makes an instruction of a trade; in an internal domain it is matched at once.
    pub(super) fn issue(&mut self, trade: u64) {
        let deal = self.trades[&trade].deal.clone();
        let number = self.next_instruction;
        self.next_instruction += 1;
        let external = self.known.is_external(&deal.domain);
        let instruction = Instruction {
            number,
            trade,
            quantity: deal.quantity,
            amount: if deal.method == Method::Dvp { deal.net } else { 0 },
            partner: None,
            held: deal.hold,
            priority: deal.priority,
            cancel_requested: false,
            failing: false,
            reasons: Vec::new(),
            stage: Stage::Idle,
            matched_amount: 0,
            outside: None,
            deal,
        };
        self.instructions.insert(number, instruction);
        self.trades.get_mut(&trade).expect("it is open").instruction = Some(number);
        if external {
            self.send_instruction(number);
        } else if let Some(counter) = self.best_match(number) {
            self.pair_up(number, counter);
        }
    }

    /// Ends an instruction without settlement; its trade gets the terms back as they stood.
    pub(super) fn cancel_instruction(&mut self, number: u64, reason: model::instruction::Code) {
        let instruction = self.instructions.remove(&number).expect("it is open");
        if let Some(partner) = instruction.partner.and_then(|partner| self.instructions.get_mut(&partner)) {
            partner.stage = Stage::Idle;
        }
        let trade = self.trades.get_mut(&instruction.trade).expect("it is open");
        trade.deal = instruction.terms();
        trade.defects.clear();
        trade.instruction = None;
        self.ended.insert(number, Ended::Cancelled(reason));
    }

    /// A version higher than what is in force or waits.
    pub(super) fn new_version(&mut self, number: u64, message: &Rc<TradeMessage>) -> Result<(), Reason> {
        if message.action == Action::Cancel {
            return self.cancel_version(number, message.version);
        }
        let trade = &self.trades[&number];
        let (wanted, current) = (details_of(message), trade.current.clone());
        let before = self.terms(number);
        let mut resolved = self.resolve(&wanted, false)?;
        let same_names = (&current.depot, &current.nostro) == (&wanted.depot, &wanted.nostro);
        if trade.instruction.is_some() && same_names {
            let (depot, nostro) = (before.depot.clone(), before.nostro.clone());
            let stays = Deal { depot, nostro, ..resolved.deal.clone() };
            if !economic(&before, &stays) {
                resolved.deal = stays;
            }
        }
        let open = trade.instruction.map(|number| self.instructions[&number].clone());
        let matched = open.as_ref().is_some_and(|open| open.partner.is_some());
        let own_affair = matched && resolved.defects.iter().all(about_book);
        let is_economic = economic(&before, &resolved.deal) || !(resolved.defects.is_empty() || own_affair);
        if trade.partly_settled && is_economic {
            return Err(Reason::PartlySettled);
        }
        let waits_for_agent =
            open.as_ref().is_some_and(|open| open.is_outside() && (is_economic || open.cancel_requested));
        if waits_for_agent || (is_economic && matched) {
            self.note_names(&resolved.deal);
            return self.request_change(number, Pending { version: message.version, details: Some(wanted) });
        }
        match open {
            Some(open) if !is_economic => {
                let withdrawn = trade.pending.is_some();
                let (mut held, mut priority) = open.asked();
                if wanted.hold != current.hold {
                    held = wanted.hold;
                }
                if wanted.priority != current.priority {
                    priority = wanted.priority;
                }
                (resolved.deal.hold, resolved.deal.priority) = (held, priority);
                self.change(number, Some(message.version), wanted, false, resolved);
                self.steer_to(open.number, held, priority, withdrawn);
            }
            open => {
                if let Some(open) = open {
                    self.cancel_instruction(open.number, code::CANZ);
                }
                let resolved = self.held_by_limits(number, resolved);
                self.change(number, Some(message.version), wanted, false, resolved);
                self.issue_if_sound(number);
            }
        }
        Ok(())
    }

    fn cancel_version(&mut self, number: u64, version: u32) -> Result<(), Reason> {
        let open = self.trades[&number].instruction.map(|number| &self.instructions[&number]);
        if open.is_some_and(|open| open.partner.is_some() || open.is_outside()) {
            return self.request_change(number, Pending { version, details: None });
        }
        if let Some(open) = open.map(|open| open.number) {
            self.cancel_instruction(open, code::CANI);
        }
        self.cancel_trade(number);
        Ok(())
    }

    /// A person repairs a trade, or orders it to be looked at again.
    pub(super) fn repair(&mut self, repair: &Repair) -> Result<(), Reason> {
        let told = self.told.get(&(repair.source.clone(), repair.id.clone()));
        let number = told.and_then(|told| told.open).ok_or(Reason::UnknownTrade)?;
        let trade = &self.trades[&number];
        if trade.instruction.is_some() && !trade.in_repair {
            return Err(Reason::NotInRepair);
        }
        if trade.partly_settled && trade.instruction.is_none() {
            if repair.details.is_some() {
                return Err(Reason::PartlySettled);
            }
            self.issue(number);
            return Ok(());
        }
        let given = repair.details.clone().map(Rc::new);
        let accept = given.is_none();
        self.look_again(number, given, accept, true)
    }

    /// Resolves a trade in repair anew; `always`: a person asked for it.
    fn look_again(
        &mut self,
        number: u64,
        given: Option<Rc<Details>>,
        accept: bool,
        always: bool,
    ) -> Result<(), Reason> {
        let trade = self.trades[&number].clone();
        let wanted = given.clone().unwrap_or_else(|| trade.current.clone());
        let mut resolved = self.resolve(&wanted, accept)?;
        let before = self.terms(number);
        if trade.instruction.is_some() {
            let (depot, nostro) = (before.depot.clone(), before.nostro.clone());
            if given.is_some() && economic(&before, &Deal { depot, nostro, ..resolved.deal.clone() }) {
                return Err(Reason::NotInRepair);
            }
            resolved.defects.retain(about_book);
            if !always && !resolved.defects.is_empty() {
                return Ok(());
            }
            resolved.deal = Deal { book: resolved.deal.book, ..before };
            self.change(number, None, wanted, trade.amounts_accepted, resolved);
            return Ok(());
        }
        // What repairs it may take it over a limit.
        let resolved = self.held_by_limits(number, resolved);
        if !always && resolved.deal == before && resolved.defects == trade.defects {
            return Ok(());
        }
        self.change(number, None, wanted, accept, resolved);
        self.issue_if_sound(number);
        Ok(())
    }

    /// A step through the trades in repair, after reference data came.
    pub(super) fn repair_step(&mut self) {
        let from = self.repairing.expect("one is running");
        let budget = self.known.parameters.attempts_per_step as usize;
        let all: Vec<u64> =
            self.trades.iter().filter(|(_, trade)| trade.in_repair).map(|(number, _)| *number).collect();
        let mut next = from;
        for number in all.iter().filter(|number| **number >= from).take(budget) {
            let accept = self.trades[number].amounts_accepted;
            let _ = self.look_again(*number, None, accept, false);
            next = number + 1;
        }
        self.repairing = all.iter().any(|number| *number >= next).then_some(next);
    }
}
