//! The whole service in a process of its own, on a disk that obeys. This same test program, started with [`ROLE`] as its first argument
//! and keys of the configuration after it.

use crate::disk::Disk;
use crate::prepared::until;
use crate::writer::{LONG, keep};
use server::Config;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Request, Status};
use wire::pb::service as pb;
use wire::pb::service::ledger_service_client::LedgerServiceClient;
use wire::pb::service::log_service_client::LogServiceClient;
use wire::pb::service::operator_service_client::OperatorServiceClient;

/// The first argument of a child.
pub const ROLE: &str = "serve";

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
    operations: String,
}

impl Served {
    /// Serves a data directory; returns when it is ready.
    pub fn start(data: &Path, disk: &Disk) -> Served {
        let [grpc, operations] = [free_address(), free_address()];
        let keys = [
            ("store.dir", data.to_string_lossy().into_owned()),
            ("store.cache_mib", "16".to_owned()),
            ("store.write_buffer_mib", "8".to_owned()),
            ("grpc.listen", grpc.clone()),
            ("grpc.timeout_seconds", "300".to_owned()),
            ("http.listen", operations.clone()),
            ("console.listen", String::new()),
            ("engine.timer", "false".to_owned()),
            ("access.insecure_plaintext", "true".to_owned()),
        ];
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg(ROLE).args(keys.iter().map(|(key, value)| format!("{key}={value}")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        disk.under(&mut command);
        let mut child = command.spawn().expect("a child");
        let errors = keep(child.stderr.take().expect("piped"));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let channel = {
            let _entered = runtime.enter();
            Channel::from_shared(format!("http://{grpc}")).expect("an address").connect_lazy()
        };
        let served = Served { child, errors, runtime, channel, operations };
        served.wait_ready();
        served
    }

    /// What the listener of operations says: whether all is well, and the text.
    pub fn asks(&self, path: &str) -> (bool, String) {
        let answer = TcpStream::connect(&self.operations).and_then(|mut stream| {
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        });
        let answer = answer.unwrap_or_else(|cause| cause.to_string());
        (answer.starts_with("HTTP/1.1 200"), answer.lines().last().unwrap_or_default().to_owned())
    }

    pub fn wait_ready(&self) {
        until("it is ready", LONG, || self.asks("/readyz").0, &|| {
            format!("{:?} {}", self.asks("/readyz"), self.errors())
        });
    }

    /// Waits until it says why it is not ready.
    pub fn wait_not_ready(&self, why: &str) {
        let says = || {
            let (ready, text) = self.asks("/readyz");
            !ready && text.contains(why)
        };
        until(&format!("it says: {why}"), LONG, says, &|| format!("{:?} {}", self.asks("/readyz"), self.errors()));
    }

    /// A command that any house accepts: a calendar. The record that answers it.
    pub fn command(&self, id: &str) -> JoinHandle<Result<u64, Status>> {
        let text = format!(
            r#"{{"setReference":{{"calendar":{{"id":"{id}","firstDay":20200101,"lastDay":20301231,"weekend":96}}}}}}"#
        );
        let command = serde_json::from_str(&text).expect("a command");
        let request =
            pb::SubmitCommandRequest { command: Some(command), request_id: id.to_owned(), reason: "a test".to_owned() };
        let mut request = Request::new(request);
        request.metadata_mut().insert("x-quittance-actor", "anna".parse().expect("ASCII"));
        let mut operator = OperatorServiceClient::new(self.channel.clone());
        self.runtime.spawn(async move {
            let answer = operator.submit_command(request).await?.into_inner();
            Ok(answer.receipt.expect("always one").sequence)
        })
    }

    /// What came of commands.
    pub fn answers(&self, sent: Vec<JoinHandle<Result<u64, Status>>>) -> Vec<Result<u64, Status>> {
        let all = async {
            let mut answers = Vec::new();
            for each in sent {
                answers.push(tokio::time::timeout(LONG, each).await.expect("in time").expect("no panic"));
            }
            answers
        };
        self.runtime.block_on(all)
    }

    /// The log's head and how many balances the ledger view has: two questions that must be answered whatever the disk does.
    pub fn questions(&self) -> Result<(u64, usize), Status> {
        let (mut log, mut ledger) =
            (LogServiceClient::new(self.channel.clone()), LedgerServiceClient::new(self.channel.clone()));
        self.runtime.block_on(async move {
            let both = async {
                let head = log.get_head(pb::GetHeadRequest {}).await?.into_inner();
                let balances = ledger.list_balances(pb::ListBalancesRequest::default()).await?.into_inner();
                Ok((head.sequence, balances.balances.len()))
            };
            tokio::time::timeout(Duration::from_secs(60), both).await.expect("a question is answered")
        })
    }

    /// Waits until it has ended by itself, with a failure; what it said.
    pub fn wait_failed(&mut self) -> String {
        let errors = self.errors.clone();
        let child = &mut self.child;
        let mut code = None;
        let ended = || {
            code = child.try_wait().expect("it can be asked");
            code.is_some()
        };
        until("it ends", LONG, ended, &|| errors.lock().expect("sound").clone());
        assert!(!code.expect("it ended").success(), "it ends with a failure");
        std::thread::sleep(Duration::from_millis(100));
        self.errors()
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    /// Asks it to end in order and waits.
    pub fn terminate(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kills").success());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}: {}", self.errors());
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

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").to_string()
}
