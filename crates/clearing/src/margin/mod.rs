//! Client margin accounts: which there are, what was called, and how calls end.
//!
//! An account is assessed at a recorded set of prices, read back from its record: a decision is as pure as any other, and
//! its figures can be made again from the log alone.

mod assess;
mod calls;
mod check;
mod initial;

pub use assess::MarginStanding;
pub(crate) use calls::{decide_answer, decide_calls, follow};
pub(crate) use check::{check_account, check_terms};
pub(crate) use initial::{Dealt, decide_initial};

use crate::reference::{in_force, set_from};
use crate::state::State;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{BookIx, DomainIx, Kind, PartyIx};
use model::margin::{
    CallKind, CallMoved, CallStanding, InitialAssessment, IssuedCall, MarginAccount, MarginAssessment,
};

/// What holds of an account from a date on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MarginEntry {
    pub client: PartyIx,
    pub book: BookIx,
    pub currency: CurrencyCode,
    pub jurisdiction: String,
    pub domain: DomainIx,
    pub call_days: u8,
}

/// A call that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub kind: CallKind,
    pub account: Identifier,
    pub amount: i64,
    pub outstanding: i64,
    /// The date it was assessed for.
    pub date: Date,
    pub due: Date,
    pub missed: bool,
    /// The record that issued it.
    pub issued: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Margin {
    pub accounts: BTreeMap<Identifier, Vec<(Date, MarginEntry)>>,
    pub books: BTreeMap<BookIx, Identifier>,
    /// By number: the oldest first.
    pub calls: BTreeMap<u64, Call>,
    /// How many were ever issued.
    pub given: u64,
    pub dealt: Dealt,
}

/// An open call, as people ask for it. Amounts in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFacts {
    pub number: u64,
    pub kind: CallKind,
    pub account: Identifier,
    pub client: Identifier,
    pub currency: CurrencyCode,
    /// The date it was assessed for.
    pub date: Date,
    pub amount: i64,
    pub outstanding: i64,
    pub due: Date,
    pub missed: bool,
    /// The record that issued it.
    pub issued: u64,
}

impl Margin {
    /// What holds of an account on a date.
    pub fn on(&self, account: &Identifier, date: Date) -> Option<&MarginEntry> {
        in_force(self.accounts.get(account)?, date)
    }

    /// The newest row: book and currency never change.
    fn any(&self, account: &Identifier) -> Option<&MarginEntry> {
        self.accounts.get(account)?.last().map(|(_, entry)| entry)
    }
}

impl State {
    /// Every call that has not ended.
    pub fn margin_calls(&self) -> Vec<CallFacts> {
        let facts = |(number, call): (&u64, &Call)| {
            let entry = self.margin.any(&call.account)?;
            Some(CallFacts {
                number: *number,
                kind: call.kind,
                account: call.account.clone(),
                client: self.names.name(Kind::Party, entry.client.0)?.clone(),
                currency: entry.currency,
                date: call.date,
                amount: call.amount,
                outstanding: call.outstanding,
                due: call.due,
                missed: call.missed,
                issued: call.issued,
            })
        };
        self.margin.calls.iter().filter_map(facts).collect()
    }

    pub(crate) fn apply_margin_account(&mut self, account: &MarginAccount) {
        let find = |kind, name: &Identifier| self.names.find(kind, name.as_str()).expect("a checked piece is known");
        let book = BookIx(find(Kind::Book, &account.book));
        let entry = MarginEntry {
            client: PartyIx(find(Kind::Party, &account.client)),
            book,
            currency: account.currency,
            jurisdiction: account.jurisdiction.clone(),
            domain: DomainIx(find(Kind::Domain, &account.domain)),
            call_days: account.call_days,
        };
        let rows = self.margin.accounts.entry(account.id.clone()).or_default();
        set_from(rows, account.valid_from, entry);
        self.margin.books.insert(book, account.id.clone());
    }

    pub(crate) fn apply_assessed(&mut self, sequence: u64, assessment: &MarginAssessment) {
        let MarginAssessment { account, set, call, .. } = assessment;
        self.issue(sequence, CallKind::Maintenance, (account, set.date), *call);
    }

    pub(crate) fn apply_initial(&mut self, sequence: u64, assessment: &InitialAssessment) {
        let InitialAssessment { account, set, call, .. } = assessment;
        self.issue(sequence, CallKind::Initial, (account, set.date), *call);
    }

    fn issue(&mut self, issued: u64, kind: CallKind, of: (&Identifier, Date), call: Option<IssuedCall>) {
        let Some(IssuedCall { number, amount, due }) = call else { return };
        let (account, date) = (of.0.clone(), of.1);
        let call = Call { kind, account, amount, outstanding: amount, date, due, missed: false, issued };
        self.margin.given = number;
        self.margin.calls.insert(number, call);
    }

    pub(crate) fn apply_call_moved(&mut self, moved: &CallMoved) {
        if moved.standing.has_ended() {
            self.margin.calls.remove(&moved.number);
        } else if let Some(call) = self.margin.calls.get_mut(&moved.number) {
            call.outstanding = moved.outstanding;
            call.missed = moved.standing == CallStanding::Missed;
        }
    }
}
