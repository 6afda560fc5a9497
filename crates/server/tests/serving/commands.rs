//! What goes in: trades that settle, answers that stay the same, refusals with their details, bulk.

use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use wire::pb::record::SteerAction;
use wire::pb::service as pb;
use wire::pb::service::submit_trades_response::Outcome;
use wire::pb::view::{InstructionStatus, TradeStatus};

use crate::house::{House, TODAY, buy, by, sell};

#[tokio::test(flavor = "multi_thread")]
async fn two_sides_settle_and_all_views_agree() {
    let house = House::open().await;
    let bought = house.trade(buy("T-1", 10)).await.expect("bought");
    assert_eq!((bought.issued.len(), bought.settled.len(), bought.duplicate), (1, 0, false));
    let sold = house.trade(sell("T-1", 10)).await.expect("sold");
    assert_eq!(sold.settled.len(), 2, "both sides in one record: {sold:?}");

    let request = pb::GetTradeRequest { source: "FO-A".to_owned(), id: "T-1".to_owned(), min_sequence: sold.sequence };
    let answer = house.trades().get_trade(request).await.expect("there").into_inner();
    assert!(answer.sequence >= sold.sequence);
    let trade = answer.trade.expect("always one");
    assert_eq!(trade.status, TradeStatus::Settled as i32);
    assert_eq!(trade.number, bought.trade.expect("captured"));
    assert_eq!(trade.instructions[0].number, bought.issued[0]);
    assert_eq!(trade.instructions[0].actual_settlement_date, TODAY);

    let ladder = pb::GetCashLadderRequest {
        account: "ALPHA-CASH".to_owned(),
        currency: "EUR".to_owned(),
        min_sequence: sold.sequence,
    };
    let ladder = house.cash().get_cash_ladder(ladder).await.expect("there").into_inner().ladder.expect("always one");
    assert_eq!(ladder.settled.expect("always").unscaled, 99_900_000, "a million less a thousand, in cents");

    let tie_outs = pb::ListTieOutsRequest { min_sequence: sold.sequence };
    let lines = house.ledger().list_tie_outs(tie_outs).await.expect("there").into_inner().lines;
    assert_eq!(lines.len(), 4, "two members, one share and one currency: {lines:?}");
    assert!(lines.iter().all(|line| line.ties), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_gets_the_same_answer_for_ever() {
    let mut house = House::open().await;
    let before = house.trade(buy("T-1", 10)).await.expect("bought");
    let again = house.trade(buy("T-1", 10)).await.expect("the same trade, the same derived id");
    assert_eq!(again, pb::Receipt { duplicate: true, ..before.clone() });

    let open = r#"{"transfer":{"to":"ALPHA-CASH","book":"ALPHA-EQ","currency":"EUR","quantity":"5.00"}}"#;
    let first = house.command("R-1", open).await.expect("funded");
    let refused = house.command("R-2", &open.replace("ALPHA-CASH", "GAMMA-CASH")).await.expect_err("no such account");
    house.restart().await;
    let second = house.command("R-1", open).await.expect("answered as before");
    assert_eq!(second, pb::Receipt { duplicate: true, ..first });
    let again = house.command("R-2", &open.replace("ALPHA-CASH", "GAMMA-CASH")).await.expect_err("refused as before");
    assert_eq!((again.code(), reason(&again)), (refused.code(), reason(&refused)));
    assert_eq!(metadata(&again, "sequence"), metadata(&refused, "sequence"));
    assert_eq!(metadata(&again, "duplicate"), "true");

    let other = house.command("R-1", &open.replace("5.00", "6.00")).await.expect_err("another content");
    assert_eq!((other.code(), reason(&other).as_str()), (Code::FailedPrecondition, "REQUEST_ID_REUSED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_why_and_where_it_is_recorded() {
    let house = House::open().await;
    house.trade(buy("T-1", 10)).await.expect("bought");
    let refused = house.trade(buy("T-1", 11)).await.expect_err("the same version with other content");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "VERSION_CONFLICT");
    assert_eq!(refused.get_error_details().error_info().expect("always").domain, "quittance");
    let details = refused.get_error_details();
    let violation = &details.precondition_failure().expect("one").violations[0];
    assert!(violation.description.contains("send a higher version"), "{violation:?}");

    let sequence = metadata(&refused, "sequence").parse().expect("a number");
    let record = house.log().get_record(pb::GetRecordRequest { sequence }).await.expect("there").into_inner();
    let record = record.record.expect("one").record.expect("decoded");
    assert!(format!("{record:?}").contains("VersionConflict"), "{record:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_its_place_and_not_recorded() {
    let house = House::open().await;
    // The survey of the day just opened is the engine's own work and may still be under way.
    let mut head = house.running().log().head();
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let now = house.running().log().head();
        if std::mem::replace(&mut head, now) == now {
            break;
        }
    }
    let mut trade = buy("T-1", 10);
    trade.details.as_mut().expect("set").quantity = None;
    let refused = house.trade(trade).await.expect_err("no quantity");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "MALFORMED"));
    assert_eq!(field(&refused), "trade.details.quantity");

    let nobody = pb::SubmitTradeRequest { trade: Some(buy("T-1", 10)), ..Default::default() };
    let refused = house.trades().submit_trade(nobody).await.expect_err("no actor");
    assert_eq!((refused.code(), field(&refused).as_str()), (Code::InvalidArgument, "x-quittance-actor"));

    let nameless = pb::ApproveProposalRequest { proposal: 3, ..Default::default() };
    let refused = house.operator().approve_proposal(by("omar", nameless)).await.expect_err("no request id");
    assert_eq!(field(&refused), "request_id");

    let day = pb::CloseDayRequest {
        domain: "Q CSD".to_owned(),
        date: TODAY,
        request_id: "x".to_owned(),
        ..Default::default()
    };
    let refused = house.operator().close_day(by("omar", day)).await.expect_err("a space in a name");
    assert_eq!(field(&refused), "domain");

    let own = house.command("x", r#"{"continueTask":{"kind":"TASK_KIND_RETRY"}}"#).await.expect_err("the engine's own");
    assert_eq!(reason(&own), "ENGINE_ONLY");
    assert_eq!(house.running().log().head(), head, "none of it is in the log");
}

/// The amount and the reason of the transfer that is proposed.
async fn shown(house: &House, number: u64) -> (String, String) {
    let one = pb::ListProposalsRequest { number, ..Default::default() };
    let answer = house.operator().list_proposals(one).await.expect("there").into_inner();
    let proposed = serde_json::to_value(answer.proposed.expect("the command")).expect("JSON");
    (proposed["transfer"]["quantity"].as_str().expect("a text").to_owned(), answer.reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_proposes_another_approves() {
    let house = House::open().await;
    house.command("P-0", r#"{"setReference":{"parameters":{"fourEyes":["FOUR_EYES_TRANSFER"],"proposalMinutes":60,"attemptsPerStep":64,"examinedPerStep":64,"candidatesCompared":64}}}"#).await.expect("set");
    let open = r#"{"transfer":{"to":"ALPHA-CASH","book":"ALPHA-EQ","currency":"EUR","quantity":"5.00"}}"#;
    let proposed = house.command("P-1", open).await.expect("proposed");
    let proposal = proposed.proposal.expect("waits for another");
    let list = pb::ListProposalsRequest { min_sequence: proposed.sequence, ..Default::default() };
    let waiting = house.operator().list_proposals(list).await.expect("there").into_inner().proposals;
    assert_eq!((waiting.len(), waiting[0].number, waiting[0].actor.as_str()), (1, proposal, "ines"));

    assert_eq!(shown(&house, proposal).await, ("5.00".to_owned(), "test".to_owned()), "what is approved is seen");

    let approve = |id: &str| pb::ApproveProposalRequest {
        proposal,
        request_id: id.to_owned(),
        reason: String::new(),
        payload_hash: Vec::new(),
    };
    let refused = house.operator().approve_proposal(by("ines", approve("A-1"))).await.expect_err("the same person");
    assert_eq!(reason(&refused), "SAME_PERSON");
    let done = house.operator().approve_proposal(by("omar", approve("A-2"))).await.expect("another").into_inner();
    let list = pb::ListProposalsRequest { min_sequence: done.receipt.expect("one").sequence, ..Default::default() };
    assert!(house.operator().list_proposals(list).await.expect("there").into_inner().proposals.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instruction_is_held_explained_and_released() {
    let house = House::open().await;
    let bought = house.trade(buy("T-1", 10)).await.expect("bought");
    let number = bought.issued[0];
    let explain = pb::ExplainUnmatchedRequest { number, min_sequence: bought.sequence };
    let why = house.settlement().explain_unmatched(explain).await.expect("unmatched").into_inner();
    assert_eq!(why.codes, ["CMIS"]);
    assert!(why.sequence >= bought.sequence);

    let steer = |action: SteerAction, id: &str| pb::SteerInstructionRequest {
        instruction: number,
        action: action as i32,
        request_id: id.to_owned(),
        reason: "test".to_owned(),
        ..Default::default()
    };
    house.settlement().steer_instruction(by("omar", steer(SteerAction::Hold, "S-1"))).await.expect("held");
    let sold = house.trade(sell("T-1", 10)).await.expect("sold");
    assert!(sold.settled.is_empty(), "matched, and held");
    let get = pb::GetInstructionRequest { number, min_sequence: sold.sequence };
    let held = house.settlement().get_instruction(get).await.expect("there").into_inner().instruction.expect("one");
    assert_eq!((held.status, held.held), (InstructionStatus::Pending as i32, true));
    assert_eq!(held.reasons, ["PREA"]);
    let explain = pb::ExplainUnmatchedRequest { number, min_sequence: sold.sequence };
    let matched = house.settlement().explain_unmatched(explain).await.expect_err("matched");
    assert_eq!((matched.code(), reason(&matched).as_str()), (Code::NotFound, "NOT_FOUND"));

    let released = house.settlement().steer_instruction(by("omar", steer(SteerAction::Release, "S-2"))).await;
    assert_eq!(released.expect("released").into_inner().receipt.expect("one").settled.len(), 2);
    let unsaid = steer(SteerAction::Unspecified, "S-3");
    let refused = house.settlement().steer_instruction(by("omar", unsaid)).await.expect_err("no action");
    assert_eq!(field(&refused), "action");
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_is_answered_in_order_and_goes_on_after_a_refusal() {
    let house = House::open().await;
    let mut broken = buy("B-1", 1);
    broken.details.as_mut().expect("set").price = None;
    let mut trades = vec![broken, buy("B-1", 1), buy("B-1", 2)];
    for number in 0..1_000 {
        trades.extend([buy(&format!("T-{number}"), 1), sell(&format!("T-{number}"), 1)]);
    }
    let count = trades.len() as u64;
    let requests = trades.into_iter().map(|trade| pb::SubmitTradesRequest { trade: Some(trade), ..Default::default() });
    let answers = house.trades().submit_trades(by("front", tokio_stream::iter(requests))).await.expect("a stream");
    let mut answers = answers.into_inner();
    let (mut index, mut last, mut settled) = (0, 0, 0);
    while let Some(answer) = answers.next().await {
        let answer = answer.expect("the stream goes on");
        assert_eq!(answer.index, index);
        match (index, answer.outcome.expect("always one")) {
            (0, Outcome::Malformed(malformed)) => assert_eq!(malformed.path, "trade.details.price"),
            (2, Outcome::Rejected(rejected)) => assert_eq!(rejected.reason, "VERSION_CONFLICT"),
            (_, Outcome::Accepted(receipt)) => {
                assert!(receipt.sequence > last, "in the order in which they were sent");
                (last, settled) = (receipt.sequence, settled + receipt.settled.len());
            }
            (_, other) => panic!("{index}: {other:?}"),
        }
        index += 1;
    }
    assert_eq!((index, settled), (count, 2_000));
}

pub fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

pub fn metadata(status: &Status, key: &str) -> String {
    let details = status.get_error_details();
    details.error_info().and_then(|info| info.metadata.get(key).cloned()).unwrap_or_default()
}

pub fn field(status: &Status) -> String {
    let details = status.get_error_details();
    details
        .bad_request()
        .and_then(|bad| bad.field_violations.first())
        .map(|each| each.field.clone())
        .unwrap_or_default()
}
