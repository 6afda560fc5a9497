//! Subscriptions: a snapshot, then changes, resumed without a gap, and nobody waits for a reader that stalls.

use std::collections::BTreeMap;

use tokio::time::timeout;
use tonic::{Code, Streaming};
use wire::pb::service as pb;
use wire::pb::view::instruction_update::Kind;
use wire::pb::view::{InstructionFilter, InstructionStatus, InstructionUpdate};

use crate::commands::reason;
use crate::house::{House, SOON, buy, sell};

type Updates = Streaming<pb::WatchInstructionsResponse>;

fn of_alpha() -> InstructionFilter {
    InstructionFilter { party: "ALPHA".to_owned(), ..Default::default() }
}

async fn watch(house: &House, token: &str, min_sequence: u64) -> Updates {
    let request =
        pb::WatchInstructionsRequest { filter: Some(of_alpha()), resume_token: token.to_owned(), min_sequence };
    house.settlement().watch_instructions(request).await.expect("a stream").into_inner()
}

async fn next(updates: &mut Updates) -> InstructionUpdate {
    let message = timeout(SOON, updates.message()).await.expect("in time").expect("no error").expect("no end");
    message.update.expect("always one")
}

/// The next message that is not a heartbeat.
async fn news(updates: &mut Updates) -> InstructionUpdate {
    loop {
        let update = next(updates).await;
        if !matches!(update.kind, Some(Kind::Heartbeat(_))) {
            return update;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_what_is_open_then_what_changes() {
    let house = House::open().await;
    let first = house.trade(buy("T-1", 10)).await.expect("bought");
    let mut updates = watch(&house, "", first.sequence).await;
    let update = next(&mut updates).await;
    let Some(Kind::Snapshot(snapshot)) = update.kind else { panic!("{update:?}") };
    assert!(snapshot.last);
    assert_eq!(snapshot.instructions.iter().map(|each| each.number).collect::<Vec<_>>(), first.issued);

    let quiet = next(&mut updates).await;
    assert!(matches!(quiet.kind, Some(Kind::Heartbeat(_))), "nothing has changed: {quiet:?}");
    assert!(!quiet.resume_token.is_empty());

    house.trade(sell("T-1", 10)).await.expect("sold");
    let update = news(&mut updates).await;
    let Some(Kind::Changes(changes)) = update.kind else { panic!("{update:?}") };
    assert_eq!(changes.instructions.len(), 1, "the other side is not ALPHA's");
    assert_eq!(changes.instructions[0].status, InstructionStatus::Settled as i32);
    assert!(update.sequence > first.sequence);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_stream_goes_on_where_it_ended_also_after_a_restart() {
    let mut house = House::open().await;
    house.trade(buy("T-0", 1)).await.expect("bought");
    let mut updates = watch(&house, "", 0).await;
    let mut token = news(&mut updates).await.resume_token;
    let mut settled = BTreeMap::new();
    let mut last = 0;
    for round in 0..4 {
        drop(updates);
        for number in 0..10 {
            let id = format!("R-{round}-{number}");
            house.trade(buy(&id, 1)).await.expect("bought");
            last = house.trade(sell(&id, 1)).await.expect("sold").sequence;
        }
        if round == 2 {
            house.restart().await;
        }
        updates = watch(&house, &token, last).await;
        let mut at = 0;
        while at < last {
            let update = news(&mut updates).await;
            assert!(update.sequence > at, "never back in time");
            (at, token) = (update.sequence, update.resume_token.clone());
            match update.kind {
                Some(Kind::Changes(changes)) => {
                    let ended = InstructionStatus::Settled as i32;
                    for each in changes.instructions.into_iter().filter(|each| each.status == ended) {
                        // It may come again as it stood, never as it stood before.
                        let before = settled.insert(each.number, each.changed_at_sequence);
                        assert!(
                            before.is_none_or(|before| before <= each.changed_at_sequence),
                            "back in time: {each:?}"
                        );
                    }
                }
                // The window of changes is in memory: a restart may begin anew, and says so first.
                Some(Kind::Reset(_)) if round == 2 => {
                    let Some(Kind::Snapshot(snapshot)) = news(&mut updates).await.kind else { panic!("no snapshot") };
                    assert!(snapshot.last && snapshot.instructions.len() == 1, "only T-0 is open");
                    settled = all_settled(&house, last).await;
                    let quiet = next(&mut updates).await;
                    (at, token) = (last, quiet.resume_token);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(settled.len(), 40, "nothing is missed");
}

/// What has ended is found by listing: number and last change.
async fn all_settled(house: &House, min_sequence: u64) -> BTreeMap<u64, u64> {
    let filter = InstructionFilter { statuses: vec![InstructionStatus::Settled as i32], ..of_alpha() };
    let request = pb::ListInstructionsRequest { filter: Some(filter), min_sequence, ..Default::default() };
    let page = house.settlement().list_instructions(request).await.expect("a page").into_inner();
    page.instructions.into_iter().map(|each| (each.number, each.changed_at_sequence)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stalls_holds_up_nobody_and_misses_nothing() {
    let house = House::open().await;
    let mut stalled = Vec::new();
    for _ in 0..20 {
        let channel = house.connect().await;
        let mut client = pb::settlement_service_client::SettlementServiceClient::new(channel);
        let request = pb::WatchInstructionsRequest { filter: Some(of_alpha()), ..Default::default() };
        stalled.push(client.watch_instructions(request).await.expect("a stream").into_inner());
    }
    // Nobody reads; trades come all the same, and queries are answered.
    let mut last = 0;
    for number in 0..300 {
        house.trade(buy(&format!("T-{number}"), 1)).await.expect("bought");
        last = house.trade(sell(&format!("T-{number}"), 1)).await.expect("sold").sequence;
    }
    let summary = pb::SummarizeInstructionsRequest { min_sequence: last };
    let _ =
        timeout(SOON, house.settlement().summarize_instructions(summary)).await.expect("in time").expect("answered");
    // Whoever reads again gets all of it.
    for updates in &mut stalled {
        let mut settled = BTreeMap::new();
        let mut at = 0;
        while at < last {
            let update = news(updates).await;
            at = update.sequence.max(at);
            if let Some(Kind::Changes(changes)) = update.kind {
                settled.extend(changes.instructions.into_iter().map(|each| (each.number, each.status)));
            }
        }
        assert_eq!(settled.len(), 300);
        assert!(settled.values().all(|status| *status == InstructionStatus::Settled as i32));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_the_service_and_say_so() {
    let house = House::open().await;
    let mut updates = watch(&house, "", 0).await;
    news(&mut updates).await;
    let closed = tokio::spawn(house.close());
    let end = loop {
        match timeout(SOON, updates.message()).await.expect("in time") {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a stream without end ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!((end.code(), reason(&end).as_str()), (Code::Unavailable, "SHARD_STOPPED"));
    timeout(SOON, closed).await.expect("ends in time").expect("no panic");
}
