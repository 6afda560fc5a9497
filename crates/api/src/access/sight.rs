//! What an asker may see of an answer: what is out of its scope is not there.
//!
//! A row of one book and one counterparty is there for who may see both. A sum is there only for who may see all that is
//! in it: a book's position for who may see the book and every counterparty, a location's balance, cash and what concerns
//! the whole house for who may see all.

use std::collections::BTreeSet;

use model::command::Command;
use model::identifier::Identifier;
use model::permission::{AccessRole, Grant};
use tonic::Status;
use tonic::codegen::http::Extensions;
use wire::pb::view::instruction_update::Kind as Update;
use wire::pb::view::position_update::Kind as Moved;
use wire::pb::{service, view};

use crate::failure;

/// Whose question it is. Made by the guard alone; every service that answers questions takes it from the call.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    grant: Option<Grant>,
    /// What the authority that vouches for the caller may let it do; none: all.
    vouched: Option<Vec<AccessRole>>,
}

impl Sight {
    pub(super) fn new(grant: Option<Grant>, vouched: Option<Vec<AccessRole>>) -> Sight {
        Sight { grant, vouched }
    }

    /// The sight of a call. One that no guard has let in sees nothing.
    pub(crate) fn of(extensions: &Extensions) -> Result<Sight, Status> {
        let unguarded = || failure::internal("no guard has looked at this call");
        extensions.get::<Sight>().cloned().ok_or_else(unguarded)
    }

    /// Whether the caller's certificate may vouch for a role.
    pub(crate) fn vouches(&self, role: AccessRole) -> bool {
        self.vouched.as_ref().is_none_or(|roles| roles.contains(&role))
    }

    /// Everything of the whole house may be seen.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.grant.as_ref().is_none_or(Grant::is_unlimited)
    }

    /// What the caller is told of itself.
    pub(crate) fn standing(&self, actor: String) -> service::CallerStanding {
        let granted = |role: &AccessRole| self.grant.as_ref().is_none_or(|grant| grant.has(*role));
        let roles = AccessRole::ALL.into_iter().filter(|role| granted(role) && self.vouches(*role));
        let names = |list: &[Identifier]| list.iter().map(ToString::to_string).collect();
        let grant = self.grant.as_ref();
        service::CallerStanding {
            actor,
            roles: roles.map(|role| role.name().to_owned()).collect(),
            ungoverned: grant.is_none(),
            books: grant.map_or_else(Vec::new, |grant| names(&grant.books)),
            counterparties: grant.map_or_else(Vec::new, |grant| names(&grant.counterparties)),
        }
    }

    fn covers(&self, book: Option<&str>, counterparty: Option<&str>) -> bool {
        self.grant.as_ref().is_none_or(|grant| grant.covers(book, counterparty))
    }

    pub(crate) fn instruction(&self, row: &view::Instruction) -> bool {
        self.covers(Some(&row.book), Some(&row.counterparty))
    }

    pub(crate) fn trade(&self, row: &view::Trade) -> bool {
        self.covers(Some(&row.book), Some(&row.counterparty))
    }

    /// A sum over all books with a counterparty.
    pub(crate) fn counterparty(&self, counterparty: &str) -> bool {
        self.covers(None, Some(counterparty))
    }

    pub(crate) fn balance(&self, row: &view::Balance) -> bool {
        let name = |text: &str| if text.is_empty() { None } else { Some(text.to_owned()) };
        let (book, counterparty) = match row.kind() {
            view::LedgerAccountKind::Book => (name(&row.account), None),
            view::LedgerAccountKind::Counterparty => (None, name(&row.account)),
            _ => (None, None),
        };
        self.covers(book.as_deref(), counterparty.as_deref())
    }

    /// A book's position is a sum over all counterparties.
    pub(crate) fn position(&self, book: &str) -> bool {
        self.covers(Some(book), None)
    }

    /// What is left of a message about positions; it may be an empty one. A position never changes its book, so what may be
    /// seen of it once may be seen always.
    pub(crate) fn positions(&self, mut update: view::PositionUpdate) -> view::PositionUpdate {
        match &mut update.kind {
            Some(Moved::Snapshot(snapshot)) => snapshot.positions.retain(|each| self.position(&each.book)),
            Some(Moved::Changes(changes)) => {
                changes.positions.retain(|each| self.position(&each.book));
                changes.left.retain(|each| self.position(&each.book));
            }
            _ => {}
        }
        update
    }

    /// What is proposed is seen by who may see every book in it.
    pub(crate) fn command(&self, command: &Command) -> bool {
        match command {
            Command::Open(opening) => self.covers(Some(opening.book.as_str()), None),
            Command::Transfer(transfer) => {
                let books = [Some(&transfer.book), transfer.to_book.as_ref()];
                books.into_iter().flatten().all(|book| self.covers(Some(book.as_str()), None))
            }
            _ => self.is_unlimited(),
        }
    }

    /// A filter that names what is out of scope names nothing that is there.
    pub(crate) fn filter(&self, filter: &view::InstructionFilter) -> Result<(), Status> {
        self.book(&filter.book)?;
        let Some(grant) = &self.grant else { return Ok(()) };
        within(&grant.counterparties, model::index::Kind::Party, &filter.counterparty)
    }

    /// The same for the book of a filter; an empty one is none.
    pub(crate) fn book(&self, book: &str) -> Result<(), Status> {
        let Some(grant) = &self.grant else { return Ok(()) };
        within(&grant.books, model::index::Kind::Book, book)
    }
}

/// Whether a name is one of these; no names are all, and an empty name is none.
fn within(names: &[model::identifier::Identifier], kind: model::index::Kind, name: &str) -> Result<(), Status> {
    if name.is_empty() || names.is_empty() || names.iter().any(|each| each.as_str() == name) {
        return Ok(());
    }
    Err(failure::view(projections::Error::UnknownName { kind: kind.name(), id: name.to_owned() }))
}

/// A subscription through the eyes of one who may not see all: what leaves its scope leaves its screen.
pub(crate) struct Watched {
    sight: Sight,
    shown: BTreeSet<u64>,
}

impl Watched {
    pub(crate) fn new(sight: Sight) -> Watched {
        Watched { sight, shown: BTreeSet::new() }
    }

    /// What is left of a message; it may be an empty one.
    pub(crate) fn through(&mut self, mut update: view::InstructionUpdate) -> view::InstructionUpdate {
        if self.sight.is_unlimited() {
            return update;
        }
        match &mut update.kind {
            Some(Update::Reset(_)) => self.shown.clear(),
            Some(Update::Snapshot(snapshot)) => {
                snapshot.instructions.retain(|row| self.sight.instruction(row));
                self.shown.extend(snapshot.instructions.iter().map(|row| row.number));
            }
            Some(Update::Changes(changes)) => {
                let (seen, hidden): (Vec<_>, Vec<_>) =
                    changes.instructions.drain(..).partition(|row| self.sight.instruction(row));
                changes.left.retain(|number| self.shown.remove(number));
                changes.left.extend(hidden.iter().map(|row| row.number).filter(|number| self.shown.remove(number)));
                self.shown.extend(seen.iter().map(|row| row.number));
                changes.instructions = seen;
            }
            _ => {}
        }
        update
    }
}
