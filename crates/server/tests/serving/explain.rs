//! What would settle an instruction, asked over gRPC: the changes are submitted as they came, and then it has settled.

use tonic::Code;
use wire::pb::record::SteerAction;
use wire::pb::service as pb;
use wire::pb::view::{Explanation, InstructionStatus, SettlementActor, SettlementCauseKind as Cause};

use crate::commands::{field, reason};
use crate::house::{House, buy, by, sell};

async fn explain(house: &House, asked: pb::ExplainSettlementRequest) -> (u64, Explanation) {
    let answer = house.settlement().explain_settlement(asked).await.expect("it is open").into_inner();
    (answer.sequence, answer.explanation.expect("one"))
}

pub fn number(number: u64, min_sequence: u64) -> pb::ExplainSettlementRequest {
    pb::ExplainSettlementRequest { number, min_sequence, ..Default::default() }
}

/// Submits every command of an explanation, as it came.
async fn carry_out(house: &House, explanation: &Explanation, id: &str) -> u64 {
    let mut sequence = 0;
    for (at, command) in explanation.changes.iter().flat_map(|change| &change.commands).enumerate() {
        let request = pb::SubmitCommandRequest {
            command: Some(command.clone()),
            request_id: format!("{id}-{at}"),
            reason: "explained".to_owned(),
        };
        let receipt = house.operator().submit_command(by("omar", request)).await.expect("done").into_inner().receipt;
        sequence = receipt.expect("one").sequence;
    }
    sequence
}

fn kinds(explanation: &Explanation) -> Vec<Cause> {
    explanation.causes.iter().map(|cause| cause.kind()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proposed_can_be_submitted_and_settles_it() {
    let house = House::open().await;
    let bought = house.trade(buy("T-1", 10)).await.expect("bought");
    let instruction = bought.issued[0];
    let steer = pb::SteerInstructionRequest {
        instruction,
        action: SteerAction::Hold as i32,
        request_id: "hold".to_owned(),
        reason: "test".to_owned(),
        ..Default::default()
    };
    let held = house.settlement().steer_instruction(by("omar", steer)).await.expect("held").into_inner();
    let held = held.receipt.expect("one").sequence;

    // Two causes at once: the other side has said nothing, and ours is on hold.
    let (sequence, explanation) = explain(&house, number(instruction, held)).await;
    assert!(sequence >= held);
    assert!(explanation.settles, "{explanation:#?}");
    assert_eq!(kinds(&explanation), [Cause::Unmatched, Cause::Held]);
    let actors: Vec<_> = explanation.changes.iter().map(|change| change.actor()).collect();
    assert_eq!(actors, [SettlementActor::Counterparty, SettlementActor::We]);

    // Asking changes nothing: the same question gets the same answer, at the same record.
    let again = explain(&house, number(instruction, held)).await;
    assert_eq!(again, (sequence, explanation.clone()));

    let done = carry_out(&house, &explanation, "done").await;
    let get = pb::GetInstructionRequest { number: instruction, min_sequence: done };
    let row = house.settlement().get_instruction(get).await.expect("there").into_inner().instruction.expect("one");
    assert_eq!(row.status(), InstructionStatus::Settled);
    let ended = house.settlement().explain_settlement(number(instruction, done)).await.expect_err("it has settled");
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::NotFound, "NOT_FOUND"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_in_repair_is_explained_by_its_source_and_id() {
    let house = House::open().await;
    let mut loose = buy("R-1", 3);
    loose.details.as_mut().expect("details").book = "NEW-BOOK".to_owned();
    let source = loose.source.clone();
    house.trade(loose).await.expect("in repair");
    let sold = house.trade(sell("R-1", 3)).await.expect("sold");
    let asked = pb::ExplainSettlementRequest {
        trade_source: source,
        trade_id: "R-1".to_owned(),
        min_sequence: sold.sequence,
        ..Default::default()
    };
    let (_, explanation) = explain(&house, asked).await;
    assert!(explanation.settles, "{explanation:#?}");
    assert_eq!((explanation.instruction, kinds(&explanation)), (0, vec![Cause::InRepair]));
    assert_eq!(explanation.causes[0].codes, ["UNKNOWN_BOOK"]);
    carry_out(&house, &explanation, "repair").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_must_be_one_thing() {
    let house = House::open().await;
    let nothing = house.settlement().explain_settlement(number(0, 0)).await.expect_err("nothing is named");
    assert_eq!((nothing.code(), field(&nothing).as_str()), (Code::InvalidArgument, "number"));
    let both = pb::ExplainSettlementRequest {
        number: 1,
        trade_source: "A".into(),
        trade_id: "B".into(),
        ..Default::default()
    };
    let both = house.settlement().explain_settlement(both).await.expect_err("two things");
    assert_eq!((both.code(), field(&both).as_str()), (Code::InvalidArgument, "number"));
    let unknown = house.settlement().explain_settlement(number(999, 0)).await.expect_err("there is none");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "NOT_FOUND"));
}
