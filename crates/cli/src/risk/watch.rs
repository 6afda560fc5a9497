//! `quittance risk watch`: what is used of limits, as it changes.

use std::io::Write as _;

use anyhow::Result;
use wire::pb::record::LimitKind;
use wire::pb::service::WatchLimitsRequest;
use wire::pb::view::limit_update::{Key, Kind};
use wire::pb::view::{LimitFilter, LimitStanding, LimitUpdate};

use super::tables::limit_kind;
use crate::connection::Connection;
use crate::output::{Format, figure, note};
use crate::paging::answer;
use crate::watch::{self, GoOn, Heard};

pub(super) async fn limits(connection: &Connection, format: Format, filter: LimitFilter, from: GoOn) -> Result<()> {
    watch::as_it_comes(format)?;
    let request = WatchLimitsRequest { filter: Some(filter), resume_token: from.resume, min_sequence: 0 };
    let mut stream = answer(connection.risk().watch_limits(request).await)?;
    let next = async || Ok(stream.message().await?.map(|response| response.update.unwrap_or_default()));
    watch::follow(from.take, next, |update| {
        print(&update, format)?;
        Ok(Heard { too_slow: false, resume_token: update.resume_token })
    })
    .await
}

fn place(entity: &str, counterparty: &str, kind: LimitKind, value_date: u32) -> String {
    let date = if value_date == 0 { String::new() } else { format!(" {}", figure::date(value_date)) };
    format!("{entity:<12} {counterparty:<12} {}{date}", limit_kind(kind))
}

fn line(each: &LimitStanding) -> String {
    let of = each.limit.map_or_else(|| "no limit yet".to_owned(), |limit| format!("of {}", figure::grouped(limit)));
    let standing = match (each.breached_in, each.unmeasured) {
        (0, _) => "kept".to_owned(),
        (record, 0) => format!("breached since record {record}"),
        (record, unmeasured) => format!("breached since record {record}, {unmeasured} not measured"),
    };
    let place = place(&each.entity, &each.counterparty, each.kind(), each.value_date);
    format!("{place:<52} {} {} {of}, {standing}", figure::known(each.used), each.currency)
}

fn left(key: &Key) -> String {
    let place = place(&key.entity, &key.counterparty, key.kind(), key.value_date);
    format!("{place:<52} no longer fits")
}

fn print(update: &LimitUpdate, format: Format) -> Result<()> {
    watch::print(update, format, |out| {
        match &update.kind {
            Some(Kind::Snapshot(snapshot)) => {
                snapshot.limits.iter().try_for_each(|each| writeln!(out, "{}", line(each)))?;
                if snapshot.last {
                    note(format!(
                        "— that is what is used at record {}; changes follow —",
                        figure::count(update.sequence)
                    ));
                }
            }
            Some(Kind::Changes(changes)) => {
                changes.limits.iter().try_for_each(|each| writeln!(out, "{}", line(each)))?;
                changes.left.iter().try_for_each(|key| writeln!(out, "{}", left(key)))?;
            }
            Some(Kind::Reset(_)) => watch::out_of_date(),
            Some(Kind::Heartbeat(_)) | None => {}
        }
        Ok(())
    })
}
