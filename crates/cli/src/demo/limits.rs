//! Limits of one member on the others, set over what is open: what is used of them, one breached; and the used once more by
//! plain sums of the reservations in the log.

use std::collections::BTreeMap;

use anyhow::Result;
use model::command::Command;
use model::date::Date;
use model::decimal::Decimal;
use model::event::Event;
use model::identifier::CurrencyCode;
use model::limit::{CounterpartyLimit, LimitKind, OnBreach};
use model::reference::Reference;
use wire::pb::service::{ListLimitsRequest, ReadRecordsRequest};
use wire::pb::view::{LimitFilter, LimitStanding};

use super::margin::{ask, cells};
use super::naive::Naive;
use super::people::settle_down;
use super::plan::Plan;
use super::screen::{heading, line, table};
use crate::connection::Connection;
use crate::fault::{failed, from_status};
use crate::output::{Cell, figure};
use crate::paging::answer;
use crate::risk::LIMITS;

/// In euro: the first is less than a week leaves open, the others are not.
const AMOUNTS: [i64; 3] = [10_000, 500_000_000, 900_000_000];

/// Prints all of it; how many proofs do not hold.
pub async fn print(connection: &Connection, plan: &Plan, naive: &Naive, sequence: u64) -> Result<usize> {
    let number = plan.days.last().map_or(0, |day| day.date);
    let date = Date::parse(&figure::date(number)).map_err(|_| failed("the week has no last day"))?;
    let (entity, others) = plan.flow.members().split_first().ok_or_else(|| failed("the week has no members"))?;
    for (other, amount) in others.iter().zip(AMOUNTS) {
        let limit = CounterpartyLimit {
            entity: entity.party.clone(),
            counterparty: other.party.clone(),
            kind: LimitKind::PreSettlement,
            currency: CurrencyCode::parse("EUR")?,
            valid_from: date,
            amount: Decimal { unscaled: amount, scale: 0 },
            on_breach: OnBreach::Warn,
        };
        let command = Command::SetReference(Box::new(Reference::CounterpartyLimit(limit)));
        ask(connection, date, command).await?;
    }
    let to = settle_down(connection).await?;
    heading("Limits: what open trades use of what members may have open with each other");
    let filter = LimitFilter { entity: entity.party.to_string(), on: number, ..LimitFilter::default() };
    let limits = answer(connection.risk().list_limits(ListLimitsRequest { filter: Some(filter) }).await)?.limits;
    cells(LIMITS, &limits);
    by_plain_sums(connection, naive, &limits, (sequence + 1, to)).await
}

/// Used is the sum of what each trade's last reservation says.
async fn by_plain_sums(
    connection: &Connection,
    naive: &Naive,
    limits: &[LimitStanding],
    (from, to): (u64, u64),
) -> Result<usize> {
    let mut reserved: BTreeMap<String, BTreeMap<u64, i128>> = BTreeMap::new();
    let request = ReadRecordsRequest { from_sequence: from, follow: false, limit: to + 1 - from, decode: false };
    let mut stream = answer(connection.log().read_records(request).await)?;
    while let Some(response) = stream.message().await.map_err(from_status)? {
        for stored in response.records.iter().filter(|stored| stored.sequence <= to) {
            for event in wire::record::decode(&stored.stored)?.events() {
                let Event::LimitReserved(reservation) = event else { continue };
                let name = naive.party(reservation.line.counterparty);
                let name = name.ok_or_else(|| failed("a limit is on a party without a name"))?;
                reserved.entry(name.to_string()).or_default().insert(reservation.trade, reservation.amount.into());
            }
        }
    }
    let (mut rows, mut broken) = (Vec::new(), 0);
    for limit in limits {
        let plain: i128 = reserved.get(&limit.counterparty).map_or(0, |trades| trades.values().sum());
        let apart = limit.used.map_or(0, |used| i128::from(used.unscaled)) - plain;
        broken += usize::from(apart != 0);
        let plain = Decimal::from_units(plain, 2)?;
        let plain = wire::pb::typ::Decimal { unscaled: plain.unscaled, scale: plain.scale };
        rows.push(vec![
            Cell::text(&limit.counterparty),
            Cell::amount(limit.used),
            Cell::Amount(plain),
            Cell::Difference(apart),
        ]);
    }
    line("used, by the service and by plain sums of the reservations in the log:");
    table(&["counterparty", "used", "plain sums", "difference"], &rows);
    Ok(broken)
}
