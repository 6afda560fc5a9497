//! `quittance fold`: the engine over a file, without server, broker or disk.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::{fail, quittance, run, small, stderr, succeed, text};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn every_record_is_a_line_and_the_same_file_gives_the_same_bytes() {
    let small = small();
    let once = succeed(&["fold", text(&small)]);
    assert_eq!(once, succeed(&["fold", text(&small)]));
    let records = lines(&once);
    for (place, record) in records.iter().enumerate() {
        // 64-bit numbers are texts in protobuf JSON.
        assert_eq!(record["sequence"], Value::from((place + 1).to_string()), "{record}");
    }
    assert_eq!(records[0]["genesis"]["house"], "FOLD");
    let last = &records.last().expect("records")["decided"];
    assert_eq!(last["rejected"]["reason"], "REJECTION_REASON_QUANTITY_NOT_POSITIVE", "{last}");
    let settled = |record: &&Value| record.to_string().contains("instructionsSettled");
    assert_eq!(records.iter().filter(settled).count(), 1, "{once}");
}

#[test]
fn the_views_say_what_settled_and_what_is_short() {
    let printed = succeed(&["fold", text(&small()), "--quiet", "--views"]);
    let rows = lines(&printed);
    let of = |view: &str| rows.iter().filter(|row| row["view"] == view).collect::<Vec<_>>();
    let status: Vec<_> = of("instruction").iter().map(|row| row["status"].as_str().unwrap_or("").to_owned()).collect();
    assert_eq!(status.iter().filter(|status| *status == "INSTRUCTION_STATUS_SETTLED").count(), 2, "{printed}");
    assert_eq!(status.iter().filter(|status| *status == "INSTRUCTION_STATUS_PENDING").count(), 2, "{printed}");
    let bravo = of("cash").into_iter().find(|row| row["account"] == "BRAVO-EUR").expect("its cash");
    assert_eq!(
        (bravo["settled"].as_str(), bravo["fundingNeed"].as_str()),
        (Some("1679.00"), Some("4428.00")),
        "{bravo}"
    );
    let ties = of("tie-out");
    assert!(!ties.is_empty() && ties.iter().all(|row| row["ties"] == true), "{printed}");
}

/// ALPHA opened with 1,000 that cost 61,000.00 and sold 300 for 18,321.00 (settled) and 100 for 6,107.00 (short of cash):
/// 400 of them cost 24,400.00, so 28.00 is earned and 600 are left.
#[test]
fn the_positions_have_lots_and_results() {
    let printed = succeed(&["fold", text(&small()), "--quiet", "--views"]);
    let rows = lines(&printed);
    let alpha = rows.iter().find(|row| row["view"] == "position" && row["book"] == "ALPHA-EQ").expect("its position");
    let of = |name: &str| alpha[name].as_str().unwrap_or("").to_owned();
    assert_eq!((of("traded"), of("settled")), ("600".into(), "700".into()), "{alpha}");
    assert_eq!((of("realised"), of("cost")), ("28.00".into(), "36600.00".into()), "{alpha}");
    assert_eq!((&alpha["lots"][0]["openedBy"], &alpha["method"]), (&"opened".into(), &"LOT_METHOD_FIFO".into()));
}

#[test]
fn it_reads_stdin_and_strict_minds_a_refusal() {
    let mut child = quittance(&["fold", "-", "--quiet", "--strict"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let commands = std::fs::read(small()).expect("the file");
    child.stdin.take().expect("a pipe").write_all(&commands).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("1 commands were refused"), "{}", stderr(&output));
}

#[test]
fn a_line_that_makes_no_sense_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("bad.ndjson");
    let good = std::fs::read_to_string(small()).expect("the file");
    let first = good.lines().next().expect("a line");
    std::fs::write(&file, format!("{first}\n{}\n", first.replace("\"setReference\"", "\"setReferense\"")))
        .expect("written");
    let said = fail(&["fold", text(&file)], 2);
    assert!(said.contains("bad.ndjson, line 2") && said.contains("setReferense"), "{said}");
    let said = stderr(&run(&["fold", "no-such-file.ndjson"]));
    assert!(said.contains("no-such-file.ndjson"), "{said}");
    fail(&["fold", "no-such-file.ndjson"], 4);
}
