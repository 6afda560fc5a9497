//! sese.023: a settlement instruction.

use crate::Said;
use crate::access::Node;
use crate::codes::{self, TRANSACTION_TYPES};
use crate::error::{ReadError, WriteError};
use crate::header::Header;
use crate::parts;
use crate::pen::Pen;
use model::identifier::{Bic, Identifier, Isin, Lei};
use model::instruction::{Code, Movement, PRIORITIES};
use model::outbound::{Instruct, OutboundBody, OutboundInstruction, PartyReference};
use model::trade::{CumEx, Method};

/// The priority that is not written.
const NORMAL: u8 = 4;
/// Traded with the coming corporate action.
const CUM: &str = "CCPN";
/// Traded without it.
const EX: &str = "XCPN";
/// No market claim wanted.
const NO_CLAIM: &str = "NOMC";
/// What an alternate identification of a party is: our own.
const OWN_ID: &str = "PRTY";

pub(crate) fn write(
    pen: &mut Pen,
    message: &OutboundInstruction,
    sender: &Identifier,
    said: &Instruct,
) -> Result<(), WriteError> {
    let house = sender.as_str();
    pen.text35("TxId", message.reference.as_str())?;
    pen.node("SttlmTpAndAddtlParams", |pen| {
        parts::write_movement(pen, said.movement, said.payment);
        pen.maybe35("CmonId", said.common_reference.as_ref().map_or("", Identifier::as_str))
    })?;
    if message.instruction != message.reference {
        pen.node("Lnkgs", |pen| {
            pen.node("PrcgPos", |pen| pen.text35("Cd", "INFO"))?;
            pen.node("Ref", |pen| pen.text35("SctiesSttlmTxId", message.instruction.as_str()))
        })?;
    }
    pen.node("TradDtls", |pen| {
        pen.code("TradId", &said.trade.to_string());
        for (name, date) in [("TradDt", said.trade_date), ("SttlmDt", said.settlement_date)] {
            pen.within(&[name, "Dt"], |pen| {
                pen.date("Dt", date);
                Ok(())
            })?;
        }
        match said.cum_ex {
            Some(CumEx::Cum) => pen.node("TradTxCond", |pen| pen.text35("Cd", CUM)),
            Some(CumEx::Ex) => pen.node("TradTxCond", |pen| pen.text35("Cd", EX)),
            None => Ok(()),
        }
    })?;
    pen.node("FinInstrmId", |pen| {
        if let Some(isin) = &said.isin {
            pen.code("ISIN", isin.as_str());
        }
        parts::other_instrument(pen, said.instrument.as_str(), house)
    })?;
    pen.node("QtyAndAcctDtls", |pen| {
        pen.within(&["SttlmQty", "Qty"], |pen| parts::write_quantity(pen, said.quantity, said.quantity_type))?;
        pen.node("AcctOwnr", |pen| {
            pen.node("Id", |pen| write_id(pen, &said.party, house))?;
            write_lei(pen, &said.party);
            Ok(())
        })?;
        parts::write_safekeeping(pen, said.depot.as_str())?;
        parts::write_cash_account(pen, said.nostro.as_ref().map_or("", Identifier::as_str))
    })?;
    pen.node("SttlmParams", |pen| write_parameters(pen, said, house))?;
    let [deliverer, receiver] = match said.movement {
        Movement::Deliver => [&said.party, &said.counterparty],
        Movement::Receive => [&said.counterparty, &said.party],
    };
    let chains = [
        (Movement::Deliver, deliverer, &said.delivering_client),
        (Movement::Receive, receiver, &said.receiving_client),
    ];
    for (movement, party, client) in chains {
        pen.node(parts::side(movement), |pen| {
            pen.node("Pty1", |pen| write_party(pen, party, house))?;
            match client {
                Some(client) => pen.node("Pty2", |pen| parts::write_named(pen, client.as_str(), house)),
                None => Ok(()),
            }
        })?;
    }
    match parts::both(pen, "SttlmAmt", said.currency, said.amount)? {
        Some((currency, amount)) => pen.node("SttlmAmt", |pen| parts::write_paid(pen, said.movement, currency, amount)),
        None if said.payment == Method::Dvp => Err(pen.fault("SttlmAmt", "against payment, and there is no amount")),
        None => Ok(()),
    }
}

fn write_parameters(pen: &mut Pen, said: &Instruct, house: &str) -> Result<(), WriteError> {
    if said.hold {
        pen.node("HldInd", |pen| {
            pen.indicator("Ind", true);
            Ok(())
        })?;
    }
    if said.priority != NORMAL {
        write_priority(pen, said.priority)?;
    }
    parts::write_transaction_type(pen, said.transaction_type.as_str(), TRANSACTION_TYPES, house)?;
    if said.opt_out { pen.node("SttlmTxCond", |pen| pen.text35("Cd", NO_CLAIM)) } else { Ok(()) }
}

/// `Prty`: `0001` to `0004`.
pub(crate) fn write_priority(pen: &mut Pen, priority: u8) -> Result<(), WriteError> {
    if !PRIORITIES.contains(&priority) {
        return Err(pen.fault("Prty", format!("{priority}, expected 1 to 4")));
    }
    pen.node("Prty", |pen| pen.text35("Nmrc", &format!("{priority:04}")))
}

/// `Prty`, if it is there.
pub(crate) fn read_priority(parent: Node<'_>) -> Result<Option<u8>, ReadError> {
    let Some(said) = parent.seek(&["Prty", "Nmrc"])? else { return Ok(None) };
    let priority = said
        .parse(|text| text.parse().ok().filter(|number| PRIORITIES.contains(number)).ok_or("expected 0001 to 0004"))?;
    Ok(Some(priority))
}

fn write_id(pen: &mut Pen, party: &PartyReference, house: &str) -> Result<(), WriteError> {
    match &party.bic {
        Some(bic) => pen.text35("AnyBIC", bic.as_str()),
        None => parts::write_proprietary(pen, party.id.as_str(), house),
    }
}

fn write_lei(pen: &mut Pen, party: &PartyReference) {
    if let Some(lei) = &party.lei {
        pen.code("LEI", lei.as_str());
    }
}

/// BIC, LEI, and our own name: as the identification where there is no BIC, else beside it.
fn write_party(pen: &mut Pen, party: &PartyReference, house: &str) -> Result<(), WriteError> {
    pen.node("Id", |pen| write_id(pen, party, house))?;
    write_lei(pen, party);
    let Some(bic) = &party.bic else { return Ok(()) };
    pen.node("AltrnId", |pen| {
        pen.within(&["IdTp", "Prtry"], |pen| parts::write_generic(pen, OWN_ID, house))?;
        pen.code("Ctry", bic.country());
        pen.text35("AltrnId", party.id.as_str())
    })
}

fn read_party(party: Node<'_>) -> Result<PartyReference, ReadError> {
    let lei = party.find("LEI")?.map(|said| said.parse(Lei::parse)).transpose()?;
    let id = party.need(&["Id"])?;
    let bic = id.find("AnyBIC")?.map(|said| said.parse(Bic::parse)).transpose()?;
    let own = party.seek(&["AltrnId", "AltrnId"])?.map(Node::identifier).transpose()?;
    let id = match own {
        Some(own) => own,
        None => Identifier::parse(&parts::named(party)?).map_err(|error| id.fault(error))?,
    };
    Ok(PartyReference { id, lei, bic })
}

pub(crate) fn read(header: &Header, body: Node<'_>) -> Result<Said<(Identifier, OutboundBody)>, ReadError> {
    let reference = body.need(&["TxId"])?.identifier()?;
    let kind = body.need(&["SttlmTpAndAddtlParams"])?;
    let (movement, payment) = (parts::movement(kind)?, parts::payment(kind)?);
    let mut linked = None;
    for link in body.every("Lnkgs") {
        if link.text_at(&["PrcgPos", "Cd"])? == Some("INFO")
            && let Some(other) = link.need(&["Ref"])?.find("SctiesSttlmTxId")?
        {
            linked = Some(other.identifier()?);
        }
    }
    let trade = body.need(&["TradDtls"])?;
    let holding = body.need(&["QtyAndAcctDtls"])?;
    let parameters = body.need(&["SttlmParams"])?;
    let (quantity, quantity_type) = parts::quantity(holding.need(&["SttlmQty", "Qty"])?)?;
    let paid = body.find("SttlmAmt")?.map(|said| parts::paid(said, movement)).transpose()?;
    if payment == Method::Dvp && paid.is_none() {
        return Err(body.missing("SttlmAmt"));
    }
    let chain = |movement| body.need(&[parts::side(movement), "Pty1"]).and_then(read_party);
    let client = |movement| -> Result<Option<Identifier>, ReadError> {
        let Some(client) = body.seek(&[parts::side(movement), "Pty2"])? else { return Ok(None) };
        Identifier::parse(&parts::named(client)?).map(Some).map_err(|error| client.fault(error))
    };
    let isin = body.seek(&["FinInstrmId", "ISIN"])?.map(|said| said.parse(Isin::parse)).transpose()?;
    let transaction = parameters.need(&["SctiesTxTp"])?;
    let transaction_type = parts::code(transaction)?;
    let nostro = parts::cash_account(holding)?;
    let instruct = Instruct {
        movement,
        payment,
        trade_date: trade.need(&["TradDt", "Dt"])?.day()?,
        settlement_date: trade.need(&["SttlmDt", "Dt"])?.day()?,
        instrument: own_instrument(header, body)?,
        isin,
        quantity,
        quantity_type,
        currency: paid.map(|(currency, _)| currency),
        amount: paid.map(|(_, amount)| amount),
        party: chain(movement)?,
        counterparty: chain(movement.opposite())?,
        depot: holding.need(&["SfkpgAcct", "Id"])?.identifier()?,
        nostro: match &*nostro {
            "" => None,
            account => Some(Identifier::parse(account).map_err(|error| holding.fault(format!("CshAcct: {error}")))?),
        },
        transaction_type: Code::parse(&transaction_type).ok_or_else(|| {
            transaction.fault(format!("{transaction_type:?}, expected a code such as {}", codes::USUAL_TYPE))
        })?,
        hold: parameters.seek(&["HldInd", "Ind"])?.map(Node::indicator).transpose()?.unwrap_or(false),
        priority: read_priority(parameters)?.unwrap_or(NORMAL),
        common_reference: kind.find("CmonId")?.map(Node::identifier).transpose()?,
        delivering_client: client(Movement::Deliver)?,
        receiving_client: client(Movement::Receive)?,
        cum_ex: read_cum_ex(trade)?,
        opt_out: said_of(parameters, "SttlmTxCond", NO_CLAIM)?,
        trade: trade.need(&["TradId"])?.parse(|text| text.parse().map_err(|_| "expected the number of a trade"))?,
    };
    let instruction = linked.unwrap_or_else(|| reference.clone());
    Ok(Said {
        id: Some(reference),
        reference: String::new(),
        agent_reference: String::new(),
        body: (instruction, OutboundBody::Instruct(Box::new(instruct))),
    })
}

/// The sender's own identification of the instrument, else what it is known by.
fn own_instrument(header: &Header, body: Node<'_>) -> Result<Identifier, ReadError> {
    let found = body.need(&["FinInstrmId"])?;
    for other in found.every("OthrId") {
        if other.text_at(&["Tp", "Prtry"])? == Some(header.from.as_str()) {
            return other.need(&["Id"])?.identifier();
        }
    }
    Identifier::parse(&parts::instrument(body)?).map_err(|error| found.fault(error))
}

fn read_cum_ex(trade: Node<'_>) -> Result<Option<CumEx>, ReadError> {
    match (said_of(trade, "TradTxCond", CUM)?, said_of(trade, "TradTxCond", EX)?) {
        (true, true) => Err(trade.fault(format!("{CUM} and {EX}, expected one of them"))),
        (true, false) => Ok(Some(CumEx::Cum)),
        (false, true) => Ok(Some(CumEx::Ex)),
        (false, false) => Ok(None),
    }
}

/// Whether one of a repeated choice is this code.
fn said_of(parent: Node<'_>, name: &'static str, code: &str) -> Result<bool, ReadError> {
    for said in parent.every(name) {
        if said.text_at(&["Cd"])? == Some(code) {
            return Ok(true);
        }
    }
    Ok(false)
}
