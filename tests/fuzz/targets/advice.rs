//! Bytes of an advices topic: read, written back to the same, also by way of XML, and taken by a house for which a CSD settles. What
//! an agent says is never refused: it is a fact.

use super::{house, xml};
use model::advice::Advice;
use model::command::{Command, Inbound, Origin};
use model::identifier::Identifier;
use model::record::Outcome;
use prost::Message as _;
use wire::{pb, settlement};

/// Whether the bytes are an advice.
pub fn run(bytes: &[u8]) -> bool {
    let found = settlement::decode_advice(bytes);
    if let Ok(generated) = pb::settlement::Advice::decode(bytes) {
        // By way of the generated message nothing else is understood. That of bytes as a serializer writes them: a body sent in two
        // parts is put together by the generated code, and refused by ours (found by fuzzing; no serializer sends one).
        if generated.encode_to_vec() == bytes {
            assert_eq!(found.as_ref().ok(), settlement::advice_from_wire(&generated).as_ref().ok());
        }
    } else {
        assert!(found.is_err(), "what is no protobuf was read");
    }
    let Ok(advice) = found else { return false };
    there_and_back(&advice);
    xml::written_again(&advice);
    take(advice);
    true
}

/// As protobuf and back.
pub fn there_and_back(advice: &Advice) {
    let mut written = Vec::new();
    settlement::encode_advice(advice, &mut written);
    assert_eq!(settlement::decode_advice(&written).as_ref(), Ok(advice), "written, it is another advice");
    assert_eq!(settlement::advice_into_wire(advice).encode_to_vec(), written, "the generated code writes it otherwise");
}

fn take(advice: Advice) {
    let mut house = house::external();
    let at = house.state().at().expect("a house with a past");
    let inbound = |offset| Inbound {
        actor: advice.sender.clone(),
        command: Command::Advice(Box::new(advice.clone())),
        origin: Origin::Kafka { topic: Identifier::parse("advices").expect("a name"), partition: 0, offset },
        reason: String::new(),
        at,
    };
    let outcome = house::submit(&mut house, inbound(1_000));
    assert!(!matches!(outcome, Outcome::Rejected(_)), "an agent's word is refused: {outcome:?}");
    house::submit_again(&mut house, inbound(1_001), &outcome);
    house::check(&house);
}
