//! `quittance instructions`: settlement instructions, how they stand and why, and what a person does to them.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use wire::pb::record::SteerAction;
use wire::pb::service::{
    ExplainUnmatchedRequest, GetInstructionRequest, ListInstructionsRequest, SteerInstructionRequest,
};
use wire::pb::view::{Instruction, InstructionFilter, InstructionStatus, Movement, Payment};

use crate::codes::{explained, meaning};
use crate::connection::{Caller, Connection, Seen, Signed, print_receipt};
use crate::explain;
use crate::fault::failed;
use crate::output::{self, Cell, Column, Format, Mark, column, figure};
use crate::paging::{self, Limit, answer};
use crate::watch;

/// Settlement instructions: list, explain, watch and steer them
#[derive(Args, Debug)]
pub struct Instructions {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// One instruction, open or ended
    #[command(after_help = "Example:\n  quittance instructions get 4711")]
    Get {
        /// Its number
        number: u64,
        #[command(flatten)]
        seen: Seen,
    },
    /// Instructions that fit a filter, by rising number
    #[command(after_help = "Examples:\n  quittance instructions list --status failing --min-age 2\n  \
        quittance instructions list --party ALPHA --reason MONY -o csv > short-of-cash.csv")]
    List {
        #[command(flatten)]
        filter: Box<Filter>,
        #[command(flatten)]
        limit: Limit,
        #[command(flatten)]
        seen: Seen,
    },
    /// What is open, then every change, until Ctrl-C
    #[command(after_help = "Examples:\n  quittance instructions watch --party ALPHA\n  \
        quittance instructions watch -o ndjson --resume TOKEN")]
    Watch {
        #[command(flatten)]
        filter: Box<Filter>,
        #[command(flatten)]
        from: watch::From,
    },
    /// Why an instruction has not settled, in words
    #[command(after_help = "Example:\n  quittance instructions why 4711")]
    Why {
        /// Its number
        number: u64,
        #[command(flatten)]
        seen: Seen,
    },
    /// What would settle it: causes in order, and the smallest changes, proved on a copy
    #[command(after_help = "Example:\n  quittance instructions explain 4711")]
    Explain(explain::Explain),
    /// Block its settlement (PREA); matching goes on
    #[command(after_help = "Example:\n  quittance instructions hold 4711 --reason \"client asked\"")]
    Hold(Steered),
    /// End a hold
    #[command(after_help = "Example:\n  quittance instructions release 4711 --reason \"client confirmed\"")]
    Release(Steered),
    /// Set the order of settlement
    #[command(after_help = "Example:\n  quittance instructions prioritise 4711 --priority 2 --reason \"pledged on\"")]
    Prioritise {
        #[command(flatten)]
        steered: Steered,
        /// 1 reserved, 2 top, 3 high, 4 normal
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4))]
        priority: u32,
    },
    /// Cancel; a matched one ends when both sides have asked
    #[command(after_help = "Example:\n  quittance instructions cancel 4711 --reason \"booked twice\"")]
    Cancel(Steered),
    /// Take back one's own request for cancellation
    #[command(after_help = "Example:\n  quittance instructions keep 4711 --reason \"it was right after all\"")]
    Keep(Steered),
}

#[derive(Args, Debug)]
struct Steered {
    /// The instruction's number
    number: u64,
    #[command(flatten)]
    signed: Signed,
}

/// How far an instruction has come.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Status {
    Unmatched,
    Pending,
    Failing,
    Settled,
    Cancelled,
}

impl From<Status> for InstructionStatus {
    fn from(status: Status) -> InstructionStatus {
        match status {
            Status::Unmatched => InstructionStatus::Unmatched,
            Status::Pending => InstructionStatus::Pending,
            Status::Failing => InstructionStatus::Failing,
            Status::Settled => InstructionStatus::Settled,
            Status::Cancelled => InstructionStatus::Cancelled,
        }
    }
}

/// Which instructions; several conditions narrow together.
#[derive(Args, Clone, Debug)]
pub struct Filter {
    /// Of this book
    #[arg(long)]
    book: Option<String>,
    /// Of this party
    #[arg(long)]
    party: Option<String>,
    /// Against this party
    #[arg(long)]
    counterparty: Option<String>,
    /// Our instrument id, or an ISIN
    #[arg(long)]
    instrument: Option<String>,
    /// Settlement domain
    #[arg(long)]
    domain: Option<String>,
    /// Intended settlement date from, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = crate::dates::parse)]
    from: Option<u32>,
    /// Intended settlement date up to, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = crate::dates::parse)]
    to: Option<u32>,
    /// One of these
    #[arg(long, value_enum, value_delimiter = ',')]
    status: Vec<Status>,
    /// With this reason: LACK, MONY, CMIS …
    #[arg(long)]
    reason: Option<String>,
    /// Open, and at least so many business days past the intended date
    #[arg(long, value_name = "DAYS")]
    min_age: Option<u32>,
    /// For the trade of this source …
    #[arg(long, requires = "trade", value_name = "SOURCE")]
    source: Option<String>,
    /// … with this id
    #[arg(long, requires = "source", value_name = "ID")]
    trade: Option<String>,
}

impl Filter {
    pub fn to_wire(&self) -> InstructionFilter {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        InstructionFilter {
            book: text(&self.book),
            party: text(&self.party),
            counterparty: text(&self.counterparty),
            instrument: text(&self.instrument),
            domain: text(&self.domain),
            intended_from: self.from.unwrap_or(0),
            intended_to: self.to.unwrap_or(0),
            statuses: self.status.iter().map(|status| InstructionStatus::from(*status) as i32).collect(),
            reason: text(&self.reason),
            trade_source: text(&self.source),
            trade_id: text(&self.trade),
            min_age: self.min_age,
        }
    }
}

pub async fn run(command: Instructions) -> Result<()> {
    let format = command.caller.output;
    let connection = command.caller.connect().await?;
    match command.verb {
        Verb::Get { number, seen } => {
            let instruction = get(&connection, number, seen.min_sequence).await?;
            output::one(format, DETAIL, &instruction)
        }
        Verb::List { filter, limit, seen } => {
            let mut client = connection.settlement();
            let filter = filter.to_wire();
            paging::print(format, LIST, &limit, "no instruction fits", async |page_token, page_size| {
                let request = ListInstructionsRequest {
                    filter: Some(filter.clone()),
                    page_size,
                    page_token,
                    min_sequence: seen.min_sequence,
                };
                let page = answer(client.list_instructions(request).await)?;
                Ok((page.instructions, page.next_page_token))
            })
            .await
        }
        Verb::Watch { filter, from } => {
            watch::run(&connection, filter.to_wire(), &from, format, watch::instruction).await
        }
        Verb::Why { number, seen } => why(&connection, format, number, seen.min_sequence).await,
        Verb::Explain(asked) => explain::run(&connection, format, asked).await,
        Verb::Hold(steered) => steer(&connection, format, steered, SteerAction::Hold, None).await,
        Verb::Release(steered) => steer(&connection, format, steered, SteerAction::Release, None).await,
        Verb::Prioritise { steered, priority } => {
            steer(&connection, format, steered, SteerAction::Prioritise, Some(priority)).await
        }
        Verb::Cancel(steered) => steer(&connection, format, steered, SteerAction::Cancel, None).await,
        Verb::Keep(steered) => steer(&connection, format, steered, SteerAction::KeepAfterAll, None).await,
    }
}

async fn get(connection: &Connection, number: u64, min_sequence: u64) -> Result<Instruction> {
    let response =
        answer(connection.settlement().get_instruction(GetInstructionRequest { number, min_sequence }).await)?;
    response.instruction.ok_or_else(|| failed("the server's answer holds no instruction"))
}

async fn steer(
    connection: &Connection,
    format: Format,
    steered: Steered,
    action: SteerAction,
    priority: Option<u32>,
) -> Result<()> {
    let request = SteerInstructionRequest {
        instruction: steered.number,
        action: action as i32,
        priority,
        request_id: steered.signed.request_id(),
        reason: steered.signed.reason.clone(),
    };
    let response = answer(connection.settlement().steer_instruction(steered.signed.sign(request)?).await)?;
    print_receipt(format, response.receipt)
}

/// What stands between an instruction and its settlement.
async fn why(connection: &Connection, format: Format, number: u64, min_sequence: u64) -> Result<()> {
    let mut instruction = get(connection, number, min_sequence).await?;
    if instruction.status() == InstructionStatus::Unmatched {
        // Computed now: a counter-instruction may have come since the last day step.
        let request = ExplainUnmatchedRequest { number, min_sequence };
        instruction.reasons = answer(connection.settlement().explain_unmatched(request).await)?.codes;
    }
    if format != Format::Table {
        return output::one(format, LIST, &instruction);
    }
    let (status, ..) = standing(&instruction);
    println!("instruction {number}: {status}, {}", headline(&instruction));
    for reason in &instruction.reasons {
        println!("  {}", explained(reason));
    }
    if let Some(waits) = &instruction.waits {
        let what = if waits.currency.is_empty() { &waits.instrument } else { &waits.currency };
        let need = waits.need.map(figure::grouped).unwrap_or_default();
        println!("  waits until {} can give {need} {what}", waits.account);
    }
    if instruction.cancel_requested {
        println!("  its own side has asked for cancellation; the counterparty has not");
    }
    Ok(())
}

/// `ALPHA delivers 300 FR0000120271 to BRAVO`.
pub fn movement(instruction: &Instruction) -> String {
    let quantity = instruction.quantity.map(figure::grouped).unwrap_or_default();
    let name = if instruction.isin.is_empty() { &instruction.instrument } else { &instruction.isin };
    let (verb, from) = match instruction.movement() {
        Movement::Deliver => ("delivers", "to"),
        _ => ("receives", "from"),
    };
    format!("{} {verb} {quantity} {name} {from} {}", instruction.party, instruction.counterparty)
}

/// `ALPHA delivers 300 FR0000120271 to BRAVO against 18,321.00 EUR on 2026-11-25`.
pub fn headline(instruction: &Instruction) -> String {
    let against = match (instruction.payment(), instruction.matched_amount.or(instruction.amount)) {
        (Payment::Dvp, Some(amount)) => format!(" against {} {}", figure::grouped(amount), instruction.currency),
        _ => " free of payment".to_owned(),
    };
    let date = figure::date(instruction.intended_settlement_date);
    format!("{}{against} on {date}", movement(instruction))
}

/// A status in a word, and how good that is.
pub fn standing(instruction: &Instruction) -> (&'static str, Mark) {
    match instruction.status() {
        InstructionStatus::Unspecified => ("?", Mark::Bad),
        InstructionStatus::Unmatched => ("unmatched", Mark::Waiting),
        InstructionStatus::Pending => ("pending", Mark::Waiting),
        InstructionStatus::Failing => ("failing", Mark::Bad),
        InstructionStatus::Settled => ("settled", Mark::Good),
        InstructionStatus::Cancelled => ("cancelled", Mark::Faint),
    }
}

fn status_cell(instruction: &Instruction) -> Cell {
    let (word, mark) = standing(instruction);
    Cell::Marked(word.to_owned(), mark)
}

pub fn way(movement: Movement, payment: Payment) -> &'static str {
    match (movement, payment) {
        (Movement::Deliver, Payment::Fop) => "deliver free",
        (Movement::Deliver, _) => "deliver",
        (Movement::Receive, Payment::Fop) => "receive free",
        (Movement::Receive, _) => "receive",
        _ => "",
    }
}

fn trades(instruction: &Instruction) -> String {
    let names = instruction.trades.iter().map(|link| format!("{} {} v{}", link.source, link.id, link.version));
    names.collect::<Vec<_>>().join(", ")
}

/// What a list shows of each.
pub const LIST: &[Column<Instruction>] = &[
    column("number", |each| Cell::Count(each.number)),
    column("status", status_cell),
    column("reasons", |each| Cell::text(each.reasons.join(" "))),
    column("age", |each| each.age.filter(|age| *age > 0).map_or(Cell::Blank, |age| Cell::Count(age.into()))),
    column("intended", |each| Cell::Date(each.intended_settlement_date)),
    column("party", |each| Cell::text(&each.party)),
    column("way", |each| Cell::text(way(each.movement(), each.payment()))),
    column("quantity", |each| Cell::amount(each.quantity)),
    column("instrument", |each| Cell::text(&each.instrument)),
    column("amount", |each| Cell::amount(each.matched_amount.or(each.amount))),
    column("ccy", |each| Cell::text(&each.currency)),
    column("counterparty", |each| Cell::text(&each.counterparty)),
    column("trade", |each| Cell::text(trades(each))),
];

/// All of one.
const DETAIL: &[Column<Instruction>] = &[
    column("number", |each| Cell::Count(each.number)),
    column("status", status_cell),
    column("reasons", |each| {
        let known = |code: &String| match meaning(code) {
            "" => code.clone(),
            meaning => format!("{code} ({meaning})"),
        };
        Cell::text(each.reasons.iter().map(known).collect::<Vec<_>>().join("; "))
    }),
    column("waits for", |each| match &each.waits {
        Some(waits) => Cell::text(format!(
            "{} {}{} on {}",
            waits.need.map(figure::grouped).unwrap_or_default(),
            waits.currency,
            waits.instrument,
            waits.account
        )),
        None => Cell::Blank,
    }),
    column("trades", |each| Cell::text(trades(each))),
    column("party", |each| Cell::text(&each.party)),
    column("counterparty", |each| Cell::text(&each.counterparty)),
    column("book", |each| Cell::text(&each.book)),
    column("instrument", |each| Cell::text(&each.instrument)),
    column("isin", |each| Cell::text(&each.isin)),
    column("domain", |each| Cell::text(&each.domain)),
    column("way", |each| Cell::text(way(each.movement(), each.payment()))),
    column("quantity", |each| Cell::amount(each.quantity)),
    column("amount", |each| Cell::amount(each.amount)),
    column("matched amount", |each| Cell::amount(each.matched_amount)),
    column("currency", |each| Cell::text(&each.currency)),
    column("trade date", |each| Cell::Date(each.trade_date)),
    column("intended date", |each| Cell::Date(each.intended_settlement_date)),
    column("settled on", |each| Cell::Date(each.actual_settlement_date)),
    column("business days late", |each| each.age.map_or(Cell::Blank, |age| Cell::Count(age.into()))),
    column("priority", |each| Cell::Count(each.priority.into())),
    column("held", |each| if each.held { Cell::text("yes") } else { Cell::Blank }),
    column("cancel asked", |each| if each.cancel_requested { Cell::text("yes") } else { Cell::Blank }),
    column("counter-instruction", |each| number(each.counter_instruction)),
    column("depot", |each| Cell::text(&each.depot)),
    column("nostro", |each| Cell::text(&each.nostro)),
    column("issued in record", |each| number(each.issued_at_sequence)),
    column("matched in record", |each| number(each.matched_at_sequence)),
    column("ended in record", |each| number(each.ended_at_sequence)),
];

/// A number that is absent when zero.
fn number(number: u64) -> Cell {
    if number == 0 { Cell::Blank } else { Cell::Count(number) }
}
