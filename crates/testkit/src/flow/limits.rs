//! Limits on counterparties and issuers for a flow that is to have them. They are no part of its reference data: a bench is without.

use super::history::issuer;
use super::market::Security;
use super::setup::{CHECKER, MAKER, currency, decimal};
use super::world::{World, identifier};
use model::command::{Command, Inbound, Origin};
use model::date::Date;
use model::limit::{AddOn, CounterpartyLimit, LimitKind, OnBreach};
use model::reference::{Issuer, Reference};
use model::timestamp::Timestamp;

/// Each member's limits with the three after it, and on the issuers of the first securities, small enough to be breached now and then. `first` is the sequence that
/// the first of these commands gets: approvals name their proposals by it.
pub(super) fn commands(world: &World, first: u64, at: Timestamp) -> Vec<Inbound> {
    let since = Date::parse("2026-01-02").expect("a date");
    let rate = |cfi: &str, unscaled| {
        Reference::AddOn(AddOn { cfi_prefix: cfi.to_owned(), valid_from: since, rate: decimal(unscaled, 2) })
    };
    let mut wanted = vec![rate("ES", 8), rate("D", 2)];
    let count = world.members.len();
    for (rank, member) in world.members.iter().enumerate() {
        for step in 1..=3.min(count - 1) {
            for (kind, amount) in [(LimitKind::PreSettlement, 400_000), (LimitKind::Delivery, 1_000_000)] {
                wanted.push(Reference::CounterpartyLimit(CounterpartyLimit {
                    entity: member.party.clone(),
                    counterparty: world.members[(rank + step) % count].party.clone(),
                    kind,
                    currency: currency("EUR"),
                    valid_from: since,
                    amount: decimal(amount, 0),
                    on_breach: OnBreach::Warn,
                }));
            }
        }
    }
    let issued = |(place, _): &(usize, &Security)| world.undefined_at_first() != Some(*place);
    let issued: Vec<Issuer> =
        world.securities.iter().enumerate().filter(issued).map(|(_, each)| issuer(each)).collect();
    for member in &world.members {
        for issuer in issued.iter().take(4) {
            wanted.push(Reference::CounterpartyLimit(CounterpartyLimit {
                entity: member.party.clone(),
                counterparty: issuer.issuer.clone(),
                kind: LimitKind::Issuer,
                currency: currency("EUR"),
                valid_from: since,
                amount: decimal(80_000_000, 0),
                on_breach: OnBreach::Warn,
            }));
        }
    }
    let mut all = Vec::new();
    let mut push = |command: Command, actor: &str| {
        let line = 100_000 + all.len() as u64;
        let (actor, reason) = (identifier(actor), "limits of the week".to_owned());
        all.push(Inbound { command, origin: Origin::File { line }, actor, reason, at });
    };
    let proposals = wanted.len() as u64;
    // Who issued what needs no second person, and comes behind what does: its place says its number.
    let issued = issued.into_iter().map(Reference::Issuer);
    wanted.into_iter().chain(issued).for_each(|reference| push(Command::SetReference(Box::new(reference)), MAKER));
    if world.shape.four_eyes {
        for proposal in first..first + proposals {
            push(Command::Approve { proposal, payload_hash: None }, CHECKER);
        }
    }
    all
}
