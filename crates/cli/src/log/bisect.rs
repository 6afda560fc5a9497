//! `quittance log bisect`: the first record after which something holds. Every record is folded from the genesis on and the
//! predicate asked after each, since what holds now and did not at first may have held and not held any number of times
//! between: halving would find one such record, not the first.

use anyhow::{Context, Result};
use clap::Args;
use model::currency::exponent;
use model::event::Event;
use model::identifier::{CurrencyCode, Identifier};
use model::index::{AccountIx, Asset, BookIx, InstrumentIx, Kind};
use model::ledger::LedgerAccount;
use model::record::{FactContent, Facts, Outcome};
use model::reference::Reference;
use projections::{At, Error, ViewName};
use serde::Serialize;
use wire::pb::view::{InstructionStatus, TradeStatus};

use super::predicate::{Figure, Predicate, Value, parse};
use super::reader::Reader;
use super::summary::Summary;
use crate::fault::{failed, not_found, usage};
use crate::output::{self, Cell, Column, Format, column, note};
use crate::progress;
use crate::views::Scratch;

/// What is looked for.
#[derive(Args, Debug)]
pub struct Bisect {
    /// What has to hold, for example: balance("ALPHA-CASH","EUR") < 0
    #[arg(long, short, value_name = "PREDICATE")]
    predicate: String,
    /// The first such record after this one, rather than the first of all
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0, hide_default_value = true)]
    after: u64,
}

pub const HELP: &str = "\
A predicate compares figures:
  balance(\"ACCOUNT\", \"ASSET\")   what lies on an account; ASSET is a currency or one of our instrument ids
  book(\"BOOK\", \"ASSET\")         what a book owns
  status([\"SOURCE\",] \"TRADE\")   unknown, captured, in-repair, instructed, matched, settled, cancelled,
                               change-requested, uninstructed
  instruction(NUMBER)           unknown, unmatched, pending, failing, settled, cancelled
with < <= = != >= >, and joins comparisons by `and`, `or`, `not` and brackets. What does not exist yet is 0 or `unknown`.

The answer is the first record after which the predicate holds, whatever it does later. It is found by folding
every record from the genesis and asking after each, with a progress bar: a search by halves would need a
predicate that never turns false again, and could pass the first record by.

Examples:
  quittance log bisect --predicate 'balance(\"ALPHA-CASH\",\"EUR\") < 0'
  quittance log bisect --data quittance-data -p 'status(\"FO-A\",\"A-1\") = settled and not status(\"A-2\") = settled'
  quittance log bisect -p 'instruction(42) = failing' --after 5000 -o json

Exit codes: 0 found, 2 no sense, 4 there is no such record.";

/// The record that was found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    #[serde(flatten)]
    record: Summary,
    figures: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    figure: String,
    before: String,
    after: String,
}

pub async fn run(reader: &mut Reader, format: Format, command: Bisect) -> Result<()> {
    let (predicate, figures) = parse(&command.predicate).map_err(|fault| usage(fault.to_string()))?;
    let head = reader.head().await?;
    let mut books = Books::new(&figures)?;
    let bar = progress::counted(head, "records");
    let mut found = None;
    let mut before = books.values()?;
    reader
        .each(1, head, async |sequence, bytes| {
            let facts = wire::record::facts(bytes).with_context(|| format!("record {sequence} cannot be read"))?;
            let after = books.fold(&facts)?;
            bar.inc(1);
            if sequence > command.after && holds(&predicate, &after, sequence)? {
                found = Some((Summary::of(sequence, bytes)?, std::mem::take(&mut before), after));
                return Ok(false);
            }
            before = after;
            Ok(true)
        })
        .await?;
    bar.finish_and_clear();
    let Some((record, before, after)) = found else {
        return Err(not_found(format!("it holds after no record from {} to {head}", command.after + 1)));
    };
    let held = holds(&predicate, &before, record.sequence)?;
    let changes = figures.iter().zip(before.iter().zip(&after)).map(|(figure, (before, after))| Change {
        figure: figure.to_string(),
        before: shown(*before),
        after: shown(*after),
    });
    let found = Found { record, figures: changes.collect() };
    match format {
        Format::Table => {
            output::one(format, RECORD, &found)?;
            println!();
            output::list(format, FIGURES, found.figures, "")?;
        }
        Format::Csv => output::list(format, FIGURES, found.figures, "")?,
        Format::Json | Format::Ndjson => output::one(format, RECORD, &found)?,
    }
    if held {
        note("it held before this record as well: this is only the first that was looked at");
    }
    Ok(())
}

fn holds(predicate: &Predicate, values: &[Value], sequence: u64) -> Result<bool> {
    predicate
        .holds(values)
        .ok_or_else(|| failed(format!("after record {sequence} an amount is too large to be compared")))
}

fn shown(value: Value) -> String {
    match value {
        Value::Status(word) => word.to_owned(),
        Value::Amount(units, 0) => units.to_string(),
        Value::Amount(units, scale) => {
            let digits = format!("{:0>width$}", units.unsigned_abs(), width = scale as usize + 1);
            let (whole, part) = digits.split_at(digits.len() - scale as usize);
            format!("{}{whole}.{part}", if units < 0 { "-" } else { "" })
        }
    }
}

/// What is needed of the log to say what the figures are: sums of postings, and the status view when a status is asked for.
struct Books {
    figures: Vec<Followed>,
    sources: Vec<String>,
    views: Option<Scratch>,
}

/// A figure with what the log has named so far of it.
enum Followed {
    Sum { kind: Kind, name: Identifier, place: Option<u32>, asset: Wanted, units: i128 },
    Trade { source: Option<String>, id: String },
    Instruction(u64),
}

/// What is summed.
enum Wanted {
    Currency(CurrencyCode),
    Instrument { name: Identifier, index: Option<u32>, scale: u32 },
}

impl Wanted {
    fn asset(&self) -> Option<Asset> {
        match self {
            Wanted::Currency(currency) => Some(Asset::currency(*currency)),
            Wanted::Instrument { index, .. } => index.map(|index| Asset::instrument(InstrumentIx(index))),
        }
    }

    fn scale(&self) -> u32 {
        match self {
            Wanted::Currency(currency) => exponent(*currency).map_or(0, u32::from),
            Wanted::Instrument { scale, .. } => *scale,
        }
    }
}

impl Books {
    fn new(figures: &[Figure]) -> Result<Books> {
        let followed = figures.iter().map(Followed::of).collect::<Result<Vec<_>>>()?;
        let statuses = followed.iter().any(|figure| !matches!(figure, Followed::Sum { .. }));
        let mut views = if statuses { Some(Scratch::new()?) } else { None };
        if let Some(scratch) = &mut views {
            scratch.folder.fold_only(&[ViewName::Names, ViewName::Status]);
            scratch.folder.set_window(0);
        }
        Ok(Books { figures: followed, sources: Vec::new(), views })
    }

    /// Takes in a record; what the figures are after it.
    fn fold(&mut self, facts: &Facts) -> Result<Vec<Value>> {
        if let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content {
            for event in events {
                if let Event::Interned { kind: Kind::Source, id, .. } = event {
                    self.sources.push(id.to_string());
                }
                self.figures.iter_mut().for_each(|figure| figure.event(event));
            }
        }
        if let Some(scratch) = &mut self.views {
            scratch.folder.fold(std::slice::from_ref(facts));
        }
        self.values()
    }

    fn values(&self) -> Result<Vec<Value>> {
        self.figures.iter().map(|figure| self.value(figure)).collect()
    }

    fn value(&self, figure: &Followed) -> Result<Value> {
        let views = self.views.as_ref().map(|scratch| &scratch.projections);
        let views = || views.ok_or_else(|| failed("no views were folded for a status"));
        match figure {
            Followed::Sum { asset, units, .. } => Ok(Value::Amount(*units, asset.scale())),
            Followed::Instruction(number) => match views()?.instruction(*number, At::NOW) {
                Ok(answer) => Ok(Value::Status(of_instruction(answer.value.status()))),
                Err(Error::NotFound { .. }) => Ok(Value::Status("unknown")),
                Err(error) => Err(error.into()),
            },
            Followed::Trade { source, id } => {
                let mut found = None;
                for each in self.sources.iter().filter(|each| source.as_ref().is_none_or(|source| source == *each)) {
                    match views()?.trade(each, id, At::NOW) {
                        Ok(answer) => {
                            if let Some((other, _)) = found.replace((each, of_trade(answer.value.status()))) {
                                let two = format!("{other} and {each} both have a trade {id}");
                                return Err(usage(format!("{two}: write status(\"{each}\", \"{id}\")")));
                            }
                        }
                        Err(Error::NotFound { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(Value::Status(found.map_or("unknown", |(_, status)| status)))
            }
        }
    }
}

impl Followed {
    fn of(figure: &Figure) -> Result<Followed> {
        let name = |text: &str| Identifier::parse(text).map_err(|error| usage(format!("{text:?}: {error}")));
        let sum = |kind, place: &str, asset: &str| {
            let currency = CurrencyCode::parse(asset).ok().filter(|currency| exponent(*currency).is_some());
            let asset = match currency {
                Some(currency) => Wanted::Currency(currency),
                None => Wanted::Instrument { name: name(asset)?, index: None, scale: 0 },
            };
            Ok(Followed::Sum { kind, name: name(place)?, place: None, asset, units: 0 })
        };
        match figure {
            Figure::Balance { account, asset } => sum(Kind::Account, account, asset),
            Figure::Book { book, asset } => sum(Kind::Book, book, asset),
            Figure::Trade { source, id } => Ok(Followed::Trade { source: source.clone(), id: id.clone() }),
            Figure::Instruction(number) => Ok(Followed::Instruction(*number)),
        }
    }

    fn event(&mut self, event: &Event) {
        let Followed::Sum { kind, name, place, asset, units } = self else { return };
        match event {
            Event::Interned { kind: Kind::Instrument, index: number, id } => match asset {
                Wanted::Instrument { name, index, .. } if name == id => *index = Some(*number),
                _ => {}
            },
            Event::Interned { kind: of, index, id } if of == kind && id == name => *place = Some(*index),
            Event::ReferenceSet { reference, scale: Some(decimals) } => match (&**reference, &mut *asset) {
                (Reference::Instrument(instrument), Wanted::Instrument { name, scale, .. })
                    if instrument.id == *name =>
                {
                    *scale = u32::from(*decimals);
                }
                _ => {}
            },
            _ => {}
        }
        let (Some(place), Some(asset)) = (*place, asset.asset()) else { return };
        for posting in event.postings().iter().filter(|posting| posting.asset == asset) {
            let here = match posting.account {
                LedgerAccount::Location { account, .. } => *kind == Kind::Account && account == AccountIx(place),
                LedgerAccount::Book { book, .. } => *kind == Kind::Book && book == BookIx(place),
                _ => false,
            };
            if here {
                *units += posting.amount;
            }
        }
    }
}

fn of_trade(status: TradeStatus) -> &'static str {
    match status {
        TradeStatus::Unspecified => "unknown",
        TradeStatus::Captured => "captured",
        TradeStatus::InRepair => "in-repair",
        TradeStatus::Instructed => "instructed",
        TradeStatus::Matched => "matched",
        TradeStatus::Settled => "settled",
        TradeStatus::Cancelled => "cancelled",
        TradeStatus::ChangeRequested => "change-requested",
        TradeStatus::Uninstructed => "uninstructed",
    }
}

fn of_instruction(status: InstructionStatus) -> &'static str {
    match status {
        InstructionStatus::Unspecified => "unknown",
        InstructionStatus::Unmatched => "unmatched",
        InstructionStatus::Pending => "pending",
        InstructionStatus::Failing => "failing",
        InstructionStatus::Settled => "settled",
        InstructionStatus::Cancelled => "cancelled",
    }
}

const RECORD: &[Column<Found>] = &[
    column("record", |each| Cell::Count(each.record.sequence)),
    column("at (UTC)", |each| Cell::text(&each.record.at)),
    column("who", |each| Cell::text(&each.record.actor)),
    column("command", |each| Cell::text(&each.record.command)),
    column("about", |each| Cell::text(&each.record.about)),
    column("outcome", |each| Cell::text(&each.record.outcome)),
    column("what came of it", |each| Cell::text(&each.record.detail)),
];

const FIGURES: &[Column<Change>] = &[
    column("figure", |each| Cell::text(&each.figure)),
    column("before", |each| Cell::text(&each.before)),
    column("after", |each| Cell::text(&each.after)),
];
