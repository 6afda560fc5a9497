//! The shape of the code: who may know whom (design, section 5), how long a file may grow, what no file may contain.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Each crate and those of ours it may depend on. A new arrow is a decision: change it here and in the design together.
const ARROWS: &str = "
    model:
    risk: model
    clearing: model risk
    wire: model
    iso20022: model wire
    store:
    engine: model clearing wire iso20022 store
    projections: model risk wire store
    kafka: engine wire iso20022 store model
    api: engine projections wire store model
    agent: engine kafka wire iso20022 store model
    server: agent engine kafka api projections store wire model
    cli: server auditor merkle kafka iso20022 wire store testkit model engine projections risk benches
    auditor:
    merkle:
    benches: model clearing wire store engine kafka projections server testkit
    testkit: model clearing wire
    simulator: testkit engine projections store clearing model wire
";

fn arrows(name: &str) -> Option<Vec<&'static str>> {
    let rule = ARROWS.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
    rule.map(|others| others.split_whitespace().collect())
}

/// A foreign package (and what starts with its name and a hyphen or underscore), and whether a crate may depend on it.
type Ban = (&'static str, fn(&str) -> bool);
const BANS: &[Ban] = &[
    ("rdkafka", |ours| ["kafka", "benches", "auditor"].contains(&ours)),
    ("rocksdb", |ours| ours == "store" || ours == "auditor"),
    ("tonic", |ours| !["engine", "projections", "store", "clearing", "risk", "model"].contains(&ours)),
    ("prost", |ours| !["clearing", "risk", "model"].contains(&ours)),
    ("serde", |ours| !["clearing", "risk", "model"].contains(&ours)),
];

/// The crates the compiler keeps from clocks, files, threads and random hashers.
const PURE: &[&str] = &["model", "risk", "clearing"];

/// What only the fuzzing programs need.
const FUZZING: &[&str] = &["libfuzzer-sys", "arbitrary"];

const SOFT: usize = 400;
const HARD: usize = 800;
/// Files of `crates/` above the soft limit with the length they may have: a number here only ever goes down.
const LONG: &[(&str, usize)] = &[("crates/clearing/src/reference.rs", 474), ("crates/clearing/src/trade.rs", 413)];

const NO_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "core", "misc"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

/// Every file below `crates`, `tests`, `benches`, `proto` and `deploy` whose name ends so: path from the root, and text.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let root = root();
    let mut open: Vec<PathBuf> =
        ["crates", "tests", "benches", "proto", "deploy"].iter().map(|d| root.join(d)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.ends_with("node_modules") || path.ends_with("src/gen") {
            continue; // other people's, and what is generated: neither is in git
        }
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("a readable folder").map(|entry| entry.expect("an entry").path()));
        } else if endings.iter().any(|e| path.to_string_lossy().ends_with(e)) {
            // Somebody may be moving files while the test runs: what is gone is no fault.
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            found.push((path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned(), text));
        }
    }
    found.sort();
    found
}

/// Our own Rust files; generated ones say so in their first line.
fn sources() -> impl Iterator<Item = (String, String)> {
    files(&[".rs"]).into_iter().filter(|(_, text)| !text.lines().next().unwrap_or("").contains("@generated"))
}

fn report(rule: &str, faults: Vec<String>) {
    assert!(faults.is_empty(), "{rule}\n  {}\n", faults.join("\n  "));
}

#[test]
fn crates_know_only_what_they_may() {
    let output = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");

    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        if !package["manifest_path"].as_str().expect("a path").contains("/crates/") {
            continue; // tests/ and benches/ may know everything
        }
        let Some(allowed) = arrows(name) else {
            faults.push(format!("crate {name} has no line in ARROWS of tests/tidy.rs: decide whom it may know"));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            if dependency["kind"].as_str() == Some("dev") {
                continue; // a crate's own tests may know more, Cargo refuses what is not sound
            }
            let other = dependency["name"].as_str().expect("a name");
            if !dependency["path"].is_null() && !allowed.contains(&other) {
                faults.push(format!("{name} depends on {other}; it may know only {allowed:?}"));
            }
            for (foreign, may) in BANS {
                let same =
                    other.strip_prefix(foreign).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']));
                if same && dependency["path"].is_null() && dependency["kind"].is_null() && !may(name) {
                    faults.push(format!("{name} depends on {other}, which it must never know"));
                }
            }
        }
    }
    report("The arrows between crates are fixed (design section 5, ARROWS and BANS in tests/tidy.rs):", faults);
}

/// Names and versions of a lock file's packages; path dependencies have no source.
fn locked(path: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in text.split("[[package]]").skip(1).filter(|package| package.contains("\nsource = ")) {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            line.expect("a package has it").trim_matches('"').to_owned()
        };
        packages.entry(field("name")).or_default().insert(field("version"));
    }
    packages
}

/// `tests/fuzz/programs` is a workspace of its own, so that cargo builds nothing of it unasked; its versions are ours all the same.
#[test]
fn what_is_fuzzed_is_what_is_built() {
    let (ours, fuzzed) = (locked("Cargo.lock"), locked("tests/fuzz/programs/Cargo.lock"));
    let mut faults = Vec::new();
    for (name, versions) in &fuzzed {
        match ours.get(name) {
            Some(known) if !versions.is_subset(known) => faults.push(format!("{name}: {versions:?}, ours {known:?}")),
            Some(_) => {}
            None if FUZZING.contains(&name.as_str()) => {}
            None => faults.push(format!("{name} is known there only")),
        }
    }
    report(
        "tests/fuzz/programs/Cargo.lock and Cargo.lock name the same versions (copy ours there, cargo update --workspace):",
        faults,
    );
}

#[test]
fn files_stay_short() {
    let mut faults = Vec::new();
    let console = files(&[".ts", ".tsx", ".mjs"]);
    for (path, text) in sources().chain(console).filter(|(path, _)| path.starts_with("crates/")) {
        let lines = text.lines().count();
        let listed = LONG.iter().find(|(long, _)| *long == path).map(|(_, lines)| *lines);
        if lines > HARD {
            faults.push(format!("{path}: {lines} lines, never more than {HARD}"));
        } else if lines > listed.unwrap_or(SOFT) {
            faults.push(format!("{path}: {lines} lines, may have {}", listed.unwrap_or(SOFT)));
        } else if listed.is_some() && lines <= SOFT {
            faults.push(format!("{path}: {lines} lines, well done: take it off LONG"));
        }
    }
    faults.extend(
        LONG.iter()
            .filter(|(path, _)| !root().join(path).exists())
            .map(|(path, _)| format!("{path} is gone: take it off LONG")),
    );
    report(
        "Split a file where a new concept begins; LONG in tests/tidy.rs is a ratchet and holds what is not split yet:",
        faults,
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    let faults = sources().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    report("The first line of a .rs file is `//!` and says what the module is for:", faults);
}

#[test]
fn work_left_open_names_its_issue() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let mut faults = Vec::new();
    for (path, text) in files(&[".rs", ".proto", ".sh", ".toml"]) {
        for (number, line) in text.lines().enumerate() {
            let open = words.iter().filter_map(|word| line.split_once(word)).any(|(_, rest)| {
                !rest.strip_prefix("(#").is_some_and(|issue| issue.starts_with(|c: char| c.is_ascii_digit()))
            });
            if open {
                faults.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    report(&format!("Write {}(#12) with the issue's number, or do it now:", words[0]), faults);
}

#[test]
fn modules_are_named_after_a_concept() {
    let bad =
        |path: &String| Path::new(path).with_extension("").iter().any(|part| NO_NAMES.iter().any(|name| part == *name));
    report(
        "These names say nothing (design section 5); name the concept:",
        sources().map(|(path, _)| path).filter(bad).collect(),
    );
}

#[test]
fn the_pure_crates_stay_pure() {
    let mut faults = Vec::new();
    for name in PURE {
        let lib = root().join("crates").join(name).join("src/lib.rs");
        let Ok(text) = fs::read_to_string(&lib) else {
            continue;
        };
        if !text.lines().any(|line| line.trim() == "#![no_std]" || line.trim() == "#![cfg_attr(not(test), no_std)]") {
            faults.push(format!("crates/{name}/src/lib.rs does not say #![no_std]"));
        }
    }
    for (path, text) in
        sources().filter(|(path, _)| PURE.iter().any(|name| path.starts_with(&format!("crates/{name}/src/"))))
    {
        for (number, line) in text.lines().enumerate() {
            if line.contains("std::collections") && line.contains("Hash") {
                faults.push(format!(
                    "{path}:{}: std's hash maps iterate in random order, use hashbrown or a BTreeMap",
                    number + 1
                ));
            }
        }
    }
    report("The same input gives the same bytes only without clocks, files, threads and random hashers:", faults);
}
