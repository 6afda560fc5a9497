//! Who may do what (docs/PERMISSIONS.md): the grants, and the first question about every command.

use super::{Books, Place};
use model::command::{Command, Inbound, Origin};
use model::date::Date;
use model::identifier::Identifier;
use model::permission::{AccessRole, ActorKind, Grant};
use model::reference::Reference;
use model::rejection::Reason;
use model::trade::Details;
use std::collections::{BTreeMap, BTreeSet};

pub(super) type Grants = BTreeMap<(Identifier, Date), Grant>;

/// What a command is about.
enum About {
    Nothing,
    House,
    /// Books and counterparties; nothing said stands for all of them.
    Business(Vec<(Option<Identifier>, Option<Identifier>)>),
}

/// The role for a command; nobody has one for what only the engine does.
fn role_for(command: &Command) -> Option<AccessRole> {
    match command {
        Command::Continue(_) | Command::Quarantine(_) => None,
        Command::Trade(_) | Command::ControlTotals(_) => Some(AccessRole::Publisher),
        Command::Approve { .. } | Command::Refuse { .. } => Some(AccessRole::Approver),
        Command::SetReference(reference) if matches!(**reference, Reference::Grant(_) | Reference::Parameters(_)) => {
            Some(AccessRole::Administrator)
        }
        _ => Some(AccessRole::Operator),
    }
}

fn covers(grant: &Grant, (book, counterparty): &(Option<Identifier>, Option<Identifier>)) -> bool {
    let within = |scope: &[Identifier], name: &Option<Identifier>| {
        scope.is_empty() || name.as_ref().is_some_and(|name| scope.contains(name))
    };
    within(&grant.books, book) && within(&grant.counterparties, counterparty)
}

fn named(details: &Details) -> (Option<Identifier>, Option<Identifier>) {
    (Some(details.book.clone()), Some(details.counterparty.clone()))
}

/// What each may do on a date.
fn in_force<'a>(grants: impl Iterator<Item = &'a Grant>, on: Date) -> BTreeMap<&'a Identifier, &'a Grant> {
    let mut found: BTreeMap<&Identifier, &Grant> = BTreeMap::new();
    for grant in grants.filter(|grant| grant.valid_from <= on) {
        let earlier = found.get(&grant.actor).is_some_and(|other| other.valid_from > grant.valid_from);
        if !earlier {
            found.insert(&grant.actor, grant);
        }
    }
    found.retain(|_, grant| !grant.roles.is_empty());
    found
}

impl Books {
    fn grant_of(&self, actor: &Identifier) -> Option<&Grant> {
        in_force(self.grants.values(), self.today()).get(actor).copied()
    }

    fn person(&self, actor: &Identifier) -> Identifier {
        let person = self.grant_of(actor).and_then(|grant| grant.person.clone());
        person.unwrap_or_else(|| actor.clone())
    }

    pub(super) fn same_person(&self, one: &Identifier, other: &Identifier) -> bool {
        self.person(one) == self.person(other)
    }

    /// Whether somebody was ever granted anything.
    pub fn has_grant(&self, actor: &Identifier) -> bool {
        self.grants.keys().any(|(of, _)| of == actor)
    }

    /// Every grant ever set.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.values()
    }

    /// Duties that check each other stay apart, today and whenever that changes; and somebody administers.
    pub(super) fn check_grant(&self, grant: &Grant) -> Result<(), Reason> {
        use AccessRole::{Administrator, Approver, Auditor, Operator, Publisher};
        let mut all = self.grants.clone();
        all.insert((grant.actor.clone(), grant.valid_from), grant.clone());
        let later = all.keys().map(|(_, from)| *from).filter(|from| *from > self.today());
        let dates: BTreeSet<Date> = later.chain([self.today()]).collect();
        for date in dates {
            let holds = in_force(all.values(), date);
            let mut duties: BTreeMap<&Identifier, BTreeSet<AccessRole>> = BTreeMap::new();
            for grant in holds.values() {
                let person = grant.person.as_ref().unwrap_or(&grant.actor);
                duties.entry(person).or_default().extend(grant.roles.iter().copied());
            }
            let apart = [[Operator, Approver], [Publisher, Operator], [Publisher, Approver], [Administrator, Auditor]];
            let joined =
                |roles: &BTreeSet<AccessRole>| apart.iter().any(|two| two.iter().all(|role| roles.contains(role)));
            let needs_person = |grant: &&Grant| {
                let personal = grant.roles.iter().any(|role| matches!(role, Approver | Administrator));
                grant.kind == ActorKind::System && personal
            };
            if duties.values().any(joined) || holds.values().copied().any(|grant| needs_person(&grant)) {
                return Err(Reason::RolesConflict);
            }
            let administers = |grant: &&Grant| {
                grant.roles.contains(&Administrator) && grant.books.is_empty() && grant.counterparties.is_empty()
            };
            if !holds.values().copied().any(|grant| administers(&grant)) {
                return Err(Reason::NoAdministrator);
            }
        }
        Ok(())
    }

    /// Whether who asks may ask it.
    pub(super) fn permitted(&self, inbound: &Inbound) -> Result<(), Reason> {
        let fact = matches!(inbound.command, Command::Advice(_) | Command::Quarantine(_));
        let own = match inbound.origin {
            Origin::Engine => true,
            Origin::Kafka { .. } => fact,
            Origin::Call { .. } | Origin::File { .. } => false,
        };
        if own || self.grants.is_empty() {
            return Ok(());
        }
        let grant = self.grant_of(&inbound.actor).ok_or(Reason::NotPermitted)?;
        if let Command::Approve { proposal, .. } | Command::Refuse { proposal } = &inbound.command {
            let approves = matches!(inbound.command, Command::Approve { .. });
            return self.may_close(grant, &inbound.actor, *proposal, approves);
        }
        let role = role_for(&inbound.command).ok_or(Reason::NotPermitted)?;
        if !grant.roles.contains(&role) {
            return Err(Reason::NotPermitted);
        }
        self.in_scope(grant, &inbound.actor, &inbound.command)
    }

    fn may_close(&self, grant: &Grant, actor: &Identifier, number: u64, approves: bool) -> Result<(), Reason> {
        let open = self.proposals.get(&number);
        if !approves && open.is_some_and(|(maker, ..)| self.same_person(maker, actor)) {
            return Ok(());
        }
        let role = match open.and_then(|(_, _, command)| role_for(command)) {
            Some(AccessRole::Administrator) => AccessRole::Administrator,
            None if grant.roles.contains(&AccessRole::Administrator) => AccessRole::Administrator,
            _ => AccessRole::Approver,
        };
        if !grant.roles.contains(&role) {
            return Err(Reason::NotPermitted);
        }
        match open {
            // What is out of scope looks as if it were not there.
            Some((_, _, command)) => self.in_scope(grant, actor, command).map_err(|_| Reason::UnknownProposal),
            None => Ok(()),
        }
    }

    fn in_scope(&self, grant: &Grant, actor: &Identifier, command: &Command) -> Result<(), Reason> {
        let all = grant.books.is_empty() && grant.counterparties.is_empty();
        let inside = match self.about(actor, command) {
            About::Nothing => true,
            About::House => false,
            About::Business(pairs) => pairs.iter().all(|pair| covers(grant, pair)),
        };
        match command {
            _ if all || inside => Ok(()),
            Command::Steer { .. } => Err(Reason::UnknownInstruction),
            Command::Repair(_) => Err(Reason::UnknownTrade),
            Command::Reverse { .. } => Err(Reason::NotReversible),
            Command::CloseQuarantined { .. } => Err(Reason::NotQuarantined),
            _ => Err(Reason::NotPermitted),
        }
    }

    fn open_trade(&self, source: &Identifier, id: &Identifier) -> Option<(Option<Identifier>, Option<Identifier>)> {
        let number = self.told.get(&(source.clone(), id.clone()))?.open?;
        let terms = self.terms(number);
        Some((Some(terms.book), Some(terms.counterparty)))
    }

    fn about(&self, actor: &Identifier, command: &Command) -> About {
        let book = |name: &Identifier| (Some(name.clone()), None);
        match command {
            Command::Trade(message) => {
                let open = self.open_trade(&message.source, &message.id);
                let pairs: Vec<_> = open.into_iter().chain(message.details.as_ref().map(named)).collect();
                match pairs.is_empty() {
                    false => About::Business(pairs),
                    // A cancel of what nobody knows yet is taken from its own source alone.
                    true if message.source == *actor => About::Nothing,
                    true => About::House,
                }
            }
            Command::Repair(repair) => match self.open_trade(&repair.source, &repair.id) {
                None => About::Nothing,
                Some(open) => About::Business([open].into_iter().chain(repair.details.as_ref().map(named)).collect()),
            },
            Command::Steer { instruction, .. } => match self.instructions.get(instruction) {
                None => About::Nothing,
                Some(open) => {
                    let deal = &open.deal;
                    About::Business(vec![(Some(deal.book.clone()), Some(deal.counterparty.clone()))])
                }
            },
            Command::Open(opening) => About::Business(vec![book(&opening.book)]),
            Command::Transfer(transfer) => {
                About::Business([&transfer.book].into_iter().chain(&transfer.to_book).map(book).collect())
            }
            Command::Reverse { sequence, .. } if *sequence == 0 || *sequence >= self.sequence => About::Nothing,
            Command::Reverse { sequence, .. } => {
                // To turn round a settlement moves both sides: that is the house's.
                let mut books = Vec::new();
                for booking in self.bookings.get(sequence).into_iter().flatten() {
                    if booking.pair.is_some() {
                        return About::House;
                    }
                    for ((place, ..), _) in &booking.postings {
                        if let Place::Book(_, name) = place {
                            books.push(book(name));
                        }
                    }
                }
                if books.is_empty() { About::House } else { About::Business(books) }
            }
            // What a source says of its own trades.
            Command::ControlTotals(said) if said.source == *actor => About::Nothing,
            _ => About::House,
        }
    }
}
