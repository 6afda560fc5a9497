//! Faults of the disk: bits that turn over, a power cut, errors, a slow, hanging or full disk, under the real engine and service.
//!
//! `make faults` for the long run (`CYCLES`, `FLIPS`); a run of seconds is part of `make test`. What cannot run here (no root, no loop
//! device, no C compiler) is skipped and says why. One after the other; names as arguments choose. `FAULTS_SEED` plays a run again.

mod disk;
mod errors;
mod flips;
mod full;
mod house;
mod power;
#[path = "../system/prepared.rs"]
mod prepared;
mod served;
mod slow;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How much is done, and what chance begins with.
struct Plan {
    cycles: u64,
    flips: u64,
    seed: u64,
}

/// What becomes of a test that cannot run here.
enum Verdict {
    Passed,
    Skipped(String),
}

type Case = (&'static str, fn(&Plan) -> Verdict);

const CASES: &[Case] = &[
    ("flipped_bits", flips::none_is_silent),
    ("sync_fails", errors::a_sync_that_fails_ends_the_service),
    ("flush_fails", errors::a_flush_that_fails_ends_the_engine),
    ("slow_disk", slow::commits_wait_and_questions_do_not),
    ("hanging_disk", slow::the_service_says_so_and_goes_on),
    ("hanging_disk_holds_messages", slow::messages_wait_outside),
    ("power_cut", power::nothing_acknowledged_is_lost),
    ("full_disk", full::of_records),
    ("full_disk_of_views", full::of_views),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(writer::ROLE) => return writer::child(&arguments[1..]),
        Some(served::ROLE) => return served::child(&arguments[1..]),
        _ => {}
    }
    let names: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part.as_str()));
    let cases: Vec<&Case> = CASES.iter().filter(|(name, _)| wanted(name)).collect();
    if cases.is_empty() || arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let seed = number("FAULTS_SEED", u64::from(now.subsec_nanos()));
    let plan = Plan { cycles: number("CYCLES", 0), flips: number("FLIPS", 18), seed };
    println!("\nrunning {} tests of the disk, seed {seed}", cases.len());
    let mut failed = Vec::new();
    for (name, case) in cases {
        println!("--- {name}");
        let began = Instant::now();
        let verdict = catch_unwind(AssertUnwindSafe(|| case(&plan)));
        let seconds = began.elapsed().as_secs_f32();
        match verdict {
            Ok(Verdict::Passed) => println!("    ok in {seconds:.1} s"),
            Ok(Verdict::Skipped(why)) => println!("    SKIPPED: {why}"),
            // The panic's own text stands above.
            Err(_) => {
                println!("    FAILED after {seconds:.1} s");
                failed.push(*name);
            }
        }
    }
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

fn number(key: &str, otherwise: u64) -> u64 {
    match std::env::var(key) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{key} is a whole number")),
        Err(_) => otherwise,
    }
}
