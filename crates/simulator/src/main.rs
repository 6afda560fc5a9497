//! `quittance-sim`: one seed, or fresh ones for a while.

use clap::Parser;
use simulator::{Outcome, Tally, run, shrink};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Simulates a house from a seed and compares it with a bookkeeper of its own. Exit code 1: they differ.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// The first seed; absent: the clock's, when many are run, else 1.
    #[arg(long)]
    seed: Option<u64>,
    /// Steps of each run: something that happens, and what the machine does of it.
    #[arg(long, default_value_t = 2_000)]
    steps: u64,
    /// So many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Fresh seeds for so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Replays spent on finding the smallest failing list of steps; 0: it is not looked for.
    #[arg(long, default_value_t = 400)]
    replays: u32,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let by_clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let first = options.seed.unwrap_or_else(|| if options.seconds.is_some() { by_clock() } else { 1 });
    let started = Instant::now();
    let last = options.seconds.map(Duration::from_secs);
    let mut total = Tally::default();
    let mut seed = first;
    loop {
        let outcome = run(seed, options.steps);
        total.add(&outcome.tally);
        if let Some((step, difference)) = &outcome.difference {
            tell(seed, *step, difference, &outcome, options.replays);
            return ExitCode::FAILURE;
        }
        seed += 1;
        let more = last.map_or(seed < first + options.seeds, |last| started.elapsed() < last);
        if !more {
            break;
        }
    }
    let took = started.elapsed();
    println!("seeds {first} to {}: no difference", seed - 1);
    println!("{total}");
    let speed = total.simulated.as_secs_f64() / took.as_secs_f64();
    let records = total.records as f64 / took.as_secs_f64();
    println!(
        "  took {:.1} s: {records:.0} records/s, {speed:.0} times as fast as the house's own time",
        took.as_secs_f64()
    );
    ExitCode::SUCCESS
}

fn tell(seed: u64, step: usize, difference: &str, outcome: &Outcome, replays: u32) {
    println!("seed {seed}, step {step} of {}: {difference}", outcome.steps.len());
    println!("again: quittance-sim --seed {seed} --steps {step}");
    if replays == 0 {
        return;
    }
    println!("looking for the smallest list of steps that fails …");
    let (least, why) = shrink(seed, &outcome.steps, replays);
    for step in &least {
        println!("  {step}");
    }
    println!("{} steps: {why}", least.len());
}
