//! `quittance breaks`: what the outside says of external domains and our records contradict, until a person closes it.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use wire::pb::record::command::Kind;
use wire::pb::record::{AssignBreak, BreakResolution, CloseBreak, Command};
use wire::pb::service::{ListBreaksRequest, SubmitCommandRequest};
use wire::pb::view::{Break, BreakItem};

use crate::connection::{Caller, Connection, Seen, Signed, print_receipt};
use crate::output::{Cell, Column, Format, column, figure};
use crate::paging::{self, Limit, answer};

/// What agents say and our records contradict: list, assign, close
#[derive(Args, Debug)]
pub struct Breaks {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// What is open, with its age in business days and who looks after it
    #[command(after_help = "Example:\n  quittance breaks list -o csv")]
    List {
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        seen: Seen,
    },
    /// Say who looks after one
    #[command(after_help = "Example:\n  quittance breaks assign 7 eva.recs --reason \"knows the custodian\"")]
    Assign {
        /// The break's number
        number: u64,
        /// A person or team
        owner: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// Close one: say what it was, and where the difference goes
    #[command(
        after_help = "What stands on the break account must be booked: to-book and to-party (with --target), write-off, or undo\n\
        when the agent took it back. What is only told is explained. Of a balance that differs the statement may be taken\n\
        over by to-book, to-party or write-off.\n\n\
        Examples:\n  quittance breaks close 7 explained --reason \"late confirmation, settled today\"\n  \
        quittance breaks close 8 to-book --target EQ-FLOW --reason \"dividend of SAP\""
    )]
    Close {
        /// The break's number
        number: u64,
        /// How
        #[arg(value_enum)]
        how: How,
        /// The book for to-book, the party for to-party
        #[arg(long, value_name = "NAME")]
        target: Option<String>,
        #[command(flatten)]
        signed: Signed,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum How {
    /// Nothing is booked
    Explained,
    /// The difference is a book's of ours
    ToBook,
    /// The difference is owed to or by a party
    ToParty,
    /// The difference goes to the difference account
    WriteOff,
    /// The agent took it back
    Undo,
}

impl From<How> for BreakResolution {
    fn from(how: How) -> BreakResolution {
        match how {
            How::Explained => BreakResolution::Explained,
            How::ToBook => BreakResolution::ToBook,
            How::ToParty => BreakResolution::ToParty,
            How::WriteOff => BreakResolution::WriteOff,
            How::Undo => BreakResolution::Undo,
        }
    }
}

pub async fn run(command: Breaks) -> Result<()> {
    let format = command.caller.output;
    let connection = command.caller.connect().await?;
    match command.verb {
        Verb::List { limit, seen } => {
            let mut client = connection.settlement();
            paging::print(format, LIST, &limit, "no breaks", async |page_token, page_size| {
                let request = ListBreaksRequest { page_size, page_token, min_sequence: seen.min_sequence };
                let page = answer(client.list_breaks(request).await)?;
                Ok((page.breaks, page.next_page_token))
            })
            .await
        }
        Verb::Assign { number, owner, signed } => {
            submit(&connection, format, Kind::AssignBreak(AssignBreak { number, owner }), signed).await
        }
        Verb::Close { number, how, target, signed } => {
            let resolution = BreakResolution::from(how) as i32;
            let close = CloseBreak { number, resolution, target: target.unwrap_or_default() };
            submit(&connection, format, Kind::CloseBreak(close), signed).await
        }
    }
}

async fn submit(connection: &Connection, format: Format, kind: Kind, signed: Signed) -> Result<()> {
    let (request_id, reason) = (signed.request_id(), signed.reason.clone());
    let command = Some(Command { kind: Some(kind) });
    let request = signed.sign(SubmitCommandRequest { command, request_id, reason })?;
    print_receipt(format, answer(connection.operator().submit_command(request).await)?.receipt)
}

const LIST: &[Column<Break>] = &[
    column("number", |each| Cell::Count(each.number)),
    column("kind", |each| Cell::text(&each.kind)),
    column("about", |each| match each.instruction {
        0 => Cell::text(&each.subject),
        number => Cell::text(format!("instruction {number} {}", each.subject).trim_end()),
    }),
    column("differs (theirs - ours)", |each| {
        Cell::text(each.items.iter().map(difference).collect::<Vec<_>>().join(", "))
    }),
    column("booked", |each| Cell::text(if each.booked { "yes" } else { "no" })),
    column("since", |each| Cell::Date(each.since)),
    column("age", |each| Cell::Count(each.age.into())),
    column("owner", |each| Cell::text(&each.owner)),
    column("record", |each| Cell::Count(each.opened_at_sequence)),
];

/// `ALPHA-CASH -10.00 EUR`.
fn difference(item: &BreakItem) -> String {
    let amount = item.difference.as_ref().map_or("?".to_owned(), |amount| figure::plain(*amount));
    let asset = if item.currency.is_empty() { &item.instrument } else { &item.currency };
    format!("{} {amount} {asset}", item.account).trim_start().to_owned()
}
