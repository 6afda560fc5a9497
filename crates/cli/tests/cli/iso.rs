//! `quittance iso`: documents to lines and back, the examples of its help, and what it says of what it cannot read.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{fail, quittance, run, stderr, stdout, succeed, text};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../iso20022/tests/golden").join(name)
}

/// Runs it with a text as its input.
fn piped(arguments: &[&str], input: &[u8]) -> (bool, String, String) {
    let mut child = quittance(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("a pipe").write_all(input).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    (output.status.success(), stdout(&output), stderr(&output))
}

/// Every golden document, through JSON and back, is the same to the byte.
#[test]
fn a_document_survives_json() {
    let mut seen = 0;
    for entry in fs::read_dir(golden("")).expect("the golden documents") {
        let path = entry.expect("a file").path();
        let lines = succeed(&["iso", "to-json", text(&path)]);
        let back = ["iso", "to-xml", "-", "--to", "MYBANK", "--created", "2026-11-23T07:30:00.25Z"];
        let (good, document, said) = piped(&back, lines.as_bytes());
        assert!(good, "{}: {said}", path.display());
        assert_eq!(document, fs::read_to_string(&path).expect("text"), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 12, "{seen} documents");
}

#[test]
fn many_messages_go_to_a_directory() {
    let folder = tempfile::tempdir().expect("a directory");
    let line = |id: &str| {
        format!(r#"{{"sender":"QCSDDEFFXXX","id":"{id}","reference":"Q0-42","status":{{"status":"MACH"}}}}"#)
    };
    let lines = format!("{}\n\n{}\n", line("A/1"), line("A/2"));
    let (good, _, said) = piped(&["iso", "to-xml", "-", "--to", "MYBANK"], lines.as_bytes());
    assert!(!good && said.contains("line 3: a second message, and stdout is one document: give --out DIR"), "{said}");
    let (good, _, said) = piped(&["iso", "to-xml", "-"], lines.as_bytes());
    assert!(!good && said.contains("line 1: an advice needs --to"), "{said}");
    let arguments = ["iso", "to-xml", "-", "--to", "MYBANK", "--out", text(folder.path())];
    let (good, _, said) = piped(&arguments, lines.as_bytes());
    assert!(good, "{said}");
    let (first, second) = (folder.path().join("A_1.xml"), folder.path().join("A_2.xml"));
    let read = succeed(&["iso", "to-json", text(&first), text(&second)]);
    assert_eq!(read.lines().count(), 2, "{read}");
    // Nothing is written over.
    let (good, _, said) = piped(&arguments, lines.as_bytes());
    assert!(!good && said.contains("A_1.xml"), "{said}");
}

/// What it makes of documents is what `submit` and `fold` take.
#[test]
fn advices_become_commands() {
    let lines = succeed(&["iso", "to-json", text(&golden("sese.025-partial.xml")), "--command-by", "ines"]);
    assert!(
        lines.contains(r#""actor":"ines""#) && lines.contains(r#""reason":"confirmation (sese.025) by file""#),
        "{lines}"
    );
    let (good, records, said) = piped(&["fold", "-"], lines.as_bytes());
    assert!(good && records.contains("adviceTaken"), "{records}{said}");
    let said = fail(&["iso", "to-json", text(&golden("sese.020-cancel.xml")), "--command-by", "ines"], 2);
    assert!(said.contains("an instruction to an agent, which is no command"), "{said}");
}

#[test]
fn a_document_that_makes_no_sense_says_where() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("bent.xml");
    let good = golden("sese.025-partial.xml");
    let bent = fs::read_to_string(&good).expect("text").replacen("<SctiesMvmntTp>DELI", "<SctiesMvmntTp>OUT", 1);
    fs::write(&path, bent).expect("a file");
    let output = run(&["iso", "to-json", text(&path), text(&good)]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("bent.xml, line 29: RequestPayload/Document/SctiesSttlmTxConf/TxIdDtls/SctiesMvmntTp"),
        "{said}"
    );
    assert!(
        said.contains("\"OUT\": expected DELI or RECE") && said.contains("1 of 2 documents could not be read"),
        "{said}"
    );
    // The other one was read.
    assert_eq!(stdout(&output).lines().count(), 1);
    let missing = fail(&["iso", "to-json", "/no/such/file.xml"], 2);
    assert!(missing.contains("/no/such/file.xml"), "{missing}");
    let (good, _, said) =
        piped(&["iso", "to-xml", "-", "--to", "B"], b"{\"sender\":\"A\",\"id\":\"1\",\"stauts\":{}}\n");
    assert!(!good && said.contains("line 1: unknown field `stauts`"), "{said}");
}

/// The examples of the help that need no file of anybody's run as they stand.
#[test]
fn the_example_runs_as_it_stands() {
    let help = succeed(&["iso", "to-xml", "--help"]);
    // A pipe goes on in the next line.
    let example: Vec<&str> = help.lines().skip_while(|line| !line.trim_start().starts_with("echo ")).take(2).collect();
    let example = example.join("\n");
    let binary = Path::new(env!("CARGO_BIN_EXE_quittance")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").expect("a path"));
    let output = Command::new("sh").args(["-c", &example]).env("PATH", path).output().expect("a shell");
    let (document, said) = (stdout(&output), stderr(&output));
    assert!(
        document.contains("<AcctOwnrTxId>Q0-42</AcctOwnrTxId>") && document.contains("<Mtchd>"),
        "{document}{said}"
    );
}
