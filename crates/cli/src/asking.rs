//! Commands that have no call of their own: built here, sent as they are, their receipt printed.

use anyhow::Result;
use model::command::Command;
use model::date::Date;
use model::identifier::{CurrencyCode, Identifier};
use wire::pb::service::SubmitCommandRequest;

use crate::connection::{Caller, Signed, print_receipt};
use crate::dates;
use crate::paging::answer;

/// Submits a command in a person's name and prints what became of it.
pub async fn submit(caller: &Caller, signed: &Signed, command: &Command) -> Result<()> {
    let (request_id, reason) = (signed.request_id(), signed.reason.clone());
    let command = Some(wire::command::into_wire(command));
    let request = signed.sign(SubmitCommandRequest { command, request_id, reason })?;
    let connection = caller.connect().await?;
    print_receipt(caller.output, answer(connection.operator().submit_command(request).await)?.receipt)
}

/// A name on the command line.
pub fn identifier(text: &str) -> Result<Identifier, String> {
    Identifier::parse(text).map_err(|error| error.to_string())
}

/// A currency on the command line.
pub fn currency(text: &str) -> Result<CurrencyCode, String> {
    CurrencyCode::parse(text).map_err(|error| error.to_string())
}

/// `2026-11-23`.
pub fn date(text: &str) -> Result<Date, String> {
    dates::parse(text)?;
    Date::parse(text).map_err(|error| error.to_string())
}
