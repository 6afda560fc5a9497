//! Mutated messages among sound ones: whatever the bytes, each has one outcome and the partition flows on. Then the whole topic once
//! more from its beginning: not one record is added.

use crate::audit;
use crate::front_office::FrontOffice;
use crate::service::{Service, flow, name, open, prepare};
use crate::{Rig, Verdict};
use kafka::Source;
use std::time::Duration;
use testkit::flow::{Expected, Random, Step};

const SOON: Duration = Duration::from_secs(60);

pub fn does_not_stop_the_partition(rig: &Rig) -> Verdict {
    let topic = rig.broker.new_topic("garbage");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let week = prepare(&path, &flow(rig.seed, 4_000));
    let service = Service::start(rig, &path, &topic);
    let mut office = FrontOffice::new(&rig.broker.brokers(), &topic);
    let mut random = Random::new(rig.seed);
    for item in week {
        let Step::Message(message) = &item.step else { continue };
        office.send(message);
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        mutate(&mut bytes, &mut random);
        // Nobody can foretell what it has become: an unreadable message, a refused one, another trade.
        office.send_bytes(bytes, Expected::Unreadable);
    }
    let end = office.settle();
    service.wait_durable(&topic, end, SOON);
    let engine = service.stop_consumer();
    let outcomes = audit::outcomes(&engine.log(), &topic);
    let list = office.close();
    let mut kinds = [0; 4];
    for (copy, offset) in list.sent.iter().zip(&list.offsets) {
        let found = &outcomes[&offset.expect("confirmed")];
        let [(_, outcome)] = &found[..] else { panic!("{found:?} at offset {offset:?}") };
        if copy.trade.is_some() {
            assert_ne!(*outcome, Expected::Unreadable, "a sound message at offset {offset:?}");
        } else {
            let kind = match outcome {
                Expected::Unreadable => 0,
                Expected::Rejected(_) => 1,
                Expected::Duplicate => 2,
                Expected::Accepted => 3,
            };
            kinds[kind] += 1;
        }
    }
    assert_eq!(outcomes.len(), list.sent.len());
    println!(
        "    of the mutated ones {} unreadable, {} rejected, {} duplicates, {} accepted",
        kinds[0], kinds[1], kinds[2], kinds[3]
    );
    assert!(kinds[0] > 0 && kinds[1] > 0);
    let before = engine.log().head();
    audit::stop_and_verify(engine);

    // As if the cursor had been lost: every offset is in the log already.
    let engine = open(&path);
    let service = Service::from(engine, Source::new(rig.broker.brokers(), name(&topic), None));
    let describe = || format!("{:?}", service.consumer.state());
    crate::service::until("all is read again", SOON, || service.consumer.progress().0 >= end, &describe);
    let engine = service.stop_consumer();
    let log = engine.log();
    engine.stop().expect("stops in order");
    assert_eq!(log.head(), before, "reading again added records");
    println!("    read again from offset 0: the head is still record {}", before.sequence);
    Verdict::Passed
}

/// Changes bytes in one of the ways in which bytes go wrong.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let place = |bytes: &Vec<u8>, random: &mut Random| random.below(bytes.len().max(1) as u64) as usize;
    for _ in 0..=random.below(3) {
        let at = place(bytes, random);
        match random.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 => bytes.truncate(at),
            2 => bytes.insert(at.min(bytes.len()), random.below(256) as u8),
            3 if !bytes.is_empty() => {
                bytes.remove(at);
            }
            4 => {
                let tail = bytes[at.min(bytes.len())..].to_vec();
                bytes.extend_from_slice(&tail);
            }
            _ => bytes.extend((0..random.below(40)).map(|_| random.below(256) as u8)),
        }
    }
}
