//! The service as a process of its own: signals, traces, and what callers are told while it recovers.
//!
//! The process is this test program again, which runs the one test that serves.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use server::{Config, Running};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use wire::pb::service as pb;
use wire::pb::service::log_service_client::LogServiceClient;
use wire::pb::service::operator_service_client::OperatorServiceClient;

use crate::commands::reason;
use crate::house::{SOON, by};

/// Not a test: the process that the tests below start.
#[test]
#[ignore = "serves until it is told to end"]
fn serve() {
    let config = Config::load(None, []).expect("a configuration from the environment");
    server::run(&config).expect("ends in order");
}

/// A process that serves on a log of its own.
struct Process {
    child: Child,
    _dir: tempfile::TempDir,
    address: String,
}

impl Process {
    async fn start(variables: &[(&str, &str)]) -> Process {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().join("data").to_string_lossy().into_owned();
        let address = free_address();
        let config = Config::from_layers(None, [], [("store.dir", data.as_str())]).expect("sound");
        tokio::task::spawn_blocking(move || server::init(&config)).await.expect("no panic").expect("creates the log");
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "process::serve", "--ignored", "--nocapture"])
            .env("QUITTANCE__STORE__DIR", &data)
            .env("QUITTANCE__GRPC__LISTEN", &address)
            .env("QUITTANCE__HTTP__LISTEN", "")
            .env("QUITTANCE__CONSOLE__LISTEN", "")
            .env("QUITTANCE__ACCESS__INSECURE_PLAINTEXT", "true")
            .env("QUITTANCE__TELEMETRY__FORMAT", "json")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        Process { child, _dir: dir, address: format!("http://{address}") }
    }

    async fn connect(&self) -> Channel {
        let connect = async {
            loop {
                match Channel::from_shared(self.address.clone()).expect("an address").connect().await {
                    Ok(channel) => return channel,
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        timeout(SOON, connect).await.expect("in time")
    }

    /// Asks it to end, and gives whether it did so in order, and its log lines.
    async fn terminate(self) -> (bool, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kills").success());
        let ended = tokio::task::spawn_blocking(move || self.child.wait_with_output().expect("ended"));
        let output = timeout(SOON, ended).await.expect("in time").expect("no panic");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_it_in_order() {
    let process = Process::start(&[]).await;
    let channel = process.connect().await;
    until_open(&channel).await;
    let request = pb::ReadRecordsRequest { follow: true, ..Default::default() };
    let mut stream = LogServiceClient::new(channel).read_records(request).await.expect("a stream").into_inner();
    let first = stream.message().await.expect("no error").expect("no end");
    assert_eq!(first.records.len(), 1, "the genesis");
    let (in_order, lines) = process.terminate().await;
    assert!(in_order, "{lines}");
    let ended = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&ended), "SHARD_STOPPED");
    for line in lines.lines().filter(|line| line.contains("\"level\"")) {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        assert_ne!(line["level"], "ERROR", "{line}");
    }
    assert!(lines.contains("takes commands") && lines.contains("asked to end"), "{lines}");
}

/// What a collector was sent: trace ids and names of spans.
#[derive(Clone)]
struct Collector(mpsc::Sender<(Vec<u8>, String)>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let spans = request.into_inner().resource_spans.into_iter();
        for span in spans.flat_map(|each| each.scope_spans).flat_map(|each| each.spans) {
            let _ = self.0.send((span.trace_id, span.name));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_trace_reaches_the_collector() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let collector = format!("http://{}", listener.local_addr().expect("bound"));
    let (sender, spans) = mpsc::channel();
    let service = TraceServiceServer::new(Collector(sender));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));

    let process = Process::start(&[
        ("QUITTANCE__TELEMETRY__OTLP_ENDPOINT", &collector),
        // Only what a caller has decided to trace.
        ("QUITTANCE__TELEMETRY__SAMPLE_RATIO", "0.0"),
    ])
    .await;
    let channel = process.connect().await;
    until_open(&channel).await;
    let transfer = r#"{"transfer":{"to":"A","book":"B","currency":"EUR","quantity":"5.00"}}"#;
    let mut request = by(
        "ines",
        pb::SubmitCommandRequest {
            command: Some(serde_json::from_str(transfer).expect("a command")),
            request_id: "R-1".to_owned(),
            reason: "test".to_owned(),
        },
    );
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    request.metadata_mut().insert("traceparent", parent.parse().expect("ASCII"));
    let refused = OperatorServiceClient::new(channel).submit_command(request).await.expect_err("no such account");
    assert_eq!(refused.code(), Code::FailedPrecondition);

    let (in_order, lines) = process.terminate().await;
    assert!(in_order, "{lines}");
    let trace: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&parent[3 + 2 * at..5 + 2 * at], 16).expect("hex")).collect();
    let sent: Vec<_> = spans.try_iter().collect();
    let call = (trace, "/quittance.service.v1.OperatorService/SubmitCommand".to_owned());
    assert!(sent.contains(&call), "{sent:?}\n{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_too_early_is_told_to_wait() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, address) = (dir.path().join("data").to_string_lossy().into_owned(), free_address());
    let flags = [
        ("store.dir", data.as_str()),
        ("grpc.listen", address.as_str()),
        ("http.listen", ""),
        ("console.listen", ""),
        ("access.insecure_plaintext", "true"),
    ];
    let config = Config::from_layers(None, [], flags).expect("sound");
    let init = config.clone();
    tokio::task::spawn_blocking(move || server::init(&init)).await.expect("no panic").expect("creates the log");

    // A recovery that takes until we let it go on.
    let (go, wait) = mpsc::channel::<()>();
    let starting = tokio::spawn(async move {
        let hold = move |options: engine::Options| {
            tokio::task::block_in_place(|| wait.recv_timeout(SOON).expect("let go"));
            options
        };
        Running::start_with(&config, hold).await
    });
    let connect = async {
        loop {
            if let Ok(channel) = Channel::from_shared(format!("http://{address}")).expect("an address").connect().await
            {
                return channel;
            }
        }
    };
    let channel = timeout(SOON, connect).await.expect("the door is there before the shard");
    let health = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.expect("answers");
    assert_eq!(health.into_inner().status, ServingStatus::NotServing as i32);
    let early = LogServiceClient::new(channel.clone()).get_head(pb::GetHeadRequest {}).await.expect_err("too early");
    assert_eq!((early.code(), reason(&early).as_str()), (Code::Unavailable, "STARTING"));
    let status =
        OperatorServiceClient::new(channel.clone()).get_status(pb::GetStatusRequest {}).await.expect("answers");
    assert_eq!(status.into_inner().state, pb::ShardState::Recovering as i32);

    go.send(()).expect("waits");
    let running = timeout(SOON, starting).await.expect("in time").expect("no panic").expect("starts");
    until_open(&channel).await;
    running.stop().await.expect("ends in order");
}

/// Waits until calls are let in.
async fn until_open(channel: &Channel) {
    let open = async {
        while LogServiceClient::new(channel.clone()).get_head(pb::GetHeadRequest {}).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, open).await.expect("in time");
}
