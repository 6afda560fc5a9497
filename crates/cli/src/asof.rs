//! `--known-at` and `--effective-at`: questions about what the log said earlier, and about a business date.

use anyhow::Result;
use clap::Args;
use model::date::Date;
use projections::Known;
use wire::pb::service::OpenPastRequest;

use crate::asking;
use crate::connection::Connection;
use crate::fault::{failed, from_status, usage};
use crate::output::{figure, note};
use crate::paging::answer;
use crate::progress;

/// What was known when, and for which date. For questions; commands are always of now.
#[derive(Args, Clone, Debug, Default)]
pub struct AsOf {
    /// As the log stood after a record, or at the end of a business date: what was known then
    #[arg(long, global = true, value_name = "SEQUENCE|DATE", value_parser = Known::parse)]
    pub known_at: Option<Known>,
    /// On a business date, by all that is known: for questions that have dates (positions, pnl, limits)
    #[arg(long, global = true, value_name = "DATE", value_parser = asking::date)]
    pub effective_at: Option<Date>,
}

impl AsOf {
    pub fn is_given(&self) -> bool {
        self.known_at.is_some() || self.effective_at.is_some()
    }

    /// Has the server fold what was known, with a bar, and lets every later question of the connection ask that.
    pub async fn ask(&self, connection: &mut Connection) -> Result<()> {
        let mut dates = Vec::new();
        if let Some(known) = self.known_at {
            let sequence = open(connection, known).await?;
            note(format!("as known at record {}", figure::count(sequence)));
            dates.push((server::KNOWN_AT, sequence.to_string()));
        }
        if let Some(date) = self.effective_at {
            dates.push((server::EFFECTIVE_AT, date.to_string()));
        }
        for (key, value) in dates {
            let value = value.parse().map_err(|_| usage(format!("{value} cannot be sent")))?;
            connection.word.dates.push((key, value));
        }
        Ok(())
    }
}

/// Waits until the server has folded it; the record it stands on.
async fn open(connection: &Connection, known: Known) -> Result<u64> {
    let known_at = match known {
        Known::Record(sequence) => sequence.to_string(),
        Known::EndOf(date) => date.to_string(),
    };
    let mut stages = answer(connection.log().open_past(OpenPastRequest { known_at }).await)?;
    let bar = progress::counted(0, "records");
    bar.set_message("folding");
    while let Some(stage) = stages.message().await.map_err(from_status)? {
        if stage.sequence > 0 {
            bar.finish_and_clear();
            return Ok(stage.sequence);
        }
        bar.set_length(stage.to);
        bar.set_position(stage.at);
    }
    Err(failed("the server ended before it had folded what was known"))
}
