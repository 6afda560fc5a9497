//! What goes to agents: every message that a record sent, on the instructions topic, as protobuf with the ISO codes or, for the
//! domains whose agents want it, as ISO 20022 XML.
//!
//! The record holds the message complete (`InstructionSent`), so whoever publishes it needs no state. Only records that are
//! PUBLISHED are told of, where records are published at all: what a standby may decide otherwise is not instructed.

use crate::error::Error;
use crate::feed::{Feed, FeedTo, Letter, Letters};
use model::event::Event;
use model::identifier::Identifier;
use model::outbound::OutboundInstruction;
use model::record::{Content, FactContent, Genesis, Outcome};
use model::timestamp::Timestamp;
use std::sync::Arc;
use store::Log;

/// How an `InstructionSent` begins in a record: field 40 of an event. Records without these bytes need not be decoded; that
/// others may hold them by chance only costs their decoding. `follows_the_encoding` holds it.
const MARK: [u8; 2] = [0xc2, 0x02];

/// Starts to publish what the log sends to agents; to those of the domains `as_xml` as ISO 20022 XML, to all others as protobuf:
/// each message says in its header what it is. Needs no broker to start.
///
/// # Errors
/// [`Error::Settings`], [`Error::File`], and [`Error::Log`] when the log has no first record.
pub fn publish(log: Arc<Log>, to: FeedTo, as_xml: Vec<Identifier>) -> Result<Feed, Error> {
    let Genesis { house, shard, .. } = genesis(&log)?;
    let options = to.options("instructions", "quittance.instruction.v1", source(&house, shard));
    Feed::start(log, options, Instructions { house, as_xml })
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
    as_xml: Vec<Identifier>,
}

impl Instructions {
    fn letter(&self, message: &OutboundInstruction, at: Timestamp) -> Letter {
        let (id, key) = (message.reference.to_string(), message.instruction.to_string());
        if self.as_xml.contains(&message.domain) {
            // Written at the time of the record: sent again it is the same document.
            match iso20022::write_instruction(message, at) {
                Ok(document) => return Letter::xml(id, key, document),
                // To hold it back would hold back every agent's; to leave it out would be silence. It says that it is protobuf.
                Err(error) => {
                    metrics::counter!("quittance_kafka_instructions_not_as_xml_total").increment(1);
                    tracing::error!(id, domain = %message.domain, "ISO 20022 has no room for it, it goes out as protobuf: {error}");
                }
            }
        }
        let mut payload = Vec::with_capacity(256);
        wire::settlement::encode_outbound(message, &mut payload);
        Letter::protobuf(id, key, Some(payload))
    }
}

impl Letters for Instructions {
    const NEEDS_ALL: bool = false;

    fn record(&mut self, _: u64, bytes: &[u8], out: &mut Vec<Letter>) -> Result<(), wire::DecodeError> {
        if !bytes.windows(MARK.len()).any(|window| window == MARK) {
            return Ok(());
        }
        let facts = wire::record::facts(bytes)?;
        let FactContent::Outcome(Outcome::Accepted(events)) = facts.content else { return Ok(()) };
        for event in events {
            let Event::InstructionSent { mut message, .. } = event else { continue };
            message.sender = Some(self.house.clone());
            out.push(self.letter(&message, facts.at));
        }
        Ok(())
    }
}
