//! A server on a log of its own, asked and told by the binary, then its files verified, rebuilt and damaged.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::{fail, quittance, run, small, stderr, stdout, succeed, text};

/// A server that ends with the test.
pub struct Server {
    child: Child,
    pub address: String,
}

impl Server {
    pub fn start(data: &Path) -> Server {
        Server::start_with(data, &["--insecure-plaintext"])
    }

    /// The same with more flags.
    pub fn start_with(data: &Path, flags: &[&str]) -> Server {
        let fixed = [
            "serve",
            "--data",
            text(data),
            "--listen",
            "127.0.0.1:0",
            "--metrics",
            "",
            "--console",
            "",
            "--set",
            "engine.timer=false",
        ];
        let mut child = quittance(&[&fixed[..], flags].concat())
            .env("NO_COLOR", "1")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let address = loop {
            let line = lines.next().expect("it says where it listens").expect("text");
            if let Some((_, rest)) = line.split_once("grpc=") {
                break rest.split_whitespace().next().expect("an address").to_owned();
            }
        };
        // Somebody must read what it says, or it stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, address }
    }

    fn ask(&self, arguments: &[&str]) -> String {
        succeed(&[arguments, &["--server", &self.address]].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ask(&[arguments, &["-o", "json"]].concat())).expect("JSON")
    }

    /// As a service manager ends it.
    pub fn stop(mut self) {
        let status = std::process::Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success());
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn data() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    succeed(&["init", "--data", text(&data), "--house", "ALPHA"]);
    (dir, data)
}

#[test]
fn a_file_is_submitted_and_the_views_and_the_log_are_asked() {
    let (_dir, data) = data();
    let server = Server::start(&data);
    let small = small();

    // One command of the file is refused, and the exit code says so.
    let output = run(&["submit", text(&small), "--server", &server.address]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("QUANTITY_NOT_POSITIVE"), "{}", stdout(&output));
    // Sent again, all of it is known.
    let output = run(&["submit", text(&small), "--server", &server.address, "-o", "ndjson"]);
    let outcomes: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(
        outcomes.iter().filter(|line| line["outcome"] == "duplicate").count(),
        outcomes.len() - 1,
        "{}",
        stdout(&output)
    );

    let pending = server.json(&["instructions", "list", "--status", "pending"]);
    let numbers: Vec<&str> =
        pending.as_array().expect("a list").iter().filter_map(|each| each["number"].as_str()).collect();
    assert_eq!(numbers.len(), 2, "{pending}");
    let trade = server.json(&["trades", "get", "FO-ALPHA", "A-1"]);
    assert_eq!(trade["status"], "TRADE_STATUS_SETTLED", "{trade}");
    let why = server.ask(&["instructions", "why", numbers[1]]);
    assert!(why.contains("waits until BRAVO-EUR can give 6,107.00 EUR") || why.contains("lacks the cash"), "{why}");

    // A person holds, releases, and is told when there is nothing to do.
    server.ask(&["instructions", "hold", numbers[0], "--reason", "client asked"]);
    let refused = fail(&["instructions", "hold", numbers[0], "--reason", "again", "--server", &server.address], 1);
    assert!(refused.contains("NOTHING_TO_CHANGE"), "{refused}");
    server.ask(&["instructions", "release", numbers[0], "--reason", "client confirmed"]);
    fail(&["trades", "get", "FO-ALPHA", "A-99", "--server", &server.address], 4);

    let cash = server.ask(&["cash", "list", "-o", "csv"]);
    assert!(cash.starts_with("account,ccy,settled,projected,"), "{cash}");
    assert!(cash.contains("ALPHA-EUR,EUR,18321.00,24428.00"), "{cash}");
    assert!(server.ask(&["ledger", "tie-outs"]).lines().count() > 2);
    assert!(server.ask(&["day", "show"]).contains("2026-11-23"));
    server.ask(&["day", "close", "QCSD", "2026-11-23"]);
    server.ask(&["day", "open", "QCSD", "2026-11-24"]);
    assert!(server.ask(&["status"]).contains("running"));

    // A trade by flags, its amounts worked out.
    let receipt = server.ask(&[
        "submit",
        "trade",
        "--source",
        "FO-BRAVO",
        "--id",
        "B-9",
        "--party",
        "BRAVO",
        "--counterparty",
        "ALPHA",
        "--book",
        "BRAVO-EQ",
        "--buy",
        "10",
        "--instrument",
        "FR0000120271",
        "--price",
        "61.07",
        "--currency",
        "EUR",
        "--domain",
        "QCSD",
        "--trade-date",
        "2026-11-24",
    ]);
    assert!(receipt.contains("instruction"), "{receipt}");

    let listed = server.ask(&["log", "list", "--last", "5"]);
    assert!(listed.contains("FO-BRAVO B-9 v1"), "{listed}");
    let exported = server.ask(&["log", "export"]);
    server.stop();
    // The same from the files.
    assert_eq!(exported, succeed(&["log", "export", "--data", text(&data)]));
}

/// What is computed when it is asked is followed: the snapshot, a token, and from the token on what has changed.
#[test]
fn computed_answers_are_followed_from_a_token_on() {
    let (_dir, data) = data();
    let server = Server::start(&data);
    let output = run(&["submit", text(&small()), "--server", &server.address]);
    assert_eq!(output.status.code(), Some(1), "one of them is refused: {}", stderr(&output));
    let watch = |arguments: &[&str]| {
        let output = run(&[arguments, &["--take", "1", "--server", &server.address]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let said = stderr(&output);
        let token = said.split_once("--resume ").expect("a token").1.trim().to_owned();
        (stdout(&output), said, token)
    };
    let (found, said, token) = watch(&["risk", "watch", "--counterparty", "BRAVO"]);
    assert!(found.is_empty() && said.contains("that is what is used at record"), "{found}{said}");
    let limit = r#"{"actor":"ines.data","reason":"test","command":{"setReference":{"counterpartyLimit":{"entity":"ALPHA","counterparty":"BRAVO",
        "kind":"LIMIT_KIND_PRE_SETTLEMENT","currency":"EUR","validFrom":20261101,"amount":"1.00","onBreach":"ON_BREACH_WARN"}}}}"#;
    let file = data.with_file_name("limit.ndjson");
    std::fs::write(&file, limit.replace('\n', " ")).expect("written");
    server.ask(&["submit", text(&file)]);
    let (found, ..) = watch(&["risk", "watch", "--counterparty", "BRAVO", "--resume", &token]);
    assert!(found.contains("BRAVO") && found.contains("of 1.00"), "{found}");

    let (found, _, token) = watch(&["margin", "watch", "--forecast", "-o", "ndjson"]);
    let snapshot: Value = serde_json::from_str(&found).expect("JSON");
    let unpriced = snapshot["snapshot"]["rows"]["basis"]["unpriced"].as_str().expect("no prices are recorded");
    assert!(unpriced.contains("there is no set of prices and rates"), "{unpriced}");
    let (found, said, _) = watch(&["pnl", "watch"]);
    assert!(found.is_empty() && said.contains("nothing is computed yet"), "{found}{said}");
    let (_, said, _) = watch(&["risk", "exposure", "--follow"]);
    assert!(said.contains("nothing is computed yet"), "{said}");
    for (arguments, row) in [
        (&["cash", "watch", "--currency", "EUR"][..], "to be funded"),
        (&["coverage", "watch"], "uncovered"),
        (&["report", "--follow"], "straight through"),
    ] {
        let (found, said, _) = watch(arguments);
        assert!(found.contains(row) && said.contains("that is how it stands at record"), "{found}{said}");
    }
    fail(&["report", "--take", "1", "--server", &server.address], 2);
    // Of another question the token says nothing.
    fail(&["margin", "watch", "--resume", &token, "--server", &server.address], 2);
    server.stop();
}

#[test]
fn a_log_is_verified_and_its_views_rebuilt() {
    let (_dir, data) = data();
    let server = Server::start(&data);
    run(&["submit", text(&small()), "--server", &server.address]);
    // While it runs the log is verified without the views.
    assert!(stderr(&run(&["verify", "--data", text(&data)])).contains("a server is using them"));
    server.stop();

    let report = succeed(&["verify", "--data", text(&data)]);
    assert!(report.contains("ownership = location") && report.contains("view status, tables"), "{report}");
    succeed(&["rebuild", "--data", text(&data)]);
    succeed(&["rebuild", "--data", text(&data), "--view", "cash"]);
    assert_eq!(report, succeed(&["verify", "--data", text(&data)]));

    // The same records in a file, read by nothing but the auditor.
    let export = data.with_extension("ndjson");
    succeed(&["log", "export", "--data", text(&data), "--stored", "--file", text(&export)]);
    let of_store = succeed(&["verify", "--data", text(&data), "--independent", "--json"]);
    let of_file = succeed(&["verify", "--export", text(&export), "--json"]);
    let [of_store, of_file] =
        [of_store, of_file].map(|report| serde_json::from_str::<serde_json::Value>(&report).expect("JSON"));
    assert_eq!((&of_store["verdict"], &of_store["head"]), (&of_file["verdict"], &of_file["head"]));
    assert_eq!(of_store["trial_balance"], of_file["trial_balance"]);
    assert!(of_file["counts"]["facts"].as_u64().is_some_and(|facts| facts > 0), "{of_file}");
    // Without its stored bytes a record proves nothing, and a lost line is found.
    let plain = data.with_extension("plain");
    succeed(&["log", "export", "--data", text(&data), "--file", text(&plain)]);
    assert!(fail(&["verify", "--export", text(&plain)], 2).contains("cannot be told"));
    let lines = std::fs::read_to_string(&export).expect("the export");
    let without: String =
        lines.lines().enumerate().filter(|(at, _)| *at != 7).map(|(_, line)| format!("{line}\n")).collect();
    std::fs::write(&export, without).expect("writes");
    assert!(fail(&["verify", "--export", text(&export)], 1).contains("I10"));
    fail(&["rebuild", "--data", text(&data), "--view", "tax"], 2);
}

/// What an outsider gets: a signed head today and tomorrow, a record with its proof, and the proof that nothing went missing between.
#[test]
fn a_record_is_proved_to_whoever_has_a_checkpoint_and_the_key() {
    let (dir, data) = data();
    let path = |name: &str| dir.path().join(name).to_str().expect("letters").to_owned();
    let (key, earlier, later, proof) = (path("key"), path("earlier"), path("later"), path("proof"));
    let by = succeed(&["audit", "key", "--data", text(&data), "--key", &key]).trim().to_owned();
    let head = |file: &str| succeed(&["audit", "head", "--data", text(&data), "--key", &key, "--file", file]);
    head(&earlier);
    let size = std::fs::read_to_string(&earlier).expect("a checkpoint").lines().nth(1).expect("a size").to_owned();
    let server = Server::start(&data);
    run(&["submit", text(&small()), "--server", &server.address]);
    server.stop();
    head(&later);

    succeed(&["audit", "prove", "7", "--data", text(&data), "--file", &proof]);
    let record = format!("{proof}.record");
    let verify = ["audit", "verify", "--by", &by, "--checkpoint", &later, "--proof", &proof];
    let shown = succeed(&[&verify[..], &["--record", &record]].concat());
    assert!(shown.starts_with("this is record 7 of quittance/"), "{shown}");
    succeed(&["audit", "consistency", &size, "--data", text(&data), "--file", &proof]);
    assert!(succeed(&[&verify[..], &["--earlier", &earlier]].concat()).contains("nothing was changed or removed"));
    fail(&[&verify[..], &["--record", &record]].concat(), 1);

    // The same log still has those roots; one that was forged after it was signed has not.
    succeed(&["verify", "--data", text(&data), "--checkpoint", &earlier, "--checkpoint", &later, "--by", &by]);
    let forged = std::fs::read_to_string(&later).expect("a checkpoint").replacen("chain ", "chain 0", 1);
    std::fs::write(&later, forged).expect("writes");
    assert!(fail(&["verify", "--data", text(&data), "--checkpoint", &later, "--by", &by], 1).contains("signature"));
}

#[test]
fn a_wrong_directory_is_an_error_and_never_an_empty_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("nothing");
    let said = fail(&["serve", "--insecure-plaintext", "--data", text(&data)], 1);
    assert!(said.contains("there is no log in") && said.contains("quittance init"), "{said}");
    // Nothing there proves nothing.
    fail(&["verify", "--data", text(&data)], 2);
    assert!(!data.join("log").exists());
    fail(&["log", "list", "--data", text(&data)], 4);
}

#[test]
fn control_totals_agree_an_accounting_day_closes_and_a_settlement_is_reversed() {
    let (_dir, data) = data();
    let server = Server::start(&data);
    run(&["submit", text(&small()), "--server", &server.address]);

    let controls = server.json(&["controls", "list"]);
    let row = controls.as_array().expect("a list").iter().find(|row| row["source"] == "FO-ALPHA");
    let row = row.unwrap_or_else(|| panic!("FO-ALPHA has sent trades: {controls}")).clone();
    assert_eq!(row["state"], "CONTROL_STATE_UNSTATED");
    let counted = |name: &str| row["counted"][name].as_str().unwrap_or("0").to_owned();
    let number = row["tradeDate"].as_u64().expect("a date");
    let date = format!("{:04}-{:02}-{:02}", number / 10_000, number / 100 % 100, number % 100);
    let (currency, count) = (row["currency"].as_str().expect("a currency"), counted("count"));
    let send = |count: &str| {
        let (bought, sold) = (counted("bought"), counted("sold"));
        let (paid, received) = (counted("paid"), counted("received"));
        let key = ["controls", "send", "FO-ALPHA", &date, currency, "--count", count];
        let sums = ["--bought", &bought, "--sold", &sold, "--paid", &paid, "--received", &received];
        server.ask(&[&key[..], &sums].concat());
        let rows = server.json(&["controls", "list"]);
        let rows = rows.as_array().expect("a list").clone();
        rows.into_iter().find(|row| row["source"] == "FO-ALPHA").expect("it is still there")["state"].clone()
    };

    server.ask(&["day", "accounting", "open", "ALPHA", &date]);
    assert_eq!(send("99"), "CONTROL_STATE_DIFFERS");
    let close = ["day", "accounting", "close", "ALPHA", &date];
    let refused = fail(&[&close[..], &["--server", &server.address]].concat(), 1);
    assert!(refused.contains("CONTROL_TOTALS_DIFFER"), "{refused}");
    assert_eq!(send(&count), "CONTROL_STATE_AGREED");
    server.ask(&close);
    let shown = server.json(&["day", "accounting", "show"]);
    assert_eq!(shown[0]["closed"].as_u64(), Some(number), "{shown}");

    let settled = server.json(&["instructions", "list", "--status", "settled"]);
    let pair = &settled[0];
    let (record, instruction) = (pair["endedAtSequence"].as_str(), pair["number"].as_str());
    let (record, instruction) = (record.expect("a record"), instruction.expect("a number"));
    let reverse = ["ledger", "reverse", record, "--reason", "wrong price", "--instruction"];
    let refused = fail(&[&reverse[..], &["999999", "--server", &server.address]].concat(), 1);
    assert!(refused.contains("NOT_REVERSIBLE"), "{refused}");
    server.ask(&[&reverse[..], &[instruction]].concat());
    let after = server.json(&["instructions", "get", instruction]);
    assert!(after["reversedAtSequence"].as_str().is_some(), "{after}");
    server.stop();
}

/// What an agent said is keyed in by hand; what it contradicts us in is listed, given to somebody and closed.
#[test]
fn an_agent_s_word_is_taken_and_its_break_is_closed() {
    let (dir, data) = data();
    let server = Server::start(&data);
    let advice = dir.path().join("advice.json");
    let said = r#"{"sender":"CUSTODIAN","id":"X-1","reference":"Q0-4711","status":{"status":"MACH"}}"#;
    std::fs::write(&advice, said).expect("a file");
    let submit = ["submit", "advice", text(&advice), "--actor", "ines"];
    let receipt = server.json(&submit);
    // Numbers of 64 bits are texts in protobuf JSON.
    let sequence = receipt["sequence"].as_str().map_or_else(|| receipt["sequence"].to_string(), str::to_owned);
    // The same again changes nothing.
    assert_eq!(server.json(&submit)["duplicate"], Value::from(true));
    let open = server.json(&["breaks", "list", "--min-sequence", &sequence]);
    assert_eq!(open.as_array().map(Vec::len), Some(1), "{open}");
    assert_eq!(open[0]["kind"], Value::from("UNKNOWN_REFERENCE"), "{open}");
    server.ask(&["breaks", "assign", "1", "eva", "--actor", "ines", "--reason", "hers"]);
    let close =
        ["breaks", "close", "1", "--actor", "ines", "--reason", "a test of theirs", "--server", &server.address];
    let refused = run(&[&close[..], &["write-off"]].concat());
    assert!(!refused.status.success() && stderr(&refused).contains("RESOLUTION_NOT_ALLOWED"), "{}", stderr(&refused));
    succeed(&[&close[..], &["explained"]].concat());
    server.stop();
}
