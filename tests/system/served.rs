//! The whole service in a process of its own, asked over gRPC. This same test program, started with [`ROLE`] as its first argument and
//! keys of the configuration after it.

use crate::Rig;
use crate::node::Topics;
use crate::service::until;
use server::Config;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;
use tonic::transport::Channel;
use tonic::{Request, Status};
use wire::pb::service as pb;
use wire::pb::service::log_service_client::LogServiceClient;
use wire::pb::service::operator_service_client::OperatorServiceClient;

/// The first argument of a child.
pub const ROLE: &str = "serve-process";

/// The longest wait; a machine may be busy with other things.
pub const LONG: Duration = Duration::from_secs(120);

/// The child: the service until it ends. Its failure is its last line.
pub fn child(arguments: &[String]) -> ExitCode {
    let flags = arguments.iter().map(|argument| argument.split_once('=').expect("key=value"));
    let config = Config::from_layers(None, [], flags).expect("a sound configuration");
    match server::run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A service, seen by the parent.
pub struct Served {
    child: Child,
    errors: Arc<Mutex<String>>,
    runtime: Runtime,
    channel: Channel,
}

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
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let grpc = listener.local_addr().expect("an address").to_string();
        drop(listener);
        Served::with(&flags(rig, data, topics, &grpc, reader))
    }

    /// With these keys of the configuration, among them where it listens.
    pub fn with(keys: &[(&'static str, String)]) -> Served {
        let grpc = keys.iter().find(|(key, _)| *key == "grpc.listen").map(|(_, value)| value.clone());
        let grpc = grpc.expect("it listens somewhere");
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg(ROLE)
            .args(keys.iter().map(|(key, value)| format!("{key}={value}")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a child");
        let errors = Arc::new(Mutex::new(String::new()));
        let (mut stderr, kept) = (child.stderr.take().expect("piped"), errors.clone());
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut piece) {
                kept.lock().expect("nobody panics with it").push_str(&String::from_utf8_lossy(&piece[..length]));
            }
        });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let address = format!("http://{grpc}");
        let channel = {
            let _entered = runtime.enter();
            Channel::from_shared(address).expect("an address").connect_lazy()
        };
        Served { child, errors, runtime, channel }
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
        let text = format!(
            r#"{{"setReference":{{"calendar":{{"id":"{id}","firstDay":20200101,"lastDay":20301231,"weekend":96}}}}}}"#
        );
        let command = serde_json::from_str(&text).expect("a command");
        let request =
            pb::SubmitCommandRequest { command: Some(command), request_id: id.to_owned(), reason: "a test".to_owned() };
        let mut request = by("anna", request);
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
            assert!(self.child.try_wait().expect("it can be asked").is_none(), "it ended: {}", self.errors());
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
    pub fn terminate(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kills").success());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}: {}", self.errors());
    }

    /// Waits until it has ended by itself; what it said.
    pub fn wait_failed(&mut self) -> String {
        let ended = |child: &mut Child| child.try_wait().expect("it can be asked");
        let errors = self.errors.clone();
        until("it ends", LONG, || ended(&mut self.child).is_some(), &|| errors.lock().expect("sound").clone());
        assert!(!ended(&mut self.child).expect("it ended").success());
        thread::sleep(Duration::from_millis(200));
        self.errors()
    }

    pub fn errors(&self) -> String {
        self.errors.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request in somebody's name.
pub fn by<T>(actor: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-quittance-actor", actor.parse().expect("ASCII"));
    request
}
