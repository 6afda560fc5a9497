//! Settlement: both legs or neither; what lacks waits for the account that lacks, and is tried again in order when that is
//! credited.

use super::{Booking, Books, Ended, Instruction, Place, Stage, Thing};
use model::instruction::{Code, code};
use model::trade::Method;

/// The order of settlement: the better priority of the two, the intended date in days, the deliverer's number.
pub(super) type Rank = (u8, i32, u64);

/// What would come of a pair now.
enum Attempt {
    Settles,
    NotNow(Code),
    /// The balance that lacks, and what both sides are told.
    Lacks(Place, Thing, (Code, Code)),
}

/// What a hold of either says to deliverer and receiver.
pub(super) fn hold_reasons(deliver: bool, receive: bool) -> Option<(Code, Code)> {
    match (deliver, receive) {
        (true, true) => Some((code::BOTH, code::BOTH)),
        (true, false) => Some((code::PREA, code::PRCY)),
        (false, true) => Some((code::PRCY, code::PREA)),
        (false, false) => None,
    }
}

impl Books {
    /// Books on one balance; a credit wakes who waits for it.
    pub(super) fn post(&mut self, place: Place, thing: Thing, amount: i128) {
        if amount == 0 {
            return;
        }
        self.posted.push((place.clone(), thing.clone(), amount));
        let number = self.number(place, thing);
        self.balances[number].2 += amount;
        if amount > 0 {
            self.wake(number);
        }
    }

    /// The balance of a place and thing, given a number when it is first touched.
    fn number(&mut self, place: Place, thing: Thing) -> usize {
        let (balances, key) = (&mut self.balances, (place, thing));
        *self.numbers.entry(key).or_insert_with_key(|(place, thing)| {
            balances.push((place.clone(), thing.clone(), 0));
            balances.len() - 1
        })
    }

    pub(super) fn balance(&self, place: &Place, thing: &Thing) -> i128 {
        self.numbers.get(&(place.clone(), thing.clone())).map_or(0, |number| self.balances[*number].2)
    }

    pub(super) fn wake(&mut self, number: usize) {
        let waits = self.instructions.values().any(|each| each.stage == Stage::Waiting(number));
        if waits && !self.retry.contains(&number) {
            self.retry.push_back(number);
        }
    }

    /// A credit line moved.
    pub(super) fn wake_cash(
        &mut self,
        account: &model::identifier::Identifier,
        currency: model::identifier::CurrencyCode,
    ) {
        let holder = self.known.accounts[account].holder.clone();
        let key = (Place::Lies(holder, account.clone()), Thing::Cash(currency));
        if let Some(number) = self.numbers.get(&key).copied() {
            self.wake(number);
        }
    }

    /// A day began: whoever waits for an account is tried again, account by account.
    pub(super) fn wake_all(&mut self) {
        for number in 0..self.balances.len() {
            self.wake(number);
        }
    }

    pub(super) fn rank(&self, deliver: &Instruction) -> Rank {
        let other = &self.instructions[&deliver.partner.expect("a pair")];
        (deliver.priority.min(other.priority), deliver.deal.date.days(), deliver.number)
    }

    /// Deliverer and receiver of a matched instruction's pair.
    pub(super) fn pair(&self, number: u64) -> (u64, u64) {
        let instruction = &self.instructions[&number];
        let partner = instruction.partner.expect("it is matched");
        if instruction.delivers() { (number, partner) } else { (partner, number) }
    }

    /// Joins two instructions that agree, and settles them when that can be.
    pub(super) fn pair_up(&mut self, one: u64, other: u64) {
        let delivers = self.instructions[&one].delivers();
        let (deliver, receive) = if delivers { (one, other) } else { (other, one) };
        let amount = self.instructions[&deliver].amount;
        for (number, partner) in [(deliver, receive), (receive, deliver)] {
            let instruction = self.instructions.get_mut(&number).expect("it is open");
            instruction.partner = Some(partner);
            instruction.matched_amount = amount;
            instruction.reasons.clear();
        }
        let held = (self.instructions[&deliver].held, self.instructions[&receive].held);
        if let Some(reasons) = hold_reasons(held.0, held.1) {
            self.set_reasons(deliver, receive, reasons);
        } else {
            match self.attempt(deliver, receive, None) {
                Attempt::Settles => return self.settle(deliver, receive),
                Attempt::NotNow(reason) => {
                    self.set_reasons(deliver, receive, (reason, reason));
                    self.queue_due(deliver);
                }
                Attempt::Lacks(place, thing, reasons) => {
                    self.set_reasons(deliver, receive, reasons);
                    self.queue_waiting(deliver, place, thing);
                }
            }
        }
        // A pair that matches after the cut-off of its date fails at once.
        let instruction = &self.instructions[&deliver];
        let day = self.days.get(&instruction.deal.domain);
        if day.is_some_and(|day| day.is_past(instruction.deal.date, instruction.cut_off())) {
            for number in [deliver, receive] {
                self.instructions.get_mut(&number).expect("it is open").failing = true;
            }
        }
    }

    fn set_reasons(&mut self, deliver: u64, receive: u64, reasons: (Code, Code)) {
        self.instructions.get_mut(&deliver).expect("it is open").reasons = vec![reasons.0];
        self.instructions.get_mut(&receive).expect("it is open").reasons = vec![reasons.1];
    }

    /// A pair waits for its date or day, unless somebody holds it.
    fn queue_due(&mut self, deliver: u64) {
        let (_, receive) = self.pair(deliver);
        let held = self.instructions[&deliver].held || self.instructions[&receive].held;
        self.instructions.get_mut(&deliver).expect("it is open").stage = if held { Stage::Idle } else { Stage::Due };
    }

    fn queue_waiting(&mut self, deliver: u64, place: Place, thing: Thing) {
        let number = self.number(place, thing);
        self.instructions.get_mut(&deliver).expect("it is open").stage = Stage::Waiting(number);
    }

    /// What a pair waits for: nothing of an account.
    pub(super) fn set_pending(&mut self, deliver: u64, receive: u64, reasons: (Code, Code)) {
        self.set_reasons(deliver, receive, reasons);
        self.queue_due(deliver);
    }

    fn attempt(&self, deliver: u64, receive: u64, within: Option<usize>) -> Attempt {
        let (deliver, receive) = (&self.instructions[&deliver], &self.instructions[&receive]);
        let day = self.days.get(&deliver.deal.domain).cloned().unwrap_or_default();
        if !day.settles(deliver.deal.date, deliver.cut_off()) {
            let future = day.date.is_none_or(|today| deliver.deal.date > today);
            return Attempt::NotNow(if future { code::FUTU } else { code::CYCL });
        }
        let depot = deliver.deal.depot.clone().expect("what is instructed has a depot");
        let paper = Thing::Paper(deliver.deal.instrument.clone());
        let short = self.known.accounts[&depot].may_go_short;
        let lies = Place::Lies(deliver.deal.party.clone(), depot);
        if !short && !self.covers(&lies, &paper, deliver.quantity, 0, within) {
            return Attempt::Lacks(lies, paper, (code::LACK, code::CLAC));
        }
        let amount = deliver.matched_amount;
        if let (Method::Dvp, Some(nostro)) = (receive.deal.method, receive.deal.nostro.clone())
            && amount > 0
        {
            let limit = self.known.limit(&nostro, receive.deal.currency, day.date.expect("an open day has a date"));
            let (lies, cash) = (Place::Lies(receive.deal.party.clone(), nostro), Thing::Cash(receive.deal.currency));
            if !self.covers(&lies, &cash, amount, limit, within) {
                return Attempt::Lacks(lies, cash, (code::CMON, code::MONY));
            }
        }
        Attempt::Settles
    }

    /// Enough is there, and nobody who waited for this account longer is still to be served.
    fn covers(&self, place: &Place, thing: &Thing, need: i64, limit: i64, within: Option<usize>) -> bool {
        let number = self.numbers.get(&(place.clone(), thing.clone())).copied();
        if number.is_some_and(|number| self.first_served.contains(&number)) && within != number {
            return false;
        }
        self.balance(place, thing) + i128::from(limit) >= i128::from(need)
    }

    fn settle(&mut self, deliver: u64, receive: u64) {
        let amount = self.instructions[&deliver].matched_amount;
        let mut postings = Vec::new();
        for number in [deliver, receive] {
            let side = self.instructions[&number].clone();
            let deal = &side.deal;
            let sign = if side.delivers() { -1i128 } else { 1 };
            let owed = Place::Owed(deal.party.clone(), deal.counterparty.clone());
            let lies = |account: &Option<_>| Place::Lies(deal.party.clone(), account.clone().expect("it has accounts"));
            let paper = Thing::Paper(deal.instrument.clone());
            let quantity = sign * i128::from(side.quantity);
            postings.push(((owed.clone(), paper.clone(), quantity), Some(deal.book.clone())));
            postings.push(((lies(&deal.depot), paper, quantity), None));
            if deal.method == Method::Dvp && deal.nostro.is_some() {
                let cash = Thing::Cash(deal.currency);
                let (own, paid) = (-sign * i128::from(side.amount), -sign * i128::from(amount));
                postings.push(((owed, cash.clone(), own), Some(deal.book.clone())));
                postings.push(((lies(&deal.nostro), cash.clone(), paid), None));
                postings.push(((Place::Difference(deal.party.clone()), cash, paid - own), None));
            }
        }
        for ((place, thing, amount), _) in postings.clone() {
            self.post(place, thing, amount);
        }
        let trades = [deliver, receive].map(|number| self.instructions[&number].dated()).to_vec();
        let booking = Booking { pair: Some((deliver, receive)), postings, trades };
        self.bookings.entry(self.sequence).or_default().push(booking);
        for number in [deliver, receive] {
            let instruction = self.instructions.remove(&number).expect("it is open");
            self.ended.insert(number, Ended::Settled);
            self.close_trade(instruction.trade);
        }
    }

    /// Tries a pair; it stays as it is when nothing is news.
    pub(super) fn try_pair(&mut self, deliver: u64, within: Option<usize>) {
        let (deliver, receive) = self.pair(deliver);
        match self.attempt(deliver, receive, within) {
            Attempt::Settles => self.settle(deliver, receive),
            Attempt::Lacks(place, thing, reasons) => {
                self.set_reasons(deliver, receive, reasons);
                self.queue_waiting(deliver, place, thing);
            }
            Attempt::NotNow(reason) => self.set_pending(deliver, receive, (reason, reason)),
        }
    }

    /// Everything a queue holds, in the order of settlement.
    fn queue(&self, wanted: impl Fn(&Instruction) -> bool) -> Vec<(Rank, u64)> {
        let in_it = self.instructions.values().filter(|each| each.delivers() && each.partner.is_some() && wanted(each));
        let mut queue: Vec<(Rank, u64)> = in_it.map(|each| (self.rank(each), each.number)).collect();
        queue.sort_unstable();
        queue
    }

    /// Serves the account that was credited first: in order, whoever fits into what is left.
    pub(super) fn retry_step(&mut self) {
        let number = *self.retry.front().expect("one is to be tried");
        let (place, thing, _) = self.balances[number].clone();
        let limit = self.limit_today(&place, &thing);
        let (mut left, mut remaining) = (self.known.parameters.attempts_per_step, false);
        for (_, deliver) in self.queue(|each| each.stage == Stage::Waiting(number)) {
            let waits = &self.instructions[&deliver];
            let need = if matches!(thing, Thing::Paper(_)) { waits.quantity } else { waits.matched_amount };
            if i128::from(need) > self.balances[number].2 + i128::from(limit) {
                continue;
            }
            if left == 0 {
                remaining = true;
                break;
            }
            left -= 1;
            self.try_pair(deliver, Some(number));
        }
        if !remaining {
            self.retry.pop_front();
        }
    }

    fn limit_today(&self, place: &Place, thing: &Thing) -> i64 {
        let (Place::Lies(_, account), Thing::Cash(currency)) = (place, thing) else { return 0 };
        let domain = &self.known.accounts[account].domain;
        let today = self.days.get(domain).and_then(|day| day.date);
        today.map_or(0, |today| self.known.limit(account, *currency, today))
    }

    /// A step of a domain's settlement cycle: what has come due, in order.
    pub(super) fn cycle_step(&mut self, domain: &model::identifier::Identifier) {
        let day = &self.days[domain];
        let (cursor, today) = (day.cycle.expect("one is running"), day.date.expect("a day has its date").days());
        let due = self.queue(|each| each.stage == Stage::Due && each.deal.domain == *domain);
        let budget = self.known.parameters.attempts_per_step as usize;
        let due = due.into_iter().filter(|(rank, _)| *rank > cursor && rank.1 <= today);
        let batch: Vec<(Rank, u64)> = due.take(budget).collect();
        for (_, deliver) in &batch {
            self.try_pair(*deliver, None);
        }
        let last = batch.last().map_or(cursor, |(rank, _)| *rank);
        let day = self.days.get_mut(domain).expect("it has a day");
        day.cycle = (batch.len() == budget).then_some(last);
    }
}
