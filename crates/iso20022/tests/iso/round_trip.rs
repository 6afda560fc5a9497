//! Whatever the standard has room for comes back as it was; what it has no room for is said.

use crate::any;
use crate::samples::{Sample, id, number, samples};
use model::advice::{Advice, AdviceBody, Status};
use model::outbound::OutboundBody;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn there_and_back(sample in any::any_sample()) {
        let written = sample.write();
        prop_assert!(written.is_ok(), "{:?}", written);
        let read = iso20022::read(&written.unwrap());
        prop_assert!(read.is_ok(), "{:?}", read);
        prop_assert_eq!(Sample::from(read.unwrap()), sample);
    }
}

fn refusal(change: impl Fn(&mut Sample)) -> String {
    let mut said = Vec::new();
    for (_, mut sample) in samples() {
        let before = sample.clone();
        change(&mut sample);
        if sample != before
            && let Err(error) = sample.write()
        {
            said.push(error.to_string());
        }
    }
    said.dedup();
    said.join("\n")
}

#[test]
fn what_has_no_room_is_said_and_not_cut() {
    let long = refusal(|sample| {
        if let Sample::Advice(Advice { body: AdviceBody::Status(Status { narrative, .. }), .. }) = sample {
            *narrative = "x".repeat(211);
        }
    });
    assert!(long.contains("SctiesSttlmTxStsAdvc/SttlmSts/Flng/Rsn/AddtlRsnInf"), "{long}");
    assert!(long.contains("211 characters, the standard has room for 1 to 210"), "{long}");
    let fine = refusal(|sample| {
        if let Sample::Instruction(message) = sample
            && let OutboundBody::Instruct(said) = &mut message.body
        {
            said.amount = said.amount.map(|_| number("0.000001"));
        }
    });
    assert!(
        fine.contains("SttlmAmt/Amt: 0.000001: the standard has room for 18 digits, 5 of them behind the point"),
        "{fine}"
    );
    let nobody = refusal(|sample| {
        if let Sample::Instruction(message) = sample {
            message.sender = None;
        }
    });
    assert!(nobody.contains("AppHdr/Fr: the message does not say which house sends it"), "{nobody}");
    let strange = refusal(|sample| {
        if let Sample::Advice(Advice { body: AdviceBody::Status(said), .. }) = sample {
            said.status = "x-new/2".to_owned();
        }
    });
    assert!(strange.contains("another code has four letters or digits"), "{strange}");
    let older = refusal(|sample| {
        if let Sample::Instruction(message) = sample
            && let OutboundBody::Cancel(said) = &mut message.body
        {
            said.movement = None;
        }
    });
    assert!(older.contains("SctiesTxCxlReq/AcctOwnrTxId: the standard wants movement and payment"), "{older}");
    let control = refusal(|sample| {
        if let Sample::Advice(Advice { agent_reference, .. }) = sample {
            *agent_reference = "a\u{7}b".to_owned();
        }
    });
    assert!(control.contains("cannot stand in a text of XML"), "{control}");
}

/// Zeros at the end are part of what was said, and stay; only what counts must fit.
#[test]
fn a_number_keeps_its_form() {
    let (_, Sample::Instruction(mut message)) = samples().remove(0) else { panic!("an instruction") };
    let OutboundBody::Instruct(said) = &mut message.body else { panic!("a sese.023") };
    said.amount = Some(number("-180432.5000000"));
    message.reference = id("Q0-77");
    let sample = Sample::Instruction(message);
    let written = sample.write().expect("seven decimals, six of them zero");
    let text = String::from_utf8_lossy(&written).into_owned();
    assert!(text.contains("<Amt Ccy=\"EUR\">180432.5000000</Amt>\n        <CdtDbtInd>DBIT</CdtDbtInd>"), "{text}");
    // It is not the message that instructed it, so it says which one is.
    assert!(text.contains("<SctiesSttlmTxId>Q0-5</SctiesSttlmTxId>"), "{text}");
    assert_eq!(Sample::from(iso20022::read(&written).expect("good")), sample);
}
