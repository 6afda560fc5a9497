//! `quittance repairs`: trades that lack reference data or whose figures are off, and what helps.

use anyhow::Result;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use wire::pb::service::RepairTradeRequest;
use wire::pb::view::TradeStatus;

use crate::connection::{Caller, Seen, Signed, print_receipt};
use crate::fault::usage;
use crate::output;
use crate::paging::{self, answer};
use crate::trades;

/// Trades in repair: list, try again
#[derive(Args, Debug)]
pub struct Repairs {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Trades in repair, with what is wrong
    #[command(after_help = "Example:\n  quittance repairs list")]
    List {
        #[command(flatten)]
        seen: Seen,
    },
    /// Look again, accepting the source's own amounts, or with mended details
    #[command(after_help = "When reference data comes, the trades that lacked it go on by themselves.\n\n\
        Examples:\n  quittance repairs retry FO-ALPHA ALPHA-000012 --reason \"amount confirmed with the desk\"\n  \
        quittance repairs retry FO-ALPHA ALPHA-000012 --details mended.json --reason \"gross corrected\"")]
    Retry {
        /// The system that owns the trade
        source: String,
        /// Its id there
        id: String,
        /// Replaces what the source sent: a quittance.trade.v1.Details as protobuf JSON
        #[arg(long, value_name = "FILE")]
        details: Option<PathBuf>,
        #[command(flatten)]
        signed: Signed,
    },
}

pub async fn run(command: Repairs) -> Result<()> {
    let format = command.caller.output;
    match command.verb {
        Verb::List { seen } => {
            let connection = command.caller.connect().await?;
            let mut loose = paging::all(trades::loose(&connection, seen.min_sequence)).await?;
            loose.retain(|trade| trade.status() == TradeStatus::InRepair);
            output::list(format, trades::LIST, loose, "no trade is in repair")
        }
        Verb::Retry { source, id, details, signed } => {
            let details = match details {
                Some(path) => {
                    let text = crate::submit::read_text(&path)?;
                    let read = serde_json::from_str(&text);
                    Some(read.map_err(|error| usage(format!("{}: {error}", path.display())))?)
                }
                None => None,
            };
            let (request_id, reason) = (signed.request_id(), signed.reason.clone());
            let request = signed.sign(RepairTradeRequest { source, id, details, request_id, reason })?;
            let connection = command.caller.connect().await?;
            print_receipt(format, answer(connection.operator().repair_trade(request).await)?.receipt)
        }
    }
}
