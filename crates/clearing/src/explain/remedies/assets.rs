//! An account lacks: what it waits to receive comes, or what is missing is brought from elsewhere.

use super::{actor, change};
use crate::explain::causes::{Found, Why, available, first};
use crate::explain::scratch::Scratch;
use crate::explain::search::{Candidate, Goal, Search};
use crate::explain::words::until;
use crate::explain::{Change, ChangeKind};
use crate::state::State;
use alloc::format;
use alloc::vec::Vec;
use model::command::{Command, Transfer};
use model::index::{AccountIx, Asset, PartyIx};
use model::instruction::Movement;
use model::timestamp::Timestamp;

/// So many receipts are followed to their own cause.
const RECEIPTS: usize = 6;
/// So often the amount is raised by what those who are served first took.
const RAISES: usize = 60;

pub(super) fn candidates(
    search: &Search<'_>,
    scratch: &Scratch<'_>,
    found: &Found,
    path: &mut Vec<u64>,
) -> Vec<Candidate> {
    let Why::Lacks { holder, account, asset, .. } = found.why else { return Vec::new() };
    let mut all: Vec<Candidate> = Vec::new();
    for trade in receipts(&scratch.state, holder, account, asset) {
        if !search.may_try() {
            break;
        }
        let sought = search.seek(scratch.clone(), trade, Goal::Settled, path);
        if sought.reached {
            all.push(Candidate { changes: sought.changes, causes: sought.causes });
        }
    }
    all.extend(fund(search, scratch, found).map(Candidate::of));
    // The fewest changes first; of as many, what was agreed to come before what nobody owes.
    all.sort_by_key(|candidate| candidate.changes.len());
    all
}

/// Trades that bring the instrument to the account, the oldest date first.
fn receipts(state: &State, holder: PartyIx, account: AccountIx, asset: Asset) -> Vec<u64> {
    let Some(instrument) = asset.as_instrument() else { return Vec::new() };
    let mut all: Vec<(i32, u64, u64)> = state
        .instructions
        .iter()
        .map(|(_, each)| each)
        .filter(|each| each.movement == Movement::Receive && each.outside.is_none())
        .filter(|each| (each.party, each.depot, each.instrument) == (holder, account, instrument))
        .map(|each| (each.date.days(), each.number, state.trades[each.trade].number))
        .collect();
    all.sort_unstable();
    all.into_iter().take(RECEIPTS).map(|(_, _, trade)| trade).collect()
}

/// The least that has to come. Who is served first takes of it: then what is still missing comes on top. Whoever is
/// ahead takes the more the more there is, so no amount between two that were tried would do.
fn fund(search: &Search<'_>, scratch: &Scratch<'_>, found: &Found) -> Option<Change> {
    let Why::Lacks { holder, account, asset, need, deliver } = found.why else { return None };
    let state = &scratch.state;
    let (_, giving) = state.instruction(deliver)?;
    let side = if asset.as_instrument().is_some() { giving } else { state.instructions.get(giving.partner)? };
    let book = state.named(model::index::Kind::Book, side.book.0);
    let name = state.account_name(account);
    let transfer = |units: i128| {
        let (what, quantity) = (state.what(asset), state.figure(asset, units));
        let to = Some(name.clone());
        Command::Transfer(Transfer { from: None, to, book: book.clone(), to_book: None, what, quantity })
    };
    let mut units = (i128::from(need) - available(state, holder, account, asset)).max(1);
    for _ in 0..RAISES {
        if !search.may_try() {
            return None;
        }
        let mut trial = scratch.clone();
        trial.submit(&transfer(units), None).ok()?;
        if trial.has_settled(found.trade) || first(&trial, found.trade).is_some_and(|next| next != *found) {
            let before = cut_off(state, giving);
            let text = format!("{} on {name}{}", state.amount(asset, units), until(before));
            let command = transfer(units);
            let mut told = change(scratch, ChangeKind::Fund, actor(search, holder), text, alloc::vec![command]);
            told.before = before;
            return Some(told);
        }
        units += (i128::from(need) - available(&trial.state, holder, account, asset)).max(1);
    }
    None
}

/// When today's settlement of it ends.
fn cut_off(state: &State, deliver: &crate::instruction::Instruction) -> Option<Timestamp> {
    let day = state.day(deliver.domain).filter(|day| day.open)?;
    day.cut_offs.iter().find(|each| each.currency == deliver.cut_off()).map(|each| each.at)
}
