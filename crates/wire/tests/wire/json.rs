//! JSON: readable, there and back, and helpful about what is wrong.

use crate::{any, sample};
use model::command::Origin;
use proptest::prelude::*;
use wire::json;

const LINE: &str = r#"{"at":"2026-11-21T09:30:15.123456Z","actor":"front-office","reason":"file","command":{"trade":{
    "source":"MUREX","id":"T-1","version":1,"action":"ACTION_NEW","details":{"party":"QBANK-EU","counterparty":"ALPHA-SEC",
    "book":"EQ-FLOW-1","side":"SIDE_BUY","instrument":"DE0007164600","quantity":"1500","price":"182.46",
    "tradeDate":20261120,"currency":"EUR","gross":"273690.00","net":"273744.74","domain":"T2S-CBF",
    "quantity_type":"QUANTITY_TYPE_UNIT","price_type":"PRICE_TYPE_AMOUNT","method":"METHOD_DVP"}}}}"#;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_go_there_and_back(inbound in any::record::inbound()) {
        let inbound = model::command::Inbound { origin: Origin::File { line: 7 }, ..inbound };
        let text = json::inbound_to_line(&inbound);
        prop_assert_eq!(json::inbound_from_line(&text, 7), Ok(inbound), "{}", text);
    }

    #[test]
    fn every_record_has_a_text(record in any::record::record()) {
        let text = json::record_to_json(&record);
        prop_assert!(serde_json::from_str::<wire::pb::record::Record>(&text).is_ok(), "{}", text);
    }
}

#[test]
fn a_line_is_read() {
    let inbound = json::inbound_from_line(LINE, 3).unwrap();
    assert_eq!(inbound.origin, Origin::File { line: 3 });
    assert_eq!((inbound.actor.as_str(), &*inbound.reason, inbound.at), ("front-office", "file", sample::at()));
    let model::command::Command::Trade(trade) = inbound.command else { panic!("a trade") };
    let details = trade.details.unwrap();
    assert_eq!((details.net.to_string(), details.trade_date.to_string()), ("273744.74".into(), "2026-11-20".into()));
}

#[test]
fn decimals_may_be_written_in_three_ways() {
    for written in [r#"{"unscaled":"15000","scale":1}"#, r#""1500.0""#] {
        let text = LINE.replace(r#""1500""#, written);
        let model::command::Command::Trade(trade) = json::inbound_from_line(&text, 1).unwrap().command else {
            panic!("a trade")
        };
        assert_eq!(trade.details.unwrap().quantity.to_string(), "1500.0");
    }
    assert!(json::inbound_from_line(&LINE.replace(r#""1500""#, "1500"), 1).is_ok());
    let refused = json::inbound_from_line(&LINE.replace(r#""1500""#, "1500.5"), 1).unwrap_err().to_string();
    assert!(refused.contains("expected a decimal number as a text like \"12.50\""), "{refused}");
    let refused = json::inbound_from_line(&LINE.replace(r#""1500""#, r#""1,500""#), 1).unwrap_err().to_string();
    assert!(refused.contains("unexpected ',' at position 2"), "{refused}");
}

#[test]
fn refusals_help() {
    for (from, to, expected) in [
        ("\"at\":\"2026-11-21T09:30:15.123456Z\",", "", "at: is required and missing"),
        ("15.123456Z", "15.1234567Z", "at: finer than a microsecond"),
        ("\"actor\":\"front-office\",", "", "actor: is required and missing"),
        (
            "20261120",
            "20261132",
            "command.trade.details.trade_date: 20261132 is no date of the form YYYYMMDD: there is no day 2026-11-32",
        ),
        ("\"book\":\"EQ-FLOW-1\",", "", "command.trade.details.book: is required and missing"),
        (
            "EQ-FLOW-1",
            "EQ FLOW 1",
            "command.trade.details.book: identifier: ' ' at position 3, expected one of A-Z a-z 0-9 . _ : / + -",
        ),
    ] {
        assert_eq!(json::inbound_from_line(&LINE.replace(from, to), 1).unwrap_err().to_string(), expected);
    }
    let refused = json::inbound_from_line(&LINE.replace("\"book\"", "\"bock\""), 1).unwrap_err().to_string();
    assert!(
        refused.starts_with("unknown field `bock`, expected one of `party`") && refused.contains("at line 3 column 10"),
        "{refused}"
    );
    let refused = json::inbound_from_line(&LINE.replace("SIDE_BUY", "BUY"), 1).unwrap_err().to_string();
    assert!(refused.contains("unknown variant `BUY`, expected one of `SIDE_UNSPECIFIED`"), "{refused}");
    assert!(json::inbound_from_line("", 1).unwrap_err().reason.contains("EOF"));
}
