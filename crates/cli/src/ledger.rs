//! `quittance ledger`: the stock record, who owns it and where it lies, and the proof that both agree.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use model::command::Command;
use wire::pb::service::{ListBalancesRequest, ListTieOutsRequest};
use wire::pb::view::{Balance, BalanceFilter, LedgerAccountKind, TieOut};

use crate::asking::submit;
use crate::connection::{Caller, Connection, Seen, Signed};
use crate::fault::failed;
use crate::output::{self, Cell, Column, Format, Mark, column, figure, note};
use crate::paging::{self, Limit, Page, answer};

/// The stock record: balances, and the proofs that they agree
#[derive(Args, Debug)]
pub struct Ledger {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Balances by account and asset
    #[command(after_help = "Examples:\n  quittance ledger balances --entity ALPHA --asset EUR\n  \
        quittance ledger balances --kind location -o csv")]
    Balances {
        /// In the ledger of this entity
        #[arg(long)]
        entity: Option<String>,
        /// Of these kinds
        #[arg(long, value_enum, value_delimiter = ',')]
        kind: Vec<Kind>,
        /// A currency or an instrument id
        #[arg(long)]
        asset: Option<String>,
        /// Also those that are zero
        #[arg(long)]
        with_zero: bool,
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        seen: Seen,
    },
    /// Ownership = location, and traded − settled = open, per entity and asset; exit code 1 when one does not tie
    #[command(after_help = "Example:\n  quittance ledger tie-outs --broken")]
    TieOuts {
        /// Only what does not tie
        #[arg(long)]
        broken: bool,
        #[command(flatten)]
        seen: Seen,
    },
    /// Turn round what a record posted; a settlement together with the capture of both its trades
    #[command(after_help = "Where a record settled several pairs, --instruction says which.\n\n\
        Examples:\n  quittance ledger reverse 1234 --reason \"wrong account, ticket 4711\"\n  \
        quittance ledger reverse 1234 --instruction 42 --reason \"wrong price\"")]
    Reverse {
        /// The record: `quittance log list`
        sequence: u64,
        /// Either side's instruction of the pair that is meant
        #[arg(long, value_name = "NUMBER")]
        instruction: Option<u64>,
        #[command(flatten)]
        signed: Signed,
    },
}

/// What kind of account.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Ownership: a book
    Book,
    /// Ownership: owed to and by a counterparty
    Counterparty,
    /// Ownership: what tolerances forgave
    Difference,
    /// Location: a depot, nostro or internal account
    Location,
    /// Ownership: what the outside moved and nothing of ours explains
    Break,
}

pub async fn run(command: Ledger) -> Result<()> {
    let format = command.caller.output;
    if let Verb::Reverse { sequence, instruction, signed } = command.verb {
        return submit(&command.caller, &signed, &Command::Reverse { sequence, instruction }).await;
    }
    let connection = command.caller.connect().await?;
    match command.verb {
        Verb::Balances { entity, kind, asset, with_zero, limit, seen } => {
            let wire = |kind: &Kind| match kind {
                Kind::Book => LedgerAccountKind::Book,
                Kind::Counterparty => LedgerAccountKind::Counterparty,
                Kind::Difference => LedgerAccountKind::Difference,
                Kind::Location => LedgerAccountKind::Location,
                Kind::Break => LedgerAccountKind::Break,
            };
            let filter = BalanceFilter {
                entity: entity.unwrap_or_default(),
                kinds: kind.iter().map(|kind| wire(kind) as i32).collect(),
                asset: asset.unwrap_or_default(),
                with_zero,
            };
            let fetch = balances(&connection, filter, seen.min_sequence);
            paging::print(format, BALANCES, &limit, "no balance fits", fetch).await
        }
        Verb::Reverse { .. } => unreachable!("it has its own way"),
        Verb::TieOuts { broken, seen } => tie_outs_out(&connection, format, broken, seen.min_sequence).await,
    }
}

/// Pages of balances.
pub fn balances(
    connection: &Connection,
    filter: BalanceFilter,
    min_sequence: u64,
) -> impl AsyncFnMut(String, u32) -> Result<Page<Balance>> {
    let mut client = connection.ledger();
    async move |page_token, page_size| {
        let request = ListBalancesRequest { filter: Some(filter.clone()), page_size, page_token, min_sequence };
        let page = answer(client.list_balances(request).await)?;
        Ok((page.balances, page.next_page_token))
    }
}

/// What must agree, for every entity and asset.
pub async fn tie_outs(connection: &Connection, min_sequence: u64) -> Result<Vec<TieOut>> {
    Ok(answer(connection.ledger().list_tie_outs(ListTieOutsRequest { min_sequence }).await)?.lines)
}

async fn tie_outs_out(connection: &Connection, format: Format, broken: bool, min_sequence: u64) -> Result<()> {
    let mut lines = tie_outs(connection, min_sequence).await?;
    let all = lines.len();
    let torn = lines.iter().filter(|line| !line.ties).count();
    if broken {
        lines.retain(|line| !line.ties);
    }
    output::list(format, TIE_OUTS, lines, "nothing to show")?;
    if torn > 0 {
        return Err(failed(format!("{torn} of {all} do not tie")));
    }
    if format == Format::Table {
        note(format!("all {} tie", figure::count(all as u64)));
    }
    Ok(())
}

fn asset(currency: &str, instrument: &str) -> Cell {
    Cell::text(if currency.is_empty() { instrument } else { currency })
}

const BALANCES: &[Column<Balance>] = &[
    column("entity", |each| Cell::text(&each.entity)),
    column("kind", |each| {
        Cell::text(match each.kind() {
            LedgerAccountKind::Book => "book",
            LedgerAccountKind::Counterparty => "counterparty",
            LedgerAccountKind::Difference => "difference",
            LedgerAccountKind::Location => "location",
            LedgerAccountKind::Break => "break",
            LedgerAccountKind::Unspecified => "?",
        })
    }),
    column("account", |each| Cell::text(&each.account)),
    column("asset", |each| asset(&each.currency, &each.instrument)),
    column("amount", |each| Cell::amount(each.amount)),
];

const TIE_OUTS: &[Column<TieOut>] = &[
    column("entity", |each| Cell::text(&each.entity)),
    column("asset", |each| asset(&each.currency, &each.instrument)),
    column("ownership", |each| Cell::amount(each.ownership)),
    column("location", |each| Cell::amount(each.location)),
    column("traded", |each| Cell::amount(each.traded)),
    column("settled", |each| Cell::amount(each.settled)),
    column("other", |each| Cell::amount(each.other)),
    column("open", |each| Cell::amount(each.open)),
    column("open trades", |each| Cell::amount(each.open_trades)),
    column("ties", |each| match each.ties {
        true => Cell::Marked("yes".to_owned(), Mark::Good),
        false => Cell::Marked("NO".to_owned(), Mark::Bad),
    }),
];
