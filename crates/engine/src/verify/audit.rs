//! A second set of books, kept from the facts alone: instructions by number, accounts by what they may fall to.

use super::{Tally, VerifyReport};
use clearing::State;
use foldhash::fast::FixedState;
use model::currency::exponent;
use model::date::Date;
use model::event::Event;
use model::identifier::CurrencyCode;
use model::index::{AccountIx, Asset, DomainIx, Kind, PartyIx};
use model::ledger::{Axis, LedgerAccount, Posting, check_balanced};
use model::record::{FactContent, Facts, Outcome};
use model::reference::Reference;
use std::collections::{BTreeMap, HashMap};

#[derive(Default)]
pub(super) struct Audit {
    /// Quantities of what is open.
    open: HashMap<u64, i64, FixedState>,
    /// Numbers are given in order: what is not open any more cannot be issued again.
    issued_through: u64,
    accounts: HashMap<u32, Account, FixedState>,
    limits: HashMap<(u32, CurrencyCode), BTreeMap<Date, i64>, FixedState>,
}

struct Account {
    domain: u32,
    may_go_short: bool,
}

impl Audit {
    /// Checks one record, which is folded into the state already.
    pub fn record(&mut self, facts: &Facts, state: &State, report: &mut VerifyReport) -> Result<(), String> {
        let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content else { return Ok(()) };
        for event in events {
            let postings = event.postings();
            report.postings += postings.len() as u64;
            check_balanced(postings).map_err(|off| format!("ownership and location part by {off}"))?;
            self.event(event, state, report)?;
        }
        // What is checked is what the record leaves behind.
        for event in events {
            self.floors(event, state, facts.at.date_utc())?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event, state: &State, report: &mut VerifyReport) -> Result<(), String> {
        match event {
            Event::InstructionIssued { instruction, quantity, .. } => {
                if *instruction <= self.issued_through {
                    return Err(format!("instruction {instruction} is issued a second time"));
                }
                self.issued_through = *instruction;
                self.open.insert(*instruction, *quantity);
                add(&mut report.instructed, *quantity);
            }
            Event::InstructionsSettled { deliver, receive, quantity, .. } => {
                for number in [deliver, receive] {
                    let instructed = self.end_one(*number, "settles")?;
                    if instructed != *quantity {
                        return Err(format!("instruction {number} is of {instructed} and settles {quantity}"));
                    }
                    add(&mut report.settled, *quantity);
                }
            }
            Event::InstructionConfirmed { instruction, quantity, open_quantity, ended, .. } => {
                let before = self.end_one(*instruction, "is confirmed")?;
                if before - *quantity != *open_quantity {
                    return Err(format!(
                        "of {before} of instruction {instruction} {quantity} settle and {open_quantity} are left"
                    ));
                }
                report.settled.quantity += i128::from(*quantity);
                match (*ended, *open_quantity) {
                    (false, left) => _ = self.open.insert(*instruction, left),
                    (true, 0) => report.settled.count += 1,
                    (true, left) => add(&mut report.cancelled, left),
                }
            }
            Event::InstructionCancelled { instruction, .. } => {
                let quantity = self.end_one(*instruction, "is cancelled")?;
                add(&mut report.cancelled, quantity);
            }
            Event::ReferenceSet { reference, .. } => self.reference(reference, state),
            _ => {}
        }
        Ok(())
    }

    fn end_one(&mut self, number: u64, how: &str) -> Result<i64, String> {
        self.open.remove(&number).ok_or_else(|| {
            let what = if number <= self.issued_through { "has ended before" } else { "was never issued" };
            format!("instruction {number} {how}, but it {what}")
        })
    }

    fn reference(&mut self, reference: &Reference, state: &State) {
        let index = |kind, name: &model::identifier::Identifier| state.find(kind, name.as_str());
        match reference {
            Reference::Account(account) => {
                if let (Some(at), Some(domain)) =
                    (index(Kind::Account, &account.id), index(Kind::Domain, &account.domain))
                {
                    self.accounts.insert(at, Account { domain, may_go_short: account.may_go_short });
                }
            }
            Reference::CreditLimit(limit) => {
                let scale = exponent(limit.currency).map(u32::from);
                let amount = scale.and_then(|scale| limit.amount.to_scale(scale).ok());
                if let (Some(at), Some(amount)) = (index(Kind::Account, &limit.account), amount) {
                    let amount = i64::try_from(amount).unwrap_or(i64::MAX);
                    self.limits.entry((at, limit.currency)).or_default().insert(limit.valid_from, amount);
                }
            }
            _ => {}
        }
    }

    /// No depot below zero, no cash account below its credit line: of accounts that were debited just now. Opening
    /// balances say what was, and are believed.
    fn floors(&self, event: &Event, state: &State, today: Date) -> Result<(), String> {
        if matches!(event, Event::Opened { .. }) {
            return Ok(());
        }
        for posting in event.postings().iter().filter(|posting| posting.amount < 0) {
            let LedgerAccount::Location { account, .. } = posting.account else { continue };
            let Some(known) = self.accounts.get(&account.0) else { continue };
            if state.is_mirror(account) {
                // What an agent moved is mirrored whatever it leaves; a break says so.
                continue;
            }
            let floor = self.floor(known, account, posting, state, today);
            let balance = state.balance(posting.account, posting.asset);
            if floor.is_some_and(|floor| balance < floor) {
                let name = state.name(Kind::Account, account.0).map_or("?", |name| name.as_str());
                let floor = floor.unwrap_or_default();
                return Err(format!("account {name} stands at {balance} of {:?}, below {floor}", posting.asset));
            }
        }
        Ok(())
    }

    fn floor(&self, known: &Account, at: AccountIx, posting: &Posting, state: &State, today: Date) -> Option<i128> {
        let Some(currency) = posting.asset.as_currency() else {
            return (!known.may_go_short).then_some(0);
        };
        // The limit of the settlement day, as when it was decided.
        let day = state.settlement_day(DomainIx(known.domain)).map_or(today, |(date, _, _)| date);
        let rows = self.limits.get(&(at.0, currency));
        let limit = rows.and_then(|rows| rows.range(..=day).next_back()).map_or(0, |(_, limit)| *limit);
        Some(-i128::from(limit))
    }

    /// What must hold of the whole.
    pub fn end(&self, state: &State, report: &mut VerifyReport) -> Result<(), String> {
        // In order of number, so that the first of several is always the same.
        let mut open: Vec<(u64, i64)> = self.open.iter().map(|(number, quantity)| (*number, *quantity)).collect();
        open.sort_unstable();
        for (number, quantity) in open {
            let facts = state.instruction_facts(number);
            if facts.as_ref().map(|facts| facts.quantity) != Some(quantity) {
                return Err(format!(
                    "instruction {number} of {quantity} is open by its facts, but the state has {facts:?}"
                ));
            }
            add(&mut report.open, quantity);
        }
        let counted =
            state.open_counts().iter().find(|(kind, _)| *kind == "instructions").map_or(0, |(_, count)| *count);
        if counted as u64 != report.open.count {
            return Err(format!("the state has {counted} open instructions, the facts {}", report.open.count));
        }
        let (all, ends) = (report.instructed, [report.settled, report.cancelled, report.open]);
        let count: u64 = ends.iter().map(|end| end.count).sum();
        let quantity: i128 = ends.iter().map(|end| end.quantity).sum();
        if (all.count, all.quantity) != (count, quantity) {
            return Err(format!(
                "{} instructions of {} in all, but {count} of {quantity} settled, were cancelled or are open",
                all.count, all.quantity
            ));
        }
        report.balances = both_axes_agree(state)?;
        Ok(())
    }
}

fn add(tally: &mut Tally, quantity: i64) {
    tally.count += 1;
    tally.quantity += i128::from(quantity);
}

/// Σ ownership = Σ location for each entity and asset; how many there are.
fn both_axes_agree(state: &State) -> Result<u64, String> {
    let mut sums: BTreeMap<(PartyIx, Asset), i128> = BTreeMap::new();
    for (account, asset, amount) in state.balances() {
        let sum = sums.entry((account.entity(), asset)).or_default();
        match account.axis() {
            Axis::Ownership => *sum += amount,
            Axis::Location => *sum -= amount,
        }
    }
    for ((entity, asset), difference) in &sums {
        if *difference != 0 {
            let name = state.name(Kind::Party, entity.0).map_or("?", |name| name.as_str());
            return Err(format!("ownership and location of {name} part by {difference} of {asset:?}"));
        }
    }
    Ok(sums.len() as u64)
}
