//! An old copy of a data directory is put back. With its witness left where it is, the log does not open; with the witness put back as
//! well nothing on this disk can tell, and the records topic does: it brings what is missing, or refuses to be led by another history.

use crate::audit;
use crate::front_office::FrontOffice;
use crate::node::{Node, Topics, engine_options, published, same_to_the_byte};
use crate::publishing::messages;
use crate::service::{copy, flow, name, prepare, submit};
use crate::{Rig, Verdict};
use engine::Engine;
use model::command::{Command, Inbound, Origin};
use std::fs;
use std::path::Path;
use std::time::Duration;
use store::{Error, Log, Options};

const LONG: Duration = Duration::from_secs(90);

pub fn put_back(rig: &Rig) -> Verdict {
    let topics = Topics::new(rig, "old-copy");
    let dir = tempfile::tempdir().expect("a directory");
    let (house, old) = (dir.path().join("house"), dir.path().join("old"));
    fs::create_dir(&house).expect("creates");
    let log = house.join("log");
    let messages = messages(prepare(&log, &flow(rig.seed, 1_500)));
    let mut office = FrontOffice::new(&rig.broker.brokers(), &topics.trades);
    let (first, second) = messages.split_at(messages.len() / 2);
    let mut heads = Vec::new();
    for part in [first, second] {
        if !heads.is_empty() {
            copy(&house, &old);
        }
        let node = Node::leading(rig, &log, &topics);
        part.iter().for_each(|message| office.send(message));
        node.wait_durable(office.settle(), LONG);
        node.wait_published(LONG);
        let ended = node.engine.log();
        node.stop();
        heads.push(ended.head());
    }
    let newest = heads[1];

    // The witness was left: who puts the copy back is told, and by how much.
    let witness = fs::read(house.join("log.witness")).expect("reads");
    replace(&house, &old);
    fs::write(house.join("log.witness"), witness).expect("writes");
    let refused = Log::open(&log, &Options::default()).err().expect("the witness saw more");
    let Error::BehindWitness { head, witness, .. } = &refused else { panic!("{refused}") };
    assert_eq!((*head, *witness), (heads[0], newest));

    // Witness and all: the log opens as if nothing were missing.
    replace(&house, &old);
    let opened = Log::open(&log, &Options::default()).expect("nobody here can tell");
    assert_eq!(opened.head(), heads[0]);
    drop(opened);
    let node = Node::leading(rig, &log, &topics);
    assert_eq!(node.engine.log().head(), newest, "the topic brings what is missing");
    let imported = node.records.counts().imported;
    assert!(imported > 0);
    node.wait_published(LONG);
    same_to_the_byte(&published(rig, &topics), &node.engine.log());
    let list = office.close();
    audit::exactly_one_outcome_each(&list, &audit::outcomes(&node.engine.log(), &topics.trades));
    let Node { engine, records, consumer, .. } = node;
    drop(consumer);
    records.stop();
    audit::stop_and_verify(engine);

    // And the copy goes on by itself before it meets the topic: two histories, and it is not led by either of its own accord.
    replace(&house, &old);
    let alone = Engine::start(engine::Options { follow: false, ..engine_options(&log) }).expect("the log opens");
    let at = alone.handle().ask_blocking(|state| state.at()).expect("answers").expect("stamped");
    let inbound = Inbound {
        command: Command::Reverse { sequence: 1, instruction: None },
        origin: Origin::Call { request_id: name("on-an-old-copy") },
        actor: name("anna"),
        reason: "by mistake".to_owned(),
        at,
    };
    submit(&alone, inbound);
    alone.stop().expect("stops in order");
    let node = Node::start(&rig.broker.brokers(), &log, &topics, false).expect("the log opens");
    let halt = node.wait_halted(LONG);
    assert_eq!(halt.code(), "DIVERGED", "{halt}");
    println!(
        "    {} of {} records were gone: told by the witness, brought back by the topic ({imported} imported), and {}",
        newest.sequence - heads[0].sequence,
        newest.sequence,
        halt.code()
    );
    Verdict::Passed
}

fn replace(house: &Path, old: &Path) {
    fs::remove_dir_all(house).expect("removes");
    copy(old, house);
}
