//! Help teaches: every command says what it is for and gives an example; mistakes get a sentence and the code 2.

use crate::{fail, run, stderr, stdout, succeed};

/// Every noun, with its verbs.
const COMMANDS: &[(&str, &[&str])] = &[
    ("demo", &[]),
    ("stories", &[]),
    ("serve", &[]),
    ("agent", &[]),
    ("init", &[]),
    ("config", &["print"]),
    ("status", &[]),
    ("submit", &["trade", "advice"]),
    ("trades", &["get", "list", "watch"]),
    ("instructions", &["get", "list", "watch", "why", "hold", "release", "prioritise", "cancel", "keep"]),
    ("breaks", &["list", "assign", "close"]),
    ("cash", &["list", "watch", "ladder"]),
    ("ledger", &["balances", "tie-outs", "reverse"]),
    ("coverage", &["list", "watch", "why"]),
    ("positions", &["list", "get", "lots", "watch"]),
    ("pnl", &["list", "watch", "books", "days"]),
    ("report", &[]),
    ("risk", &["exposure", "capital", "var", "backtest", "concentration", "limits", "watch", "breaches"]),
    ("margin", &["accounts", "forecast", "calls", "watch", "issue", "initial", "answer"]),
    ("day", &["open", "cut-off", "close", "show", "accounting"]),
    ("controls", &["list", "send", "sign-off"]),
    ("proposals", &["list", "approve", "refuse"]),
    ("quarantine", &["list", "show", "replay", "discard", "resume"]),
    ("repairs", &["list", "retry"]),
    ("log", &["list", "show", "document", "export"]),
    ("verify", &[]),
    ("audit", &["key", "head", "prove", "consistency", "verify"]),
    ("rebuild", &[]),
    ("fold", &[]),
    ("calc", &["settlement-date", "match", "lots", "pnl", "var", "crr378", "reg-t", "exposure"]),
    ("topics", &["apply", "show"]),
    ("front-office", &[]),
    ("iso", &["to-xml", "to-json"]),
    ("completions", &[]),
];

#[test]
fn every_command_is_listed_and_has_an_example() {
    let overview = succeed(&["--help"]);
    for (noun, verbs) in COMMANDS {
        assert!(overview.contains(noun), "{noun} is not in the overview:\n{overview}");
        let help = succeed(&[noun, "--help"]);
        if verbs.is_empty() {
            assert!(help.contains("Example") || *noun == "completions", "{noun} has no example:\n{help}");
        }
        for verb in *verbs {
            assert!(help.contains(verb), "{noun} does not list {verb}:\n{help}");
            let help = succeed(&[noun, verb, "--help"]);
            assert!(help.contains("Example"), "{noun} {verb} has no example:\n{help}");
            assert!(help.contains(&format!("quittance {noun} {verb}")), "{noun} {verb} shows another command:\n{help}");
        }
    }
    assert!(
        overview.contains("Exit codes: 0 done, 1 failed or refused, 2 called wrongly, 4 no such thing."),
        "{overview}"
    );
}

#[test]
fn mistakes_end_with_2() {
    for arguments in [
        &["instructions", "get", "seventeen"][..],
        &["day", "open", "QCSD", "23.11.2026"],
        &["cash", "list", "-o", "xml"],
        &["log", "list", "--last", "3", "--from", "2"],
        &["submit"],
        &["serve", "--set", "engine.tmier=false"],
        &["no-such-noun"],
    ] {
        fail(arguments, 2);
    }
    assert!(fail(&["serve", "--set", "engine.tmier=false"], 2).contains("there is no key engine.tmier"));
}

#[test]
fn without_a_server_it_says_how_to_get_one() {
    // Port 1 has no server on any machine of ours.
    let said = fail(&["trades", "list", "--server", "127.0.0.1:1"], 1);
    assert!(said.contains("no server at 127.0.0.1:1"), "{said}");
    assert!(said.contains("start one with `quittance serve`"), "{said}");
}

#[test]
fn completions_are_written_for_each_shell() {
    assert!(succeed(&["completions", "bash"]).contains("complete -F _quittance"));
    assert!(succeed(&["completions", "fish"]).contains("instructions"));
    fail(&["completions", "tcl"], 2);
}

#[test]
fn the_configuration_is_printed_with_what_each_key_is_for() {
    let printed = succeed(&["config", "print", "--set", "engine.timer=false", "--listen", "127.0.0.1:0"]);
    assert!(
        printed.contains("[grpc]") && printed.contains("listen = \"127.0.0.1:0\"") && printed.contains("timer = false"),
        "{printed}"
    );
}

#[test]
fn what_is_piped_has_no_colours() {
    let output = run(&["fold", crate::text(&crate::small()), "--quiet"]);
    assert!(!stdout(&output).contains('\x1b') && !stderr(&output).contains('\x1b'));
}
