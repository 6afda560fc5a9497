//! One id, one outcome, for ever: which record each trade, version, call, message and advice leads to (I13).
//!
//! A key is the first 128 bits of SHA-256 over a kind (1 trade, 2 version, 3 call, 4 message to an agent, 5 advice, 6 advice under a used
//! id) and the parts, each ended by a zero byte; its lowest bit is 0, and 1 for the cancel of a trade.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use sha2::{Digest, Sha256};

use crate::bytes::{Fields, Value, last, text};
use crate::facts::{CAPTURED, instruct_reference};
use crate::fault::{Fault, must};
use crate::record::{Decided, Message, Origin, Outcome};

/// 128 bits of a hash.
pub type Key = [u8; 16];

/// The reason of a refusal: the id of a call was used for another one.
const REQUEST_ID_REUSED: u32 = 1;
/// Who asks may not: it takes no id.
const NOT_PERMITTED: u32 = 120;

pub fn key(kind: u8, parts: &[&[u8]]) -> Key {
    let mut hash = Sha256::new_with_prefix([kind]);
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let mut key = [0; 16];
    key.copy_from_slice(&hash.finalize()[..16]);
    key[15] &= !1;
    key
}

pub fn trade_key(source: &str, id: &str) -> Key {
    key(1, &[source.as_bytes(), id.as_bytes()])
}

pub fn version_key(trade: &Key, version: u32) -> Key {
    key(2, &[trade, &version.to_be_bytes()])
}

/// Every id and the record it leads to.
#[derive(Default)]
pub struct Ids {
    pub by_key: HashMap<Key, u64, FixedState>,
    /// The keys of the trades, by their numbers from 1.
    trades: Vec<Key>,
    /// Whether anybody was ever granted anything: who lacks a role may be told so on a second call.
    granted: bool,
}

/// What a record says of its trade, computed once.
pub struct Said<'a> {
    pub message: Option<Message<'a>>,
    pub trade: Option<Key>,
}

impl<'a> Said<'a> {
    pub fn of(decided: &Decided<'a>) -> Result<Said<'a>, Fault> {
        let message = decided.message()?;
        Ok(Said { message, trade: message.map(|message| trade_key(message.source, message.id)) })
    }
}

impl Ids {
    /// Checks the outcome against what was said before; before the record's own facts are looked at.
    pub fn before(&mut self, sequence: u64, decided: &Decided<'_>, said: &Said<'_>) -> Result<(), Fault> {
        let request = match decided.origin {
            Origin::Call { request } => Some(key(3, &[request.as_bytes()])),
            _ => None,
        };
        let known = request.and_then(|request| self.by_key.get(&request).copied());
        match (&decided.outcome, known) {
            (Outcome::Accepted(_), Some(earlier)) => {
                must!(I13, false, "record {earlier} answered this call, and it is accepted again");
            }
            (Outcome::Rejected(reason), Some(earlier)) => {
                must!(
                    I13,
                    *reason == REQUEST_ID_REUSED || self.granted,
                    "record {earlier} answered this call otherwise"
                );
            }
            _ => {}
        }
        if let Outcome::Duplicate(of) = decided.outcome {
            let leads = known == Some(of) || self.same_trade(said, of) || self.same_advice(decided, of)?;
            must!(I13, of < sequence && leads, "it is called the same as record {of}, which is of something else");
        } else if let Some(request) = request
            && !matches!(decided.outcome, Outcome::Rejected(REQUEST_ID_REUSED | NOT_PERMITTED))
        {
            // Who used another's id leads nobody astray: the first answer stays the answer.
            self.by_key.insert(request, sequence);
        }
        Ok(())
    }

    fn same_trade(&self, said: &Said<'_>, of: u64) -> bool {
        let (Some(message), Some(trade)) = (said.message, said.trade) else { return false };
        [trade, version_key(&trade, message.version)].iter().any(|key| self.by_key.get(key) == Some(&of))
    }

    fn same_advice(&self, decided: &Decided<'_>, of: u64) -> Result<bool, Fault> {
        if decided.command.kind != crate::record::command::ADVICE {
            return Ok(false);
        }
        let (sender, id) = (text(decided.command.body, 1)?, text(decided.command.body, 2)?);
        let first = key(5, &[sender.as_bytes(), id.as_bytes()]);
        let mut known = self.by_key.get(&first);
        for reuse in 1u32.. {
            match known {
                Some(sequence) if *sequence == of => return Ok(true),
                Some(_) => known = self.by_key.get(&key(6, &[&first, &reuse.to_be_bytes()])),
                None => break,
            }
        }
        Ok(false)
    }

    /// Remembers what a fact claims, by its kind.
    pub fn fact(&mut self, sequence: u64, (kind, body): (u32, &[u8]), said: &Said<'_>) -> Result<(), Fault> {
        let bytes = |field| last(body, field)?.map_or(Ok(&[][..]), Value::bytes);
        match kind {
            CAPTURED => {
                let key =
                    said.trade.ok_or_else(|| Fault::violated(crate::Invariant::I13, "a trade that nobody sent"))?;
                self.trades.push(key);
                let (before, id) = (self.by_key.insert(key, sequence), said.message.map_or("", |message| message.id));
                must!(I13, before.is_none(), "trade {id} was captured before, by record {}", before.unwrap_or(0));
            }
            // Cancelled.
            8 => {
                let number = last(body, 1)?.map_or(Ok(0), Value::number)?;
                let key = number.checked_sub(1).and_then(|place| self.trades.get(usize::try_from(place).ok()?));
                if let Some(mut key) = key.copied() {
                    key[15] |= 1;
                    self.by_key.insert(key, sequence);
                }
            }
            // Reference data, a grant among it.
            10 => self.granted |= matches!(Fields::of(bytes(1)?).next()?, Some((30, _))),
            // Sent to an agent.
            40 => {
                if let Some(reference) = instruct_reference(bytes(2)?)? {
                    let before = self.by_key.insert(key(4, &[reference.as_bytes()]), sequence);
                    must!(I13, before.is_none(), "{reference} was sent before");
                }
            }
            // An advice was taken.
            41 => {
                let (sender, id) = (text(body, 1)?, text(body, 2)?);
                let reuse = last(body, 3)?.map_or(Ok(0), Value::small)?;
                let first = key(5, &[sender.as_bytes(), id.as_bytes()]);
                let key = if reuse == 0 { first } else { key(6, &[&first, &reuse.to_be_bytes()]) };
                let before = self.by_key.insert(key, sequence);
                must!(I13, before.is_none(), "advice {id} of {sender} was taken before");
            }
            _ => {}
        }
        Ok(())
    }

    /// An accepted version that captured nothing.
    pub fn version(&mut self, sequence: u64, said: &Said<'_>) {
        if let (Some(message), Some(trade)) = (said.message, said.trade) {
            self.by_key.insert(version_key(&trade, message.version), sequence);
        }
    }
}
