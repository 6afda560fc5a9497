//! The golden documents: exactly these bytes are written, and they say what was written. `UPDATE_GOLDEN=1` writes them anew.

use crate::samples::{Sample, samples};
use std::fs;
use std::path::{Path, PathBuf};

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
fn what_is_written_is_what_is_frozen() {
    for (name, sample) in samples() {
        let path = folder().join(format!("{name}.xml"));
        let written = sample.write().unwrap_or_else(|error| panic!("{name}: {error}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &written).expect("a file");
        }
        let frozen = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(
            String::from_utf8(written).expect("text"),
            String::from_utf8(frozen.clone()).expect("text"),
            "{name}"
        );
        let read = iso20022::read(&frozen).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(Sample::from(read), sample, "{name}");
    }
}

#[test]
fn every_message_has_a_golden_document() {
    let frozen: Vec<String> = fs::read_dir(folder())
        .expect("the folder")
        .filter_map(|entry| entry.expect("a file").file_name().into_string().ok())
        .filter(|name| name.ends_with(".xml"))
        .collect();
    let known: Vec<String> = samples().iter().map(|(name, _)| format!("{name}.xml")).collect();
    for message in iso20022::VERSIONS {
        assert!(known.iter().any(|name| name.starts_with(&message[..8])), "{message}");
    }
    for name in frozen {
        assert!(known.contains(&name), "{name} is nobody's sample");
    }
}
