//! The proofs at the end: figures that come from different places and must be equal, each difference zero.

use std::collections::BTreeMap;

use anyhow::Result;
use projections::{At, PageRequest};
use testkit::flow::{Body, Step, Tally};
use wire::pb::typ::Decimal;
use wire::pb::view::{Balance, BalanceFilter, CashFilter, InstructionStatus, LedgerAccountKind, TieOut};

use super::answers::Answers;
use super::plan::Plan;
use super::records::Records;
use super::screen::{heading, table};
use super::tables;
use crate::connection::Connection;
use crate::ledger;
use crate::output::{Cell, figure};
use crate::paging;

/// One proof: two figures of different origin.
struct Proof {
    what: String,
    left: (&'static str, i128),
    right: (&'static str, i128),
}

/// Prints all proofs; how many do not hold.
pub async fn print(
    connection: &Connection,
    plan: &Plan,
    answers: &Answers,
    tally: &Tally,
    log: &Records,
) -> Result<usize> {
    let sequence = log.sequence;
    let mut proofs = vec![Proof {
        what: "messages sent = answered, each once".to_owned(),
        left: ("sent", answers.count().into()),
        right: ("answered once", answers.answered_once().into()),
    }];
    proofs.push(accepted_once(plan, answers, log));
    proofs.extend(obligations(connection, sequence).await?);
    proofs.push(holdings(connection, tally, sequence).await?);
    proofs.extend(instructions(connection, log, sequence).await?);
    proofs.push(views(connection, log, sequence).await?);

    heading("Tie-outs: two figures of different origin, each difference zero");
    let row = |proof: &Proof| {
        let side = |(name, figure): (&str, i128)| format!("{} {name}", grouped(figure));
        let difference = Cell::Difference(proof.left.1 - proof.right.1);
        vec![Cell::text(&proof.what), Cell::text(side(proof.left)), Cell::text(side(proof.right)), difference]
    };
    table(&["tie-out", "on the one hand", "on the other", "difference"], &proofs.iter().map(row).collect::<Vec<_>>());
    Ok(proofs.iter().filter(|proof| proof.left.1 != proof.right.1).count())
}

fn grouped(figure: i128) -> String {
    i64::try_from(figure)
        .map_or_else(|_| figure.to_string(), |unscaled| figure::grouped(Decimal { unscaled, scale: 0 }))
}

/// Every accepted message has one record that accepted it.
fn accepted_once(plan: &Plan, answers: &Answers, log: &Records) -> Proof {
    let (mut accepted, mut recorded) = (0, 0);
    for place in answers.accepted() {
        accepted += 1;
        if let Step::Message(message) = &plan.items[place].step
            && let Body::Trade(trade) = &message.body
        {
            let key = (trade.source.to_string(), trade.id.to_string(), trade.version);
            recorded += i128::from(log.trades.get(&key) == Some(&1));
        }
    }
    Proof {
        what: "accepted messages = records in the log, one each".to_owned(),
        left: ("accepted", accepted),
        right: ("recorded once", recorded),
    }
}

/// Per entity and asset: what was traded and settled is what is open, and what is owned lies somewhere.
async fn obligations(connection: &Connection, sequence: u64) -> Result<Vec<Proof>> {
    let lines = ledger::tie_outs(connection, sequence).await?;
    let units = |amount: Option<Decimal>| amount.map_or(0, |amount| i128::from(amount.unscaled));
    let add = |one: Option<Decimal>, other| units(one) + units(other);
    let checked = lines.len() as i128;
    let holds = |test: &dyn Fn(&TieOut) -> bool| lines.iter().filter(|line| test(line)).count() as i128;
    let settled = holds(&|line| add(line.traded, line.settled) + units(line.other) == units(line.open));
    let status = holds(&|line| line.open_trades.is_some() && units(line.open) == units(line.open_trades));
    let located = holds(&|line| units(line.ownership) == units(line.location));
    let proof = |what: &str, name, figure| Proof {
        what: what.to_owned(),
        left: ("entities × assets", checked),
        right: (name, figure),
    };
    Ok(vec![
        proof("traded − settled = owed by counterparties", "agree", settled),
        proof("owed by counterparties = open trades", "agree", status),
        proof("ownership = location", "agree", located),
    ])
}

/// All accounts together hold what was put in and not taken out: settlement makes and loses nothing.
async fn holdings(connection: &Connection, tally: &Tally, sequence: u64) -> Result<Proof> {
    let filter = BalanceFilter { kinds: vec![LedgerAccountKind::Location as i32], ..BalanceFilter::default() };
    let balances: Vec<Balance> = paging::all(ledger::balances(connection, filter, sequence)).await?;
    let mut held: BTreeMap<String, Decimal> = BTreeMap::new();
    for balance in balances {
        let Some(amount) = balance.amount else { continue };
        let asset = if balance.currency.is_empty() { balance.instrument } else { balance.currency };
        let sum = held.entry(asset).or_insert(Decimal { unscaled: 0, scale: amount.scale });
        if let Some(total) = figure::sum(*sum, amount) {
            *sum = total;
        }
    }
    let same = |one: &Decimal, other: &model::decimal::Decimal| {
        model::decimal::Decimal { unscaled: one.unscaled, scale: one.scale }.same_value(*other)
    };
    let agree = tally.holdings.iter().filter(|(asset, put)| {
        let nothing = Decimal { unscaled: 0, scale: 0 };
        same(held.get(*asset).unwrap_or(&nothing), put)
    });
    Ok(Proof {
        what: "put in by the generator = held on all accounts".to_owned(),
        left: ("assets", tally.holdings.len() as i128),
        right: ("agree", agree.count() as i128),
    })
}

/// The status view against the log.
async fn instructions(connection: &Connection, log: &Records, sequence: u64) -> Result<Vec<Proof>> {
    let lines = tables::summary(connection, sequence).await?;
    let count = |status| i128::from(tables::count(&lines, status));
    let open = [InstructionStatus::Unmatched, InstructionStatus::Pending, InstructionStatus::Failing];
    let open: i128 = open.into_iter().map(count).sum();
    let settled = count(InstructionStatus::Settled);
    let instructed = open + settled + count(InstructionStatus::Cancelled);
    Ok(vec![
        Proof {
            what: "instructed = settled + cancelled + open".to_owned(),
            left: ("issued in the log", log.issued),
            right: ("in the view", instructed),
        },
        Proof {
            what: "settled, in the log and in the view".to_owned(),
            left: ("in the log", log.settled),
            right: ("in the view", settled),
        },
        Proof {
            what: "cancelled, in the log and in the view".to_owned(),
            left: ("in the log", log.cancelled),
            right: ("in the view", count(InstructionStatus::Cancelled)),
        },
    ])
}

/// The service's views against views folded here from the records it gave: every line of every answer.
async fn views(connection: &Connection, log: &Records, sequence: u64) -> Result<Proof> {
    let own = &log.views.projections;
    let mut pairs: Vec<(String, String)> = Vec::new();
    let theirs = tables::summary(connection, sequence).await?;
    let ours = own.summary(At::NOW)?.lines;
    zip(&mut pairs, &theirs, &ours)?;
    let theirs = paging::all(crate::cash::ladders(connection, CashFilter::default(), sequence)).await?;
    let ours = paging::all(async |token, size| {
        let page = own.cash(&CashFilter::default(), PageRequest { size, token: &token }, At::NOW)?;
        Ok((page.ladders, page.next_page_token))
    })
    .await?;
    zip(&mut pairs, &theirs, &ours)?;
    let theirs = paging::all(ledger::balances(connection, BalanceFilter::default(), sequence)).await?;
    let ours = paging::all(async |token, size| {
        let page = own.balances(&BalanceFilter::default(), PageRequest { size, token: &token }, At::NOW)?;
        Ok((page.balances, page.next_page_token))
    })
    .await?;
    zip(&mut pairs, &theirs, &ours)?;
    Ok(Proof {
        what: "views = records folded again elsewhere".to_owned(),
        left: ("rows", pairs.len() as i128),
        right: ("equal", pairs.iter().filter(|(theirs, ours)| theirs == ours).count() as i128),
    })
}

/// Lays two lists side by side, as JSON; where one is longer, against nothing.
fn zip<T: serde::Serialize>(pairs: &mut Vec<(String, String)>, one: &[T], other: &[T]) -> Result<()> {
    let text = |row: Option<&T>| row.map_or(Ok(String::new()), serde_json::to_string);
    for place in 0..one.len().max(other.len()) {
        pairs.push((text(one.get(place))?, text(other.get(place))?));
    }
    Ok(())
}
