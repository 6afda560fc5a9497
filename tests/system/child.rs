//! The whole service in a process of its own, asked over gRPC. The same test program, started with [`ROLE`] as its first argument and
//! keys of the configuration after it. For the tests against a broker and those of the disk.

use crate::prepared::until;
use server::Config;
use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;
use tonic::transport::Channel;
use wire::pb::service::SubmitCommandRequest;

/// The first argument of a child.
pub const ROLE: &str = "serve-process";
/// The longest wait for its end; a machine may be busy with other things.
const LONG: Duration = Duration::from_secs(120);

/// The child: the service until it ends. Its failure is its last line.
pub fn serve(arguments: &[String]) -> ExitCode {
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
pub struct Process {
    pub child: Child,
    errors: Arc<Mutex<String>>,
    pub runtime: Runtime,
    pub channel: Channel,
}

impl Process {
    /// With these keys of the configuration, among them where it listens; `set` may change what is started.
    pub fn start(keys: &[(&'static str, String)], set: impl FnOnce(&mut Command)) -> Process {
        let grpc = keys.iter().find(|(key, _)| *key == "grpc.listen").map(|(_, value)| value.clone());
        let grpc = grpc.expect("it listens somewhere");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg(ROLE).args(keys.iter().map(|(key, value)| format!("{key}={value}")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        set(&mut command);
        let mut child = command.spawn().expect("a child");
        let errors = keep(child.stderr.take().expect("piped"));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let channel = {
            let _entered = runtime.enter();
            Channel::from_shared(format!("http://{grpc}")).expect("an address").connect_lazy()
        };
        Process { child, errors, runtime, channel }
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

    /// Waits until it has ended by itself, with a failure; what it said.
    pub fn wait_failed(&mut self) -> String {
        let errors = self.errors.clone();
        until("it ends", LONG, || !self.is_alive(), &|| errors.lock().expect("sound").clone());
        assert!(!self.child.wait().expect("it ended").success(), "it ends with a failure");
        thread::sleep(Duration::from_millis(200));
        self.errors()
    }

    pub fn errors(&self) -> String {
        self.errors.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads what a child has to complain of, as it comes.
pub fn keep(mut from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let errors = Arc::new(Mutex::new(String::new()));
    let kept = errors.clone();
    thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            kept.lock().expect("nobody panics with it").push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    });
    errors
}

pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").to_string()
}

/// A command that any house accepts: a calendar.
pub fn calendar(id: &str) -> SubmitCommandRequest {
    let text = format!(
        r#"{{"setReference":{{"calendar":{{"id":"{id}","firstDay":20200101,"lastDay":20301231,"weekend":96}}}}}}"#
    );
    let command = serde_json::from_str(&text).expect("a command");
    SubmitCommandRequest { command: Some(command), request_id: id.to_owned(), reason: "a test".to_owned() }
}
