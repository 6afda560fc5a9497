//! Reading the whole records topic once, as any follower would: for checks and for taking over its history.

use super::rule::{Dropped, Rule, Verdict};
use super::tail::{Item, Tail};
use crate::brokers::Brokers;
use crate::error::Error;
use std::time::{Duration, Instant};
use store::Block;

/// For an answer of the brokers, and between two records.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a message of the topic is, seen from outside.
#[derive(Debug)]
pub enum Seen {
    /// A publisher began.
    Fence {
        /// The fence's offset: its generation.
        offset: u64,
        /// Which publisher.
        instance: String,
    },
    /// The next block, and its bytes as they were published.
    Accepted {
        /// Of the message.
        offset: u64,
        /// The generation that published it.
        generation: u64,
        /// Verified.
        block: Block,
        /// Its payload.
        stored: Vec<u8>,
    },
    /// It does not count.
    Dropped {
        /// Of the message.
        offset: u64,
        /// Why not.
        why: Dropped,
    },
}

/// Reads a partition from its beginning to where it ends now, by the rule, and shows each message.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Settings`]; [`Error::Log`] when the topic breaks its own rule or the reading breaks off.
pub fn scan(brokers: &Brokers, topic: &str, partition: u32, mut each: impl FnMut(Seen)) -> Result<Rule, Error> {
    let tail = Tail::assign(Tail::client(brokers)?, topic, partition, 0)?;
    let silent = || Error::Unreachable { bootstrap: brokers.bootstrap.clone(), cause: "no answer in time".to_owned() };
    let (begin, end) = tail.bounds(PATIENCE).ok_or_else(silent)?;
    if begin > 0 {
        let cause = format!("{topic}/{partition} begins at offset {begin}: records were deleted; set retention.ms=-1");
        return Err(Error::Log { cause });
    }
    let mut rule = Rule::default();
    let (mut next, mut heard) = (0, Instant::now());
    while next < end {
        let read = tail.next(Duration::from_millis(200), |item| -> Result<Option<u64>, String> {
            let (offset, entry) = match item {
                Item::Record { offset, entry } => (offset, entry),
                Item::End => return Ok(None),
                Item::Broken(why) => return Err(why),
            };
            let stored = match entry {
                super::header::Entry::Block { stored, .. } => stored.to_vec(),
                _ => Vec::new(),
            };
            each(match rule.take(offset, entry)? {
                Verdict::Fence { instance } => Seen::Fence { offset, instance },
                Verdict::Accepted(block) => {
                    Seen::Accepted { offset, generation: rule.generation.unwrap_or_default(), block, stored }
                }
                Verdict::Dropped(why) => Seen::Dropped { offset, why },
            });
            Ok(Some(offset))
        });
        match read {
            Some(Ok(Some(offset))) => (next, heard) = (offset + 1, Instant::now()),
            // Nothing more comes for now though more was promised: the rest of it may be on its way.
            Some(Ok(None)) | None if heard.elapsed() < PATIENCE => {}
            Some(Ok(None)) | None => return Err(silent()),
            Some(Err(cause)) => return Err(Error::Log { cause: format!("{topic}/{partition}: {cause}") }),
        }
    }
    Ok(rule)
}
