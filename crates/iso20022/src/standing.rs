//! How an instruction or a request stands: sese.024, sese.027, sese.031.

use crate::access::Node;
use crate::codes::{CANCELLATION, MATCHING, MODIFICATION, PROCESSING, Reasons, SETTLEMENT, Standing};
use crate::error::{ReadError, WriteError};
use crate::parts;
use crate::pen::Pen;
use crate::{NO_REFERENCE, Said};
use model::advice::{Advice, AdviceBody, Answer, Status};

/// No reason given.
const NONE: &str = "NORE";
/// Another reason: the one beside which the standard has words.
const OTHER: &str = "OTHR";
/// The longest words of a reason.
const MOST_WORDS: usize = 210;

/// Our reference, empty where the sender had to write that there is none.
pub(crate) fn quoted(text: &str) -> String {
    if text == NO_REFERENCE { String::new() } else { text.to_owned() }
}

/// Our reference, or that there is none.
pub(crate) fn or_none(reference: &str) -> &str {
    if reference.is_empty() { NO_REFERENCE } else { reference }
}

/// A status as it was found.
#[derive(Default)]
struct Found {
    status: String,
    reasons: Vec<String>,
    narrative: String,
}

/// sese.024. It may say how it is processed, matched and settled all at once; what says most is taken: an end, a cancellation or
/// a repair on its way, then settlement, matching, and that it was taken in.
pub(crate) fn read_status(body: Node<'_>) -> Result<Said<AdviceBody>, ReadError> {
    let processing = body.find("PrcgSts")?.map(|at| choose(at, PROCESSING)).transpose()?;
    let matched = match body.find("MtchgSts")? {
        Some(said) => Some(said),
        None => body.find("IfrrdMtchgSts")?,
    };
    let matching = matched.map(|at| choose(at, MATCHING)).transpose()?;
    let settlement = body.find("SttlmSts")?.map(|at| choose(at, SETTLEMENT)).transpose()?;
    let early = |found: &Found| matches!(&*found.status, "PACK" | "PPRC");
    let (late, early) = match processing {
        Some(found) if early(&found) => (None, Some(found)),
        other => (other, None),
    };
    let found = late.or(settlement).or(matching).or(early);
    let found = found.ok_or_else(|| body.missing("PrcgSts or IfrrdMtchgSts or MtchgSts or SttlmSts"))?;
    let Found { status, reasons, narrative } = found;
    Ok(Said {
        id: None,
        reference: quoted(body.need(&["TxId", "AcctOwnrTxId"])?.text()?),
        agent_reference: body.reference_at(&["TxId", "AcctSvcrTxId"])?,
        body: AdviceBody::Status(Status { status, reasons, narrative }),
    })
}

/// sese.027.
pub(crate) fn read_cancellation_answer(body: Node<'_>) -> Result<Said<AdviceBody>, ReadError> {
    Ok(Said {
        id: None,
        reference: quoted(body.need(&["CxlReqRef"])?.reference()?),
        agent_reference: body.reference_at(&["TxId", "AcctSvcrTxId"])?,
        body: AdviceBody::CancellationAnswer(answer(body, CANCELLATION)?),
    })
}

/// sese.031.
pub(crate) fn read_modification_answer(body: Node<'_>) -> Result<Said<AdviceBody>, ReadError> {
    Ok(Said {
        id: None,
        reference: quoted(body.need(&["ReqRef"])?.reference()?),
        agent_reference: body.string_at(&["ReqDtls", "Ref", "AcctSvcrTxId"])?,
        body: AdviceBody::ModificationAnswer(answer(body, MODIFICATION)?),
    })
}

fn answer(body: Node<'_>, list: &[Standing]) -> Result<Answer, ReadError> {
    let Found { status, reasons, narrative } = choose(body.need(&["PrcgSts"])?, list)?;
    Ok(Answer { status, reasons, narrative })
}

/// The one of a choice of statuses, with its reasons.
fn choose(choice: Node<'_>, list: &[Standing]) -> Result<Found, ReadError> {
    let mut children = choice.children();
    let said = children.next().ok_or_else(|| choice.fault("it is empty, expected a status"))?;
    if let Some(second) = children.next() {
        return Err(second.fault(format!("{} is there too, expected one of them", said.name())));
    }
    if said.name() == "Prtry" {
        let status = said.need(&["PrtrySts", "Id"])?.text()?.to_owned();
        let mut found = Found { status, ..Found::default() };
        for reason in said.every("PrtryRsn") {
            found.own(reason)?;
        }
        return Ok(found);
    }
    let known = list.iter().find(|known| known.element == said.name());
    let known = known.ok_or_else(|| said.fault("this status is not known here"))?;
    let mut found = Found { status: known.code.to_owned(), ..Found::default() };
    if matches!(known.reasons, Reasons::Own) {
        found.own(said)?;
        return Ok(found);
    }
    if let Some(none) = said.find("NoSpcfdRsn")?
        && none.text()? != NONE
    {
        return Err(none.fault(format!("{:?}, expected {NONE}", none.text()?)));
    }
    for reason in said.every("Rsn") {
        found.reasons.push(parts::code(reason.need(&["Cd"])?)?);
        found.add(reason.text_at(&["AddtlRsnInf"])?);
    }
    Ok(found)
}

impl Found {
    /// `ProprietaryReason4`.
    fn own(&mut self, reason: Node<'_>) -> Result<(), ReadError> {
        self.reasons.extend(reason.text_at(&["Rsn", "Id"])?.map(str::to_owned));
        self.add(reason.text_at(&["AddtlRsnInf"])?);
        Ok(())
    }

    fn add(&mut self, words: Option<&str>) {
        let Some(words) = words else { return };
        if !self.narrative.is_empty() {
            self.narrative.push_str("; ");
        }
        self.narrative.push_str(words);
    }
}

/// sese.024.
pub(crate) fn write_status(pen: &mut Pen, advice: &Advice, said: &Status) -> Result<(), WriteError> {
    pen.node("TxId", |pen| {
        pen.text35("AcctOwnrTxId", or_none(&advice.reference))?;
        pen.maybe35("AcctSvcrTxId", &advice.agent_reference)
    })?;
    let axes = [("PrcgSts", PROCESSING), ("MtchgSts", MATCHING), ("SttlmSts", SETTLEMENT)];
    let axis = axes.into_iter().find(|(_, list)| list.iter().any(|known| known.code == said.status));
    let (axis, list) = axis.unwrap_or(("PrcgSts", PROCESSING));
    let found = (&*said.status, &*said.reasons, &*said.narrative);
    pen.node(axis, |pen| write_choice(pen, found, list, advice.sender.as_str()))
}

/// sese.027. The agent's own reference stands beside the instruction's, which an answer does not carry.
pub(crate) fn write_cancellation_answer(pen: &mut Pen, advice: &Advice, said: &Answer) -> Result<(), WriteError> {
    pen.text35("CxlReqRef", or_none(&advice.reference))?;
    if !advice.agent_reference.is_empty() {
        pen.node("TxId", |pen| {
            pen.text35("AcctSvcrTxId", &advice.agent_reference)?;
            pen.within(&["AcctOwnrTxId", "OthrTxId"], |pen| pen.text35("Id", NO_REFERENCE))
        })?;
    }
    write_answer(pen, advice, said, CANCELLATION)
}

/// sese.031.
pub(crate) fn write_modification_answer(pen: &mut Pen, advice: &Advice, said: &Answer) -> Result<(), WriteError> {
    pen.text35("ReqRef", or_none(&advice.reference))?;
    if !advice.agent_reference.is_empty() {
        pen.within(&["ReqDtls", "Ref"], |pen| pen.text35("AcctSvcrTxId", &advice.agent_reference))?;
    }
    write_answer(pen, advice, said, MODIFICATION)
}

fn write_answer(pen: &mut Pen, advice: &Advice, said: &Answer, list: &[Standing]) -> Result<(), WriteError> {
    let found = (&*said.status, &*said.reasons, &*said.narrative);
    pen.node("PrcgSts", |pen| write_choice(pen, found, list, advice.sender.as_str()))
}

fn write_choice(
    pen: &mut Pen,
    (status, reasons, words): (&str, &[String], &str),
    list: &[Standing],
    issuer: &str,
) -> Result<(), WriteError> {
    let Some(known) = list.iter().find(|known| known.code == status) else {
        return pen.node("Prtry", |pen| {
            pen.node("PrtrySts", |pen| parts::write_generic(pen, status, issuer))?;
            for (number, reason) in reasons.iter().enumerate() {
                let words = if number == 0 { words } else { "" };
                pen.node("PrtryRsn", |pen| write_own(pen, Some(reason), words, issuer))?;
            }
            if reasons.is_empty() && !words.is_empty() {
                pen.node("PrtryRsn", |pen| write_own(pen, None, words, issuer))?;
            }
            Ok(())
        });
    };
    pen.node(known.element, |pen| {
        let Reasons::Listed(codes) = known.reasons else {
            if reasons.len() > 1 {
                return Err(pen.fault("Rsn", format!("{} reasons, the standard has room for one", reasons.len())));
            }
            return write_own(pen, reasons.first(), words, issuer);
        };
        // Words stand beside a reason only; the standard's code for "see the words" is OTHR.
        let other = [OTHER.to_owned()];
        let reasons = if reasons.is_empty() && !words.is_empty() { &other } else { reasons };
        if reasons.is_empty() {
            pen.code("NoSpcfdRsn", NONE);
        }
        for (number, reason) in reasons.iter().enumerate() {
            pen.node("Rsn", |pen| {
                pen.node("Cd", |pen| parts::write_code(pen, reason, codes, issuer))?;
                if number == 0 { write_words(pen, words) } else { Ok(()) }
            })?;
        }
        Ok(())
    })
}

/// `ProprietaryReason4`.
fn write_own(pen: &mut Pen, reason: Option<&String>, words: &str, issuer: &str) -> Result<(), WriteError> {
    if let Some(reason) = reason {
        pen.node("Rsn", |pen| parts::write_generic(pen, reason, issuer))?;
    }
    write_words(pen, words)
}

fn write_words(pen: &mut Pen, words: &str) -> Result<(), WriteError> {
    if words.is_empty() { Ok(()) } else { pen.text("AddtlRsnInf", words, MOST_WORDS) }
}
