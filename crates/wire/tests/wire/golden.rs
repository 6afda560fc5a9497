//! Golden bytes: what is in logs and topics must be read for ever, so a change of the format must be seen.
//!
//! `WIRE_GOLDEN=write cargo test -p wire golden` writes the files anew; then say in the change why the format changed.

use crate::sample;
use std::fmt::Write as _;
use std::path::PathBuf;
use wire::{json, record, trade};

/// The bytes as lines of hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.chunks(40).fold(String::new(), |mut text, line| {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text + "\n"
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.bytes().filter(|byte| *byte != b'\n').collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn check(name: &str, found: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("WIRE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(found, golden, "{name}: the format changed, and logs and topics are full of the old one");
    golden
}

#[test]
fn golden_records() {
    for (name, record) in sample::all() {
        let mut bytes = Vec::new();
        record::encode(&record, None, &mut bytes);
        let golden = check(&format!("record-{name}.hex"), &hex(&bytes));
        assert_eq!(record::decode(&unhex(&golden)).as_ref(), Ok(&record));
        check(&format!("record-{name}.json"), &(pretty(&json::record_to_json(&record)) + "\n"));
    }
}

#[test]
fn golden_trade() {
    let mut bytes = Vec::new();
    trade::encode(&sample::trade(), &mut bytes);
    let golden = check("trade.hex", &hex(&bytes));
    assert_eq!(trade::decode(&unhex(&golden)), Ok(sample::trade()));
    let text = serde_json::to_string(&trade::into_wire(&sample::trade())).unwrap();
    check("trade.json", &(pretty(&text) + "\n"));
}

fn pretty(text: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(text).unwrap()).unwrap()
}
