//! The small corpus of `tests/fuzz/corpus`, played through the functions that `make fuzz` runs under libFuzzer: here on a stable
//! compiler, with every test. What a fuzzer once found lies there too.
//!
//! After a change of a format: `cargo test --workspace --locked --test corpus -- --ignored` writes the seeds anew.

mod seeds;

use quittance_fuzz::targets::TARGETS;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where inputs of a target lie; those of others are not copied.
fn folders(target: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join("corpus").join(target)];
    if target == "xml" {
        let tests = root().join("../../crates/iso20022/tests");
        folders.extend([tests.join("golden"), tests.join("others")]);
    }
    folders
}

/// The files of a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_input_holds_and_some_of_each_make_sense() {
    let mut faults = Vec::new();
    for target in &TARGETS {
        let (mut played, mut understood) = (0, 0);
        for path in folders(target.name).iter().flat_map(|folder| files(folder)) {
            let bytes = std::fs::read(&path).expect("a file");
            played += 1;
            match catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes))) {
                Ok(sense) => understood += usize::from(sense),
                Err(_) => faults.push(format!("{}: {} (the reason is above)", target.name, path.display())),
            }
        }
        println!("{:<9} {played:>4} inputs, {understood:>4} make sense", target.name);
        // A corpus that is only refused tests nothing but refusals: a format has changed, and the seeds are of yesterday.
        if understood < 3 {
            faults.push(format!(
                "{}: only {understood} of {played} inputs make sense: write the seeds anew",
                target.name
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_corpus_is_small_and_its_names_can_be_read() {
    let (mut bytes, mut faults) = (0, Vec::new());
    let known: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    for folder in files(&root().join("corpus")) {
        let target = folder.file_name().expect("a name").to_string_lossy().into_owned();
        if !known.contains(&&*target) {
            faults.push(format!("{target} is no target"));
        }
        for path in files(&folder) {
            bytes += path.metadata().expect("a file").len();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
            // libFuzzer's own names are 40 hexadecimal digits: say what it is instead.
            if name.len() > 39 || !name.bytes().all(plain) {
                faults.push(format!("{target}/{name}: lower-case letters, digits, hyphens; what it is about"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(bytes < 300_000, "{bytes} bytes are no small corpus");
}

#[test]
fn each_target_has_its_program() {
    let manifest = std::fs::read_to_string(root().join("programs/Cargo.toml")).expect("a manifest");
    for target in &TARGETS {
        let program = format!("name = \"{0}\"\npath = \"entries/{0}.rs\"", target.name);
        assert!(manifest.contains(&program), "tests/fuzz/programs/Cargo.toml has no program {}", target.name);
        let entry = std::fs::read_to_string(root().join("programs/entries").join(target.name).with_extension("rs"));
        let call = format!("targets::{}::run(bytes)", target.name);
        assert!(entry.is_ok_and(|text| text.contains(&call)), "entries/{}.rs does not run it", target.name);
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}

/// Written by hand when a format changes; what fuzzing found (`found-…`) stays.
#[test]
#[ignore = "writes tests/fuzz/corpus"]
fn the_seeds_are_written() {
    let mut by_target: BTreeMap<&str, usize> = BTreeMap::new();
    for target in &TARGETS {
        let folder = root().join("corpus").join(target.name);
        std::fs::create_dir_all(&folder).expect("a folder");
        for path in files(&folder) {
            if !path.file_name().expect("a name").to_string_lossy().starts_with("found-") {
                std::fs::remove_file(path).expect("a file");
            }
        }
    }
    for (target, name, bytes) in seeds::all() {
        std::fs::write(root().join("corpus").join(target).join(name), &bytes).expect("a seed");
        *by_target.entry(target).or_default() += bytes.len();
    }
    println!("{by_target:?}");
}
