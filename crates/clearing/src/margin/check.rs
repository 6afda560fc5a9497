//! What a margin account must be for it to be set.

use crate::draft::Draft;
use crate::reference::{invalid, known};
use model::currency::exponent;
use model::index::{BookIx, Kind};
use model::margin::MarginAccount;
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
