//! The real binary, as a person or a script runs it: what it prints, and how it ends.

mod asof;
mod calc;
mod demo;
mod document;
mod fold;
mod help;
mod iso;
mod service;
mod tls;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The binary that was built.
fn quittance(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance"));
    command.args(arguments).env_remove("QUITTANCE_SERVER").env("QUITTANCE_ACTOR", "tess.tester").env("COLUMNS", "110");
    command
}

/// Runs it to its end.
fn run(arguments: &[&str]) -> Output {
    quittance(arguments).output().expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// What it printed, where it must have ended well.
fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}\n{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// What it said, where it must have ended so.
fn fail(arguments: &[&str], code: i32) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}\n{}", stdout(&output), stderr(&output));
    stderr(&output)
}

/// Commands of a small market: two members, two trades that match, one that settles, one for want of cash not.
fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/small.ndjson")
}

/// A path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}
