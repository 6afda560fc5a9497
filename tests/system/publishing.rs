//! The records topic: published once and to the byte, taken over where the log lost it, refused where it tells another history.

use crate::audit;
use crate::front_office::FrontOffice;
use crate::node::{Node, Topics, engine_options, published, records_options, same_to_the_byte};
use crate::service::{durable, flow, name, prepare, submit, until};
use crate::{Rig, Verdict};
use engine::Engine;
use kafka::RecordsHalt;
use model::command::{Command, Inbound, Origin};
use std::fs;
use std::path::Path;
use std::time::Duration;
use store::Log;
use testkit::flow::{Item, Message, Step};

const LONG: Duration = Duration::from_secs(90);

/// The messages of what is left of a week.
pub fn messages(week: impl Iterator<Item = Item>) -> Vec<Message> {
    week.filter_map(|item| match item.step {
        Step::Message(message) => Some(message),
        _ => None,
    })
    .collect()
}

/// The auditor, who shares no code with either, reads the topic and the store: both sound, and the same history and balances.
fn audited(rig: &Rig, topics: &Topics, data: &Path) {
    let against = auditor::Against::default();
    let of_topic = auditor::topic(&rig.broker.address(), &topics.records, 0, &against, &mut |_| {});
    let of_store = auditor::store(data, &against, &mut |_| {});
    for report in [&of_topic, &of_store] {
        assert_eq!(report.verdict, auditor::Verdict::Good, "{:?} {:?}", report.violation, report.unknown);
    }
    assert_eq!((of_topic.head, of_topic.chain), (of_store.head, of_store.chain));
    assert_eq!(of_topic.trial_balance, of_store.trial_balance);
    let facts = of_topic.counts.facts;
    println!("    the auditor reads {facts} facts from the topic, {} messages dropped", of_topic.dropped);
}

/// Everything is published and read back as it is stored, over restarts in order and as by a crash; then the directory is lost, and
/// comes back from the topic with the cursor of the trades and every id.
pub fn restarts_and_a_lost_directory(rig: &Rig) -> Verdict {
    let topics = Topics::new(rig, "published");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let messages = messages(prepare(&path, &flow(rig.seed, 3_000)));
    let mut office = FrontOffice::new(&rig.broker.brokers(), &topics.trades);
    for (life, part) in messages.chunks(messages.len().div_ceil(4)).enumerate() {
        let node = Node::leading(rig, &path, &topics);
        part.iter().for_each(|message| office.send(message));
        let end = office.settle();
        node.wait_durable(end, LONG);
        if life % 2 == 0 {
            node.wait_published(LONG);
            node.stop();
        } else {
            // As a crash would, with whatever is on its way.
            drop(node);
        }
    }
    let node = Node::leading(rig, &path, &topics);
    node.wait_published(LONG);
    let topic = published(rig, &topics);
    same_to_the_byte(&topic, &node.engine.log());
    println!(
        "    {} records in {} blocks of {} generations, to the byte those of the log; {} messages dropped",
        topic.rule.last.sequence,
        topic.blocks.len(),
        topic.fences.len(),
        topic.dropped
    );
    audited(rig, &topics, dir.path());
    let (head, cursors) = (node.engine.log().head(), node.engine.log().cursors().expect("reads"));
    node.stop();

    fs::remove_dir_all(&path).expect("removes");
    let node = Node::leading(rig, &path, &topics);
    assert_eq!(node.engine.log().head(), head, "the chain is the old one");
    assert_eq!(node.engine.log().cursors().expect("reads"), cursors, "the trades go on where they were");
    assert!(node.records.counts().imported > 0);
    // Every trade again: each is known by its id, though the log was made anew.
    let before = office.count();
    for message in messages.iter().take(500) {
        office.send(message);
    }
    let end = office.settle();
    node.wait_durable(end, LONG);
    let log = node.engine.log();
    let outcomes = audit::outcomes(&log, &topics.trades);
    let again = outcomes.range(before as u64..).filter(|(_, found)| {
        // What was refused before is refused again; nothing is accepted twice.
        !matches!(found.as_slice(), [(_, testkit::flow::Expected::Accepted)])
    });
    assert_eq!(again.count(), 500, "a trade that came again was taken for a new one");
    assert!(outcomes.values().all(|found| found.len() == 1), "a message has two records");
    drop(log);
    let Node { engine, records, consumer, .. } = node;
    drop(consumer);
    records.stop();
    audit::stop_and_verify(engine);
    Verdict::Passed
}

/// Two engines decided apart from each other. The older log does not start; `adopt-topic` moves aside what only it has.
pub fn diverged_and_adopted(rig: &Rig) -> Verdict {
    let topics = Topics::new(rig, "apart");
    let dir = tempfile::tempdir().expect("a directory");
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    let messages = messages(prepare(&one, &flow(rig.seed, 1_200)));
    let (first, second) = messages.split_at(messages.len() / 2);
    let mut office = FrontOffice::new(&rig.broker.brokers(), &topics.trades);
    let node = Node::leading(rig, &one, &topics);
    first.iter().for_each(|message| office.send(message));
    node.wait_durable(office.settle(), LONG);
    node.wait_published(LONG);
    let common = node.engine.log().head().sequence;
    node.stop();

    // One goes on alone, with something that nobody else will ever have.
    let alone = Engine::start(engine::Options { follow: false, ..engine_options(&one) }).expect("the log opens");
    let mine = |text: &str, at| Inbound {
        command: Command::Reverse { sequence: 1, instruction: None },
        origin: Origin::Call { request_id: name(text) },
        actor: name("anna"),
        reason: "by mistake".to_owned(),
        at,
    };
    let at = alone.handle().ask_blocking(|state| state.at()).expect("answers").expect("stamped");
    for text in ["lonely-1", "lonely-2"] {
        submit(&alone, mine(text, at));
    }
    let lonely = alone.log().head().sequence - common;
    alone.stop().expect("stops in order");

    // The other has only what was published, and goes on with trades.
    let node = Node::leading(rig, &other, &topics);
    second.iter().for_each(|message| office.send(message));
    node.wait_durable(office.settle(), LONG);
    node.wait_published(LONG);
    let head = node.engine.log().head();
    node.stop();

    let node = Node::start(&rig.broker.brokers(), &one, &topics, false).expect("the log opens");
    let halt = node.wait_halted(LONG);
    assert_eq!(halt.code(), "DIVERGED", "{halt}");
    assert!(halt.to_string().contains("adopt-topic"), "it says what to do: {halt}");
    let failure = node.engine.handle().status().failed.expect("the engine ended with it");
    assert!(failure.cause.contains("DIVERGED"), "{failure}");
    drop(node);
    assert_eq!(Log::open_read_only(&one, &store::Options::default()).expect("opens").head().sequence, common + lonely);

    let brokers = rig.broker.brokers();
    let options = records_options(&brokers, &topics, &one);
    let engine_options = engine_options(&one);
    let adopted = kafka::records::adopt(&options, &engine_options, &mut |_, _| {}).expect("it adopts");
    let adopted = adopted.expect("they differ");
    assert_eq!((adopted.common, adopted.orphaned, adopted.head), (common, lonely, head));
    let tail = fs::read_to_string(&adopted.tail).expect("the tail is there");
    assert_eq!(tail.lines().count() as u64, lonely);
    assert!(tail.contains("lonely-1") && tail.contains("lonely-2"), "{tail}");
    assert!(adopted.old.is_dir());
    assert_eq!(
        kafka::records::adopt(&options, &engine_options, &mut |_, _| {}).expect("reads"),
        None,
        "once is enough"
    );

    let node = Node::leading(rig, &one, &topics);
    node.wait_published(LONG);
    same_to_the_byte(&published(rig, &topics), &node.engine.log());
    println!("    {lonely} records moved aside, {} taken over", head.sequence);
    let list = office.close();
    audit::exactly_one_outcome_each(&list, &audit::outcomes(&node.engine.log(), &topics.trades));
    node.stop();
    Verdict::Passed
}

/// A second engine leads: the first one stops, and nothing of it counts from the second one's fence on.
pub fn two_engines(rig: &Rig) -> Verdict {
    let topics = Topics::new(rig, "two");
    let dir = tempfile::tempdir().expect("a directory");
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    let messages = messages(prepare(&one, &flow(rig.seed, 2_000)));
    let mut office = FrontOffice::new(&rig.broker.brokers(), &topics.trades);
    let older = Node::leading(rig, &one, &topics);
    let mut newer = Node::start(&rig.broker.brokers(), &other, &topics, true).expect("an empty log is made");
    let (first, second) = messages.split_at(messages.len() / 3);
    let (second, third) = second.split_at(second.len() / 2);
    first.iter().for_each(|message| office.send(message));
    older.wait_durable(office.settle(), LONG);
    older.wait_published(LONG);
    let head = older.engine.log().head();
    newer.wait_head(head.sequence, LONG);
    let read = newer.engine.log().chain_at(head.sequence).expect("reads");
    assert_eq!(read, Some(head.chain), "a reader has the same history");
    until("it follows", LONG, || newer.records.state() == kafka::RecordsState::Following, &|| newer.describe());
    let refused = newer.engine.handle().submit_blocking(engine::Request {
        command: Command::Reverse { sequence: 1, instruction: None },
        origin: Origin::Call { request_id: name("too-early") },
        actor: name("anna"),
        reason: String::new(),
        at: None,
        raw_trade: None,
    });
    assert!(matches!(&refused, Err(engine::SubmitError::Following(why)) if why.contains("only reads")), "{refused:?}");

    // Both are at work while the lead changes.
    second.iter().for_each(|message| office.send(message));
    newer.records.promote();
    newer.wait_leading(LONG);
    let halt = older.wait_halted(LONG);
    let RecordsHalt::Superseded { fence, .. } = &halt else { panic!("{halt}") };
    assert!(older.engine.handle().status().failed.is_some(), "its engine takes nothing more");
    third.iter().for_each(|message| office.send(message));
    newer.wait_durable(office.settle(), LONG);
    newer.wait_published(LONG);
    let topic = published(rig, &topics);
    same_to_the_byte(&topic, &newer.engine.log());
    let generation = newer.records.counts().generation;
    assert_eq!(*fence, generation);
    let (before, after): (Vec<_>, Vec<_>) = topic.blocks.iter().partition(|(of, _, _)| *of < generation);
    assert!(!before.is_empty() && !after.is_empty());
    assert!(after.iter().all(|(of, _, _)| *of == generation));
    println!(
        "    {} blocks of the older engine, {} of the newer; {} messages of the older one came too late",
        before.len(),
        after.len(),
        topic.dropped
    );
    let list = office.close();
    audit::exactly_one_outcome_each(&list, &audit::outcomes(&newer.engine.log(), &topics.trades));
    drop(older);
    newer.stop();
    Verdict::Passed
}

/// The broker goes away under the publisher: it goes on deciding, and publishes what it has when the broker is back.
pub fn broker_away(rig: &Rig) -> Verdict {
    let topics = Topics::new(rig, "away");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    drop(messages(prepare(&path, &flow(rig.seed, 10))));
    let node = Node::leading(rig, &path, &topics);
    node.wait_published(LONG);
    rig.broker.kill();
    let at = node.engine.handle().ask_blocking(|state| state.at()).expect("answers").expect("stamped");
    let before = node.records.counts().published;
    for number in 0..200 {
        let inbound = Inbound {
            command: Command::Reverse { sequence: 1, instruction: None },
            origin: Origin::Call { request_id: name(&format!("away-{number}")) },
            actor: name("anna"),
            reason: "while the broker is away".to_owned(),
            at,
        };
        submit(&node.engine, inbound);
    }
    let head = node.engine.log().head().sequence;
    assert!(head >= before + 200, "answers that are LOCAL go on");
    assert!(node.records.counts().published < head);
    rig.broker.start();
    node.wait_published(LONG);
    same_to_the_byte(&published(rig, &topics), &node.engine.log());
    assert_eq!(durable(&node.engine.log(), &topics.trades), 0);
    until("it leads again", LONG, || matches!(node.records.state(), kafka::RecordsState::Leading(_)), &|| {
        node.describe()
    });
    node.stop();
    assert!(Path::new(&path).is_dir());
    Verdict::Passed
}
