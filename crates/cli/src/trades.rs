//! `quittance trades`: a trade with its instructions, those in repair, and what changes.

use anyhow::Result;
use clap::{Args, Subcommand};
use wire::pb::service::{GetTradeRequest, ListTradesRequest};
use wire::pb::view::{Defect, InstructionFilter, Trade, TradeStatus};

use crate::connection::{Caller, Connection, Seen};
use crate::fault::failed;
use crate::instructions::{LIST as INSTRUCTIONS, way};
use crate::output::{self, Cell, Column, Format, Mark, column};
use crate::paging::{self, Limit, answer};
use crate::watch;

/// Trades: look one up, list those that no instruction speaks for, watch
#[derive(Args, Debug)]
pub struct Trades {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// One trade with all its instructions
    #[command(after_help = "Example:\n  quittance trades get FO-ALPHA ALPHA-000012")]
    Get {
        /// The system that owns the trade
        source: String,
        /// Its id there
        id: String,
        #[command(flatten)]
        seen: Seen,
    },
    /// Trades that are open and have no open instruction: in repair, not yet instructed, or their instruction was cancelled
    #[command(after_help = "All other trades are found by their instructions: `quittance instructions list`.\n\n\
        Example:\n  quittance trades list -o ndjson")]
    List {
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        seen: Seen,
    },
    /// The trades whose instructions are open, then every change, until Ctrl-C
    #[command(after_help = "Examples:\n  quittance trades watch\n  quittance trades watch FO-ALPHA ALPHA-000012")]
    Watch {
        /// Only this trade: the system that owns it …
        #[arg(requires = "id")]
        source: Option<String>,
        /// … and its id there
        id: Option<String>,
        #[command(flatten)]
        from: watch::From,
    },
}

pub async fn run(command: Trades) -> Result<()> {
    let format = command.caller.output;
    let connection = command.caller.connect().await?;
    match command.verb {
        Verb::Get { source, id, seen } => {
            let trade = get(&connection, &source, &id, seen.min_sequence).await?;
            output::one(format, DETAIL, &trade)?;
            if format == Format::Table && !trade.instructions.is_empty() {
                println!();
                output::list(format, INSTRUCTIONS, trade.instructions, "")?;
            }
            Ok(())
        }
        Verb::List { limit, seen } => {
            let nothing = "every open trade has an open instruction";
            paging::print(format, LIST, &limit, nothing, loose(&connection, seen.min_sequence)).await
        }
        Verb::Watch { source, id, from } => {
            let (trade_source, trade_id) = (source.unwrap_or_default(), id.unwrap_or_default());
            let filter = InstructionFilter { trade_source, trade_id, ..InstructionFilter::default() };
            watch::run(&connection, filter, &from, format, watch::trade).await
        }
    }
}

/// A trade with its instructions.
pub async fn get(connection: &Connection, source: &str, id: &str, min_sequence: u64) -> Result<Trade> {
    let request = GetTradeRequest { source: source.to_owned(), id: id.to_owned(), min_sequence };
    let response = answer(connection.trades().get_trade(request).await)?;
    response.trade.ok_or_else(|| failed("the server's answer holds no trade"))
}

/// Pages of the trades that no open instruction speaks for.
pub fn loose(
    connection: &Connection,
    min_sequence: u64,
) -> impl AsyncFnMut(String, u32) -> Result<paging::Page<Trade>> {
    let mut client = connection.trades();
    async move |page_token, page_size| {
        let request = ListTradesRequest { page_size, page_token, min_sequence };
        let page = answer(client.list_trades(request).await)?;
        Ok((page.trades, page.next_page_token))
    }
}

fn status_cell(trade: &Trade) -> Cell {
    let (word, mark) = match trade.status() {
        TradeStatus::Unspecified => ("?", Mark::Bad),
        TradeStatus::Captured => ("captured", Mark::Waiting),
        TradeStatus::Uninstructed => ("no instruction", Mark::Bad),
        TradeStatus::InRepair => ("in repair", Mark::Bad),
        TradeStatus::Instructed => ("instructed", Mark::Waiting),
        TradeStatus::Matched => ("matched", Mark::Waiting),
        TradeStatus::Settled => ("settled", Mark::Good),
        TradeStatus::Cancelled => ("cancelled", Mark::Faint),
        TradeStatus::ChangeRequested => ("change requested", Mark::Waiting),
    };
    Cell::Marked(word.to_owned(), mark)
}

/// `MISSING_SSI ALPHA`.
pub fn defects(defects: &[Defect]) -> String {
    let each = defects.iter().map(|defect| format!("{} {}", defect.code, defect.subject));
    each.collect::<Vec<_>>().join(", ")
}

/// What a list shows of each.
pub const LIST: &[Column<Trade>] = &[
    column("source", |each| Cell::text(&each.source)),
    column("id", |each| Cell::text(&each.id)),
    column("version", |each| Cell::Count(each.version.into())),
    column("status", status_cell),
    column("defects", |each| Cell::text(defects(&each.defects))),
    column("party", |each| Cell::text(&each.party)),
    column("counterparty", |each| Cell::text(&each.counterparty)),
    column("way", |each| Cell::text(way(each.movement(), each.payment()))),
    column("quantity", |each| Cell::amount(each.quantity)),
    column("instrument", |each| Cell::text(&each.instrument)),
    column("amount", |each| Cell::amount(each.amount)),
    column("ccy", |each| Cell::text(&each.currency)),
    column("intended", |each| Cell::Date(each.intended_settlement_date)),
];

/// All of one.
const DETAIL: &[Column<Trade>] = &[
    column("trade", |each| Cell::text(format!("{} {}", each.source, each.id))),
    column("number", |each| Cell::Count(each.number)),
    column("version", |each| Cell::Count(each.version.into())),
    column("status", status_cell),
    column("defects", |each| Cell::text(defects(&each.defects))),
    column("version asked for", |each| match each.requested_version {
        0 => Cell::Blank,
        version if each.cancel_requested => Cell::text(format!("{version} (cancels)")),
        version => Cell::Count(version.into()),
    }),
    column("party", |each| Cell::text(&each.party)),
    column("counterparty", |each| Cell::text(&each.counterparty)),
    column("book", |each| Cell::text(&each.book)),
    column("instrument", |each| Cell::text(&each.instrument)),
    column("isin", |each| Cell::text(&each.isin)),
    column("domain", |each| Cell::text(&each.domain)),
    column("way", |each| Cell::text(way(each.movement(), each.payment()))),
    column("quantity", |each| Cell::amount(each.quantity)),
    column("amount", |each| Cell::amount(each.amount)),
    column("currency", |each| Cell::text(&each.currency)),
    column("trade date", |each| Cell::Date(each.trade_date)),
    column("intended date", |each| Cell::Date(each.intended_settlement_date)),
    column("late", |each| if each.late { Cell::text("yes, its date had passed") } else { Cell::Blank }),
    column("captured in record", |each| Cell::Count(each.captured_at_sequence)),
    column("changed in record", |each| Cell::Count(each.changed_at_sequence)),
];
