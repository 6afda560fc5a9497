//! Measurements of the service. A run ends with its checks (assets conserved, nothing settled twice, chain head equal to
//! a replay) or has no figure. What bounds each figure stands in `docs/PERFORMANCE.md`.

mod broker;
mod clock;
mod fold;
mod house;
mod ingest;
mod latency;
mod promotion;
mod rebuild;
mod report;
mod restart;

use anyhow::Result;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What to measure.
#[derive(Debug, Args)]
pub struct Bench {
    #[command(subcommand)]
    which: Which,
    /// Write the figures as JSON beside the table.
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Seed of the generated flow.
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// In memory, one core: decode, decide, apply, encode, hash; then the replay of what came out.
    Fold {
        /// Messages generated.
        #[arg(long, default_value_t = 1_000_000)]
        messages: u64,
    },
    /// One central counterparty on one side of everything and one security in 30 %, against the ordinary flow.
    Hot {
        /// Messages generated.
        #[arg(long, default_value_t = 500_000)]
        messages: u64,
    },
    /// A preloaded topic of a real broker, into the log, (rung 2) the views, (rung 3) a topic of records and (rung 4) the
    /// front office's answers, which is all that a service does beside calls; beside a bare consumer; sizes on disk.
    Ingest {
        /// Messages on the topic.
        #[arg(long, default_value_t = 2_000_000)]
        messages: u64,
        /// Rounds; the median is reported.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
        /// Only this rung (1 to 4); all of them when absent.
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=4))]
        rung: Option<u8>,
    },
    /// The whole service under a steady load: from the intended instant of each message until it is durable and seen.
    Latency {
        /// Messages a second.
        #[arg(long, default_value_t = 50_000)]
        rate: u64,
        /// How long, after ten seconds that do not count.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// How fast each view is folded anew from the first record, alone, and all together.
    Rebuild {
        /// Messages in the log.
        #[arg(long, default_value_t = 1_000_000)]
        messages: u64,
    },
    /// Time from kill -9 to the first settled trade, with a history and open instructions.
    Restart {
        /// Trades settled before.
        #[arg(long, default_value_t = 1_000_000)]
        trades: u64,
        /// Instructions open.
        #[arg(long, default_value_t = 100_000)]
        open: u64,
    },
    /// Time from kill -9 of the primary until the warm standby leads and settles, under load.
    Promotion {
        /// Messages a second.
        #[arg(long, default_value_t = 5_000)]
        rate: u64,
        /// How long the primary lives.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Rounds; the median and the slowest are reported.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    /// Leads for `promotion`, then waits to be killed.
    #[command(hide = true)]
    Lead { dir: PathBuf, brokers: String },
    /// Fills a log for `restart`, then waits to be killed.
    #[command(hide = true)]
    Fill { dir: PathBuf, trades: u64, open: u64 },
    /// Folds open instructions for `fold`, and says what each takes.
    #[command(hide = true)]
    State { open: u64 },
    /// Everything, with sizes that finish in some minutes.
    All,
}

/// Runs what was asked and prints a table.
///
/// # Errors
/// When a run does not pass its checks: then there is no figure.
pub fn main(bench: &Bench) -> Result<()> {
    let mut report = report::Report::begin();
    match bench.which {
        Which::Fold { messages } => {
            fold::run(bench.seed, messages, &mut report)?;
            fold::memory(bench.seed, messages / 4, &mut report)?;
        }
        Which::Hot { messages } => fold::hot(bench.seed, messages, &mut report)?,
        Which::Ingest { messages, rounds, rung } => {
            ingest::run(bench.seed, ingest::Plan { messages, rounds, rung }, &mut report)?;
        }
        Which::Latency { rate, seconds } => latency::run(bench.seed, latency::Plan { rate, seconds }, &mut report)?,
        Which::Rebuild { messages } => rebuild::run(bench.seed, messages, &mut report)?,
        Which::Restart { trades, open } => restart::run(bench.seed, trades, open, &mut report)?,
        Which::State { open } => return fold::state(bench.seed, open),
        Which::Promotion { rate, seconds, rounds } => {
            promotion::run(bench.seed, promotion::Plan { rate, seconds, rounds }, &mut report)?;
        }
        Which::Lead { ref dir, ref brokers } => return promotion::lead(dir, brokers),
        Which::Fill { ref dir, trades, open } => return restart::fill(bench.seed, dir, trades, open),
        Which::All => {
            fold::run(bench.seed, 1_000_000, &mut report)?;
            fold::memory(bench.seed, 250_000, &mut report)?;
            fold::hot(bench.seed, 500_000, &mut report)?;
            ingest::run(bench.seed, ingest::Plan { messages: 2_000_000, rounds: 3, rung: None }, &mut report)?;
            for rate in [10_000, 25_000, 50_000] {
                latency::run(bench.seed, latency::Plan { rate, seconds: 15 }, &mut report)?;
            }
            rebuild::run(bench.seed, 500_000, &mut report)?;
            restart::run(bench.seed, 1_000_000, 100_000, &mut report)?;
            restart::run(bench.seed, 1_000_000, 1_000_000, &mut report)?;
            promotion::run(bench.seed, promotion::Plan { rate: 5_000, seconds: 10, rounds: 3 }, &mut report)?;
        }
    }
    report.print();
    match &bench.json {
        Some(file) => report.write(file),
        None => Ok(()),
    }
}
