//! What we say to the agent of an external settlement domain, with the fields of the ISO 20022 messages.
//!
//! A message carries all that its receiver needs: whoever sends it on needs no state.

use crate::date::Date;
use crate::decimal::Decimal;
use crate::identifier::{Bic, CurrencyCode, Identifier, Isin, Lei};
use crate::instruction::{Code, Movement};
use crate::trade::{CumEx, Method, QuantityType};
use alloc::boxed::Box;
use alloc::string::String;

/// A message to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundInstruction {
    /// The house that says it; absent in its own log, whose genesis says so.
    pub sender: Option<Identifier>,
    /// Our reference of this message, at most 16 characters: never used twice.
    pub reference: Identifier,
    /// The settlement domain it is for: names the agent.
    pub domain: Identifier,
    /// Our reference of the instruction: that of the message that instructed it.
    pub instruction: Identifier,
    pub body: OutboundBody,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboundBody {
    /// sese.023.
    Instruct(Box<Instruct>),
    /// sese.020.
    Cancel(RequestCancellation),
    /// sese.030.
    Modify(RequestModification),
}

/// A settlement instruction (sese.023).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruct {
    pub movement: Movement,
    /// APMT or FREE.
    pub payment: Method,
    pub trade_date: Date,
    pub settlement_date: Date,
    /// Our instrument id.
    pub instrument: Identifier,
    /// On the trade date; absent when it has none.
    pub isin: Option<Isin>,
    pub quantity: Decimal,
    pub quantity_type: QuantityType,
    /// Absent, as the amount and the nostro, when free of payment.
    pub currency: Option<CurrencyCode>,
    pub amount: Option<Decimal>,
    pub party: PartyReference,
    pub counterparty: PartyReference,
    /// Our accounts at the agent.
    pub depot: Identifier,
    pub nostro: Option<Identifier>,
    pub transaction_type: Code,
    /// HldInd.
    pub hold: bool,
    /// 1 (reserved) to 4 (normal).
    pub priority: u8,
    pub common_reference: Option<Identifier>,
    pub delivering_client: Option<Identifier>,
    pub receiving_client: Option<Identifier>,
    pub cum_ex: Option<CumEx>,
    /// NOMC.
    pub opt_out: bool,
    /// Number of the trade it settles.
    pub trade: u64,
}

/// A request to cancel what is not settled yet (sese.020).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestCancellation {
    /// The agent's reference, once it told us; empty before.
    pub agent_reference: String,
    pub depot: Identifier,
    /// Which way the instruction goes, and how it is paid: sese.020 wants both. Absent in requests of before.
    pub movement: Option<Movement>,
    pub payment: Option<Method>,
}

/// A request to change what may be changed after acceptance (sese.030). What is absent stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestModification {
    /// The agent's reference, once it told us; empty before.
    pub agent_reference: String,
    pub depot: Identifier,
    /// True: hold; false: release.
    pub hold: Option<bool>,
    /// 1 (reserved) to 4 (normal).
    pub priority: Option<u8>,
}

/// A party as an agent can find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyReference {
    pub id: Identifier,
    pub lei: Option<Lei>,
    pub bic: Option<Bic>,
}
