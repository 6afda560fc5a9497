//! Compiles every `.proto` under `proto/` without protoc: messages, services, JSON and the descriptors for reflection.

use prost::Message as _;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The areas that have a short name in `wire::pb`, and what it is (`type` is a keyword).
const AREAS: [(&str, &str); 7] = [
    ("type", "typ"),
    ("trade", "trade"),
    ("settlement", "settlement"),
    ("status", "status"),
    ("record", "record"),
    ("view", "view"),
    ("service", "service"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    // The order of a directory is nobody's: the descriptors must not depend on it.
    files.sort();

    let mut descriptors = protox::compile(&files, [&root])?;
    let packages: BTreeSet<String> = descriptors
        .file
        .iter()
        .map(|file| file.package().to_owned())
        .filter(|package| package.starts_with("quittance."))
        .collect();
    let bytes = descriptors.encode_to_vec();

    tonic_prost_build::configure()
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        // Rows and streams carry many of them; a boxed variant costs an allocation each.
        .enum_attribute(".", "#[allow(clippy::large_enum_variant)]")
        .compile_fds(descriptors.clone())?;
    pbjson_build::Builder::new()
        .register_descriptors(&bytes)?
        .extern_path(".google.protobuf", "::pbjson_types")
        // Written by hand in `json/decimal.rs`: a text, so that a person can read and write it.
        .exclude([".quittance.type.v1.Decimal"])
        .build(&[".quittance"])?;
    // Reflection needs no comments: they are half of the bytes.
    descriptors.file.iter_mut().for_each(|file| file.source_code_info = None);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    fs::write(out.join("pb.rs"), modules(&packages, &out)?)?;
    Ok(())
}

/// Every `.proto` below a folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}

/// The modules that the generated code expects (`quittance::<area>::v1`), and their short names.
fn modules(packages: &BTreeSet<String>, out: &Path) -> Result<String, Box<dyn Error>> {
    let mut text = String::from("pub mod quittance {\n");
    for package in packages {
        let [_, area, version] = package.split('.').collect::<Vec<_>>()[..] else {
            return Err(format!("{package}: packages are named quittance.<area>.v1").into());
        };
        let module = module(area);
        writeln!(text, "pub mod {module} {{ pub mod {version} {{")?;
        for file in [format!("quittance.{module}.{version}.rs"), format!("{package}.serde.rs")] {
            if out.join(&file).exists() {
                writeln!(text, "include!(concat!(env!(\"OUT_DIR\"), \"/{file}\"));")?;
            }
        }
        text.push_str("} }\n");
    }
    text.push_str("}\n");
    for (area, name) in AREAS {
        if packages.contains(&format!("quittance.{area}.v1")) {
            writeln!(text, "pub use quittance::{}::v1 as {name};", module(area))?;
        } else {
            writeln!(text, "pub mod {name} {{}}")?;
        }
    }
    Ok(text)
}

/// An area's name as a module, and in the name of the file prost writes.
fn module(area: &str) -> &str {
    if area == "type" { "r#type" } else { area }
}
