//! Client margin accounts and their calls, in the words of a scenario.

use super::reference::since;
use super::view::View;
use super::words::{Words, currency, date, decimal, name};
use model::accounting::SetName;
use model::command::Command;
use model::date::Date;
use model::event::Event;
use model::identifier::CurrencyCode;
use model::index::Asset;
use model::margin::{ClearingTerms, IssueMarginCalls, MarginAccount, MarginAnswer};

/// `margin-account M1 FUND FUND-BOOK USD [rules=US] [domain=QCSD] [days=3] [from=]`
pub(super) fn account(words: &mut Words, today: Date) -> Result<MarginAccount, String> {
    let (id, client, book) = (words.name("the account")?, words.name("the client")?, words.name("the book")?);
    Ok(MarginAccount {
        id,
        client,
        book,
        currency: currency(&words.word("the currency")?)?,
        jurisdiction: words.option("rules").unwrap_or_else(|| "US".to_owned()),
        domain: name(&words.option("domain").unwrap_or_else(|| super::reference::DOMAIN.to_owned()))?,
        call_days: words.number_option("days")?.unwrap_or(3),
        valid_from: since(words, today)?,
    })
}

/// `clearing-terms EUCP [gap=0.30/0.10] [fails=0.05] [least=0.02] [confidence=0.99] [scenarios=250] [horizon=3] [index=EU,CE]
/// [rules=EU] [from=]`
pub(super) fn terms(words: &mut Words, today: Date) -> Result<ClearingTerms, String> {
    let ccp = words.name("the CCP")?;
    let gap = words.option("gap").unwrap_or_else(|| "0.30/0.10".to_owned());
    let (threshold, rate) = gap.split_once('/').ok_or_else(|| format!("{gap} is no threshold and rate"))?;
    let mut share = |name: &str, otherwise: &str| decimal(&words.option(name).unwrap_or_else(|| otherwise.to_owned()));
    let (fails_rate, least_haircut) = (share("fails", "0.05")?, share("least", "0.02")?);
    let confidence = share("confidence", "0.99")?;
    let index = words.option("index").unwrap_or_default();
    Ok(ClearingTerms {
        ccp,
        jurisdiction: words.option("rules").unwrap_or_else(|| "EU".to_owned()),
        valid_from: since(words, today)?,
        source: "rule book, margin".to_owned(),
        gap_threshold: decimal(threshold)?,
        gap_rate: decimal(rate)?,
        fails_rate,
        least_haircut,
        confidence,
        scenarios: words.number_option("scenarios")?.unwrap_or(250),
        horizon: words.number_option("horizon")?.unwrap_or(3),
        index_cfi: index.split(',').filter(|prefix| !prefix.is_empty()).map(str::to_owned).collect(),
    })
}

pub(super) fn set_terms(terms: &ClearingTerms) -> String {
    let ClearingTerms { ccp, jurisdiction, valid_from, confidence, scenarios, horizon, .. } = terms;
    format!(
        "set clearing terms of {ccp}: {confidence} of {scenarios} moves over {horizon} closes, rules of {jurisdiction}, from {valid_from}"
    )
}

/// `margin-calls | initial-calls 2026-11-23 [M1 M2] [snap=CLOSE] [source=QUOTES]` · `margin-call 1 met|withdrawn`
pub(super) fn command(words: &mut Words, today: Date) -> Result<Option<Command>, String> {
    Ok(Some(match &*words.verb {
        "margin-calls" | "initial-calls" => {
            let initial = &*words.verb == "initial-calls";
            let date = date(&words.word("the date")?, today)?;
            let snap = name(&words.option("snap").unwrap_or_else(|| "CLOSE".to_owned()))?;
            let source = name(&words.option("source").unwrap_or_else(|| "QUOTES".to_owned()))?;
            let mut accounts = Vec::new();
            while let Some(account) = words.next() {
                accounts.push(name(&account)?);
            }
            let issue = IssueMarginCalls { set: SetName { date, snap, source }, accounts };
            if initial { Command::IssueInitialCalls(issue) } else { Command::IssueMarginCalls(issue) }
        }
        "margin-call" => {
            let number = words.word("the number")?;
            let number = number.parse().map_err(|_| format!("{number} is not a number"))?;
            let answer = match &*words.expect(&["met", "withdrawn"])? {
                "met" => MarginAnswer::Met,
                _ => MarginAnswer::Withdrawn,
            };
            Command::AnswerMarginCall { number, answer }
        }
        _ => return Ok(None),
    }))
}

pub(super) fn set(account: &MarginAccount) -> String {
    let MarginAccount { id, client, book, currency, jurisdiction, call_days, valid_from, .. } = account;
    format!(
        "set margin account {id} of {client}: {book} in {currency}, rules of {jurisdiction}, {call_days} days, from {valid_from}"
    )
}

/// An event of these in words; `None` when it is another's.
pub(super) fn tell(view: &View, event: &Event) -> Option<String> {
    Some(match event {
        Event::MarginAssessed(told) => {
            let money = |units: i64| amount(view, told.currency, units);
            let at = format!("margin of {} at {} {}", told.account, told.set.date, told.set.snap);
            if !told.lacks.is_empty() {
                return Some(format!("{at}: not assessed, {} lacking", told.lacks.join(", ")));
            }
            let figures = &told.figures;
            let standing = format!(
                "long {}, short {}, cash {}, equity {}, initial {}, maintenance {}",
                money(figures.long),
                money(figures.short),
                money(figures.cash),
                money(figures.equity),
                money(figures.initial),
                money(figures.maintenance)
            );
            match told.call {
                Some(call) => {
                    format!("{at}: {standing}; call {} of {}, due {}", call.number, money(call.amount), call.due)
                }
                None => format!("{at}: {standing}, {} missing", money(figures.missing)),
            }
        }
        Event::InitialAssessed(told) => {
            let money = |units: i64| amount(view, told.currency, units);
            let at = format!("commitments of {} on {}", told.account, told.set.date);
            if !told.lacks.is_empty() {
                return Some(format!("{at}: not assessed, {} lacking", told.lacks.join(", ")));
            }
            let figures = &told.figures;
            let standing = format!(
                "bought {}, sold short {}, available {}, required {}",
                money(figures.bought),
                money(figures.sold_short),
                money(figures.available),
                money(figures.required)
            );
            match told.call {
                Some(call) => {
                    format!("{at}: {standing}; call {} of {}, due {}", call.number, money(call.amount), call.due)
                }
                None => format!("{at}: {standing}"),
            }
        }
        Event::MarginCallMoved(moved) => {
            let (number, standing) = (moved.number, moved.standing.name());
            format!("call {number} {standing}: paid {} cents, {} to come", moved.paid, moved.outstanding)
        }
        _ => return None,
    })
}

fn amount(view: &View, currency: CurrencyCode, units: i64) -> String {
    view.amount(Asset::currency(currency), i128::from(units))
}
