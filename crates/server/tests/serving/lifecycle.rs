//! Start and end: the wrong directory, a port in use, callers that only pretend, limits.

use std::time::Duration;

use server::{Config, Running};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;
use wire::pb::service as pb;
use wire::pb::service::log_service_client::LogServiceClient;

use crate::house::{House, SOON, buy, by};

fn config(dir: &std::path::Path) -> Config {
    let dir = dir.to_string_lossy();
    let flags = [
        ("store.dir", &*dir),
        ("grpc.listen", "127.0.0.1:0"),
        ("http.listen", ""),
        ("console.listen", ""),
        ("store.cache_mib", "8"),
        ("access.insecure_plaintext", "true"),
    ];
    Config::from_layers(None, [], flags).expect("sound")
}

async fn init(config: &Config) -> anyhow::Result<()> {
    let config = config.clone();
    tokio::task::spawn_blocking(move || server::init(&config)).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_directory_is_no_empty_ledger() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = config(dir.path());
    let refused = Running::start(&config).await.err().expect("no log").to_string();
    assert!(refused.contains("there is no log in") && refused.contains("quittance init"), "{refused}");
    assert!(!dir.path().join("log").exists(), "nothing was made by accident");

    init(&config).await.expect("creates it");
    let again = format!("{:#}", init(&config).await.expect_err("there is one"));
    assert!(again.contains("is not empty"), "{again}");
    let running = Running::start(&config).await.expect("starts");
    assert_eq!(running.log().head().sequence, 1, "the genesis");
    assert_eq!(running.http_address(), None);
    let twice = format!("{:#}", Running::start(&config).await.err().expect("in use"));
    assert!(twice.contains("is in use"), "{twice}");
    running.stop().await.expect("ends in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_said_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut config = config(dir.path());
    config.grpc.listen = taken.local_addr().expect("bound").to_string();
    let refused = Running::start(&config).await.err().expect("taken").to_string();
    assert!(refused.starts_with(&format!("grpc.listen = {}: cannot listen there", config.grpc.listen)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let mut house = House::open().await;
    let receipt = house.deal("T-1", 5).await;
    house.crash().await;
    let get = pb::GetTradeRequest { source: "FO-A".to_owned(), id: "T-1".to_owned(), min_sequence: receipt.sequence };
    let trade = house.trades().get_trade(get).await.expect("there").into_inner().trade.expect("one");
    assert!(trade.instructions[0].ended_at_sequence == receipt.sequence);
    assert!(house.trade(buy("T-1", 5)).await.expect("answered as before").duplicate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_refused_and_the_connection_lives() {
    let house = House::empty(&[("grpc.max_message_kib", "64")]).await;
    let mut trade = buy("T-1", 1);
    trade.details.as_mut().expect("set").order_reference = "x".repeat(100_000);
    let request = pb::SubmitTradeRequest { trade: Some(trade), ..Default::default() };
    let refused = house.trades().submit_trade(by("front", request)).await.expect_err("too large");
    assert_eq!(refused.code(), Code::OutOfRange, "{refused:?}");
    house.log().get_head(pb::GetHeadRequest {}).await.expect("served as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_too_long_cost_at_most_the_connection() {
    let house = House::empty(&[]).await;
    let mut headers = by("front", pb::GetHeadRequest {});
    headers.metadata_mut().insert("x-long", "y".repeat(100_000).parse().expect("ASCII"));
    // HTTP/2 leaves it to the server whether it refuses the stream or closes the connection.
    assert!(house.log().get_head(headers).await.is_err(), "longer than the headers may be");
    let mut another = LogServiceClient::new(house.connect().await);
    another.get_head(pb::GetHeadRequest {}).await.expect("served as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_pretends_to_call_is_shown_the_door() {
    let house = House::empty(&[("grpc.max_connections", "3")]).await;
    let address = house.running().grpc_address();
    // The house itself has one of three places; two are taken by callers that say nothing.
    let mut idle = TcpStream::connect(address).await.expect("connects");
    let mut slow = TcpStream::connect(address).await.expect("connects");
    slow.write_all(b"PRI * HT").await.expect("a part of the preface");
    let begun = std::time::Instant::now();
    let another = tokio::spawn(house.connect_lazily());
    let mut buffer = [0; 64];
    for stream in [&mut idle, &mut slow] {
        let read = async { while !matches!(stream.read(&mut buffer).await, Ok(0) | Err(_)) {} };
        timeout(SOON, read).await.expect("closed by the service");
    }
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let mut log = LogServiceClient::new(another.await.expect("no panic"));
    timeout(SOON, log.get_head(pb::GetHeadRequest {})).await.expect("a place is free again").expect("served");
}
