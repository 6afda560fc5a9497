//! Records: there and back, the same as the generated decoder, and no panic on any bytes.

use crate::{any, sample};
use model::command::Command;
use model::record::{Content, FactContent, Outcome, Record};
use proptest::prelude::*;
use prost::Message as _;
use wire::{pb, record};

fn encoded(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    record::encode(record, None, &mut bytes);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_and_back(record in any::record::record()) {
        let bytes = encoded(&record);
        let generated = pb::record::Record::decode(&*bytes).unwrap();
        prop_assert_eq!(&generated.encode_to_vec(), &bytes, "the generated code writes the same bytes");
        prop_assert_eq!(record::decode(&bytes), Ok(record.clone()));
        prop_assert_eq!(record::sequence_and_at(&bytes), Ok((record.sequence, record.at())));

        let facts = record::facts(&bytes).unwrap();
        prop_assert_eq!((facts.sequence, facts.at), (record.sequence, record.at()));
        match (&record.content, &facts.content) {
            (Content::Genesis(one), FactContent::Genesis(other)) => prop_assert_eq!(one, other),
            (Content::Decided { inbound, outcome: one }, FactContent::Outcome(other)) => {
                prop_assert_eq!((&inbound.actor, one), (&facts.actor, other));
            }
            _ => prop_assert!(false, "another content"),
        }
        let raw = record::raw_message(&bytes);
        match &record.content {
            Content::Decided { inbound, .. } => match &inbound.command {
                Command::Trade(trade) => prop_assert_eq!(raw.map(wire::trade::decode), Some(Ok((**trade).clone()))),
                Command::Advice(advice) => {
                    prop_assert_eq!(raw.map(wire::settlement::decode_advice), Some(Ok((**advice).clone())));
                }
                _ => prop_assert_eq!(raw, None),
            },
            Content::Genesis(_) => prop_assert_eq!(raw, None),
        }
    }

    #[test]
    fn damaged_bytes_do_not_panic(
        record in any::record::record(),
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encoded(&record);
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let (whole, facts) = (record::decode(&bytes), record::facts(&bytes));
        // The command is all that facts pass over.
        prop_assert!(whole.is_err() || facts.is_ok(), "{:?} {:?}", whole, facts);
        let _ = (record::raw_message(&bytes), record::sequence_and_at(&bytes));
    }

    #[test]
    fn commands_go_through_the_generated_messages(command in any::command::command()) {
        let generated = wire::command::into_wire(&command);
        prop_assert_eq!(wire::command::from_wire(&generated), Ok(command));
    }
}

/// What the front office sent is stored as it came, with what this version does not know.
#[test]
fn raw_bytes_of_a_trade_are_kept() {
    let record = sample::captured();
    let mut raw = Vec::new();
    wire::trade::encode(&sample::trade(), &mut raw);
    // Field 2000, a text.
    raw.extend([0x82, 0x7d, 3, b'n', b'e', b'w']);
    let mut bytes = b"before".to_vec();
    record::encode(&record, Some(record::Received::Protobuf(&raw)), &mut bytes);
    let bytes = bytes.strip_prefix(b"before").expect("it appends");
    assert_eq!(record::raw_message(bytes), Some(&*raw));
    assert_eq!(record::decode(bytes), Ok(record));
}

/// What an agent sent as XML is stored beside what was read from it; a record without one is what it was before there were any.
#[test]
fn a_document_is_kept_as_it_came() {
    let (mut record, document) = (sample::captured(), b"<RequestPayload> as the agent wrote it </RequestPayload>");
    let Content::Decided { inbound, .. } = &mut record.content else { unreachable!() };
    let mut advice = Vec::new();
    wire::settlement::encode_advice(&sample::advice(), &mut advice);
    inbound.command = Command::Advice(Box::new(sample::advice()));
    let (mut plain, mut with) = (Vec::new(), Vec::new());
    record::encode(&record, None, &mut plain);
    record::encode(&record, Some(record::Received::Document(document)), &mut with);
    assert_eq!((record::raw_message(&with), record::document(&with)), (Some(&document[..]), Some(&document[..])));
    assert_eq!((record::raw_message(&plain), record::document(&plain)), (Some(&*advice), None));
    assert_eq!((record::decode(&with), record::decode(&plain)), (Ok(record.clone()), Ok(record)));
    assert_eq!(record::facts(&with), record::facts(&plain));
    let generated = pb::record::Record::decode(&*with).unwrap();
    assert_eq!(generated.encode_to_vec(), with, "the generated code writes the same bytes");
    assert!(wire::json::stored_to_json(&with).unwrap().contains("document"));
}

/// A long outcome: lengths of one, two and three bytes.
#[test]
fn lengths_of_every_width() {
    let Content::Decided { inbound, outcome: Outcome::Accepted(events) } = sample::settled().content else {
        unreachable!()
    };
    for times in [0, 1, 10, 100, 1000] {
        let events = (0..times).flat_map(|_| events.clone()).collect();
        let content = Content::Decided { inbound: inbound.clone(), outcome: Outcome::Accepted(events) };
        let record = Record { sequence: 7, rules_version: 1, content };
        let bytes = encoded(&record);
        assert_eq!(pb::record::Record::decode(&*bytes).unwrap().encode_to_vec(), bytes);
        assert_eq!(record::decode(&bytes), Ok(record));
    }
}

#[test]
fn what_is_unreadable_is_kept_up_to_the_limit() {
    let error = wire::trade::decode(&[1]).unwrap_err();
    let small = wire::command::unreadable(b"abc", error.clone());
    assert_eq!((&*small.bytes, small.size, small.hash[0]), (&b"abc"[..], 3, 0xba));
    let large = wire::command::unreadable(&vec![7; wire::MAX_RAW_KEPT + 1], error);
    assert_eq!((large.bytes.len(), large.size), (0, 65_537));
}

#[test]
fn hidden_letters_are_refused_in_texts() {
    use wire::command::free_text;
    assert_eq!(free_text("Müller & Söhne, 東京").as_deref(), Ok("Müller & Söhne, 東京"));
    assert_eq!(free_text("a\u{202e}b").unwrap_err().reason, "'\\u{202e}' may not stand in a text");
    assert_eq!(free_text("a\nb").unwrap_err().reason, "'\\n' may not stand in a text");
    assert!(free_text(&"x".repeat(1025)).is_err());
}
