//! Fixed seeds: house and bookkeeper agree in all of them, and everything that can go wrong did.

use simulator::{Fault, Tally, run, shrink};
use std::collections::BTreeMap;

const SEEDS: [u64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const STEPS: u64 = 900;

/// A failing run, told with the smallest list of steps that fails.
fn agrees(seed: u64, steps: u64) -> Tally {
    let outcome = run(seed, steps);
    if let Some((step, difference)) = &outcome.difference {
        let (least, why) = shrink(seed, &outcome.steps, 60);
        let steps: Vec<String> = least.iter().map(|step| format!("  {step}")).collect();
        panic!("seed {seed}, step {step}: {difference}\n{}\n{why}", steps.join("\n"));
    }
    outcome.tally
}

#[test]
fn house_and_bookkeeper_agree_and_everything_went_wrong() {
    let mut total = Tally::default();
    for seed in SEEDS {
        total.add(&agrees(seed, STEPS));
    }
    println!("{total}");
    let count = |counts: &BTreeMap<&'static str, u64>, name: &str| counts.get(name).copied().unwrap_or(0);
    let further = [
        "poison",
        "clock set back",
        "clock jump",
        "messages delivered again",
        "restart without a snapshot",
        "restart with an old snapshot",
    ];
    for fault in Fault::ALL.map(Fault::name).into_iter().chain(further) {
        assert!(count(&total.faults, fault) > 0, "{fault} never happened");
    }
    // Everything the engine knows: each command was taken, each fact told.
    let never = |words: Vec<String>, known: &dyn Fn(&str) -> bool| -> Vec<String> {
        words.into_iter().filter(|word| !known(word)).collect()
    };
    let untaken = never(simulator::commands(), &|word| total.taken.contains_key(word));
    assert!(untaken.is_empty(), "never taken: {untaken:?}");
    let facts = simulator::EVENTS.iter().map(|word| (*word).to_owned()).collect();
    let untold = never(facts, &|word| count(&total.events, word) > 0);
    assert!(untold.is_empty(), "never told: {untold:?}");
    assert!(total.settled > 100 && total.confirmed > 50 && total.breaks > 20 && total.duplicates > 20, "{total}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(agrees(11, 300), agrees(11, 300));
}
