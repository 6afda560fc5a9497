//! Health, reflection, metrics: what machines ask before people do.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::house::{House, SOON};

const SERVICES: [&str; 6] = ["Cash", "Ledger", "Log", "Operator", "Settlement", "Trade"];

#[tokio::test(flavor = "multi_thread")]
async fn every_service_tells_its_health() {
    let house = House::open().await;
    let mut health = HealthClient::new(house.channel());
    for name in SERVICES.map(|name| format!("quittance.service.v1.{name}Service")).into_iter().chain([String::new()]) {
        let request = HealthCheckRequest { service: name.clone() };
        let mut stream = health.watch(request).await.expect("known").into_inner();
        let serving = async {
            while let Some(answer) = stream.message().await.expect("no error") {
                if answer.status == ServingStatus::Serving as i32 {
                    return true;
                }
            }
            false
        };
        assert!(timeout(SOON, serving).await.expect("in time"), "{name}");
    }
    let request = HealthCheckRequest { service: "quittance.service.v1.OtherService".to_owned() };
    assert_eq!(health.check(request).await.expect_err("unknown").code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interface_describes_itself_unless_told_not_to() {
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let house = House::open().await;
    let mut reflection = ServerReflectionClient::new(house.channel());
    let mut answers =
        reflection.server_reflection_info(tokio_stream::once(list.clone())).await.expect("on").into_inner();
    let answer = answers.message().await.expect("no error").expect("one").message_response.expect("always");
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    for name in SERVICES {
        assert!(names.contains(&format!("quittance.service.v1.{name}Service")), "{name} in {names:?}");
    }

    let closed = House::empty(&[("grpc.reflection", "false")]).await;
    let mut reflection = ServerReflectionClient::new(closed.channel());
    let refused = reflection.server_reflection_info(tokio_stream::once(list)).await.expect_err("off");
    assert_eq!(refused.code(), Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_readiness_are_served_over_http() {
    let house = House::open().await;
    let metrics = get(&house, "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    let calls = "quittance_grpc_calls_total{method=\"OperatorService/SubmitCommand\",code=\"0\"}";
    for name in
        [calls, "quittance_log_sequence", "quittance_view_lag_records{view=\"status\"}", "quittance_engine_sequence"]
    {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
    assert!(get(&house, "/healthz").await.starts_with("HTTP/1.1 200"));
    let ready = async {
        while !get(&house, "/readyz").await.starts_with("HTTP/1.1 200") {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, ready).await.expect("in time");
    assert!(get(&house, "/other").await.starts_with("HTTP/1.1 404"));
}

async fn get(house: &House, path: &str) -> String {
    let mut stream = TcpStream::connect(house.running().http_address().expect("listens")).await.expect("connects");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer
}
