//! `quittance log`: the records themselves, over gRPC or straight from a data directory.

mod bisect;
mod decide;
mod diff;
mod document;
mod predicate;
mod reader;
mod summary;
mod views;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};

use crate::connection::Caller;
use crate::fault::{failed, not_found, usage};
use crate::output::{Cell, Column, Format, Listing, Mark, column, figure, note};
use crate::paging::Limit;
use crate::progress;
use reader::Reader;
pub use reader::log_dir;
use summary::Summary;

/// The log of records: list, show, the message behind one, export, bisect, decide again, diff
#[derive(Args, Debug)]
pub struct Log {
    #[command(flatten)]
    caller: Caller,
    /// Read this data directory instead of asking a server
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// A line for each record: who asked what, and what came of it
    #[command(after_help = "Examples:\n  quittance log list --from 1000\n  \
        quittance log list --last 20\n  \
        quittance log list --data quittance-data --outcome rejected -n 0")]
    List {
        /// First sequence [default: 1]
        #[arg(long, value_name = "SEQUENCE")]
        from: Option<u64>,
        /// Last sequence [default: the head]
        #[arg(long, value_name = "SEQUENCE")]
        to: Option<u64>,
        /// Only the last so many records
        #[arg(long, value_name = "RECORDS", conflicts_with_all = ["from", "to"])]
        last: Option<u64>,
        /// Only records of this command: trade, set-reference, day …
        #[arg(long)]
        command: Option<String>,
        /// Only records with this outcome: accepted, rejected, duplicate
        #[arg(long)]
        outcome: Option<String>,
        /// Only what this person or system asked
        #[arg(long)]
        actor: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// One record in full
    #[command(after_help = "Examples:\n  quittance log show 4711\n  quittance log show 4711 --data quittance-data")]
    Show {
        /// Its sequence
        sequence: u64,
    },
    /// The message from Kafka behind a record, byte for byte: an agent's XML document, protobuf, or what nobody could read
    #[command(
        after_help = "A document is read again, and must say what the record has. Its SHA-256 goes to stderr.\n\n\
        Examples:\n  quittance log document 4711 --file confirmation.xml\n  \
        quittance log document 4712 | xmllint --format -"
    )]
    Document {
        /// The record's sequence
        sequence: u64,
        /// Where to [default: stdout]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// The first record after which something holds of a balance or a status
    #[command(after_help = bisect::HELP)]
    Bisect(bisect::Bisect),
    /// What the views say of a data directory, as it stands or as it stood
    #[command(after_help = views::HELP)]
    Views(views::Rows),
    /// All commands decided again, by this build and with what is changed
    #[command(after_help = decide::HELP)]
    Decide(decide::Decide),
    /// What of which trade would differ: decided again with other parameters, or by another build
    #[command(after_help = diff::HELP)]
    Diff(diff::Diff),
    /// All records as NDJSON: quittance.record.v1.Record, one a line
    #[command(after_help = "Examples:\n  quittance log export > log.ndjson\n  \
        quittance log export --from 1000 --to 2000 --file part.ndjson --data quittance-data\n  \
        quittance log export --stored --file log.ndjson")]
    Export {
        /// First sequence
        #[arg(long, value_name = "SEQUENCE", default_value_t = 1)]
        from: u64,
        /// Last sequence [default: the head]
        #[arg(long, value_name = "SEQUENCE")]
        to: Option<u64>,
        /// Where to [default: stdout]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The stored bytes in Base64, with the chain after each: what `quittance verify --export` proves. From record 1
        #[arg(long, conflicts_with = "from")]
        stored: bool,
    },
}

pub async fn run(command: Log) -> Result<()> {
    let format = command.caller.output;
    if command.caller.asof.is_given() && !matches!(command.verb, Verb::Views(_)) {
        return Err(usage(
            "records are what they are: --known-at and --effective-at are for `log views` and for questions",
        ));
    }
    if let Verb::Diff(what) = &command.verb
        && !what.files.is_empty()
    {
        return diff::files(format, what);
    }
    if let Verb::Views(what) = &command.verb {
        return views::run(command.data.as_deref(), &command.caller.asof, what);
    }
    let mut reader = match &command.data {
        Some(dir) => Reader::directory(dir)?,
        None => Reader::server(command.caller.connect().await?),
    };
    match command.verb {
        Verb::List { from, to, last, command, outcome, actor, limit } => {
            let head = reader.head().await?;
            let from = last.map_or(from.unwrap_or(1), |last| (head + 1).saturating_sub(last)).max(1);
            let fits = |each: &Summary| {
                command.as_ref().is_none_or(|command| each.command == *command)
                    && outcome.as_ref().is_none_or(|outcome| each.outcome == *outcome)
                    && actor.as_ref().is_none_or(|actor| each.actor == *actor)
            };
            list(&mut reader, format, (from, to.unwrap_or(head).min(head)), limit.limit, fits).await
        }
        Verb::Bisect(what) => bisect::run(&mut reader, format, what).await,
        Verb::Decide(what) => decide::run(&mut reader, what).await,
        Verb::Views(_) => unreachable!("it reads no records and has ended"),
        Verb::Diff(what) => diff::recorded(&mut reader, format, &what).await,
        Verb::Show { sequence } => show(&mut reader, format, sequence).await,
        Verb::Document { sequence, file } => document::document(&mut reader, sequence, file).await,
        Verb::Export { from, to, file, stored } => export(&mut reader, from.max(1), to, file, stored).await,
    }
}

async fn list(
    reader: &mut Reader,
    format: Format,
    (from, to): (u64, u64),
    limit: Option<usize>,
    fits: impl Fn(&Summary) -> bool,
) -> Result<()> {
    let limit = match (limit, format) {
        (Some(0), _) => usize::MAX,
        (Some(limit), _) => limit,
        (None, Format::Table) => 100,
        (None, _) => usize::MAX,
    };
    let mut listing = Listing::new(format, LIST);
    let (mut shown, mut more) = (0, false);
    reader
        .each(from, to, async |sequence, bytes| {
            let summary = Summary::of(sequence, bytes)?;
            if !fits(&summary) {
                return Ok(true);
            }
            more = shown == limit;
            if !more {
                shown += 1;
                listing.page(vec![summary])?;
            }
            Ok(!more)
        })
        .await?;
    listing.end("no record fits")?;
    if more {
        note(format!("… the first {limit}; --limit 0 shows all, --last 20 the newest"));
    }
    Ok(())
}

async fn show(reader: &mut Reader, format: Format, sequence: u64) -> Result<()> {
    let head = reader.head().await?;
    if sequence == 0 || sequence > head {
        return Err(not_found(format!("there is no record {sequence}: the log ends at {head}")));
    }
    let mut found = None;
    reader
        .each(sequence, sequence, async |_, bytes| {
            found = Some(wire::json::stored_to_json(bytes)?);
            Ok(false)
        })
        .await?;
    let text = found.ok_or_else(|| failed(format!("record {sequence} was not sent")))?;
    match format {
        Format::Ndjson | Format::Csv => println!("{text}"),
        Format::Table | Format::Json => {
            let value: serde_json::Value = serde_json::from_str(&text)?;
            println!("{}", serde_json::to_string_pretty(&value)?);
        }
    }
    Ok(())
}

async fn export(reader: &mut Reader, from: u64, to: Option<u64>, file: Option<PathBuf>, stored: bool) -> Result<()> {
    let head = reader.head().await?;
    let to = to.unwrap_or(head).min(head);
    let mut out: Box<dyn Write> = match &file {
        Some(path) => Box::new(std::fs::File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(std::io::stdout().lock()),
    };
    let mut out = std::io::BufWriter::with_capacity(1 << 16, &mut out);
    let bar = progress::counted((to + 1).saturating_sub(from), "records");
    let mut written = 0u64;
    let mut chain = store::chain::ORIGIN;
    let result = reader
        .each(from, to, async |sequence, bytes| {
            if stored {
                chain = store::chain::link(&chain, &store::chain::leaf(bytes));
                let (chain, bytes) = (figure::hash(&chain), STANDARD.encode(bytes));
                writeln!(out, r#"{{"sequence":{sequence},"chain":"{chain}","stored":"{bytes}"}}"#)?;
            } else {
                writeln!(out, "{}", wire::json::stored_to_json(bytes)?)?;
            }
            written += 1;
            bar.inc(1);
            Ok(true)
        })
        .await;
    bar.finish_and_clear();
    result?;
    out.flush()?;
    if file.is_some() {
        note(format!("{} records exported", figure::count(written)));
    }
    Ok(())
}

const LIST: &[Column<Summary>] = &[
    column("sequence", |each| Cell::Count(each.sequence)),
    column("at (UTC)", |each| Cell::text(&each.at)),
    column("who", |each| Cell::text(&each.actor)),
    column("origin", |each| Cell::text(&each.origin)),
    column("command", |each| Cell::text(&each.command)),
    column("about", |each| Cell::text(&each.about)),
    column("outcome", |each| {
        let mark = match &*each.outcome {
            "accepted" => Mark::Good,
            "rejected" => Mark::Bad,
            _ => Mark::Faint,
        };
        Cell::Marked(each.outcome.clone(), mark)
    }),
    column("what came of it", |each| Cell::text(&each.detail)),
];
