//! `quittance promote`: the standby takes over.

use anyhow::Result;
use clap::Args;
use wire::pb::service::PromoteRequest;

use crate::connection::{Caller, Signed};
use crate::output::{figure, note};
use crate::paging::answer;

/// Let a follower of the records topic lead the shard
#[derive(Args, Debug)]
#[command(
    after_help = "The service at --server must run as a reader (`quittance serve --reader`). It writes its fence, takes over what was\n\
    published before it, and goes on consuming trades where the log says. An engine that led before is superseded.\n\n\
    Example:\n  quittance promote --server http://127.0.0.1:7500 --reason \"the primary's host is down\""
)]
pub struct Promote {
    #[command(flatten)]
    caller: Caller,
    #[command(flatten)]
    signed: Signed,
}

pub async fn run(command: Promote) -> Result<()> {
    let request = command.signed.sign(PromoteRequest { reason: command.signed.reason.clone() })?;
    let connection = command.caller.connect().await?;
    let promoted = answer(connection.operator().promote(request).await)?;
    note(format!("it leads the shard from record {} on", figure::count(promoted.sequence)));
    Ok(())
}
