//! Who may ask what, and what needs two persons (I15). Whether an actor's grant covers the book it touches is not looked at here.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::bytes::{Fields, Value, last, text};
use crate::fault::{Fault, must};
use crate::names::date_of;
use crate::record::{Command, Decided, Origin, command};

/// The roles, by their numbers.
const PUBLISHER: u32 = 1;
const OPERATOR: u32 = 2;
const APPROVER: u32 = 3;
const ADMINISTRATOR: u32 = 6;

/// What one person asked for, until another says yes or no.
struct Proposal {
    maker: String,
    at: i64,
    command: Vec<u8>,
}

struct Grant {
    roles: BTreeSet<u32>,
    person: String,
}

pub struct People {
    grants: BTreeMap<String, BTreeMap<u32, Grant>>,
    /// Kinds of command that need a second person.
    four_eyes: BTreeSet<u32>,
    proposal_minutes: i64,
    open: BTreeMap<u64, Proposal>,
    pub approvals: u64,
}

impl Default for People {
    fn default() -> People {
        let (grants, four_eyes, open) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        // A proposal lapses after a day until the house says otherwise.
        People { grants, four_eyes, proposal_minutes: 24 * 60, open, approvals: 0 }
    }
}

/// Which numbers of `FourEyes` a command falls under.
fn four_eyes(command: Command<'_>) -> Result<Option<u32>, Fault> {
    Ok(match command.kind {
        command::OPEN => Some(3),
        command::TRANSFER => Some(4),
        command::REVERSE => Some(5),
        command::CLOSE_BREAK => {
            let resolution = last(command.body, 2)?.map_or(Ok(0), Value::small)?;
            (resolution != 1).then_some(5)
        }
        command::SIGN_OFF => Some(30),
        command::SET_REFERENCE => match Fields::of(command.body).next()?.map(|(kind, _)| kind) {
            Some(9) => Some(1),
            // Credit limits, limits on counterparties and issuers, add-ons, what CCPs ask.
            Some(11 | 51 | 52 | 56) => Some(2),
            Some(13) => Some(6),
            Some(12) => Some(7),
            Some(30) => Some(20),
            _ => None,
        },
        _ => None,
    })
}

/// The role a command needs; `None`: nobody but the engine has the right.
fn needed(kind: u32, body: &[u8]) -> Result<Option<u32>, Fault> {
    Ok(match kind {
        command::TRADE | command::CONTROL_TOTALS => Some(PUBLISHER),
        command::SET_REFERENCE => match Fields::of(body).next()?.map(|(kind, _)| kind) {
            Some(13 | 30) => Some(ADMINISTRATOR),
            _ => Some(OPERATOR),
        },
        command::CONTINUE | command::QUARANTINE => None,
        _ => Some(OPERATOR),
    })
}

impl People {
    /// Whether anybody was ever granted anything: before, everybody may do everything.
    pub fn granted(&self) -> bool {
        !self.grants.is_empty()
    }

    fn of(&self, actor: &str, on: u32) -> Option<&Grant> {
        let (_, grant) = self.grants.get(actor)?.range(..=on).next_back()?;
        (!grant.roles.is_empty()).then_some(grant)
    }

    fn person<'a>(&'a self, actor: &'a str, on: u32) -> &'a str {
        self.of(actor, on).map_or(actor, |grant| &grant.person)
    }

    /// Checks an accepted command before its facts: the role, and that what needs two persons is only proposed.
    pub fn accepted(&self, decided: &Decided<'_>, at: i64) -> Result<bool, Fault> {
        let kind = decided.command.kind;
        let own = match decided.origin {
            Origin::Engine => true,
            Origin::Kafka { .. } => kind == command::ADVICE || kind == command::QUARANTINE,
            Origin::File => kind == command::QUARANTINE,
            Origin::Call { .. } => false,
        };
        if !own && self.granted() {
            self.has_role(decided, date_of(at))?;
        }
        Ok(four_eyes(decided.command)?.is_some_and(|kind| self.four_eyes.contains(&kind)))
    }

    fn has_role(&self, decided: &Decided<'_>, today: u32) -> Result<(), Fault> {
        let (actor, Command { kind, body, .. }) = (decided.actor, decided.command);
        let grant = self.of(actor, today);
        let may = |role: u32| grant.is_some_and(|grant| grant.roles.contains(&role));
        let allowed = match kind {
            command::APPROVE | command::REFUSE => {
                let number = last(body, 1)?.map_or(Ok(0), Value::number)?;
                let Some(proposal) = self.open.get(&number) else { return Err(unknown(number)) };
                let takes_back =
                    kind == command::REFUSE && self.person(&proposal.maker, today) == self.person(actor, today);
                let proposed = Fields::of(&proposal.command).next()?;
                let role = match proposed.map(|(kind, body)| needed(kind, body.bytes()?)).transpose()?.flatten() {
                    Some(ADMINISTRATOR) => ADMINISTRATOR,
                    _ => APPROVER,
                };
                takes_back || may(role)
            }
            kind => needed(kind, body)?.is_some_and(may),
        };
        must!(I15, allowed, "{actor} had no role for this");
        Ok(())
    }

    /// Somebody asks; nothing else may come of the record.
    pub fn proposed(
        &mut self,
        sequence: u64,
        proposal: u64,
        asked: &[u8],
        decided: &Decided<'_>,
        at: i64,
    ) -> Result<(), Fault> {
        must!(I15, proposal == sequence, "proposal {proposal} stands in record {sequence}");
        must!(I15, asked == decided.command.whole, "another command is proposed than was asked");
        self.open.insert(proposal, Proposal { maker: decided.actor.to_owned(), at, command: asked.to_vec() });
        Ok(())
    }

    /// A proposal ends. The command that is carried out now, when it was approved.
    pub fn closed(
        &mut self,
        number: u64,
        approved: bool,
        decided: &Decided<'_>,
        at: i64,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let Some(proposal) = self.open.remove(&number) else { return Err(unknown(number)) };
        let (kind, body) = (decided.command.kind, decided.command.body);
        let asked = last(body, 1)?.map_or(Ok(0), Value::number)?;
        let says = if approved { command::APPROVE } else { command::REFUSE };
        must!(I15, kind == says && asked == number, "proposal {number} is closed by something else");
        if !approved {
            return Ok(None);
        }
        let today = date_of(at);
        let (maker, checker) = (self.person(&proposal.maker, today), self.person(decided.actor, today));
        must!(I15, maker != checker, "{} approves what {} asked: one person", decided.actor, proposal.maker);
        let age = at.saturating_sub(proposal.at);
        must!(I15, age <= self.proposal_minutes * 60_000_000, "proposal {number} had lapsed");
        let hash = last(body, 30)?.map_or(Ok(&[][..]), Value::bytes)?;
        let same = hash.is_empty() || hash == Sha256::digest(&proposal.command).as_slice();
        must!(I15, same, "what was approved is not what was proposed as {number}");
        self.approvals += 1;
        Ok(Some(proposal.command))
    }

    /// Grants and parameters that hold from now on.
    pub fn set(&mut self, reference: &[u8]) -> Result<(), Fault> {
        let Some((which, body)) = Fields::of(reference).next()? else { return Ok(()) };
        let body = body.bytes()?;
        match which {
            13 => {
                self.four_eyes.clear();
                self.proposal_minutes = last(body, 2)?.map_or(Ok(0), Value::small)?.into();
                self.four_eyes.extend(repeated(body, 1)?);
            }
            30 => {
                let actor = text(body, 1)?.to_owned();
                let from = last(body, 3)?.map_or(Ok(0), Value::small)?;
                let named = text(body, 7)?;
                let person = if named.is_empty() { actor.clone() } else { named.to_owned() };
                let grant = Grant { roles: repeated(body, 4)?.into_iter().collect(), person };
                self.grants.entry(actor).or_default().insert(from, grant);
            }
            _ => {}
        }
        Ok(())
    }
}

fn unknown(number: u64) -> Fault {
    Fault::violated(crate::Invariant::I15, format!("proposal {number} is not open"))
}

/// Repeated small numbers, one by one or packed; all of ours fit in one byte.
fn repeated(bytes: &[u8], wanted: u32) -> Result<Vec<u32>, Fault> {
    let (mut fields, mut found) = (Fields::of(bytes), Vec::new());
    while let Some((number, value)) = fields.next()? {
        match value {
            Value::Number(_) if number == wanted => found.push(value.small()?),
            Value::Bytes(packed) if number == wanted => found.extend(packed.iter().map(|byte| u32::from(*byte))),
            _ => {}
        }
    }
    Ok(found)
}
