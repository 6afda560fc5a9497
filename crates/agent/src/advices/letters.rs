//! Advices as letters of the feed: protobuf, or ISO 20022 XML for banks that want it.

use super::Advices;
use kafka::{Letter, Letters};
use model::advice::Advice;
use model::timestamp::Timestamp;

impl Advices {
    fn letter(&self, advice: &Advice, at: Timestamp) -> Letter {
        let about = advice.reference.as_str();
        let (id, key) =
            (advice.id.to_string(), if about.is_empty() { self.agent.to_string() } else { root_key(about) });
        if self.xml {
            match iso20022::write_advice(advice, &self.bank.house, at) {
                Ok(document) if document.len() <= wire::MAX_DOCUMENT => return Letter::xml(id, key, document),
                Ok(document) => {
                    let (bytes, most) = (document.len(), wire::MAX_DOCUMENT);
                    tracing::warn!(
                        id,
                        bytes,
                        most,
                        "a document on a topic may not be so long, it goes out as protobuf"
                    );
                }
                Err(error) => tracing::error!(id, "ISO 20022 has no room for it, it goes out as protobuf: {error}"),
            }
        }
        let mut payload = Vec::with_capacity(128);
        wire::settlement::encode_advice(advice, &mut payload);
        Letter::protobuf(id, key, Some(payload))
    }
}

impl Letters for Advices {
    const NEEDS_ALL: bool = true;

    fn record(&mut self, sequence: u64, bytes: &[u8], out: &mut Vec<Letter>) -> Result<(), wire::DecodeError> {
        for advice in self.of_record(sequence, bytes)? {
            out.push(self.letter(&advice, wire::record::sequence_and_at(bytes)?.1));
        }
        Ok(())
    }
}

/// Answers to requests go with their instruction: the first two parts of a reference are the instruction's.
fn root_key(reference: &str) -> String {
    reference.splitn(3, '-').take(2).collect::<Vec<_>>().join("-")
}
