//! What might end a cause, the likeliest first. Whether it does is found out by doing it on a copy.

mod agent;
mod assets;
mod counter;
mod details;
mod repair;

use super::causes::{Found, Why};
use super::scratch::Scratch;
use super::search::{Candidate, Search};
use super::{Actor, Change, ChangeKind};
use crate::draft::Draft;
use crate::instruction::Instruction;
use crate::proposal::needs_second;
use crate::state::State;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use model::command::{Command, DayStep, Inbound, Origin, Step, Task};
use model::date::Date;
use model::identifier::Identifier;
use model::index::{Kind, PartyIx};
use model::instruction::Steer;
use model::timestamp::Timestamp;

/// So many open proposals are tried.
const PROPOSALS: usize = 20;
/// So far ahead a settlement day is looked for.
const DAYS_AHEAD: usize = 30;

pub(super) fn candidates(
    search: &Search<'_>,
    scratch: &Scratch<'_>,
    found: &Found,
    path: &mut Vec<u64>,
) -> Vec<Candidate> {
    let state = &scratch.state;
    let (_, trade) = state.trade(found.trade).expect("a cause is of an open trade");
    let mut all = Vec::new();
    if matches!(found.why, Why::Defect(_) | Why::Unmatched(_) | Why::Lacks { .. }) {
        // What somebody has proposed already needs a yes and nothing else.
        all.extend(proposals(scratch));
    }
    let instruction = state.instructions.get(trade.instruction);
    match (&found.why, instruction) {
        (Why::Defect(defect), _) => all.extend(repair::defect(search, scratch, trade, defect)),
        (Why::Uninstructed, _) => all.extend(repair::instruct_again(search, scratch, trade)),
        (Why::Request | Why::HeldAtAgent | Why::AtAgent(_), Some(open)) => {
            all.extend(agent::candidates(scratch, open, &found.why));
        }
        (Why::Unmatched(_), Some(open)) => all.extend(counter::candidates(search, scratch, open, path)),
        (Why::Held(number), _) => all.extend(release(search, scratch, *number)),
        (Why::Early(date), Some(open)) => all.extend(day(search, scratch, open, *date)),
        (Why::NotOpen | Why::CutOff, Some(open)) => all.extend(day(search, scratch, open, open.date)),
        (Why::Lacks { .. }, Some(_)) => all.extend(assets::candidates(search, scratch, found, path)),
        _ => {}
    }
    all
}

/// Who can do something for a party.
fn actor(search: &Search<'_>, party: PartyIx) -> Actor {
    if party == search.ours { Actor::We } else { Actor::Counterparty }
}

/// A change that stands for commands.
fn change(scratch: &Scratch<'_>, kind: ChangeKind, actor: Actor, text: String, commands: Vec<Command>) -> Change {
    let inbound = Inbound {
        command: Command::Continue(Task::Retry),
        origin: Origin::Engine,
        actor: Identifier::parse("explain").expect("a name"),
        reason: String::new(),
        at: scratch.state.at.unwrap_or(Timestamp::start_of(Date::MIN)),
    };
    let draft = Draft::new(&scratch.state, &inbound, scratch);
    let needs_second = commands.iter().any(|command| needs_second(&draft, command));
    Change { kind, actor, text, commands, not_before: None, before: None, needs_second, assumes: String::new() }
}

fn proposals(scratch: &Scratch<'_>) -> Vec<Candidate> {
    let approve = |number: &u64| {
        let text = format!("approve proposal {number}");
        let command = Command::Approve { proposal: *number, payload_hash: None };
        Candidate::of(change(scratch, ChangeKind::Approve, Actor::We, text, alloc::vec![command]))
    };
    scratch.state.proposals.keys().rev().take(PROPOSALS).map(approve).collect()
}

fn release(search: &Search<'_>, scratch: &Scratch<'_>, number: u64) -> Option<Candidate> {
    let state = &scratch.state;
    let (_, held) = state.instruction(number)?;
    let text = format!("release the hold of instruction {number} of {}", state.party_name(held.party));
    let command = Command::Steer { instruction: number, steer: Steer::Release };
    let actor = actor(search, held.party);
    Some(Candidate::of(change(scratch, ChangeKind::Release, actor, text, alloc::vec![command])))
}

/// The first settlement day on or after a date, and after the last one, on which the currency settles too.
fn day(search: &Search<'_>, scratch: &Scratch<'_>, open: &Instruction, wanted: Date) -> Option<Candidate> {
    let state = &scratch.state;
    let entry = state.reference.domain(open.domain)?;
    let own = state.reference.calendar(entry.calendar)?;
    let cash = open.cut_off().and_then(|currency| state.reference.currencies.get(&currency));
    let cash = cash.and_then(|calendar| state.reference.calendar(*calendar));
    let last = state.day(open.domain).and_then(|day| day.date);
    let mut date = match last {
        Some(last) => wanted.max(last.add_days(1).ok()?),
        None => wanted,
    };
    for _ in 0..DAYS_AHEAD {
        let business = own.is_business_day(date).ok()?;
        let banks = cash.is_none_or(|cash| cash.is_business_day(date).unwrap_or(true));
        if business && banks {
            return Some(open_on(search, scratch, open, date));
        }
        date = date.add_days(1).ok()?;
    }
    None
}

fn open_on(search: &Search<'_>, scratch: &Scratch<'_>, open: &Instruction, date: Date) -> Candidate {
    let state: &State = &scratch.state;
    let domain = state.named(Kind::Domain, open.domain.0);
    let entry = state.reference.domain(open.domain).expect("found before");
    let cut_offs = (search.days)(&entry.zone, &entry.cut_offs, date);
    let step = |step| Command::Day(DayStep { domain: domain.clone(), step });
    let mut commands = Vec::new();
    if let Some(today) = state.day(open.domain).filter(|day| day.open).and_then(|day| day.date) {
        commands.push(step(Step::Close { date: today }));
    }
    commands.push(step(Step::Open { date, cut_offs }));
    let text = format!("the settlement day {date} of {domain} opens");
    let mut change = change(scratch, ChangeKind::Day, Actor::We, text, commands);
    change.not_before = Some(Timestamp::start_of(date));
    Candidate::of(change)
}
