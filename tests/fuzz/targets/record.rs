//! Bytes of the log: whoever reads a part of a record reads what is in the whole, and what was read is written back to the same.

use model::record::{Content, FactContent};
use sha2::{Digest as _, Sha256};
use wire::{json, record};

/// Whether the bytes are a record.
pub fn run(bytes: &[u8]) -> bool {
    let found = record::decode(bytes);
    let facts = record::facts(bytes);
    // These are for bytes of the log, and must not mind others.
    let _ = (record::document(bytes), record::raw_message(bytes), record::payload_hash(bytes));
    let _ = (record::sequence_and_at(bytes), json::stored_to_json(bytes));
    let Ok(found) = found else { return false };
    let facts = facts.expect("who reads a record reads its facts");
    assert_eq!((facts.sequence, facts.at), (found.sequence, found.at()));
    match (&facts.content, &found.content) {
        (FactContent::Genesis(facts), Content::Genesis(found)) => assert_eq!(facts, found),
        (FactContent::Outcome(facts), Content::Decided { outcome, .. }) => assert_eq!(facts, outcome),
        _ => panic!("a genesis and a decision are two things"),
    }

    let mut written = Vec::new();
    record::encode(&found, None, &mut written);
    assert_eq!(record::decode(&written).as_ref(), Ok(&found), "written, it is another record");
    assert_eq!(record::facts(&written).as_ref(), Ok(&facts));
    assert_eq!(record::sequence_and_at(&written), Ok((found.sequence, found.at())));
    assert_eq!(record::document(&written), None, "a document that nobody put there");
    json::stored_to_json(&written).expect("the generated code reads what is written here");
    let Content::Decided { inbound, .. } = &found.content else { return true };
    let mut command = Vec::new();
    prost::Message::encode(&wire::command::into_wire(&inbound.command), &mut command).expect("a vector grows");
    assert_eq!(record::payload_hash(&written), Some(Sha256::digest(&command).into()));
    true
}
