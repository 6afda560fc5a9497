//! The proofs at the end: the front office's list against ours, our mirrors against the agent's balances, who owns against where it
//! lies, what was published against what is stored.

use std::collections::BTreeMap;

use anyhow::Result;
use kafka::Brokers;
use model::decimal::Decimal;
use model::event::Event;
use model::record::{FactContent, Outcome};
use wire::pb::service::{ListBreaksRequest, ReadRecordsRequest};
use wire::pb::view::{Balance, BalanceFilter, LedgerAccountKind};

use super::RECORDS;
use super::seat::{Seat, Stage};
use crate::demo::screen::{heading, line, table};
use crate::fault::from_status;
use crate::output::{Cell, figure};
use crate::paging::answer;
use crate::{ledger, paging, trades};

/// One proof: two figures of different origin, and how many of what they compare.
pub struct Proof {
    pub what: String,
    pub left: String,
    pub right: String,
    pub difference: i128,
}

/// Prints all proofs; how many do not hold.
pub async fn print(stage: &mut Stage, brokers: &Brokers, xml: bool) -> Result<usize> {
    stage.rest().await?;
    let mut proofs = vec![told(stage).await?];
    proofs.extend(positions(stage).await?);
    proofs.extend(mirrors(stage).await?);
    proofs.push(located("the bank", &stage.bank).await?);
    proofs.push(located("the agent", &stage.agent).await?);
    proofs.push(published(stage, brokers).await?);
    if xml {
        proofs.extend(super::documents::proofs(stage, brokers).await?);
    }
    facts(stage).await?;
    heading("Tie-outs: two figures of different origin, each difference zero");
    let row = |proof: &Proof| {
        let texts = [&proof.what, &proof.left, &proof.right].map(Cell::text);
        texts.into_iter().chain([Cell::Difference(proof.difference)]).collect()
    };
    table(&["tie-out", "on the one hand", "on the other", "difference"], &proofs.iter().map(row).collect::<Vec<_>>());
    Ok(proofs.iter().filter(|proof| proof.difference != 0).count())
}

/// What the front office was told on its topic is how the trade stands.
async fn told(stage: &mut Stage) -> Result<Proof> {
    let list = stage.office.tell("list").await?;
    let head = stage.bank.head().await?;
    let mut agree = 0;
    for told in &list {
        let (id, state) = told.split_once(' ').unwrap_or((told, ""));
        let trade = trades::get(&stage.bank.connection, "FO-ALPHA", id, head).await?;
        let status = trade.status().as_str_name();
        agree += i128::from(status.trim_start_matches("TRADE_STATUS_") == state);
    }
    let count = list.len() as i128;
    Ok(Proof {
        what: "front office = us: trades sent, and how it was told they stand".to_owned(),
        left: format!("{count} sent"),
        right: format!("{agree} stand so"),
        difference: count - agree,
    })
}

/// What the front office bought in all, from its own list, is what our book has gained.
async fn positions(stage: &mut Stage) -> Result<Vec<Proof>> {
    let net = stage.office.tell("net").await?;
    let books = balances(&stage.bank, LedgerAccountKind::Book).await?;
    let proof = |said: &String| {
        let (instrument, net) = said.split_once(' ').unwrap_or((said, "0"));
        let net: i128 = net.parse().unwrap_or(i128::MAX);
        // What the set-up gave it.
        let opening = if instrument == "BMW" { 1_000 } else { 0 };
        let held = books.iter().filter(|balance| balance.instrument == instrument && balance.account == "ALPHA-EQ");
        let held: i128 = held.map(|balance| units(balance, 0)).sum();
        Proof {
            what: format!("front office = us: {instrument} bought and sold"),
            left: format!("{net} by its list"),
            right: format!("{} by the book", held - opening),
            difference: net - (held - opening),
        }
    };
    Ok(net.iter().map(proof).collect())
}

/// Our mirrors are what lies at the agent, but for what stands as an open difference of balances.
async fn mirrors(stage: &Stage) -> Result<Vec<Proof>> {
    let (ours, theirs) = (located_of(&stage.bank).await?, located_of(&stage.agent).await?);
    let request = ListBreaksRequest { min_sequence: stage.bank.head().await?, ..ListBreaksRequest::default() };
    let breaks = answer(stage.bank.connection.settlement().list_breaks(request).await)?.breaks;
    let mut open: BTreeMap<(String, String), i128> = BTreeMap::new();
    for item in breaks.iter().filter(|found| found.kind == "BALANCE_DIFFERS").flat_map(|found| &found.items) {
        let asset = if item.currency.is_empty() { item.instrument.clone() } else { item.currency.clone() };
        let difference = item.difference.map_or(0, |amount| i128::from(amount.unscaled));
        *open.entry((item.account.clone(), asset)).or_default() += difference;
    }
    let keys: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).cloned().collect();
    let at = |map: &BTreeMap<(String, String), i128>, key: &(String, String)| map.get(key).copied().unwrap_or(0);
    Ok(keys
        .into_iter()
        .map(|key| {
            let (mine, there, told) = (at(&ours, &key), at(&theirs, &key), at(&open, &key));
            Proof {
                what: format!("our mirror = the agent's balance + breaks: {} {}", key.0, key.1),
                left: mine.to_string(),
                right: format!("{there} + {}", -told),
                difference: mine - (there - told),
            }
        })
        .collect())
}

/// What lies on ALPHA's accounts, in the asset's smallest units.
async fn located_of(seat: &Seat) -> Result<BTreeMap<(String, String), i128>> {
    let all = balances(seat, LedgerAccountKind::Location).await?;
    let mine = all.into_iter().filter(|balance| balance.entity == "ALPHA");
    let mine = mine.map(|balance| {
        let amount = balance.amount.map_or(0, |amount| i128::from(amount.unscaled));
        let asset = if balance.currency.is_empty() { balance.instrument } else { balance.currency };
        ((balance.account, asset), amount)
    });
    Ok(mine.filter(|(_, amount)| *amount != 0).collect())
}

async fn balances(seat: &Seat, kind: LedgerAccountKind) -> Result<Vec<Balance>> {
    let filter = BalanceFilter { kinds: vec![kind as i32], ..BalanceFilter::default() };
    paging::all(ledger::balances(&seat.connection, filter, seat.head().await?)).await
}

fn units(balance: &Balance, scale: u32) -> i128 {
    let amount = balance.amount.map(|amount| Decimal { unscaled: amount.unscaled, scale: amount.scale });
    amount.and_then(|amount| amount.to_scale(scale).ok()).unwrap_or(0)
}

/// Per entity and asset everything owned lies somewhere.
async fn located(whose: &str, seat: &Seat) -> Result<Proof> {
    let lines = ledger::tie_outs(&seat.connection, seat.head().await?).await?;
    let same = lines.iter().filter(|line| line.ownership == line.location).count();
    Ok(Proof {
        what: format!("ownership = location, in the books of {whose}"),
        left: format!("{} entities × assets", lines.len()),
        right: format!("{same} agree"),
        difference: lines.len() as i128 - same as i128,
    })
}

/// What another process would take over is what we have.
async fn published(stage: &Stage, brokers: &Brokers) -> Result<Proof> {
    let (head, brokers) = (stage.bank.head().await?, brokers.clone());
    let rule = tokio::task::spawn_blocking(move || kafka::records::scan(&brokers, RECORDS, 0, |_| {})).await??;
    let last = rule.last.sequence;
    Ok(Proof {
        what: "records published = records stored".to_owned(),
        left: format!("{} in the topic", figure::count(last)),
        right: format!("{} in the log", figure::count(head)),
        difference: i128::from(last) - i128::from(head),
    })
}

/// What the bank's log says of the closed day.
async fn facts(stage: &Stage) -> Result<()> {
    let head = stage.bank.head().await?;
    let request = ReadRecordsRequest { from_sequence: 1, follow: false, limit: head, decode: false };
    let mut stream = answer(stage.bank.connection.log().read_records(request).await)?;
    let (mut prior, mut clean) = (0u64, Vec::new());
    while let Some(response) = stream.message().await.map_err(from_status)? {
        for stored in &response.records {
            let FactContent::Outcome(Outcome::Accepted(events)) = wire::record::facts(&stored.stored)?.content else {
                continue;
            };
            for event in events {
                match event {
                    Event::PriorDay { .. } => prior += 1,
                    Event::AccountingDayClosed { date, clean: is, .. } => clean.push((date, is)),
                    _ => {}
                }
            }
        }
    }
    heading("Of the books");
    for (date, clean) in clean {
        let clean = if clean { "clean: the front office's totals agree" } else { "with differences" };
        line(format!("accounting day {date} closed {clean}"));
    }
    line(format!(
        "{prior} changes of that day came after its close: prior-day adjustments, its own figures did not move"
    ));
    Ok(())
}
