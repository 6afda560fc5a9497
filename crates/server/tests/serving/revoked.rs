//! Who was revoked is not let in within seconds, by token or by name, and streams that are open end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use server::{Config, Running};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};
use wire::pb::service as pb;
use wire::pb::service::settlement_service_client::SettlementServiceClient;
use wire::pb::service::trade_service_client::TradeServiceClient;

use crate::doors::{Door, file};
use crate::house::{SOON, buy, by};
use crate::tokens::{TokenIssuer, bearing, with_token};

const NOBODY: &str = "# nobody yet\n";

/// A service with a list, and a connection.
async fn door(issuer: &TokenIssuer) -> (Door, Channel, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let list = file(dir.path(), "revoked", NOBODY);
    let (door, channel) = issuer.door(dir, &[("access.revoked", list.to_str().expect("text"))]).await;
    (door, channel, list)
}

/// Writes the list as a careful person does: whole or not at all.
fn write(list: &Path, text: &str) {
    let staged = list.with_extension("new");
    std::fs::write(&staged, text).expect("writes");
    std::fs::rename(staged, list).expect("renames");
}

/// Waits until a token is refused for good; why.
async fn refused(channel: &Channel, token: &str) -> Status {
    let began = Instant::now();
    for attempt in 0.. {
        if let Err(status) = with_token(channel, &format!("again-{attempt}"), token).await {
            return status;
        }
        assert!(began.elapsed() < SOON, "it is let in for ever");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!()
}

async fn watch(channel: &Channel, token: &str) -> Streaming<pb::WatchInstructionsResponse> {
    let request = Request::new(pb::WatchInstructionsRequest::default());
    let mut client = SettlementServiceClient::new(channel.clone());
    client.watch_instructions(bearing(request, token)).await.expect("a stream").into_inner()
}

/// How a stream ends.
async fn end<T>(stream: &mut Streaming<T>) -> Status {
    let ended = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended as if all were well"),
                Err(status) => return status,
            }
        }
    };
    tokio::time::timeout(SOON, ended).await.expect("it goes on for ever")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_refused_and_its_stream_ends() {
    let issuer = TokenIssuer::ed25519();
    let (door, channel, list) = door(&issuer).await;
    let (lost, kept) = (issuer.of("ines", "lost"), issuer.of("ines", "kept"));
    with_token(&channel, "a-1", &lost).await.expect("nobody has revoked it");
    let (mut of_lost, mut of_kept) = (watch(&channel, &lost).await, watch(&channel, &kept).await);
    of_lost.message().await.expect("a snapshot").expect("first");
    of_kept.message().await.expect("a snapshot").expect("first");

    write(&list, "token lost left on a train, INC-12\n");
    let status = end(&mut of_lost).await;
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "the token was revoked"));
    let status = with_token(&channel, "a-2", &lost).await.expect_err("not any more");
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "the token was revoked"));
    with_token(&channel, "a-3", &kept).await.expect("her other token is as good as ever");
    assert!(of_kept.message().await.expect("goes on").is_some(), "a heartbeat");

    write(&list, NOBODY);
    let began = Instant::now();
    while with_token(&channel, "a-4", &lost).await.is_err() {
        assert!(began.elapsed() < SOON, "what is taken back holds again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    door.running.stop().await.expect("ends in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_actor_is_refused_however_known_and_nothing_more_is_taken_of_a_stream() {
    let issuer = TokenIssuer::ed25519();
    let (door, channel, list) = door(&issuer).await;
    let token = issuer.of("FO-ALPHA", "1");
    let (trades, outgoing) = mpsc::channel(64);
    let request = bearing(by("FO-ALPHA", ReceiverStream::new(outgoing)), &token);
    let mut answers =
        TradeServiceClient::new(channel.clone()).submit_trades(request).await.expect("a stream").into_inner();
    let send = |id: String| {
        let trade = Some(buy(&id, 1));
        trades.send(pb::SubmitTradesRequest { trade, request_id: id, reason: "test".to_owned() })
    };
    send("T-1".to_owned()).await.expect("taken");
    answers.message().await.expect("answered").expect("one");
    let sound = door.running.log().head().sequence;

    write(&list, "actor FO-ALPHA its key was stolen\n");
    let status = end(&mut answers).await;
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "the caller was revoked"));
    for number in 2..10 {
        // Whether it can be sent any more is the connection's affair.
        let _ = send(format!("T-{number}")).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(door.running.log().head().sequence, sound, "nothing is taken after the stream ended");
    for token in [&token, &issuer.of("FO-ALPHA", "2")] {
        assert_eq!(refused(&channel, token).await.message(), "the caller was revoked", "by whatever token");
    }
    let last = pb::SubmitTradeRequest { trade: Some(buy("T-99", 1)), ..Default::default() };
    let said = TradeServiceClient::new(channel.clone()).submit_trade(by("FO-ALPHA", last)).await;
    assert_eq!(said.expect_err("by its own word neither").message(), "the caller was revoked");
    with_token(&channel, "b-1", &issuer.of("FO-BETA", "3")).await.expect("others are let in");
    door.running.stop().await.expect("ends in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_or_missing_list_takes_nothing_back() {
    let issuer = TokenIssuer::ed25519();
    let (door, channel, list) = door(&issuer).await;
    let [first, second, sound] = ["first", "second", "sound"].map(|id| issuer.of("ines", id));
    write(&list, "token first stolen\n");
    refused(&channel, &first).await;
    // A slip of the pen: one line is broken, the first is gone, another is new.
    write(&list, "tokn first stolen\ntoken second stolen too\n");
    refused(&channel, &second).await;
    with_token(&channel, "c-1", &first).await.expect_err("what was revoked stays so");
    std::fs::remove_file(&list).expect("removed");
    tokio::time::sleep(Duration::from_secs(2)).await;
    for token in [&first, &second] {
        with_token(&channel, "c-2", token).await.expect_err("what was revoked stays so");
    }
    with_token(&channel, "c-3", &sound).await.expect("and nobody else is");
    door.running.stop().await.expect("ends in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_revoked_is_not_let_in_and_a_list_must_be_sound_to_start() {
    let issuer = TokenIssuer::ed25519();
    let (door, channel, list) = door(&issuer).await;
    let nameless = issuer.without_id("ines");
    let status = with_token(&channel, "d-1", &nameless).await.expect_err("it has no id");
    assert_eq!(status.message(), "the token has no id (jti): it could not be revoked");
    let Door { dir, running } = door;
    running.stop().await.expect("ends in order");
    for (text, fault) in [(Some("token lost\n"), "line 1: expected `token NAME REASON`"), (None, "No such file")] {
        match text {
            Some(text) => write(&list, text),
            None => std::fs::remove_file(&list).expect("removed"),
        }
        let flags = [
            ("store.dir", dir.path().join("data").to_str().expect("text").to_owned()),
            ("access.insecure_plaintext", "true".to_owned()),
            ("access.revoked", list.to_str().expect("text").to_owned()),
            ("grpc.listen", "127.0.0.1:0".to_owned()),
            ("http.listen", String::new()),
            ("console.listen", String::new()),
        ];
        let flags = flags.iter().map(|(key, value)| (*key, value.as_str()));
        let config = Config::from_layers(None, [], flags).expect("keys that are known");
        let error = format!("{:#}", Running::start(&config).await.err().expect("refused"));
        assert!(error.contains("access.revoked") && error.contains(fault), "{error}");
    }
}
