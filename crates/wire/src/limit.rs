//! Limits and what becomes of them: `quittance.record.v1.CounterpartyLimit`, `LimitReserved` and what they name.

use crate::schema::{enumeration, message, message_field, read_fields, write_fields};
use model::limit::{
    AddOn, CounterpartyLimit, HoldingReservation, LimitBreach, LimitCure, LimitKind, LimitLine, OnBreach, Reservation,
};

message! { CounterpartyLimit { 1 entity, 2 counterparty, 3 kind, 4 currency, 5 valid_from, 6 amount, 7 on_breach } }
message! { AddOn { 1 cfi_prefix, 2 valid_from, 3 rate } }
message! { LimitLine { 1 entity, 2 counterparty, 3 kind, 4 value_date } }
message! { Reservation { 1 line, 2 trade, 3 currency, 4 amount, 5 lacks } }
message! { HoldingReservation { 1 line, 2 instrument, 3 quantity, 4 currency, 5 amount, 6 lacks } }
message! { LimitBreach { 1 line, 2 trade, 3 currency, 4 limit, 5 used, 6 excess, 7 unmeasured, 8 on_breach } }
message! { LimitCure { 1 line, 2 currency, 3 limit, 4 used, 5 since } }

enumeration! { LimitKind { 1 PreSettlement, 2 Delivery, 3 Issuer } }
enumeration! { OnBreach { 1 Warn, 2 Hold } }
