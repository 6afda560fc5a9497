//! External domains on a real shard: advices as a source of their own, and the proofs of a log over what agents said.

use crate::support::{name, options, records, small_store, start};
use engine::{Options, RawBatch, cursor, verify};
use model::advice::{Advice, AdviceBody, Status};
use model::command::{Command, Origin};
use model::event::Event;
use model::record::{Content, Outcome, Record};
use model::timestamp::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::{BlockBuilder, Head, Log};
use testkit::scenario::{Mode, Script, player};

/// The log a scenario leaves behind.
fn played(path: &Path, root: &Path) -> Vec<Record> {
    let text = std::fs::read_to_string(path).expect("a scenario is a text");
    let script = Script::parse(&path.display().to_string(), &text).expect("a scenario");
    let mut player = player(Mode::Straight);
    let include = |name: &str| std::fs::read_to_string(root.join(name).with_extension("setup")).ok();
    player.play(&script, &include).expect("it plays");
    player.stage().shard().records().to_vec()
}

fn scenarios() -> (PathBuf, Vec<PathBuf>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let entries = std::fs::read_dir(root.join("external")).expect("the scenarios of external domains");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= 7, "{files:?}");
    (root, files)
}

#[test]
fn every_scenario_of_an_external_domain_leaves_a_sound_log() {
    let (root, files) = scenarios();
    for path in files {
        let dir = tempfile::tempdir().expect("a directory");
        let log = Log::create(&dir.path().join("log"), &small_store()).expect("a log");
        let mut building = BlockBuilder::after(Head::EMPTY);
        for record in played(&path, &root) {
            building.push_with(|out| wire::record::encode(&record, None, out));
        }
        log.commit(&building.finish(), &[], &[]).expect("commits");
        let report = verify(&log, &mut |_| {}).expect("reads");
        assert!(report.is_sound(), "{}: {:?}", path.display(), report.violation);
        assert!(report.postings > 0);
    }
}

const ADVICES: &str = "quittance.advices.v1";

fn batch(topic: &str, messages: &[(u64, Vec<u8>)]) -> RawBatch {
    mixed(topic, &messages.iter().map(|(offset, raw)| (*offset, false, raw.clone())).collect::<Vec<_>>())
}

/// Messages of which some say that they are XML.
fn mixed(topic: &str, messages: &[(u64, bool, Vec<u8>)]) -> RawBatch {
    let mut batch = RawBatch::new(name(topic), 0);
    for (offset, document, raw) in messages {
        let at = Timestamp::parse("2026-11-23T09:00:00Z").expect("an instant");
        batch.push(*offset, at, |end| end.extend_from_slice(raw)).document = *document;
    }
    batch
}

/// What an agent says comes by its own topic, with its own cursor; what cannot be read is set aside; the same again,
/// also after a restart, changes nothing; a fact from outside is taken in even when nothing of it is known.
#[test]
fn advices_are_a_source_of_their_own() {
    let dir = tempfile::tempdir().expect("a directory");
    let genesis = testkit::scenario::genesis();
    let said = Advice {
        sender: name("CUSTODIAN"),
        id: name("X-1"),
        reference: "Q0-4711".to_owned(),
        agent_reference: String::new(),
        body: AdviceBody::Status(Status {
            status: "MACH".to_owned(),
            reasons: vec!["unheard-of".to_owned()],
            narrative: String::new(),
        }),
    };
    let mut good = Vec::new();
    wire::settlement::encode_advice(&said, &mut good);
    let options = |create: bool| {
        let plain = options(dir.path(), &genesis);
        if create { plain.creating() } else { Options { create: false, ..plain } }
    };

    let engine = start(options(true));
    let messages = [
        (7, good.clone()),
        (8, good.clone()),
        (9, b"\xff\xffno advice".to_vec()),
        (11, vec![b'x'; wire::MAX_ADVICE + 1]),
    ];
    let (trades, advices) = (engine.handle().intake(), engine.handle().intake());
    // The same bytes on the topic of trades are no trade.
    trades.send(batch("quittance.trades.v1", &[(3, good.clone())])).expect("runs");
    advices.send(batch(ADVICES, &messages)).expect("runs");
    let log = engine.log();
    let at = |topic: &str| cursor(&log, &name(topic), 0).expect("reads").map(|cursor| cursor.next_offset);
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while at(ADVICES) != Some(12) {
        assert!(std::time::Instant::now() < deadline, "{:?}", engine.handle().status());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(at("quittance.trades.v1"), Some(4));
    let breaks = |engine: &engine::Engine| {
        engine
            .handle()
            .ask_blocking(|state| (state.open_breaks().count(), state.quarantined().count()))
            .expect("answers")
    };
    assert_eq!(breaks(&engine), (1, 3));
    drop((trades, advices, log));
    engine.stop().expect("stops");

    // Sent again by the agent, at a later offset.
    let engine = start(options(false));
    let advices = engine.handle().intake();
    advices.send(batch(ADVICES, &[(9, b"known".to_vec()), (12, good)])).expect("runs");
    let log = engine.log();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while cursor(&log, &name(ADVICES), 0).expect("reads").is_none_or(|cursor| cursor.next_offset != 13) {
        assert!(std::time::Instant::now() < deadline, "{:?}", engine.handle().status());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(breaks(&engine), (1, 3));
    let mut outcomes = Vec::new();
    for record in records(&log) {
        let Content::Decided { inbound, outcome } = &record.content else { continue };
        if let (Command::Advice(advice), Origin::Kafka { offset, .. }) = (&inbound.command, &inbound.origin) {
            assert_eq!((&**advice, &inbound.actor), (&said, &name("CUSTODIAN")));
            let taken = matches!(outcome, Outcome::Accepted(events) if events.iter().any(|event| matches!(event, Event::AdviceTaken { .. })));
            outcomes.push((*offset, taken));
        }
    }
    assert_eq!(outcomes, [(7, true), (8, false), (12, false)]);
    assert!(verify(&log, &mut |_| {}).expect("reads").is_sound());

    // Whoever follows this log has the same cursors: each holds the hash of what was sent last.
    let here = tempfile::tempdir().expect("a directory");
    let follower = start(Options { follow: true, ..crate::support::options(here.path(), &genesis).creating() });
    crate::follow::catch_up(&follower.replica(), &log);
    assert_eq!(follower.log().cursors().expect("reads"), log.cursors().expect("reads"));
}

/// An agent that writes ISO 20022 XML says the same as one that writes protobuf; its document is kept as it came, and what cannot be read
/// of it is set aside as any other bytes are.
#[test]
fn an_advice_may_come_as_an_xml_document() {
    let dir = tempfile::tempdir().expect("a directory");
    let genesis = testkit::scenario::genesis();
    let said = Advice {
        sender: name("CUSTODIAN"),
        id: name("X-1"),
        reference: "Q0-4711".to_owned(),
        agent_reference: String::new(),
        body: AdviceBody::Status(Status { status: "MACH".to_owned(), reasons: Vec::new(), narrative: String::new() }),
    };
    let written = Timestamp::parse("2026-11-23T08:59:59Z").expect("an instant");
    let document =
        |said: &Advice| iso20022::write_advice(said, &name("HOUSE"), written).expect("the standard has room");
    let good = document(&said);
    let again = [&good[..], b"<!-- sent again -->"].concat();
    let poison =
        String::from_utf8(good.clone()).expect("text").replace("SctiesSttlmTxStsAdvc", "Surprise").into_bytes();
    let mut protobuf = Vec::new();
    wire::settlement::encode_advice(&said, &mut protobuf);
    // Longer than an advice may be as protobuf: only what is passed over makes it so.
    let long = |bytes: usize| {
        let padded = document(&Advice { id: name("X-2"), ..said.clone() });
        [&padded[..], &vec![b' '; bytes - padded.len()]].concat()
    };

    let engine = start(options(dir.path(), &genesis).creating());
    let (trades, advices) = (engine.handle().intake(), engine.handle().intake());
    // On the topic of trades nothing is a document, whatever it says of itself.
    trades.send(mixed("quittance.trades.v1", &[(0, true, good.clone())])).expect("runs");
    let messages = [
        (0, true, good.clone()),
        (1, true, again.clone()),
        (2, false, protobuf.clone()),
        (3, true, poison.clone()),
        (4, false, good.clone()),
        (5, true, protobuf.clone()),
        (6, true, long(wire::MAX_DOCUMENT)),
        (7, true, long(wire::MAX_DOCUMENT + 1)),
    ];
    advices.send(mixed(ADVICES, &messages)).expect("runs");
    let log = engine.log();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    let next = |topic: &str| cursor(&log, &name(topic), 0).expect("reads").map(|cursor| cursor.next_offset);
    while next(ADVICES) != Some(8) || next("quittance.trades.v1") != Some(1) {
        assert!(std::time::Instant::now() < deadline, "{:?}", engine.handle().status());
        std::thread::sleep(Duration::from_millis(1));
    }

    let mut told = Vec::new();
    for (sequence, bytes) in stored(&log) {
        let record = wire::record::decode(&bytes).expect("a record");
        let Content::Decided { inbound, outcome } = &record.content else { continue };
        let Origin::Kafka { topic, offset, .. } = &inbound.origin else { continue };
        if topic.as_str() != ADVICES {
            assert!(matches!(&inbound.command, Command::Quarantine(_)), "{record:?}");
            continue;
        }
        let sent = &messages[*offset as usize].2;
        let (kept, what) = match (&inbound.command, outcome) {
            (Command::Advice(advice), outcome) => {
                assert_eq!((&advice.sender, &inbound.actor), (&said.sender, &said.sender));
                let what = match outcome {
                    Outcome::Accepted(_) => "taken",
                    Outcome::Duplicate { .. } => "known",
                    Outcome::Rejected(_) => "refused",
                };
                assert_eq!(wire::record::document(&bytes).is_some(), messages[*offset as usize].1, "{sequence}");
                (wire::record::raw_message(&bytes).expect("kept").to_vec(), what)
            }
            (Command::Quarantine(unreadable), _) => {
                assert_eq!(unreadable.size, sent.len() as u64);
                (unreadable.bytes.clone(), "set aside")
            }
            other => panic!("{other:?}"),
        };
        let whole = kept == *sent;
        told.push((*offset, what, whole));
        if *offset == 3 {
            let Command::Quarantine(unreadable) = &inbound.command else { unreachable!() };
            assert_eq!(unreadable.path, "RequestPayload/Document/SctiesSttlmTxStsAdvc");
            assert!(unreadable.reason.contains("(line "), "{}", unreadable.reason);
        }
    }
    let expected = [
        (0, "taken", true),
        (1, "known", true),
        (2, "known", true),
        (3, "set aside", true),
        (4, "set aside", true),
        (5, "set aside", true),
        (6, "taken", true),
        (7, "set aside", false),
    ];
    assert_eq!(told, expected);
    assert!(verify(&log, &mut |_| {}).expect("reads").is_sound());

    // Whoever follows this log has the hash of the document that was sent last, as we have.
    let here = tempfile::tempdir().expect("a directory");
    let follower = start(Options { follow: true, ..crate::support::options(here.path(), &genesis).creating() });
    crate::follow::catch_up(&follower.replica(), &log);
    assert_eq!(follower.log().cursors().expect("reads"), log.cursors().expect("reads"));
}

fn stored(log: &Log) -> Vec<(u64, Vec<u8>)> {
    let blocks = log.blocks_from(1).map(|block| block.expect("a block"));
    blocks.flat_map(|block| block.iter().map(|(at, bytes)| (at, bytes.to_vec())).collect::<Vec<_>>()).collect()
}
