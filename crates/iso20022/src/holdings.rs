//! semt.002: what lies in a securities account at the end of a day.

use crate::Said;
use crate::access::Node;
use crate::cash::refuse_references;
use crate::error::{ReadError, WriteError};
use crate::parts;
use crate::pen::Pen;
use model::advice::{Advice, AdviceBody, SecuritiesBalance, SecuritiesBalances};
use model::decimal::Decimal;
use model::trade::QuantityType;

/// What has settled; what was only traded does not lie there.
const SETTLED: &str = "SETT";
/// A whole statement, no differences to one before.
const COMPLETE: &str = "COMP";

pub(crate) fn read(body: Node<'_>) -> Result<Said<AdviceBody>, ReadError> {
    let page = body.need(&["Pgntn", "PgNb"])?.parse(|text| text.parse::<u32>())?;
    let last = body.need(&["Pgntn", "LastPgInd"])?.indicator()?;
    let general = body.need(&["StmtGnlDtls"])?;
    let basis = general.need(&["StmtBsis", "Cd"])?;
    if basis.text()? != SETTLED {
        return Err(basis.fault(format!("{}, expected {SETTLED}: what is compared is what has settled", basis.text()?)));
    }
    if let Some(below) = body.every("SubAcctDtls").next() {
        return Err(below.fault("balances of sub-accounts, expected those of the account itself"));
    }
    let update = general.need(&["UpdTp", "Cd"])?.text()?;
    let mut lines = Vec::new();
    for balance in body.every("BalForAcct") {
        lines.push(read_line(balance)?);
    }
    let balances = SecuritiesBalances {
        account: body.need(&["SfkpgAcct", "Id"])?.text()?.to_owned(),
        date: general.need(&["StmtDtTm"])?.day()?,
        complete: page == 1 && last && update == COMPLETE,
        lines,
    };
    let (reference, agent_reference) = (String::new(), String::new());
    Ok(Said { id: None, reference, agent_reference, body: AdviceBody::SecuritiesBalances(balances) })
}

fn read_line(balance: Node<'_>) -> Result<SecuritiesBalance, ReadError> {
    let total = balance.need(&["AggtBal"])?;
    let short = total.need(&["ShrtLngInd"])?.parse(|text| match text {
        "SHOR" => Ok(true),
        "LONG" => Ok(false),
        _ => Err("expected LONG or SHOR"),
    })?;
    let counted = total.need(&["Qty", "Qty", "Qty"])?;
    let (quantity, _) = parts::quantity(counted)?;
    if quantity.unscaled < 0 {
        return Err(counted.fault(format!("{quantity} is below zero: ShrtLngInd says which way it is")));
    }
    let unscaled = if short { -quantity.unscaled } else { quantity.unscaled };
    Ok(SecuritiesBalance { instrument: parts::instrument(balance)?, quantity: Decimal { unscaled, ..quantity } })
}

/// An advice does not say whether it counts pieces or face amount: it is written as `Unit`.
pub(crate) fn write(pen: &mut Pen, advice: &Advice, said: &SecuritiesBalances) -> Result<(), WriteError> {
    refuse_references(pen, advice)?;
    pen.node("Pgntn", |pen| {
        pen.code("PgNb", "1");
        pen.indicator("LastPgInd", said.complete);
        Ok(())
    })?;
    pen.node("StmtGnlDtls", |pen| {
        pen.text35("StmtId", advice.id.as_str())?;
        pen.node("StmtDtTm", |pen| {
            pen.date("Dt", said.date);
            Ok(())
        })?;
        for (name, code) in [("Frqcy", "DAIL"), ("UpdTp", COMPLETE), ("StmtBsis", SETTLED)] {
            pen.node(name, |pen| pen.text35("Cd", code))?;
        }
        pen.indicator("ActvtyInd", !said.lines.is_empty());
        pen.indicator("SubAcctInd", false);
        Ok(())
    })?;
    if said.account.is_empty() {
        return Err(pen.fault("SfkpgAcct", "a statement names its account, and the message names none"));
    }
    parts::write_safekeeping(pen, &said.account)?;
    for line in &said.lines {
        pen.node("BalForAcct", |pen| {
            parts::write_instrument(pen, &line.instrument, advice.sender.as_str())?;
            pen.node("AggtBal", |pen| {
                pen.code("ShrtLngInd", if line.quantity.unscaled < 0 { "SHOR" } else { "LONG" });
                let counted = line.quantity.unscaled.checked_abs();
                let counted = counted.ok_or_else(|| pen.fault("Qty", "the quantity is too large"))?;
                let quantity = Decimal { unscaled: counted, ..line.quantity };
                pen.within(&["Qty", "Qty", "Qty"], |pen| parts::write_quantity(pen, quantity, QuantityType::Unit))
            })
        })?;
    }
    Ok(())
}
