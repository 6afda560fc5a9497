//! How the week ended: what settled, what waits, what fails and why, what a person has to look at, and the cash.

use anyhow::Result;
use wire::pb::service::{ListInstructionsRequest, SummarizeInstructionsRequest};
use wire::pb::typ::Decimal;
use wire::pb::view::{CashFilter, CashLadder, Instruction, InstructionFilter, InstructionStatus, SummaryLine, TradeStatus};

use super::screen::{heading, line, table};
use crate::codes::meaning;
use crate::connection::Connection;
use crate::instructions::{headline, standing};
use crate::output::{Cell, Mark, figure};
use crate::paging::{self, answer};
use crate::{cash, quarantine, trades};

/// Rows of a table whose rest is only counted.
const ROWS: usize = 8;

/// How instructions stand, in the order of the table.
const ORDER: [InstructionStatus; 5] = [
    InstructionStatus::Settled,
    InstructionStatus::Pending,
    InstructionStatus::Failing,
    InstructionStatus::Unmatched,
    InstructionStatus::Cancelled,
];

/// Counts and values by status, first reason, domain and currency.
pub async fn summary(connection: &Connection, min_sequence: u64) -> Result<Vec<SummaryLine>> {
    Ok(answer(connection.settlement().summarize_instructions(SummarizeInstructionsRequest { min_sequence }).await)?.lines)
}

/// How many have a status.
pub fn count(lines: &[SummaryLine], status: InstructionStatus) -> u64 {
    lines.iter().filter(|line| line.status() == status).map(|line| line.count).sum()
}

/// All tables but the tie-outs.
pub async fn print(connection: &Connection, sequence: u64) -> Result<()> {
    let lines = summary(connection, sequence).await?;
    by_status(&lines);
    oldest_failing(connection, sequence).await?;
    in_repair(connection, sequence).await?;
    quarantined(connection, sequence).await?;
    by_account(connection, sequence).await
}

fn by_status(lines: &[SummaryLine]) {
    heading("Settlement: instructions by status, reason and currency");
    let mut lines: Vec<&SummaryLine> = lines.iter().filter(|line| line.count > 0).collect();
    let rank = |line: &SummaryLine| ORDER.iter().position(|status| *status == line.status());
    lines.sort_by_key(|line| (rank(line), line.reason.clone(), line.currency.clone()));
    let mut rows = Vec::new();
    let mut last = None;
    for each in lines {
        let named = Instruction { status: each.status, ..Instruction::default() };
        let (word, mark) = standing(&named);
        // A word stands once over the rows it holds for.
        let status = if last == Some(each.status) { Cell::Blank } else { Cell::Marked(word.to_owned(), mark) };
        last = Some(each.status);
        rows.push(vec![
            status,
            Cell::text(&each.reason),
            Cell::text(&each.currency),
            Cell::Count(each.count),
            Cell::amount(each.value),
            Cell::text(meaning(&each.reason)),
        ]);
    }
    table(&["status", "reason", "ccy", "instructions", "value", "which means"], &rows);
}

async fn instructions(connection: &Connection, status: InstructionStatus, min_sequence: u64) -> Result<Vec<Instruction>> {
    let mut client = connection.settlement();
    let filter = InstructionFilter { statuses: vec![status as i32], ..InstructionFilter::default() };
    paging::all(async |page_token, page_size| {
        let request = ListInstructionsRequest { filter: Some(filter.clone()), page_size, page_token, min_sequence };
        let page = answer(client.list_instructions(request).await)?;
        Ok((page.instructions, page.next_page_token))
    })
    .await
}

async fn oldest_failing(connection: &Connection, sequence: u64) -> Result<()> {
    heading("Failing longest, and why");
    let mut failing = instructions(connection, InstructionStatus::Failing, sequence).await?;
    if failing.is_empty() {
        line("nothing fails");
        return Ok(());
    }
    // The deliverer's side tells of a pair; what lacks is on one of the two.
    failing.sort_by_key(|each| (std::cmp::Reverse(each.age), each.number));
    let rows: Vec<Vec<Cell>> = failing
        .iter()
        .filter(|each| each.waits.is_some() || each.held)
        .take(ROWS)
        .map(|each| {
            vec![
                Cell::Count(each.number),
                each.age.map_or(Cell::Blank, |age| Cell::Count(age.into())),
                Cell::text(headline(each)),
                Cell::Marked(each.reasons.join(" "), Mark::Bad),
                Cell::text(lacks(each)),
            ]
        })
        .collect();
    table(&["instruction", "days late", "what", "reason", "why"], &rows);
    rest(failing.len(), rows.len(), "quittance instructions list --status failing");
    Ok(())
}

/// `lacks 1,200 SAN on KILO-DEPOT`.
fn lacks(each: &Instruction) -> String {
    match &each.waits {
        Some(waits) => {
            let need = waits.need.map(figure::grouped).unwrap_or_default();
            format!("{} cannot give {need} {}{}", waits.account, waits.currency, waits.instrument)
        }
        None if each.held => "on hold by its own side".to_owned(),
        None => String::new(),
    }
}

async fn in_repair(connection: &Connection, sequence: u64) -> Result<()> {
    heading("Trades in repair");
    let mut loose = paging::all(trades::loose(connection, sequence)).await?;
    loose.retain(|trade| trade.status() == TradeStatus::InRepair);
    if loose.is_empty() {
        line("none: all that lacked something has gone on");
        return Ok(());
    }
    let row = |trade: &wire::pb::view::Trade| {
        vec![
            Cell::text(format!("{} {} v{}", trade.source, trade.id, trade.version)),
            Cell::Marked(trades::defects(&trade.defects), Mark::Bad),
            Cell::amount(trade.quantity),
            Cell::text(&trade.instrument),
            Cell::amount(trade.amount),
            Cell::text(&trade.currency),
        ]
    };
    let rows: Vec<_> = loose.iter().take(ROWS).map(row).collect();
    table(&["trade", "defects", "quantity", "instrument", "amount", "ccy"], &rows);
    rest(loose.len(), rows.len(), "quittance repairs list");
    Ok(())
}

async fn quarantined(connection: &Connection, sequence: u64) -> Result<()> {
    heading("Quarantined");
    let open = quarantine::list(connection, sequence).await?;
    if open.is_empty() {
        line("nothing: over gRPC, what cannot be read is refused at the door (through Kafka it is recorded and set aside)");
        return Ok(());
    }
    let row = |each: &wire::pb::view::Quarantined| {
        vec![Cell::Count(each.sequence), Cell::text(&each.path), Cell::Marked(each.reason.clone(), Mark::Bad)]
    };
    let rows: Vec<_> = open.iter().take(ROWS).map(row).collect();
    table(&["record", "where", "what is wrong"], &rows);
    rest(open.len(), rows.len(), "quittance quarantine list");
    Ok(())
}

async fn by_account(connection: &Connection, sequence: u64) -> Result<()> {
    heading("Cash: settled, projected with all that is open, and what must be funded");
    let mut ladders = paging::all(cash::ladders(connection, CashFilter::default(), sequence)).await?;
    let need = |ladder: &CashLadder| ladder.funding_need.map_or(0, |need| need.unscaled);
    // Who needs funding first, then whom the open business moves most.
    let moved = |ladder: &CashLadder| {
        let (settled, projected) = (ladder.settled.unwrap_or_default(), cash::projected(ladder).unwrap_or_default());
        settled.unscaled.abs_diff(projected.unscaled)
    };
    ladders.sort_by_key(|ladder| std::cmp::Reverse((need(ladder), moved(ladder))));
    let row = |ladder: &CashLadder| {
        let need = ladder.funding_need.filter(|need| need.unscaled != 0);
        vec![
            Cell::text(&ladder.account),
            Cell::text(&ladder.currency),
            Cell::amount(ladder.settled),
            Cell::amount(cash::projected(ladder)),
            Cell::amount(ladder.credit_limit),
            need.map_or(Cell::Blank, Cell::Amount),
        ]
    };
    let rows: Vec<_> = ladders.iter().take(ROWS).map(row).collect();
    table(&["account", "ccy", "settled", "projected", "credit limit", "funding need"], &rows);
    rest(ladders.len(), rows.len(), "quittance cash list");
    for (currency, settled) in totals(&ladders) {
        line(format!("all accounts together hold {} {currency}", figure::grouped(settled)));
    }
    Ok(())
}

/// What all accounts hold, by currency.
fn totals(ladders: &[CashLadder]) -> Vec<(String, Decimal)> {
    let mut totals: std::collections::BTreeMap<String, Decimal> = std::collections::BTreeMap::new();
    for ladder in ladders {
        let Some(settled) = ladder.settled else { continue };
        let total = totals.entry(ladder.currency.clone()).or_insert(Decimal { unscaled: 0, scale: settled.scale });
        if let Some(sum) = figure::sum(*total, settled) {
            *total = sum;
        }
    }
    totals.into_iter().collect()
}

/// Says how many there are beyond those shown, and how to see them.
fn rest(all: usize, shown: usize, command: &str) {
    if all > shown {
        line(format!("… {} of {}; all with `{command}`", shown, figure::count(all as u64)));
    }
}
