//! The service with its topics, asked over gRPC.

use crate::Rig;
use crate::child::{Process, calendar, free_address};
use crate::node::Topics;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;
use tonic::transport::Channel;
use tonic::{Request, Status};
use wire::pb::service as pb;
use wire::pb::service::log_service_client::LogServiceClient;
use wire::pb::service::operator_service_client::OperatorServiceClient;

/// The longest wait; a machine may be busy with other things.
pub const LONG: Duration = Duration::from_secs(120);

/// A service, seen by the parent.
pub struct Served(Process);

/// The configuration of a service on a directory.
pub fn flags(rig: &Rig, data: &Path, topics: &Topics, grpc: &str, reader: bool) -> Vec<(&'static str, String)> {
    vec![
        ("store.dir", data.to_string_lossy().into_owned()),
        ("store.cache_mib", "16".to_owned()),
        ("store.write_buffer_mib", "32".to_owned()),
        ("grpc.listen", grpc.to_owned()),
        ("grpc.timeout_seconds", "300".to_owned()),
        ("http.listen", String::new()),
        ("console.listen", String::new()),
        ("engine.timer", "false".to_owned()),
        ("access.insecure_plaintext", "true".to_owned()),
        ("kafka.brokers", rig.broker.address()),
        ("kafka.trades_topic", topics.trades.clone()),
        ("kafka.records_topic", topics.records.clone()),
        // Its feed writes what one log says; here each test has another.
        ("kafka.positions_topic", String::new()),
        ("kafka.reader", reader.to_string()),
    ]
}

impl Served {
    pub fn start(rig: &Rig, data: &Path, topics: &Topics, reader: bool) -> Served {
        Served::with(&flags(rig, data, topics, &free_address(), reader))
    }

    /// With these keys of the configuration, among them where it listens.
    pub fn with(keys: &[(&'static str, String)]) -> Served {
        Served(Process::start(keys, |_| ()))
    }

    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub fn operator(&self) -> OperatorServiceClient<Channel> {
        OperatorServiceClient::new(self.channel.clone())
    }

    pub fn log(&self) -> LogServiceClient<Channel> {
        LogServiceClient::new(self.channel())
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// A command that is accepted by any house: a currency's calendar. `ack` as the metadata has it.
    pub fn command(
        &self,
        id: &str,
        ack: Option<&str>,
    ) -> impl Future<Output = Result<pb::Receipt, Status>> + Send + use<> {
        let mut request = by("anna", calendar(id));
        if let Some(ack) = ack {
            request.metadata_mut().insert("x-quittance-ack", ack.parse().expect("ASCII"));
        }
        let mut operator = self.operator();
        async move { Ok(operator.submit_command(request).await?.into_inner().receipt.expect("always one")) }
    }

    pub fn status(&self) -> Option<pb::GetStatusResponse> {
        let mut operator = self.operator();
        self.runtime.block_on(async move {
            operator.get_status(pb::GetStatusRequest {}).await.ok().map(tonic::Response::into_inner)
        })
    }

    /// Waits until it is in a state.
    pub fn wait_state(&mut self, state: pb::ShardState) {
        let deadline = std::time::Instant::now() + LONG;
        loop {
            let status = self.status();
            if status.as_ref().is_some_and(|status| status.state() == state) {
                return;
            }
            assert!(self.is_alive(), "it ended: {}", self.errors());
            assert!(std::time::Instant::now() < deadline, "not {state:?}: {status:?} {}", self.errors());
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn promote(&self) -> Result<u64, Status> {
        let mut operator = self.operator();
        let request = by("olga", pb::PromoteRequest { reason: "the primary is gone".to_owned() });
        self.runtime.block_on(async move { Ok(operator.promote(request).await?.into_inner().sequence) })
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Asks it to end in order and waits.
    pub fn terminate(self) {
        self.0.terminate();
    }
}

impl Deref for Served {
    type Target = Process;
    fn deref(&self) -> &Process {
        &self.0
    }
}

impl DerefMut for Served {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.0
    }
}

/// A request in somebody's name.
pub fn by<T>(actor: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-quittance-actor", actor.parse().expect("ASCII"));
    request
}
