//! `quittance margin`: client margin accounts at recorded prices, calls, and what becomes of them; what CCPs will ask of us.

pub mod forecast;
mod watch;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use wire::pb::record::command::Kind;
use wire::pb::record::{AnswerMarginCall, Command, IssueMarginCalls, MarginAnswer, MarginCallKind, SetName};
use wire::pb::service::{ListMarginAccountsRequest, ListMarginCallsRequest, SubmitCommandRequest};
use wire::pb::view::{
    ForecastFilter, MarginCall, MarginFilter, MarginStanding, MarginStandings, PriceSetFilter, SetSeries,
};

use crate::connection::{Caller, Connection, Seen, Signed, print_receipt};
use crate::dates;
use crate::fault::failed;
use crate::output::{self, Cell, Column, Format, Mark, column, figure, note};
use crate::paging::answer;
use crate::pnl::series;
use crate::watch::GoOn;

/// Client margin accounts at recorded prices, and their calls: issue, meet, withdraw; what CCPs will ask of us
#[derive(Args, Debug)]
pub struct Margin {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// How accounts stand: equity by trade date against what the rules ask
    #[command(
        after_help = "What is offered as collateral free of payment counts once it has settled. What has no price is named, and the\n\
        account is then not assessed.\n\n\
        Examples:\n  quittance margin accounts\n  quittance margin accounts --date 2026-11-20 -o json"
    )]
    Accounts {
        #[command(flatten)]
        at: At,
    },
    /// What CCPs will ask for what has not settled: mark to market, volatility, gap and fails, with the trades behind each
    #[command(
        after_help = "A clearing account is an entity's depot at a CCP, in one settlement currency. The numbers are reference data\n\
        (`clearing_terms`); the haircut is the worst of the recorded closes at their confidence. An account that lacks a\n\
        price, a history or terms has no figures, and says what it lacks.\n\n\
        Examples:\n  quittance margin forecast\n  quittance margin forecast --ccp EUCP --date 2026-11-20 -o json"
    )]
    Forecast {
        /// Accounts of this entity of ours
        #[arg(long)]
        entity: Option<String>,
        /// At this CCP
        #[arg(long)]
        ccp: Option<String>,
        #[command(flatten)]
        at: At,
        /// Moves of the past: on each date the first series that has it [default: the series of the prices]
        #[arg(long, value_delimiter = ',', value_parser = series, value_name = "SNAP/SOURCE")]
        history: Vec<SetSeries>,
        #[command(flatten)]
        seen: Seen,
    },
    /// Calls that have not ended, the oldest first
    #[command(after_help = "Examples:\n  quittance margin calls\n  quittance margin calls --missed -o csv")]
    Calls {
        /// Of this account
        #[arg(long)]
        account: Option<String>,
        /// Only what was due and did not come
        #[arg(long)]
        missed: bool,
    },
    /// Follow accounts, calls and forecasts: how they stand, then every change, until Ctrl-C
    #[command(after_help = "The last close is followed by the next one as soon as it is recorded.\n\n\
        Examples:\n  quittance margin watch --account MA-1\n  quittance margin watch --forecast -o ndjson")]
    Watch {
        /// The standing and the calls of this account only
        #[arg(long)]
        account: Option<String>,
        /// What CCPs will ask, too
        #[arg(long)]
        forecast: bool,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        from: GoOn,
    },
    /// Assess accounts at a recorded set of prices, and call what is missing and not called yet
    #[command(after_help = "Example:\n  quittance margin issue 2026-11-23 --source QUOTES --reason \"daily run\"")]
    Issue {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        signed: Signed,
    },
    /// Assess what a trade date's purchases and short sales ask for, and call it: the initial call of Regulation T
    #[command(
        after_help = "Half of what was bought (at its cost) and sold short (its proceeds), less what the rest of the account has to spare\n\
        at the set. Due a standard settlement cycle and two business days later.\n\n\
        Example:\n  quittance margin initial 2026-11-23 --source QUOTES --reason \"daily run\""
    )]
    Initial {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        signed: Signed,
    },
    /// Say that a call is met by what our records do not show, or was none
    #[command(
        after_help = "Example:\n  quittance margin answer 7 met --reason \"wired to the custodian, value today\""
    )]
    Answer {
        /// The call's number
        number: u64,
        /// What became of it
        #[arg(value_enum)]
        how: How,
        #[command(flatten)]
        signed: Signed,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum How {
    /// Met elsewhere
    Met,
    /// Called in error
    Withdrawn,
}

/// Which accounts are assessed, at which set.
#[derive(Args, Debug)]
struct Of {
    /// The business date, which is the set's
    #[arg(value_parser = dates::parse)]
    date: u32,
    /// Prices of this snap
    #[arg(long, default_value = "CLOSE")]
    snap: String,
    /// Prices of this source
    #[arg(long)]
    source: String,
    /// Only these accounts [default: all]
    #[arg(long, value_name = "ID")]
    account: Vec<String>,
}

impl Of {
    fn issue(self) -> IssueMarginCalls {
        let Of { date, snap, source, account } = self;
        IssueMarginCalls { set: Some(SetName { date, snap, source }), accounts: account }
    }
}

/// At which prices.
#[derive(Args, Debug)]
struct At {
    /// Prices of this date, YYYY-MM-DD [default: the last there are]
    #[arg(long, value_parser = dates::parse, value_name = "DATE")]
    date: Option<u32>,
    /// Prices of this snap
    #[arg(long, default_value = "CLOSE")]
    snap: String,
    /// Prices of this source [default: the only one]
    #[arg(long)]
    source: Option<String>,
}

impl At {
    fn prices(self) -> PriceSetFilter {
        let (date, source) = (self.date.unwrap_or_default(), self.source.unwrap_or_default());
        PriceSetFilter { date, snap: self.snap, source }
    }
}

pub async fn run(command: Margin) -> Result<()> {
    let format = command.caller.output;
    let connection = command.caller.connect().await?;
    match command.verb {
        Verb::Accounts { at } => {
            let request = ListMarginAccountsRequest { prices: Some(at.prices()) };
            let standings = answer(connection.risk().list_margin_accounts(request).await)?.standings;
            let none = || failed("the server's answer holds no margin accounts".to_owned());
            accounts_out(format, standings.ok_or_else(none)?)
        }
        Verb::Forecast { entity, ccp, at, history, seen } => {
            let (entity, ccp) = (entity.unwrap_or_default(), ccp.unwrap_or_default());
            let filter = ForecastFilter { entity, ccp, prices: Some(at.prices()), history };
            forecast::run(&connection, format, filter, seen).await
        }
        Verb::Calls { account, missed } => {
            let request = ListMarginCallsRequest { account: account.unwrap_or_default(), only_missed: missed };
            let calls = answer(connection.risk().list_margin_calls(request).await)?.calls;
            output::list(format, CALLS, calls, "no call is open")
        }
        Verb::Watch { account, forecast, at, from } => {
            let forecast = forecast.then(ForecastFilter::default);
            let filter = MarginFilter { prices: Some(at.prices()), account: account.unwrap_or_default(), forecast };
            watch::run(&connection, format, filter, from).await
        }
        Verb::Issue { of, signed } => submit(&connection, format, Kind::IssueMarginCalls(of.issue()), signed).await,
        Verb::Initial { of, signed } => submit(&connection, format, Kind::IssueInitialCalls(of.issue()), signed).await,
        Verb::Answer { number, how, signed } => {
            let answer = match how {
                How::Met => MarginAnswer::Met,
                How::Withdrawn => MarginAnswer::Withdrawn,
            } as i32;
            submit(&connection, format, Kind::AnswerMarginCall(AnswerMarginCall { number, answer }), signed).await
        }
    }
}

async fn submit(connection: &Connection, format: Format, kind: Kind, signed: Signed) -> Result<()> {
    let (request_id, reason) = (signed.request_id(), signed.reason.clone());
    let command = Some(Command { kind: Some(kind) });
    let request = signed.sign(SubmitCommandRequest { command, request_id, reason })?;
    print_receipt(format, answer(connection.operator().submit_command(request).await)?.receipt)
}

fn accounts_out(format: Format, standings: MarginStandings) -> Result<()> {
    if format == Format::Json {
        // The whole answer, with what it stands on.
        return output::one(format, &[], &standings);
    }
    let (prices, rows) = (standings.prices, standings.accounts);
    let lacking: Vec<_> = rows.iter().filter(|row| !row.lacks.is_empty()).cloned().collect();
    output::list(format, ACCOUNTS, rows, "there is no margin account on that date")?;
    if let Some(set) = prices {
        note(figure::price_set(&set));
    }
    for row in lacking {
        note(format!("{} is not assessed: {} lacking", row.account, row.lacks.join(", ")));
    }
    Ok(())
}

/// How an account is shown, here and in the demonstration.
pub const ACCOUNTS: &[Column<MarginStanding>] = &[
    column("account", |each| Cell::text(&each.account)),
    column("client", |each| Cell::text(&each.client)),
    column("ccy", |each| Cell::text(&each.currency)),
    column("long", |each| Cell::amount(each.long)),
    column("short", |each| Cell::amount(each.short)),
    column("cash", |each| Cell::amount(each.cash)),
    column("equity", |each| Cell::amount(each.equity)),
    column("initial", |each| Cell::amount(each.initial)),
    column("excess", |each| Cell::amount(each.excess)),
    column("maintenance", |each| Cell::amount(each.maintenance)),
    column("missing", |each| Cell::amount(each.missing)),
    column("called", |each| Cell::amount(each.called)),
    column("lacks", |each| Cell::text(each.lacks.join(", "))),
];

fn standing(call: &MarginCall) -> Cell {
    match call.missed {
        false => Cell::Marked("open".to_owned(), Mark::Waiting),
        true => Cell::Marked("missed".to_owned(), Mark::Bad),
    }
}

fn kind(call: &MarginCall) -> &'static str {
    match call.kind() {
        MarginCallKind::Unspecified => "",
        MarginCallKind::Maintenance => "maintenance",
        MarginCallKind::Initial => "initial",
    }
}

/// How a call is shown, here and in the demonstration.
pub const CALLS: &[Column<MarginCall>] = &[
    column("call", |each| Cell::Count(each.number)),
    column("kind", |each| Cell::text(kind(each))),
    column("account", |each| Cell::text(&each.account)),
    column("client", |each| Cell::text(&each.client)),
    column("for", |each| Cell::Date(each.date)),
    column("ccy", |each| Cell::text(&each.currency)),
    column("amount", |each| Cell::amount(each.amount)),
    column("to come", |each| Cell::amount(each.outstanding)),
    column("due", |each| Cell::Date(each.due)),
    column("record", |each| Cell::Count(each.issued_in)),
    column("standing", standing),
];
