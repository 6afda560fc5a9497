//! Four eyes: what one person proposes and another approves, both in the log.

use crate::draft::Draft;
use crate::machine::decide_command;
use alloc::boxed::Box;
use alloc::string::ToString;
use model::breaks::Resolution;
use model::command::{Command, Inbound, Origin};
use model::event::Event;
use model::identifier::Identifier;
use model::record::Content;
use model::reference::{FourEyes, Reference};
use model::rejection::{Reason, Rejection};
use model::timestamp::Timestamp;

/// A command that waits for a second person: it stands in the record whose sequence is the proposal's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub maker: Identifier,
    pub at: Timestamp,
}

/// Of what kind a command is, for the list of what needs two persons.
fn kind(command: &Command) -> Option<FourEyes> {
    match command {
        Command::Open(_) => Some(FourEyes::Opening),
        Command::Transfer(_) => Some(FourEyes::Transfer),
        Command::Reverse { .. } => Some(FourEyes::Adjustment),
        Command::SignOff(_) => Some(FourEyes::SignOff),
        // What only explains books nothing.
        Command::CloseBreak(closing) if closing.resolution != Resolution::Explained => Some(FourEyes::Adjustment),
        Command::SetReference(reference) => match **reference {
            Reference::Ssi(_) => Some(FourEyes::Ssi),
            Reference::CreditLimit(_)
            | Reference::CounterpartyLimit(_)
            | Reference::AddOn(_)
            | Reference::ClearingTerms(_) => Some(FourEyes::CreditLimit),
            Reference::Parameters(_) => Some(FourEyes::Parameters),
            Reference::PriceSet(_) => Some(FourEyes::PriceSet),
            Reference::Grant(_) => Some(FourEyes::Grant),
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn needs_second(draft: &Draft<'_>, command: &Command) -> bool {
    kind(command).is_some_and(|kind| draft.state.reference.parameters.four_eyes.contains(&kind))
}

/// Keeps the command for a second person, once it is known that it could be done now.
pub(crate) fn propose(draft: &mut Draft<'_>, inbound: &Inbound) -> Result<(), Rejection> {
    let mut trial = Draft::new(draft.state, inbound, draft.past);
    decide_command(&mut trial, inbound, &inbound.command)?;
    draft.push(Event::Proposed { proposal: draft.sequence, command: Box::new(inbound.command.clone()) });
    Ok(())
}

fn unknown(number: u64) -> Rejection {
    Rejection::new(Reason::UnknownProposal, number.to_string())
}

/// Another person says yes: once, in time, and to what was proposed and nothing else.
pub(crate) fn approve(
    draft: &mut Draft<'_>,
    inbound: &Inbound,
    number: u64,
    payload_hash: Option<[u8; 32]>,
) -> Result<(), Rejection> {
    let state = draft.state;
    let proposal = state.proposals.get(&number).ok_or_else(|| unknown(number))?;
    if state.grants.same_person(&proposal.maker, &inbound.actor, draft.today()) {
        return Err(Rejection::new(Reason::SamePerson, inbound.actor.as_str()));
    }
    let age = inbound.at.micros_since(proposal.at);
    if age > i64::from(state.reference.parameters.proposal_minutes) * 60_000_000 {
        return Err(Rejection::new(Reason::ProposalLapsed, number.to_string()));
    }
    if payload_hash.is_some() && payload_hash != draft.past.payload_hash(number) {
        return Err(Rejection::new(Reason::PayloadDiffers, number.to_string()));
    }
    let record = draft.past.record(number).ok_or_else(|| unknown(number))?;
    let Content::Decided { inbound: proposed, .. } = record.content else { return Err(unknown(number)) };
    draft.push(Event::ProposalClosed { proposal: number, approved: true });
    decide_command(draft, inbound, &proposed.command)
}

/// Somebody says no, or its maker takes it back.
pub(crate) fn refuse(draft: &mut Draft<'_>, number: u64) -> Result<(), Rejection> {
    if !draft.state.proposals.contains_key(&number) {
        return Err(unknown(number));
    }
    draft.push(Event::ProposalClosed { proposal: number, approved: false });
    Ok(())
}

/// Whether a person has to say why.
pub(crate) fn needs_reason(command: &Command, origin: &Origin) -> bool {
    let by_person = matches!(origin, Origin::Call { .. } | Origin::File { .. });
    let said_elsewhere = matches!(
        command,
        Command::Trade(_)
            | Command::Advice(_)
            | Command::Approve { .. }
            | Command::Refuse { .. }
            | Command::Continue(_)
            | Command::Quarantine(_)
            | Command::Day(_)
            | Command::ControlTotals(_)
            | Command::Accounting(_)
    );
    by_person && !said_elsewhere
}
