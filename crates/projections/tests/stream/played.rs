//! Facts that the engine made of a scenario.

use std::path::Path;

use testkit::scenario::{Mode, Script, player};

use super::{Fixture, Stream};

/// The facts a script leaves behind; what is expected in it is not looked at.
pub fn played(name: &str, text: &str) -> Stream {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let script = Script::parse(name, text).unwrap();
    let mut player = player(Mode::Straight);
    player.play(&script, &|name| std::fs::read_to_string(root.join(name).with_extension("setup")).ok()).unwrap();
    let facts = player.stage().shard().bytes().map(|bytes| wire::record::facts(&bytes).unwrap());
    Stream { facts: facts.collect() }
}

/// The views after commands, folded, written, and opened again: what is asked after a crash is what was asked before.
pub fn after(setup: &str, commands: &str) -> Fixture {
    let stream = played("commands", &format!("include {setup}\n\n{}\n----\n", commands.trim_end()));
    let mut fixture = Fixture::new();
    fixture.fold(&stream);
    fixture.save();
    fixture.restart(&stream)
}
