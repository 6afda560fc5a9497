//! ISO 20022 documents: what is read, written and read again is the same; what is refused says where in the bytes.

use super::advice;
use iso20022::Message;
use model::advice::{Advice, AdviceBody, Answer, Status};
use model::identifier::Identifier;
use model::timestamp::Timestamp;

/// Whether the bytes are a document of ours or of an agent.
pub fn run(bytes: &[u8]) -> bool {
    let message = match iso20022::read(bytes) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error}");
            assert!(error.line(bytes) <= bytes.len() + 1 && !error.reason.is_empty(), "{error}");
            assert!(iso20022::read_advice(bytes).is_err());
            return false;
        }
    };
    let alone = iso20022::read_advice(bytes);
    match &message {
        Message::Instruction(said) => {
            assert!(alone.is_err(), "an instruction is no advice");
            // What another version has room for, ours may have none for: then it says so.
            if let Ok(written) = iso20022::write_instruction(said, created()) {
                assert_eq!(iso20022::read(&written).as_ref(), Ok(&message), "{}", String::from_utf8_lossy(&written));
            }
        }
        Message::Advices(several) => {
            assert_eq!(alone.as_ref().ok(), several.first().filter(|_| several.len() == 1));
            for advice in several {
                advice::there_and_back(advice);
                written_again(advice);
            }
        }
    }
    true
}

/// As XML and back, if the standard has room for it.
pub fn written_again(advice: &Advice) {
    let house = Identifier::parse("MYBANK").expect("a name");
    if let Ok(written) = iso20022::write_advice(advice, &house, created()) {
        let read = iso20022::read_advice(&written);
        let expected = with_reason(advice.clone(), read.as_ref().ok());
        assert_eq!(read, Ok(expected), "{}", String::from_utf8_lossy(&written));
    }
}

/// The standard has words beside a reason only, and a code for "see the words": what came with words and no reason may come back
/// with that.
fn with_reason(mut advice: Advice, read: Option<&Advice>) -> Advice {
    let written = read.and_then(|read| said(&read.body)).is_some_and(|(reasons, _)| *reasons == ["OTHR"]);
    let bare = said(&advice.body).is_some_and(|(reasons, words)| reasons.is_empty() && !words.is_empty());
    if written && bare {
        match &mut advice.body {
            AdviceBody::Status(Status { reasons, .. })
            | AdviceBody::CancellationAnswer(Answer { reasons, .. })
            | AdviceBody::ModificationAnswer(Answer { reasons, .. }) => reasons.push("OTHR".to_owned()),
            _ => unreachable!("it has reasons"),
        }
    }
    advice
}

/// Reasons and words.
fn said(body: &AdviceBody) -> Option<(&Vec<String>, &String)> {
    match body {
        AdviceBody::Status(Status { reasons, narrative, .. })
        | AdviceBody::CancellationAnswer(Answer { reasons, narrative, .. })
        | AdviceBody::ModificationAnswer(Answer { reasons, narrative, .. }) => Some((reasons, narrative)),
        _ => None,
    }
}

fn created() -> Timestamp {
    Timestamp::parse("2026-11-23T07:30:00.250Z").expect("an instant")
}
