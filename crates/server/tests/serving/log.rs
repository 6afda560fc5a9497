//! The log over gRPC: the bytes that were hashed, in order, followed for as long as one likes.

use prost::Message as _;
use store::chain;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use wire::pb::record::Record;
use wire::pb::service as pb;

use crate::house::{House, SOON, buy};

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_can_prove_the_chain_from_the_bytes() {
    let house = House::open().await;
    house.deal("T-1", 5).await;
    let head = house.log().get_head(pb::GetHeadRequest {}).await.expect("there").into_inner();
    let mut stream = house.log().read_records(pb::ReadRecordsRequest::default()).await.expect("a stream").into_inner();
    let (mut sequence, mut link) = (0, chain::ORIGIN);
    while let Some(message) = stream.next().await {
        let message = message.expect("no error");
        for record in message.records {
            sequence += 1;
            assert_eq!(record.sequence, sequence);
            assert!(record.record.is_none(), "not asked for");
            assert_eq!(Record::decode(&*record.stored).expect("a record").sequence, sequence);
            link = chain::link(&link, &chain::leaf(&record.stored));
        }
        assert_eq!(message.chain, link);
    }
    assert_eq!((sequence, link.to_vec()), (head.sequence, head.chain));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_log_decoded() {
    let house = House::open().await;
    let request = pb::ReadRecordsRequest { from_sequence: 3, limit: 4, decode: true, follow: true };
    let stream = house.log().read_records(request).await.expect("a stream").into_inner();
    let messages: Vec<_> = stream.map(|message| message.expect("no error")).collect().await;
    let records: Vec<_> = messages.iter().flat_map(|message| &message.records).collect();
    assert_eq!(records.iter().map(|each| each.sequence).collect::<Vec<_>>(), [3, 4, 5, 6], "the limit ends it");
    assert!(records.iter().all(|each| each.record.as_ref().expect("asked for").sequence == each.sequence));
    let one = house.log().get_record(pb::GetRecordRequest { sequence: 6 }).await.expect("there").into_inner();
    assert_eq!(one.record.expect("always").stored, records[3].stored);
    assert_eq!(one.chain, messages.last().expect("some").chain);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_gets_what_comes_and_hears_when_nothing_does() {
    let house = House::open().await;
    let mut expected = house.running().log().head().sequence + 1;
    let request = pb::ReadRecordsRequest { from_sequence: expected, follow: true, ..Default::default() };
    let mut stream = house.log().read_records(request).await.expect("a stream").into_inner();
    loop {
        // The opening of the day may still have had work to do.
        let message = timeout(SOON, stream.message()).await.expect("in time").expect("no error").expect("no end");
        expected += message.records.len() as u64;
        if message.records.is_empty() {
            assert_eq!(message.head, expected - 1);
            break;
        }
    }
    for number in 0..5 {
        let receipt = house.trade(buy(&format!("T-{number}"), 1)).await.expect("bought");
        while expected <= receipt.sequence {
            let message = timeout(SOON, stream.message()).await.expect("in time").expect("no error").expect("no end");
            for record in message.records {
                assert_eq!(record.sequence, expected);
                expected += 1;
            }
        }
    }
}
