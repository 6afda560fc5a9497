//! Who checks the checker: 200 seeded faults are planted in a real log, one at a time, and each must be found. The forger may write every
//! byte of the data directory and computes hashes, chain, head, manifests and checkpoints again; what he cannot reach is the witness, which
//! belongs on another disk. Printed by kind: what found it.

mod faults;
mod house;
mod rewrite;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use auditor::{Against, Verdict};
use faults::Fault;
use testkit::flow::Random;

const FAULTS: usize = 200;
const SEED: u64 = 2026;

/// What found a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    /// The records themselves, and what lies beside them, with no help from elsewhere.
    Meaning,
    /// Only the witness: the forged history makes sense.
    Witness,
    /// The second half: folded again by the service's own code.
    Refold,
}

#[test]
fn two_hundred_of_two_hundred_are_found() {
    let pristine = tempfile::tempdir().expect("a directory");
    house::fill(pristine.path());
    let sound = auditor::store(pristine.path(), &Against::default(), &mut |_| {});
    assert_eq!(sound.verdict, Verdict::Good, "{:?} {:?}", sound.violation, sound.unknown);
    assert!(sound.counts.records > 500 && sound.settled.count > 50, "a log worth forging: {:?}", sound.counts);
    assert_eq!(refolds(pristine.path()), Some(0), "the second half finds nothing either");

    let mut random = Random::new(SEED);
    let mut tally: BTreeMap<(Fault, Option<Found>), Vec<String>> = BTreeMap::new();
    for number in 0..FAULTS {
        let fault = Fault::ALL[number % Fault::ALL.len()];
        let forged = tempfile::tempdir().expect("a directory");
        house::copy(pristine.path(), forged.path());
        let planted = faults::plant(fault, forged.path(), &mut random);
        let (found, by) = find(forged.path());
        println!("{number:>3} {fault:?}: {planted} → {by}");
        tally.entry((fault, found)).or_default().push(planted);
    }
    println!("\nkind, found by, how many");
    for ((fault, found), each) in &tally {
        println!("{fault:?}, {found:?}, {}", each.len());
    }
    let missed: Vec<_> = tally.iter().filter(|((_, found), _)| found.is_none()).collect();
    assert!(missed.is_empty(), "not found: {missed:?}");
    // What changes a figure must not need the witness to be found.
    for ((fault, found), each) in &tally {
        let alone = *found != Some(Found::Witness);
        assert!(alone || fault.may_make_sense(), "only the witness knew of {fault:?}: {each:?}");
    }
}

/// Who finds a forgery first, and in what words.
fn find(data: &Path) -> (Option<Found>, String) {
    let nowhere = Against { witness: Some(data.join("no-witness")), ..Against::default() };
    for (against, found) in [(nowhere, Found::Meaning), (Against::default(), Found::Witness)] {
        let report = auditor::store(data, &against, &mut |_| {});
        if let Some(violation) = report.violation {
            return (
                Some(found),
                format!("{found:?} {:?} at {}: {}", violation.invariant, violation.sequence, violation.what),
            );
        }
        assert_eq!(report.verdict, Verdict::Good, "{:?}", report.unknown);
    }
    match refolds(data) {
        Some(1) => (Some(Found::Refold), "Refold".to_owned()),
        _ => (None, "NOT FOUND".to_owned()),
    }
}

/// How `quittance verify` ends, with both halves.
fn refolds(data: &Path) -> Option<i32> {
    let mut verify = Command::new(env!("CARGO_BIN_EXE_quittance"));
    let output = verify.args(["verify", "--data"]).arg(data).output().expect("the binary runs");
    output.status.code()
}
