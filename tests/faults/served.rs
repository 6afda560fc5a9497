//! The whole service in a process of its own, on a disk that obeys.

use crate::child::{Process, calendar, free_address};
use crate::disk::Disk;
use crate::prepared::until;
use crate::writer::LONG;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinHandle;
use tonic::{Request, Status};
use wire::pb::service as pb;
use wire::pb::service::ledger_service_client::LedgerServiceClient;
use wire::pb::service::log_service_client::LogServiceClient;
use wire::pb::service::operator_service_client::OperatorServiceClient;

/// A service, seen by the parent.
pub struct Served {
    process: Process,
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    operations: String,
}

impl Served {
    /// Serves a data directory, with more keys of the configuration; returns when it is ready.
    pub fn start(data: &Path, disk: Option<&Disk>, more: &[(&'static str, String)]) -> Served {
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
        let keys: Vec<_> = keys.into_iter().chain(more.iter().cloned()).collect();
        let process = Process::start(&keys, |command| disk.into_iter().for_each(|disk| disk.under(command)));
        let served = Served { process, grpc: grpc.parse().expect("an address"), operations };
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
        let mut request = Request::new(calendar(id));
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

    /// Asks it to end in order and waits.
    pub fn terminate(self) {
        self.process.terminate();
    }
}

impl Deref for Served {
    type Target = Process;
    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Served {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}
