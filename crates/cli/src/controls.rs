//! `quittance controls`: what a source says it sent for a day, held against the log, and what a person lets stand.

use anyhow::Result;
use clap::{Args, Subcommand};
use model::command::Command;
use model::control::{ControlTotals, SignOff, Totals};
use model::date::Date;
use model::decimal::Decimal;
use model::identifier::{CurrencyCode, Identifier};
use wire::pb::service::{ControlStanding, ControlState, GetStatusRequest};

use crate::asking::{currency, date, identifier, submit};
use crate::connection::{Caller, Signed};
use crate::output::{self, Cell, Column, Mark, column};
use crate::paging::answer;

/// Control totals of the sources: list, send, sign off
#[derive(Args, Debug)]
pub struct Controls {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// What the log has of each source, trade date and currency, and whether the source agrees
    #[command(after_help = "Example:\n  quittance controls list")]
    List,
    /// Say what a source sent: trades in force, quantities and net amounts, bought and sold apart
    #[command(after_help = "Example:\n  \
        quittance controls send FO-ALPHA 2026-11-23 EUR --count 2 --bought 100 --paid 12000.00 --sold 50 --received 6050.00")]
    Send {
        #[command(flatten)]
        key: Key,
        /// How many trades
        #[arg(long)]
        count: u64,
        /// Quantity bought, over all instruments
        #[arg(long, value_parser = Decimal::parse, default_value = "0")]
        bought: Decimal,
        /// Quantity sold
        #[arg(long, value_parser = Decimal::parse, default_value = "0")]
        sold: Decimal,
        /// Net amount to pay for what was bought
        #[arg(long, value_parser = Decimal::parse, default_value = "0")]
        paid: Decimal,
        /// Net amount to receive for what was sold
        #[arg(long, value_parser = Decimal::parse, default_value = "0")]
        received: Decimal,
        #[command(flatten)]
        signed: Signed,
    },
    /// Let a difference stand, as it is now; a further trade for the key ends it
    #[command(after_help = "Example:\n  \
        quittance controls sign-off FO-ALPHA 2026-11-23 EUR --reason \"one trade booked by hand, ticket 4711\"")]
    SignOff {
        #[command(flatten)]
        key: Key,
        #[command(flatten)]
        signed: Signed,
    },
}

#[derive(Args, Debug)]
struct Key {
    /// The system that owns the trades
    #[arg(value_parser = identifier)]
    source: Identifier,
    /// Trade date, YYYY-MM-DD
    #[arg(value_parser = date)]
    trade_date: Date,
    /// Settlement currency, ISO 4217
    #[arg(value_parser = currency)]
    currency: CurrencyCode,
}

pub async fn run(command: Controls) -> Result<()> {
    let caller = command.caller;
    match command.verb {
        Verb::List => {
            let connection = caller.connect().await?;
            let rows = answer(connection.operator().get_status(GetStatusRequest {}).await)?.controls;
            output::list(caller.output, LIST, rows, "no source has sent a trade or control totals")
        }
        Verb::Send { key: Key { source, trade_date, currency }, count, bought, sold, paid, received, signed } => {
            let totals = Totals { count, bought, sold, paid, received };
            let said = ControlTotals { source, trade_date, currency, totals };
            submit(&caller, &signed, &Command::ControlTotals(Box::new(said))).await
        }
        Verb::SignOff { key: Key { source, trade_date, currency }, signed } => {
            submit(&caller, &signed, &Command::SignOff(SignOff { source, trade_date, currency })).await
        }
    }
}

const LIST: &[Column<ControlStanding>] = &[
    column("source", |each| Cell::text(&each.source)),
    column("trade date", |each| Cell::Date(each.trade_date)),
    column("currency", |each| Cell::text(&each.currency)),
    column("state", |each| match each.state() {
        ControlState::Agreed => Cell::Marked("agreed".to_owned(), Mark::Good),
        ControlState::SignedOff => Cell::Marked("signed off".to_owned(), Mark::Good),
        ControlState::Differs => Cell::Marked("DIFFERS".to_owned(), Mark::Bad),
        _ => Cell::Marked("not said".to_owned(), Mark::Waiting),
    }),
    column("trades", |each| Cell::Count(each.counted.as_ref().map_or(0, |counted| counted.count))),
    column("bought", |each| Cell::amount(each.counted.as_ref().and_then(|counted| counted.bought))),
    column("paid", |each| Cell::amount(each.counted.as_ref().and_then(|counted| counted.paid))),
    column("sold", |each| Cell::amount(each.counted.as_ref().and_then(|counted| counted.sold))),
    column("received", |each| Cell::amount(each.counted.as_ref().and_then(|counted| counted.received))),
    column("trades said", |each| each.stated.as_ref().map_or(Cell::Blank, |stated| Cell::Count(stated.count))),
];
