//! What goes to agents: every message that a record sent, on the instructions topic, as protobuf with the ISO codes.
//!
//! The record holds the message complete (`InstructionSent`), so whoever publishes it needs no state. Only records that are
//! PUBLISHED are told of, where records are published at all: what a standby may decide otherwise is not instructed.

use crate::error::Error;
use crate::feed::{Feed, FeedTo, Letter, Letters};
use model::event::Event;
use model::identifier::Identifier;
use model::record::{Content, FactContent, Genesis, Outcome};
use std::sync::Arc;
use store::Log;

/// How an `InstructionSent` begins in a record: field 40 of an event. Records without these bytes need not be decoded; that
/// others may hold them by chance only costs their decoding. `follows_the_encoding` holds it.
const MARK: [u8; 2] = [0xc2, 0x02];

/// Starts to publish what the log sends to agents. Needs no broker to start.
///
/// # Errors
/// [`Error::Settings`], [`Error::File`], and [`Error::Log`] when the log has no first record.
pub fn publish(log: Arc<Log>, to: FeedTo) -> Result<Feed, Error> {
    let Genesis { house, shard, .. } = genesis(&log)?;
    let options = to.options("instructions", "quittance.instruction.v1", source(&house, shard));
    Feed::start(log, options, Instructions { house })
}

/// Who says what a house's shard feeds: `ce_source`.
pub fn source(house: &Identifier, shard: u32) -> String {
    format!("/quittance/{house}/shard/{shard}")
}

/// Whose log it is.
pub(crate) fn genesis(log: &Log) -> Result<Genesis, Error> {
    let unreadable = |cause: String| Error::Log { cause };
    let block = log.block_holding(1).map_err(|cause| unreadable(cause.to_string()))?;
    let first = block.as_ref().and_then(|block| block.record(1)).ok_or_else(|| unreadable("it is empty".to_owned()))?;
    let record =
        wire::record::decode(first).map_err(|cause| unreadable(format!("record 1 cannot be read: {cause}")))?;
    match record.content {
        Content::Genesis(genesis) => Ok(genesis),
        Content::Decided { .. } => Err(unreadable("it does not begin with its genesis".to_owned())),
    }
}

struct Instructions {
    house: Identifier,
}

impl Letters for Instructions {
    const NEEDS_ALL: bool = false;

    fn record(&mut self, _: u64, bytes: &[u8], out: &mut Vec<Letter>) -> Result<(), wire::DecodeError> {
        if !bytes.windows(MARK.len()).any(|window| window == MARK) {
            return Ok(());
        }
        let FactContent::Outcome(Outcome::Accepted(events)) = wire::record::facts(bytes)?.content else {
            return Ok(());
        };
        for event in events {
            let Event::InstructionSent { mut message, .. } = event else { continue };
            message.sender = Some(self.house.clone());
            let mut payload = Vec::with_capacity(256);
            wire::settlement::encode_outbound(&message, &mut payload);
            let (id, key) = (message.reference.to_string(), message.instruction.to_string());
            out.push(Letter { id, key, payload: Some(payload) });
        }
        Ok(())
    }
}
