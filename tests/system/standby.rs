//! What callers see of the records topic: answers that wait for it, readers, and a standby that takes over.

use crate::audit;
use crate::front_office::{FrontOffice, List};
use crate::node::{Topics, published};
use crate::served::{LONG, Served, flags};
use crate::service::{flow, prepare, until};
use crate::{Rig, Verdict};
use model::event::Event;
use model::record::{FactContent, Outcome};
use server::Config;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use store::{Log, Options};
use testkit::flow::Step;
use tonic::Code;
use wire::pb::service as pb;
use wire::pb::service::log_service_client::LogServiceClient;

/// Answers wait until their record is in the topic, also while the broker is away; LOCAL ones do not. A reader refuses commands and
/// says why; promoted it knows every id, and the one that led before ends.
pub fn answers_and_roles(rig: &Rig) -> Verdict {
    let topics = Topics::new(rig, "acks");
    let dir = tempfile::tempdir().expect("a directory");
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    let keys = flags(rig, &one, &topics, "127.0.0.1:0", false);
    let config = Config::from_layers(None, [], keys.iter().map(|(key, value)| (*key, value.as_str()))).expect("sound");
    server::init(&config).expect("a new log");
    let mut primary = Served::start(rig, &one, &topics, false);
    primary.wait_state(pb::ShardState::Running);
    let first = primary.runtime().block_on(primary.command("C-1", None)).expect("answered");
    assert!(
        published(rig, &topics).rule.last.sequence >= first.sequence,
        "the answer came before its record was in the topic"
    );
    let refused = primary.runtime().block_on(primary.command("C-1", Some("sometimes"))).expect_err("no such thing");
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");

    let mut reader = Served::start(rig, &other, &topics, true);
    reader.wait_state(pb::ShardState::Following);
    let refused = reader.runtime().block_on(reader.command("C-2", None)).expect_err("it takes none");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    assert!(refused.message().contains("only reads"), "it names its role: {refused:?}");

    rig.broker.kill();
    let waits = primary.runtime().spawn(primary.command("C-3", Some("published")));
    let local = primary.runtime().block_on(primary.command("C-4", Some("local"))).expect("answers on");
    let more = primary.runtime().block_on(primary.command("C-5", Some("local"))).expect("answers on");
    assert!(more.sequence > local.sequence);
    let waiting = || {
        let sources = primary.status().map(|status| status.sources).unwrap_or_default();
        sources.iter().any(|each| each.name.contains(&topics.records) && each.state() == pb::SourceState::Waiting)
    };
    until("it says what it waits for", LONG, waiting, &|| format!("{:?}", primary.status()));
    assert!(!waits.is_finished(), "PUBLISHED was answered without a broker");
    rig.broker.start();
    let answered = primary.runtime().block_on(waits).expect("no panic").expect("it comes after all");
    assert!(published(rig, &topics).rule.last.sequence >= answered.sequence);

    let taken_over = reader.promote().expect("it leads");
    assert!(taken_over >= more.sequence.min(answered.sequence));
    let again = reader.runtime().block_on(reader.command("C-3", None)).expect("answered");
    assert!(again.duplicate && again.sequence == answered.sequence, "{again:?}");
    let new = reader.runtime().block_on(reader.command("C-6", None)).expect("answered");
    assert!(!new.duplicate && new.sequence > taken_over);
    let said = primary.wait_failed();
    assert!(said.contains("SUPERSEDED"), "{said}");
    reader.terminate();
    Verdict::Passed
}

/// Messages a second, in portions.
const RATE: u64 = 600;

/// The primary dies under load and the standby takes over: nothing that was acknowledged as PUBLISHED is lost, and each trade has
/// one outcome.
pub fn takes_over(rig: &Rig) -> Verdict {
    let topics = Topics::new(rig, "standby");
    let dir = tempfile::tempdir().expect("a directory");
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    let week = prepare(&one.join("log"), &flow(rig.seed, 100_000));
    let mut primary = Served::start(rig, &one, &topics, false);
    let mut standby = Served::start(rig, &other, &topics, true);
    primary.wait_state(pb::ShardState::Running);
    standby.wait_state(pb::ShardState::Following);

    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, mut office) = (stop.clone(), FrontOffice::new(&rig.broker.brokers(), &topics.trades));
    let load = thread::spawn(move || -> List {
        let began = Instant::now();
        for item in week {
            let Step::Message(message) = &item.step else { continue };
            office.send(message);
            while office.count() as u128 * 1_000 > began.elapsed().as_millis() * u128::from(RATE) {
                thread::sleep(Duration::from_millis(5));
            }
            if stopped.load(Ordering::Relaxed) {
                break;
            }
        }
        office.close()
    });
    let mut acknowledged = Vec::new();
    let trades = || {
        let sources = primary.status().map(|status| status.sources).unwrap_or_default();
        sources
            .iter()
            .find(|each| each.name.contains(&format!("{}/", topics.trades)))
            .map_or(0, |each| each.next_offset)
    };
    while acknowledged.len() < 20 || trades() < 500 {
        let id = format!("P-{}", acknowledged.len());
        let receipt = primary.runtime().block_on(primary.command(&id, Some("published"))).expect("answered");
        acknowledged.push((id, receipt.sequence));
    }
    let began = Instant::now();
    primary.kill();
    let taken_over = standby.promote().expect("it leads");
    let led = began.elapsed();
    let settled = first_settled_after(&standby, taken_over);
    println!(
        "    from the kill to the lead {:.2} s, to the first trade settled after it {:.2} s (record {settled})",
        led.as_secs_f32(),
        began.elapsed().as_secs_f32()
    );
    for (id, sequence) in &acknowledged {
        let again = standby.runtime().block_on(standby.command(id, None)).expect("answered");
        assert!(again.duplicate && again.sequence == *sequence, "{id} was acknowledged as PUBLISHED: {again:?}");
    }
    stop.store(true, Ordering::Relaxed);
    let list = load.join().expect("the front office lives");
    let end = list.sent.len() as u64;
    let consumed = || {
        let sources = standby.status().map(|status| status.sources).unwrap_or_default();
        sources.iter().any(|each| each.name.contains(&format!("{}/", topics.trades)) && each.next_offset >= end)
    };
    until("the standby has caught up", LONG, consumed, &|| format!("{:?}", standby.status()));
    standby.terminate();
    let log = Log::open_read_only(&other.join("log"), &Options::default()).expect("the log opens");
    assert_eq!(crate::service::durable(&log, &topics.trades), end);
    audit::exactly_one_outcome_by_id(&list, &log, &topics.trades);
    audit::sound(&log);
    let topic = published(rig, &topics);
    assert_eq!(topic.rule.last, log.head(), "all of it was published at the end");
    println!("    {} calls acknowledged as PUBLISHED before the kill, all there after it", acknowledged.len());
    Verdict::Passed
}

/// Follows the log of a service until something settles.
fn first_settled_after(served: &Served, sequence: u64) -> u64 {
    let mut log = LogServiceClient::new(served.channel());
    let request = pb::ReadRecordsRequest { from_sequence: sequence + 1, follow: true, limit: 0, decode: false };
    let first = async move {
        let mut stream = log.read_records(request).await.expect("a stream").into_inner();
        while let Some(message) = stream.message().await.expect("no error") {
            for record in message.records {
                let facts = wire::record::facts(&record.stored).expect("a record");
                let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content else { continue };
                if events.iter().any(|event| matches!(event, Event::InstructionsSettled { .. })) {
                    return facts.sequence;
                }
            }
        }
        panic!("the stream ended")
    };
    let found = served.runtime().block_on(async { tokio::time::timeout(LONG, first).await });
    found.expect("a trade settles")
}
