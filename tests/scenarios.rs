//! Plays every file of `tests/scenarios`, each in three ways that must give the same answers: straight, with a restart
//! after every command, and with every trade message delivered twice. `UPDATE=1 cargo test -p quittance-tests --test
//! scenarios` writes what came out into the files: read the difference before you keep it. `ONLY=dvp` plays a few.

use model::rejection::Reason;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use testkit::scenario::{Block, Mode, Script, Step, player};

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

/// Plays a file straight, against what it expects, and in the other ways, against the straight one.
fn check(path: &Path, update: bool) -> Result<(), String> {
    let script = read(path);
    let (straight, _) = outputs(&script, Mode::Straight)?;
    let mut faults = String::new();
    if update {
        let text = script.rewritten(&straight);
        if text != std::fs::read_to_string(path).expect("a scenario is a text") {
            std::fs::write(path, text).expect("a scenario can be written");
        }
    } else {
        for (block, output) in blocks(&script).zip(&straight) {
            faults += &fault(block, "", &block.expected, output);
        }
    }
    for mode in [Mode::Restarts, Mode::Twice] {
        let (played, _) = outputs(&script, mode)?;
        for ((block, straight), output) in blocks(&script).zip(&straight).zip(&played) {
            faults += &fault(block, &format!(" ({mode:?} is not as straight)"), straight, output);
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn blocks(script: &Script) -> impl Iterator<Item = &Block> {
    script.steps().filter_map(|step| match step {
        Step::Block(block) => Some(block),
        Step::Include(..) => None,
    })
}

fn fault(block: &Block, how: &str, expected: &str, found: &str) -> String {
    if expected == found {
        return String::new();
    }
    let first = &block.commands[0];
    format!("{}:{}{how}: {}\n{}", first.file, first.number, first.text, difference(expected, found))
}

#[test]
fn every_scenario_ends_as_written_whichever_way_it_is_played() {
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let only = std::env::var("ONLY").unwrap_or_default();
    let files = files(&root());
    let chosen: Vec<_> = files.iter().filter(|path| path.to_string_lossy().contains(&only)).collect();
    assert!(!chosen.is_empty(), "there is no such scenario");
    let faults: Vec<_> = chosen.iter().filter_map(|path| check(path, update).err()).collect();
    assert!(faults.is_empty(), "{} of {} files:\n\n{}", faults.len(), chosen.len(), faults.join("\n"));
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
