//! The table of contents of the business: which module decides a command, and which applies a fact. Nothing else.

use crate::accounting::decide_accounting;
use crate::breaks::{decide_assign, decide_close};
use crate::control::{decide_sign_off, decide_totals};
use crate::day::{continue_survey, decide_day};
use crate::draft::Draft;
use crate::ledger::{decide_open, decide_reverse, decide_transfer};
use crate::limits::continue_reserve;
use crate::margin::{decide_answer, decide_calls, decide_initial};
use crate::outside::decide_advice;
use crate::past::{Past, request_key};
use crate::permission::permitted;
use crate::proposal::{Proposal, approve, needs_reason, needs_second, propose, refuse};
use crate::reference::decide_set;
use crate::repair::{continue_repair, decide_repair};
use crate::settlement::{continue_cycle, continue_retry};
use crate::state::State;
use crate::steer::decide_steer;
use crate::trade::{Verdict, decide_trade};
use alloc::boxed::Box;
use alloc::string::ToString;
use model::command::{Command, Inbound, Origin, Replay, Task};
use model::event::Event;
use model::identifier::Identifier;
use model::index::DomainIx;
use model::record::{Content, Genesis, Outcome};
use model::rejection::{Reason, Rejection};
use model::timestamp::Timestamp;

/// Decides a command. Pure: the same state, command and past give the same outcome.
pub fn decide(state: &State, inbound: &Inbound, past: &dyn Past) -> Outcome {
    let mut draft = Draft::new(state, inbound, past);
    match decide_inbound(&mut draft, inbound) {
        Ok(Verdict::Decided) => Outcome::Accepted(draft.events),
        Ok(Verdict::Duplicate(of)) => Outcome::Duplicate { of },
        Err(rejection) => Outcome::Rejected(rejection),
    }
}

fn decide_inbound(draft: &mut Draft<'_>, inbound: &Inbound) -> Result<Verdict, Rejection> {
    if let Some(refusal) = permitted(draft.state, draft.past, inbound) {
        // What is out of scope is told as if it were not there: under an id that has its answer that would take its place.
        let used = match &inbound.origin {
            Origin::Call { request_id } => draft.past.sequence_of(&request_key(request_id)).map(|_| request_id),
            _ => None,
        };
        return Err(match used.filter(|_| refusal.reason != Reason::NotPermitted) {
            Some(request_id) => Rejection::new(Reason::RequestIdReused, request_id.as_str()),
            None => refusal,
        });
    }
    if let Origin::Call { request_id } = &inbound.origin
        && let Some(answered) = draft.past.sequence_of(&request_key(request_id))
    {
        let earlier = draft.past.record(answered);
        let same = earlier.is_some_and(|record| match record.content {
            Content::Decided { inbound: earlier, .. } => earlier.command == inbound.command,
            Content::Genesis(_) => false,
        });
        return if same {
            Ok(Verdict::Duplicate(answered))
        } else {
            Err(Rejection::new(Reason::RequestIdReused, request_id.as_str()))
        };
    }
    if needs_reason(&inbound.command, &inbound.origin) && inbound.reason.trim().is_empty() {
        return Err(Rejection::new(Reason::ReasonMissing, inbound.command.name()));
    }
    if needs_second(draft, &inbound.command) {
        propose(draft, inbound)?;
        return Ok(Verdict::Decided);
    }
    match &inbound.command {
        Command::Trade(message) => decide_trade(draft, message),
        Command::Approve { proposal, payload_hash } => {
            approve(draft, inbound, *proposal, *payload_hash).map(|()| Verdict::Decided)
        }
        Command::Refuse { proposal } => refuse(draft, *proposal).map(|()| Verdict::Decided),
        Command::Advice(advice) => decide_advice(draft, advice),
        command => decide_command(draft, inbound, command).map(|()| Verdict::Decided),
    }
}

/// Decides what one person may ask alone, or two have asked.
pub(crate) fn decide_command(draft: &mut Draft<'_>, _inbound: &Inbound, command: &Command) -> Result<(), Rejection> {
    match command {
        Command::SetReference(reference) => decide_set(draft, reference),
        Command::Open(opening) => decide_open(draft, opening),
        Command::Transfer(transfer) => decide_transfer(draft, transfer),
        Command::Reverse { sequence, instruction } => decide_reverse(draft, *sequence, *instruction),
        Command::Repair(repair) => decide_repair(draft, repair),
        Command::Steer { instruction, steer } => decide_steer(draft, *instruction, *steer),
        Command::Day(step) => decide_day(draft, step),
        Command::Continue(Task::Retry) => continue_retry(draft),
        Command::Continue(Task::Cycle(domain)) => continue_cycle(draft, *domain),
        Command::Continue(Task::Survey(domain)) => continue_survey(draft, *domain),
        Command::Continue(Task::Repair) => continue_repair(draft),
        Command::Continue(Task::Reserve) => continue_reserve(draft),
        Command::Quarantine(_) => {
            draft.push(Event::Quarantined {});
            Ok(())
        }
        Command::CloseQuarantined { sequence, replay } => {
            if !draft.state.quarantined.contains(sequence) {
                return Err(Rejection::new(Reason::NotQuarantined, sequence.to_string()));
            }
            draft.push(Event::QuarantineClosed { sequence: *sequence, replayed: replay.is_some() });
            match replay {
                // A replay that was said before closes the record all the same: nothing is left to do.
                Some(Replay::Trade(message)) => decide_trade(draft, message).map(|_| ()),
                Some(Replay::Advice(advice)) => decide_advice(draft, advice).map(|_| ()),
                None => Ok(()),
            }
        }
        Command::ControlTotals(totals) => decide_totals(draft, totals),
        Command::SignOff(sign_off) => decide_sign_off(draft, sign_off),
        Command::Accounting(day) => decide_accounting(draft, day),
        Command::Trade(message) => decide_trade(draft, message).map(|_| ()),
        Command::Advice(advice) => decide_advice(draft, advice).map(|_| ()),
        Command::CloseBreak(closing) => decide_close(draft, closing),
        Command::AssignBreak { number, owner } => decide_assign(draft, *number, owner),
        Command::IssueMarginCalls(issue) => decide_calls(draft, issue),
        Command::IssueInitialCalls(issue) => decide_initial(draft, issue),
        Command::AnswerMarginCall { number, answer } => decide_answer(draft, *number, *answer),
        Command::Approve { .. } | Command::Refuse { .. } => {
            unreachable!("an approval is not itself proposed")
        }
    }
}

/// The long work that is next, most urgent first. The shard feeds it to itself as [`Command::Continue`].
pub fn next_task(state: &State) -> Option<Task> {
    if !state.retry.is_empty() {
        return Some(Task::Retry);
    }
    let domain = |at: usize| DomainIx(at as u32);
    let cycle = state.days.iter().position(|day| day.cycle.is_some());
    if let Some(at) = cycle {
        return Some(Task::Cycle(domain(at)));
    }
    if state.repairing.is_some() {
        return Some(Task::Repair);
    }
    if state.limits.surveying.is_some() {
        return Some(Task::Reserve);
    }
    state.days.iter().position(|day| day.survey.is_some()).map(|at| Task::Survey(domain(at)))
}

/// Folds the genesis: record 1.
pub fn begin(state: &mut State, genesis: &Genesis) {
    assert_eq!(state.sequence, 0, "the genesis is the first record");
    state.genesis = Some(genesis.clone());
    state.sequence = 1;
    state.at = Some(genesis.at);
}

/// Folds one record's facts. Cannot fail: what is decided is decided. `actor` is who asked.
pub fn apply(state: &mut State, sequence: u64, at: Timestamp, actor: &Identifier, events: &[Event]) {
    assert_eq!(sequence, state.sequence + 1, "records are folded in order");
    state.sequence = sequence;
    state.at = Some(at);
    state.balances.look_ahead(events.iter().flat_map(Event::postings));
    for event in events {
        for posting in event.postings() {
            let slot = state.balances.post(posting);
            if posting.amount > 0 {
                state.wake(slot);
            }
        }
        state.count_trade(event);
        state.note_dealt(event);
        apply_event(state, sequence, at, actor, event);
    }
}

fn apply_event(state: &mut State, sequence: u64, at: Timestamp, actor: &Identifier, event: &Event) {
    match event {
        Event::Interned { kind, index, id } => state.names.add(*kind, *index, id),
        Event::ReferenceSet { reference, scale } => {
            state.note_addresses(reference);
            state.apply_reference(sequence, reference, *scale);
        }
        Event::Opened { .. } | Event::Transferred { .. } | Event::AdviceTaken { .. } => {}
        Event::Reversed { sequence, instruction, .. } => {
            state.reversed.insert((*sequence, instruction.unwrap_or(0)));
        }
        Event::TradeCaptured { trade, source, id, version, terms, defects, .. } => {
            state.apply_captured(sequence, *trade, *source, id, *version, terms, defects);
        }
        Event::TradeChanged { trade, version, details_in, amounts_accepted, terms, defects, .. } => {
            state.apply_changed(*trade, *version, (*details_in, *amounts_accepted), terms, defects);
        }
        Event::TradeChangeRequested { trade, version, cancel } => {
            let (place, _) = state.trade(*trade).expect("what is to change is open");
            let pending = crate::state::Pending { version: *version, sequence, cancel: *cancel };
            state.trades[place].pending = Some(Box::new(pending));
        }
        Event::TradeCancelled { trade, .. } => {
            let (place, _) = state.trade(*trade).expect("what is cancelled is open");
            state.close_trade(place);
        }
        Event::TradeAwaited { message, .. } => {
            let key = crate::past::trade_key(&message.source, &message.id);
            state.awaited.entry(key).or_default().insert(message.version, sequence);
        }
        Event::InstructionIssued { instruction, links, .. } => state.apply_issued(*instruction, links),
        Event::InstructionUnmatched { instruction, reasons } => state.apply_unmatched(*instruction, reasons),
        Event::InstructionsMatched { deliver, receive, amount, reasons } => {
            state.apply_matched(*deliver, *receive, *amount, *reasons);
        }
        Event::InstructionsPending { deliver, reasons, waits, .. } => state.apply_pending(*deliver, *reasons, *waits),
        Event::InstructionSteered { instruction, held, priority, cancel_requested } => {
            state.apply_steered(*instruction, *held, *priority, *cancel_requested);
        }
        Event::InstructionsSettled { deliver, receive, .. } => state.apply_settled(*deliver, *receive),
        Event::InstructionCancelled { instruction, .. } => state.apply_instruction_cancelled(*instruction),
        Event::InstructionsFailing { instructions, .. } => state.apply_failing(instructions),
        Event::DayOpened { domain, date, cut_offs } => state.apply_day_opened(*domain, *date, cut_offs),
        Event::CutOffPassed { domain, currency, .. } => state.apply_cut_off(*domain, *currency),
        Event::DayClosed { domain, .. } => state.apply_day_closed(*domain),
        Event::Progressed { task, remaining, cursor, .. } => state.apply_progress(*task, *remaining, *cursor),
        Event::Proposed { proposal, .. } => {
            state.proposals.insert(*proposal, Proposal { maker: actor.clone(), at });
        }
        Event::ProposalClosed { proposal, .. } => {
            state.proposals.remove(proposal);
        }
        Event::Quarantined {} => {
            state.quarantined.insert(sequence);
        }
        Event::QuarantineClosed { sequence, .. } => {
            state.quarantined.remove(sequence);
        }
        Event::ControlTotalsCompared { .. } | Event::ControlSignedOff { .. } => state.apply_control(event),
        Event::AccountingDayOpened { entity, date } => state.apply_accounting_opened(*entity, *date),
        Event::AccountingDayClosed { entity, date, sets, .. } => state.apply_accounting_closed(*entity, *date, sets),
        Event::TradeChangeLapsed { .. } | Event::PriorDay { .. } => {}
        Event::InstructionSent { instruction, message } => state.apply_sent(*instruction, message),
        Event::InstructionAdvised { instruction, standing, reasons, agent_reference, .. } => {
            state.apply_advised(*instruction, *standing, reasons, agent_reference);
        }
        Event::InstructionConfirmed { instruction, open_quantity, open_amount, ended, .. } => {
            state.apply_confirmed(*instruction, *open_quantity, *open_amount, *ended);
        }
        Event::RequestAnswered { instruction, answered, .. } => state.apply_answered(*instruction, *answered),
        Event::BreakOpened { .. }
        | Event::BreakChanged { .. }
        | Event::BreakAssigned { .. }
        | Event::BreakClosed { .. } => state.apply_break(event),
        Event::LimitReserved(reservation) => state.apply_reserved(reservation),
        Event::HoldingReserved(reservation) => state.apply_holding(reservation),
        Event::LimitBreached(breach) => state.apply_breached(sequence, &breach.line),
        Event::LimitCured(cure) => state.apply_cured(&cure.line),
        Event::MarginAssessed(assessment) => state.apply_assessed(sequence, assessment),
        Event::InitialAssessed(assessment) => state.apply_initial(sequence, assessment),
        Event::MarginCallMoved(moved) => state.apply_call_moved(moved),
    }
}
