//! The services on one port: with their limits, health, and reflection where it is wanted.

use std::time::Duration;

use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};
use wire::pb::service::cash_service_server::CashServiceServer;
use wire::pb::service::ledger_service_server::LedgerServiceServer;
use wire::pb::service::log_service_server::LogServiceServer;
use wire::pb::service::operator_service_server::OperatorServiceServer;
use wire::pb::service::position_service_server::PositionServiceServer;
use wire::pb::service::report_service_server::ReportServiceServer;
use wire::pb::service::risk_service_server::RiskServiceServer;
use wire::pb::service::settlement_service_server::SettlementServiceServer;
use wire::pb::service::trade_service_server::TradeServiceServer;

use crate::access::Guard;
use crate::backend::Backend;

/// What one connection and one call may cost. Set one by one: the defaults of HTTP/2 libraries are made for other loads.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Calls at once on one connection.
    pub streams: u32,
    /// Bytes of the headers of one call.
    pub header_bytes: u32,
    /// Longest time until a call is answered, or a stream begins.
    pub timeout: Duration,
    /// A connection is asked to end after so long, and ended a grace later. Zero: never.
    pub max_age: Duration,
    /// That grace.
    pub age_grace: Duration,
    /// A ping after so much silence; a connection that does not answer it is closed.
    pub keepalive: Duration,
}

impl Default for Transport {
    fn default() -> Transport {
        Transport {
            streams: 200,
            header_bytes: 16 << 10,
            timeout: Duration::from_secs(30),
            max_age: Duration::from_secs(4 * 3_600),
            age_grace: Duration::from_secs(300),
            keepalive: Duration::from_secs(30),
        }
    }
}

/// Streams that a caller resets before they are answered, and those we reset: more end the connection (rapid reset).
const RESET_STREAMS: usize = 50;

impl Transport {
    /// A server with these limits.
    #[must_use]
    pub fn server(&self) -> Server {
        let server = Server::builder()
            .max_concurrent_streams(self.streams)
            .concurrency_limit_per_connection(self.streams as usize)
            .http2_max_header_list_size(self.header_bytes)
            .http2_max_pending_accept_reset_streams(Some(RESET_STREAMS))
            .http2_max_local_error_reset_streams(Some(RESET_STREAMS))
            .http2_keepalive_interval(Some(self.keepalive))
            .http2_keepalive_timeout(Some(self.keepalive))
            .http2_adaptive_window(Some(false))
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .max_frame_size(64 << 10)
            .tcp_nodelay(true)
            .accept_http1(false)
            .timeout(self.timeout);
        if self.max_age.is_zero() {
            return server;
        }
        server.max_connection_age(self.max_age).max_connection_age_grace(self.age_grace)
    }
}

/// What is there to serve with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serving {
    /// The log is open: it can be read, and operators can ask and act.
    pub log: bool,
    /// The shard takes commands.
    pub commands: bool,
    /// The views have reached the head as it was at the start, and none has stopped.
    pub views: bool,
}

/// Tells by `grpc.health.v1` what is served.
#[derive(Clone)]
pub struct Health {
    reporter: HealthReporter,
}

impl Health {
    /// Tells it. The service without a name stands for all of them.
    pub async fn report(&self, serving: Serving) {
        let all = serving.log && serving.commands && serving.views;
        self.tell("", all).await;
        self.tell(<TradeServiceServer<Backend> as NamedService>::NAME, serving.commands).await;
        self.tell(<OperatorServiceServer<Backend> as NamedService>::NAME, serving.log).await;
        self.tell(<LogServiceServer<Backend> as NamedService>::NAME, serving.log).await;
        self.tell(<SettlementServiceServer<Backend> as NamedService>::NAME, serving.views).await;
        self.tell(<CashServiceServer<Backend> as NamedService>::NAME, serving.views).await;
        self.tell(<LedgerServiceServer<Backend> as NamedService>::NAME, serving.views).await;
        self.tell(<PositionServiceServer<Backend> as NamedService>::NAME, serving.views).await;
        self.tell(<ReportServiceServer<Backend> as NamedService>::NAME, serving.views).await;
        self.tell(<RiskServiceServer<Backend> as NamedService>::NAME, serving.views).await;
    }

    async fn tell(&self, name: &str, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.reporter.set_service_status(name, status).await;
    }
}

/// All services, and the one that says how they are.
///
/// # Errors
/// When the descriptors for reflection are broken, which a test would have found.
pub async fn routes(backend: &Backend, reflection: bool) -> Result<(Routes, Health), tonic_reflection::server::Error> {
    let (reporter, health_service) = health_reporter();
    let health = Health { reporter };
    health.report(Serving::default()).await;
    let bytes = backend.limits.message_bytes;
    macro_rules! service {
        ($server:ident) => {
            Guard::new(
                $server::new(backend.clone()).max_decoding_message_size(bytes).max_encoding_message_size(bytes),
                backend.clone(),
            )
        };
    }
    let mut routes = Routes::new(health_service)
        .add_service(service!(TradeServiceServer))
        .add_service(service!(SettlementServiceServer))
        .add_service(service!(CashServiceServer))
        .add_service(service!(LedgerServiceServer))
        .add_service(service!(PositionServiceServer))
        .add_service(service!(ReportServiceServer))
        .add_service(service!(RiskServiceServer))
        .add_service(service!(OperatorServiceServer))
        .add_service(service!(LogServiceServer));
    if reflection {
        let described = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(wire::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        routes = routes.add_service(described.build_v1()?);
    }
    Ok((routes, health))
}
