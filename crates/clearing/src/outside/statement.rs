//! Cash entries and balances: what the agent says lies there, against our mirrors.

use super::confirmation::{book, instrument, moved};
use super::{Quoted, quoted};
use crate::balances::location;
use crate::breaks::Found;
use crate::draft::Draft;
use crate::reference::{minor, units};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use model::advice::{Advice, CashBalances, CashEntry, MAX_LINES, SecuritiesBalances};
use model::breaks::{BreakItem, BreakKind};
use model::index::{AccountIx, Asset};
use model::ledger::LedgerAccount;

/// An entry that quotes an instruction is the cash leg that its confirmation books; any other is news to us.
pub(super) fn cash_entry(draft: &mut Draft<'_>, advice: &Advice, said: &CashEntry) {
    if !matches!(quoted(draft, &advice.reference), Quoted::Unknown) {
        return;
    }
    let Some(account) = draft.state.mirror(&said.account) else {
        let subject = format!("{}: {} {}", said.account, said.amount, said.currency);
        return draft.tell_break(Found::new(BreakKind::UnknownAccount, None, subject), Vec::new());
    };
    let words = [&*advice.reference, &*said.code, &*said.narrative].into_iter().filter(|word| !word.is_empty());
    let subject = words.collect::<Vec<_>>().join(" ");
    match minor(said.amount, said.currency) {
        Ok(0) => {}
        Ok(amount) => {
            let item = moved(account, Asset::currency(said.currency), i128::from(amount));
            book(draft, Found::new(BreakKind::UnexpectedCash, None, subject), alloc::vec![item]);
        }
        Err(_) => {
            let subject = format!("{}: {} {}", said.account, said.amount, said.currency);
            draft.tell_break(Found::new(BreakKind::CannotBook, None, subject), Vec::new());
        }
    }
}

pub(super) fn securities(draft: &mut Draft<'_>, said: &SecuritiesBalances) {
    let state = draft.state;
    let Some(account) = state.mirror(&said.account) else {
        let subject = format!("{}: balances of {}", said.account, said.date);
        return draft.tell_break(Found::new(BreakKind::UnknownAccount, None, subject), Vec::new());
    };
    let mut theirs: BTreeMap<Asset, i128> = BTreeMap::new();
    let mut uncounted: Vec<Asset> = Vec::new();
    for line in &said.lines {
        let Some(found) = instrument(draft, &line.instrument, said.date) else {
            let subject = format!("{}: {} {}", said.account, line.quantity, line.instrument);
            draft.tell_break(Found::new(BreakKind::UnknownInstrument, None, subject), Vec::new());
            continue;
        };
        match units(line.quantity, state.reference.scale(found)) {
            // Several lines of one instrument are its sub-balances.
            Some(units) => *theirs.entry(Asset::instrument(found)).or_default() += i128::from(units),
            None => {
                let subject = format!("{}: {} {}", said.account, line.quantity, line.instrument);
                draft.tell_break(Found::new(BreakKind::CannotBook, None, subject), Vec::new());
                theirs.entry(Asset::instrument(found)).or_default();
                uncounted.push(Asset::instrument(found));
            }
        }
    }
    if said.complete {
        add_unlisted(draft, account, &said.account, &mut theirs);
    }
    theirs.retain(|asset, _| !uncounted.contains(asset));
    compare(draft, account, theirs);
}

/// What we have there and the statement does not list is zero for it.
fn add_unlisted(draft: &mut Draft<'_>, account: AccountIx, name: &str, theirs: &mut BTreeMap<Asset, i128>) {
    let state = draft.state;
    let Some(entry) = state.reference.account(account) else { return };
    let own = state.balances.of_location(location(entry.holder, account));
    let unlisted: Vec<Asset> = own
        .filter(|(asset, amount)| *amount != 0 && asset.as_instrument().is_some() && !theirs.contains_key(asset))
        .map(|(asset, _)| asset)
        .collect();
    theirs.extend(unlisted.iter().take(MAX_LINES).map(|asset| (*asset, 0)));
    if let Some(more) = unlisted.len().checked_sub(MAX_LINES).filter(|more| *more > 0) {
        let subject = format!("{name}: {more} more instruments that the statement does not list");
        draft.tell_break(Found::new(BreakKind::BalanceDiffers, None, subject), Vec::new());
    }
}

pub(super) fn cash(draft: &mut Draft<'_>, said: &CashBalances) {
    let Some(account) = draft.state.mirror(&said.account) else {
        let subject = format!("{}: balances of {}", said.account, said.date);
        return draft.tell_break(Found::new(BreakKind::UnknownAccount, None, subject), Vec::new());
    };
    let mut theirs: BTreeMap<Asset, i128> = BTreeMap::new();
    for line in &said.lines {
        match minor(line.amount, line.currency) {
            Ok(amount) => _ = theirs.insert(Asset::currency(line.currency), i128::from(amount)),
            Err(_) => {
                let subject = format!("{}: {} {}", said.account, line.amount, line.currency);
                draft.tell_break(Found::new(BreakKind::CannotBook, None, subject), Vec::new());
            }
        }
    }
    compare(draft, account, theirs);
}

/// Theirs against our mirror: one break for each balance that differs, brought up to date by each statement.
fn compare(draft: &mut Draft<'_>, account: AccountIx, theirs: BTreeMap<Asset, i128>) {
    let holder = draft.state.reference.account(account).expect("a mirror is a known account").holder;
    let lies: LedgerAccount = location(holder, account);
    for (asset, theirs) in theirs {
        let clamp = |amount: i128| i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX });
        let item =
            BreakItem { account: Some(account), asset, ours: clamp(draft.balance(lies, asset)), theirs: clamp(theirs) };
        draft.tell_standing(BreakKind::BalanceDiffers, account, asset, item);
    }
}
