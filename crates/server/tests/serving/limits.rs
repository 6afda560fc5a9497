//! What one connection may cost: so many calls at once, so long a life; and how many there may be, of connections from one address and of
//! streams. (A load of callers that mean harm: `hostile_clients` of `tests/faults`. Messages, headers, and who says nothing: `lifecycle`.)

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tonic::Request;
use wire::pb::service as pb;
use wire::pb::service::log_service_client::LogServiceClient;
use wire::pb::service::settlement_service_client::SettlementServiceClient;

use crate::house::{House, SOON};

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_a_connection_may_have_wait_for_the_others() {
    let house = House::empty(&[("grpc.max_streams", "2")]).await;
    let channel = house.connect().await;
    let watch = async || {
        let mut client = SettlementServiceClient::new(channel.clone());
        let request = pb::WatchInstructionsRequest::default();
        client.watch_instructions(request).await.expect("a stream").into_inner()
    };
    let (first, _second) = (watch().await, watch().await);
    let mut log = LogServiceClient::new(channel.clone());
    let third = tokio::spawn(async move { log.get_head(pb::GetHeadRequest {}).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!third.is_finished(), "there is no place for it");
    let mut other = LogServiceClient::new(house.connect().await);
    timeout(SOON, other.get_head(pb::GetHeadRequest {})).await.expect("in time").expect("another connection is free");
    drop(first);
    timeout(SOON, third).await.expect("its turn comes").expect("no panic").expect("served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_an_end_and_the_next_one_begins() {
    let house = House::empty(&[("grpc.max_age_seconds", "1"), ("grpc.age_grace_seconds", "1")]).await;
    let channel = house.connect().await;
    let mut client = SettlementServiceClient::new(channel.clone());
    let mut updates =
        client.watch_instructions(pb::WatchInstructionsRequest::default()).await.expect("a stream").into_inner();
    let ends = async { while let Ok(Some(_)) = updates.message().await {} };
    timeout(SOON, ends).await.expect("the stream ends with its connection");
    let mut log = LogServiceClient::new(channel);
    let again = async { while log.get_head(pb::GetHeadRequest {}).await.is_err() {} };
    timeout(SOON, again).await.expect("the channel connects anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_has_its_time_and_no_longer() {
    let house = House::empty(&[("grpc.timeout_seconds", "1"), ("grpc.wait_seconds", "60")]).await;
    // Waits for a record that never comes; the caller itself would wait for ever.
    let never = pb::ListInstructionsRequest { min_sequence: 999_999, ..Default::default() };
    let answer = timeout(SOON, house.settlement().list_instructions(Request::new(never))).await;
    let refused = answer.expect("the service ends it").expect_err("there is no such record");
    let codes = [tonic::Code::Cancelled, tonic::Code::DeadlineExceeded, tonic::Code::Unavailable];
    assert!(codes.contains(&refused.code()), "{refused:?}");
}

/// A connection from an address of this machine.
async fn from(address: [u8; 4], house: &House) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((address, 0).into()).expect("all of 127/8 is this machine");
    socket.connect(house.running().grpc_address()).await.expect("connects")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_does_not_take_the_places_of_others() {
    let house = House::empty(&[("grpc.max_connections_per_address", "2")]).await;
    let mut buffer = [0; 9];
    let (_one, _two) = (from([127, 0, 0, 9], &house).await, from([127, 0, 0, 9], &house).await);
    let mut third = from([127, 0, 0, 9], &house).await;
    let begun = std::time::Instant::now();
    let read = timeout(SOON, third.read(&mut buffer)).await.expect("in time");
    assert!(matches!(read, Ok(0) | Err(_)), "closed, and nothing said: {read:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "at once, and not when a silent caller is given up");
    let mut other = from([127, 0, 0, 10], &house).await;
    other.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("sends");
    timeout(SOON, other.read_exact(&mut buffer)).await.expect("in time").expect("it is spoken to");
    assert_eq!(buffer[3], 4, "the service's settings");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_counted_until_their_readers_have_gone() {
    let house = House::empty(&[("grpc.max_readers", "2")]).await;
    let watch = async || house.settlement().watch_instructions(pb::WatchInstructionsRequest::default()).await;
    let read = async || house.log().read_records(pb::ReadRecordsRequest { follow: true, ..Default::default() }).await;
    let (first, _second) = (watch().await.expect("a stream"), read().await.expect("a stream"));
    for refused in [watch().await.map(drop), read().await.map(drop)] {
        assert_eq!(refused.expect_err("there is no place").code(), tonic::Code::ResourceExhausted);
    }
    house.log().get_head(pb::GetHeadRequest {}).await.expect("a question needs no place");
    drop(first);
    let again = async { while read().await.is_err() {} };
    timeout(SOON, again).await.expect("its place is free again");
}
