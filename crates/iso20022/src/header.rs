//! The business application header (head.001), the envelope around header and document, and instants.

use crate::access::Node;
use crate::error::{ReadError, WriteError};
use crate::pen::Pen;
use crate::tree::Tree;
use model::date::Date;
use model::identifier::{Bic, Identifier};
use model::timestamp::Timestamp;

/// Before the name of every message.
const SPACE: &str = "urn:iso:std:iso:20022:tech:xsd:";
/// The header's message that is written; `head.001.001` of any version is read.
const HEADER: &str = "head.001.001.02";
/// The element around both, as SWIFT and Prowide have it; any name is read.
const ENVELOPE: &str = "RequestPayload";

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// sese.023
    Instruct,
    /// sese.020
    Cancel,
    /// sese.030
    Modify,
    /// sese.024
    Status,
    /// sese.025
    Confirmation,
    /// sese.027
    CancellationAnswer,
    /// sese.031
    ModificationAnswer,
    /// sese.028
    Allegement,
    /// sese.029
    AllegementRemoval,
    /// camt.054
    CashEntry,
    /// semt.002
    SecuritiesBalances,
    /// camt.053
    CashBalances,
}

/// Kind, message as it is written, element in the document.
const MESSAGES: [(Kind, &str, &str); 12] = [
    (Kind::Cancel, "sese.020.001.08", "SctiesTxCxlReq"),
    (Kind::Instruct, "sese.023.001.12", "SctiesSttlmTxInstr"),
    (Kind::Status, "sese.024.001.13", "SctiesSttlmTxStsAdvc"),
    (Kind::Confirmation, "sese.025.001.12", "SctiesSttlmTxConf"),
    (Kind::CancellationAnswer, "sese.027.001.08", "SctiesTxCxlReqStsAdvc"),
    (Kind::Allegement, "sese.028.001.11", "SctiesSttlmTxAllgmtNtfctn"),
    (Kind::AllegementRemoval, "sese.029.001.07", "SctiesSttlmAllgmtRmvlAdvc"),
    (Kind::Modify, "sese.030.001.10", "SctiesSttlmCondsModReq"),
    (Kind::ModificationAnswer, "sese.031.001.10", "SctiesSttlmCondModStsAdvc"),
    (Kind::SecuritiesBalances, "semt.002.001.12", "SctiesBalCtdyRpt"),
    (Kind::CashBalances, "camt.053.001.13", "BkToCstmrStmt"),
    (Kind::CashEntry, "camt.054.001.13", "BkToCstmrDbtCdtNtfctn"),
];

/// What a header says that was read.
pub(crate) struct Header {
    pub kind: Kind,
    pub from: Identifier,
    pub to: Identifier,
    pub id: Identifier,
}

/// Header and the element in the document.
pub(crate) struct Envelope<'t> {
    pub header: Header,
    pub body: Node<'t>,
}

/// What a header says that is to be written.
pub(crate) struct Written<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub id: &'a str,
    pub kind: Kind,
    pub created: Timestamp,
}

/// Finds header and document, and checks that they speak of the same message.
pub(crate) fn open(tree: &Tree) -> Result<Envelope<'_>, ReadError> {
    let root = Node::root(tree);
    if root.name() == "Document" {
        let reason = "a Document alone, expected an element that holds AppHdr (head.001) and Document: without the \
                      header nobody knows who says it";
        return Err(root.fault(reason));
    }
    let only = |name: &str| {
        let mut found = root.all().filter(|child| child.name() == name);
        match (found.next(), found.next()) {
            (Some(child), None) => Ok(child),
            (Some(_), Some(second)) => Err(second.fault("it is there twice, expected once")),
            (None, _) => Err(root.missing(name)),
        }
    };
    let (header, document) = (only("AppHdr")?, only("Document")?);
    if header.namespace().strip_prefix(SPACE).and_then(variant) != Some("head.001.001") {
        return Err(header.fault(format!("namespace {:?}, expected {SPACE}{HEADER}", header.namespace())));
    }
    let name = document.namespace().strip_prefix(SPACE).unwrap_or_default();
    let known = MESSAGES.iter().find(|(_, message, _)| variant(message) == variant(name) && variant(name).is_some());
    let Some((kind, _, element)) = known else {
        let known: Vec<&str> = MESSAGES.iter().map(|(_, message, _)| &message[..message.len() - 3]).collect();
        let namespace = document.namespace();
        return Err(
            document.fault(format!("namespace {namespace:?}, expected {SPACE} and one of {}", known.join(", ")))
        );
    };
    let said = header.need(&["MsgDefIdr"])?;
    if said.text()? != name {
        return Err(said.fault(format!("{} in the header, {name} in the document", said.text()?)));
    }
    header.need(&["CreDt"])?.parse(instant)?;
    let header = Header {
        kind: *kind,
        from: institution(header.need(&["Fr"])?)?,
        to: institution(header.need(&["To"])?)?,
        id: header.need(&["BizMsgIdr"])?.identifier()?,
    };
    Ok(Envelope { header, body: document.need(&[element])? })
}

/// `sese.025.001` of `sese.025.001.12`.
fn variant(name: &str) -> Option<&str> {
    let (variant, version) = name.split_at_checked(12)?;
    let digits = version.strip_prefix('.')?;
    (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(variant)
}

/// Who, of the ways in which a header names a party: BIC, LEI, or a name that both agreed on.
fn institution(party: Node<'_>) -> Result<Identifier, ReadError> {
    let side = party.choice(&["FIId", "OrgId"])?;
    let ways: &[&[&'static str]] = match side.name() {
        "FIId" => &[
            &["FinInstnId", "BICFI"],
            &["FinInstnId", "LEI"],
            &["FinInstnId", "ClrSysMmbId", "MmbId"],
            &["FinInstnId", "Othr", "Id"],
        ],
        _ => &[&["Id", "OrgId", "AnyBIC"], &["Id", "OrgId", "LEI"], &["Id", "OrgId", "Othr", "Id"]],
    };
    for way in ways {
        if let Some(found) = side.seek(way)? {
            return found.identifier();
        }
    }
    Err(side.fault("it names nobody, expected a BIC, an LEI or another identification"))
}

/// Envelope, header and what `inner` writes into the document.
pub(crate) fn write(
    header: &Written<'_>,
    inner: impl FnOnce(&mut Pen) -> Result<(), WriteError>,
) -> Result<Vec<u8>, WriteError> {
    let (_, message, element) =
        MESSAGES.iter().find(|(kind, ..)| *kind == header.kind).expect("every kind has its line");
    let party = |pen: &mut Pen, name: &'static str, id: &str| {
        pen.within(&[name, "FIId", "FinInstnId"], |pen| match Bic::parse(id) {
            Ok(_) => pen.text35("BICFI", id),
            Err(_) => pen.node("Othr", |pen| pen.text35("Id", id)),
        })
    };
    let mut pen = Pen::new();
    pen.node(ENVELOPE, |pen| {
        pen.space("AppHdr", &format!("{SPACE}{HEADER}"), |pen| {
            party(pen, "Fr", header.from)?;
            party(pen, "To", header.to)?;
            pen.text35("BizMsgIdr", header.id)?;
            pen.code("MsgDefIdr", message);
            pen.code("CreDt", &instant_text(header.created));
            Ok(())
        })?;
        pen.space("Document", &format!("{SPACE}{message}"), |pen| pen.node(element, inner))
    })?;
    Ok(pen.finish())
}

/// `ISODateTime` in UTC, with as many digits of a second as it has.
pub(crate) fn instant_text(at: Timestamp) -> String {
    let text = at.to_string();
    let plain = text.trim_end_matches('Z');
    match plain.split_once('.') {
        Some((seconds, "000000")) => format!("{seconds}Z"),
        Some((seconds, fraction)) if fraction.ends_with("000") => format!("{seconds}.{}Z", &fraction[..3]),
        _ => text,
    }
}

/// An `ISODateTime`, and the day on the clock of who wrote it. Without a zone it is taken for UTC; digits of a second beyond the
/// sixth are cut off, since nothing is compared by them.
pub(crate) fn instant(text: &str) -> Result<(Timestamp, Date), String> {
    const FORM: &str = "expected YYYY-MM-DDThh:mm:ss[.fff] and Z, +hh:mm or -hh:mm";
    let (clock, rest) = text.split_at_checked(19).ok_or(FORM)?;
    let digits = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let fraction = if digits == 0 { "" } else { &rest[1..=digits] };
    if rest.starts_with('.') && digits == 0 {
        return Err(FORM.to_owned());
    }
    let behind = &rest[if digits == 0 { 0 } else { digits + 1 }..];
    let offset = if behind.is_empty() { 0 } else { zone(behind).ok_or(FORM)? };
    let point = if fraction.is_empty() { "" } else { "." };
    let fraction = &fraction[..fraction.len().min(6)];
    let local = Timestamp::parse(&format!("{clock}{point}{fraction}Z")).map_err(|error| error.to_string())?;
    let at = local.add_micros(-offset * 60_000_000).map_err(|error| error.to_string())?;
    Ok((at, local.date_utc()))
}

/// Minutes east of Greenwich.
pub(crate) fn zone(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text.strip_prefix(['+', '-'])?.split_once(':')?;
    let number = |text: &str, most: i64| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| plain && *number <= most)
    };
    let minutes = number(hours, 14)? * 60 + number(minutes, 59)?;
    (minutes <= 14 * 60).then_some(sign * minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A settlement that Tokyo books on Tuesday morning happened on Monday in UTC; the day is Tokyo's.
    #[test]
    fn an_instant_has_a_zone_and_its_day_is_local() {
        let (at, day) = instant("2026-11-24T08:30:00.5+09:00").expect("good");
        assert_eq!(at.to_string(), "2026-11-23T23:30:00.500000Z");
        assert_eq!(day.to_string(), "2026-11-24");
        assert_eq!(instant("2026-11-24T08:30:00").expect("UTC").0.to_string(), "2026-11-24T08:30:00.000000Z");
        assert_eq!(
            instant("2026-11-24T08:30:00.123456789Z").expect("cut").0.to_string(),
            "2026-11-24T08:30:00.123456Z"
        );
        for wrong in ["2026-11-24", "2026-11-24T08:30:00.Z", "2026-11-24T08:30:00+9", "2026-11-24T08:30:00+15:00", "é"]
        {
            assert!(instant(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_written_instant_is_no_longer_than_it_must_be() {
        for (micros, text) in [(0, "00Z"), (500_000, "00.500Z"), (1, "00.000001Z")] {
            let at = Timestamp::from_micros(micros).expect("an instant");
            assert!(instant_text(at).ends_with(&format!(":00:{text}")), "{}", instant_text(at));
            assert_eq!(instant(&instant_text(at)).expect("ours").0, at);
        }
    }

    #[test]
    fn every_message_is_written_in_the_version_that_is_told() {
        let written: Vec<&str> = MESSAGES.iter().map(|(_, message, _)| *message).collect();
        assert_eq!(written, crate::VERSIONS);
    }
}
