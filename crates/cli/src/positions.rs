//! `quittance positions`: what each book holds, by trade date and settled, what it cost, and the lots it is made of.

use std::io::Write;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use wire::pb::record::LotMethod;
use wire::pb::service::{GetPositionRequest, ListPositionsRequest, WatchPositionsRequest};
use wire::pb::view::position_update::Kind;
use wire::pb::view::{Lot, Position, PositionFilter, PositionUpdate};

use crate::connection::{Caller, Connection, Seen};
use crate::output::{self, Cell, Column, Format, column, figure, note};
use crate::paging::{self, Limit, Page, answer};
use crate::watch::{self, GoOn, Heard};

/// Positions by book and instrument: traded, settled, lots, cost, result
#[derive(Args, Debug)]
pub struct Positions {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// A line for each book and instrument
    #[command(after_help = "Examples:\n  quittance positions list --book ALPHA-EQ\n  \
        quittance positions list --entity ALPHA --method average -o csv")]
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        seen: Seen,
    },
    /// One position with the figures of every method
    #[command(after_help = "Example:\n  quittance positions get ALPHA-EQ SAP")]
    Get {
        #[command(flatten)]
        one: One,
    },
    /// Its open lots, each with the trade and the record it comes from
    #[command(
        after_help = "Examples:\n  quittance positions lots ALPHA-EQ SAP\n  quittance positions lots ALPHA-EQ DE0007164600 -o csv"
    )]
    Lots {
        #[command(flatten)]
        one: One,
    },
    /// Follow them: what is held, then every change, until Ctrl-C
    #[command(after_help = "Example:\n  quittance positions watch --book ALPHA-EQ -o ndjson")]
    Watch {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        from: GoOn,
    },
}

#[derive(Args, Debug, Default)]
pub struct Filter {
    /// Of this book
    #[arg(long)]
    book: Option<String>,
    /// Of the books of this legal entity
    #[arg(long)]
    entity: Option<String>,
    /// Our id, or an ISIN
    #[arg(long)]
    instrument: Option<String>,
    /// By which lots are made [default: each book's own]
    #[arg(long, value_enum)]
    pub method: Option<Method>,
    /// Also those that are over
    #[arg(long)]
    with_flat: bool,
}

impl Filter {
    pub fn wire(&self) -> PositionFilter {
        PositionFilter {
            book: self.book.clone().unwrap_or_default(),
            entity: self.entity.clone().unwrap_or_default(),
            instrument: self.instrument.clone().unwrap_or_default(),
            with_flat: self.with_flat,
        }
    }
}

#[derive(Args, Debug)]
struct One {
    book: String,
    /// Our id, or an ISIN
    instrument: String,
    /// By which lots are made [default: the book's own]
    #[arg(long, value_enum)]
    method: Option<Method>,
    #[command(flatten)]
    seen: Seen,
}

/// Which lots a closing trade takes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Method {
    /// The oldest by trade date first
    Fifo,
    /// All alike: one pool with one cost
    Average,
}

/// The method on the wire; nothing said is the book's own.
pub fn wire(method: Option<Method>) -> LotMethod {
    match method {
        None => LotMethod::Unspecified,
        Some(Method::Fifo) => LotMethod::Fifo,
        Some(Method::Average) => LotMethod::Average,
    }
}

pub fn method(method: LotMethod) -> &'static str {
    match method {
        LotMethod::Unspecified => "?",
        LotMethod::Fifo => "FIFO",
        LotMethod::Average => "average",
    }
}

pub async fn run(command: Positions) -> Result<()> {
    let format = command.caller.output;
    let connection = command.caller.connect().await?;
    match command.verb {
        Verb::List { filter, limit, seen } => {
            let fetch = list(&connection, filter.wire(), wire(filter.method), seen.min_sequence);
            paging::print(format, LIST, &limit, "no position fits", fetch).await
        }
        Verb::Get { one } => {
            let lines = get(&connection, one).await?;
            match format {
                Format::Table => {
                    for (place, line) in lines.iter().enumerate() {
                        if place > 0 {
                            println!();
                        }
                        output::one(format, FULL, line)?;
                    }
                    Ok(())
                }
                _ => output::list(format, LIST, lines, ""),
            }
        }
        Verb::Watch { filter, from } => watch(&connection, format, &filter, from).await,
        Verb::Lots { one } => {
            let lots: Vec<Lot> = get(&connection, one).await?.into_iter().flat_map(|line| line.lots).collect();
            output::list(format, LOTS, lots, "no lot is open")
        }
    }
}

/// Pages of positions.
pub fn list(
    connection: &Connection,
    filter: PositionFilter,
    method: LotMethod,
    min_sequence: u64,
) -> impl AsyncFnMut(String, u32) -> Result<Page<Position>> {
    let mut client = connection.positions();
    async move |page_token, page_size| {
        let (filter, method) = (Some(filter.clone()), method as i32);
        let request = ListPositionsRequest { filter, method, page_size, page_token, min_sequence };
        let page = answer(client.list_positions(request).await)?;
        Ok((page.positions, page.next_page_token))
    }
}

async fn get(connection: &Connection, one: One) -> Result<Vec<Position>> {
    let One { book, instrument, method, seen } = one;
    let (method, min_sequence) = (wire(method) as i32, seen.min_sequence);
    let request = GetPositionRequest { book, instrument, method, min_sequence };
    Ok(answer(connection.positions().get_position(request).await)?.positions)
}

async fn watch(connection: &Connection, format: Format, filter: &Filter, from: GoOn) -> Result<()> {
    watch::as_it_comes(format)?;
    let GoOn { resume, take } = from;
    let method = wire(filter.method) as i32;
    let request = WatchPositionsRequest { filter: Some(filter.wire()), method, resume_token: resume, min_sequence: 0 };
    let mut stream = answer(connection.positions().watch_positions(request).await)?;
    let next = async || Ok(stream.message().await?.map(|response| response.update.unwrap_or_default()));
    watch::follow(take, next, |update| {
        print(&update, format)?;
        Ok(Heard { too_slow: matches!(update.kind, Some(Kind::TooSlow(_))), resume_token: update.resume_token })
    })
    .await
}

fn print(update: &PositionUpdate, format: Format) -> Result<()> {
    let line = |each: &Position| {
        let amount = |amount: Option<wire::pb::typ::Decimal>| amount.map(figure::grouped).unwrap_or_default();
        let (traded, settled, cost) = (amount(each.traded), amount(each.settled), amount(each.cost));
        format!(
            "{:<20} {:<14} traded {traded}, settled {settled}, cost {cost} {}",
            each.book, each.instrument, each.currency
        )
    };
    watch::print(update, format, |out| {
        match &update.kind {
            Some(Kind::Snapshot(snapshot)) => {
                snapshot.positions.iter().try_for_each(|each| writeln!(out, "{}", line(each)))?;
                if snapshot.last {
                    note(format!(
                        "— that is what is held at record {}; changes follow —",
                        figure::count(update.sequence)
                    ));
                }
            }
            Some(Kind::Changes(changes)) => {
                changes.positions.iter().try_for_each(|each| writeln!(out, "{}", line(each)))?;
                changes
                    .left
                    .iter()
                    .try_for_each(|key| writeln!(out, "{:<20} {:<14} is over", key.book, key.instrument))?;
            }
            Some(Kind::Reset(_)) => watch::out_of_date(),
            Some(Kind::Heartbeat(_) | Kind::TooSlow(_)) | None => {}
        }
        Ok(())
    })
}

fn uncosted(each: &Position) -> Cell {
    if each.uncosted == 0 { Cell::Blank } else { Cell::Count(each.uncosted) }
}

fn cost_by(each: &Position, wanted: LotMethod) -> Cell {
    Cell::amount(each.methods.iter().find(|figures| figures.method() == wanted).and_then(|figures| figures.cost))
}

fn realised_by(each: &Position, wanted: LotMethod) -> Cell {
    Cell::amount(each.methods.iter().find(|figures| figures.method() == wanted).and_then(|figures| figures.realised))
}

/// A line for each position.
pub const LIST: &[Column<Position>] = &[
    column("book", |each| Cell::text(&each.book)),
    column("instrument", |each| Cell::text(&each.instrument)),
    column("traded", |each| Cell::amount(each.traded)),
    column("settled", |each| Cell::amount(each.settled)),
    column("ccy", |each| Cell::text(&each.currency)),
    column("cost", |each| Cell::amount(each.cost)),
    column("realised", |each| Cell::amount(each.realised)),
    column("accrued", |each| Cell::amount(each.accrued)),
    column("fees", |each| Cell::amount(each.fees)),
    column("method", |each| Cell::text(method(each.method()))),
    column("uncosted", uncosted),
];

const FULL: &[Column<Position>] = &[
    column("book", |each| Cell::text(&each.book)),
    column("entity", |each| Cell::text(&each.entity)),
    column("instrument", |each| Cell::text(&each.instrument)),
    column("isin", |each| Cell::text(&each.isin)),
    column("traded", |each| Cell::amount(each.traded)),
    column("settled", |each| Cell::amount(each.settled)),
    column("currency", |each| Cell::text(&each.currency)),
    column("quantity", |each| Cell::amount(each.quantity)),
    column("method", |each| Cell::text(method(each.method()))),
    column("cost", |each| Cell::amount(each.cost)),
    column("realised", |each| Cell::amount(each.realised)),
    column("cost, FIFO", |each| cost_by(each, LotMethod::Fifo)),
    column("realised, FIFO", |each| realised_by(each, LotMethod::Fifo)),
    column("cost, average", |each| cost_by(each, LotMethod::Average)),
    column("realised, average", |each| realised_by(each, LotMethod::Average)),
    column("accrued", |each| Cell::amount(each.accrued)),
    column("fees", |each| Cell::amount(each.fees)),
    column("entries", |each| Cell::Count(each.entries)),
    column("uncosted entries", uncosted),
    column("open lots", |each| Cell::Count(each.lots.len() as u64)),
    column("changed by record", |each| Cell::Count(each.changed_at_sequence)),
];

const LOTS: &[Column<Lot>] = &[
    column("trade date", |each| Cell::Date(each.trade_date)),
    column("opened by", |each| Cell::text(&each.opened_by)),
    column("quantity", |each| Cell::amount(each.quantity)),
    column("cost", |each| Cell::amount(each.cost)),
    column("trade", |each| if each.trade == 0 { Cell::Blank } else { Cell::Count(each.trade) }),
    column("record", |each| Cell::Count(each.sequence)),
];
