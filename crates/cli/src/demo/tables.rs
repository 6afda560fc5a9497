//! How the week ended: what settled, what waits, what fails and why, what a person has to look at, and the cash.

use anyhow::Result;
use testkit::flow::Step;
use wire::pb::service::{ListInstructionsRequest, SummarizeInstructionsRequest};
use wire::pb::typ::Decimal;
use wire::pb::view::{
    CashFilter, CashLadder, Instruction, InstructionFilter, InstructionStatus, SummaryLine, TradeStatus,
};

use super::answers::{Answers, Got};
use super::plan::Plan;
use super::records::Records;
use super::screen::{heading, line, table};
use crate::codes::meaning;
use crate::connection::Connection;
use crate::instructions::{movement, standing};
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
    Ok(answer(connection.settlement().summarize_instructions(SummarizeInstructionsRequest { min_sequence }).await)?
        .lines)
}

/// How many have a status.
pub fn count(lines: &[SummaryLine], status: InstructionStatus) -> u64 {
    lines.iter().filter(|line| line.status() == status).map(|line| line.count).sum()
}

/// How the answers came out, and whether that was foreseen.
pub fn messages(plan: &Plan, answers: &Answers) {
    heading("What became of the messages");
    let row = |(got, (foreseen, came)): (Got, (u64, u64))| {
        vec![Cell::text(got.name()), Cell::Count(foreseen), Cell::Count(came)]
    };
    let rows: Vec<_> = answers.by_outcome().into_iter().map(row).collect();
    table(&["answer", "foreseen by the generator", "given by the service"], &rows);
    for (place, foreseen, got) in answers.surprises().take(5) {
        let name = match &plan.items[place].step {
            Step::Message(message) => message.sent(),
            _ => None,
        };
        let name =
            name.map_or_else(|| "bytes".to_owned(), |sent| format!("{} {} v{}", sent.source, sent.id, sent.version));
        let got: Vec<String> = got.iter().map(Got::name).collect();
        line(format!("other than foreseen: {name} was to be {}, came out {}", foreseen.name(), got.join(" and ")));
    }
}

/// All other tables but the tie-outs.
pub async fn print(connection: &Connection, answers: &Answers, records: &Records, sequence: u64) -> Result<()> {
    let lines = summary(connection, sequence).await?;
    by_status(&lines);
    oldest_failing(connection, sequence).await?;
    in_repair(connection, records, sequence).await?;
    quarantined(connection, answers, sequence).await?;
    by_account(connection, sequence).await
}

fn by_status(lines: &[SummaryLine]) {
    heading("Settlement: instructions by status, reason and currency");
    let mut lines: Vec<&SummaryLine> = lines.iter().filter(|line| line.count > 0).collect();
    let rank = |line: &SummaryLine| ORDER.iter().position(|status| *status == line.status());
    lines.sort_by_key(|line| (rank(line), line.reason.clone(), line.currency.clone()));
    let (mut rows, mut last) = (Vec::new(), None::<(i32, &str)>);
    for each in lines {
        let (word, mark) = standing(&Instruction { status: each.status, ..Instruction::default() });
        // A word stands once, over the rows it holds for.
        let same_status = last.is_some_and(|(status, _)| status == each.status);
        let same_reason = same_status && last.is_some_and(|(_, reason)| reason == each.reason);
        last = Some((each.status, &each.reason));
        rows.push(vec![
            if same_status { Cell::Blank } else { Cell::Marked(word.to_owned(), mark) },
            if same_reason { Cell::Blank } else { Cell::text(&each.reason) },
            Cell::text(&each.currency),
            Cell::Count(each.count),
            Cell::amount(each.value),
            if same_reason { Cell::Blank } else { Cell::text(briefly(&each.reason)) },
        ]);
    }
    table(&["status", "reason", "ccy", "instructions", "value", "which means"], &rows);
}

/// What a code means, without what helps.
fn briefly(code: &str) -> &'static str {
    meaning(code).split(':').next().unwrap_or_default()
}

async fn instructions(
    connection: &Connection,
    status: InstructionStatus,
    min_sequence: u64,
) -> Result<Vec<Instruction>> {
    let mut client = connection.settlement();
    let filter = InstructionFilter { statuses: vec![status as i32], ..InstructionFilter::default() };
    paging::all(async |page_token, page_size| {
        let request = ListInstructionsRequest { filter: Some(filter.clone()), page_size, page_token, min_sequence };
        let page = answer(client.list_instructions(request).await)?;
        Ok((page.instructions, page.next_page_token))
    })
    .await
}

/// An instruction that is worth a look: one that fails, else one that is pending.
pub async fn example(connection: &Connection) -> Result<Option<Instruction>> {
    for status in [InstructionStatus::Failing, InstructionStatus::Pending] {
        let found = instructions(connection, status, 0).await?;
        if let Some(one) = found.into_iter().find(|each| each.waits.is_some() || !each.nostro.is_empty()) {
            return Ok(Some(one));
        }
    }
    Ok(None)
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
                Cell::text(movement(each)),
                Cell::amount(each.matched_amount.or(each.amount)),
                Cell::text(&each.currency),
                Cell::Marked(lacks(each), Mark::Bad),
            ]
        })
        .collect();
    table(&["instruction", "days late", "what", "against", "ccy", "why"], &rows);
    rest(failing.len(), rows.len(), "quittance instructions list --status failing");
    Ok(())
}

/// `MONY: LARCH-EUR cannot give 1,139,336.69 EUR`.
fn lacks(each: &Instruction) -> String {
    let why = match &each.waits {
        Some(waits) => {
            let need = waits.need.map(figure::grouped).unwrap_or_default();
            format!("{} cannot give {need} {}{}", waits.account, waits.currency, waits.instrument)
        }
        None => briefly(each.reasons.first().map_or("", String::as_str)).to_owned(),
    };
    format!("{}: {why}", each.reasons.join(" "))
}

async fn in_repair(connection: &Connection, records: &Records, sequence: u64) -> Result<()> {
    heading("Trades in repair");
    let mut loose = paging::all(trades::loose(connection, sequence)).await?;
    loose.retain(|trade| trade.status() == TradeStatus::InRepair);
    let mended = records.in_repair.saturating_sub(loose.len() as u64);
    if mended > 0 {
        line(format!("{} in repair during the week and went on", figure::some(mended, "trade was", "trades were")));
    }
    if loose.is_empty() {
        line("none is left");
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

async fn quarantined(connection: &Connection, answers: &Answers, sequence: u64) -> Result<()> {
    heading("Quarantined");
    let open = quarantine::list(connection, sequence).await?;
    if open.is_empty() {
        let refused = figure::some(answers.at_the_door.len() as u64, "message", "messages");
        line(format!(
            "nothing. Over gRPC {refused} that cannot be read were refused at the door; through Kafka they are recorded and set aside:"
        ));
        for why in answers.at_the_door.iter().take(3) {
            line(format!("  {why}"));
        }
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
    let totals: Vec<String> =
        totals(&ladders).into_iter().map(|(code, sum)| format!("{} {code}", figure::grouped(sum))).collect();
    line(format!("all accounts together hold {}", totals.join(", ")));
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
