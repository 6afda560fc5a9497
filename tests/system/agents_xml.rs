//! A week between a bank and its agent over ISO 20022 XML: what is said by documents settles as it does by protobuf, both books agree,
//! and the bank's log holds each document as it came. One that nobody can read is set aside, mended and taken.

use crate::agents::{decimal, lines, tie_out, wait_instruction};
use crate::audit;
use crate::seats::{CSD, HOUSE, Seat, Seats, breaks, call, wait_breaks, wait_settled};
use crate::served::by;
use crate::service::{name, options};
use crate::{Rig, Verdict};
use engine::Engine;
use kafka::{CONTENT_TYPE, Received};
use model::advice::{Advice, AdviceBody, CashEntry};
use model::command::{Command, Origin, Replay};
use model::date::Date;
use model::identifier::CurrencyCode;
use model::record::Content;
use model::timestamp::Timestamp;
use std::collections::BTreeMap;
use testkit::scenario::genesis;
use wire::pb::service as pb;

/// What one side trades on a day, and at which price.
type Side = &'static [(&'static str, &'static str)];

/// Each day's trades: ALPHA's, and the street's. What the agent settles in parts, the street takes in parts.
const WEEK: [(&str, Side, Side); 5] = [
    (
        "2026-11-23",
        &[("sells 100 SAP to", "120.00"), ("buys 30 SAP from", "120.01")],
        &[("buys 60 SAP from", "120.00"), ("sells 30 SAP to", "120.01"), ("buys 40 SAP from", "120.00")],
    ),
    (
        "2026-11-24",
        &[("buys 55 SAP from", "119.00"), ("sells 5 SAP to", "119.50")],
        &[("sells 55 SAP to", "119.00"), ("buys 5 SAP from", "119.50")],
    ),
    (
        "2026-11-25",
        &[("sells 57 SAP to", "118.00"), ("sells 7 SAP to", "118.25")],
        &[("buys 57 SAP from", "118.00"), ("buys 7 SAP from", "118.25")],
    ),
    (
        "2026-11-26",
        &[("buys 12 SAP from", "121.00"), ("buys 59 SAP from", "121.05")],
        &[("sells 12 SAP to", "121.00"), ("sells 59 SAP to", "121.05")],
    ),
    (
        "2026-11-27",
        &[("sells 58 SAP to", "122.00"), ("buys 1 SAP from", "122.10")],
        &[("buys 58 SAP from", "122.00"), ("sells 1 SAP to", "122.10")],
    ),
];

pub fn a_week(rig: &Rig) -> Verdict {
    let mut seats = Seats::new(rig, 60).over_xml();
    let (bank, agent) = (seats.start(Seat::Bank), seats.start(Seat::Agent));
    let mut settled = 0;
    for (day, (date, ours, theirs)) in WEEK.iter().enumerate() {
        let said = |side: Side, letter: &str, party: &str, other: &str| -> Vec<String> {
            let line = |(number, (verb, price)): (usize, &(&str, &str))| {
                format!("trade {letter}{day}{number} {party} {verb} {other} @ {price} isd={date} td=2026-11-23")
            };
            side.iter().enumerate().map(line).collect()
        };
        seats.say(&agent, Seat::Agent, &lines(&[&format!("open {date}")]));
        seats.trades(&said(ours, "A", "ALPHA", "BETA"));
        // The street speaks when the agent has all parts of what it takes in parts.
        wait_instruction(&bank, settled + 1, "the agent has accepted it", |row| {
            row.agent.as_ref().is_some_and(|agent| !agent.reference.is_empty())
        });
        seats.say(&agent, Seat::Agent, &said(theirs, "B", "BETA", "ALPHA"));
        settled += ours.len() as u64;
        wait_settled(&bank, settled);
        if day == 2 {
            poison(&seats, &bank, date);
        }
        seats.say(&agent, Seat::Agent, &lines(&[&format!("close {date}")]));
    }
    // The agent's balances at the end of each day say what our mirrors say, but for the fee that only a person had sent.
    let last = wait_statement(&seats);
    println!("    {settled} trades settled in five days; the last statement came at offset {last}");
    let open: Vec<String> = breaks(&bank).into_iter().map(|found| found.kind).collect();
    bank.terminate();
    agent.terminate();
    tie_out(&seats);
    documents(&seats, &open);
    Verdict::Passed
}

/// An agent's document that nobody can read: set aside with its bytes, mended by a person, and taken once.
fn poison(seats: &Seats<'_>, bank: &crate::served::Served, date: &str) {
    let fee = Advice {
        sender: name(CSD),
        id: name("BY-HAND-1"),
        reference: "YOURS-7".to_owned(),
        agent_reference: String::new(),
        body: AdviceBody::CashEntry(CashEntry {
            account: "ALPHA-CASH".to_owned(),
            currency: CurrencyCode::parse("EUR").expect("a currency"),
            amount: decimal("-7.00"),
            value_date: Date::parse(date).expect("a date"),
            code: "PMNT/MDOP/FEES".to_owned(),
            narrative: "custody".to_owned(),
        }),
    };
    let created = Timestamp::parse("2026-11-25T10:00:00Z").expect("an instant");
    let good = iso20022::write_advice(&fee, &name(HOUSE), created).expect("the standard has room");
    let bad =
        String::from_utf8(good.clone()).expect("text").replace("<Sts>", "<Standing>").replace("</Sts>", "</Standing>");
    assert_ne!(bad.as_bytes(), good);
    let before = breaks(bank).len();
    seats.put_as("text/xml; charset=utf-8", bad.as_bytes());
    // XML that does not say so is taken for protobuf, which it is not.
    seats.put_advice(&good);
    let listed = || {
        let mut operator = bank.operator();
        let asked = by("anna", pb::ListQuarantinedRequest::default());
        let answer = bank.runtime().block_on(async move { operator.list_quarantined(asked).await });
        answer.expect("answered").into_inner().records
    };
    crate::service::until("both are set aside", crate::served::LONG, || listed().len() == 2, &|| {
        format!("{:?}", listed())
    });
    let [set_aside, unsaid] = &listed()[..] else { panic!("two messages cannot be read") };
    assert_eq!(set_aside.path, "RequestPayload/Document/BkToCstmrDbtCdtNtfctn/Ntfctn/Ntry/Sts");
    println!("    set aside: {}: {}", set_aside.path, set_aside.reason);
    // A person takes the bytes out, mends them, and reads them as `quittance iso` does.
    let kept = kept_bytes(bank, set_aside.sequence);
    assert_eq!(kept, bad.as_bytes());
    let mended = String::from_utf8(kept).expect("text").replace("Standing>", "Sts>");
    let meant = iso20022::read_advice(mended.as_bytes()).expect("it can be read now");
    assert_eq!(meant, fee);
    let close = |sequence, replay, id: &str| {
        call(bank, &Command::CloseQuarantined { sequence, replay }, id).expect("closed");
    };
    close(set_aside.sequence, Some(Replay::Advice(Box::new(meant))), "close-xml");
    close(unsaid.sequence, None, "discard-xml");
    assert_eq!(wait_breaks(bank, before + 1).last().expect("one").kind, "UNEXPECTED_CASH");
    // The agent sends the mended one itself: known, whatever it is written in.
    seats.put_as("application/xml", &good);
    let mut protobuf = Vec::new();
    wire::settlement::encode_advice(&fee, &mut protobuf);
    seats.put_advice(&protobuf);
}

fn kept_bytes(bank: &crate::served::Served, sequence: u64) -> Vec<u8> {
    let mut log = bank.log();
    let asked = by("anna", pb::GetRecordRequest { sequence });
    let answer = bank.runtime().block_on(async move { log.get_record(asked).await }).expect("answered").into_inner();
    let stored = answer.record.expect("a record").stored;
    let Content::Decided { inbound, .. } = wire::record::decode(&stored).expect("a record").content else {
        panic!("the genesis is not set aside")
    };
    let Command::Quarantine(unreadable) = inbound.command else { panic!("it was set aside") };
    unreadable.bytes
}

fn is_xml(message: &Received) -> bool {
    kafka::is_xml(message.header(CONTENT_TYPE).as_bytes())
}

/// Waits until the agent has told the balances of the last day.
fn wait_statement(seats: &Seats<'_>) -> u64 {
    let found = || {
        let advices = seats.read(&seats.advices);
        let of_the_day = |message: &&Received| {
            is_xml(message)
                && iso20022::read_advice(&message.payload).is_ok_and(|advice| match advice.body {
                    AdviceBody::SecuritiesBalances(said) => said.date.to_string() == WEEK[4].0,
                    _ => false,
                })
        };
        advices.iter().find(of_the_day).map(|message| message.offset)
    };
    crate::service::until("the last statement", crate::served::LONG, || found().is_some(), &String::new);
    found().expect("just seen")
}

/// Everything between the two was XML, but for what was sent by hand; and each document of the agent is in the bank's log to the byte.
fn documents(seats: &Seats<'_>, open: &[String]) {
    let (instructions, advices) = (seats.read(&seats.instructions), seats.read(&seats.advices));
    assert!(instructions.len() >= 10 && instructions.iter().all(is_xml), "instructions go out as XML");
    for message in &instructions {
        let read = iso20022::read(&message.payload).expect("a document");
        assert!(matches!(read, iso20022::Message::Instruction(_)), "{read:?}");
    }
    let by_offset: BTreeMap<u64, &Received> = advices.iter().map(|message| (message.offset, message)).collect();
    let plain = advices.iter().filter(|message| !is_xml(message)).count();
    assert_eq!(plain, 2, "both by hand");

    let engine = Engine::start(options(&seats.log(Seat::Bank), genesis())).expect("the log opens");
    let mut kept = 0;
    for (record, bytes) in audit::stored(&engine.log()) {
        let Content::Decided { inbound, .. } = &record.content else { continue };
        let Origin::Kafka { topic, offset, .. } = &inbound.origin else { continue };
        if topic.as_str() != seats.advices {
            continue;
        }
        let message = by_offset[offset];
        match &inbound.command {
            Command::Advice(_) => {
                assert_eq!(wire::record::raw_message(&bytes), Some(&*message.payload));
                assert_eq!(wire::record::document(&bytes).is_some(), is_xml(message));
                kept += usize::from(is_xml(message));
            }
            Command::Quarantine(unreadable) => assert_eq!(unreadable.bytes, message.payload),
            other => panic!("{other:?}"),
        }
    }
    audit::stop_and_verify(engine);
    // Whoever shares no code with us finds the hash of the last document in the cursor.
    let audited = auditor::store(&seats.data(Seat::Bank), &auditor::Against::default(), &mut |_| {});
    assert_eq!(audited.verdict, auditor::Verdict::Good, "{:?} {:?}", audited.violation, audited.unknown);
    assert_eq!(kept, advices.len() - 3, "all but what was sent as protobuf and what could not be read");
    println!(
        "    {} instructions and {kept} advices as documents, each in the log to the byte; open breaks: {open:?}",
        instructions.len()
    );
}
