//! `quittance calc`: the example in each `--help` is run as it stands and compared with the answer in `calc/`.
//! `CALC_EXPECTED=write` writes the answers anew; the figures are checked by hand in the comments here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{fail, quittance, succeed};

fn expected(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/calc").join(name)
}

/// The example of a verb's help, without the indentation of the help.
fn example(verb: &str) -> String {
    let help = succeed(&["calc", verb, "--help"]);
    let (_, example) = help.split_once("Example:\n").unwrap_or_else(|| panic!("{verb} has no example:\n{help}"));
    example.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// Runs a line of shell with our binary first on the path.
fn shell(line: &str) -> (Option<i32>, String, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_quittance"));
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", line])
        .env("PATH", format!("{}:{path}", binary.parent().expect("a folder").display()))
        .env("COLUMNS", "110")
        .output()
        .expect("a shell");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Runs the example as table and as JSON, compares both with what is kept, and gives the JSON.
fn same_as_kept(verb: &str) -> Value {
    let line = example(verb);
    for (suffix, ending) in [("", "txt"), (" -o json", "json")] {
        let line = match line.strip_suffix(" -o table") {
            Some(line) if !suffix.is_empty() => format!("{line}{suffix}"),
            _ => format!("{line}{suffix}"),
        };
        let (code, found, said) = shell(&line);
        assert_eq!(code, Some(0), "{line}\n{found}{said}");
        let file = expected(&format!("{verb}.{ending}"));
        if std::env::var("CALC_EXPECTED").as_deref() == Ok("write") {
            fs::write(&file, &found).expect("written");
        }
        let kept = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(found, kept, "{line}");
    }
    let kept = fs::read_to_string(expected(&format!("{verb}.json"))).expect("kept");
    serde_json::from_str(&kept).expect("JSON")
}

fn with_input(verb: &str, input: &str) -> (Option<i32>, String) {
    let mut child = quittance(&["calc", verb, "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

/// Wednesday before Thanksgiving, T+1: Thursday is a holiday in the United States, Friday the day.
#[test]
fn settlement_date() {
    let answer = same_as_kept("settlement-date");
    assert_eq!(answer["settlementDate"], "2026-11-27");
    assert_eq!(answer["leftOut"], serde_json::json!(["2026-11-26"]));
}

/// Amounts 2.01 apart are over the tolerance of 2.00, and the dates differ: both reasons on both sides. With the same date
/// and 2.00 it matches at the deliverer's amount.
#[test]
fn matching() {
    let answer = same_as_kept("match");
    assert_eq!(answer["matched"], false);
    let codes: Vec<_> = answer["reasons"].as_array().expect("reasons").iter().map(|reason| &reason["code"]).collect();
    assert_eq!(codes, ["DDAT", "DMON", "DDAT", "DMON"]);
    let line = example("match").replace("18323.01", "18323.00").replace("2026-11-24", "2026-11-23");
    let (_, answer, said) = shell(&format!("{line} -o json"));
    let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}{said}"));
    assert_eq!((&answer["matched"], &answer["amount"]), (&Value::from(true), &Value::from("18321.00")));
}

/// 120 sold at 21: the 100 at 20 first, then 20 of the 50 at 23. 100 - 40 = 60; 30 at 23 are left.
#[test]
fn lots() {
    let answer = same_as_kept("lots");
    assert_eq!((&answer["realised"], &answer["fees"]), (&Value::from("60.00"), &Value::from("-3.50")));
    let lots = answer["lots"].as_array().expect("lots");
    assert_eq!(lots.len(), 1);
    assert_eq!((&lots[0]["opened"], &lots[0]["cost"]), (&Value::from("T2"), &Value::from("690.00")));
}

/// Domain notes 3.3. First close: 1,000 at 100 and 1.10, now 104 and 1.12: price 4,480, FX 2,000. Second: 400 sold at 105
/// and 1.11: price 2,220, FX 400; 600 left: price 5 * 600 * 1.11 = 3,330, FX 600 * 100 * 0.01 = 600; fees 22.20. T3,
/// known a day late: 10 at 103 and 1.12, price 20 * 1.11 = 22.20, FX 1,030 * -0.01 = -10.30. At the first close it would
/// have been 10 * 1 * 1.12 = 11.20: the adjustment.
#[test]
fn pnl() {
    let answer = same_as_kept("pnl");
    let row = |place: usize, name: &str| answer[place][name].as_str().unwrap_or("").to_owned();
    assert_eq!((row(0, "unrealised"), row(0, "unrealisedFx"), row(0, "total")), three("4480.00", "2000.00", "6480.00"));
    assert_eq!((row(1, "realised"), row(1, "realisedFx"), row(1, "fees")), three("2220.00", "400.00", "-22.20"));
    assert_eq!((row(1, "unrealised"), row(1, "unrealisedFx"), row(1, "total")), three("3352.20", "589.70", "6539.70"));
    assert_eq!((row(1, "day"), row(1, "adjustment"), row(1, "close")), three("48.50", "11.20", "2026-11-18"));
}

fn three(one: &str, two: &str, three: &str) -> (String, String, String) {
    (one.into(), two.into(), three.into())
}

/// Ten results: the worst is the tail of 10 percent. A quarter of them is 2.5: (310.25 + 120.50 + 90.00 / 2) / 2.5.
#[test]
fn value_at_risk() {
    let answer = same_as_kept("var");
    assert_eq!((&answer["valueAtRisk"], &answer["expectedShortfall"]), (&"310.250000".into(), &"190.300000".into()));
    assert_eq!((&answer["zone"], &answer["multiplier"]), (&"YELLOW".into(), &"1.70".into()));
}

/// T1: 5 days, 8 percent of 80,000. T2: 18 September to 23 November is 46 days, all of 50,000. T3: 3 days, nothing.
#[test]
fn capital() {
    let answer = same_as_kept("crr378");
    let rows = answer["trades"].as_array().expect("trades");
    let funds: Vec<_> = rows.iter().map(|row| (row["days"].as_u64(), row["ownFunds"].as_str())).collect();
    assert_eq!(funds, [(Some(5), Some("6400.00")), (Some(46), Some("50000.00")), (Some(3), Some("0.00"))]);
    assert_eq!((&answer["ownFunds"], &answer["riskWeighted"]), (&"56400.00".into(), &"705000.00".into()));
    let (code, said) = with_input("crr378", &capital_input("XX"));
    assert!(code == Some(2) && said.contains("no rule of XX is in force"), "{said}");
}

fn capital_input(jurisdiction: &str) -> String {
    format!(
        r#"{{"jurisdiction":"{jurisdiction}","date":"2026-11-23","calendar":"TARGET","currency":"EUR","trades":[]}}"#
    )
}

/// Domain notes 1.7: 1,000 at 30 with a debit of 25,000: call of 2,500, cured by a sale of 10,000. Half of what was bought
/// is asked, three settlement days after Monday: Thanksgiving is none, so Friday.
#[test]
fn margin() {
    let answer = same_as_kept("reg-t");
    let of = |name: &str| answer[name].as_str().unwrap_or("").to_owned();
    assert_eq!((of("equity"), of("maintenanceCall"), of("cureBySale")), three("5000.00", "2500.00", "10000.00"));
    assert_eq!((of("initialCall"), of("initialCallDue"), of("excess")), three("10000.00", "2026-11-27", "-10000.00"));
    // With 8,000 more in cash the excess before the trade was 8,000: so much of the 10,000 is there.
    let (_, answer, said) = shell(&format!("{} -o json", example("reg-t").replace("-25000.00", "-17000.00")));
    let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}{said}"));
    assert_eq!((&answer["initialCall"], &answer["maintenanceCall"]), (&"2000.00".into(), &"0.00".into()));
}

/// T1: 8,000 of price move. T2: sent free, 50,000 is owed. Together over BRAVO's 50,000. T3: 1,000.
#[test]
fn exposure() {
    let answer = same_as_kept("exposure");
    let sums = answer["counterparties"].as_array().expect("counterparties");
    assert_eq!((&sums[0]["exposure"], &sums[0]["breach"]), (&"58000.00".into(), &true.into()));
    assert_eq!((&sums[0]["headroom"], &sums[1]["exposure"]), (&"-8000.00".into(), &"1000.00".into()));
    // (58 / 59)² + (1 / 59)² = 0.96667…
    assert_eq!(answer["concentration"], "0.9667");
}

#[test]
fn input_is_strict() {
    let date = |body: &str| format!(r#"{{"tradeDate":"2026-11-25","days":1,"calendars":["TARGET"]{body}}}"#);
    assert_eq!(with_input("settlement-date", &date("")).0, Some(0));
    for (verb, input, says) in [
        ("settlement-date", date(r#","dayz":2"#), "unknown field `dayz`"),
        ("settlement-date", date(r#","days":2"#), "duplicate field `days`"),
        ("settlement-date", date("").replace("TARGET", "MARS"), "no calendar MARS is shipped; there are TARGET"),
        ("settlement-date", date("").replace("2026-11-25", "25.11.2026"), "25.11.2026"),
        ("settlement-date", date("").replace("2026", "2031"), "beyond 2024-01-01..=2030-12-31"),
        ("var", r#"{"results":[1.5]}"#.into(), "expected a string"),
        ("var", r#"{"results":["1e5"]}"#.into(), "unexpected 'e' at position 2"),
        ("var", r#"{"results":["1,000"]}"#.into(), "unexpected ',' at position 2"),
        ("var", r#"{"results":[]}"#.into(), "there are no observations"),
        ("crr378", capital_input("EU").replace("EUR", "XAU"), "XAU is no currency with a minor unit"),
        ("lots", r#"{"currency":"EUR","method":"LIFO","entries":[]}"#.into(), "unknown variant `LIFO`"),
        ("lots", r#"{"currency":"EUR","entries":[]}"#.into(), "give either method or policies"),
    ] {
        let (code, said) = with_input(verb, &input);
        assert!(code == Some(2) && said.contains(says), "{verb} {input}\n{said}");
    }
    let trade = |fields: &str| {
        let head = r#"{"currency":"EUR","method":"FIFO","entries":[{"id":"T1","tradeDate":"2026-11-25""#;
        format!("{head}{fields}}}]}}")
    };
    for (fields, says) in [
        (r#","quantity":"1.5","price":"2""#, "T1: 1.5 has more than 0 decimals"),
        (r#","quantity":"1","amount":"2.005""#, "T1: 2.005 has more than 2 decimals"),
        (r#","quantity":"1""#, "T1: give either price or amount"),
        (r#","quantity":"0","price":"2""#, "quantity zero"),
        (r#","quantity":"1","price":"2","rate":"1""#, "a rate needs a base currency"),
        (r#","income":"1.00","price":"2""#, "T1: income has no price"),
    ] {
        let (code, said) = with_input("lots", &trade(fields));
        assert!(code == Some(2) && said.contains(says), "{fields}\n{said}");
    }
    assert!(fail(&["calc", "lots", "no-such-file.json"], 4).contains("no-such-file.json"));
}
