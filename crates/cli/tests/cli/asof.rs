//! What was known when, which record did it, and what other parameters would have done: asked by the binary.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::service::{Server, data};
use crate::{fail, run, small, stderr, succeed, text};

const TIGHT: &str = r#"{"setReference":{"tolerance":{"currency":"EUR","validFrom":20260101,"bands":[{"upTo":"100000.00","tolerance":"0.20"},{"tolerance":"25.00"}],"recompute":"0.01"}}}"#;

/// The small market, and one more deal: ALPHA sells ten for 610.70, BRAVO says 611.20; the tolerance is 2.00. Then the day's
/// cut-off passes, which says why what is unmatched is so; the day stays open.
fn market(dir: &Path) -> PathBuf {
    let small = std::fs::read_to_string(small()).expect("a file");
    let deal = |id: &str, other: &str| {
        let line = small.lines().find(|line| line.contains(&format!("\"id\":\"{id}\""))).expect("a trade");
        line.replace(id, other).replace(r#""quantity":"100""#, r#""quantity":"10""#).replace("6107.00", "610.70")
    };
    let (sold, bought) = (deal("A-2", "A-4"), deal("B-2", "B-4"));
    let bought = bought.replace("61.07\"", "61.12\"").replace("610.70", "611.20");
    let later = |line: String| line.replace("2026-11-23T08:00:0", "2026-11-23T08:01:0");
    let path = dir.join("market.ndjson");
    let cut_off = r#"{"at":"2026-11-23T15:00:00Z","actor":"timer","reason":"","command":{"day":{"domain":"QCSD","cutOff":{"date":20261123,"currency":"EUR"}}}}"#;
    std::fs::write(&path, format!("{small}{}\n{}\n{cut_off}\n", later(sold), later(bought))).expect("writes");
    path
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&succeed(&[arguments, &["-o", "json"]].concat())).expect("JSON")
}

/// A data directory with the market's log, and the record of a trade.
struct Log {
    _dir: tempfile::TempDir,
    data: PathBuf,
    market: PathBuf,
}

fn log() -> Log {
    let (dir, data) = data();
    let market = market(dir.path());
    let server = Server::start(&data);
    let output = run(&["submit", text(&market), "--server", &server.address]);
    assert!(stderr(&output).len() < 10_000, "one is refused: {}", stderr(&output));
    server.stop();
    Log { _dir: dir, data, market }
}

impl Log {
    fn record(&self, about: &str) -> u64 {
        let list = json(&["log", "list", "--data", text(&self.data)]);
        let found = list.as_array().expect("a list").iter().find(|each| each["about"] == about);
        found.and_then(|each| each["sequence"].as_u64()).unwrap_or_else(|| panic!("{about}: {list:#}"))
    }

    fn ask(&self, arguments: &[&str]) -> Value {
        json(&[arguments, &["--data", text(&self.data)]].concat())
    }
}

#[test]
fn the_first_record_after_which_something_holds() {
    let log = log();
    let settled = log.record("FO-BRAVO B-1 v1");
    let spent = r#"balance("BRAVO-EUR","EUR") > 0 and balance("BRAVO-EUR","EUR") < 20000"#;
    let found = log.ask(&["log", "bisect", "--predicate", spent]);
    assert_eq!((found["sequence"].as_u64(), &found["command"]), (Some(settled), &"trade".into()), "{found:#}");
    let change = &found["figures"][0];
    assert_eq!((&change["before"], &change["after"]), (&"20000.00".into(), &"1679.00".into()), "{found:#}");
    assert!(found["at"].as_str().is_some_and(|at| at.starts_with("2026-")) && found["actor"].is_string(), "{found:#}");

    let found = log.ask(&["log", "bisect", "-p", r#"status("A-2") = matched and status("A-1") = settled"#]);
    assert_eq!(found["sequence"].as_u64(), Some(log.record("FO-BRAVO B-2 v1")), "{found:#}");
    assert_eq!(found["figures"][0]["before"], "instructed", "{found:#}");
    // The first half held at the beginning and holds at the end, and not in between.
    let below = r#"not balance("BRAVO-EUR","EUR") > 1068.30 and book("BRAVO-EQ","TTE") = 410"#;
    let found = log.ask(&["log", "bisect", "-p", below]);
    assert_eq!(found["sequence"].as_u64(), Some(log.record("FO-BRAVO B-4 v1")), "{found:#}");
    let opened = log.ask(&["log", "bisect", "-p", r#"balance("BRAVO-EUR","EUR") = 20000.00"#]);
    assert!(opened["sequence"].as_u64() < Some(settled), "it held, and then no more: {opened:#}");

    let data = text(&log.data);
    let said = fail(&["log", "bisect", "--data", data, "-p", r#"balance("BRAVO-EUR") < 0"#], 2);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[2], format!("{:21}^", ""), "the caret stands below the bracket:\n{said}");
    fail(&["log", "bisect", "--data", data, "-p", r#"balance("BRAVO-EUR","EUR") < 0"#], 4);
}

#[test]
fn a_tighter_tolerance_would_leave_one_deal_unmatched() {
    let log = log();
    let data = text(&log.data);
    // As it was decided it is decided again.
    assert_eq!(log.ask(&["log", "diff", "--exit-code"]), Value::Array(Vec::new()));

    let with = log.market.with_file_name("tight.ndjson");
    let tolerance = log.record("tolerance EUR");
    std::fs::write(&with, format!("{{\"replace\":{tolerance},\"command\":{TIGHT}}}\n")).expect("writes");
    let rows = log.ask(&["log", "diff", "--with", text(&with)]);
    let rows = rows.as_array().expect("a list");
    let mut trades: Vec<_> = rows.iter().filter_map(|row| row["trade"].as_str()).collect();
    trades.dedup();
    assert_eq!(trades, ["A-4", "B-4"], "the two sides of one deal: {rows:#?}");
    let of = |what: &str| {
        let row = rows.iter().find(|row| row["trade"] == "A-4" && row["what"] == what);
        row.map(|row| (row["one"].as_str().expect("text"), row["other"].as_str().expect("text")))
    };
    assert_eq!(of("status"), Some(("settled", "instructed")));
    assert_eq!(of("instruction 1 status"), Some(("settled", "unmatched")));
    assert_eq!(of("instruction 1 reasons"), Some(("", "DMON")));
    assert_eq!(of("instruction 1 matched amount"), Some(("610.70", "")));
    assert_eq!(of("instruction 1 settled on"), Some(("2026-11-23", "")));
    assert_eq!(of("amount"), None);
    fail(&["log", "diff", "--data", data, "--with", text(&with), "--exit-code"], 1);

    // The same from files, as two builds would have written them.
    let (one, other) = (log.market.with_file_name("one.ndjson"), log.market.with_file_name("other.ndjson"));
    succeed(&["log", "export", "--data", data, "--stored", "--file", text(&one)]);
    succeed(&["log", "decide", "--data", data, "--with", text(&with), "--file", text(&other)]);
    let files = json(&["log", "diff", text(&one), text(&other)]);
    assert_eq!(files.as_array(), Some(rows));
    succeed(&["log", "decide", "--data", data, "--file", text(&other)]);
    assert_eq!(json(&["log", "diff", text(&one), text(&other), "--exit-code"]), Value::Array(Vec::new()));

    // A trade that was never sent, and one that was.
    std::fs::write(&with, format!("{{\"drop\":{}}}\n", log.record("FO-BRAVO B-4 v1"))).expect("writes");
    let dropped = log.ask(&["log", "diff", "--with", text(&with)]);
    let gone = dropped.as_array().expect("a list").iter().find(|row| row["trade"] == "B-4" && row["what"] == "status");
    assert_eq!(gone.map(|row| (&row["one"], &row["other"])), Some((&"settled".into(), &"unknown".into())));

    for (line, why) in [
        (r#"{"replace":3}"#.to_owned(), "needs a `command`"),
        (format!(r#"{{"replace":99999,"command":{TIGHT}}}"#), "record 99999 holds no command"),
        (format!(r#"{{"replace":3,"after":4,"command":{TIGHT}}}"#), "write one of replace, after and drop"),
        ("{\"drop\":5}\n{\"drop\":5}".to_owned(), "line 2: record 5 is replaced or dropped twice"),
        (r#"{"dorp":5}"#.to_owned(), "unknown field `dorp`"),
    ] {
        std::fs::write(&with, line).expect("writes");
        let said = fail(&["log", "diff", "--data", data, "--with", text(&with)], 2);
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_server_and_a_directory_say_what_was_known() {
    let log = log();
    let before = log.record("FO-BRAVO B-1 v1") - 1;
    let server = Server::start(&log.data);
    let known = before.to_string();
    let ask = |arguments: &[&str]| json(&[arguments, &["--server", &server.address]].concat());
    let settled = |rows: Value| {
        rows.as_array().expect("a list").iter().filter(|row| row["status"] == "INSTRUCTION_STATUS_SETTLED").count()
    };
    assert_eq!(settled(ask(&["instructions", "list"])), 4);
    assert_eq!(settled(ask(&["instructions", "list", "--known-at", &known])), 0);
    let output = run(&["cash", "list", "--known-at", &known, "--server", &server.address]);
    assert!(stderr(&output).contains(&format!("as known at record {known}")), "{}", stderr(&output));
    let traded = |rows: Value| {
        rows.as_array().expect("a list").iter().find(|row| row["book"] == "ALPHA-EQ").expect("held")["traded"].clone()
    };
    assert_eq!(traded(ask(&["positions", "list", "--effective-at", "2026-11-19"])), "-410");
    assert_eq!(traded(ask(&["positions", "list", "--effective-at", "2026-11-19", "--known-at", &known])), "-300");
    let refused = |arguments: &[&str], why: &str| {
        let said = fail(&[arguments, &["--server", &server.address]].concat(), 2);
        assert!(said.contains(why), "{said}");
    };
    refused(&["cash", "list", "--effective-at", "2026-11-19"], "has no effective date");
    refused(&["cash", "list", "--known-at", "2026-11-23"], "is not over");
    refused(&["cash", "list", "--known-at", "99999"], "the log ends at");
    refused(&["cash", "list", "--known-at", "soon"], "neither the sequence of a record nor");
    refused(&["day", "close", "QCSD", "2026-11-23", "--known-at", "3"], "is not a question about an earlier record");
    server.stop();

    let listed = ["log", "list", "--data", text(&log.data), "--known-at", &known];
    assert!(fail(&listed, 2).contains("records are what they are"));
    // The same rows straight from the files.
    let printed = succeed(&["log", "views", "--data", text(&log.data), "--known-at", &known]);
    let rows: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |view: &str| rows.iter().filter(|row| row["view"] == view).count();
    assert_eq!((of("instruction"), of("trade")), (1, 0), "{printed}");
    assert!(rows.iter().all(|row| row["knownAt"] == before), "every row says where it stands: {printed}");
    let dated = ["log", "views", "--data", text(&log.data), "--effective-at", "2026-11-19"];
    assert!(fail(&dated, 1).contains("has no effective date"));
    let positions = succeed(&[&dated[..], &["--view", "position"]].concat());
    assert!(positions.lines().any(|line| line.contains(r#""traded":"-410""#)), "{positions}");
}
