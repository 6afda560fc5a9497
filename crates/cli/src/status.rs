//! `quittance status`: how the service is, how far it has come, and how much is open.

use anyhow::Result;
use clap::Args;
use wire::pb::service::{GetStatusRequest, GetStatusResponse, ShardState};

use crate::connection::Caller;
use crate::fault::failed;
use crate::output::{self, Cell, Column, Mark, column, figure};
use crate::paging::answer;

/// How the service is; exit code 1 when it takes no commands
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  quittance status -o json")]
pub struct Status {
    #[command(flatten)]
    caller: Caller,
}

pub async fn run(command: Status) -> Result<()> {
    let connection = command.caller.connect().await?;
    let status = answer(connection.operator().get_status(GetStatusRequest {}).await)?;
    output::one(command.caller.output, FIELDS, &status)?;
    match status.state() {
        ShardState::Running => Ok(()),
        _ => Err(failed(format!("the shard takes no commands: {}", status.state_reason))),
    }
}

const FIELDS: &[Column<GetStatusResponse>] = &[
    column("version", |each| Cell::text(&each.version)),
    column("house", |each| Cell::text(format!("{}, shard {}", each.house, each.shard))),
    column("state", |each| match each.state() {
        ShardState::Running => Cell::Marked("running".to_owned(), Mark::Good),
        ShardState::Recovering => Cell::Marked("recovering".to_owned(), Mark::Waiting),
        ShardState::Following => Cell::Marked(format!("follows: {}", each.state_reason), Mark::Waiting),
        ShardState::Halted => Cell::Marked(format!("HALTED: {}", each.state_reason), Mark::Bad),
        _ => Cell::Marked(format!("stopped: {}", each.state_reason), Mark::Bad),
    }),
    column("record", |each| Cell::Count(each.sequence)),
    column("stamped (UTC)", |each| Cell::text(figure::instant(each.at.as_ref()))),
    column("chain", |each| Cell::text(figure::hash(&each.chain))),
    column("followers", |each| {
        let lag = |sequence: u64| match each.sequence.saturating_sub(sequence) {
            0 => "at the head".to_owned(),
            behind => format!("{} behind", figure::count(behind)),
        };
        let one = |follower: &wire::pb::service::Follower| match &*follower.stopped {
            "" => format!("{} {}", follower.name, lag(follower.sequence)),
            reason => format!("{} STOPPED: {reason}", follower.name),
        };
        Cell::text(each.followers.iter().map(one).collect::<Vec<_>>().join(", "))
    }),
    column("open", |each| {
        let one = |count: &wire::pb::service::Count| format!("{} {}", figure::count(count.count), count.name);
        Cell::text(each.open.iter().map(one).collect::<Vec<_>>().join(", "))
    }),
    column("days", |each| {
        let one = |day: &wire::pb::service::SettlementDay| {
            format!("{} {} {}", day.domain, figure::date(day.date), if day.open { "open" } else { "closed" })
        };
        Cell::text(each.days.iter().map(one).collect::<Vec<_>>().join(", "))
    }),
    column("runs since (UTC)", |each| Cell::text(figure::instant(each.started_at.as_ref()))),
];
