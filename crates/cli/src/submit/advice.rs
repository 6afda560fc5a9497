//! `quittance submit advice`: what an agent said, by a file, where no topic brought it.

use anyhow::Result;
use clap::Args;
use std::path::PathBuf;
use wire::pb::record::Command;
use wire::pb::record::command::Kind;
use wire::pb::service::SubmitCommandRequest;

use super::read_text;
use crate::connection::{Caller, Signed, print_receipt};
use crate::fault::usage;
use crate::paging::answer;

/// One advice of an agent: a confirmation, a status, balances …
#[derive(Args, Debug)]
#[command(
    after_help = "The file holds a quittance.settlement.v1.Advice as protobuf JSON. The same advice again changes nothing.\n\n\
    Example:\n  echo '{\"sender\":\"CUSTODIAN\",\"id\":\"X-1\",\"reference\":\"Q0-42\",\"status\":{\"status\":\"MACH\"}}' | \
    quittance submit advice -"
)]
pub struct Advice {
    /// The advice; - reads stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    signed: Signed,
}

pub async fn run(command: Advice, caller: &Caller) -> Result<()> {
    let (path, signed) = (command.file, command.signed);
    let advice = serde_json::from_str(&read_text(&path)?);
    let advice = advice.map_err(|error| usage(format!("{}: {error}", path.display())))?;
    let (request_id, reason) = (signed.request_id(), signed.reason.clone());
    let command = Some(Command { kind: Some(Kind::Advice(advice)) });
    let request = signed.sign(SubmitCommandRequest { command, request_id, reason })?;
    let connection = caller.connect().await?;
    print_receipt(caller.output, answer(connection.operator().submit_command(request).await)?.receipt)
}
