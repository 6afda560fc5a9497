//! A directory that does not hold what it should is refused, in words; an empty ledger is never made by accident.

use crate::service::{flow, open, options, prepare};
use crate::shard_process::ShardProcess;
use crate::{Rig, Verdict};
use engine::Engine;
use std::time::Duration;

pub fn refused(rig: &Rig) -> Verdict {
    rig.broker.start();
    let dir = tempfile::tempdir().expect("a directory");
    let flow = flow(rig.seed, 1);
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).expect("a directory");

    // As a whole process: where a log is expected and none is.
    for wrong in [empty.clone(), dir.path().join("nowhere")] {
        let mut process = ShardProcess::start(&wrong, &rig.broker.address(), "test.none");
        let (code, said) = process.wait_end(Duration::from_secs(20)).expect("it ends by itself");
        assert_eq!(code, 3, "{said}");
        assert!(said.contains("there is no log in") && said.contains(&*wrong.to_string_lossy()), "{said}");
    }
    assert_eq!(std::fs::read_dir(&empty).expect("readable").count(), 0, "nothing was made there");

    // Where a new one is to be made and one is already.
    let held = dir.path().join("held");
    drop(prepare(&held, &flow));
    let again = Engine::start(options(&held, flow.genesis()).creating()).err().expect("refused").to_string();
    assert!(again.contains("is not empty"), "{again}");

    // Where another process has it.
    let _first = open(&held);
    let mut second = ShardProcess::start(&held, &rig.broker.address(), "test.none");
    let (code, said) = second.wait_end(Duration::from_secs(20)).expect("it ends by itself");
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("in use"), "{said}");
    Verdict::Passed
}
