//! ISO 20022 XML: the settlement messages as documents, to and from the types that the topics carry as protobuf.
//!
//! Pure: bytes in, values out, and back. Nothing here knows a file, a clock or a topic. What is written follows one version of
//! each message ([`VERSIONS`]); what is read may be of any version of the same variant, since the elements looked at have not
//! moved. `docs/ISO20022.md` says element by element what is mapped to what and what is passed over.
//!
//! [`read`] is for bytes from outside: bounded in size and depth, no DTD and no entities of its own, exact decimals, no panic.
//! What is mandatory and missing, said twice or malformed is an error with the path of the element.

mod access;
mod allegement;
mod cash;
mod codes;
mod confirmation;
mod error;
mod header;
mod holdings;
mod instruct;
mod parts;
mod pen;
mod requests;
mod standing;
mod tree;

pub use error::{ReadError, WriteError};
pub use header::Kind;
pub use tree::MAX_DOCUMENT;

use access::Node;
use header::Header;
use model::advice::{Advice, AdviceBody};
use model::identifier::Identifier;
use model::outbound::{OutboundBody, OutboundInstruction};
use model::timestamp::Timestamp;
use pen::Pen;

/// Every message that is written, in the version in which it is: those of the standards release 2025.
pub const VERSIONS: [&str; 12] = [
    "sese.020.001.08",
    "sese.023.001.12",
    "sese.024.001.13",
    "sese.025.001.12",
    "sese.027.001.08",
    "sese.028.001.11",
    "sese.029.001.07",
    "sese.030.001.10",
    "sese.031.001.10",
    "semt.002.001.12",
    "camt.053.001.13",
    "camt.054.001.13",
];

/// What a reference that the standard demands says when there is none.
pub(crate) const NO_REFERENCE: &str = "NONREF";

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To an agent: sese.020, sese.023, sese.030.
    Instruction(Box<OutboundInstruction>),
    /// From an agent: all others. A statement or notification of several accounts or entries is as many advices.
    Advices(Vec<Advice>),
}

/// Reads a business message: a root that holds an `AppHdr` (head.001) and a `Document`.
///
/// # Errors
/// What is wrong, and where.
pub fn read(bytes: &[u8]) -> Result<Message, ReadError> {
    let tree = tree::parse(bytes)?;
    let envelope = header::open(&tree)?;
    let header = &envelope.header;
    let body = envelope.body;
    let message = match header.kind {
        Kind::Instruct => instruction(header, instruct::read(header, body)?),
        Kind::Cancel => instruction(header, requests::read_cancellation(body)?),
        Kind::Modify => instruction(header, requests::read_modification(body)?),
        Kind::Status => advices(header, standing::read_status(body)?),
        Kind::CancellationAnswer => advices(header, standing::read_cancellation_answer(body)?),
        Kind::ModificationAnswer => advices(header, standing::read_modification_answer(body)?),
        Kind::Confirmation => advices(header, confirmation::read(body)?),
        Kind::Allegement => advices(header, allegement::read(body)?),
        Kind::AllegementRemoval => advices(header, allegement::read_removal(body)?),
        Kind::SecuritiesBalances => advices(header, holdings::read(body)?),
        Kind::CashBalances => Message::Advices(numbered(header, cash::read_statements(body)?, body)?),
        Kind::CashEntry => Message::Advices(numbered(header, cash::read_entries(body)?, body)?),
    };
    if let Message::Advices(advices) = &message {
        for advice in advices {
            wire::settlement::check(advice).map_err(|error| body.fault(error))?;
        }
    }
    Ok(message)
}

/// Reads a document that is one advice, as one record of a topic is.
///
/// # Errors
/// As [`read`]; and when it is an instruction, or several advices.
pub fn read_advice(bytes: &[u8]) -> Result<Advice, ReadError> {
    let Message::Advices(mut advices) = read(bytes)? else {
        return Err(ReadError::of("Document", "an instruction, expected what an agent says"));
    };
    match (advices.pop(), advices.len()) {
        (Some(advice), 0) => Ok(advice),
        (_, more) => {
            let reason =
                format!("{} entries or accounts, expected one: each needs a message of its own here", more + 1);
            Err(ReadError::of("Document", reason))
        }
    }
}

/// Writes a message to an agent. `created` is when: the standard wants it in the header, the message does not carry it.
///
/// # Errors
/// What the standard has no room for.
pub fn write_instruction(message: &OutboundInstruction, created: Timestamp) -> Result<Vec<u8>, WriteError> {
    let kind = match &message.body {
        OutboundBody::Instruct(_) => Kind::Instruct,
        OutboundBody::Cancel(_) => Kind::Cancel,
        OutboundBody::Modify(_) => Kind::Modify,
    };
    let Some(sender) = &message.sender else {
        return Err(WriteError::of("AppHdr/Fr", "the message does not say which house sends it"));
    };
    let id = message.reference.as_str();
    let header = header::Written { from: sender.as_str(), to: message.domain.as_str(), id, kind, created };
    header::write(&header, |pen: &mut Pen| match &message.body {
        OutboundBody::Instruct(said) => instruct::write(pen, message, sender, said),
        OutboundBody::Cancel(said) => requests::write_cancellation(pen, message, said),
        OutboundBody::Modify(said) => requests::write_modification(pen, message, said),
    })
}

/// Writes what an agent says to a house, as the agent does. `created` is when.
///
/// # Errors
/// What the standard has no room for.
pub fn write_advice(advice: &Advice, to: &Identifier, created: Timestamp) -> Result<Vec<u8>, WriteError> {
    let kind = match &advice.body {
        AdviceBody::Status(_) => Kind::Status,
        AdviceBody::Confirmation(_) => Kind::Confirmation,
        AdviceBody::CancellationAnswer(_) => Kind::CancellationAnswer,
        AdviceBody::ModificationAnswer(_) => Kind::ModificationAnswer,
        AdviceBody::Allegement(_) => Kind::Allegement,
        AdviceBody::AllegementRemoval(_) => Kind::AllegementRemoval,
        AdviceBody::CashEntry(_) => Kind::CashEntry,
        AdviceBody::SecuritiesBalances(_) => Kind::SecuritiesBalances,
        AdviceBody::CashBalances(_) => Kind::CashBalances,
    };
    let (from, id) = (advice.sender.as_str(), advice.id.as_str());
    let header = header::Written { from, to: to.as_str(), id, kind, created };
    header::write(&header, |pen: &mut Pen| match &advice.body {
        AdviceBody::Status(said) => standing::write_status(pen, advice, said),
        AdviceBody::CancellationAnswer(said) => standing::write_cancellation_answer(pen, advice, said),
        AdviceBody::ModificationAnswer(said) => standing::write_modification_answer(pen, advice, said),
        AdviceBody::Confirmation(said) => confirmation::write(pen, advice, said),
        AdviceBody::Allegement(said) => allegement::write(pen, advice, said),
        AdviceBody::AllegementRemoval(said) => allegement::write_removal(pen, advice, said),
        AdviceBody::SecuritiesBalances(said) => holdings::write(pen, advice, said),
        AdviceBody::CashBalances(said) => cash::write_statement(pen, advice, said, created),
        AdviceBody::CashEntry(said) => cash::write_entry(pen, advice, said, created),
    })
}

/// What a document says beside its header.
pub(crate) struct Said<B> {
    /// Of the message; absent: the header's.
    pub id: Option<Identifier>,
    /// Ours, as quoted; of an instruction the instruction's.
    pub reference: String,
    pub agent_reference: String,
    pub body: B,
}

fn instruction(header: &Header, said: Said<(Identifier, OutboundBody)>) -> Message {
    let (instruction, body) = said.body;
    Message::Instruction(Box::new(OutboundInstruction {
        sender: Some(header.from.clone()),
        reference: said.id.unwrap_or_else(|| header.id.clone()),
        domain: header.to.clone(),
        instruction,
        body,
    }))
}

fn advices(header: &Header, said: Said<AdviceBody>) -> Message {
    Message::Advices(vec![advice(header, header.id.clone(), said)])
}

fn advice(header: &Header, id: Identifier, said: Said<AdviceBody>) -> Advice {
    Advice {
        sender: header.from.clone(),
        id: said.id.unwrap_or(id),
        reference: said.reference,
        agent_reference: said.agent_reference,
        body: said.body,
    }
}

/// Several of one message: one alone has the message's id, of more each has its number behind it.
fn numbered(header: &Header, said: Vec<Said<AdviceBody>>, body: Node<'_>) -> Result<Vec<Advice>, ReadError> {
    let alone = said.len() == 1;
    let named = said.into_iter().zip(1u32..).map(|(said, number)| {
        if alone {
            return Ok(advice(header, header.id.clone(), said));
        }
        let id = Identifier::parse(&format!("{}/{number}", header.id)).map_err(|error| body.fault(error))?;
        Ok(advice(header, id, said))
    });
    named.collect()
}
