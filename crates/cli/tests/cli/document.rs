//! `quittance log document`: the message behind a record, as it came, and what is said of it.

use std::path::Path;

use model::advice::{Advice, AdviceBody, Status};
use model::command::{Command, Inbound, Origin};
use model::event::Event;
use model::identifier::Identifier;
use model::record::{Content, Genesis, Outcome, RULES_VERSION, Record};
use model::timestamp::Timestamp;
use store::{BlockBuilder, Log, Options};
use wire::record::Received;

use crate::{fail, stderr, stdout, succeed, text};

fn name(text: &str) -> Identifier {
    Identifier::parse(text).expect("a name")
}

fn decided(sequence: u64, command: Command, events: Vec<Event>) -> Record {
    let inbound = Inbound {
        command,
        origin: Origin::Kafka { topic: name("quittance.advices.v1"), partition: 0, offset: sequence },
        actor: name("QCSD"),
        reason: String::new(),
        at: Timestamp::EPOCH,
    };
    let content = Content::Decided { inbound, outcome: Outcome::Accepted(events) };
    Record { sequence, rules_version: RULES_VERSION, content }
}

fn log(dir: &Path, records: &[(Record, Option<Received<'_>>)]) {
    let genesis =
        Genesis { format: 1, house: name("MYBANK"), shard: 0, domains: vec![], cluster: None, at: Timestamp::EPOCH };
    let genesis = Record { sequence: 1, rules_version: RULES_VERSION, content: Content::Genesis(genesis) };
    let log = Log::create(dir, &Options::default()).expect("a log");
    let mut builder = BlockBuilder::after(log.head());
    builder.push_with(|out| wire::record::encode(&genesis, None, out));
    for (record, raw) in records {
        builder.push_with(|out| wire::record::encode(record, *raw, out));
    }
    log.commit(&builder.finish(), &[], &[]).expect("commits");
}

#[test]
fn the_message_behind_a_record_comes_out_as_it_came() {
    let dir = tempfile::tempdir().expect("a directory");
    let said = Advice {
        sender: name("QCSD"),
        id: name("QC-1"),
        reference: "Q0-5".to_owned(),
        agent_reference: String::new(),
        body: AdviceBody::Status(Status { status: "MACH".to_owned(), reasons: vec![], narrative: String::new() }),
    };
    let document = iso20022::write_advice(&said, &name("MYBANK"), Timestamp::EPOCH).expect("there is room");
    let other = Advice { id: name("QC-2"), ..said.clone() };
    let mut protobuf = Vec::new();
    wire::settlement::encode_advice(&other, &mut protobuf);
    let bad = b"<RequestPayload><Nothing/></RequestPayload>";
    let error = wire::DecodeError { path: "RequestPayload/AppHdr".to_owned(), reason: "it is missing".to_owned() };
    let unreadable = wire::command::unreadable_document(bad, error);
    log(
        &dir.path().join("log"),
        &[
            (decided(2, Command::Advice(Box::new(said)), vec![]), Some(Received::Document(&document))),
            (decided(3, Command::Advice(Box::new(other.clone())), vec![]), Some(Received::Protobuf(&protobuf))),
            (decided(4, Command::Quarantine(Box::new(unreadable)), vec![Event::Quarantined {}]), None),
            // A document that says something else than its record: somebody is wrong.
            (decided(5, Command::Advice(Box::new(other)), vec![]), Some(Received::Document(&document))),
        ],
    );
    let ask = |sequence: &'static str| ["log", "document", sequence, "--data", text(dir.path())];
    assert_eq!(succeed(&ask("2")).as_bytes(), document);
    let file = dir.path().join("bad.xml");
    succeed(&[&ask("4")[..], &["--file", text(&file)]].concat());
    assert_eq!(std::fs::read(&file).expect("written"), bad);
    let output = crate::run(&ask("3"));
    assert!(output.status.success() && output.stdout == protobuf, "{}", stderr(&output));
    let output = crate::run(&ask("2"));
    assert!(stderr(&output).contains("it says what the record has"), "{}", stderr(&output));
    let said = fail(&ask("5"), 1);
    assert!(said.contains("says otherwise"), "{said}");
    for none in ["1", "9"] {
        assert!(stdout(&crate::run(&ask(none))).is_empty());
    }
}
