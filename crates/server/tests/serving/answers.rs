//! Questions: as recent as they must be, and what they say when there is no answer.

use std::time::{Duration, Instant};

use projections::ViewName;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;
use wire::pb::service as pb;
use wire::pb::service::ShardState;
use wire::pb::view::InstructionStatus;

use crate::commands::{field, metadata, reason};
use crate::house::{House, TODAY, buy, by, sell};

#[tokio::test(flavor = "multi_thread")]
async fn one_reads_ones_own_writes() {
    let house = House::open().await;
    for number in 0..200 {
        let id = format!("T-{number}");
        let receipt = house.trade(if number % 2 == 0 { buy(&id, 1) } else { sell(&id, 1) }).await.expect("captured");
        let get = pb::GetInstructionRequest { number: receipt.issued[0], min_sequence: receipt.sequence };
        let answer = house.settlement().get_instruction(get).await.expect("it is there").into_inner();
        assert!(answer.sequence >= receipt.sequence);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_in_time_is_said_before_the_deadline() {
    let house = House::open().await;
    let begun = Instant::now();
    let mut request = Request::new(pb::GetInstructionRequest { number: 1, min_sequence: 1_000_000 });
    request.set_timeout(Duration::from_secs(1));
    let late = house.settlement().get_instruction(request).await.expect_err("never comes");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!((late.code(), reason(&late).as_str()), (Code::Unavailable, "VIEW_BEHIND"), "{late:?}");
    assert_eq!((metadata(&late, "view").as_str(), metadata(&late, "wanted").as_str()), ("status", "1000000"));
    assert!(late.get_error_details().retry_info().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let house = House::open().await;
    let get = pb::GetInstructionRequest { number: 77, ..Default::default() };
    let missing = house.settlement().get_instruction(get).await.expect_err("none");
    assert_eq!((missing.code(), metadata(&missing, "id").as_str()), (Code::NotFound, "77"));
    let get = pb::GetTradeRequest { source: "FO-A".to_owned(), id: "T-1".to_owned(), ..Default::default() };
    assert_eq!(house.trades().get_trade(get).await.expect_err("none").code(), Code::NotFound);
    let get = pb::GetTradeRequest { source: "FO-A".to_owned(), ..Default::default() };
    assert_eq!(field(&house.trades().get_trade(get).await.expect_err("no id")), "id");
    let ladder = pb::GetCashLadderRequest { account: "ALPHA-CASH".to_owned(), ..Default::default() };
    assert_eq!(field(&house.cash().get_cash_ladder(ladder).await.expect_err("no currency")), "currency");
    let record = pb::GetRecordRequest { sequence: 9_999 };
    assert_eq!(house.log().get_record(record).await.expect_err("none").code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_balances_and_status_are_of_one_piece() {
    let house = House::open().await;
    house.deal("T-1", 5).await;
    let last = house.trade(buy("T-2", 7)).await.expect("bought").sequence;
    let summary = pb::SummarizeInstructionsRequest { min_sequence: last };
    let lines = house.settlement().summarize_instructions(summary).await.expect("there").into_inner().lines;
    let count = |status: InstructionStatus| -> u64 {
        lines.iter().filter(|line| line.status == status as i32).map(|line| line.count).sum()
    };
    assert_eq!((count(InstructionStatus::Settled), count(InstructionStatus::Unmatched)), (2, 1));

    let balances = pb::ListBalancesRequest { min_sequence: last, ..Default::default() };
    let balances = house.ledger().list_balances(balances).await.expect("there").into_inner().balances;
    let depot = balances.iter().find(|each| each.account == "ALPHA-DEPOT").expect("there");
    assert_eq!(depot.amount.as_ref().expect("always").unscaled, 1_005);

    let status = house.operator().get_status(pb::GetStatusRequest {}).await.expect("there").into_inner();
    assert_eq!(status.state, ShardState::Running as i32);
    assert_eq!((status.house.as_str(), status.sequence), ("HOUSE", house.running().log().head().sequence));
    assert_eq!((status.days[0].domain.as_str(), status.days[0].date, status.days[0].open), ("QCSD", TODAY, true));
    assert_eq!(status.days[0].coming.len(), 2, "by the domain's own rules: {:?}", status.days);
    assert_eq!(status.days[0].coming[0].at.as_ref().expect("always").seconds, 1_795_449_600, "17:00 in Paris");
    assert!(
        status.followers.iter().all(|each| each.stopped.is_empty()) && status.followers.len() == ViewName::ALL.len()
    );
    let open = status.open.iter().find(|count| count.name == "instructions").expect("counted");
    assert_eq!(open.count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_in_repair_is_listed_and_repaired() {
    let house = House::open().await;
    let mut trade = buy("T-1", 10);
    trade.details.as_mut().expect("set").instrument = "BMW".to_owned();
    let receipt = house.trade(trade).await.expect("accepted, and in repair");
    assert_eq!(receipt.defects[0].code, "UNKNOWN_INSTRUMENT");
    assert!(receipt.issued.is_empty());
    let list = pb::ListTradesRequest { min_sequence: receipt.sequence, ..Default::default() };
    let loose = house.trades().list_trades(list).await.expect("there").into_inner().trades;
    assert_eq!((loose.len(), loose[0].id.as_str(), loose[0].defects.len()), (1, "T-1", 1));

    let repair = pb::RepairTradeRequest {
        source: "FO-A".to_owned(),
        id: "T-1".to_owned(),
        details: buy("T-1", 10).details,
        request_id: "F-1".to_owned(),
        reason: "meant SAP".to_owned(),
    };
    let repaired = house.operator().repair_trade(by("omar", repair)).await.expect("repaired").into_inner();
    assert_eq!(repaired.receipt.expect("one").issued.len(), 1);
}
