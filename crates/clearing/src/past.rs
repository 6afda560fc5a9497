//! What must be remembered for ever: trade ids, versions and request ids, as keys that lead to a record of the log.

use crate::state::State;
use alloc::vec::Vec;
use model::command::{Command, Origin, Replay};
use model::event::Event;
use model::identifier::Identifier;
use model::outbound::OutboundBody;
use model::record::{Content, Outcome, Record};
use model::rejection::Reason;
use model::trade::TradeMessage;
use sha2::{Digest, Sha256};

/// 128 bits of SHA-256 over what is remembered. The full id is compared when the record is read.
pub type IdKey = [u8; 16];

/// The log, as far as a decision may ask it. Immutable, so asking keeps `decide` pure.
pub trait Past {
    /// The record a key leads to, if it was ever written.
    fn sequence_of(&self, key: &IdKey) -> Option<u64>;
    /// A record of the log; present for every sequence that `sequence_of` gave.
    fn record(&self, sequence: u64) -> Option<Record>;
    /// SHA-256 of the command of such a record, as it is stored; `None` for the genesis and for what is not there.
    fn payload_hash(&self, sequence: u64) -> Option<[u8; 32]>;
}

fn key(kind: u8, parts: &[&[u8]]) -> IdKey {
    let mut hash = Sha256::new();
    hash.update([kind]);
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let digest = hash.finalize();
    let mut key: IdKey = [0; 16];
    key.copy_from_slice(&digest[..16]);
    // The lowest bit is kept for `cancelled`.
    key[15] &= !1;
    key
}

/// Leads to the record that first captured the trade.
pub(crate) fn trade_key(source: &Identifier, id: &Identifier) -> IdKey {
    key(1, &[source.as_str().as_bytes(), id.as_str().as_bytes()])
}

/// Leads to the record that accepted a later version.
pub(crate) fn version_key(trade: &IdKey, version: u32) -> IdKey {
    key(2, &[trade, &version.to_be_bytes()])
}

/// Leads to the record that cancelled the trade.
pub(crate) fn cancelled_key(trade: &IdKey) -> IdKey {
    let mut key = *trade;
    key[15] |= 1;
    key
}

/// Leads to the record that answered a call.
pub(crate) fn request_key(request: &Identifier) -> IdKey {
    key(3, &[request.as_str().as_bytes()])
}

/// Leads to the record that sent an instruction out, by our reference of it.
pub(crate) fn outbound_key(reference: &Identifier) -> IdKey {
    key(4, &[reference.as_str().as_bytes()])
}

/// Leads to the record that took in an advice.
pub(crate) fn advice_key(sender: &Identifier, id: &Identifier) -> IdKey {
    key(5, &[sender.as_str().as_bytes(), id.as_str().as_bytes()])
}

/// Leads to the record that took in another advice under the same id.
pub(crate) fn reuse_key(advice: &IdKey, reuse: u32) -> IdKey {
    key(6, &[advice, &reuse.to_be_bytes()])
}

/// The keys that are sure to be asked when the command is decided: whoever decides in stages may look them up ahead.
pub fn lookups(command: &Command, origin: &Origin) -> Vec<IdKey> {
    let mut keys = Vec::with_capacity(1);
    if let Origin::Call { request_id } = origin {
        keys.push(request_key(request_id));
    }
    match command {
        Command::Trade(message) => keys.push(trade_key(&message.source, &message.id)),
        Command::Advice(advice) => keys.push(advice_key(&advice.sender, &advice.id)),
        _ => {}
    }
    keys
}

/// The trade message a record brought, whichever command brought it.
pub(crate) fn message_of(record: &Record) -> Option<&TradeMessage> {
    match &record.content {
        Content::Decided { inbound, .. } => match &inbound.command {
            Command::Trade(message) => Some(message),
            Command::CloseQuarantined { replay: Some(Replay::Trade(message)), .. } => Some(message),
            _ => None,
        },
        Content::Genesis(_) => None,
    }
}

/// Whether this record is the answer that its request id has from now on. One that only says that the id had an answer
/// before is not: a retry of the first command must still find the first answer. Nor is that somebody may not ask: he
/// must not take the id of who may.
fn claims_request(record: &Record) -> bool {
    match &record.content {
        Content::Decided { outcome: Outcome::Duplicate { .. }, .. } => false,
        Content::Decided { outcome: Outcome::Rejected(rejection), .. } => {
            !matches!(rejection.reason, Reason::RequestIdReused | Reason::NotPermitted)
        }
        Content::Decided { .. } | Content::Genesis(_) => true,
    }
}

/// The keys that lead to this record from now on. Asked before the record is applied.
pub fn ids(state: &State, record: &Record) -> Vec<IdKey> {
    let mut keys = Vec::new();
    let Content::Decided { inbound, .. } = &record.content else { return keys };
    let accepted = !record.events().is_empty();
    if let Origin::Call { request_id } = &inbound.origin
        && claims_request(record)
    {
        keys.push(request_key(request_id));
    }
    if !accepted {
        return keys;
    }
    if let Some(message) = message_of(record) {
        let trade = trade_key(&message.source, &message.id);
        let captured = record.events().iter().any(|event| matches!(event, Event::TradeCaptured { .. }));
        keys.push(if captured { trade } else { version_key(&trade, message.version) });
    }
    for event in record.events() {
        match event {
            Event::InstructionSent { message, .. } if matches!(message.body, OutboundBody::Instruct(_)) => {
                keys.push(outbound_key(&message.reference));
            }
            Event::AdviceTaken { sender, id, reuse, .. } => {
                let first = advice_key(sender, id);
                keys.push(if *reuse == 0 { first } else { reuse_key(&first, *reuse) });
            }
            _ => {}
        }
        if let Event::TradeCancelled { trade, .. } = event {
            // A trade captured and cancelled by this very record is not in the state yet.
            let known = state.trade(*trade).map(|(_, open)| open.key);
            let own = || message_of(record).map(|message| trade_key(&message.source, &message.id));
            keys.extend(known.or_else(own).map(|key| cancelled_key(&key)));
        }
    }
    keys
}
