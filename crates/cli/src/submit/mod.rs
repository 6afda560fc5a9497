//! `quittance submit`: commands from a file over gRPC, trades pipelined, answers in the order of the file.

mod advice;
mod trade;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use wire::pb::record::command::Kind;
use wire::pb::service::submit_trades_response::Outcome;
use wire::pb::service::{Receipt, SubmitCommandRequest, SubmitTradesRequest};

use crate::connection::{Caller, Connection, signed};
use crate::fault::{failed, from_status, reason, usage};
use crate::output::{Cell, Column, Format, Listing, Mark, column, figure, note};
use crate::pipeline::Pipeline;
use crate::progress;

/// How many answers may be outstanding before the sender looks at them.
const PIPELINED: usize = 2_048;

/// Send commands from a file, or one trade or advice
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "A line is a quittance.record.v1.Inbound as protobuf JSON: actor, reason, command. Its `at` is ignored: the\n\
    server stamps what it takes. Sending the same file again is safe: a line taken before is answered as before.\n\
    The exit code is 1 when one was refused or made no sense.\n\n\
    Examples:\n  quittance submit reference.ndjson\n  \
    echo '{\"actor\":\"ines\",\"command\":{\"setReference\":{\"book\":{\"id\":\"EQ\",\"owner\":\"ALPHA\"}}}}' | quittance submit -\n  \
    quittance submit trade --help"
)]
pub struct Submit {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    what: Option<What>,
    /// NDJSON commands; - reads stdin
    #[arg(required = true, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Take the file as new, also lines that were sent before
    #[arg(long)]
    fresh: bool,
}

#[derive(Subcommand, Debug)]
enum What {
    /// One trade, described by flags
    Trade(Box<trade::Trade>),
    /// One advice of an agent, from a file
    Advice(Box<advice::Advice>),
}

pub async fn run(command: Submit) -> Result<()> {
    let format = command.caller.output;
    match (command.what, command.file) {
        (Some(What::Trade(trade)), _) => trade::run(*trade, &command.caller).await,
        (Some(What::Advice(advice)), _) => advice::run(*advice, &command.caller).await,
        (None, Some(file)) => {
            let connection = command.caller.connect().await?;
            let salt = if command.fresh { crate::connection::new_request_id() } else { String::new() };
            Sender::new(connection, format, salt).file(&file).await
        }
        (None, None) => Err(usage("name a file, or - for stdin")),
    }
}

/// What became of a line.
#[derive(Serialize)]
struct Line {
    line: u64,
    command: &'static str,
    outcome: &'static str,
    sequence: Option<u64>,
    detail: String,
}

const LINES: &[Column<Line>] = &[
    column("line", |each| Cell::Count(each.line)),
    column("command", |each| Cell::text(each.command)),
    column("outcome", |each| {
        let mark = match each.outcome {
            "accepted" => Mark::Good,
            "duplicate" | "proposed" => Mark::Waiting,
            _ => Mark::Bad,
        };
        Cell::Marked(each.outcome.to_owned(), mark)
    }),
    column("record", |each| each.sequence.map_or(Cell::Blank, Cell::Count)),
    column("detail", |each| Cell::text(&each.detail)),
];

impl Line {
    fn accepted(line: u64, command: &'static str, receipt: &Receipt) -> Line {
        let outcome = match receipt {
            Receipt { duplicate: true, .. } => "duplicate",
            Receipt { proposal: Some(_), .. } => "proposed",
            _ => "accepted",
        };
        let mut detail = crate::trades::defects(&receipt.defects);
        if let Some(proposal) = receipt.proposal {
            detail = format!("proposal {proposal}");
        }
        Line { line, command, outcome, sequence: Some(receipt.sequence), detail }
    }

    fn failed(&self) -> bool {
        matches!(self.outcome, "rejected" | "malformed")
    }
}

/// Sends the lines of a file in their order.
struct Sender {
    connection: Connection,
    /// The stream of the trades being sent, whose they are, and the lines they stand in.
    trades: Option<(Pipeline, String, std::collections::VecDeque<u64>)>,
    salt: String,
    listing: Listing<Line>,
    /// In a table only what did not simply succeed is listed; the rest is counted.
    table: bool,
    sent: u64,
    failed: u64,
    duplicates: u64,
}

impl Sender {
    fn new(connection: Connection, format: Format, salt: String) -> Sender {
        let (listing, table) = (Listing::new(format, LINES), format == Format::Table);
        Sender { connection, trades: None, salt, listing, table, sent: 0, failed: 0, duplicates: 0 }
    }

    async fn file(mut self, path: &Path) -> Result<()> {
        let (input, bar) = open(path)?;
        let result = self.lines(input, &bar).await;
        bar.finish_and_clear();
        // What was answered before an error is worth knowing.
        let (sent, failed_lines, duplicates) = (self.sent, self.failed, self.duplicates);
        let nothing = if failed_lines == 0 { "every command was accepted" } else { "" };
        self.listing.end(nothing)?;
        result?;
        let known =
            if duplicates > 0 { format!(", {} known before", figure::count(duplicates)) } else { String::new() };
        note(format!("{} commands sent, {} refused{known}", figure::count(sent), figure::count(failed_lines)));
        if failed_lines > 0 {
            return Err(failed(format!(
                "{} of {} commands were refused",
                figure::count(failed_lines),
                figure::count(sent)
            )));
        }
        Ok(())
    }

    async fn lines(&mut self, mut input: Box<dyn BufRead>, bar: &ProgressBar) -> Result<()> {
        let (mut text, mut number) = (String::new(), 0);
        loop {
            text.clear();
            if input.read_line(&mut text).with_context(|| format!("line {}", number + 1))? == 0 {
                break;
            }
            number += 1;
            bar.inc(text.len() as u64);
            if !text.trim().is_empty() {
                self.line(text.trim(), number).await?;
            }
        }
        self.finish_trades().await
    }

    async fn line(&mut self, text: &str, line: u64) -> Result<()> {
        self.sent += 1;
        let inbound = match wire::json::submission_from_line(text, line) {
            Ok((inbound, _)) => inbound,
            Err(error) => {
                self.answer(Line {
                    line,
                    command: "",
                    outcome: "malformed",
                    sequence: None,
                    detail: error.to_string(),
                })?;
                return Ok(());
            }
        };
        let (name, actor) = (inbound.command.name(), inbound.actor.to_string());
        let command = wire::command::into_wire(&inbound.command);
        let request_id = self.request_id(text, line);
        if let Some(Kind::Trade(trade)) = command.kind {
            self.trade(SubmitTradesRequest { trade: Some(trade), request_id, reason: inbound.reason }, actor, line)
                .await
        } else {
            // A command comes after the trades before it and before those after it.
            self.finish_trades().await?;
            let request = SubmitCommandRequest { command: Some(command), request_id, reason: inbound.reason };
            let answer = self.connection.operator().submit_command(signed(request, &actor)?).await;
            let answer = match answer {
                Ok(response) => {
                    let receipt = response.into_inner().receipt;
                    Line::accepted(line, name, &receipt.ok_or_else(|| failed("the server's answer holds no receipt"))?)
                }
                Err(status) if refused(&status) => {
                    let detail = status.message().to_owned();
                    Line { line, command: name, outcome: "rejected", sequence: None, detail }
                }
                Err(status) => return Err(from_status(status).context(format!("line {line}"))),
            };
            self.answer(answer)
        }
    }

    async fn trade(&mut self, request: SubmitTradesRequest, actor: String, line: u64) -> Result<()> {
        if self.trades.as_ref().is_some_and(|(_, whose, _)| *whose != actor) {
            self.finish_trades().await?;
        }
        if self.trades.is_none() {
            self.trades = Some((Pipeline::open(&self.connection, &actor)?, actor, Default::default()));
        }
        let Some((pipeline, _, lines)) = &mut self.trades else { return Ok(()) };
        pipeline.send(request).await?;
        lines.push_back(line);
        let outcomes = if lines.len() >= PIPELINED { pipeline.drain().await? } else { pipeline.ready() };
        self.answered(outcomes)
    }

    async fn finish_trades(&mut self) -> Result<()> {
        let Some((pipeline, ..)) = &mut self.trades else { return Ok(()) };
        let outcomes = pipeline.drain().await?;
        self.answered(outcomes)?;
        match self.trades.take() {
            Some((pipeline, ..)) => pipeline.close().await.map(drop),
            None => Ok(()),
        }
    }

    fn answered(&mut self, outcomes: Vec<Outcome>) -> Result<()> {
        for outcome in outcomes {
            let Some((_, _, lines)) = &mut self.trades else { return Ok(()) };
            let line = lines.pop_front().expect("an answer for each line sent");
            self.answer(match outcome {
                Outcome::Accepted(receipt) => Line::accepted(line, "trade", &receipt),
                Outcome::Rejected(no) => {
                    let detail = [no.reason, no.subject, no.help].join(" ");
                    Line { line, command: "trade", outcome: "rejected", sequence: Some(no.sequence), detail }
                }
                Outcome::Malformed(bad) => {
                    let detail = format!("{}: {}", bad.path, bad.reason);
                    Line { line, command: "trade", outcome: "malformed", sequence: None, detail }
                }
            })?;
        }
        Ok(())
    }

    fn answer(&mut self, line: Line) -> Result<()> {
        self.failed += u64::from(line.failed());
        self.duplicates += u64::from(line.outcome == "duplicate");
        if self.table && line.outcome == "accepted" {
            return Ok(());
        }
        self.listing.page(vec![line])
    }

    /// The same line of the same content has the same id, so that a file can be sent again after a cut.
    fn request_id(&self, text: &str, line: u64) -> String {
        let mut hash = Sha256::new();
        hash.update(self.salt.as_bytes());
        hash.update(line.to_be_bytes());
        hash.update(text.as_bytes());
        format!("file-{}", figure::hash(&hash.finalize()[..16]))
    }
}

/// Whether a server's error is the answer to the command, rather than a failure to answer.
fn refused(status: &tonic::Status) -> bool {
    use tonic::Code::{AlreadyExists, FailedPrecondition, InvalidArgument};
    matches!(status.code(), FailedPrecondition | InvalidArgument | AlreadyExists) && reason(status).is_some()
}

/// A file with its progress in bytes, or stdin.
pub fn open(path: &Path) -> Result<(Box<dyn BufRead>, ProgressBar)> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(std::io::stdin())), progress::hidden()));
    }
    let file = File::open(path).map_err(|error| crate::fault::not_found(format!("{}: {error}", path.display())))?;
    let bar = progress::bytes(file.metadata().map_or(0, |metadata| metadata.len()));
    Ok((Box::new(BufReader::with_capacity(1 << 16, file)), bar))
}

/// All of a file, or of stdin for `-`.
pub fn read_text(path: &Path) -> Result<String> {
    let mut text = String::new();
    open(path)?.0.read_to_string(&mut text).with_context(|| path.display().to_string())?;
    Ok(text)
}

/// A trade or an advice as protobuf JSON.
pub fn message_file<M: serde::de::DeserializeOwned>(path: &Path) -> Result<M> {
    serde_json::from_str(&read_text(path)?).map_err(|error| usage(format!("{}: {error}", path.display())))
}
