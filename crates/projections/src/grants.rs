//! Grants as rows: each as the command that set it.

use std::sync::Arc;

use model::command::Command;
use model::permission::{Grant, Grants};
use model::reference::Reference;
use wire::pb::record;

use crate::queries::{Answer, Projections};
use crate::view::table;
use crate::{Error, rows};

/// By actor, then by date.
pub(crate) fn key(grant: &Grant) -> Vec<u8> {
    let date = grant.valid_from.days().to_be_bytes();
    [grant.actor.as_str().as_bytes(), &[0], &date[..]].concat()
}

pub(crate) fn row(grant: &Grant) -> record::Command {
    wire::command::into_wire(&Command::SetReference(Box::new(Reference::Grant(grant.clone()))))
}

pub(crate) fn from_row(row: record::Command) -> Result<Grant, Error> {
    let command = rows::sound(table::GRANTS, wire::command::from_wire(&row))?;
    let grant = match command {
        Command::SetReference(reference) => match *reference {
            Reference::Grant(grant) => Some(grant),
            _ => None,
        },
        _ => None,
    };
    rows::present(table::GRANTS, grant, "grant")
}

impl Projections {
    /// Who may do what, as far as the log has been folded, and how far that is.
    ///
    /// # Errors
    /// When the view has stopped itself: then nobody knows, and nobody may.
    pub fn grants(&self) -> Result<Answer<Arc<Grants>>, Error> {
        let state = self.shared.state();
        Ok(Answer { sequence: state.names.sequence, value: state.names.live()?.grants.clone() })
    }
}
