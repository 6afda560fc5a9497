//! sese.028: what a counterparty says of us and we have not said; sese.029: it is said no more.
//!
//! An allegement is known by the agent's transaction id, since that is what its removal names: it becomes the advice's id.

use crate::Said;
use crate::access::Node;
use crate::error::{ReadError, WriteError};
use crate::parts;
use crate::pen::Pen;
use model::advice::{Advice, AdviceBody, Allegement, AllegementRemoval};
use model::trade::{Method, QuantityType};

pub(crate) fn read(body: Node<'_>) -> Result<Said<AdviceBody>, ReadError> {
    let kind = body.need(&["SttlmTpAndAddtlParams"])?;
    let (movement, payment) = (parts::movement(kind)?, parts::payment(kind)?);
    let trade = body.need(&["TradDtls"])?;
    let holding = body.need(&["QtyAndAcctDtls"])?;
    let (quantity, _) = parts::quantity(holding.need(&["SttlmQty"])?)?;
    let paid = match payment {
        Method::Dvp => Some(parts::paid(body.need(&["SttlmAmt"])?, movement)?),
        Method::Fop => None,
    };
    // A date may be said as a code (WISS: when issued); then there is none.
    let day = |name| trade.seek(&[name, "Dt"])?.map(Node::day).transpose();
    let alleging = body.seek(&[parts::side(movement.opposite()), "Pty1"])?;
    let allegement = Allegement {
        movement,
        instrument: parts::instrument(body)?,
        quantity,
        currency: paid.map(|(currency, _)| currency),
        amount: paid.map(|(_, amount)| amount),
        trade_date: day("TradDt")?,
        settlement_date: day("SttlmDt")?,
        counterparty: alleging.map(parts::named).transpose()?.unwrap_or_default(),
        account: parts::safekeeping(holding)?,
    };
    let quoted = trade.every("AcctOwnrTxId").next();
    Ok(Said {
        id: Some(body.need(&["TxId"])?.identifier()?),
        reference: quoted.map(Node::text).transpose()?.unwrap_or_default().to_owned(),
        agent_reference: body.reference_at(&["MktInfrstrctrTxId"])?,
        body: AdviceBody::Allegement(Box::new(allegement)),
    })
}

pub(crate) fn write(pen: &mut Pen, advice: &Advice, said: &Allegement) -> Result<(), WriteError> {
    let sender = advice.sender.as_str();
    let paid = parts::both(pen, "SttlmAmt", said.currency, said.amount)?;
    pen.text35("TxId", advice.id.as_str())?;
    pen.node("SttlmTpAndAddtlParams", |pen| {
        parts::write_movement(pen, said.movement, if paid.is_some() { Method::Dvp } else { Method::Fop });
        Ok(())
    })?;
    pen.maybe35("MktInfrstrctrTxId", &advice.agent_reference)?;
    pen.node("TradDtls", |pen| {
        pen.maybe35("AcctOwnrTxId", &advice.reference)?;
        if said.settlement_date.is_none() {
            return Err(pen.fault("SttlmDt", "the standard wants the settlement date, and the message has none"));
        }
        for (name, date) in [("TradDt", said.trade_date), ("SttlmDt", said.settlement_date)] {
            let Some(date) = date else { continue };
            pen.within(&[name, "Dt"], |pen| {
                pen.date("Dt", date);
                Ok(())
            })?;
        }
        Ok(())
    })?;
    parts::write_instrument(pen, &said.instrument, sender)?;
    pen.node("QtyAndAcctDtls", |pen| {
        pen.node("SttlmQty", |pen| parts::write_quantity(pen, said.quantity, QuantityType::Unit))?;
        parts::write_safekeeping(pen, &said.account)
    })?;
    parts::write_usual_type(pen);
    if !said.counterparty.is_empty() {
        let side = parts::side(said.movement.opposite());
        pen.within(&[side, "Pty1"], |pen| parts::write_named(pen, &said.counterparty, sender))?;
    }
    match paid {
        Some((currency, amount)) => pen.node("SttlmAmt", |pen| parts::write_paid(pen, said.movement, currency, amount)),
        None => Ok(()),
    }
}

pub(crate) fn read_removal(body: Node<'_>) -> Result<Said<AdviceBody>, ReadError> {
    let named = body.need(&["AcctSvcrTxId"])?;
    let removal = AllegementRemoval {
        allegement: named.need(&["TxId"])?.identifier()?,
        movement: Some(parts::movement(named)?),
        payment: Some(parts::payment(named)?),
    };
    Ok(Said {
        id: None,
        reference: String::new(),
        agent_reference: body.reference_at(&["MktInfrstrctrTxId"])?,
        body: AdviceBody::AllegementRemoval(removal),
    })
}

/// The standard wants to know which way the allegement went and how it was paid.
pub(crate) fn write_removal(pen: &mut Pen, advice: &Advice, said: &AllegementRemoval) -> Result<(), WriteError> {
    let (Some(movement), Some(payment)) = (said.movement, said.payment) else {
        let reason = "the standard wants movement and payment of what was alleged, and the message does not say them";
        return Err(pen.fault("AcctSvcrTxId", reason));
    };
    if !advice.reference.is_empty() {
        return Err(pen.fault("AcctSvcrTxId", "a reference of ours is quoted, and the standard has no place for it"));
    }
    pen.node("AcctSvcrTxId", |pen| {
        pen.text35("TxId", said.allegement.as_str())?;
        parts::write_movement(pen, movement, payment);
        Ok(())
    })?;
    pen.maybe35("MktInfrstrctrTxId", &advice.agent_reference)
}
