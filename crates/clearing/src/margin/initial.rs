//! Initial calls (Regulation T): what a day's purchases and short sales ask for beyond what the rest of the account has to
//! spare. Purchases count at their cost and short sales at their proceeds (12 CFR 220.2, current market value on the day),
//! everything else at the recorded set.

use super::MarginEntry;
use super::assess::{Holdings, figure};
use super::calls::{Assessing, assessing, told};
use crate::draft::Draft;
use crate::instruction::capture_postings;
use crate::marks::{Lack, Marks};
use crate::state::State;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use model::calendar::advance;
use model::currency::exponent;
use model::date::Date;
use model::event::Event;
use model::identifier::CurrencyCode;
use model::index::{Asset, BookIx, InstrumentIx};
use model::ledger::{LedgerAccount, Posting, reversed};
use model::margin::{InitialAssessment, InitialFigures, IssueMarginCalls, IssuedCall};
use model::rejection::{Reason, Rejection};
use model::trade::{Method, Terms};
use risk::margin::client::{Account, commitments};
use risk::published;

/// What was dealt in is kept for so many days before the last day on which the book dealt.
const KEPT_DAYS: i32 = 31;

/// What a book dealt in on a trade date against payment: quantity and cash, by instrument and currency.
pub(crate) type Dealt = BTreeMap<(BookIx, Date), BTreeMap<(InstrumentIx, CurrencyCode), (i128, i128)>>;

impl State {
    /// Counts what an event does to a day's dealings. Before the event is applied: what it replaces is still there.
    pub(crate) fn note_dealt(&mut self, event: &Event) {
        if self.margin.books.is_empty() {
            return;
        }
        let before = |trade: u64| self.trade(trade).map(|(_, open)| self.terms_of(open));
        let moves: Vec<(Terms, Vec<Posting>)> = match event {
            Event::TradeCaptured { terms, postings, .. } => Vec::from([((**terms).clone(), postings.clone())]),
            Event::TradeChanged { trade, terms, .. } => {
                let after = ((**terms).clone(), capture_postings(terms));
                let before = before(*trade).map(|before| {
                    let postings = reversed(&capture_postings(&before));
                    (before, postings)
                });
                before.into_iter().chain([after]).collect()
            }
            Event::TradeCancelled { trade, postings, .. } => {
                before(*trade).map(|before| (before, postings.clone())).into_iter().collect()
            }
            _ => return,
        };
        // What is brought or taken free of payment is no commitment.
        for (terms, postings) in moves.iter().filter(|(terms, _)| terms.method == Method::Dvp) {
            self.dealt(terms, postings);
        }
    }

    fn dealt(&mut self, terms: &Terms, postings: &[Posting]) {
        let of_book = |account| matches!(account, LedgerAccount::Book { book, .. } if book == terms.book);
        if !self.margin.books.contains_key(&terms.book) {
            return;
        }
        let day = self.margin.dealt.entry((terms.book, terms.trade_date)).or_default();
        let sums = day.entry((terms.instrument, terms.currency)).or_default();
        for posting in postings.iter().filter(|posting| of_book(posting.account)) {
            match posting.asset.as_instrument() {
                Some(_) => sums.0 += posting.amount,
                None => sums.1 += posting.amount,
            }
        }
        day.retain(|_, sums| *sums != (0, 0));
        let (book, empty) = (terms.book, day.is_empty());
        let dealt = &mut self.margin.dealt;
        if empty {
            dealt.remove(&(book, terms.trade_date));
        }
        let days = (book, Date::MIN)..=(book, Date::MAX);
        let newest = dealt.range(days.clone()).next_back().map(|((_, date), _)| *date);
        let Some(oldest) = newest.and_then(|newest| newest.add_days(-KEPT_DAYS).ok()) else { return };
        while let Some(first) = dealt.range(days.clone()).next().map(|(key, _)| *key).filter(|(_, date)| *date < oldest)
        {
            dealt.remove(&first);
        }
    }

    /// Whether a day's dealings of a book are not kept any more.
    fn dealings_gone(&self, book: BookIx, date: Date) -> bool {
        let days = self.margin.dealt.range((book, Date::MIN)..=(book, Date::MAX));
        let newest = days.map(|((_, date), _)| *date).next_back();
        newest.is_some_and(|newest| newest.days_since(date) > KEPT_DAYS)
    }

    /// What the day's commitments of an account ask for, or all that is lacking to tell.
    fn commitments(
        &self,
        entry: &MarginEntry,
        holdings: &Holdings,
        marks: &Marks,
        on: Date,
    ) -> Result<InitialFigures, Vec<Lack>> {
        let mut lacks = BTreeSet::new();
        let mut dealt: BTreeMap<InstrumentIx, (i128, i128)> = BTreeMap::new();
        for ((instrument, currency), (quantity, amount)) in
            self.margin.dealt.get(&(entry.book, on)).into_iter().flatten()
        {
            let sums = dealt.entry(*instrument).or_default();
            sums.0 += quantity;
            match marks.convert(*amount, *currency, entry.currency) {
                Ok(amount) => sums.1 += amount,
                Err(lack) => _ = lacks.insert(lack),
            }
        }
        let mut rest = holdings.get(&entry.book).cloned().unwrap_or_default();
        let (mut bought, mut sold_short) = (0, 0);
        let range = || alloc::vec![Lack::from("range")];
        for (instrument, (quantity, amount)) in &dealt {
            let after = rest.entry(Asset::instrument(*instrument)).or_default();
            let made = commitments(*after - quantity, *quantity, *amount).map_err(|_| range())?;
            *after -= made.opened;
            (bought, sold_short) = (bought + made.bought, sold_short + made.sold_short);
        }
        *rest.entry(Asset::currency(entry.currency)).or_default() += bought - sold_short;
        let rules = published::client_margin();
        let terms = rules.on(&entry.jurisdiction, on).map(|rule| &rule.value);
        if terms.is_err() {
            lacks.insert(format!("rule of {}", entry.jurisdiction));
        }
        let (cash, securities) = self.positions(&rest, marks, entry.currency, &mut lacks);
        let (Ok(terms), true) = (terms, lacks.is_empty()) else { return Err(lacks.into_iter().collect()) };
        let standing = terms.assess(&Account { cash, securities }).map_err(|_| range())?;
        let available = standing.excess.max(0);
        let decimals = u32::from(exponent(entry.currency).unwrap_or(0));
        let required = terms.initial_call(bought, sold_short, available, standing.equity, decimals);
        Ok(InitialFigures {
            bought: figure(bought)?,
            sold_short: figure(sold_short)?,
            available: figure(available)?,
            equity: figure(standing.equity)?,
            required: figure(required.map_err(|_| range())?)?,
        })
    }
}

/// Assesses the commitments of a set's date, and calls what they ask for and nobody called for that date yet.
pub(crate) fn decide_initial(draft: &mut Draft<'_>, issue: &IssueMarginCalls) -> Result<(), Rejection> {
    let state = draft.state;
    let Assessing { set, frozen, accounts } = assessing(draft, issue)?;
    let date = frozen.date;
    let (holdings, marks) = (state.margin_holdings(), state.marks_of(&set));
    let mut next = state.margin.given + 1;
    for account in accounts {
        let entry = state.margin.on(&account, date).expect("it was looked up");
        if state.dealings_gone(entry.book, date) {
            return Err(Rejection::new(Reason::CommitmentsGone, account.as_str()));
        }
        let (figures, lacks) = match state.commitments(entry, &holdings, &marks, date) {
            Ok(figures) => (figures, Vec::new()),
            Err(lacks) => (InitialFigures::default(), lacks),
        };
        // What was called for the day is not called twice, as a maintenance call either.
        let open = state.margin.calls.values().filter(|call| call.account == account && call.date == date);
        let uncalled = figures.required - open.map(|call| call.outstanding).sum::<i64>();
        let call = match uncalled > 0 {
            true => Some(IssuedCall { number: next, amount: uncalled, due: due(draft, entry, date)? }),
            false => None,
        };
        next += u64::from(call.is_some());
        let (set, currency, lacks) = (frozen.clone(), entry.currency, told(lacks));
        draft.push(Event::InitialAssessed(InitialAssessment { account, set, currency, figures, lacks, call }));
    }
    Ok(())
}

/// The standard settlement cycle of the jurisdiction and its payment days after the trade date.
fn due(draft: &Draft<'_>, entry: &MarginEntry, date: Date) -> Result<Date, Rejection> {
    let reference = &draft.state.reference;
    let calendar = reference.domain(entry.domain).and_then(|domain| reference.calendar(domain.calendar));
    let calendar = calendar.ok_or(Reason::NotABusinessDay)?;
    let no_rule = |rule: risk::rule::NoRule| Rejection::new(Reason::ReferenceInvalid, rule.to_string());
    let rules = published::client_margin();
    let terms = &rules.on(&entry.jurisdiction, date).map_err(no_rule)?.value;
    let cycle = published::standard_cycle().on(&entry.jurisdiction, date).map_err(no_rule)?.value;
    advance(date, cycle + terms.payment_days, &[calendar])
        .map_err(|_| Rejection::new(Reason::NotABusinessDay, date.to_string()))
}
