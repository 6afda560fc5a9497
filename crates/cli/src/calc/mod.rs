//! `quittance calc`: the arithmetic of the service on a file, without a server. The same code, so the same answers.

mod capital;
mod exposure;
mod input;
mod lots;
mod margin;
mod matching;
mod pnl;
mod position;
mod settlement_date;
mod value_at_risk;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::output::{self, Column, Format};

/// Calculate: dates, matching, lots, P&L, VaR, capital, margin, exposure; JSON in, a table or JSON out
#[derive(Args, Debug)]
#[command(
    after_help = "Input is one JSON object, strictly read: numbers are texts (\"12.50\"), dates YYYY-MM-DD, unknown fields\n\
    errors. Each verb has an example in its --help that runs as it stands."
)]
pub struct Calc {
    /// How to print the answer
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args, Debug)]
struct File {
    /// The input as JSON; - reads stdin
    #[arg(default_value = "-")]
    file: PathBuf,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// The settlement date of a trade date, in the calendars of place and currency
    #[command(after_help = settlement_date::HELP)]
    SettlementDate(File),
    /// Whether two sides match, and if not, why: decided by the engine itself
    #[command(after_help = matching::HELP)]
    Match(File),
    /// Open lots in trade-date order, with what they cost
    #[command(after_help = lots::HELP)]
    Lots(File),
    /// P&L at each close by line, the day's part, prior-day adjustments apart
    #[command(after_help = pnl::HELP)]
    Pnl(File),
    /// Historical-simulation VaR, expected shortfall, back-test, concentration
    #[command(after_help = value_at_risk::HELP)]
    Var(File),
    /// Own funds for unsettled DvP trades by age (CRR Article 378)
    #[command(after_help = capital::HELP)]
    Crr378(File),
    /// A client margin account: equity, call, and what cures it (Regulation T, FINRA 4210)
    #[command(after_help = margin::HELP)]
    RegT(File),
    /// Settlement exposure by phase and counterparty, against limits
    #[command(after_help = exposure::HELP)]
    Exposure(File),
}

pub fn run(command: Calc) -> Result<()> {
    let format = command.output;
    match command.verb {
        Verb::SettlementDate(input) => settlement_date::run(&input.file, format),
        Verb::Match(input) => matching::run(&input.file, format),
        Verb::Lots(input) => lots::run(&input.file, format),
        Verb::Pnl(input) => pnl::run(&input.file, format),
        Verb::Var(input) => value_at_risk::run(&input.file, format),
        Verb::Crr378(input) => capital::run(&input.file, format),
        Verb::RegT(input) => margin::run(&input.file, format),
        Verb::Exposure(input) => exposure::run(&input.file, format),
    }
}

/// Prints an answer of rows and a summary: both as a table, all of it as JSON, the rows alone as CSV.
fn answer<W: Serialize, R: Serialize>(
    format: Format,
    (rows, row_columns): (Vec<R>, &'static [Column<R>]),
    (whole, columns): (&W, &'static [Column<W>]),
) -> Result<()> {
    match format {
        Format::Json | Format::Ndjson => output::one(format, columns, whole),
        Format::Csv => output::list(format, row_columns, rows, ""),
        Format::Table => {
            output::list(format, row_columns, rows, "nothing in the input")?;
            println!();
            output::one(format, columns, whole)
        }
    }
}
