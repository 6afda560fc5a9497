//! Requests about an instruction that the agent has: sese.020 to cancel it, sese.030 to hold, release or prioritise it.
//!
//! Their own reference is the header's; the document names the instruction.

use crate::Said;
use crate::access::Node;
use crate::error::{ReadError, WriteError};
use crate::instruct::{read_priority, write_priority};
use crate::parts;
use crate::pen::Pen;
use model::identifier::Identifier;
use model::outbound::{OutboundBody, OutboundInstruction, RequestCancellation, RequestModification};

/// sese.020. The standard wants to know which way the instruction went and how it is paid.
pub(crate) fn write_cancellation(
    pen: &mut Pen,
    message: &OutboundInstruction,
    said: &RequestCancellation,
) -> Result<(), WriteError> {
    let (Some(movement), Some(payment)) = (said.movement, said.payment) else {
        let reason = "the standard wants movement and payment of what is cancelled, and this request, written by an \
                      earlier version, does not say them";
        return Err(pen.fault("AcctOwnrTxId", reason));
    };
    pen.within(&["AcctOwnrTxId", "SctiesSttlmTxId"], |pen| {
        pen.text35("TxId", message.instruction.as_str())?;
        parts::write_movement(pen, movement, payment);
        Ok(())
    })?;
    pen.maybe35("AcctSvcrTxId", &said.agent_reference)?;
    parts::write_safekeeping(pen, said.depot.as_str())
}

pub(crate) fn read_cancellation(body: Node<'_>) -> Result<Said<(Identifier, OutboundBody)>, ReadError> {
    let named = body.need(&["AcctOwnrTxId", "SctiesSttlmTxId"])?;
    let request = RequestCancellation {
        agent_reference: body.reference_at(&["AcctSvcrTxId"])?,
        depot: body.need(&["SfkpgAcct", "Id"])?.identifier()?,
        movement: Some(parts::movement(named)?),
        payment: Some(parts::payment(named)?),
    };
    Ok(said(named.need(&["TxId"])?.identifier()?, OutboundBody::Cancel(request)))
}

/// sese.030.
pub(crate) fn write_modification(
    pen: &mut Pen,
    message: &OutboundInstruction,
    said: &RequestModification,
) -> Result<(), WriteError> {
    parts::write_safekeeping(pen, said.depot.as_str())?;
    pen.node("ReqDtls", |pen| {
        pen.node("Ref", |pen| {
            pen.text35("AcctOwnrTxId", message.instruction.as_str())?;
            pen.maybe35("AcctSvcrTxId", &said.agent_reference)
        })?;
        if let Some(priority) = said.priority {
            write_priority(pen, priority)?;
        }
        match said.hold {
            Some(hold) => pen.node("HldInd", |pen| {
                pen.indicator("Ind", hold);
                Ok(())
            }),
            None => Ok(()),
        }
    })
}

/// One request about one instruction; several in one message would need an answer each.
pub(crate) fn read_modification(body: Node<'_>) -> Result<Said<(Identifier, OutboundBody)>, ReadError> {
    let details = body.need(&["ReqDtls"])?;
    let named = details.need(&["Ref"])?;
    let request = RequestModification {
        agent_reference: named.string_at(&["AcctSvcrTxId"])?,
        depot: body.need(&["SfkpgAcct", "Id"])?.identifier()?,
        hold: details.seek(&["HldInd", "Ind"])?.map(Node::indicator).transpose()?,
        priority: read_priority(details)?,
    };
    Ok(said(named.need(&["AcctOwnrTxId"])?.identifier()?, OutboundBody::Modify(request)))
}

fn said(instruction: Identifier, body: OutboundBody) -> Said<(Identifier, OutboundBody)> {
    Said { id: None, reference: String::new(), agent_reference: String::new(), body: (instruction, body) }
}
