//! `quittance coverage`: whether depots have or will have what they must deliver, and whose failure is the cause if not.

use anyhow::Result;
use clap::{Args, Subcommand};
use wire::pb::service::{ListCoverageRequest, WatchCoverageRequest};
use wire::pb::typ::Decimal;
use wire::pb::view::{
    Coverage, CoverageCause, CoverageDelivery, CoverageFilter, CoverageLine, CoverageRoot, CoverageState,
};

use crate::connection::{Caller, Connection, Seen};
use crate::fault::not_found;
use crate::followed;
use crate::output::{self, Cell, Column, Format, Mark, column, figure};
use crate::paging::{self, Limit, Page, answer};
use crate::watch::{self, GoOn};

/// Settled + expected in − due out per depot and instrument; what is uncovered, and the failing receipt that causes it
#[derive(Args, Debug)]
pub struct CoverageCommand {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// A line for each depot and instrument with open business
    #[command(after_help = "Examples:\n  quittance coverage list --uncovered\n  \
        quittance coverage list --holder ALPHA --instrument SAP -o json")]
    List {
        #[command(flatten)]
        filter: Filter,
        /// Only where a delivery is uncovered
        #[arg(long)]
        uncovered: bool,
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        seen: Seen,
    },
    /// Follow it: how it stands, then every change, until Ctrl-C
    #[command(
        after_help = "Examples:\n  quittance coverage watch --uncovered   # what lacks securities, and what lacks them no longer\n  \
        quittance coverage watch --holder ALPHA -o ndjson"
    )]
    Watch {
        #[command(flatten)]
        filter: Filter,
        /// Only where a delivery is uncovered
        #[arg(long)]
        uncovered: bool,
        #[command(flatten)]
        from: GoOn,
    },
    /// One instrument in one depot: by date, and each delivery with the chain of receipts it waits for
    #[command(after_help = "Example:\n  quittance coverage why ALPHA-DEPOT SAP")]
    Why {
        /// The depot
        depot: String,
        /// Our id or an ISIN
        instrument: String,
        #[command(flatten)]
        seen: Seen,
    },
}

#[derive(Args, Debug, Default)]
struct Filter {
    /// In this depot
    #[arg(long)]
    depot: Option<String>,
    /// Of this holder
    #[arg(long)]
    holder: Option<String>,
    /// In this settlement domain
    #[arg(long)]
    domain: Option<String>,
    /// Our id or an ISIN
    #[arg(long)]
    instrument: Option<String>,
}

impl Filter {
    fn wire(self, only_uncovered: bool) -> CoverageFilter {
        CoverageFilter {
            depot: self.depot.unwrap_or_default(),
            holder: self.holder.unwrap_or_default(),
            domain: self.domain.unwrap_or_default(),
            instrument: self.instrument.unwrap_or_default(),
            only_uncovered,
            all_deliveries: false,
        }
    }
}

pub async fn run(command: CoverageCommand) -> Result<()> {
    let format = command.caller.output;
    let connection = command.caller.connect().await?;
    match command.verb {
        Verb::List { filter, uncovered, limit, seen } => {
            let filter = filter.wire(uncovered);
            let nothing = if uncovered { "every delivery is covered" } else { "nothing is open that fits" };
            paging::print(format, LIST, &limit, nothing, coverages(&connection, filter, seen.min_sequence)).await
        }
        Verb::Watch { filter, uncovered, from: GoOn { resume: resume_token, take } } => {
            watch::as_it_comes(format)?;
            let request = WatchCoverageRequest { filter: Some(filter.wire(uncovered)), resume_token, min_sequence: 0 };
            let stream = answer(connection.risk().watch_coverage(request).await)?;
            followed::run(format, take, stream, |response| response.update).await
        }
        Verb::Why { depot, instrument, seen } => {
            let id = format!("coverage of {instrument} in {depot}");
            let filter = CoverageFilter { depot, instrument, all_deliveries: true, ..CoverageFilter::default() };
            let mut fetch = coverages(&connection, filter, seen.min_sequence);
            let (page, _) = fetch(String::new(), 1).await?;
            let coverage =
                page.into_iter().next().ok_or_else(|| not_found(format!("there is no {id}: nothing is open")))?;
            why_out(format, coverage)
        }
    }
}

/// Pages of coverage.
pub fn coverages(
    connection: &Connection,
    filter: CoverageFilter,
    min_sequence: u64,
) -> impl AsyncFnMut(String, u32) -> Result<Page<Coverage>> {
    let mut client = connection.risk();
    async move |page_token, page_size| {
        let request = ListCoverageRequest { filter: Some(filter.clone()), page_size, page_token, min_sequence };
        let page = answer(client.list_coverage(request).await)?;
        Ok((page.coverages, page.next_page_token))
    }
}

fn why_out(format: Format, coverage: Coverage) -> Result<()> {
    match format {
        Format::Json | Format::Ndjson => output::one(format, LIST, &coverage),
        Format::Csv => output::list(format, DELIVERIES, coverage.deliveries, ""),
        Format::Table => {
            output::one(format, LIST, &coverage)?;
            println!();
            output::list(format, LINES, coverage.lines, "")?;
            println!();
            output::list(format, DELIVERIES, coverage.deliveries.clone(), "nothing is to be delivered")?;
            for delivery in coverage.deliveries.iter().filter(|delivery| !delivery.causes.is_empty()) {
                println!("\n{} {} of {}", delivery.trade, state(delivery), quantity(delivery.quantity));
                delivery.causes.iter().for_each(|cause| print_cause(cause, 1));
            }
            Ok(())
        }
    }
}

fn print_cause(cause: &CoverageCause, depth: usize) {
    println!("{}{}", "  ".repeat(depth), told(cause));
    cause.because.iter().for_each(|each| print_cause(each, depth + 1));
}

/// `100 from BETA on 2026-11-23 (receipt 7 ← delivery 8 out of BETA-DEPOT): CLAC`.
fn told(cause: &CoverageCause) -> String {
    let quantity = quantity(cause.quantity);
    if cause.root() == CoverageRoot::NoReceipt {
        return format!("{quantity} from nobody: no receipt is open");
    }
    let mut text = format!("{quantity} from {}", cause.deliverer);
    text.push_str(&format!(" on {}", figure::date(cause.intended_settlement_date)));
    match (cause.receipt, cause.delivery) {
        (0, _) => text.push_str(&format!(" (trade {})", cause.trade)),
        (receipt, 0) => text.push_str(&format!(" (receipt {receipt})")),
        (receipt, delivery) => {
            text.push_str(&format!(" (receipt {receipt}, delivery {delivery} out of {})", cause.depot))
        }
    }
    let why = match cause.root() {
        CoverageRoot::Unspecified => "because",
        root => root_name(root),
    };
    format!("{text}: {} {why}", cause.reasons.join(" "))
}

fn root_name(root: CoverageRoot) -> &'static str {
    match root {
        CoverageRoot::Unspecified => "",
        CoverageRoot::NoReceipt => "no receipt is open",
        CoverageRoot::NotInstructed => "not instructed",
        CoverageRoot::Unmatched => "unmatched",
        CoverageRoot::Held => "held",
        CoverageRoot::Cash => "cash is lacking",
        CoverageRoot::NotDue => "not due yet",
        CoverageRoot::AtAgent => "not confirmed by the agent",
        CoverageRoot::Circle => "waits for this very delivery: a circle",
        CoverageRoot::Free => "nothing in its way: next cycle",
        CoverageRoot::Cut => "and so on",
    }
}

fn quantity(quantity: Option<Decimal>) -> String {
    quantity.map_or_else(String::new, figure::grouped)
}

fn state(delivery: &CoverageDelivery) -> &'static str {
    match delivery.state() {
        CoverageState::Unspecified => "",
        CoverageState::Covered => "covered",
        CoverageState::Expected => "expected",
        CoverageState::Late => "late",
        CoverageState::Short => "short",
    }
}

fn marked(delivery: &CoverageDelivery) -> Cell {
    let mark = match delivery.state() {
        CoverageState::Covered => Mark::Good,
        CoverageState::Expected => Mark::Waiting,
        _ => Mark::Bad,
    };
    Cell::Marked(state(delivery).to_owned(), mark)
}

fn unless_zero(amount: Option<Decimal>) -> Cell {
    Cell::amount(amount.filter(|amount| amount.unscaled != 0))
}

/// A line for each depot and instrument.
pub const LIST: &[Column<Coverage>] = &[
    column("depot", |each| Cell::text(&each.depot)),
    column("instrument", |each| Cell::text(&each.instrument)),
    column("today", |each| Cell::Date(each.today)),
    column("settled", |each| Cell::amount(each.settled)),
    column("expected in", |each| unless_zero(each.expected_in)),
    column("due out", |each| unless_zero(each.due_out)),
    column("projected", |each| Cell::amount(each.projected)),
    column("lowest", |each| Cell::amount(each.lowest)),
    column("uncovered", |each| unless_zero(each.uncovered)),
    column("waits for", |each| Cell::text(first_cause(each))),
];

/// The end of the first chain.
fn first_cause(coverage: &Coverage) -> String {
    let first = coverage.deliveries.iter().find_map(|delivery| delivery.causes.first());
    let Some(mut cause) = first else { return String::new() };
    let mut deliverer = "";
    loop {
        if !cause.deliverer.is_empty() {
            deliverer = &cause.deliverer;
        }
        match cause.because.first() {
            Some(next) => cause = next,
            None => break,
        }
    }
    [deliverer, root_name(cause.root())].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(": ")
}

const LINES: &[Column<CoverageLine>] = &[
    column("value date", |each| Cell::Date(each.value_date)),
    column("receipts", |each| unless_zero(each.receipts)),
    column("deliveries", |each| unless_zero(each.deliveries)),
    column("projected", |each| Cell::amount(each.projected)),
];

const DELIVERIES: &[Column<CoverageDelivery>] = &[
    column("trade", |each| Cell::text(&each.trade)),
    column("instruction", |each| if each.instruction == 0 { Cell::Blank } else { Cell::Count(each.instruction) }),
    column("to", |each| Cell::text(&each.counterparty)),
    column("intended", |each| Cell::Date(each.intended_settlement_date)),
    column("quantity", |each| Cell::amount(each.quantity)),
    column("missing", |each| unless_zero(each.missing)),
    column("state", marked),
];
