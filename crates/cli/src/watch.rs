//! Following instructions: what is open, then every change, until Ctrl-C, with a token to go on from.

use anyhow::Result;
use clap::Args;
use std::io::{StdoutLock, Write};
use tonic::Status;
use wire::pb::service::WatchInstructionsRequest;
use wire::pb::view::instruction_update::Kind;
use wire::pb::view::{Instruction, InstructionFilter, InstructionUpdate};

use crate::connection::Connection;
use crate::fault::{failed, from_status, usage};
use crate::instructions::{headline, standing};
use crate::output::{Format, figure, note};
use crate::paging::answer;

/// Where to begin.
#[derive(Args, Debug)]
pub struct From {
    /// Go on after an earlier message: no change is lost, none comes twice
    #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
    resume: String,
    /// Do not print what is open at the beginning, only what changes
    #[arg(long)]
    changes_only: bool,
    /// End after so many messages, instead of at Ctrl-C
    #[arg(long, value_name = "MESSAGES")]
    take: Option<u64>,
}

/// Where to begin, of what is not followed by instruction.
#[derive(Args, Debug)]
pub struct GoOn {
    /// Go on after an earlier message: no change is lost
    #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
    pub resume: String,
    /// End after so many messages, instead of at Ctrl-C
    #[arg(long, value_name = "MESSAGES")]
    pub take: Option<u64>,
}

/// Whether an answer is followed, and from where.
#[derive(Args, Debug)]
pub struct Follow {
    /// Follow it: how it stands, then every change, until Ctrl-C
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    from: GoOn,
}

impl Follow {
    /// Where to begin; none: it is asked once.
    pub fn from(self, format: Format) -> Result<Option<GoOn>> {
        if self.follow {
            as_it_comes(format)?;
            return Ok(Some(self.from));
        }
        if !self.from.resume.is_empty() || self.from.take.is_some() {
            return Err(usage("--resume and --take say how to follow: with --follow"));
        }
        Ok(None)
    }
}

/// What is followed has no table that ends.
pub fn as_it_comes(format: Format) -> Result<()> {
    match format {
        Format::Csv => Err(usage("what is watched is printed as it comes: -o table or -o ndjson")),
        _ => Ok(()),
    }
}

/// One line for people.
pub type Line = fn(&Instruction) -> String;

/// `#4711  settled    ALPHA delivers …`.
pub fn instruction(each: &Instruction) -> String {
    let (word, _) = standing(each);
    format!("#{:<7} {word:<9} {:<9} {}", each.number, each.reasons.join(" "), headline(each))
}

/// The trades first: `FO-ALPHA ALPHA-000012 v1  settled  …`.
pub fn trade(each: &Instruction) -> String {
    let (word, _) = standing(each);
    let names = each.trades.iter().map(|link| format!("{} {} v{}", link.source, link.id, link.version));
    format!("{:<32} {word:<9} {:<9} {}", names.collect::<Vec<_>>().join(", "), each.reasons.join(" "), headline(each))
}

/// Follows until Ctrl-C, the server's end, or so many messages.
pub async fn run(
    connection: &Connection,
    filter: InstructionFilter,
    from: &From,
    format: Format,
    line: Line,
) -> Result<()> {
    as_it_comes(format)?;
    let request = WatchInstructionsRequest { filter: Some(filter), resume_token: from.resume.clone(), min_sequence: 0 };
    let mut stream = answer(connection.settlement().watch_instructions(request).await)?;
    let next = async || Ok(stream.message().await?.map(|response| response.update.unwrap_or_default()));
    follow(from.take, next, |update| {
        print_instructions(&update, from, format, line)?;
        Ok(Heard { too_slow: matches!(update.kind, Some(Kind::TooSlow(_))), resume_token: update.resume_token })
    })
    .await
}

/// What following needs to know of a message that was printed.
pub struct Heard {
    /// Resumes after it; empty when nothing does.
    pub resume_token: String,
    /// It says that this reader was cut off.
    pub too_slow: bool,
}

/// Prints what comes until Ctrl-C, the server's end, or so many messages; then says how to go on from there.
pub async fn follow<U>(
    take: Option<u64>,
    mut next: impl AsyncFnMut() -> Result<Option<U>, Status>,
    mut print: impl FnMut(U) -> Result<Heard>,
) -> Result<()> {
    let (mut token, mut messages) = (String::new(), 0u64);
    let ended = loop {
        if take.is_some_and(|most| messages >= most) {
            break Ok(());
        }
        let came = tokio::select! {
            came = next() => came.map_err(from_status),
            _ = tokio::signal::ctrl_c() => break Ok(()),
        };
        let update = match came {
            Ok(Some(update)) => update,
            Ok(None) => break Err(failed("the server ended the stream")),
            Err(error) => break Err(error),
        };
        messages += 1;
        let heard = print(update)?;
        if !heard.resume_token.is_empty() {
            token = heard.resume_token;
        }
        if heard.too_slow {
            break Err(failed("read too slowly and was cut off"));
        }
    };
    if !token.is_empty() {
        note(format!("to go on from here: --resume {token}"));
    }
    ended
}

/// Prints a message: for programs a line of JSON, for people what `lines` makes of it.
pub fn print<U: serde::Serialize>(
    update: &U,
    format: Format,
    lines: impl FnOnce(&mut StdoutLock<'static>) -> Result<()>,
) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match format {
        Format::Table => lines(&mut out)?,
        _ => writeln!(out, "{}", serde_json::to_string(update)?)?,
    }
    Ok(out.flush()?)
}

/// Tells people that a subscription begins anew.
pub fn out_of_date() {
    note("— what was printed before is out of date; a new snapshot follows —");
}

fn print_instructions(update: &InstructionUpdate, from: &From, format: Format, line: Line) -> Result<()> {
    if format != Format::Table && from.changes_only && matches!(update.kind, Some(Kind::Snapshot(_))) {
        return Ok(());
    }
    print(update, format, |out| {
        match &update.kind {
            Some(Kind::Snapshot(snapshot)) => {
                if !from.changes_only {
                    snapshot.instructions.iter().try_for_each(|each| writeln!(out, "{}", line(each)))?;
                }
                if snapshot.last {
                    note(format!(
                        "— that is what is open at record {}; changes follow —",
                        figure::count(update.sequence)
                    ));
                }
            }
            Some(Kind::Changes(changes)) => {
                changes.instructions.iter().try_for_each(|each| writeln!(out, "{}", line(each)))?;
                changes.left.iter().try_for_each(|number| writeln!(out, "#{number:<7} no longer fits the filter"))?;
            }
            Some(Kind::Reset(_)) => out_of_date(),
            Some(Kind::Heartbeat(_) | Kind::TooSlow(_)) | None => {}
        }
        Ok(())
    })
}
