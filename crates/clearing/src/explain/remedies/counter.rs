//! Nothing matches: the nearest counter-instruction is made to agree, the other side's trade is helped out of repair, or
//! the other side says what it has not said.

use super::details::{Said, agreed, mirrored, said};
use super::{actor, change};
use crate::explain::scratch::Scratch;
use crate::explain::search::{Candidate, Goal, Search, perform};
use crate::explain::words::grouped;
use crate::explain::{Change, ChangeKind};
use crate::instruction::Instruction;
use crate::matching::differences;
use crate::state::State;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use model::command::Command;
use model::identifier::Identifier;
use model::index::{BookIx, Kind, PartyIx};
use model::instruction::{Code, Movement, code};
use model::trade::{Action, Method, Side, TradeMessage};

/// So many of the nearest are tried.
const NEAREST: usize = 3;

pub(super) fn candidates(
    search: &Search<'_>,
    scratch: &Scratch<'_>,
    open: &Instruction,
    path: &mut Vec<u64>,
) -> Vec<Candidate> {
    let state = &scratch.state;
    let mut all = Vec::new();
    let Some(ours) = said(scratch, &state.trades[open.trade]) else { return all };
    for (codes, place) in nearest(state, open) {
        let other = &state.instructions[place];
        let Some(theirs) = said(scratch, &state.trades[other.trade]) else { continue };
        for ((from, to), is) in [((&theirs, &ours), other), ((&ours, &theirs), open)] {
            let like = if is.number == other.number { open } else { other };
            let model = agreed(&from.details, &to.details, &codes, (like.trade_date, like.date));
            let Some((details, words)) = model else { continue };
            let party = state.party_name(is.party);
            let text = format!("{party} amends trade {}: {words}", from.id);
            let commands = alloc::vec![from.amend(details)];
            let actor = actor(search, is.party);
            all.push(Candidate::of(change(scratch, ChangeKind::Amend, actor, text, commands)));
        }
    }
    all.extend(from_repair(search, scratch, open, path));
    all.extend(instructed(search, scratch, open, &ours, path));
    all
}

/// The instructions between the same two that differ least, with what they differ in.
fn nearest(state: &State, open: &Instruction) -> Vec<(Vec<Code>, u32)> {
    let compared = state.reference.parameters.candidates_compared as usize;
    let parties = (open.deliverer().0, open.receiver().0);
    let turned = (parties.1, parties.0);
    let mut all: Vec<(Vec<Code>, u64, u32)> = Vec::new();
    for (parties, same_way) in [(parties, false), (turned, true)] {
        for place in state.matching.pairs.get(&parties).into_iter().flatten().take(compared) {
            let other = &state.instructions[*place];
            let fits = other.domain == open.domain && other.number != open.number;
            if !fits || (other.movement == open.movement) != same_way {
                continue;
            }
            let mut codes = differences(state, open, other);
            if same_way {
                codes.insert(0, code::DELN);
            }
            // Another instrument and more besides: other business between the two.
            let apart = codes.contains(&code::DSEC) && codes.len() > 2;
            if codes.is_empty() || apart {
                continue;
            }
            all.push((codes, other.number, *place));
        }
    }
    all.sort_by_key(|(codes, number, _)| (codes.contains(&code::DSEC), codes.len(), *number));
    all.into_iter().take(NEAREST).map(|(codes, _, place)| (codes, place)).collect()
}

/// The other side's trade is there and in repair: what it lacks.
fn from_repair(search: &Search<'_>, scratch: &Scratch<'_>, open: &Instruction, path: &mut Vec<u64>) -> Vec<Candidate> {
    let state = &scratch.state;
    let mut all = Vec::new();
    for place in state.repairs.values() {
        let trade = &state.trades[*place];
        let Some(loose) = &trade.loose else { continue };
        let terms = &loose.terms;
        let mirrors = (terms.party, terms.counterparty) == (open.counterparty, open.party)
            && (terms.instrument, terms.quantity) == (open.instrument, open.quantity)
            && (terms.side == Side::Buy) == (open.movement == Movement::Deliver);
        if mirrors && search.may_try() {
            let sought = search.seek(scratch.clone(), trade.number, Goal::Instructed, path);
            if sought.reached {
                all.push(Candidate { changes: sought.changes, causes: sought.causes });
            }
        }
    }
    all
}

/// The other side's trade comes; with what it lacks to be instructed.
fn instructed(
    search: &Search<'_>,
    scratch: &Scratch<'_>,
    open: &Instruction,
    ours: &Said,
    path: &mut Vec<u64>,
) -> Option<Candidate> {
    let state = &scratch.state;
    let book = book_of(state, open.counterparty)?;
    let details = mirrored(&ours.details, &book, open.date);
    let figures = match open.method {
        Method::Dvp => format!(" against {} {}", grouped(details.net), details.currency),
        Method::Fop => " free of payment".into(),
    };
    let verb = if details.side == Side::Buy { "receives" } else { "delivers" };
    let (who, whom, what) = (&details.party, &details.counterparty, &details.instrument);
    let quantity = grouped(details.quantity);
    let text = format!("{who} instructs: {verb} {quantity} {what} with {whom}{figures} on {}", open.date);
    let id = Identifier::parse(&format!("{}-other-side", ours.id)).unwrap_or(ours.id.clone());
    let message =
        TradeMessage { source: ours.source.clone(), id, version: 1, action: Action::New, details: Some(details) };
    let commands = alloc::vec![Command::Trade(Box::new(message))];
    let mut told = change(scratch, ChangeKind::Instruct, actor(search, open.counterparty), text, commands);
    told.assumes = format!("book {book}, and an id of its own");
    with_what_it_lacks(search, scratch, told, path)
}

fn with_what_it_lacks(
    search: &Search<'_>,
    scratch: &Scratch<'_>,
    told: Change,
    path: &mut Vec<u64>,
) -> Option<Candidate> {
    let mut trial = scratch.clone();
    let number = trial.state.next_trade.max(1);
    perform(&mut trial, core::slice::from_ref(&told)).ok()?;
    let mut candidate = Candidate::of(told);
    if trial.state.repairs.contains_key(&number) {
        let sought = search.seek(trial, number, Goal::Instructed, path);
        if !sought.reached {
            return None;
        }
        candidate.changes.extend(sought.changes);
        candidate.causes.extend(sought.causes);
    }
    Some(candidate)
}

/// A book of a party.
pub(super) fn book_of(state: &State, party: PartyIx) -> Option<Identifier> {
    let books = state.reference.books.iter().enumerate();
    let own = books.filter(|(_, entry)| entry.as_ref().is_some_and(|entry| entry.owner == party));
    own.map(|(index, _)| state.named(Kind::Book, BookIx(index as u32).0)).min()
}
