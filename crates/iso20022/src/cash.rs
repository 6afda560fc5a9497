//! Cash accounts: camt.054 for what was credited or debited, camt.053 for what lies there at the end of a day.

use crate::Said;
use crate::access::Node;
use crate::error::{ReadError, WriteError};
use crate::header::instant_text;
use crate::parts;
use crate::pen::Pen;
use model::advice::{Advice, AdviceBody, CashBalance, CashBalances, CashEntry};
use model::timestamp::Timestamp;

/// An entry that is booked; a pending one and one for information are no facts.
const BOOKED: &str = "BOOK";
/// A closing balance of what is booked.
const CLOSING: &str = "CLBD";
/// Domain, family and sub-family of a bank transaction code stand with this between them.
const JOINT: char = '/';

/// camt.054: each entry.
pub(crate) fn read_entries(body: Node<'_>) -> Result<Vec<Said<AdviceBody>>, ReadError> {
    check_group(body)?;
    let mut said = Vec::new();
    for notification in body.every("Ntfctn") {
        let account = read_account(notification)?;
        for entry in notification.every("Ntry") {
            said.push(read_entry(entry, account)?);
        }
    }
    if said.is_empty() {
        return Err(body.missing("Ntfctn/Ntry"));
    }
    Ok(said)
}

fn read_entry(entry: Node<'_>, account: &str) -> Result<Said<AdviceBody>, ReadError> {
    let (currency, amount) = parts::signed(entry)?;
    let status = entry.need(&["Sts"])?;
    // Until version 04 the code stood in the element itself.
    let code = if status.children().next().is_some() { status.choice(&["Cd", "Prtry"])? } else { status };
    if code.text()? != BOOKED {
        return Err(code.fault(format!("{}, expected {BOOKED}: what is not booked is no fact", code.text()?)));
    }
    // A batch of several transactions is one amount: whose reference it was, nobody can say.
    let mut details = entry.every("NtryDtls").flat_map(|details| details.every("TxDtls"));
    let references = match (details.next(), details.next()) {
        (Some(only), None) => only.find("Refs")?,
        _ => None,
    };
    let quoted = |name| references.map_or(Ok(String::new()), |at| at.string_at(&[name]));
    let narrative = entry.string_at(&["AddtlNtryInf"])?;
    let entry = CashEntry {
        account: account.to_owned(),
        currency,
        amount,
        value_date: entry.need(&["ValDt"])?.day()?,
        code: read_code(entry.need(&["BkTxCd"])?)?,
        narrative,
    };
    Ok(Said {
        id: None,
        reference: quoted("AcctOwnrTxId")?,
        agent_reference: quoted("AcctSvcrTxId")?,
        body: AdviceBody::CashEntry(entry),
    })
}

/// Domain, family and sub-family, or the code that both agreed on.
fn read_code(said: Node<'_>) -> Result<String, ReadError> {
    if let Some(domain) = said.find("Domn")? {
        let part = |names: &[&'static str]| domain.need(names).and_then(Node::text);
        let (domain, family, kind) = (part(&["Cd"])?, part(&["Fmly", "Cd"])?, part(&["Fmly", "SubFmlyCd"])?);
        return Ok(format!("{domain}{JOINT}{family}{JOINT}{kind}"));
    }
    said.string_at(&["Prtry", "Cd"])
}

/// camt.053: of each statement the closing balances of what is booked.
pub(crate) fn read_statements(body: Node<'_>) -> Result<Vec<Said<AdviceBody>>, ReadError> {
    check_group(body)?;
    let mut said = Vec::new();
    for statement in body.every("Stmt") {
        let balances = AdviceBody::CashBalances(read_balances(statement)?);
        said.push(Said { id: None, reference: String::new(), agent_reference: String::new(), body: balances });
    }
    if said.is_empty() {
        return Err(body.missing("Stmt"));
    }
    Ok(said)
}

fn read_balances(statement: Node<'_>) -> Result<CashBalances, ReadError> {
    let account = read_account(statement)?.to_owned();
    let (mut lines, mut date) = (Vec::<CashBalance>::new(), None);
    for balance in statement.every("Bal") {
        if balance.text_at(&["Tp", "CdOrPrtry", "Cd"])? != Some(CLOSING) {
            continue;
        }
        let (currency, amount) = parts::signed(balance)?;
        if lines.iter().any(|line| line.currency == currency) {
            return Err(balance.fault(format!("a second {CLOSING} of {currency}, expected one")));
        }
        let day = balance.need(&["Dt"])?.day()?;
        if date.is_some_and(|date| date != day) {
            return Err(balance.fault(format!("{CLOSING} of another day than the one before")));
        }
        date = Some(day);
        lines.push(CashBalance { currency, amount });
    }
    let Some(date) = date else {
        return Err(statement.fault(format!("no balance {CLOSING}: not the end of a day, or not the last page")));
    };
    Ok(CashBalances { account, date, lines })
}

fn check_group(body: Node<'_>) -> Result<(), ReadError> {
    let group = body.need(&["GrpHdr"])?;
    group.need(&["MsgId"])?.text()?;
    group.need(&["CreDtTm"])?.parse(crate::header::instant)?;
    Ok(())
}

fn read_account(parent: Node<'_>) -> Result<&str, ReadError> {
    let id = parent.need(&["Acct", "Id"])?.choice(&["IBAN", "Othr"])?;
    if id.name() == "IBAN" { id.text() } else { id.need(&["Id"])?.text() }
}

/// camt.054 with one entry.
pub(crate) fn write_entry(
    pen: &mut Pen,
    advice: &Advice,
    said: &CashEntry,
    created: Timestamp,
) -> Result<(), WriteError> {
    write_group(pen, advice, created)?;
    pen.node("Ntfctn", |pen| {
        pen.text35("Id", advice.id.as_str())?;
        write_account(pen, &said.account)?;
        pen.node("Ntry", |pen| {
            parts::write_signed(pen, said.currency, said.amount)?;
            pen.node("Sts", |pen| pen.text35("Cd", BOOKED))?;
            pen.node("ValDt", |pen| {
                pen.date("Dt", said.value_date);
                Ok(())
            })?;
            pen.node("BkTxCd", |pen| write_code(pen, &said.code))?;
            if !(advice.reference.is_empty() && advice.agent_reference.is_empty()) {
                pen.within(&["NtryDtls", "TxDtls", "Refs"], |pen| {
                    pen.maybe35("AcctOwnrTxId", &advice.reference)?;
                    pen.maybe35("AcctSvcrTxId", &advice.agent_reference)
                })?;
            }
            if said.narrative.is_empty() { Ok(()) } else { pen.text("AddtlNtryInf", &said.narrative, 500) }
        })
    })
}

fn write_code(pen: &mut Pen, code: &str) -> Result<(), WriteError> {
    let parts: Vec<&str> = code.split(JOINT).collect();
    match parts[..] {
        [""] => Ok(()),
        [domain, family, kind] if [domain, family, kind].into_iter().all(is_short) => pen.node("Domn", |pen| {
            pen.text("Cd", domain, 4)?;
            pen.node("Fmly", |pen| {
                pen.text("Cd", family, 4)?;
                pen.text("SubFmlyCd", kind, 4)
            })
        }),
        _ => pen.node("Prtry", |pen| pen.text35("Cd", code)),
    }
}

/// A code of four characters at most.
fn is_short(part: &str) -> bool {
    (1..=4).contains(&part.chars().count()) && part.trim() == part
}

/// camt.053 with one statement.
pub(crate) fn write_statement(
    pen: &mut Pen,
    advice: &Advice,
    said: &CashBalances,
    created: Timestamp,
) -> Result<(), WriteError> {
    write_group(pen, advice, created)?;
    refuse_references(pen, advice)?;
    pen.node("Stmt", |pen| {
        pen.text35("Id", advice.id.as_str())?;
        write_account(pen, &said.account)?;
        if said.lines.is_empty() {
            return Err(pen.fault("Bal", "the standard wants a balance, and the message has none"));
        }
        for line in &said.lines {
            pen.node("Bal", |pen| {
                pen.within(&["Tp", "CdOrPrtry"], |pen| pen.text35("Cd", CLOSING))?;
                parts::write_signed(pen, line.currency, line.amount)?;
                pen.node("Dt", |pen| {
                    pen.date("Dt", said.date);
                    Ok(())
                })
            })?;
        }
        Ok(())
    })
}

/// A statement is about accounts: it has no place for references of instructions.
pub(crate) fn refuse_references(pen: &Pen, advice: &Advice) -> Result<(), WriteError> {
    let quotes = !(advice.reference.is_empty() && advice.agent_reference.is_empty());
    if quotes {
        Err(pen.fault("Stmt", "a reference of an instruction, and the standard has no place for it"))
    } else {
        Ok(())
    }
}

fn write_group(pen: &mut Pen, advice: &Advice, created: Timestamp) -> Result<(), WriteError> {
    pen.node("GrpHdr", |pen| {
        pen.text35("MsgId", advice.id.as_str())?;
        pen.code("CreDtTm", &instant_text(created));
        Ok(())
    })
}

fn write_account(pen: &mut Pen, account: &str) -> Result<(), WriteError> {
    pen.within(&["Acct", "Id"], |pen| {
        if parts::is_iban(account) {
            return pen.text("IBAN", account, 34);
        }
        pen.node("Othr", |pen| pen.text("Id", account, 34))
    })
}
