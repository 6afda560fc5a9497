//! Bytes of others: what is missing, twice or malformed is said with its path; nothing whatever makes the reader panic.

use crate::golden::folder;
use crate::samples::samples;
use std::fs;

fn golden(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}.xml"))).expect("a golden document")
}

/// What is said of a golden document in which something was replaced.
fn bent(name: &str, from: &str, to: &str) -> String {
    let text = golden(name);
    assert!(text.contains(from), "{name} has no {from}");
    iso20022::read(text.replacen(from, to, 1).as_bytes())
        .map(|read| format!("{read:?}"))
        .unwrap_or_else(|error| error.to_string())
}

#[test]
fn what_is_missing_or_malformed_is_said_with_its_path() {
    let confirmation = "sese.025-partial";
    for (name, from, to, said) in [
        (
            confirmation,
            "<SctiesMvmntTp>DELI</SctiesMvmntTp>",
            "",
            "Document/SctiesSttlmTxConf/TxIdDtls/SctiesMvmntTp (byte",
        ),
        (confirmation, ">DELI<", ">OUT<", "TxIdDtls/SctiesMvmntTp (byte 740): \"OUT\": expected DELI or RECE"),
        (confirmation, "<Unit>1000</Unit>", "<Unit>1000</Unit><Unit>10</Unit>", "SttldQty/Qty/Unit (byte"),
        (confirmation, "<Unit>1000</Unit>", "<Unit>1e3</Unit>", "\"1e3\": unexpected 'e' at position 2"),
        (confirmation, "<Unit>1000</Unit>", "<AmtsdVal>1000</AmtsdVal>", "SttldQty/Qty/Unit or FaceAmt or DgtlTknUnit"),
        (confirmation, " Ccy=\"EUR\"", "", "SttldAmt/Amt (byte"),
        (confirmation, "120288.33<", "-120288.33<", "is below zero: CdtDbtInd says which way it goes"),
        (confirmation, "120288.33<", "120288.330000000000000000001<", "SttldAmt/Amt"),
        (confirmation, "<Dt>2026-11-24</Dt>", "<Dt>24.11.2026</Dt>", "FctvSttlmDt/Dt/Dt"),
        (confirmation, "<Dt>2026-11-24</Dt>", "<Dt>2026-02-30</Dt>", "FctvSttlmDt/Dt/Dt"),
        (confirmation, "<AddtlParams>", "<AddtlParams><PreConf>PRSE</PreConf>", "a pre-advice of a settlement"),
        (confirmation, "QCSDDEFFXXX", "Q CSD", "AppHdr/Fr/FIId/FinInstnId/BICFI"),
        (confirmation, "<BizMsgIdr>QC-5</BizMsgIdr>", "", "AppHdr/BizMsgIdr (byte"),
        (
            confirmation,
            "sese.025.001.12</Msg",
            "sese.024.001.12</Msg",
            "sese.024.001.12 in the header, sese.025.001.12 in the document",
        ),
        (
            confirmation,
            ":sese.025.001.12\"",
            ":sese.025.002.11\"",
            "expected urn:iso:std:iso:20022:tech:xsd: and one of sese.020.001, sese.023.001",
        ),
        (
            confirmation,
            "xsd:head.001.001.02",
            "xsd:head.002.001.01",
            "expected urn:iso:std:iso:20022:tech:xsd:head.001.001.02",
        ),
        (confirmation, "07:30:00.250Z", "07:30", "AppHdr/CreDt"),
        (
            "sese.024-matched",
            "<MtchgSts>\n        <Mtchd>\n        </Mtchd>\n      </MtchgSts>",
            "",
            "PrcgSts or IfrrdMtchgSts or MtchgSts or SttlmSts",
        ),
        ("sese.024-failing", "Flng>", "Lost>", "SttlmSts"),
        ("semt.002-end-of-day", ">SETT<", ">TRAD<", "StmtBsis/Cd (byte"),
        ("camt.053-end-of-day", ">CLBD<", ">OPBD<", "USD"),
        ("camt.054-charge", ">BOOK<", ">PDNG<", "what is not booked is no fact"),
        (
            "camt.054-charge",
            "<ValDt>",
            "<ValDt><DtTm>2026-11-24T10:00:00Z</DtTm>",
            "Dt is there too, expected one of them",
        ),
        ("sese.023-receive-free", ">0002<", ">0009<", "expected 0001 to 0004"),
    ] {
        let found = bent(name, from, to);
        assert!(found.contains(said), "{name}, {to:?} for {from:?}: {found}");
    }
    let lone = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:sese.025.001.12\"/>";
    let found = iso20022::read(lone.as_bytes()).expect_err("no header").to_string();
    assert!(found.contains("without the header nobody knows who says it"), "{found}");
}

#[test]
fn what_is_not_looked_at_is_passed_over() {
    let extra = "<AddtlParams><Nw a=\"1\"><Deep>x</Deep></Nw><PrvsPrtlConfId>QC-1</PrvsPrtlConfId>";
    let plain = iso20022::read(golden("sese.025-partial").as_bytes());
    let text = golden("sese.025-partial").replacen("<AddtlParams>", extra, 1);
    assert_eq!(iso20022::read(text.as_bytes()), plain);
    // Another namespace is another element, whatever its name.
    let foreign = "<AddtlParams><o:PrtlSttlm xmlns:o=\"urn:other\">PARC</o:PrtlSttlm>";
    let text = golden("sese.025-partial").replacen("<AddtlParams>", foreign, 1);
    assert_eq!(iso20022::read(text.as_bytes()), plain);
}

/// A document that is an instruction, or two entries, is not one record of an agent.
#[test]
fn a_record_is_one_advice() {
    let instruction = golden("sese.020-cancel");
    assert!(iso20022::read_advice(instruction.as_bytes()).expect_err("ours").to_string().contains("an instruction"));
    let entry = golden("camt.054-charge");
    let (from, to) = (entry.find("<Ntry>").expect("an entry"), entry.find("</Ntry>").expect("its end") + 7);
    let doubled = format!("{}{}{}", &entry[..to], &entry[from..to], &entry[to..]);
    let error = iso20022::read_advice(doubled.as_bytes()).expect_err("two").to_string();
    assert!(error.contains("2 entries or accounts, expected one"), "{error}");
    let iso20022::Message::Advices(two) = iso20022::read(doubled.as_bytes()).expect("two entries") else {
        panic!("advices")
    };
    let ids: Vec<&str> = two.iter().map(|advice| advice.id.as_str()).collect();
    assert_eq!(ids, ["QC-11/1", "QC-11/2"]);
    assert_eq!(iso20022::read_advice(entry.as_bytes()).expect("one").id.as_str(), "QC-11");
}

/// What a text may not hide is refused as it is on the topic.
#[test]
fn texts_are_as_in_protobuf() {
    let error = bent("sese.025-partial", ">QCSD-AG-4711<", ">QCSD&#x202e;<");
    assert!(error.contains("may not stand in a text"), "{error}");
}

/// Golden documents with bytes changed, cut, doubled and mixed, from a fixed seed.
#[test]
fn no_bytes_are_too_much() {
    let documents: Vec<Vec<u8>> = samples().iter().map(|(name, _)| golden(name).into_bytes()).collect();
    let words: [&[u8]; 12] = [
        b"<",
        b">",
        b"</",
        b"&",
        b"&#x0;",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"<!DOCTYPE a [",
        b"\xff",
        b"xmlns=\"",
        b"-9223372036854775808",
    ];
    let mut state = 20_261_122u64;
    let mut next = |below: usize| {
        // Numerical Recipes' constants; the upper half is good enough.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let (mut good, mut bad) = (0, 0);
    for round in 0..6_000 {
        let mut bytes = documents[round % documents.len()].clone();
        for _ in 0..=next(3) {
            let place = next(bytes.len());
            match next(6) {
                0 => bytes[place] = next(256) as u8,
                1 => bytes.truncate(place),
                2 => drop(bytes.drain(place..(place + next(40)).min(bytes.len()))),
                3 => bytes.splice(place..place, words[next(words.len())].iter().copied()).for_each(drop),
                4 => {
                    let other = &documents[next(documents.len())];
                    let from = next(other.len());
                    let piece = other[from..(from + next(200)).min(other.len())].to_vec();
                    bytes.splice(place..place, piece).for_each(drop);
                }
                _ => {
                    let piece = bytes[place..(place + next(200)).min(bytes.len())].to_vec();
                    bytes.splice(place..place, piece).for_each(drop);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        match iso20022::read(&bytes) {
            Ok(_) => good += 1,
            Err(error) => {
                assert!(error.offset <= bytes.len(), "{error}");
                assert!(error.line(&bytes) <= bytes.len() + 1);
                bad += 1;
            }
        }
    }
    assert!(good > 100 && bad > 3_000, "{good} were read, {bad} refused: the changes are too harmless or too wild");
}
