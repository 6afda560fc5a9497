//! `quittance instructions explain`: what keeps something from settling, and the smallest changes that would settle it.

use anyhow::Result;
use clap::Args;
use wire::pb::service::ExplainSettlementRequest;
use wire::pb::view::{Explanation, SettlementActor, SettlementChange};

use crate::connection::{Connection, Seen};
use crate::fault::failed;
use crate::output::{self, Cell, Column, Format, column};
use crate::paging::answer;

#[derive(Args, Debug)]
pub struct Explain {
    /// The instruction's number
    #[arg(required_unless_present = "trade", conflicts_with = "trade")]
    number: Option<u64>,
    /// Or the trade of this source (it may be in repair) …
    #[arg(long, requires = "trade", value_name = "SOURCE")]
    source: Option<String>,
    /// … with this id
    #[arg(long, requires = "source", value_name = "ID")]
    trade: Option<String>,
    #[command(flatten)]
    seen: Seen,
}

pub async fn run(connection: &Connection, format: Format, asked: Explain) -> Result<()> {
    let request = ExplainSettlementRequest {
        number: asked.number.unwrap_or_default(),
        trade_source: asked.source.unwrap_or_default(),
        trade_id: asked.trade.unwrap_or_default(),
        min_sequence: asked.seen.min_sequence,
    };
    let response = answer(connection.settlement().explain_settlement(request).await)?;
    let explanation = response.explanation.ok_or_else(|| failed("the server's answer holds no explanation"))?;
    if format != Format::Table {
        return output::one(format, COLUMNS, &explanation);
    }
    match explanation.instruction {
        0 => println!("trade {}, not instructed:", explanation.trade),
        number => println!("instruction {number}:"),
    }
    for cause in &explanation.causes {
        let of = if cause.instruction == explanation.instruction {
            String::new()
        } else {
            format!(" ({} of {})", cause.instruction, cause.party)
        };
        println!("  {} {}{of}", cause.codes.join(" "), cause.text);
    }
    if !explanation.changes.is_empty() {
        println!("{}", if explanation.settles { "this would settle it:" } else { "this would bring it nearer:" });
    }
    for change in &explanation.changes {
        println!("  {}", line(change));
    }
    if !explanation.settles {
        println!("not found: {}", explanation.unfound);
    }
    if explanation.partial {
        println!("more waits on the same accounts than was looked at: others may be served first");
    }
    Ok(())
}

/// Who has to do what; of others it is advice.
fn line(change: &SettlementChange) -> String {
    let who = match change.actor() {
        SettlementActor::We => "we",
        SettlementActor::Counterparty => "advice to the counterparty",
        SettlementActor::Agent => "advice to the agent",
        SettlementActor::Unspecified => "?",
    };
    let second = if change.needs_second { "; it takes two persons" } else { "" };
    let assumed =
        if change.assumes.is_empty() { String::new() } else { format!("; taken for granted: {}", change.assumes) };
    format!("{who}: {}{second}{assumed}", change.text)
}

const COLUMNS: &[Column<Explanation>] = &[
    column("trade", |each| Cell::Count(each.trade)),
    column("instruction", |each| Cell::Count(each.instruction)),
    column("causes", |each| {
        Cell::text(each.causes.iter().map(|cause| cause.text.as_str()).collect::<Vec<_>>().join("; "))
    }),
    column("changes", |each| Cell::text(each.changes.iter().map(line).collect::<Vec<_>>().join("; "))),
    column("settles", |each| Cell::text(if each.settles { "yes" } else { "no" })),
];
