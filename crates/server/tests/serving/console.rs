//! The console's listener as a browser speaks to it: HTTP/1.1, pages, gRPC-web, and what is refused at its gate.
//! (What people see and do there: `crates/server/console/test`, in a real browser.)

use model::permission::AccessRole;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::pb::service as pb;

use crate::house::{House, SOON, by, grant};

/// Status, headers in small letters, and body of what an HTTP/1.1 request is answered.
async fn send(address: SocketAddr, head: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    stream.write_all(format!("{head}\r\n{length}connection: close\r\n\r\n").as_bytes()).await.expect("sent");
    stream.write_all(body).await.expect("sent");
    let mut answer = Vec::new();
    timeout(SOON, stream.read_to_end(&mut answer)).await.expect("in time").expect("an answer");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("headers");
    let headers = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, headers, answer[end + 4..].to_vec())
}

fn at(house: &House) -> SocketAddr {
    house.running().console_address().expect("served")
}

/// A call in gRPC-web: one message in a frame.
async fn call(house: &House, method: &str, actor: &str, message: &impl prost::Message) -> (u16, String, Vec<u8>) {
    let address = at(house);
    let bytes = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend(u32::try_from(bytes.len()).expect("short").to_be_bytes());
    frame.extend(bytes);
    let actor = if actor.is_empty() { String::new() } else { format!("\r\nx-quittance-actor: {actor}") };
    let head = format!(
        "POST /quittance.service.v1.{method} HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\n\
         content-type: application/grpc-web+proto{actor}"
    );
    send(address, &head, &frame).await
}

fn has(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_come_sealed_and_nothing_else_is_there() {
    let house = House::empty(&[]).await;
    let address = at(&house);
    let get = async |path: &str| send(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}"), &[]).await;
    for (path, kind) in [("/", "text/html"), ("/console.js", "text/javascript"), ("/console.css", "text/css")] {
        let (status, headers, body) = get(path).await;
        assert!(status == 200 && headers.contains(&format!("content-type: {kind}")), "{path}: {headers}");
        assert!(headers.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{headers}");
        assert!(!headers.contains("unsafe") && headers.contains("x-frame-options: deny"), "{headers}");
        assert!(body.len() > 200, "{path} has {} bytes: make console", body.len());
    }
    assert_eq!(get("/etc/passwd").await.0, 404);
    assert_eq!(get("/../Cargo.toml").await.0, 404);
    assert_eq!(send(address, &format!("DELETE / HTTP/1.1\r\nhost: {address}"), &[]).await.0, 405);
    let (_, headers, plain) = get("/console.js").await;
    let tag = headers.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").to_owned();
    let again = format!("GET /console.js HTTP/1.1\r\nhost: {address}\r\nif-none-match: {tag}");
    assert_eq!(send(address, &again, &[]).await.0, 304);
    let short = format!("GET /console.js HTTP/1.1\r\nhost: {address}\r\naccept-encoding: gzip, zstd");
    let (_, headers, body) = send(address, &short, &[]).await;
    assert!(headers.contains("content-encoding: zstd") && body.len() * 2 < plain.len(), "{headers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_answered_behind_the_same_door() {
    let house = House::empty(&[]).await;
    let (status, headers, body) = call(&house, "OperatorService/GetStatus", "olga", &pb::GetStatusRequest {}).await;
    assert!(status == 200 && headers.contains("content-type: application/grpc-web+proto"), "{headers}");
    assert!(has(&body, "HOUSE") && has(&body, "olga") && has(&body, "grpc-status:0"));

    house.command("G-1", &grant("ines", AccessRole::Administrator, "", "")).await.expect("granted");
    // The door follows the log: a moment after the answer it knows the grant.
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let nobody = call(&house, "OperatorService/GetStatus", "", &pb::GetStatusRequest {}).await;
        if nobody.1.contains("grpc-status: 16") || has(&nobody.2, "grpc-status:16") {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{}", nobody.1);
    }
    let read = pb::ReadRecordsRequest { from_sequence: 1, ..Default::default() };
    let refused = call(&house, "LogService/ReadRecords", "ines", &read).await;
    assert!(refused.1.contains("grpc-status: 7") || has(&refused.2, "grpc-status:7"), "{}", refused.1);
    let status = house.operator().get_status(by("ines", pb::GetStatusRequest {})).await.expect("served").into_inner();
    let caller = status.caller.expect("who asks");
    assert_eq!((caller.actor.as_str(), caller.ungoverned), ("ines", false));
    assert_eq!(caller.roles, ["administrator"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_pages_other_languages_and_long_headers_are_refused() {
    let house = House::empty(&[("grpc.max_header_kib", "2")]).await;
    let address = at(&house);
    let path = "POST /quittance.service.v1.LogService/GetHead HTTP/1.1";
    let web = "content-type: application/grpc-web+proto";
    for (status, head) in [
        (403, format!("{path}\r\nhost: {address}\r\norigin: http://evil.example\r\n{web}")),
        (421, format!("{path}\r\nhost: evil.example\r\norigin: http://evil.example\r\n{web}")),
        (415, format!("{path}\r\nhost: {address}\r\ncontent-type: application/grpc")),
        (415, format!("{path}\r\nhost: {address}\r\ncontent-type: text/plain")),
        (431, format!("{path}\r\nhost: {address}\r\n{web}\r\nx-long: {}", "y".repeat(3_000))),
        (404, format!("POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: {address}\r\n{web}").replace("POST", "GET")),
    ] {
        assert_eq!(send(address, &head, &[0; 5]).await.0, status, "{head}");
    }
    // The gRPC listener itself still speaks HTTP/2 only.
    let grpc = house.running().grpc_address();
    let mut stream = TcpStream::connect(grpc).await.expect("connects");
    stream.write_all(format!("GET / HTTP/1.1\r\nhost: {grpc}\r\n\r\n").as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.expect("closed");
    assert!(!has(&answer, "HTTP/1.1 200") && !has(&answer, "html"));
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_have_places_of_their_own() {
    let house = House::empty(&[("console.max_connections", "1")]).await;
    let address = at(&house);
    let idle = TcpStream::connect(address).await.expect("connects");
    let page = tokio::spawn(async move { send(address, &format!("GET / HTTP/1.1\r\nhost: {address}"), &[]).await.0 });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!page.is_finished(), "there is no place for it");
    house.log().get_head(by("olga", pb::GetHeadRequest {})).await.expect("callers are not held up by browsers");
    drop(idle);
    assert_eq!(timeout(SOON, page).await.expect("its turn comes").expect("no panic"), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_service() {
    let house = House::empty(&[]).await;
    let address = at(&house);
    let watching = tokio::spawn(async move {
        let head = format!(
            "POST /quittance.service.v1.SettlementService/WatchInstructions HTTP/1.1\r\nhost: {address}\r\n\
             content-type: application/grpc-web+proto"
        );
        send(address, &head, &[0; 5]).await
    });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!watching.is_finished(), "it goes on");
    house.close().await;
    let (status, _, body) = timeout(SOON, watching).await.expect("ends").expect("no panic");
    assert!(status == 200 && has(&body, "resume%20with%20the%20last%20token"), "it says how to go on");
}
