//! sese.025: securities, and cash where it is against payment, have moved.

use crate::Said;
use crate::access::Node;
use crate::error::{ReadError, WriteError};
use crate::parts;
use crate::pen::Pen;
use crate::standing::{or_none, quoted};
use model::advice::{Advice, AdviceBody, Confirmation};
use model::trade::{Method, QuantityType};

pub(crate) fn read(body: Node<'_>) -> Result<Said<AdviceBody>, ReadError> {
    let named = body.need(&["TxIdDtls"])?;
    let (movement, payment) = (parts::movement(named)?, parts::payment(named)?);
    let parameters = body.find("AddtlParams")?;
    if let Some(before) = parameters.map(|at| at.find("PreConf")).transpose()?.flatten() {
        return Err(before.fault("a pre-advice of a settlement, expected one that has happened"));
    }
    let settled = body.need(&["QtyAndAcctDtls"])?;
    let (quantity, _) = parts::quantity(settled.need(&["SttldQty", "Qty"])?)?;
    // Free of payment an amount is information, not cash that moved.
    let paid = match payment {
        Method::Dvp => Some(parts::paid(body.need(&["SttldAmt"])?, movement)?),
        Method::Fop => None,
    };
    let confirmation = Confirmation {
        movement,
        instrument: parts::instrument(body)?,
        quantity,
        currency: paid.map(|(currency, _)| currency),
        amount: paid.map(|(_, amount)| amount),
        partial: parameters.map(|at| at.string_at(&["PrtlSttlm"])).transpose()?.unwrap_or_default(),
        effective_date: body.need(&["TradDtls", "FctvSttlmDt", "Dt"])?.day()?,
        account: parts::safekeeping(settled)?,
        cash_account: parts::cash_account(settled)?,
    };
    Ok(Said {
        id: None,
        reference: quoted(named.need(&["AcctOwnrTxId"])?.text()?),
        agent_reference: named.string_at(&["AcctSvcrTxId"])?,
        body: AdviceBody::Confirmation(Box::new(confirmation)),
    })
}

/// An advice does not say whether it counts pieces or face amount: it is written as `Unit`.
pub(crate) fn write(pen: &mut Pen, advice: &Advice, said: &Confirmation) -> Result<(), WriteError> {
    let paid = parts::both(pen, "SttldAmt", said.currency, said.amount)?;
    let payment = if paid.is_some() { Method::Dvp } else { Method::Fop };
    pen.node("TxIdDtls", |pen| {
        pen.text35("AcctOwnrTxId", or_none(&advice.reference))?;
        pen.maybe35("AcctSvcrTxId", &advice.agent_reference)?;
        parts::write_movement(pen, said.movement, payment);
        Ok(())
    })?;
    match &*said.partial {
        "" => {}
        "PAIN" | "PARC" => pen.node("AddtlParams", |pen| pen.text35("PrtlSttlm", &said.partial))?,
        other => return Err(pen.fault("PrtlSttlm", format!("{other:?}, expected PAIN or PARC"))),
    }
    pen.within(&["TradDtls", "FctvSttlmDt", "Dt"], |pen| {
        pen.date("Dt", said.effective_date);
        Ok(())
    })?;
    parts::write_instrument(pen, &said.instrument, advice.sender.as_str())?;
    pen.node("QtyAndAcctDtls", |pen| {
        pen.within(&["SttldQty", "Qty"], |pen| parts::write_quantity(pen, said.quantity, QuantityType::Unit))?;
        parts::write_safekeeping(pen, &said.account)?;
        parts::write_cash_account(pen, &said.cash_account)
    })?;
    parts::write_usual_type(pen);
    match paid {
        Some((currency, amount)) => pen.node("SttldAmt", |pen| parts::write_paid(pen, said.movement, currency, amount)),
        None => Ok(()),
    }
}
