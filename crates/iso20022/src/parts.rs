//! What several messages share: movement and payment, instrument, quantity, amount, accounts, a party in a chain.

use crate::access::Node;
use crate::codes;
use crate::error::{ReadError, WriteError};
use crate::pen::Pen;
use model::decimal::Decimal;
use model::identifier::{Bic, CurrencyCode, Isin, Lei};
use model::instruction::Movement;
use model::trade::{Method, QuantityType};

/// `SctiesMvmntTp`.
pub(crate) fn movement(parent: Node<'_>) -> Result<Movement, ReadError> {
    parent.need(&["SctiesMvmntTp"])?.parse(|text| match text {
        "DELI" => Ok(Movement::Deliver),
        "RECE" => Ok(Movement::Receive),
        _ => Err("expected DELI or RECE"),
    })
}

/// `Pmt`.
pub(crate) fn payment(parent: Node<'_>) -> Result<Method, ReadError> {
    parent.need(&["Pmt"])?.parse(|text| match text {
        "APMT" => Ok(Method::Dvp),
        "FREE" => Ok(Method::Fop),
        _ => Err("expected APMT or FREE"),
    })
}

/// Both, in their order.
pub(crate) fn write_movement(pen: &mut Pen, movement: Movement, payment: Method) {
    pen.code("SctiesMvmntTp", if movement == Movement::Deliver { "DELI" } else { "RECE" });
    pen.code("Pmt", if payment == Method::Dvp { "APMT" } else { "FREE" });
}

/// `FinInstrmId`: the ISIN, else the first other identification.
pub(crate) fn instrument(parent: Node<'_>) -> Result<String, ReadError> {
    let found = parent.need(&["FinInstrmId"])?;
    if let Some(isin) = found.find("ISIN")? {
        return Ok(isin.text()?.to_owned());
    }
    match found.every("OthrId").next() {
        Some(other) => Ok(other.need(&["Id"])?.text()?.to_owned()),
        None => Err(found.missing("ISIN or OthrId")),
    }
}

/// `FinInstrmId` of a name: an ISIN by its check digit, else an identification of `scheme`'s own.
pub(crate) fn write_instrument(pen: &mut Pen, name: &str, scheme: &str) -> Result<(), WriteError> {
    if name.is_empty() {
        return Err(pen.fault("FinInstrmId", "the standard wants the instrument, and the message names none"));
    }
    pen.node("FinInstrmId", |pen| match Isin::parse(name) {
        Ok(isin) => pen.text35("ISIN", isin.as_str()),
        Err(_) => other_instrument(pen, name, scheme),
    })
}

/// `OthrId`.
pub(crate) fn other_instrument(pen: &mut Pen, name: &str, scheme: &str) -> Result<(), WriteError> {
    pen.node("OthrId", |pen| {
        pen.text35("Id", name)?;
        pen.node("Tp", |pen| pen.text35("Prtry", scheme))
    })
}

/// The choice of ways to count. Of a token as of pieces; an amortised value is another quantity than the one that moves.
pub(crate) fn quantity(parent: Node<'_>) -> Result<(Decimal, QuantityType), ReadError> {
    let said = parent.choice(&["Unit", "FaceAmt", "DgtlTknUnit"])?;
    let kind = if said.name() == "FaceAmt" { QuantityType::Face } else { QuantityType::Unit };
    Ok((said.decimal()?, kind))
}

/// `Unit` or `FaceAmt`.
pub(crate) fn write_quantity(pen: &mut Pen, quantity: Decimal, kind: QuantityType) -> Result<(), WriteError> {
    match kind {
        QuantityType::Unit => pen.number("Unit", quantity, 17),
        QuantityType::Face => pen.number("FaceAmt", quantity, 5),
    }
}

/// An amount with `CdtDbtInd`: above zero when it is credited to us.
pub(crate) fn signed(parent: Node<'_>) -> Result<(CurrencyCode, Decimal), ReadError> {
    let said = parent.need(&["Amt"])?;
    let currency = CurrencyCode::parse(said.currency()?).map_err(|error| said.fault(format!("Ccy: {error}")))?;
    let amount = said.decimal()?;
    if amount.unscaled < 0 {
        return Err(said.fault(format!("{amount} is below zero: CdtDbtInd says which way it goes")));
    }
    let credit = parent.need(&["CdtDbtInd"])?.parse(|text| match text {
        "CRDT" => Ok(true),
        "DBIT" => Ok(false),
        _ => Err("expected CRDT or DBIT"),
    })?;
    let unscaled = if credit { amount.unscaled } else { -amount.unscaled };
    Ok((currency, Decimal { unscaled, ..amount }))
}

/// The same for what is paid for securities: above zero when the deliverer gets it.
pub(crate) fn paid(parent: Node<'_>, movement: Movement) -> Result<(CurrencyCode, Decimal), ReadError> {
    let (currency, amount) = signed(parent)?;
    let unscaled = if movement == Movement::Deliver { amount.unscaled } else { -amount.unscaled };
    Ok((currency, Decimal { unscaled, ..amount }))
}

/// `Amt` and `CdtDbtInd`.
pub(crate) fn write_signed(pen: &mut Pen, currency: CurrencyCode, amount: Decimal) -> Result<(), WriteError> {
    let positive = amount.unscaled.checked_abs().map(|unscaled| Decimal { unscaled, ..amount });
    let positive = positive.ok_or_else(|| pen.fault("Amt", format!("{amount} is too large")))?;
    pen.amount("Amt", currency.as_str(), positive)?;
    pen.code("CdtDbtInd", if amount.unscaled < 0 { "DBIT" } else { "CRDT" });
    Ok(())
}

/// What is paid for securities. Nothing paid is a debit for who receives.
pub(crate) fn write_paid(
    pen: &mut Pen,
    movement: Movement,
    currency: CurrencyCode,
    amount: Decimal,
) -> Result<(), WriteError> {
    let positive = amount.unscaled.checked_abs().map(|unscaled| Decimal { unscaled, ..amount });
    let positive = positive.ok_or_else(|| pen.fault("Amt", format!("{amount} is too large")))?;
    pen.amount("Amt", currency.as_str(), positive)?;
    let credit = (movement == Movement::Deliver) == (amount.unscaled >= 0);
    pen.code("CdtDbtInd", if credit { "CRDT" } else { "DBIT" });
    Ok(())
}

/// Currency and amount of what may be free of payment: both or neither.
pub(crate) fn both(
    pen: &Pen,
    name: &str,
    currency: Option<CurrencyCode>,
    amount: Option<Decimal>,
) -> Result<Option<(CurrencyCode, Decimal)>, WriteError> {
    match (currency, amount) {
        (Some(currency), Some(amount)) => Ok(Some((currency, amount))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(pen.fault(name, "a currency without an amount")),
        (None, Some(_)) => Err(pen.fault(name, "an amount without a currency")),
    }
}

/// `SfkpgAcct/Id`; empty where it is not there.
pub(crate) fn safekeeping(parent: Node<'_>) -> Result<String, ReadError> {
    parent.string_at(&["SfkpgAcct", "Id"])
}

/// `SfkpgAcct`, where there is one.
pub(crate) fn write_safekeeping(pen: &mut Pen, account: &str) -> Result<(), WriteError> {
    if account.is_empty() { Ok(()) } else { pen.node("SfkpgAcct", |pen| pen.text35("Id", account)) }
}

/// `CshAcct`; empty where it is not there.
pub(crate) fn cash_account(parent: Node<'_>) -> Result<String, ReadError> {
    match parent.find("CshAcct")? {
        Some(account) => Ok(account.choice(&["IBAN", "Prtry"])?.text()?.to_owned()),
        None => Ok(String::new()),
    }
}

/// `CshAcct`, where there is one.
pub(crate) fn write_cash_account(pen: &mut Pen, account: &str) -> Result<(), WriteError> {
    if account.is_empty() {
        return Ok(());
    }
    pen.node(
        "CshAcct",
        |pen| if is_iban(account) { pen.text("IBAN", account, 34) } else { pen.text("Prtry", account, 34) },
    )
}

/// ISO 13616: two letters, two check digits, and the remainder of the whole by 97 is 1.
pub(crate) fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    let formed = (5..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes[4..].iter().all(u8::is_ascii_alphanumeric);
    let turned = bytes.iter().cycle().skip(4).take(bytes.len());
    let remainder = turned.fold(0u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.to_ascii_uppercase().saturating_sub(b'A')) + 10) % 97,
    });
    formed && remainder == 1
}

/// The element of a movement's deliverer or receiver: ours, or the other's.
pub(crate) fn side(movement: Movement) -> &'static str {
    if movement == Movement::Deliver { "DlvrgSttlmPties" } else { "RcvgSttlmPties" }
}

/// A party of a chain as the text that names it: its BIC, another identification, its name.
pub(crate) fn named(party: Node<'_>) -> Result<String, ReadError> {
    let id = party.need(&["Id"])?.choice(&["AnyBIC", "PrtryId", "NmAndAdr"])?;
    let text = match id.name() {
        "AnyBIC" => id.text()?,
        "PrtryId" => id.need(&["Id"])?.text()?,
        _ => id.need(&["Nm"])?.text()?,
    };
    Ok(text.to_owned())
}

/// `Id` of a party, and its `LEI` when that is its name.
pub(crate) fn write_named(pen: &mut Pen, name: &str, issuer: &str) -> Result<(), WriteError> {
    pen.node("Id", |pen| {
        if Bic::parse(name).is_ok() {
            pen.text35("AnyBIC", name)
        } else if name.chars().count() <= 35 {
            write_proprietary(pen, name, issuer)
        } else {
            pen.node("NmAndAdr", |pen| pen.text("Nm", name, 350))
        }
    })?;
    if Lei::parse(name).is_ok() {
        pen.code("LEI", name);
    }
    Ok(())
}

/// `PrtryId`: an identification that `issuer` gave.
pub(crate) fn write_proprietary(pen: &mut Pen, id: &str, issuer: &str) -> Result<(), WriteError> {
    pen.node("PrtryId", |pen| {
        pen.text35("Id", id)?;
        pen.text35("Issr", issuer)
    })
}

/// A code of a list, or one of `issuer`'s own beside it: `Cd` or `Prtry`.
pub(crate) fn write_code(pen: &mut Pen, code: &str, list: &[&str], issuer: &str) -> Result<(), WriteError> {
    if list.contains(&code) {
        pen.code("Cd", code);
        return Ok(());
    }
    pen.node("Prtry", |pen| write_generic(pen, code, issuer))
}

/// `GenericIdentification30`: a code of four letters or digits that `issuer` gave.
pub(crate) fn write_generic(pen: &mut Pen, code: &str, issuer: &str) -> Result<(), WriteError> {
    if code.len() != 4 || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let reason = format!("{code:?} is not in the standard's list, and another code has four letters or digits");
        return Err(pen.fault("Id", reason));
    }
    pen.code("Id", code);
    pen.text35("Issr", issuer)
}

/// `Cd`, or the `Id` of `Prtry`.
pub(crate) fn code(parent: Node<'_>) -> Result<String, ReadError> {
    let said = parent.choice(&["Cd", "Prtry"])?;
    let text = if said.name() == "Cd" { said.text()? } else { said.need(&["Id"])?.text()? };
    Ok(text.to_owned())
}

/// `SctiesTxTp`.
pub(crate) fn write_transaction_type(pen: &mut Pen, code: &str, list: &[&str], issuer: &str) -> Result<(), WriteError> {
    pen.node("SctiesTxTp", |pen| write_code(pen, code, list, issuer))
}

/// What a confirmation or an allegement has to say of the kind of transaction, which no advice of ours carries.
pub(crate) fn write_usual_type(pen: &mut Pen) {
    pen.within(&["SttlmParams", "SctiesTxTp"], |pen| {
        pen.code("Cd", codes::USUAL_TYPE);
        Ok(())
    })
    .expect("a code of the list fits");
}

#[cfg(test)]
mod tests {
    use super::is_iban;

    /// The examples of the IBAN registry for Germany and the United Kingdom.
    #[test]
    fn an_iban_is_known_by_its_check_digits() {
        for good in ["DE89370400440532013000", "GB29NWBK60161331926819"] {
            assert!(is_iban(good), "{good}");
        }
        for other in ["DE88370400440532013000", "CASH-ALPHA-EUR", "DE89", "", "D\u{e9}89370400440532013000"] {
            assert!(!is_iban(other), "{other}");
        }
    }
}
