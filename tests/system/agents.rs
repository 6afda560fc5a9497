//! A bank instructs, its agent settles and advises: both over a real broker, both killed, and what is told twice, wrongly or in bytes
//! that nobody can read.

use crate::seats::{CSD, Seat, Seats, breaks, call, commands, wait_breaks, wait_settled};
use crate::served::{LONG, Served, by};
use crate::service::{name, until};
use crate::{Rig, Verdict};
use model::advice::{Advice, AdviceBody, CashEntry, Confirmation};
use model::command::{Command, Replay};
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::CurrencyCode;
use model::instruction::Movement;
use std::collections::BTreeSet;
use wire::pb::service as pb;
use wire::pb::view::InstructionStatus;

pub fn lines(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Waits until the bank's side of an instruction is as described.
pub fn wait_instruction(bank: &Served, number: u64, what: &str, holds: impl Fn(&wire::pb::view::Instruction) -> bool) {
    use wire::pb::service::settlement_service_client::SettlementServiceClient;
    let get = || {
        let mut client = SettlementServiceClient::new(bank.channel());
        let request = by("anna", pb::GetInstructionRequest { number, ..Default::default() });
        bank.runtime().block_on(async move { client.get_instruction(request).await.ok()?.into_inner().instruction })
    };
    until(what, LONG, || get().is_some_and(|instruction| holds(&instruction)), &|| format!("{:?}", get()));
}

/// Trades in, instructions out, advices in, settled; in parts; and what contradicts us or cannot be read.
pub fn settle_and_advise(rig: &Rig) -> Verdict {
    let mut seats = Seats::new(rig, 60);
    let (bank, agent) = (seats.start(Seat::Bank), seats.start(Seat::Agent));
    seats.say(&agent, Seat::Agent, &lines(&["open"]));

    // A hundred are sold; the buyer takes sixty at first.
    seats.trades(&lines(&["trade S1 ALPHA sells 100 SAP to BETA @ 120.01 isd=today"]));
    wait_instruction(&bank, 1, "the agent has accepted it", |row| {
        row.agent.as_ref().is_some_and(|agent| !agent.reference.is_empty())
    });
    seats.say(&agent, Seat::Agent, &lines(&["trade B1 BETA buys 60 SAP from ALPHA @ 120.01 isd=today"]));
    let forty = |row: &wire::pb::view::Instruction| {
        row.quantity
            .is_some_and(|open| Decimal { unscaled: open.unscaled, scale: open.scale }.same_value(decimal("40")))
    };
    wait_instruction(&bank, 1, "forty are left", |row| forty(row) && row.status() != InstructionStatus::Settled);
    seats.say(&agent, Seat::Agent, &lines(&["trade B2 BETA buys 40 SAP from ALPHA @ 120.01 isd=today"]));
    wait_settled(&bank, 1);
    assert_eq!(breaks(&bank), []);

    // The agent says once more that it settled: mirrored, and a break.
    let again = Advice {
        sender: name(CSD),
        id: name("BY-HAND-1"),
        reference: "Q0-1".to_owned(),
        agent_reference: String::new(),
        body: AdviceBody::Confirmation(Box::new(Confirmation {
            movement: Movement::Deliver,
            instrument: String::new(),
            quantity: decimal("5"),
            currency: Some(CurrencyCode::parse("EUR").expect("a currency")),
            amount: Some(decimal("600.05")),
            partial: String::new(),
            effective_date: Date::parse("2026-11-23").expect("a date"),
            account: String::new(),
            cash_account: String::new(),
        })),
    };
    let mut bytes = Vec::new();
    wire::settlement::encode_advice(&again, &mut bytes);
    seats.put_advice(&bytes);
    assert_eq!(wait_breaks(&bank, 1)[0].kind, "SETTLED_AFTER_END");
    // The same bytes again change nothing.
    seats.put_advice(&bytes);

    // Bytes that are no advice: set aside with their place, while what comes after is taken.
    seats.put_advice(b"\x0a\x07QCSD-AG\x12");
    let fee = AdviceBody::CashEntry(CashEntry {
        account: "ALPHA-CASH".to_owned(),
        currency: CurrencyCode::parse("EUR").expect("a currency"),
        amount: decimal("-7.00"),
        value_date: Date::parse("2026-11-23").expect("a date"),
        code: "PMNT/MDOP/FEES".to_owned(),
        narrative: "custody".to_owned(),
    });
    let unread = Advice { id: name("BY-HAND-2"), reference: "YOURS-7".to_owned(), body: fee, ..again.clone() };
    bytes.clear();
    wire::settlement::encode_advice(&unread, &mut bytes);
    seats.put_advice(&bytes);
    assert_eq!(wait_breaks(&bank, 2)[1].kind, "UNEXPECTED_CASH");
    let mut operator = bank.operator();
    let listed = bank.runtime().block_on(async move {
        operator.list_quarantined(by("anna", pb::ListQuarantinedRequest::default())).await.expect("answered")
    });
    let [set_aside] = &listed.into_inner().records[..] else { panic!("one message cannot be read") };
    // A person closes it by what it should have been: taken as if the agent had said it, and it contradicts us.
    let meant = Advice { id: name("BY-HAND-3"), ..again };
    let replay = Some(Replay::Advice(Box::new(meant.clone())));
    let close = Command::CloseQuarantined { sequence: set_aside.sequence, replay };
    call(&bank, &close, "close-1").expect("closed");
    assert_eq!(wait_breaks(&bank, 3)[2].kind, "SETTLED_AFTER_END");
    // The agent has found its mistake and sends the same: known, and a fourth break does not come of it.
    bytes.clear();
    wire::settlement::encode_advice(&meant, &mut bytes);
    seats.put_advice(&bytes);

    // The day closes at the agent: its statement differs by what only the advices by hand said.
    seats.say(&agent, Seat::Agent, &lines(&["close"]));
    wait_breaks(&bank, 5);
    bank.terminate();
    agent.terminate();
    tie_out(&seats);
    Verdict::Passed
}

pub fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

/// Mirrors = what lies at the agent + what stands on break accounts.
pub fn tie_out(seats: &Seats<'_>) {
    let (ours, theirs) = (seats.balances(Seat::Bank), seats.balances(Seat::Agent));
    let mut checked = 0;
    for (place, amount) in ours.iter().filter(|(place, _)| !place.starts_with("breaks")) {
        let (_, asset) = place.split_once(' ').expect("an account and an asset");
        let broken = ours.get(&format!("breaks {asset}")).copied().unwrap_or(0);
        assert_eq!(*amount, theirs.get(place).copied().unwrap_or(0) + broken, "{place}: {ours:?} {theirs:?}");
        checked += 1;
    }
    println!("    {checked} mirrors = the agent's balances + breaks: {ours:?}");
    assert!(checked >= 2, "{ours:?}");
}

/// Both are killed in the middle, the bank twice: nothing is instructed twice, nothing is lost, and both books agree.
pub fn killed_in_the_middle(rig: &Rig) -> Verdict {
    const EACH: usize = 150;
    let mut seats = Seats::new(rig, 0);
    let (mut bank, mut agent) = (seats.start(Seat::Bank), seats.start(Seat::Agent));
    seats.say(&agent, Seat::Agent, &lines(&["open"]));
    let side = |number: usize, first: bool| {
        let sells = number.is_multiple_of(2) == first;
        let (party, other) = if first { ("ALPHA", "BETA") } else { ("BETA", "ALPHA") };
        let (verb, to) = if sells { ("sells", "to") } else { ("buys", "from") };
        let id = format!("{}{number}", if first { "A" } else { "B" });
        format!("trade {id} {party} {verb} {} SAP {to} {other} @ 10.0{} isd=today", number % 7 + 1, number % 10)
    };
    let all: Vec<String> = (1..=3 * EACH).map(|number| side(number, true)).collect();
    let street: Vec<String> = (1..=3 * EACH).map(|number| side(number, false)).collect();
    for round in 0..3 {
        // The language is played from the beginning, and only what is new is sent.
        let upto = (round + 1) * EACH;
        let fresh = |lines: &[String]| lines[round * EACH..upto].to_vec();
        seats.trades(&fresh(&all));
        for inbound in commands(Seat::Agent, &fresh(&street)) {
            let id = format!("street-{round}-{inbound:?}");
            let id = format!("street-{}", id.bytes().fold(7u64, |hash, byte| hash.wrapping_mul(31) + u64::from(byte)));
            call(&agent, &inbound.command, &id).expect("taken");
        }
        match round {
            0 => {
                bank.kill();
                bank = seats.start(Seat::Bank);
            }
            1 => {
                agent.kill();
                bank.kill();
                (bank, agent) = (seats.start(Seat::Bank), seats.start(Seat::Agent));
            }
            _ => {}
        }
    }
    wait_settled(&bank, 3 * EACH as u64);
    assert_eq!(breaks(&bank), []);

    let ids = |topic: &str| {
        let all = seats.read(topic);
        let distinct: BTreeSet<String> = all.iter().map(|message| message.header("ce_id").to_owned()).collect();
        (all.len(), distinct.len())
    };
    let (instructed, references) = ids(&seats.instructions);
    assert_eq!((instructed, references), (3 * EACH, 3 * EACH), "each instruction stands in the topic once");
    let (advised, distinct) = ids(&seats.advices);
    assert_eq!(advised, distinct, "each advice stands in the topic once");
    println!("    {instructed} instructions and {advised} advices, each once, bank and agent killed under them");
    bank.terminate();
    agent.terminate();
    tie_out(&seats);
    Verdict::Passed
}
