//! What a margin account, or the terms of a CCP, must be to be set.

use crate::draft::Draft;
use crate::reference::{invalid, known};
use model::currency::exponent;
use model::decimal::Decimal;
use model::index::{BookIx, Kind};
use model::margin::{ClearingTerms, MarginAccount};
use model::rejection::{Reason, Rejection};
use risk::published;

pub(crate) fn check_account(draft: &Draft<'_>, account: &MarginAccount) -> Result<(), Rejection> {
    known(draft, Kind::Party, &account.client)?;
    let book = BookIx(known(draft, Kind::Book, &account.book)?);
    known(draft, Kind::Domain, &account.domain)?;
    exponent(account.currency).ok_or_else(|| Rejection::new(Reason::UnknownCurrency, account.currency.as_str()))?;
    if published::client_margin().on(&account.jurisdiction, account.valid_from).is_err() {
        return Err(invalid("jurisdiction: no rules for client margin are in force there"));
    }
    if account.call_days == 0 || account.call_days > 30 {
        return Err(invalid("call_days: 1 to 30"));
    }
    let margin = &draft.state.margin;
    if margin.books.get(&book).is_some_and(|other| *other != account.id) {
        return Err(Rejection::new(Reason::ReferenceInUse, account.book.as_str()));
    }
    let before = margin.accounts.get(&account.id).and_then(|rows| rows.last());
    if before.is_some_and(|(_, before)| (before.book, before.currency) != (book, account.currency)) {
        return Err(Rejection::new(Reason::ReferenceInUse, account.id.as_str()));
    }
    Ok(())
}

/// Nobody's terms rest on fewer moves of the past, and none on so many that they cannot be read.
const SCENARIOS: core::ops::RangeInclusive<u32> = 250..=5_000;

pub(crate) fn check_terms(draft: &Draft<'_>, terms: &ClearingTerms) -> Result<(), Rejection> {
    use core::cmp::Ordering::Greater;
    known(draft, Kind::Party, &terms.ccp)?;
    let one = Decimal { unscaled: 1, scale: 0 };
    let shares = [
        (terms.gap_threshold, "gap_threshold"),
        (terms.gap_rate, "gap_rate"),
        (terms.fails_rate, "fails_rate"),
        (terms.least_haircut, "least_haircut"),
    ];
    for (share, name) in shares {
        if share.is_negative() || share.compare(one) == Greater {
            return Err(invalid(alloc::format!("{name}: a share is between 0 and 1")));
        }
    }
    let half = Decimal { unscaled: 5, scale: 1 };
    if terms.confidence.compare(half) != Greater || one.compare(terms.confidence) != Greater {
        return Err(invalid("confidence: between 0.5 and 1"));
    }
    if !SCENARIOS.contains(&terms.scenarios) {
        return Err(invalid("scenarios: 250 to 5000"));
    }
    if !(1..=20).contains(&terms.horizon) {
        return Err(invalid("horizon: 1 to 20"));
    }
    if terms.jurisdiction.is_empty() || terms.source.is_empty() {
        return Err(invalid("jurisdiction and source: numbers have an origin"));
    }
    let capital = |prefix: &alloc::string::String| {
        (1..=6).contains(&prefix.len()) && prefix.bytes().all(|letter| letter.is_ascii_uppercase())
    };
    if !terms.index_cfi.iter().all(capital) {
        return Err(invalid("index_cfi: one to six capital letters"));
    }
    Ok(())
}
