//! Before the week: reference data loaded as commands, what needs four eyes proposed by one person and approved by another.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use model::command::{Command, Inbound};
use model::reference::Reference;
use tokio::task::JoinSet;
use wire::pb::service::{Receipt, SubmitCommandRequest};

use crate::connection::{Connection, signed};
use crate::fault::{failed, from_status};

/// Calls at once: enough for the engine to write many in one block.
const AT_ONCE: usize = 64;

/// The word for one and for several.
type Kind = (&'static str, &'static str);

/// What was loaded.
#[derive(Default)]
pub struct Loaded {
    /// By kind, in the order they were loaded.
    pub kinds: Vec<(Kind, u64)>,
    pub proposals: u64,
    pub approvals: u64,
    /// The last record.
    pub sequence: u64,
}

/// In which order kinds are loaded: what a later one names must be there.
fn stage(command: &Command) -> (u8, Kind) {
    match command {
        Command::SetReference(reference) => match &**reference {
            Reference::Calendar(_) => (0, ("calendar", "calendars")),
            Reference::Currency(_) => (1, ("currency", "currencies")),
            Reference::Tolerance(_) => (2, ("tolerance", "tolerances")),
            Reference::Domain(_) => (3, ("settlement domain", "settlement domains")),
            Reference::Cycle(_) => (4, ("settlement cycle", "settlement cycles")),
            Reference::Party(_) => (5, ("party", "parties")),
            Reference::Book(_) => (6, ("book", "books")),
            Reference::Account(_) => (7, ("account", "accounts")),
            Reference::Instrument(_) => (8, ("security", "securities")),
            Reference::PriceSet(_) => (9, ("price set", "price sets")),
            Reference::Parameters(_) => (10, ("set of parameters", "sets of parameters")),
            Reference::Ssi(_) => (11, ("standing instruction", "standing instructions")),
            Reference::CreditLimit(_) => (12, ("credit limit", "credit limits")),
            Reference::Issuer(_) => (9, ("issuer", "issuers")),
            Reference::ClearingTerms(_) => (9, ("set of clearing terms", "sets of clearing terms")),
            Reference::BookPolicy(_) => (12, ("book policy", "book policies")),
            Reference::AddOn(_) => (12, ("exposure add-on", "exposure add-ons")),
            Reference::MarginAccount(_) => (12, ("margin account", "margin accounts")),
            Reference::CounterpartyLimit(_) => (12, ("counterparty limit", "counterparty limits")),
            // The first grant ends the time when everybody may do everything: last.
            Reference::Grant(_) => (15, ("grant", "grants")),
        },
        Command::Open(_) => (13, ("opening balance", "opening balances")),
        _ => (14, ("approval", "approvals")),
    }
}

/// Loads everything, with request ids that begin with the batch's name; `tell` is called after each command. All must be accepted.
pub async fn load(connection: &Connection, batch: &str, commands: Vec<Inbound>, tell: impl Fn()) -> Result<Loaded> {
    let mut stages: BTreeMap<(u8, Kind), Vec<(usize, Inbound)>> = BTreeMap::new();
    for (place, inbound) in commands.into_iter().enumerate() {
        stages.entry(stage(&inbound.command)).or_default().push((place, inbound));
    }
    let mut loaded = Loaded::default();
    // The generator numbers a proposal by the record it would be in a log of its own: the genesis, then one for each command.
    let mut numbers: BTreeMap<u64, u64> = BTreeMap::new();
    for ((_, kind), mut commands) in stages {
        let count = commands.len() as u64;
        for (_, inbound) in &mut commands {
            if let Command::Approve { proposal, .. } = &mut inbound.command {
                *proposal =
                    *numbers.get(proposal).ok_or_else(|| failed(format!("nothing was proposed as {proposal}")))?;
            }
        }
        for (place, receipt) in send_all(connection, batch, commands, &tell).await? {
            loaded.sequence = loaded.sequence.max(receipt.sequence);
            if let Some(proposal) = receipt.proposal {
                numbers.insert(place as u64 + 2, proposal);
                loaded.proposals += 1;
            }
        }
        if kind.0 == "approval" {
            loaded.approvals = count;
        } else {
            loaded.kinds.push((kind, count));
        }
    }
    Ok(loaded)
}

async fn send_all(
    connection: &Connection,
    batch: &str,
    commands: Vec<(usize, Inbound)>,
    tell: &impl Fn(),
) -> Result<Vec<(usize, Receipt)>> {
    let (mut calls, mut receipts) = (JoinSet::new(), Vec::with_capacity(commands.len()));
    let mut commands = commands.into_iter();
    loop {
        while calls.len() < AT_ONCE
            && let Some((place, inbound)) = commands.next()
        {
            let (connection, request_id) = (connection.clone(), format!("{batch}-{place:06}"));
            calls.spawn(async move { Ok((place, submit(&connection, &inbound, request_id).await?)) });
        }
        let Some(call) = calls.join_next().await else { return Ok(receipts) };
        let done: Result<_> = call?;
        receipts.push(done?);
        tell();
    }
}

/// One command of a person, which must be accepted.
pub async fn submit(connection: &Connection, inbound: &Inbound, request_id: String) -> Result<Receipt> {
    let command = Some(wire::command::into_wire(&inbound.command));
    let request = SubmitCommandRequest { command, request_id, reason: inbound.reason.clone() };
    let answer = connection.operator().submit_command(signed(request, inbound.actor.as_str())?).await;
    let receipt = answer
        .map_err(from_status)
        .with_context(|| format!("a {} command of {}", inbound.command.name(), inbound.actor))?;
    receipt.into_inner().receipt.ok_or_else(|| failed("the server's answer holds no receipt"))
}
