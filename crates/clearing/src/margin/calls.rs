//! Calls: issued by an assessment, met by cash that comes in or by a person's word, cured by a later assessment, missed
//! when the day on which they are due closes.

use super::assess::price_set_in;
use super::{Call, CallKind, MarginEntry};
use crate::accounting::freeze;
use crate::draft::Draft;
use crate::marks::Lack;
use crate::reference::invalid;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use model::accounting::FrozenSet;
use model::calendar::advance;
use model::date::Date;
use model::event::Event;
use model::identifier::Identifier;
use model::index::{Asset, BookIx};
use model::ledger::LedgerAccount;
use model::margin::{CallMoved, CallStanding, IssueMarginCalls, IssuedCall, MarginAnswer, MarginAssessment};
use model::reference::PriceSet;
use model::rejection::{Reason, Rejection};

/// What accounts are assessed at, and which.
pub(super) struct Assessing {
    pub set: PriceSet,
    pub frozen: FrozenSet,
    /// Each once; all are there on the set's date.
    pub accounts: Vec<Identifier>,
}

/// Reads the set back from its record, and looks the accounts up.
pub(super) fn assessing(draft: &Draft<'_>, issue: &IssueMarginCalls) -> Result<Assessing, Rejection> {
    let state = draft.state;
    let date = issue.set.date;
    let (frozen, sequence) = freeze(state, &issue.set)?;
    let record = draft.past.record(sequence).expect("the record of a set stands in the log");
    let set = price_set_in(&record).expect("it holds the set").clone();
    let accounts: Vec<Identifier> = match issue.accounts.is_empty() {
        true => state.margin.accounts.keys().filter(|id| state.margin.on(id, date).is_some()).cloned().collect(),
        false => issue.accounts.clone(),
    };
    if accounts.is_empty() {
        return Err(Reason::UnknownMarginAccount.into());
    }
    if accounts.len() > IssueMarginCalls::MOST_ACCOUNTS {
        return Err(invalid(format!("accounts: at most {} at once", IssueMarginCalls::MOST_ACCOUNTS)));
    }
    for (at, account) in accounts.iter().enumerate() {
        if state.margin.on(account, date).is_none() {
            return Err(Rejection::new(Reason::UnknownMarginAccount, account.as_str()));
        }
        if accounts[..at].contains(account) {
            return Err(invalid("accounts: each once"));
        }
    }
    Ok(Assessing { set, frozen, accounts })
}

/// What is lacking as a record tells it: no more of it than fits.
pub(super) fn told(mut lacks: Vec<Lack>) -> Vec<Lack> {
    let rest = lacks.len().saturating_sub(IssueMarginCalls::MOST_LACKS);
    if rest > 0 {
        lacks.truncate(IssueMarginCalls::MOST_LACKS);
        lacks.push(format!("{rest} more"));
    }
    lacks
}

/// Assesses accounts at a set and calls what is missing and not called yet.
pub(crate) fn decide_calls(draft: &mut Draft<'_>, issue: &IssueMarginCalls) -> Result<(), Rejection> {
    let state = draft.state;
    let Assessing { set, frozen, accounts } = assessing(draft, issue)?;
    let date = frozen.date;
    let (holdings, marks) = (state.margin_holdings(), state.marks_of(&set));
    let mut next = state.margin.given + 1;
    for account in &accounts {
        let entry = state.margin.on(account, date).expect("it was looked up");
        let (figures, lacks) = state.assess(entry, &holdings, &marks, date);
        // What is called and has not come is not called twice.
        let uncalled = figures.missing - state.outstanding(account);
        let call = match uncalled > 0 {
            true => Some(IssuedCall { number: next, amount: uncalled, due: due(draft, entry, date)? }),
            false => None,
        };
        next += u64::from(call.is_some());
        let cured = lacks.is_empty() && figures.missing == 0;
        draft.push(Event::MarginAssessed(MarginAssessment {
            account: account.clone(),
            set: frozen.clone(),
            currency: entry.currency,
            figures,
            lacks: told(lacks),
            call,
        }));
        // What a day's commitments asked for is owed at any price.
        let is_cured = |call: &Call| cured && call.kind == CallKind::Maintenance && call.account == *account;
        for (number, _) in state.margin.calls.iter().filter(|(_, call)| is_cured(call)) {
            let standing = CallStanding::Cured;
            draft.push(Event::MarginCallMoved(CallMoved { number: *number, paid: 0, outstanding: 0, standing }));
        }
    }
    Ok(())
}

/// So many business days after the date of the assessment.
fn due(draft: &Draft<'_>, entry: &MarginEntry, date: Date) -> Result<Date, Rejection> {
    let reference = &draft.state.reference;
    let calendar = reference.domain(entry.domain).and_then(|domain| reference.calendar(domain.calendar));
    let calendar = calendar.ok_or(Reason::NotABusinessDay)?;
    advance(date, u32::from(entry.call_days), &[calendar])
        .map_err(|_| Rejection::new(Reason::NotABusinessDay, date.to_string()))
}

/// A person says that a call is met, or was none.
pub(crate) fn decide_answer(draft: &mut Draft<'_>, number: u64, answer: MarginAnswer) -> Result<(), Rejection> {
    if !draft.state.margin.calls.contains_key(&number) {
        return Err(Rejection::new(Reason::UnknownMarginCall, number.to_string()));
    }
    let standing = match answer {
        MarginAnswer::Met => CallStanding::Met,
        MarginAnswer::Withdrawn => CallStanding::Withdrawn,
    };
    draft.push(Event::MarginCallMoved(CallMoved { number, paid: 0, outstanding: 0, standing }));
    Ok(())
}

/// What a fact does to open calls, told with it.
pub(crate) fn follow(draft: &Draft<'_>, event: &Event) -> Vec<Event> {
    match event {
        Event::Transferred { postings, .. } | Event::Opened { postings, .. } => {
            let mut told = Vec::new();
            for posting in postings {
                if let LedgerAccount::Book { book, .. } = posting.account {
                    told.extend(paid(draft, book, posting.asset, posting.amount));
                }
            }
            told
        }
        Event::DayClosed { domain, date } => {
            let margin = &draft.state.margin;
            let late = margin.calls.iter().filter(|(_, call)| {
                let entry = margin.on(&call.account, *date);
                !call.missed && call.due <= *date && entry.is_some_and(|entry| entry.domain == *domain)
            });
            let missed = |(number, call): (&u64, &Call)| {
                let (outstanding, standing) = (call.outstanding, CallStanding::Missed);
                Event::MarginCallMoved(CallMoved { number: *number, paid: 0, outstanding, standing })
            };
            late.map(missed).collect()
        }
        _ => Vec::new(),
    }
}

/// Cash that came into the book of an account, towards its calls, the oldest first. What goes out takes no payment back:
/// the next assessment sees it.
fn paid(draft: &Draft<'_>, book: BookIx, asset: Asset, amount: i128) -> Vec<Event> {
    let margin = &draft.state.margin;
    let Some(account) = margin.books.get(&book) else { return Vec::new() };
    if margin.any(account).is_none_or(|entry| Asset::currency(entry.currency) != asset) {
        return Vec::new();
    }
    let mut left = i64::try_from(amount).unwrap_or(0).max(0);
    let mut told = Vec::new();
    for (number, call) in margin.calls.iter().filter(|(_, call)| call.account == *account) {
        let part = left.min(call.outstanding);
        if part == 0 {
            break;
        }
        left -= part;
        let outstanding = call.outstanding - part;
        let standing = match (outstanding, call.missed) {
            (0, _) => CallStanding::Met,
            (_, true) => CallStanding::Missed,
            (_, false) => CallStanding::Open,
        };
        told.push(Event::MarginCallMoved(CallMoved { number: *number, paid: part, outstanding, standing }));
    }
    told
}
