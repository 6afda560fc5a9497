//! Plays every file of `tests/scenarios`, each in three ways that must give the same answers: straight, with a restart
//! after every command, and with every trade message delivered twice. `UPDATE=1 cargo test -p quittance-tests --test
//! scenarios` writes what came out into the files: read the difference before you keep it.

use model::rejection::Reason;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use testkit::scenario::{Mode, Script, player};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Every scenario file, in order of path.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of scenarios") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn include(name: &str) -> Option<String> {
    std::fs::read_to_string(root().join(name).with_extension("setup")).ok()
}

fn read(path: &Path) -> Script {
    let text = std::fs::read_to_string(path).expect("a scenario is a text");
    let name = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    Script::parse(&name, &text).unwrap_or_else(|fault| panic!("{fault}"))
}

/// The outputs of a file's blocks, and what was refused; a panic of the engine is a fault like another.
fn outputs(script: &Script, mode: Mode) -> Result<(Vec<String>, BTreeSet<Reason>), String> {
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut player = player(mode);
        let outputs = player.play(script, &include)?;
        Ok((outputs, player.refused().clone()))
    }));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("{} ({mode:?}): panicked: {}", script.name, text.unwrap_or_default()))
    })
}

/// What is expected and what came, where they differ, line by line.
fn difference(expected: &str, found: &str) -> String {
    let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    let same = expected.iter().zip(&found).take_while(|(one, other)| one == other).count();
    let list = |sign: char, lines: &[&str]| lines.iter().map(|line| format!("    {sign} {line}\n")).collect::<String>();
    list('-', &expected[same.min(expected.len())..]) + &list('+', &found[same.min(found.len())..])
}

fn check(path: &Path, mode: Mode, update: bool) -> Result<(), String> {
    let script = read(path);
    let (found, _) = outputs(&script, mode)?;
    if update {
        let text = script.rewritten(&found);
        if text != std::fs::read_to_string(path).expect("a scenario is a text") {
            std::fs::write(path, text).expect("a scenario can be written");
        }
        return Ok(());
    }
    let blocks = script.steps().filter_map(|step| match step {
        testkit::scenario::Step::Block(block) => Some(block),
        testkit::scenario::Step::Include(..) => None,
    });
    let mut faults = String::new();
    for (block, output) in blocks.zip(&found) {
        if block.expected != *output {
            let first = &block.commands[0];
            faults += &format!("{}:{} ({mode:?}): {}\n{}", first.file, first.number, first.text, difference(&block.expected, output));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

#[test]
fn every_scenario_ends_as_written_whichever_way_it_is_played() {
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let only = std::env::var("ONLY").unwrap_or_default();
    let files = files(&root());
    assert!(!files.is_empty());
    let mut faults = Vec::new();
    for path in files.iter().filter(|path| path.to_string_lossy().contains(&only)) {
        if update && let Err(fault) = check(path, Mode::Straight, true) {
            faults.push(fault);
        }
        faults.extend(Mode::ALL.into_iter().filter_map(|mode| check(path, mode, false).err()));
    }
    assert!(faults.is_empty(), "{} faults in {} files:\n\n{}", faults.len(), files.len(), faults.join("\n"));
}

/// Reasons no scenario can bring about, each with why.
const NOT_IN_SCENARIOS: [(Reason, &str); 1] =
    [(Reason::AwaitedTooMany, "a hundred thousand messages must wait: a unit test of clearing has it")];

#[test]
fn every_reason_for_a_refusal_occurs_in_some_scenario() {
    let mut seen = BTreeSet::new();
    for path in files(&root()) {
        seen.extend(outputs(&read(&path), Mode::Straight).map(|(_, refused)| refused).unwrap_or_default());
    }
    for reason in Reason::ALL {
        let excused = NOT_IN_SCENARIOS.iter().any(|(excused, _)| excused == reason);
        assert_ne!(seen.contains(reason), excused, "{} is in a scenario, or has its excuse, not both", reason.code());
    }
}
