//! What an asker may see of an answer: what is out of its scope is not there.
//!
//! A row of one book and one counterparty is there for who may see both. A sum is there only for who may see all that is
//! in it: a book's position for who may see the book and every counterparty, a location's balance, cash and what concerns
//! the whole house for who may see all.

use std::collections::BTreeSet;

use model::command::Command;
use model::permission::{AccessRole, Grant};
use tonic::Status;
use tonic::codegen::http::Extensions;
use wire::pb::view;
use wire::pb::view::instruction_update::Kind as Update;

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
        let Some(grant) = &self.grant else { return Ok(()) };
        let hidden = |kind: &'static str, id: &str| {
            Err(failure::view(projections::Error::UnknownName { kind, id: id.to_owned() }))
        };
        let only = |books: &[model::identifier::Identifier], name: &str| {
            name.is_empty() || books.is_empty() || books.iter().any(|each| each.as_str() == name)
        };
        if !only(&grant.books, &filter.book) {
            return hidden(model::index::Kind::Book.name(), &filter.book);
        }
        if !only(&grant.counterparties, &filter.counterparty) {
            return hidden(model::index::Kind::Party.name(), &filter.counterparty);
        }
        Ok(())
    }
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
