//! Others settle it: what we can ask of them, and what only they can do. What an agent will do is not ours to prove; that
//! its word would settle it is.

use super::change;
use crate::explain::causes::Why;
use crate::explain::scratch::Scratch;
use crate::explain::search::Candidate;
use crate::explain::{Actor, ChangeKind};
use crate::instruction::Instruction;
use crate::outside::{Request, reference_of};
use crate::state::State;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use model::advice::{Advice, AdviceBody, Answer, Confirmation, Status};
use model::breaks::AgentStanding;
use model::command::Command;
use model::date::Date;
use model::identifier::Identifier;
use model::index::{Asset, Kind};
use model::instruction::Steer;
use model::timestamp::Timestamp;
use model::trade::Method;

pub(super) fn candidates(scratch: &Scratch<'_>, open: &Instruction, why: &Why) -> Vec<Candidate> {
    let state = &scratch.state;
    let Some(outside) = &open.outside else { return Vec::new() };
    let (number, domain) = (open.number, state.named(Kind::Domain, open.domain.0));
    let agent = state.addresses.external.get(&open.domain.0).cloned().flatten();
    let who = agent.as_ref().map_or_else(|| format!("the agent of {domain}"), ToString::to_string);
    let said = |body| Command::Advice(Box::new(advice(state, open, agent.clone(), body)));
    let of_codes = open.reasons.as_deref().unwrap_or_default();
    let codes: Vec<String> = of_codes.iter().map(ToString::to_string).collect();
    let (kind, actor, text, command) = match (why, outside.request) {
        (Why::Request, Some(Request::Cancel)) => {
            let text = format!("{who} denies the cancellation of instruction {number}");
            (ChangeKind::Advise, Actor::Agent, text, said(AdviceBody::CancellationAnswer(answer("DEND"))))
        }
        (Why::Request, _) => {
            let text = format!("{who} does what it was asked for instruction {number}");
            (ChangeKind::Advise, Actor::Agent, text, said(AdviceBody::ModificationAnswer(answer("MODC"))))
        }
        (Why::HeldAtAgent, _) => {
            let text = format!("release the hold of instruction {number} of {}", state.party_name(open.party));
            (ChangeKind::Release, Actor::We, text, Command::Steer { instruction: number, steer: Steer::Release })
        }
        (Why::AtAgent(AgentStanding::Unmatched), _) => {
            let text = format!(
                "{} instructs the same at {who}, or amends what differs: {}",
                state.party_name(open.counterparty),
                codes.join(" ")
            );
            let status = Status { status: "MACH".into(), reasons: Vec::new(), narrative: String::new() };
            (ChangeKind::Advise, Actor::Counterparty, text, said(AdviceBody::Status(status)))
        }
        _ => {
            let told = if codes.is_empty() { String::new() } else { format!(" (it says {})", codes.join(" ")) };
            let text = format!("{who} confirms settlement of instruction {number}{told}");
            let body = AdviceBody::Confirmation(Box::new(confirmation(state, open)));
            (ChangeKind::Advise, Actor::Agent, text, said(body))
        }
    };
    alloc::vec![Candidate::of(change(scratch, kind, actor, text, alloc::vec![command]))]
}

fn answer(status: &str) -> Answer {
    Answer { status: status.into(), reasons: Vec::new(), narrative: String::new() }
}

/// What the agent would say, under an id that it has not used.
fn advice(state: &State, open: &Instruction, agent: Option<Identifier>, body: AdviceBody) -> Advice {
    let named = |text: &str| Identifier::parse(text).expect("it is short and plain");
    Advice {
        sender: agent.unwrap_or_else(|| named("AGENT")),
        id: named(&format!("explained-{}-{}", open.number, state.sequence + 1)),
        reference: reference_of(state, open.number).to_string(),
        agent_reference: open.outside.as_ref().map_or(String::new(), |outside| outside.agent_reference.clone()),
        body,
    }
}

/// All of it, on the first day on which that can be.
fn confirmation(state: &State, open: &Instruction) -> Confirmation {
    let today = state.at.map_or(Date::MIN, Timestamp::date_utc);
    let currency = open.currency.as_currency().filter(|_| open.method == Method::Dvp);
    Confirmation {
        movement: open.movement,
        instrument: String::new(),
        quantity: state.figure(Asset::instrument(open.instrument), i128::from(open.quantity)),
        currency,
        amount: currency.map(|_| state.figure(open.currency, i128::from(open.amount))),
        partial: String::new(),
        effective_date: today.max(open.date),
        account: String::new(),
        cash_account: String::new(),
    }
}
