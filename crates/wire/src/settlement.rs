//! What goes to agents and comes from them: `quittance.settlement.v1`, straight between bytes and the model.

use crate::error::{DecodeError, Fault};
use crate::read::{self, Key};
use crate::schema::{Message, Wire, message, message_field, read_fields, required, write_fields};
use crate::trade::NORMAL_PRIORITY;
use crate::{MAX_ADVICE, pb};
use model::advice::*;
use model::instruction::code;
use model::outbound::*;
use prost::Message as _;

/// The most codes of reasons in one advice.
const MAX_REASONS: usize = 64;

/// Reads an advice as it came from outside. Every rule of form is checked; whether we know what it names is not.
pub fn decode_advice(bytes: &[u8]) -> Result<Advice, DecodeError> {
    check_size(bytes)?;
    let advice = Advice::read(bytes)?;
    check_advice(&advice)?;
    Ok(advice)
}

/// Appends an advice.
pub fn encode_advice(advice: &Advice, out: &mut Vec<u8>) {
    advice.body(out);
}

/// The advice that a generated message stands for.
pub fn advice_from_wire(advice: &pb::settlement::Advice) -> Result<Advice, DecodeError> {
    decode_advice(&advice.encode_to_vec())
}

/// The generated message of an advice.
pub fn advice_into_wire(advice: &Advice) -> pb::settlement::Advice {
    let mut bytes = Vec::with_capacity(256);
    encode_advice(advice, &mut bytes);
    pb::settlement::Advice::decode(&*bytes).expect("what is written here is what the schema says")
}

/// Reads a message to an agent, as an agent (or our own test of one) does.
pub fn decode_outbound(bytes: &[u8]) -> Result<OutboundInstruction, DecodeError> {
    check_size(bytes)?;
    Ok(OutboundInstruction::read(bytes)?)
}

/// Appends a message to an agent.
pub fn encode_outbound(message: &OutboundInstruction, out: &mut Vec<u8>) {
    message.body(out);
}

/// The generated message of a message to an agent.
pub fn outbound_into_wire(message: &OutboundInstruction) -> pb::settlement::OutboundInstruction {
    let mut bytes = Vec::with_capacity(256);
    encode_outbound(message, &mut bytes);
    pb::settlement::OutboundInstruction::decode(&*bytes).expect("what is written here is what the schema says")
}

/// Whether an advice that was not read from protobuf is one that could have been: texts, numbers of lines, size.
pub fn check(advice: &Advice) -> Result<(), DecodeError> {
    check_advice(advice)?;
    let mut bytes = Vec::with_capacity(256);
    encode_advice(advice, &mut bytes);
    Ok(check_size(&bytes)?)
}

fn check_size(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.len() > MAX_ADVICE {
        let reason = format_args!("{} bytes are more than a message of an agent may have ({MAX_ADVICE})", bytes.len());
        return Err(DecodeError::new(reason));
    }
    Ok(())
}

/// The texts of an advice, and how many lines it has. Those of the log are not checked again.
pub(crate) fn check_advice(advice: &Advice) -> Result<(), Fault> {
    for text in advice.texts() {
        crate::command::checked_text(text)?;
    }
    let (count, limit, path) = match &advice.body {
        AdviceBody::Status(said) => (said.reasons.len(), MAX_REASONS, "status.reasons"),
        AdviceBody::CancellationAnswer(said) => (said.reasons.len(), MAX_REASONS, "cancellation_answer.reasons"),
        AdviceBody::ModificationAnswer(said) => (said.reasons.len(), MAX_REASONS, "modification_answer.reasons"),
        AdviceBody::SecuritiesBalances(said) => (said.lines.len(), MAX_LINES, "securities_balances.lines"),
        AdviceBody::CashBalances(said) => (said.lines.len(), MAX_LINES, "cash_balances.lines"),
        _ => return Ok(()),
    };
    if count > limit {
        return Err(DecodeError::new(format_args!("more than {limit}")).within(path));
    }
    Ok(())
}

message! { OutboundInstruction { 1 reference, 2 domain, 3 instruction, 4..=6 body, 7 sender } }
message! { Instruct {
    1 movement, 2 payment, 3 trade_date, 4 settlement_date, 5 instrument, 6 isin, 7 quantity, 8 quantity_type,
    9 currency, 10 amount, 11 party, 12 counterparty, 13 depot, 14 nostro, 15 transaction_type = code::TRAD, 16 hold,
    17 priority = NORMAL_PRIORITY, 18 common_reference, 19 delivering_client, 20 receiving_client, 21 cum_ex,
    22 opt_out, 23 trade
} }
message! { RequestCancellation { 1 agent_reference, 2 depot, 3 movement, 4 payment } }
message! { RequestModification { 1 agent_reference, 2 depot, 3 hold, 4 priority } }
message! { PartyReference { 1 id, 2 lei, 3 bic } }

message! { Advice { 1 sender, 2 id, 3 reference, 4 agent_reference, 5..=13 body } }
message! { Status { 1 status, 2 reasons, 3 narrative } }
message! { Confirmation {
    1 movement, 2 instrument, 3 quantity, 4 currency, 5 amount, 6 partial, 7 effective_date, 8 account, 9 cash_account
} }
message! { Answer { 1 status, 2 reasons, 3 narrative } }
message! { Allegement {
    1 movement, 2 instrument, 3 quantity, 4 currency, 5 amount, 6 trade_date, 7 settlement_date, 8 counterparty,
    9 account
} }
message! { AllegementRemoval { 1 allegement, 2 movement, 3 payment } }
message! { CashEntry { 1 account, 2 currency, 3 amount, 4 value_date, 5 code, 6 narrative } }
message! { SecuritiesBalances { 1 account, 2 date, 3 complete, 4 lines } }
message! { SecuritiesBalance { 1 instrument, 2 quantity } }
message! { CashBalances { 1 account, 2 date, 3 lines } }
message! { CashBalance { 1 currency, 2 amount } }

/// An enum of the model that is a `oneof` among the fields of a message, its kinds with consecutive numbers.
macro_rules! one_of {
    ($type:ident { $($offset:literal $variant:ident),* $(,)? }) => {
        impl Wire for $type {
            fn put(&self, number: u32, out: &mut Vec<u8>) {
                match self { $($type::$variant(inner) => inner.put(number + $offset, out),)* }
            }

            fn merge<'a>(slot: &mut Option<$type>, first: u32, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
                match key.number() - first {
                    $($offset => {
                        crate::schema::only_once(slot)?;
                        let mut inner = None;
                        let rest = Wire::merge(&mut inner, key.number(), key, bytes)?;
                        *slot = Some($type::$variant(required(inner, "body")?));
                        Ok(rest)
                    })*
                    _ => read::skip(key, bytes),
                }
            }
        }
    };
}

one_of! { OutboundBody { 0 Instruct, 1 Cancel, 2 Modify } }
one_of! { AdviceBody {
    0 Status, 1 Confirmation, 2 CancellationAnswer, 3 ModificationAnswer, 4 Allegement, 5 CashEntry,
    6 SecuritiesBalances, 7 CashBalances, 8 AllegementRemoval
} }
