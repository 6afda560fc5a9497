//! Who may do what: the grants that were ever set, by actor and by the date from which each holds.
//!
//! Commands are checked against them in `clearing`, questions at the edge: both ask the same rules here. A grant says
//! what one actor may do ([`AccessRole`]) and on which books and counterparties; the actor's next grant replaces it from
//! its date on, and one without roles takes everything back. While nobody was ever granted anything, everybody may do
//! everything: somebody must load the first data.

use crate::command::Command;
use crate::date::Date;
use crate::identifier::Identifier;
use crate::reference::Reference;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// What an actor may do. What each may ask and command is one table: `docs/PERMISSIONS.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AccessRole {
    /// Says what was traded: a front office, or the system that speaks for it.
    Publisher = 1,
    /// Runs settlement: repairs, holds, moves, opens and closes days, keeps reference data.
    Operator = 2,
    /// The second pair of eyes.
    Approver = 3,
    /// Sees positions, cash and exposure.
    RiskViewer = 4,
    /// Sees everything, changes nothing; each question is logged.
    Auditor = 5,
    /// Says who may do what, and what the house's own rules are; each question is logged.
    Administrator = 6,
}

impl AccessRole {
    /// All of them.
    pub const ALL: [AccessRole; 6] = [
        AccessRole::Publisher,
        AccessRole::Operator,
        AccessRole::Approver,
        AccessRole::RiskViewer,
        AccessRole::Auditor,
        AccessRole::Administrator,
    ];

    /// The word for it in the interface.
    pub fn name(self) -> &'static str {
        match self {
            AccessRole::Publisher => "publisher",
            AccessRole::Operator => "operator",
            AccessRole::Approver => "approver",
            AccessRole::RiskViewer => "risk-viewer",
            AccessRole::Auditor => "auditor",
            AccessRole::Administrator => "administrator",
        }
    }

    /// The role that a command needs; none has the right to what only the engine does.
    pub fn needed(command: &Command) -> Option<AccessRole> {
        match command {
            Command::Trade(_) | Command::ControlTotals(_) => Some(AccessRole::Publisher),
            Command::SetReference(reference) => Some(match **reference {
                Reference::Grant(_) | Reference::Parameters(_) => AccessRole::Administrator,
                _ => AccessRole::Operator,
            }),
            Command::Open(_)
            | Command::Transfer(_)
            | Command::Reverse { .. }
            | Command::Repair(_)
            | Command::Steer { .. }
            | Command::Day(_)
            | Command::SignOff(_)
            | Command::Accounting(_)
            | Command::Advice(_)
            | Command::CloseBreak(_)
            | Command::AssignBreak { .. }
            | Command::IssueMarginCalls(_)
            | Command::IssueInitialCalls(_)
            | Command::AnswerMarginCall { .. }
            | Command::CloseQuarantined { .. } => Some(AccessRole::Operator),
            Command::Approve { .. } | Command::Refuse { .. } => Some(AccessRole::Approver),
            Command::Continue(_) | Command::Quarantine(_) => None,
        }
    }
}

/// Who stands behind an actor's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ActorKind {
    Person = 1,
    System = 2,
}

/// What one actor may do from a date on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// As the certificate, the token or the message names it.
    pub actor: Identifier,
    pub kind: ActorKind,
    pub valid_from: Date,
    /// None: the actor may do nothing any more.
    pub roles: Vec<AccessRole>,
    /// Empty: all.
    pub books: Vec<Identifier>,
    /// Empty: all.
    pub counterparties: Vec<Identifier>,
    /// The person behind the actor, where one has several names: two names of one person are one pair of eyes.
    pub person: Option<Identifier>,
}

impl Grant {
    pub fn has(&self, role: AccessRole) -> bool {
        self.roles.contains(&role)
    }

    /// Who acts: the person behind the name.
    pub fn person(&self) -> &Identifier {
        self.person.as_ref().unwrap_or(&self.actor)
    }

    /// It holds for every book and counterparty, and so for what concerns the whole house.
    pub fn is_unlimited(&self) -> bool {
        self.books.is_empty() && self.counterparties.is_empty()
    }

    /// Whether all of something lies in its scope. `None` stands for all books, or all counterparties: a sum over
    /// counterparties is only for those who may see each of them.
    pub fn covers(&self, book: Option<&str>, counterparty: Option<&str>) -> bool {
        within(&self.books, book) && within(&self.counterparties, counterparty)
    }

    pub fn covers_book(&self, book: &str) -> bool {
        within(&self.books, Some(book))
    }
}

fn within(scope: &[Identifier], name: Option<&str>) -> bool {
    scope.is_empty() || name.is_some_and(|name| scope.iter().any(|each| each.as_str() == name))
}

/// Why a set of grants must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discord {
    /// One person would have both duties that check each other, or a system one that needs a person.
    Conflict(AccessRole, AccessRole),
    /// Nobody would administer any more, from a date on.
    NoAdministrator,
}

/// Duties that one person must not join.
const APART: [(AccessRole, AccessRole); 4] = [
    (AccessRole::Operator, AccessRole::Approver),
    (AccessRole::Publisher, AccessRole::Operator),
    (AccessRole::Publisher, AccessRole::Approver),
    (AccessRole::Administrator, AccessRole::Auditor),
];

/// Every grant ever set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Of each actor in order of date.
    by_actor: BTreeMap<Identifier, Vec<Grant>>,
}

impl Grants {
    /// Nobody was ever granted anything: everybody may do everything.
    pub fn is_empty(&self) -> bool {
        self.by_actor.is_empty()
    }

    /// The actor's grant from its date on; one of the same date is replaced.
    pub fn set(&mut self, grant: Grant) {
        let rows = self.by_actor.entry(grant.actor.clone()).or_default();
        match rows.binary_search_by_key(&grant.valid_from, |row| row.valid_from) {
            Ok(at) => rows[at] = grant,
            Err(at) => rows.insert(at, grant),
        }
    }

    /// What an actor may do on a date; nothing where no role is left.
    pub fn of(&self, actor: &str, on: Date) -> Option<&Grant> {
        let in_force = self.by_actor.get(actor)?.iter().rev().find(|grant| grant.valid_from <= on);
        in_force.filter(|grant| !grant.roles.is_empty())
    }

    /// Whether two actors are one person.
    pub fn same_person(&self, one: &Identifier, other: &Identifier, on: Date) -> bool {
        let person =
            |actor: &Identifier| self.of(actor.as_str(), on).map_or_else(|| actor.clone(), |g| g.person().clone());
        person(one) == person(other)
    }

    /// All of them, by actor and date.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.by_actor.values().flatten()
    }

    /// What would be wrong, today or on a later date, were this grant set too.
    pub fn discord(&self, grant: &Grant, today: Date) -> Option<Discord> {
        let mut with = self.clone();
        with.set(grant.clone());
        let mut dates: BTreeSet<Date> = with.iter().map(|each| each.valid_from).filter(|date| *date > today).collect();
        dates.insert(today);
        dates.into_iter().find_map(|date| with.discord_on(date))
    }

    fn discord_on(&self, date: Date) -> Option<Discord> {
        let mut duties: BTreeMap<&Identifier, BTreeSet<AccessRole>> = BTreeMap::new();
        for grant in self.by_actor.keys().filter_map(|actor| self.of(actor.as_str(), date)) {
            duties.entry(grant.person()).or_default().extend(grant.roles.iter().copied());
            for needs_person in [AccessRole::Approver, AccessRole::Administrator] {
                if grant.kind == ActorKind::System && grant.has(needs_person) {
                    return Some(Discord::Conflict(needs_person, needs_person));
                }
            }
        }
        for (one, other) in APART {
            if duties.values().any(|roles| roles.contains(&one) && roles.contains(&other)) {
                return Some(Discord::Conflict(one, other));
            }
        }
        let administered = self.by_actor.keys().filter_map(|actor| self.of(actor.as_str(), date));
        let mut administered =
            administered.filter(|grant| grant.has(AccessRole::Administrator) && grant.is_unlimited());
        if administered.next().is_none() { Some(Discord::NoAdministrator) } else { None }
    }
}

/// Back from its parts, as a snapshot has them.
impl FromIterator<Grant> for Grants {
    fn from_iter<T: IntoIterator<Item = Grant>>(grants: T) -> Grants {
        let mut all = Grants::default();
        grants.into_iter().for_each(|grant| all.set(grant));
        all
    }
}
