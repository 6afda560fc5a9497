//! A record in one line.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use model::accounting::AccountingStep;
use model::command::{Command, Inbound, Origin, Step, What};
use model::instruction::Steer;
use model::record::{Content, Outcome, Record};
use model::reference::Reference;
use serde::Serialize;

/// What a list shows of a record.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub sequence: u64,
    pub at: String,
    pub actor: String,
    pub origin: String,
    pub command: String,
    pub about: String,
    pub outcome: String,
    pub detail: String,
}

impl Summary {
    /// Of the stored bytes.
    pub fn of(sequence: u64, bytes: &[u8]) -> Result<Summary> {
        let record = wire::record::decode(bytes).with_context(|| format!("record {sequence} cannot be read"))?;
        Ok(Summary::of_record(&record))
    }

    fn of_record(record: &Record) -> Summary {
        let at = record.at().to_string().replace('T', " ").replace('Z', "");
        let sequence = record.sequence;
        match &record.content {
            Content::Genesis(genesis) => Summary {
                sequence,
                at,
                actor: String::new(),
                origin: String::new(),
                command: "genesis".to_owned(),
                about: format!("{}, shard {}", genesis.house, genesis.shard),
                outcome: "accepted".to_owned(),
                detail: String::new(),
            },
            Content::Decided { inbound, outcome } => {
                let (outcome, detail) = match outcome {
                    Outcome::Accepted(_) => ("accepted", facts(record)),
                    Outcome::Rejected(rejection) => ("rejected", rejection.to_string()),
                    Outcome::Duplicate { of } => ("duplicate", format!("of record {of}")),
                };
                Summary {
                    sequence,
                    at,
                    actor: inbound.actor.to_string(),
                    origin: origin(&inbound.origin),
                    command: inbound.command.name().to_owned(),
                    about: about(inbound),
                    outcome: outcome.to_owned(),
                    detail,
                }
            }
        }
    }
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Kafka { partition, offset, .. } => format!("kafka {partition}@{offset}"),
        Origin::Call { .. } => "call".to_owned(),
        Origin::Engine => "engine".to_owned(),
        Origin::File { line } => format!("line {line}"),
    }
}

fn about(inbound: &Inbound) -> String {
    let what = |what: &What| match what {
        What::Currency(currency) => currency.to_string(),
        What::Instrument(instrument) => instrument.to_string(),
    };
    match &inbound.command {
        Command::Trade(trade) => format!("{} {} v{}", trade.source, trade.id, trade.version),
        Command::SetReference(reference) => reference_about(reference),
        Command::Open(opening) => format!("{} {} on {}", opening.quantity, what(&opening.what), opening.account),
        Command::Transfer(transfer) => {
            let end = |account: &Option<_>| account.as_ref().map_or_else(|| "outside".to_owned(), ToString::to_string);
            format!(
                "{} {} from {} to {}",
                transfer.quantity,
                what(&transfer.what),
                end(&transfer.from),
                end(&transfer.to)
            )
        }
        Command::Reverse { sequence, .. } => format!("record {sequence}"),
        Command::Repair(repair) => format!("{} {}", repair.source, repair.id),
        Command::Steer { instruction, steer } => match steer {
            Steer::Hold => format!("hold {instruction}"),
            Steer::Release => format!("release {instruction}"),
            Steer::Prioritise(priority) => format!("prioritise {instruction} as {priority}"),
            Steer::Cancel => format!("cancel {instruction}"),
            Steer::KeepAfterAll => format!("keep {instruction} after all"),
        },
        Command::Day(day) => match &day.step {
            Step::Open { date, .. } => format!("open {date} of {}", day.domain),
            Step::CutOff { date, currency } => {
                let what = currency.map_or_else(|| "free of payment".to_owned(), |currency| currency.to_string());
                format!("cut off {what} on {date} of {}", day.domain)
            }
            Step::Close { date } => format!("close {date} of {}", day.domain),
        },
        Command::Approve { proposal, .. } | Command::Refuse { proposal } => format!("proposal {proposal}"),
        Command::Continue(task) => format!("{task:?}").to_lowercase(),
        Command::Quarantine(unreadable) => format!("{} bytes", unreadable.size),
        Command::CloseQuarantined { sequence, .. } => format!("record {sequence}"),
        Command::ControlTotals(said) => format!("{} {} {}", said.source, said.trade_date, said.currency),
        Command::SignOff(said) => format!("{} {} {}", said.source, said.trade_date, said.currency),
        Command::Accounting(day) => match &day.step {
            AccountingStep::Open { date } => format!("open {date} of {}", day.entity),
            AccountingStep::Close { date, .. } => format!("close {date} of {}", day.entity),
        },
        Command::Advice(advice) => format!("{} {} {}: {}", advice.sender, advice.id, advice.reference, advice.name()),
        Command::CloseBreak(closing) => format!("break {}", closing.number),
        Command::AssignBreak { number, owner } => format!("break {number} to {owner}"),
        Command::IssueMarginCalls(issue) => format!("margin at {} {}", issue.set.date, issue.set.snap),
        Command::IssueInitialCalls(issue) => format!("initial margin of {} {}", issue.set.date, issue.set.snap),
        Command::AnswerMarginCall { number, .. } => format!("margin call {number}"),
    }
}

fn reference_about(reference: &Reference) -> String {
    match reference {
        Reference::Party(party) => format!("party {}", party.id),
        Reference::Book(book) => format!("book {}", book.id),
        Reference::Account(account) => format!("account {}", account.id),
        Reference::Domain(domain) => format!("domain {}", domain.id),
        Reference::Instrument(instrument) => format!("instrument {}", instrument.id),
        Reference::Calendar(calendar) => format!("calendar {}", calendar.id),
        Reference::Currency(currency) => format!("currency {}", currency.code),
        Reference::Cycle(cycle) => format!("cycle {}", cycle.market),
        Reference::Ssi(ssi) => format!("ssi {}", ssi.id),
        Reference::Tolerance(tolerance) => format!("tolerance {}", tolerance.currency),
        Reference::CreditLimit(limit) => format!("credit limit {} {}", limit.account, limit.currency),
        Reference::PriceSet(set) => format!("prices {} {}", set.date, set.snap),
        Reference::Parameters(_) => "parameters".to_owned(),
        Reference::BookPolicy(policy) => format!("policy {}", policy.book),
        Reference::Issuer(each) => format!("issuer of {}", each.instrument),
        Reference::ClearingTerms(terms) => format!("clearing terms {}", terms.ccp),
        Reference::CounterpartyLimit(limit) => {
            format!("{} limit {} {}", limit.kind.name(), limit.entity, limit.counterparty)
        }
        Reference::MarginAccount(account) => format!("margin account {}", account.id),
        Reference::AddOn(add_on) => format!("add-on {}", add_on.cfi_prefix).trim_end().to_owned(),
        Reference::Grant(grant) => format!("grant {}", grant.actor),
    }
}

/// The kinds of facts, each once: `interned ×2, trade captured, instruction issued`.
fn facts(record: &Record) -> String {
    let mut kinds: Vec<String> = Vec::new();
    let mut counts = BTreeMap::new();
    for event in record.events() {
        let name = words(&format!("{event:?}"));
        *counts.entry(name.clone()).or_insert(0) += 1;
        if !kinds.contains(&name) {
            kinds.push(name);
        }
    }
    let each = kinds.iter().map(|kind| match counts[kind] {
        1 => kind.clone(),
        count => format!("{kind} ×{count}"),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// `InstructionIssued { …` as `instruction issued`.
fn words(debug: &str) -> String {
    let name: &str = debug.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_variant_is_read_as_words() {
        assert_eq!(super::words("InstructionIssued { instruction: 1 }"), "instruction issued");
        assert_eq!(super::words("Quarantined"), "quarantined");
    }
}
