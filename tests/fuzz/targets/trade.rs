//! Bytes of the trades topic: read as a judge reads them that is written on the generated code, written back to the same trade, and
//! decided by a house with open business.

use super::house;
use model::command::{Command, Inbound, Origin};
use model::identifier::Identifier;
use model::trade::TradeMessage;
use prost::Message as _;
use wire::{pb, trade};

#[path = "../../../crates/wire/tests/wire/oracle.rs"]
mod oracle;

/// Whether the bytes are a trade.
pub fn run(bytes: &[u8]) -> bool {
    let found = trade::decode(bytes);
    let generated = pb::trade::Trade::decode(bytes).ok();
    let judged = generated.as_ref().and_then(oracle::trade);
    match (&found, judged) {
        (Ok(found), judged) => assert_eq!(Some(found), judged.as_ref(), "taken, and the judge says otherwise"),
        (Err(refused), Some(judged)) if bytes.len() <= wire::MAX_TRADE => {
            // The judge's reader repairs (cuts a number to 32 bits, forgets a first part that was wrong); ours refuses.
            let repaired = generated.expect("it was judged").encode_to_vec();
            assert_ne!(repaired, bytes, "refused without need: {refused}");
            assert_eq!(trade::decode(&repaired).as_ref(), Ok(&judged));
        }
        (Err(_), _) => {}
    }
    let Ok(message) = found else { return false };
    let mut written = Vec::new();
    trade::encode(&message, &mut written);
    assert_eq!(trade::decode(&written).as_ref(), Ok(&message), "written, it is another trade");
    assert_eq!(trade::into_wire(&message).encode_to_vec(), written, "the generated code writes it otherwise");
    decide(message);
    true
}

fn decide(message: TradeMessage) {
    let mut house = house::internal();
    let at = house.state().at().expect("a house with a past");
    let inbound = |offset| Inbound {
        actor: message.source.clone(),
        command: Command::Trade(Box::new(message.clone())),
        origin: Origin::Kafka { topic: Identifier::parse("trades").expect("a name"), partition: 0, offset },
        reason: String::new(),
        at,
    };
    let outcome = house::submit(&mut house, inbound(1_000));
    house::submit_again(&mut house, inbound(1_001), &outcome);
    house::check(&house);
}
