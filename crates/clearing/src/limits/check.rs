//! What a limit or an add-on must be for it to be set.

use super::{Limits, named};
use crate::draft::Draft;
use crate::reference::{invalid, known, minor};
use model::index::{Kind, PartyIx};
use model::limit::{AddOn, CounterpartyLimit};
use model::rejection::{Reason, Rejection};

pub(crate) fn check_limit(draft: &Draft<'_>, limit: &CounterpartyLimit) -> Result<(), Rejection> {
    let entity = PartyIx(known(draft, Kind::Party, &limit.entity)?);
    let counterparty = match named(limit) {
        // An issuer need not be a party.
        Some(issuer) => draft.state.names.find(Kind::Party, issuer.as_str()).map(PartyIx),
        None => Some(PartyIx(known(draft, Kind::Party, &limit.counterparty)?)),
    };
    if minor(limit.amount, limit.currency)? < 0 {
        return Err(invalid("amount: a limit is not below zero"));
    }
    let limits: &Limits = &draft.state.limits;
    let before = counterparty.and_then(|counterparty| limits.limits.get(&(entity, counterparty, limit.kind)));
    if before.is_some_and(|before| before.currency != limit.currency) {
        return Err(Rejection::new(Reason::ReferenceInUse, "currency"));
    }
    Ok(())
}

pub(crate) fn check_add_on(add_on: &AddOn) -> Result<(), Rejection> {
    let letters = add_on.cfi_prefix.bytes().all(|letter| letter.is_ascii_uppercase());
    if add_on.cfi_prefix.len() > 6 || !letters {
        return Err(invalid("cfi_prefix: at most six capital letters"));
    }
    if add_on.rate.is_negative() {
        return Err(invalid("rate: a share is not below zero"));
    }
    Ok(())
}
