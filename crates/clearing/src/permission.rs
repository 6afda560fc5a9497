//! Who may command what: the first question about every command. Which role a command needs stands in one table here;
//! what it touches – books, counterparties, or the whole house – must lie in the scope of the actor's grant.
//!
//! What is out of scope looks as if it were not there, where a command names it by number or id. What a command itself
//! names (a book, a counterparty) is refused by that name, whether there is such a thing or not.

use crate::past::{Past, trade_key};
use crate::slab::NONE;
use crate::state::State;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use model::command::{Command, Inbound, Origin};
use model::date::Date;
use model::event::Event;
use model::identifier::Identifier;
use model::index::{BookIx, Kind, PartyIx};
use model::ledger::{LedgerAccount, Posting};
use model::permission::{AccessRole, Discord, Grant};
use model::record::Content;
use model::rejection::{Reason, Rejection};
use model::trade::{Details, TradeMessage};

/// Why an actor may not give a command, if it may not. Pure.
///
/// What the engine asks of itself is never refused, nor is the setting aside of bytes that came from Kafka or a file, nor
/// what an agent tells through Kafka: a fact from outside is taken in whoever brings it. A trade from
/// Kafka has its source system as its actor; a refused one is a record like any other refusal.
pub fn permitted(state: &State, past: &dyn Past, inbound: &Inbound) -> Option<Rejection> {
    let own = match (&inbound.origin, &inbound.command) {
        (Origin::Engine, _) => true,
        (Origin::Kafka { .. }, Command::Advice(_)) => true,
        (Origin::Kafka { .. } | Origin::File { .. }, command) => matches!(command, Command::Quarantine(_)),
        (Origin::Call { .. }, _) => false,
    };
    if own || state.grants.is_empty() {
        return None;
    }
    let refused = |subject: &str| Some(Rejection::new(Reason::NotPermitted, subject));
    let today = inbound.at.date_utc();
    let Some(grant) = state.grants.of(inbound.actor.as_str(), today) else {
        return refused(inbound.actor.as_str());
    };
    let asked = Asked { state, past, today, actor: &inbound.actor };
    match &inbound.command {
        Command::Approve { proposal, .. } | Command::Refuse { proposal } => {
            let approves = matches!(inbound.command, Command::Approve { .. });
            asked.may_close(grant, *proposal, approves)
        }
        command => match AccessRole::needed(command) {
            None => refused(command.name()),
            Some(role) if !grant.has(role) => refused(role.name()),
            Some(_) => asked.out_of_scope(grant, command),
        },
    }
}

/// What a command is about.
enum Touched {
    /// Nothing that is there.
    Nothing,
    /// What concerns everybody.
    House,
    /// Books and counterparties; `None`: all of them.
    Business(Vec<(Option<Identifier>, Option<Identifier>)>),
}

struct Asked<'a> {
    state: &'a State,
    past: &'a dyn Past,
    today: Date,
    actor: &'a Identifier,
}

impl Asked<'_> {
    /// Approvers close what operators propose, another administrator what one proposes; a maker may take back.
    fn may_close(&self, grant: &Grant, number: u64, approves: bool) -> Option<Rejection> {
        let open = self.state.proposals.get(&number);
        let maker = open.is_some_and(|open| self.state.grants.same_person(&open.maker, self.actor, self.today));
        if maker && !approves {
            return None;
        }
        let record = open.and_then(|_| self.past.record(number));
        let proposed = match record.map(|record| record.content) {
            Some(Content::Decided { inbound, .. }) => Some(inbound.command),
            _ => None,
        };
        let role = match proposed.as_ref().and_then(AccessRole::needed) {
            Some(AccessRole::Administrator) => AccessRole::Administrator,
            // Which role an unknown one needs nobody can say: either may learn that it is unknown.
            None if grant.has(AccessRole::Administrator) => AccessRole::Administrator,
            _ => AccessRole::Approver,
        };
        if !grant.has(role) {
            return Some(Rejection::new(Reason::NotPermitted, role.name()));
        }
        let hidden = proposed.is_some_and(|command| self.out_of_scope(grant, &command).is_some());
        hidden.then(|| Rejection::new(Reason::UnknownProposal, number.to_string()))
    }

    fn out_of_scope(&self, grant: &Grant, command: &Command) -> Option<Rejection> {
        if grant.is_unlimited() {
            return None;
        }
        let outside = match self.touched(command) {
            Touched::Nothing => return None,
            Touched::House => None,
            Touched::Business(pairs) => Some(pairs.into_iter().find(|(book, counterparty)| {
                !grant.covers(book.as_ref().map(Identifier::as_str), counterparty.as_ref().map(Identifier::as_str))
            })?),
        };
        let (reason, subject) = match command {
            Command::Steer { instruction, .. } => (Reason::UnknownInstruction, instruction.to_string()),
            Command::Repair(repair) => (Reason::UnknownTrade, repair.id.to_string()),
            Command::Reverse { sequence, .. } => (Reason::NotReversible, sequence.to_string()),
            Command::CloseQuarantined { sequence, .. } => (Reason::NotQuarantined, sequence.to_string()),
            command => {
                let named = outside.and_then(|(book, counterparty)| {
                    let book = book.filter(|book| !grant.covers_book(book.as_str()));
                    book.or(counterparty)
                });
                (Reason::NotPermitted, named.map_or_else(|| command.name().to_string(), |name| name.to_string()))
            }
        };
        Some(Rejection::new(reason, subject))
    }

    fn touched(&self, command: &Command) -> Touched {
        match command {
            Command::Trade(message) => self.trade(message),
            Command::Repair(repair) => {
                let mut pairs: Vec<_> = self.open_trade(&repair.source, &repair.id).into_iter().collect();
                if pairs.is_empty() {
                    return Touched::Nothing;
                }
                pairs.extend(repair.details.as_ref().map(named));
                Touched::Business(pairs)
            }
            Command::Steer { instruction, .. } => match self.state.instruction(*instruction) {
                Some((_, open)) => Touched::Business(vec![self.names_of(open.book, open.counterparty)]),
                None => Touched::Nothing,
            },
            Command::Open(opening) => Touched::Business(vec![(Some(opening.book.clone()), None)]),
            Command::Transfer(transfer) => {
                let books = [Some(&transfer.book), transfer.to_book.as_ref()];
                Touched::Business(books.into_iter().flatten().map(|book| (Some(book.clone()), None)).collect())
            }
            Command::Reverse { sequence, .. } => self.booked(*sequence),
            // What a source says of its own trades.
            Command::ControlTotals(totals) if &totals.source == self.actor => Touched::Nothing,
            _ => Touched::House,
        }
    }

    /// What a trade says and what is known of it. A cancel of what nobody knows yet is taken from its own source alone.
    fn trade(&self, message: &TradeMessage) -> Touched {
        let open = self.open_trade(&message.source, &message.id);
        let said = message.details.as_ref().map(named);
        let pairs: Vec<_> = open.into_iter().chain(said).collect();
        match pairs.is_empty() {
            false => Touched::Business(pairs),
            true if &message.source == self.actor => Touched::Nothing,
            true => Touched::House,
        }
    }

    fn open_trade(&self, source: &Identifier, id: &Identifier) -> Option<(Option<Identifier>, Option<Identifier>)> {
        let place = self.state.place_of(&trade_key(source, id))?;
        let trade = &self.state.trades[place];
        if trade.instruction != NONE {
            let instruction = &self.state.instructions[trade.instruction];
            return Some(self.names_of(instruction.book, instruction.counterparty));
        }
        let terms = &trade.loose.as_ref()?.terms;
        Some(self.names_of(terms.book, terms.counterparty))
    }

    /// The books of a record's own postings. Turning round a settlement moves both sides: that is the house's.
    fn booked(&self, sequence: u64) -> Touched {
        let Some(record) = self.past.record(sequence) else { return Touched::Nothing };
        let mut books = Vec::new();
        for event in record.events() {
            match event {
                Event::Opened { postings, .. } | Event::Transferred { postings, .. } => {
                    books.extend(postings.iter().filter_map(book_of));
                }
                Event::InstructionsSettled { .. } => return Touched::House,
                _ => {}
            }
        }
        if books.is_empty() {
            return Touched::House;
        }
        let name = |book: BookIx| (self.state.names.name(Kind::Book, book.0).cloned(), None);
        Touched::Business(books.into_iter().map(name).collect())
    }

    fn names_of(&self, book: BookIx, counterparty: PartyIx) -> (Option<Identifier>, Option<Identifier>) {
        let name = |kind, index| self.state.names.name(kind, index).cloned();
        (name(Kind::Book, book.0), name(Kind::Party, counterparty.0))
    }
}

fn named(details: &Details) -> (Option<Identifier>, Option<Identifier>) {
    (Some(details.book.clone()), Some(details.counterparty.clone()))
}

fn book_of(posting: &Posting) -> Option<BookIx> {
    match posting.account {
        LedgerAccount::Book { book, .. } => Some(book),
        _ => None,
    }
}

impl State {
    /// Checks a grant: duties that check each other stay apart, and somebody administers.
    pub(crate) fn check_grant(&self, grant: &Grant, today: Date) -> Result<(), Rejection> {
        match self.grants.discord(grant, today) {
            None => Ok(()),
            Some(Discord::Conflict(one, other)) if one == other => {
                Err(Rejection::new(Reason::RolesConflict, one.name()))
            }
            Some(Discord::Conflict(one, other)) => {
                let both = [one.name(), other.name()].join(" and ");
                Err(Rejection::new(Reason::RolesConflict, both))
            }
            Some(Discord::NoAdministrator) => Err(Reason::NoAdministrator.into()),
        }
    }
}
