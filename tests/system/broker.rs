//! A private Kafka broker: `deploy/kafka/kafka.sh` on free ports, with its data in a folder of its own.

use kafka::{Brokers, Topic, TopicPlan};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The folders are called so, followed by the pid of the test run and the port.
const PREFIX: &str = "quittance-system-";

/// A broker that may or may not run. Dropped: killed, its data deleted.
pub struct Broker {
    port: u16,
    controller: u16,
    data: PathBuf,
    topics: AtomicU32,
    /// A second listener for clients behind a proxy: where it listens, and where they are told that it does.
    proxied: Option<(u16, u16)>,
}

impl Broker {
    /// Chooses ports and folder; starts nothing.
    pub fn new() -> Broker {
        sweep();
        Broker::fresh()
    }

    /// One beside the other, whose clients may come through a proxy that listens on a port. Also where it is to send them.
    pub fn proxied(advertised: u16) -> (Broker, u16) {
        let (listen, _) = free_ports();
        let mut broker = Broker::fresh();
        broker.proxied = Some((listen, advertised));
        (broker, listen)
    }

    fn fresh() -> Broker {
        let (port, controller) = free_ports();
        let data = std::env::temp_dir().join(format!("{PREFIX}{}-{port}", std::process::id()));
        Broker { port, controller, data, topics: AtomicU32::new(0), proxied: None }
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn brokers(&self) -> Brokers {
        Brokers::new(self.address())
    }

    /// Starts it; returns when it answers. No harm if it runs already.
    pub fn start(&self) {
        self.must("start");
    }

    /// As a crash would.
    pub fn kill(&self) {
        self.must("kill");
    }

    /// A name for a topic that was not used before.
    pub fn topic_name(&self, what: &str) -> String {
        let number = self.topics.fetch_add(1, Ordering::Relaxed);
        format!("test.{what}.{number}")
    }

    /// A new topic of trades on the running broker.
    pub fn new_topic(&self, what: &str) -> String {
        self.start();
        let name = self.topic_name(what);
        self.make_topic(&name);
        name
    }

    /// The topic of that name, as the plan has it.
    pub fn make_topic(&self, name: &str) {
        self.make(Topic::trades(name));
    }

    /// Makes a topic. A broker on a busy machine may not answer in time, and have made it all the same.
    pub fn make(&self, topic: Topic) {
        let plan = TopicPlan { topics: vec![topic] };
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            match kafka::topics::apply(&self.brokers(), &plan) {
                Ok(found) => return assert!(found[0].is_right(), "{found:?}"),
                Err(error) => assert!(Instant::now() < deadline, "no topic is made: {error}"),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn must(&self, verb: &str) {
        let output = run(verb, self.port, self.controller, &self.data, self.proxied);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "kafka.sh {verb}: {}{}", text(&output.stdout), text(&output.stderr));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        run("kill", self.port, self.controller, &self.data, None);
        let _ = fs::remove_dir_all(&self.data);
    }
}

/// What a run that was itself killed left behind: its broker, and its data.
fn sweep() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((pid, port)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')) else { continue };
        let (Ok(pid), Ok(port)) = (pid.parse::<u32>(), port.parse::<u16>()) else { continue };
        if !Path::new(&format!("/proc/{pid}")).exists() {
            run("kill", port, port, &entry.path(), None);
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn run(verb: &str, port: u16, controller: u16, data: &Path, proxied: Option<(u16, u16)>) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kafka/kafka.sh");
    Command::new(script)
        .arg(verb)
        .env("KAFKA_PORT", port.to_string())
        .env("KAFKA_CONTROLLER_PORT", controller.to_string())
        .env("KAFKA_DATA", data)
        .env("KAFKA_HEAP", "384m")
        .env("KAFKA_PROXIED", proxied.map_or_else(String::new, |(listen, advertised)| format!("{listen}:{advertised}")))
        .output()
        .expect("kafka.sh can be run")
}

/// Two ports that nobody has now. Held both at once, so that they differ.
fn free_ports() -> (u16, u16) {
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    let (first, second) = (listen(), listen());
    (port(&first), port(&second))
}
