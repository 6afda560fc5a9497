//! The cash view: what lies on each account, what will come and go by value date, and what must be found.
//!
//! The settled balance follows the postings; each open instruction against payment is a flow on its account at its intended
//! date until it settles or is cancelled. Only flows and balances are rows: the sums by date are additions over the flows,
//! kept while they change and added up again at start.

mod flow;
mod ladder;
mod stored;

use std::collections::{BTreeMap, BTreeSet};

use model::date::Date;
use model::decimal::Rounding;
use model::event::{Event, Link};
use model::identifier::{CurrencyCode, Identifier};
use model::index::{AccountIx, DomainIx};
use model::instruction::Movement;
use model::ledger::LedgerAccount;
use model::reference::{CreditLimit, Reference};
use model::trade::Terms;

use crate::numbered::Numbered;

use flow::{Flow, FlowTerms, Share};
pub(crate) use ladder::CashFilter;

#[derive(Default)]
pub(crate) struct Cash {
    /// Of open instructions, and those that ended since rows were last written.
    flows: Numbered<Flow>,
    /// What is needed of open trades without an open instruction.
    terms: BTreeMap<u64, FlowTerms>,
    accounts: Accounts,
    /// Smallest units by the date from which they hold.
    limits: BTreeMap<(Identifier, CurrencyCode), BTreeMap<Date, i64>>,
    days: BTreeMap<DomainIx, Date>,

    terms_on_disk: BTreeSet<u64>,
    dirty_flows: Vec<u64>,
    dirty_terms: Vec<u64>,
    dirty_accounts: Vec<(AccountIx, CurrencyCode)>,
    dirty_limits: Vec<(Identifier, CurrencyCode, Date)>,
    dirty_days: Vec<DomainIx>,
    /// What the record being folded changed: flows with their share before (nothing when they are new), trades with what is needed
    /// of them (nothing when they are cancelled), and trades that were instructed.
    touched: Vec<(u64, Option<Share>)>,
    fresh: Vec<(u64, Option<FlowTerms>)>,
    instructed: Vec<u64>,
}

type Accounts = BTreeMap<(AccountIx, CurrencyCode), Account>;

/// An account in one currency.
#[derive(Default)]
struct Account {
    settled: i128,
    dates: BTreeMap<Date, Due>,
    dirty: bool,
}

/// The flows of one date.
#[derive(Clone, Copy, Default)]
struct Due {
    receipts: i128,
    payments: i128,
    sure_receipts: i128,
    count: i64,
}

impl Cash {
    fn event(&mut self, sequence: u64, event: &Event) {
        match event {
            Event::TradeCaptured { trade, terms, .. } => self.set_terms(*trade, terms),
            Event::TradeChanged { trade, economic, terms, .. } if *economic || self.terms_of(*trade).is_some() => {
                self.set_terms(*trade, terms);
            }
            Event::TradeCancelled { trade, .. } => self.fresh.push((*trade, None)),
            Event::InstructionIssued { instruction, links, movement, amount, .. } => {
                self.issue(sequence, *instruction, links, *movement, *amount);
            }
            Event::InstructionsMatched { deliver, receive, amount, .. } => {
                let held = self.flow(*deliver).held || self.flow(*receive).held;
                for (number, counter) in [(*deliver, *receive), (*receive, *deliver)] {
                    self.with(sequence, number, |flow| {
                        (flow.amount, flow.counter, flow.pair_held) = (*amount, counter, held);
                    });
                }
            }
            Event::InstructionSteered { instruction, held, .. } => {
                let counter = self.flow(*instruction).counter;
                if counter == 0 {
                    self.with(sequence, *instruction, |flow| (flow.held, flow.pair_held) = (*held, *held));
                } else {
                    let pair_held = *held || self.flow(counter).held;
                    self.with(sequence, *instruction, |flow| (flow.held, flow.pair_held) = (*held, pair_held));
                    self.with(sequence, counter, |flow| flow.pair_held = pair_held);
                }
            }
            Event::InstructionsSettled { deliver, receive, .. } => {
                for number in [*deliver, *receive] {
                    self.with(sequence, number, |flow| flow.ended = true);
                }
            }
            Event::InstructionConfirmed { instruction, open_quantity, open_amount, ended, .. } => {
                // What is left is still to come; what falls back to the trade may be instructed again.
                if *ended && *open_quantity > 0 {
                    let flow = self.flow(*instruction);
                    let (trade, terms) = (flow.trade, FlowTerms { held: flow.held, ..flow.terms.clone() });
                    self.fresh.push((trade, Some(terms)));
                }
                self.with(sequence, *instruction, |flow| (flow.amount, flow.ended) = (*open_amount, *ended));
            }
            Event::InstructionCancelled { instruction, .. } => {
                let flow = self.flow(*instruction);
                let (trade, terms) = (flow.trade, FlowTerms { held: flow.held, ..flow.terms.clone() });
                // The trade may be instructed again, by what it said before unless this record says otherwise.
                if !self.fresh.iter().any(|(fresh, _)| *fresh == trade) {
                    self.fresh.push((trade, Some(terms)));
                }
                self.with(sequence, *instruction, |flow| flow.ended = true);
            }
            Event::ReferenceSet { reference, .. } => {
                if let Reference::CreditLimit(limit) = &**reference {
                    self.set_limit(limit);
                }
            }
            Event::DayOpened { domain, date, .. } => {
                self.days.insert(*domain, *date);
                self.dirty_days.push(*domain);
            }
            _ => {}
        }
        for posting in event.postings() {
            if let LedgerAccount::Location { account, .. } = posting.account
                && let Some(currency) = posting.asset.as_currency()
            {
                self.post(account, currency, posting.amount);
            }
        }
    }

    fn end_of_record(&mut self) {
        for (number, before) in self.touched.drain(..) {
            let after = self.flows.get(number).and_then(Flow::share);
            if before != after {
                for (share, sign) in before.iter().map(|share| (share, -1)).chain(after.iter().map(|share| (share, 1)))
                {
                    count(&mut self.accounts, share, sign);
                }
            }
        }
        for (trade, terms) in self.fresh.drain(..) {
            // An instruction holds what was needed.
            let instructed = self.instructed.contains(&trade);
            let was_kept = match terms.filter(|_| !instructed) {
                Some(terms) => {
                    self.terms.insert(trade, terms);
                    true
                }
                None => !self.terms.is_empty() && self.terms.remove(&trade).is_some(),
            };
            if was_kept {
                self.dirty_terms.push(trade);
            }
        }
        for trade in self.instructed.drain(..) {
            if !self.terms.is_empty() && self.terms.remove(&trade).is_some() {
                self.dirty_terms.push(trade);
            }
        }
    }

    fn set_terms(&mut self, trade: u64, terms: &Terms) {
        self.fresh.push((trade, Some(terms.into())));
    }

    /// What is needed of a trade that no instruction speaks for.
    fn terms_of(&self, trade: u64) -> Option<&FlowTerms> {
        match self.fresh.iter().rev().find(|(fresh, _)| *fresh == trade) {
            Some((_, terms)) => terms.as_ref(),
            None => self.terms.get(&trade),
        }
    }

    fn issue(&mut self, sequence: u64, number: u64, links: &[Link], movement: Movement, amount: i64) {
        let Some(trade) = links.first().map(|link| link.trade) else { panic!("instruction {number} is for no trade") };
        let Some(terms) = self.terms_of(trade) else { panic!("trade {trade} is not open or already instructed") };
        let terms = FlowTerms { receives_cash: movement == Movement::Deliver, ..terms.clone() };
        let flow = Flow {
            trade,
            amount,
            held: terms.held,
            pair_held: terms.held,
            counter: 0,
            ended: false,
            dirty: true,
            on_disk: false,
            touched: sequence,
            terms,
        };
        self.touched.push((number, None));
        assert!(self.flows.insert(number, flow).is_none(), "instruction {number} was issued twice");
        self.dirty_flows.push(number);
        self.instructed.extend(links.iter().map(|link| link.trade));
    }

    fn flow(&self, number: u64) -> &Flow {
        match self.flows.get(number).filter(|flow| !flow.ended) {
            Some(flow) => flow,
            None => panic!("instruction {number} is not open"),
        }
    }

    /// Changes an open flow.
    fn with(&mut self, sequence: u64, number: u64, change: impl FnOnce(&mut Flow)) {
        let open = self.flows.get_mut(number).filter(|flow| !flow.ended);
        let Some(flow) = open else { panic!("instruction {number} is not open") };
        if flow.touched != sequence {
            // Its first change in this record.
            self.touched.push((number, flow.share()));
            flow.touched = sequence;
        }
        change(flow);
        if !flow.dirty {
            flow.dirty = true;
            self.dirty_flows.push(number);
        }
    }

    fn post(&mut self, account: AccountIx, currency: CurrencyCode, amount: i128) {
        let entry = self.accounts.entry((account, currency)).or_default();
        entry.settled += amount;
        if !entry.dirty {
            entry.dirty = true;
            self.dirty_accounts.push((account, currency));
        }
    }

    fn set_limit(&mut self, limit: &CreditLimit) {
        let CreditLimit { account, currency, valid_from, amount } = limit;
        let scale = model::currency::exponent(*currency).unwrap_or(0).into();
        // A limit is a permission: what is finer than the currency counts is not granted.
        // One beyond the range of amounts grants everything.
        let units = amount.rounded_to(scale, Rounding::Down).map_or(i64::MAX, |amount| amount.unscaled);
        self.limits.entry((account.clone(), *currency)).or_default().insert(*valid_from, units);
        self.dirty_limits.push((account.clone(), *currency, *valid_from));
    }
}

/// Adds a share to the sums of its date, or takes it out again.
fn count(accounts: &mut Accounts, share: &Share, sign: i64) {
    let account = accounts.entry((share.account, share.currency)).or_default();
    let due = account.dates.entry(share.date).or_default();
    due.count += sign;
    let amount = i128::from(share.amount) * i128::from(sign);
    if share.receives_cash {
        due.receipts += amount;
        if share.sure {
            due.sure_receipts += amount;
        }
    } else {
        due.payments += amount;
    }
    if due.count == 0 {
        account.dates.remove(&share.date);
    }
}
