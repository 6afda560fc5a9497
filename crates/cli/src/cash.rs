//! `quittance cash`: what lies on each account, what is coming, and what must be funded.

use anyhow::Result;
use clap::{Args, Subcommand};
use wire::pb::service::{GetCashLadderRequest, ListCashLaddersRequest, WatchCashLaddersRequest};
use wire::pb::typ::Decimal;
use wire::pb::view::{CashFilter, CashLadder, CashLine};

use crate::connection::{Caller, Connection, Seen};
use crate::fault::failed;
use crate::followed;
use crate::output::{self, Cell, Column, Format, column, figure};
use crate::paging::{self, Limit, Page, answer};
use crate::watch::{self, GoOn};

/// Cash by account, currency and value date: settled, projected, funding need
#[derive(Args, Debug)]
pub struct Cash {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// A line for each account and currency
    #[command(
        after_help = "Examples:\n  quittance cash list --currency EUR\n  quittance cash list --holder ALPHA -o csv"
    )]
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        seen: Seen,
    },
    /// Follow them: how they stand, then every change, until Ctrl-C
    #[command(
        after_help = "Examples:\n  quittance cash watch --currency EUR\n  quittance cash watch --holder ALPHA -o ndjson"
    )]
    Watch {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        from: GoOn,
    },
    /// One account by value date
    #[command(after_help = "Example:\n  quittance cash ladder ALPHA-EUR EUR")]
    Ladder {
        /// The cash account
        account: String,
        /// ISO 4217
        currency: String,
        #[command(flatten)]
        seen: Seen,
    },
}

#[derive(Args, Debug, Default)]
struct Filter {
    /// This account
    #[arg(long)]
    account: Option<String>,
    /// Of this holder
    #[arg(long)]
    holder: Option<String>,
    /// In this settlement domain
    #[arg(long)]
    domain: Option<String>,
    /// ISO 4217
    #[arg(long)]
    currency: Option<String>,
}

impl Filter {
    fn wire(self) -> CashFilter {
        CashFilter {
            account: self.account.unwrap_or_default(),
            holder: self.holder.unwrap_or_default(),
            domain: self.domain.unwrap_or_default(),
            currency: self.currency.unwrap_or_default(),
        }
    }
}

pub async fn run(command: Cash) -> Result<()> {
    let format = command.caller.output;
    let connection = command.caller.connect().await?;
    match command.verb {
        Verb::List { filter, limit, seen } => {
            let pages = ladders(&connection, filter.wire(), seen.min_sequence);
            paging::print(format, LIST, &limit, "no cash account fits", pages).await
        }
        Verb::Watch { filter, from: GoOn { resume: resume_token, take } } => {
            watch::as_it_comes(format)?;
            let request = WatchCashLaddersRequest { filter: Some(filter.wire()), resume_token, min_sequence: 0 };
            let stream = answer(connection.cash().watch_cash_ladders(request).await)?;
            followed::run(format, take, stream, |response| response.update).await
        }
        Verb::Ladder { account, currency, seen } => {
            let request = GetCashLadderRequest { account, currency, min_sequence: seen.min_sequence };
            let ladder = answer(connection.cash().get_cash_ladder(request).await)?.ladder;
            ladder_out(format, ladder.ok_or_else(|| failed("the server's answer holds no ladder"))?)
        }
    }
}

/// Pages of ladders.
pub fn ladders(
    connection: &Connection,
    filter: CashFilter,
    min_sequence: u64,
) -> impl AsyncFnMut(String, u32) -> Result<Page<CashLadder>> {
    let mut client = connection.cash();
    async move |page_token, page_size| {
        let request = ListCashLaddersRequest { filter: Some(filter.clone()), page_size, page_token, min_sequence };
        let page = answer(client.list_cash_ladders(request).await)?;
        Ok((page.ladders, page.next_page_token))
    }
}

fn ladder_out(format: Format, ladder: CashLadder) -> Result<()> {
    match format {
        Format::Json | Format::Ndjson => output::one(format, LIST, &ladder),
        Format::Csv => output::list(format, LINES, ladder.lines.clone(), ""),
        Format::Table => {
            output::one(format, HEAD, &ladder)?;
            println!();
            output::list(format, LINES, ladder.lines.clone(), "nothing is open on this account")
        }
    }
}

/// Where all that is open leads: the last line's projection, or what is there when nothing is open.
pub fn projected(ladder: &CashLadder) -> Option<Decimal> {
    ladder.lines.last().map_or(ladder.settled, |line| line.projected)
}

fn lowest_sure(ladder: &CashLadder) -> Option<Decimal> {
    let model = |decimal: &Decimal| model::decimal::Decimal { unscaled: decimal.unscaled, scale: decimal.scale };
    let lines = ladder.lines.iter().filter_map(|line| line.projected_sure);
    lines.chain(ladder.settled).min_by(|one, other| model(one).compare(model(other)))
}

/// Nothing where nothing is needed: a column of zeros hides the one that is not.
fn unless_zero(amount: Option<Decimal>) -> Cell {
    Cell::amount(amount.filter(|amount| amount.unscaled != 0))
}

/// A line for each ladder.
pub const LIST: &[Column<CashLadder>] = &[
    column("account", |each| Cell::text(&each.account)),
    column("ccy", |each| Cell::text(&each.currency)),
    column("settled", |each| Cell::amount(each.settled)),
    column("projected", |each| Cell::amount(projected(each))),
    column("lowest sure", |each| Cell::amount(lowest_sure(each))),
    column("credit limit", |each| unless_zero(each.credit_limit)),
    column("funding need", |each| unless_zero(each.funding_need)),
    column("holder", |each| Cell::text(&each.holder)),
];

const HEAD: &[Column<CashLadder>] = &[
    column("account", |each| Cell::text(&each.account)),
    column("holder", |each| Cell::text(&each.holder)),
    column("domain", |each| Cell::text(&each.domain)),
    column("today", |each| Cell::Date(each.today)),
    column("currency", |each| Cell::text(&each.currency)),
    column("settled", |each| Cell::amount(each.settled)),
    column("credit limit", |each| Cell::amount(each.credit_limit)),
    column("funding need", |each| Cell::amount(each.funding_need)),
];

const LINES: &[Column<CashLine>] = &[
    column("value date", |each| Cell::text(figure::date(each.value_date))),
    column("receipts", |each| Cell::amount(each.receipts)),
    column("payments", |each| Cell::amount(each.payments)),
    column("sure receipts", |each| Cell::amount(each.sure_receipts)),
    column("projected", |each| Cell::amount(each.projected)),
    column("projected sure", |each| Cell::amount(each.projected_sure)),
    column("credit limit", |each| unless_zero(each.credit_limit)),
    column("instructions", |each| Cell::Count(each.instructions)),
];
