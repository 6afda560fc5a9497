//! `quittance quarantine`: messages that made no sense, set aside until a person replays or discards them.

use anyhow::Result;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use wire::pb::record::command::Kind;
use wire::pb::record::record::Content;
use wire::pb::service::close_quarantined_request::How;
use wire::pb::service::{CloseQuarantinedRequest, GetRecordRequest, ListQuarantinedRequest, ResumeShardRequest};
use wire::pb::view::Quarantined;

use crate::connection::{Caller, Connection, Seen, Signed, print_receipt};
use crate::fault::{failed, not_found, usage};
use crate::output::{self, Cell, Column, Format, column, figure};
use crate::paging::{self, answer};

/// What could not be read: list, show, replay or discard
#[derive(Args, Debug)]
pub struct Quarantine {
    #[command(flatten)]
    caller: Caller,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// What is set aside and still open
    #[command(after_help = "Example:\n  quittance quarantine list")]
    List {
        #[command(flatten)]
        seen: Seen,
    },
    /// One with its bytes
    #[command(after_help = "Example:\n  quittance quarantine show 1234")]
    Show {
        /// The record's sequence
        sequence: u64,
    },
    /// Close it by the message as it should have been
    #[command(
        after_help = "The file holds a quittance.trade.v1.Trade or a quittance.settlement.v1.Advice as protobuf JSON. An advice is \
        taken as\nif the agent had sent it: what contradicts our records opens a break.\n\n\
        Examples:\n  quittance quarantine replay 1234 --trade mended.json --reason \"sent again by mail\"\n  \
        quittance quarantine replay 1235 --advice mended.json --reason \"the CSD confirmed by phone, INC-7\"",
        group(clap::ArgGroup::new("message").args(["trade", "advice"]).required(true))
    )]
    Replay {
        /// The record's sequence
        sequence: u64,
        /// The trade as it should have been
        #[arg(long, value_name = "FILE")]
        trade: Option<PathBuf>,
        /// The advice as it should have been
        #[arg(long, value_name = "FILE")]
        advice: Option<PathBuf>,
        #[command(flatten)]
        signed: Signed,
    },
    /// Close it: nothing comes of it
    #[command(after_help = "Example:\n  quittance quarantine discard 1234 --reason \"a test of the source\"")]
    Discard {
        /// The record's sequence
        sequence: u64,
        #[command(flatten)]
        signed: Signed,
    },
    /// Let a halted shard go on: the message over which it crashed twice is set aside when it comes again
    #[command(after_help = "Example:\n  quittance quarantine resume --reason \"looked at, issue 17\"")]
    Resume {
        #[command(flatten)]
        signed: Signed,
    },
}

pub async fn run(command: Quarantine) -> Result<()> {
    let format = command.caller.output;
    let (sequence, how, signed) = match command.verb {
        Verb::List { seen } => {
            let connection = command.caller.connect().await?;
            let open = list(&connection, seen.min_sequence).await?;
            return output::list(format, LIST, open, "nothing is quarantined");
        }
        Verb::Show { sequence } => return show(&command.caller.connect().await?, format, sequence).await,
        Verb::Replay { sequence, trade, advice, signed } => (sequence, mended(trade, advice)?, signed),
        Verb::Resume { signed } => {
            let request = signed.sign(ResumeShardRequest { reason: signed.reason.clone() })?;
            let connection = command.caller.connect().await?;
            return print_receipt(format, answer(connection.operator().resume_shard(request).await)?.receipt);
        }
        Verb::Discard { sequence, signed } => (sequence, How::Discard(true), signed),
    };
    let (request_id, reason) = (signed.request_id(), signed.reason.clone());
    let request = signed.sign(CloseQuarantinedRequest { sequence, how: Some(how), request_id, reason })?;
    let connection = command.caller.connect().await?;
    print_receipt(format, answer(connection.operator().close_quarantined(request).await)?.receipt)
}

/// The one message that is given, as it should have been.
fn mended(trade: Option<PathBuf>, advice: Option<PathBuf>) -> Result<How> {
    match (trade, advice) {
        (Some(file), None) => crate::submit::message_file(&file).map(How::Replay),
        (None, Some(file)) => crate::submit::message_file(&file).map(How::ReplayAdvice),
        _ => Err(usage("give one of --trade and --advice".to_owned())),
    }
}

/// What is set aside and still open.
pub async fn list(connection: &Connection, min_sequence: u64) -> Result<Vec<Quarantined>> {
    let mut client = connection.operator();
    paging::all(async |page_token, page_size| {
        let request = ListQuarantinedRequest { page_size, page_token, min_sequence };
        let page = answer(client.list_quarantined(request).await)?;
        Ok((page.records, page.next_page_token))
    })
    .await
}

/// What the record keeps of the bytes, with a dump that shows what a text would hide.
async fn show(connection: &Connection, format: Format, sequence: u64) -> Result<()> {
    let response = answer(connection.log().get_record(GetRecordRequest { sequence }).await)?;
    let record = response
        .record
        .and_then(|record| record.record)
        .ok_or_else(|| failed("the server's answer holds no record"))?;
    if format != Format::Table {
        return output::one(
            format,
            &[column("record", |record: &wire::pb::record::Record| Cell::Count(record.sequence))],
            &record,
        );
    }
    let Some(Content::Decided(decided)) = record.content else {
        return Err(not_found(format!("record {sequence} is the genesis")));
    };
    let Some(Kind::Quarantine(unreadable)) = decided.command.and_then(|command| command.kind) else {
        return Err(not_found(format!("record {sequence} was not set aside: `quittance log show {sequence}`")));
    };
    println!("record {sequence}, {} bytes, SHA-256 {}", figure::count(unreadable.size), figure::hash(&unreadable.hash));
    let place = if unreadable.path.is_empty() { "the message".to_owned() } else { unreadable.path };
    println!("{place}: {}", unreadable.reason);
    if unreadable.raw.is_empty() {
        println!("its bytes were too many to be kept");
    }
    print!("{}", dump(&unreadable.raw));
    Ok(())
}

/// Sixteen bytes a line, in hexadecimal and as the letters they may be.
fn dump(bytes: &[u8]) -> String {
    let line = |(place, bytes): (usize, &[u8])| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x} ")).collect();
        let text: String = bytes
            .iter()
            .map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' })
            .collect();
        format!("{:08x}  {hex:<48} |{text}|\n", place * 16)
    };
    bytes.chunks(16).enumerate().map(line).collect()
}

/// What a list shows of each.
pub const LIST: &[Column<Quarantined>] = &[
    column("sequence", |each| Cell::Count(each.sequence)),
    column("at (UTC)", |each| Cell::text(figure::instant(each.at.as_ref()))),
    column("where", |each| Cell::text(&each.path)),
    column("what is wrong", |each| Cell::text(&each.reason)),
];

#[cfg(test)]
mod tests {
    #[test]
    fn a_dump_shows_bytes_and_letters() {
        assert_eq!(
            super::dump(b"{\"hello\"\xff"),
            "00000000  7b 22 68 65 6c 6c 6f 22 ff                       |{\"hello\".|\n"
        );
    }
}
