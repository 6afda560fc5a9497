//! Messages to and from agents: there and back, with the generated code as judge, and no panic on any bytes.

use crate::any;
use proptest::prelude::*;
use prost::Message as _;
use wire::{MAX_ADVICE, pb, settlement};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn advices_there_and_back(advice in any::settlement::advice()) {
        let mut bytes = Vec::new();
        settlement::encode_advice(&advice, &mut bytes);
        prop_assert_eq!(settlement::decode_advice(&bytes), Ok(advice.clone()));
        let generated = settlement::advice_into_wire(&advice);
        // The generated code writes the same bytes: ours are the canonical ones.
        prop_assert_eq!(&generated.encode_to_vec(), &bytes);
        prop_assert_eq!(settlement::advice_from_wire(&generated), Ok(advice));
    }

    #[test]
    fn messages_to_agents_there_and_back(message in any::settlement::outbound()) {
        let mut bytes = Vec::new();
        settlement::encode_outbound(&message, &mut bytes);
        prop_assert_eq!(settlement::decode_outbound(&bytes), Ok(message.clone()));
        prop_assert_eq!(&settlement::outbound_into_wire(&message).encode_to_vec(), &bytes);
    }

    #[test]
    fn what_the_fast_reader_takes_the_generated_one_takes_too(
        advice in any::settlement::advice(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = Vec::new();
        settlement::encode_advice(&advice, &mut bytes);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(found) = settlement::decode_advice(&bytes) {
            let judged = pb::settlement::Advice::decode(&*bytes);
            prop_assert!(judged.is_ok(), "{:?}", judged);
            prop_assert_eq!(settlement::advice_from_wire(&judged.unwrap()), Ok(found));
        }
    }

    #[test]
    fn no_bytes_are_too_much(bytes in any::<Vec<u8>>()) {
        let _ = settlement::decode_advice(&bytes);
        let _ = settlement::decode_outbound(&bytes);
    }
}

/// A code that no list of ours has is data; what hides its own letters, and what has no end, is not let in.
#[test]
fn foreign_codes_are_kept_and_nonsense_is_set_aside() {
    let mut said = pb::settlement::Advice {
        sender: "AGENT".into(),
        id: "A-1".into(),
        body: Some(pb::settlement::advice::Body::Status(pb::settlement::Status {
            status: "x-new/2".into(),
            reasons: vec!["ZZZ9".into(), "Überfällig".into()],
            narrative: String::new(),
        })),
        ..Default::default()
    };
    let known = settlement::advice_from_wire(&said).unwrap();
    let model::advice::AdviceBody::Status(status) = known.body else { panic!("a status") };
    assert_eq!((&*status.status, status.reasons.len()), ("x-new/2", 2));

    said.reference = "Q0-1\u{202e}".into();
    assert!(settlement::advice_from_wire(&said).is_err());
    said.reference = String::new();
    said.body = None;
    assert!(settlement::advice_from_wire(&said).unwrap_err().to_string().contains("body"));
    assert!(settlement::decode_advice(&vec![0; MAX_ADVICE + 1]).is_err());
}
