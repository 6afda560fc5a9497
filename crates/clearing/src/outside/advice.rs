//! What an advice does. Nothing in it is refused: what we know is applied, what contradicts us opens a break.

use super::requests::{BY_AGENT, BY_US, end_code, ends, stands};
use super::{Outside, Quoted, Request, confirmation, quoted, statement};
use crate::breaks::Found;
use crate::draft::Draft;
use crate::past::{advice_key, reuse_key};
use crate::trade::Verdict;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use model::advice::{Advice, AdviceBody, Allegement, AllegementRemoval, Answer, Status};
use model::breaks::{AgentStanding, Answered, BreakItem, BreakKind, Resolution};
use model::command::{Command, Replay};
use model::event::Event;
use model::identifier::Identifier;
use model::index::{Asset, DomainIx, Kind};
use model::instruction::Movement;
use model::record::{Content, Record};
use model::rejection::{Reason, Rejection};

/// How often a sender may use an id again for other content before that is refused.
const REUSES: u32 = 8;

pub(crate) fn decide_advice(draft: &mut Draft<'_>, advice: &Advice) -> Result<Verdict, Rejection> {
    let key = advice_key(&advice.sender, &advice.id);
    let mut reuse = 0;
    while let Some(sequence) = draft.past.sequence_of(&if reuse == 0 { key } else { reuse_key(&key, reuse) }) {
        let record = draft.past.record(sequence).expect("a key leads to a record of the log");
        if advice_of(&record) == Some(advice) {
            return Ok(Verdict::Duplicate(sequence));
        }
        reuse += 1;
        if reuse > REUSES {
            return Err(Rejection::new(Reason::AdviceIdReused, advice.id.as_str()));
        }
    }
    let instruction = match quoted(draft, &advice.reference) {
        Quoted::Open(_, instruction, ..) => Some(instruction.number),
        Quoted::Ended(number, _) => Some(number),
        Quoted::Unknown => None,
    };
    draft.push(Event::AdviceTaken { sender: advice.sender.clone(), id: advice.id.clone(), reuse, instruction });
    if reuse > 0 {
        let subject = format!("{}/{}: {}", advice.sender, advice.id, advice.name());
        draft.tell_break(Found::new(BreakKind::AdviceIdReused, instruction, subject), Vec::new());
        return Ok(Verdict::Decided);
    }
    if let Some(domain) = foreign(draft, advice, instruction) {
        let subject = format!("{} of {domain}: {}", advice.sender, advice.name());
        draft.tell_break(Found::new(BreakKind::NotTheAgent, instruction, subject), Vec::new());
        return Ok(Verdict::Decided);
    }
    match &advice.body {
        AdviceBody::Status(said) => status(draft, advice, said),
        AdviceBody::Confirmation(said) => confirmation::confirm(draft, advice, said),
        AdviceBody::CancellationAnswer(said) => answer(draft, advice, said, true),
        AdviceBody::ModificationAnswer(said) => answer(draft, advice, said, false),
        AdviceBody::Allegement(said) => allegement(draft, said),
        AdviceBody::CashEntry(said) => statement::cash_entry(draft, advice, said),
        AdviceBody::SecuritiesBalances(said) => statement::securities(draft, said),
        AdviceBody::CashBalances(said) => statement::cash(draft, said),
        AdviceBody::AllegementRemoval(said) => unallege(draft, advice, said),
    }
    draft.tell_below_zero();
    Ok(Verdict::Decided)
}

/// The domain an advice speaks of, by instruction or account, when it has another agent than who sends it. What speaks of none may come
/// from the agent of any.
fn foreign(draft: &Draft<'_>, advice: &Advice, instruction: Option<u64>) -> Option<Identifier> {
    let state = draft.state;
    let place = |name: &str| state.reference.account(state.mirror(name)?).map(|entry| entry.domain);
    let open = instruction.and_then(|number| state.instruction(number)).map(|(_, open)| open.domain);
    let ended = || match quoted(draft, &advice.reference) {
        Quoted::Ended(_, sent) => place(sent.depot.as_str()),
        _ => None,
    };
    let named = accounts(&advice.body).into_iter().filter_map(place);
    let mut spoken: Vec<_> = open.or_else(ended).into_iter().chain(named).collect();
    let of_any = spoken.is_empty();
    if of_any {
        spoken.extend(state.addresses.external.keys().map(|domain| DomainIx(*domain)));
    }
    let is_agent = |domain: &DomainIx| match state.addresses.external.get(&domain.0) {
        Some(Some(agent)) => *agent == advice.sender,
        _ => true,
    };
    let allowed = if of_any { spoken.is_empty() || spoken.iter().any(is_agent) } else { spoken.iter().all(is_agent) };
    let of = spoken.iter().find(|domain| !is_agent(domain)).filter(|_| !allowed)?;
    state.names.name(Kind::Domain, of.0).cloned()
}

/// Our accounts that an advice names.
fn accounts(body: &AdviceBody) -> Vec<&str> {
    match body {
        AdviceBody::Confirmation(said) => alloc::vec![&*said.account, &*said.cash_account],
        AdviceBody::Allegement(said) => alloc::vec![&*said.account],
        AdviceBody::CashEntry(said) => alloc::vec![&*said.account],
        AdviceBody::SecuritiesBalances(said) => alloc::vec![&*said.account],
        AdviceBody::CashBalances(said) => alloc::vec![&*said.account],
        AdviceBody::Status(_)
        | AdviceBody::CancellationAnswer(_)
        | AdviceBody::ModificationAnswer(_)
        | AdviceBody::AllegementRemoval(_) => Vec::new(),
    }
}

/// What was alleged is said no more: its break needs nobody.
fn unallege(draft: &mut Draft<'_>, advice: &Advice, said: &AllegementRemoval) {
    let told = draft.past.sequence_of(&advice_key(&advice.sender, &said.allegement));
    let record = told.and_then(|sequence| draft.past.record(sequence));
    let alleged = record.as_ref().and_then(|record| {
        record.events().iter().find_map(|event| match event {
            Event::BreakOpened { number, kind: BreakKind::Alleged, .. } => Some(*number),
            _ => None,
        })
    });
    match alleged {
        Some(number) if draft.state.breaks.open.contains_key(&number) => {
            draft.push(Event::BreakClosed { number, resolution: Resolution::Explained, postings: Vec::new() });
        }
        // A person was faster.
        Some(_) => {}
        None => {
            let subject = format!("{}: {}", said.allegement, advice.name());
            draft.tell_break(Found::new(BreakKind::UnknownReference, None, subject), Vec::new());
        }
    }
}

fn advice_of(record: &Record) -> Option<&Advice> {
    match &record.content {
        Content::Decided { inbound, .. } => match &inbound.command {
            Command::Advice(advice) => Some(advice),
            Command::CloseQuarantined { replay: Some(Replay::Advice(advice)), .. } => Some(advice),
            _ => None,
        },
        Content::Genesis(_) => None,
    }
}

/// What a break says of an advice whose reference means nothing to us.
pub(super) fn unknown(advice: &Advice) -> Found {
    let quoted = if advice.reference.is_empty() { "no reference" } else { &advice.reference };
    Found::new(BreakKind::UnknownReference, None, format!("{quoted}: {}", advice.name()))
}

fn status(draft: &mut Draft<'_>, advice: &Advice, said: &Status) {
    let (place, instruction, outside) = match quoted(draft, &advice.reference) {
        Quoted::Open(place, instruction, outside, _) => (place, instruction, outside),
        // It came late: what it tells has been overtaken.
        Quoted::Ended(..) => return,
        Quoted::Unknown => return draft.tell_break(unknown(advice), Vec::new()),
    };
    let standing = AgentStanding::of(&said.status);
    draft.push(Event::InstructionAdvised {
        instruction: instruction.number,
        standing,
        status: said.status.clone(),
        reasons: said.reasons.clone(),
        narrative: said.narrative.clone(),
        agent_reference: advice.agent_reference.clone(),
    });
    if matches!(standing, AgentStanding::Rejected | AgentStanding::Cancelled) {
        gone(draft, place, outside, &said.reasons, &said.status);
    }
}

/// The agent no longer has the instruction; unless we had asked for that, a person must know.
fn gone(draft: &mut Draft<'_>, place: u32, outside: &Outside, reasons: &[String], status: &str) {
    let number = draft.state.instructions[place].number;
    if outside.request == Some(Request::Cancel) {
        return ends(draft, place, BY_US);
    }
    ends(draft, place, end_code(reasons, BY_AGENT));
    let subject = reasons.iter().fold(String::from(status), |text, reason| text + " " + reason);
    draft.tell_break(Found::new(BreakKind::EndedOutside, Some(number), subject), Vec::new());
}

fn answer(draft: &mut Draft<'_>, advice: &Advice, said: &Answer, cancel: bool) {
    let (place, instruction, outside, request) = match quoted(draft, &advice.reference) {
        Quoted::Open(place, instruction, outside, request) => (place, instruction, outside, request),
        Quoted::Ended(..) => return,
        Quoted::Unknown => return draft.tell_break(unknown(advice), Vec::new()),
    };
    let answered = Answered::of(&said.status);
    // An answer to a request of before says nothing of the one that is pending.
    let ours = request.is_none_or(|request| request == outside.requests);
    let pending = outside.request.filter(|pending| ours && (*pending == Request::Cancel) == cancel);
    let Some(pending) = pending else {
        if cancel && answered == Answered::Done {
            return gone(draft, place, outside, &said.reasons, &said.status);
        }
        let subject = format!("{} {}", advice.name(), said.status);
        return draft
            .tell_break(Found::new(BreakKind::UnexpectedAnswer, Some(instruction.number), subject), Vec::new());
    };
    draft.push(Event::RequestAnswered {
        instruction: instruction.number,
        cancel,
        answered,
        status: said.status.clone(),
        reasons: said.reasons.clone(),
    });
    match answered {
        Answered::Underway => {}
        Answered::Done if cancel => ends(draft, place, BY_US),
        _ => stands(draft, place, pending, answered == Answered::Done),
    }
}

/// A counterparty says what we have not said: shown with age and owner until a person has looked into it.
fn allegement(draft: &mut Draft<'_>, said: &Allegement) {
    let state = draft.state;
    let account = state.mirror(&said.account);
    let sign = if said.movement == Movement::Deliver { -1 } else { 1 };
    let on = said.trade_date.unwrap_or_else(|| draft.today());
    let mut items = Vec::new();
    let mut item = |account, asset, theirs| items.push(BreakItem { account, asset, ours: 0, theirs });
    if let Some(instrument) = confirmation::instrument(draft, &said.instrument, on)
        && let Some(units) = crate::reference::units(said.quantity, state.reference.scale(instrument))
    {
        item(account, Asset::instrument(instrument), units.saturating_mul(sign));
    }
    if let (Some(currency), Some(amount)) = (said.currency, said.amount)
        && let Ok(amount) = crate::reference::minor(amount, currency)
    {
        item(None, Asset::currency(currency), amount.saturating_mul(-sign));
    }
    let verb = if said.movement == Movement::Deliver { "deliver to" } else { "receive from" };
    let mut subject = format!("{verb} {}: {} {}", said.counterparty, said.quantity, said.instrument);
    if let (Some(currency), Some(amount)) = (said.currency, said.amount) {
        subject += &format!(" against {amount} {currency}");
    }
    if let Some(date) = said.settlement_date {
        subject += &format!(" on {date}");
    }
    draft.tell_break(Found::new(BreakKind::Alleged, None, subject), items);
}
