//! Messages that did not become a trade or a version of one: who is told, and what.

use super::{Before, Place, StatusFold, Update, answer, not_accepted};
use crate::status_out::status::key;
use crate::status_out::trade::stamp;
use model::command::{Command, Inbound};
use model::identifier::Identifier;
use model::record::{Content, Outcome};
use model::trade::Action;
use prost::Message as _;
use wire::DecodeError;
use wire::pb::status::{Answer, AnswerKind, StatusReason, TradeState, TradeStatus};

impl StatusFold {
    /// A message that did not become a trade or a version of one: refused, or not to be read.
    pub(super) fn refused(
        &mut self,
        bytes: &[u8],
        before: Before<'_>,
        out: &mut Vec<Update>,
    ) -> Result<(), DecodeError> {
        let record = wire::record::decode(bytes)?;
        let place = Place { sequence: record.sequence, at: record.at() };
        let Content::Decided { inbound, outcome } = &record.content else { return Ok(()) };
        let Some((source, id, answer, reason)) = letter(place, inbound, outcome) else { return Ok(()) };
        let key = key(&source, &id);
        if let Some(number) = self.numbers.get(key.as_str()).copied() {
            self.trade(number).set_answer(answer);
            self.tell(place, out);
            return Ok(());
        }
        let status = match self.known(&key, before) {
            // It settled, was cancelled or is awaited: so it stays.
            Some(known) if !is_unaccepted(&known) => {
                TradeStatus { sequence: place.sequence, at: Some(stamp(place.at)), answer: Some(answer), ..known }
            }
            _ => {
                let quarantined = answer.kind == AnswerKind::Quarantined as i32;
                let state = if quarantined { TradeState::Quarantined } else { TradeState::Rejected };
                let mut status = not_accepted(place, &source, &id, state);
                status.version = answer.version.unwrap_or_default();
                (status.reasons, status.answer) = (vec![reason], Some(answer));
                status
            }
        };
        self.tell_ended(status, out);
        Ok(())
    }
}

fn is_unaccepted(status: &TradeStatus) -> bool {
    matches!(status.state(), TradeState::Rejected | TradeState::Quarantined)
}

/// To whom a refusal goes (source and trade id) and what it says; `None` where no source sent it, or nobody can tell
/// which: then the quarantine topic alone has it.
fn letter(place: Place, inbound: &Inbound, outcome: &Outcome) -> Option<(String, String, Answer, StatusReason)> {
    match (&inbound.command, outcome) {
        (Command::Trade(message), Outcome::Rejected(rejection)) => {
            let (code, subject) = (rejection.reason.code().to_owned(), rejection.subject.clone());
            let cancel = message.action == Action::Cancel;
            let mut answer = answer(place, AnswerKind::Rejected, Some(message.version), cancel, &code);
            answer.text = rejection.reason.help().to_owned();
            Some((message.source.to_string(), message.id.to_string(), answer, StatusReason { code, subject }))
        }
        (Command::Quarantine(unreadable), Outcome::Accepted(_)) => {
            let sent = wire::pb::trade::Trade::decode(&unreadable.bytes[..]).ok()?;
            let (source, id) = (Identifier::parse(&sent.source).ok()?, Identifier::parse(&sent.id).ok()?);
            let mut answer = answer(place, AnswerKind::Quarantined, sent.version, false, "UNREADABLE");
            answer.text = format!("{} {}", unreadable.path, unreadable.reason).trim().to_owned();
            let reason = StatusReason { code: "UNREADABLE".to_owned(), subject: unreadable.path.clone() };
            Some((source.to_string(), id.to_string(), answer, reason))
        }
        _ => None,
    }
}
