//! Pages: stable while the log grows, and their tokens of use for nothing else.

use std::collections::BTreeSet;

use tonic::Code;
use wire::pb::service as pb;
use wire::pb::view::{BalanceFilter, InstructionFilter, InstructionStatus};

use crate::commands::{field, metadata, reason};
use crate::house::{House, buy, sell};

fn instructions(filter: InstructionFilter, token: &str) -> pb::ListInstructionsRequest {
    pb::ListInstructionsRequest { filter: Some(filter), page_size: 7, page_token: token.to_owned(), min_sequence: 0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_throughout_is_listed_once_whatever_changes() {
    let mut house = House::open().await;
    let mut unmatched = BTreeSet::new();
    let mut last = 0;
    for number in 0..25 {
        let receipt = house.trade(buy(&format!("T-{number}"), 1)).await.expect("bought");
        unmatched.insert(receipt.issued[0]);
        last = receipt.sequence;
    }
    let filter = InstructionFilter { book: "ALPHA-EQ".to_owned(), ..Default::default() };
    let mut request = instructions(filter.clone(), "");
    request.min_sequence = last;
    let (mut seen, mut page_number) = (Vec::new(), 0);
    loop {
        let page = house.settlement().list_instructions(request.clone()).await.expect("a page").into_inner();
        assert!(page.instructions.len() <= 7 && page.sequence >= last);
        seen.extend(page.instructions.iter().map(|each| each.number));
        if page.next_page_token.is_empty() {
            break;
        }
        request = instructions(filter.clone(), &page.next_page_token);
        // In between some settle, some come, and the service is started again.
        house.trade(sell(&format!("T-{page_number}"), 1)).await.expect("sold");
        house.trade(buy(&format!("N-{page_number}"), 1)).await.expect("bought");
        if page_number == 1 {
            house.restart().await;
        }
        page_number += 1;
    }
    assert!(seen.is_sorted(), "{seen:?}");
    let once: BTreeSet<u64> = seen.iter().copied().collect();
    assert_eq!(once.len(), seen.len(), "nothing twice: {seen:?}");
    assert!(once.is_superset(&unmatched), "nothing missed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_serves_its_own_listing_only() {
    let house = House::open().await;
    for number in 0..9 {
        house.trade(buy(&format!("T-{number}"), 1)).await.expect("bought");
    }
    let last = house.trade(buy("T-9", 1)).await.expect("bought").sequence;
    let filter = InstructionFilter { book: "ALPHA-EQ".to_owned(), ..Default::default() };
    let mut request = instructions(filter.clone(), "");
    request.min_sequence = last;
    let page = house.settlement().list_instructions(request).await.expect("a page").into_inner();
    let token = page.next_page_token;
    assert!(!token.is_empty());

    let other = InstructionFilter { party: "ALPHA".to_owned(), ..Default::default() };
    let mut tampered = token.clone();
    tampered.replace_range(0..1, if token.starts_with('0') { "1" } else { "0" });
    for (filter, token) in [(other, token.as_str()), (filter.clone(), tampered.as_str()), (filter.clone(), "nonsense")]
    {
        let refused = house.settlement().list_instructions(instructions(filter, token)).await.expect_err(token);
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "TOKEN_REFUSED"));
    }
    let balances = pb::ListBalancesRequest {
        filter: Some(BalanceFilter::default()),
        page_token: token.clone(),
        ..Default::default()
    };
    let refused = house.ledger().list_balances(balances).await.expect_err("of another listing");
    assert_eq!(reason(&refused), "TOKEN_REFUSED");
    let watch = pb::WatchInstructionsRequest { filter: Some(filter), resume_token: token, ..Default::default() };
    let refused = house.settlement().watch_instructions(watch).await.expect_err("no token of a subscription");
    assert_eq!(reason(&refused), "TOKEN_REFUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_makes_no_sense_is_an_error_and_never_an_empty_list() {
    let house = House::open().await;
    let list = |filter| house_list(&house, filter);
    let refused = list(InstructionFilter { trade_id: "T-1".to_owned(), ..Default::default() }).await;
    assert_eq!((refused.code(), field(&refused).as_str()), (Code::InvalidArgument, "filter.trade_id"));
    let refused = list(InstructionFilter { reason: "lack".to_owned(), ..Default::default() }).await;
    assert_eq!(field(&refused), "filter.reason");
    let refused = list(InstructionFilter { intended_from: 20261332, ..Default::default() }).await;
    assert_eq!(field(&refused), "filter.intended_from");
    let refused =
        list(InstructionFilter { statuses: vec![InstructionStatus::Unspecified as i32], ..Default::default() }).await;
    assert_eq!(field(&refused), "filter.statuses");
    let refused = list(InstructionFilter { book: "GAMMA-EQ".to_owned(), ..Default::default() }).await;
    assert_eq!((refused.code(), metadata(&refused, "id").as_str()), (Code::NotFound, "GAMMA-EQ"));
}

async fn house_list(house: &House, filter: InstructionFilter) -> tonic::Status {
    let answer = house.settlement().list_instructions(instructions(filter, "")).await;
    answer.expect_err("refused")
}
