//! Client margin accounts (docs/decisions/0054): how each stands at a recorded set of prices, and its calls from the first
//! to the last word about them. The numbers are those of 12 CFR 220.12 and FINRA Rule 4210, written here a second time.

use super::marks::{Marks, nearest, ten, up};
use super::{Books, Fact, Place, Thing};
use model::currency::exponent;
use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::margin::{CallKind, CallStanding, IssueMarginCalls, MarginAccount, MarginAnswer};
use model::reference::PriceSet;
use model::rejection::Reason;
use model::trade::{Method, QuantityType, Side};
use std::collections::{BTreeMap, BTreeSet};

/// A call that is still to be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub kind: CallKind,
    pub account: Identifier,
    /// The date it was assessed for.
    pub date: Date,
    pub amount: i64,
    pub outstanding: i64,
    pub due: Date,
    pub missed: bool,
    /// The record that issued it.
    pub issued: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Margin {
    pub accounts: BTreeMap<Identifier, BTreeMap<Date, MarginAccount>>,
    pub calls: BTreeMap<u64, Call>,
    pub given: u64,
    /// What each book dealt in against payment, by trade date.
    pub dealt: BTreeMap<(Identifier, Date), Dealt>,
}

/// Quantity and cash of each instrument and currency.
type Dealt = BTreeMap<(Identifier, CurrencyCode), (i128, i128)>;

/// What a book holds.
pub(super) type Holdings = BTreeMap<Thing, i128>;

/// How an account stands, in minor units.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    pub long: i128,
    pub short: i128,
    pub cash: i128,
    pub equity: i128,
    pub initial: i128,
    pub maintenance: i128,
}

impl Standing {
    fn missing(&self) -> i128 {
        (self.maintenance - self.equity).max(0)
    }
}

pub(super) fn half(amount: i128) -> i128 {
    up(amount, 2)
}

pub(super) fn small(amount: i128) -> i64 {
    i64::try_from(amount).expect("a small house")
}

/// Decimals of a currency.
pub(super) fn cents(currency: CurrencyCode) -> u32 {
    u32::from(exponent(currency).expect("a currency of ISO 4217"))
}

impl Books {
    pub(super) fn margin_account(&self, id: &Identifier, on: Date) -> Option<&MarginAccount> {
        self.margin.accounts.get(id)?.range(..=on).next_back().map(|(_, row)| row)
    }

    /// Any row: book and currency are the same in all.
    fn any_row(&self, id: &Identifier) -> &MarginAccount {
        self.margin.accounts[id].values().next().expect("an account has a row")
    }

    pub(super) fn check_margin_account(&self, account: &MarginAccount) -> Result<(), Reason> {
        let known = &self.known;
        let there = known.parties.contains(&account.client)
            && known.books.contains_key(&account.book)
            && known.domains.contains_key(&account.domain);
        if !there {
            return Err(Reason::UnknownName);
        }
        if exponent(account.currency).is_none() {
            return Err(Reason::UnknownCurrency);
        }
        let ruled = account.jurisdiction == "US" && account.valid_from >= Date::from_ymd(2010, 12, 2).expect("a date");
        if !ruled || !(1..=30).contains(&account.call_days) {
            return Err(Reason::ReferenceInvalid);
        }
        for id in self.margin.accounts.keys() {
            let row = self.any_row(id);
            let same = (&row.book, row.currency) == (&account.book, account.currency);
            if (*id == account.id && !same) || (*id != account.id && row.book == account.book) {
                return Err(Reason::ReferenceInUse);
            }
        }
        Ok(())
    }

    pub(super) fn is_margin_book(&self, book: &Identifier) -> bool {
        self.margin.accounts.keys().any(|id| self.any_row(id).book == *book)
    }

    /// What a book holds by trade date, but for what is still to come free of payment.
    pub(super) fn margin_holdings(&self, book: &Identifier) -> Holdings {
        let mut held = Holdings::new();
        for (place, thing, amount) in &self.balances {
            if matches!(place, Place::Book(_, of) if of == book) {
                *held.entry(thing.clone()).or_default() += amount;
            }
        }
        for number in self.trades.keys() {
            let open = self.terms(*number);
            if open.method == Method::Fop && open.side == Side::Buy && open.book == *book {
                *held.entry(Thing::Paper(open.instrument.clone())).or_default() -= i128::from(open.quantity);
            }
        }
        held
    }

    pub(super) fn marks_of(&self, set: &PriceSet) -> Marks {
        let mut marks = Marks::default();
        marks.take(set, &self.known.named);
        marks
    }

    /// How holdings stand in a currency; what is lacking to tell goes on the list.
    pub(super) fn account_stands(
        &self,
        held: &Holdings,
        marks: &Marks,
        into: CurrencyCode,
        lacks: &mut BTreeSet<String>,
    ) -> Standing {
        let mut all = Standing::default();
        let mut shorts = 0;
        for (thing, amount) in held.iter().filter(|(_, amount)| **amount != 0) {
            let paper = match thing {
                Thing::Cash(currency) => {
                    match marks.convert(*amount, *currency, into) {
                        Ok(amount) => all.cash += amount,
                        Err(lack) => _ = lacks.insert(lack),
                    }
                    continue;
                }
                Thing::Paper(paper) => paper,
            };
            // The rules are of equities.
            if self.known.instruments.get(paper).is_none_or(|paper| paper.quantity_type == QuantityType::Face) {
                lacks.insert(format!("rule for {paper}"));
                continue;
            }
            let scale = u32::from(self.known.scale(paper));
            // The price of one with six decimals more than the currency has.
            let price = match marks.worth(&self.known, paper, ten(scale + 6), into) {
                Ok(price) => price,
                Err(lack) => {
                    lacks.insert(lack);
                    continue;
                }
            };
            let size = amount.abs();
            let market = nearest(size * price, ten(scale + 6));
            if *amount > 0 {
                all.long += market;
                continue;
            }
            all.short += market;
            // From five of the currency on 30 percent or five a share, below it all of it or two and a half.
            let dear = price >= 5 * ten(cents(into) + 6);
            let (percent, each) = if dear { (30, 500) } else { (100, 250) };
            let by_share = nearest(size * each * ten(cents(into)), ten(scale + 2));
            shorts += up(market * percent, 100).max(by_share);
        }
        all.equity = all.long - all.short + all.cash;
        all.initial = half(all.long) + half(all.short);
        all.maintenance = up(all.long, 4) + shorts;
        all
    }

    /// The set and the accounts that a command names.
    pub(super) fn to_assess(&self, issue: &IssueMarginCalls) -> Result<(PriceSet, Vec<MarginAccount>), Reason> {
        let frozen = self.frozen(&issue.set)?;
        let set = self.known.price_sets[&(frozen.date, frozen.snap, frozen.source)].clone();
        let all = self.margin.accounts.keys().filter(|id| self.margin_account(id, set.date).is_some());
        let named = if issue.accounts.is_empty() { all.cloned().collect() } else { issue.accounts.clone() };
        if named.is_empty() {
            return Err(Reason::UnknownMarginAccount);
        }
        let mut rows = Vec::new();
        for (place, id) in named.iter().enumerate() {
            rows.push(self.margin_account(id, set.date).ok_or(Reason::UnknownMarginAccount)?.clone());
            if named[..place].contains(id) {
                return Err(Reason::ReferenceInvalid);
            }
        }
        Ok((set, rows))
    }

    /// So many business days after a date, where an account's days are counted.
    pub(super) fn due(&self, account: &MarginAccount, date: Date, days: u32) -> Result<Date, Reason> {
        let calendar = &self.known.domains[&account.domain].calendar;
        let calendar = &self.known.calendars[calendar].calendar;
        let (mut date, mut left) = (date, days);
        while left > 0 {
            date = date.add_days(1).map_err(|_| Reason::NotABusinessDay)?;
            left -= u32::from(calendar.is_business_day(date).map_err(|_| Reason::NotABusinessDay)?);
        }
        Ok(date)
    }

    /// Issues what is asked for and not called yet; what was called, in minor units, with its number.
    pub(super) fn call(
        &mut self,
        kind: CallKind,
        account: &Identifier,
        date: Date,
        amount: i128,
        due: Date,
    ) -> Option<u64> {
        if amount <= 0 {
            return None;
        }
        self.margin.given += 1;
        let (account, amount, issued) = (account.clone(), small(amount), self.sequence);
        let call = Call { kind, account, date, amount, outstanding: amount, due, missed: false, issued };
        self.margin.calls.insert(self.margin.given, call);
        Some(self.margin.given)
    }

    pub(super) fn maintenance_calls(&mut self, issue: &IssueMarginCalls) -> Result<(), Reason> {
        let (set, accounts) = self.to_assess(issue)?;
        let marks = self.marks_of(&set);
        let mut assessed = Vec::new();
        for account in accounts {
            let mut lacks = BTreeSet::new();
            let found = self.account_stands(&self.margin_holdings(&account.book), &marks, account.currency, &mut lacks);
            let due = self.due(&account, set.date, u32::from(account.call_days))?;
            assessed.push((account, if lacks.is_empty() { found } else { Standing::default() }, lacks, due));
        }
        for (MarginAccount { id, .. }, found, lacks, due) in assessed {
            let open: Vec<(u64, Call)> =
                self.margin.calls.iter().filter(|(_, call)| call.account == id).map(|(n, c)| (*n, c.clone())).collect();
            let called: i64 = open.iter().map(|(_, call)| call.outstanding).sum();
            let uncalled = found.missing() - i128::from(called);
            let number = self.call(CallKind::Maintenance, &id, set.date, uncalled, due);
            let cured = lacks.is_empty() && found.missing() == 0;
            let figures = [found.long, found.short, found.cash, found.equity, found.initial, found.maintenance];
            let figures = figures.into_iter().chain([found.missing()]).map(small).collect();
            let call = number.map(|number| (number, small(uncalled), due));
            self.facts.push(Fact::Assessed { account: id, figures, lacks: lacks.into_iter().collect(), call });
            for (number, _) in open.iter().filter(|(_, call)| cured && call.kind == CallKind::Maintenance) {
                self.call_moves(*number, 0, 0, CallStanding::Cured);
            }
        }
        Ok(())
    }

    fn call_moves(&mut self, number: u64, paid: i64, outstanding: i64, standing: CallStanding) {
        self.facts.push(Fact::CallMoved { number, paid, outstanding, standing });
        if matches!(standing, CallStanding::Open | CallStanding::Missed) {
            let call = self.margin.calls.get_mut(&number).expect("it is open");
            (call.outstanding, call.missed) = (outstanding, standing == CallStanding::Missed);
        } else {
            self.margin.calls.remove(&number);
        }
    }

    pub(super) fn answer_call(&mut self, number: u64, answer: MarginAnswer) -> Result<(), Reason> {
        if !self.margin.calls.contains_key(&number) {
            return Err(Reason::UnknownMarginCall);
        }
        let met = answer == MarginAnswer::Met;
        self.call_moves(number, 0, 0, if met { CallStanding::Met } else { CallStanding::Withdrawn });
        Ok(())
    }

    /// Cash that was brought into a book after `from` goes towards its calls, the oldest first.
    pub(super) fn pay_calls(&mut self, from: usize) {
        let booked = self.posted[from..].to_vec();
        for (place, thing, amount) in booked {
            let Place::Book(_, book) = place else { continue };
            let mut left = small(amount.max(0));
            for (number, call) in self.margin.calls.clone() {
                let account = self.any_row(&call.account);
                if account.book != book || thing != Thing::Cash(account.currency) {
                    continue;
                }
                let part = left.min(call.outstanding);
                if part == 0 {
                    break;
                }
                left -= part;
                let outstanding = call.outstanding - part;
                let open = if call.missed { CallStanding::Missed } else { CallStanding::Open };
                self.call_moves(number, part, outstanding, if outstanding == 0 { CallStanding::Met } else { open });
            }
        }
    }

    /// A day closes: what was due by then, and has not come, is missed.
    pub(super) fn miss_calls(&mut self, domain: &Identifier, date: Date) {
        for (number, call) in self.margin.calls.clone() {
            let here = self.margin_account(&call.account, date).is_some_and(|account| account.domain == *domain);
            if here && !call.missed && call.due <= date {
                self.call_moves(number, 0, call.outstanding, CallStanding::Missed);
            }
        }
    }

    /// Every call that has not ended.
    pub fn margin_calls(&self) -> &BTreeMap<u64, Call> {
        &self.margin.calls
    }
}
