//! Faults of the disk: bits that turn over, a power cut, errors, a slow, hanging or full disk, under the real engine and service; and
//! callers that mean harm.
//!
//! `make faults` for the long run (`CYCLES`, `FLIPS`), `make hostile` for the callers (`CONNECTIONS`); a run of seconds is part of
//! `make test`. What cannot run here (no root, no loop device, no C compiler) is skipped and says why. One after the other; names as arguments choose. `FAULTS_SEED` plays a run again.

#[path = "../system/cases.rs"]
mod cases;
#[path = "../system/child.rs"]
mod child;
mod crowd;
mod disk;
mod errors;
mod flips;
mod full;
mod hostile;
mod house;
mod power;
#[path = "../system/prepared.rs"]
mod prepared;
mod served;
mod slow;
mod writer;

use cases::{Case, Verdict, number, seed};
use std::process::ExitCode;

/// How much is done, and what chance begins with.
struct Plan {
    cycles: u64,
    flips: u64,
    /// Callers that mean harm.
    connections: u64,
    seed: u64,
}

const CASES: &[Case<Plan>] = &[
    ("flipped_bits", flips::none_is_silent),
    ("sync_fails", errors::a_sync_that_fails_ends_the_service),
    ("flush_fails", errors::a_flush_that_fails_ends_the_engine),
    ("slow_disk", slow::commits_wait_and_questions_do_not),
    ("hanging_disk", slow::the_service_says_so_and_goes_on),
    ("hanging_disk_holds_messages", slow::messages_wait_outside),
    ("power_cut", power::nothing_acknowledged_is_lost),
    ("full_disk", full::of_records),
    ("full_disk_of_views", full::of_views),
    ("hostile_clients", hostile::the_others_are_served),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(writer::ROLE) => return writer::child(&arguments[1..]),
        Some(child::ROLE) => return child::serve(&arguments[1..]),
        _ => {}
    }
    let cases = cases::chosen(CASES, &arguments);
    if cases.is_empty() || arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let seed = seed("FAULTS_SEED");
    let plan = Plan {
        cycles: number("CYCLES").unwrap_or(0),
        flips: number("FLIPS").unwrap_or(18),
        connections: number("CONNECTIONS").unwrap_or(100),
        seed,
    };
    println!("\nrunning {} tests of the disk, seed {seed}", cases.len());
    let failed = cases::run(&cases, &plan);
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!(
        "\nFAILED: {}; again with\n  FAULTS_SEED={seed} cargo test -p quittance-tests --test faults -- {}\n",
        failed.join(", "),
        failed.join(" ")
    );
    ExitCode::FAILURE
}
