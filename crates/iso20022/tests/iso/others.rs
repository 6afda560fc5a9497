//! Documents of another writer: Prowide's, from the tables in `oracle/tables`, in older versions too, with prefixes and with more
//! than we look at. `deploy/dev/iso-oracle.sh` writes them anew and compares.

use crate::samples::{currency, day, id, number};
use iso20022::Message;
use model::advice::*;
use model::instruction::Movement;
use std::fs;
use std::path::Path;

fn read(name: &str) -> Vec<Advice> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/others").join(format!("{name}.xml"));
    match iso20022::read(&fs::read(path).expect("a document")) {
        Ok(Message::Advices(advices)) => advices,
        other => panic!("{name}: {other:?}"),
    }
}

fn only(name: &str) -> Advice {
    let mut advices = read(name);
    assert_eq!(advices.len(), 1, "{name}");
    advices.remove(0)
}

/// Tokyo's Tuesday morning is Monday in UTC: the day is the one that Tokyo settled on.
#[test]
fn a_confirmation_of_a_custodian() {
    let said = only("confirmation-v08");
    assert_eq!((said.sender, said.id), (id("CSTDJPJTXXX"), id("JP20261124-001")));
    assert_eq!((&*said.reference, &*said.agent_reference), ("Q0-17", "JPX-99812"));
    let confirmation = Confirmation {
        movement: Movement::Receive,
        instrument: "JP1103441G95".to_owned(),
        quantity: number("40000000"),
        currency: Some(currency("JPY")),
        amount: Some(number("40012345")),
        partial: "PARC".to_owned(),
        effective_date: day("2026-11-24"),
        account: "7001-ALPHA".to_owned(),
        cash_account: "7001-JPY".to_owned(),
    };
    assert_eq!(said.body, AdviceBody::Confirmation(Box::new(confirmation)));
}

#[test]
fn of_several_statuses_the_one_that_says_most() {
    let said = only("status-v10");
    assert_eq!((&*said.reference, &*said.agent_reference), ("Q0-18", "QCSD-18"));
    let AdviceBody::Status(Status { status, reasons, narrative }) = said.body else { panic!("a status") };
    assert_eq!((&*status, &*narrative), ("PEND", "Short of 200; Own rule 1"));
    assert_eq!(reasons, ["LACK", "QX01"]);

    let said = only("status-cancelling-v13");
    assert_eq!(said.reference, "");
    let AdviceBody::Status(Status { status, reasons, .. }) = said.body else { panic!("a status") };
    assert_eq!((&*status, reasons), ("CANP", vec!["CONF".to_owned()]));
}

#[test]
fn answers_quote_the_request() {
    let said = only("cancellation-answer-v06");
    assert_eq!((&*said.reference, &*said.agent_reference), ("Q0-18-1", "QCSD-18"));
    let AdviceBody::CancellationAnswer(answer) = said.body else { panic!("an answer") };
    assert_eq!((&*answer.status, answer.reasons), ("DEND", vec!["DPRG".to_owned()]));

    let said = only("modification-answer-v08");
    assert_eq!((&*said.reference, &*said.agent_reference), ("Q0-18-2", "QCSD-18"));
    let AdviceBody::ModificationAnswer(answer) = said.body else { panic!("an answer") };
    assert_eq!((&*answer.status, &*answer.narrative), ("MODC", "Released"));
}

/// What takes an allegement back names the agent's transaction, not the message that told of it.
#[test]
fn an_allegement_is_known_by_what_takes_it_back() {
    let said = only("allegement-v09");
    let allegement = Allegement {
        movement: Movement::Deliver,
        instrument: "710000".to_owned(),
        quantity: number("250.5"),
        currency: None,
        amount: None,
        trade_date: Some(day("2026-11-20")),
        settlement_date: None,
        counterparty: "Delta Kapital GmbH".to_owned(),
        account: "ALPHA-DEPOT-1".to_owned(),
    };
    assert_eq!((said.id.as_str(), &*said.agent_reference), ("ALLEGE-77", "MI-77"));
    assert_eq!(said.body, AdviceBody::Allegement(Box::new(allegement)));
    let removal = only("removal-v05");
    let AdviceBody::AllegementRemoval(removed) = removal.body else { panic!("a removal") };
    assert_eq!((removal.id.as_str(), removed.allegement), ("BMI-6", said.id));
}

#[test]
fn each_entry_is_an_advice() {
    let entries: Vec<String> = read("entries-v08")
        .into_iter()
        .map(|said| {
            let AdviceBody::CashEntry(entry) = said.body else { panic!("an entry") };
            let CashEntry { account, currency, amount, value_date, code, narrative } = entry;
            format!("{} {} {account} {currency} {amount} {value_date} {code} {narrative}", said.id, said.reference)
        })
        .collect();
    assert_eq!(
        entries,
        [
            "NTF-8/1 Q0-5 DE89370400440532013000 EUR 120288.33 2026-11-25 SECU/SETT/TRAD ",
            // Whose of the two it was, nobody can say.
            "NTF-8/2  DE89370400440532013000 EUR -10 2026-11-24 FEES Two fees",
            "NTF-8/3  ALPHA-USD USD 1.5 2026-11-24 RVSL ",
        ]
    );
    let AdviceBody::CashEntry(entry) = only("entry-v02").body else { panic!("an entry") };
    assert_eq!((entry.amount, &*entry.code), (number("-75"), "CHRG"));
}

#[test]
fn closing_balances_are_those_of_what_is_booked() {
    let balances: Vec<CashBalances> = read("statement-v08")
        .into_iter()
        .map(|said| match said.body {
            AdviceBody::CashBalances(balances) => balances,
            other => panic!("{other:?}"),
        })
        .collect();
    let of = |account: &str, code: &str, amount: &str| CashBalances {
        account: account.to_owned(),
        date: day("2026-11-24"),
        lines: vec![CashBalance { currency: currency(code), amount: number(amount) }],
    };
    assert_eq!(balances, [of("DE89370400440532013000", "EUR", "-200.55"), of("ALPHA-USD", "USD", "0")]);
}

#[test]
fn a_page_is_not_the_whole() {
    let AdviceBody::SecuritiesBalances(said) = only("holdings-v10").body else { panic!("holdings") };
    assert_eq!((said.date, said.complete), (day("2026-11-24"), false));
    let lines: Vec<String> = said.lines.iter().map(|line| format!("{} {}", line.instrument, line.quantity)).collect();
    assert_eq!(lines, ["JP1103441G95 100000000", "JP3633400001 -300"]);
}
