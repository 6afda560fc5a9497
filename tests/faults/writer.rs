//! An engine in a process of its own that writes trades and says which are acknowledged. This same test program, started with [`ROLE`]
//! as its first argument.

use crate::child::keep;
use crate::disk::Disk;
use crate::prepared::{flow, options, request, until};
use engine::{Engine, RawBatch};
use model::command::{Command as Asked, Inbound, Origin};
use model::identifier::Identifier;
use model::timestamp::Timestamp;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::flow::{Body, Message, Step, TOPIC};

/// The first argument of a child.
pub const ROLE: &str = "writer";
/// More than any child sends.
pub const MESSAGES: u64 = 60_000;
/// The longest wait; a machine may be busy with other things.
pub const LONG: Duration = Duration::from_secs(90);

/// Its exit code when the engine failed.
pub const FAILED: i32 = 4;
/// Calls that are under way at once.
const AT_ONCE: usize = 48;
/// Messages of a batch.
const BATCH: usize = 256;

/// How trades come in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As calls, each acknowledged.
    Calls,
    /// As messages, which a full engine keeps waiting.
    Messages,
}

/// What a child says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// A trade is on disk: its record, and its number in the flow.
    Acknowledged { sequence: u64, trade: u64 },
    /// So many messages were taken.
    Taken(u64),
}

/// The child. Arguments: the directory of the log, its witness, the flow's seed, the first message, calls or messages.
pub fn child(arguments: &[String]) -> ExitCode {
    let [dir, witness, seed, first, way] = arguments else { panic!("five arguments") };
    let flow = flow(seed.parse().expect("a number"), MESSAGES);
    let mut options = options(Path::new(dir), flow.genesis());
    options.store = store();
    options.store.witness = Some(witness.into());
    options.snapshot_every = 1_000;
    let engine = match Engine::start(options) {
        Ok(engine) => engine,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let messages = flow.week().filter_map(|item| match item.step {
        Step::Message(message) => Some(message),
        _ => None,
    });
    let first: u64 = first.parse().expect("a number");
    let rest = (first..).zip(messages.skip(usize::try_from(first).expect("small")));
    let sent = if way == "calls" { call(&engine, rest) } else { feed(&engine, rest) };
    // It takes nothing more before it says why.
    let failed = || engine.failure().borrow().is_some();
    until("the engine says why it ended", LONG, failed, &|| format!("after {sent} messages"));
    let failure = engine.failure().borrow().clone();
    eprintln!("error: {}", failure.expect("waited for"));
    // As the service does: whoever finds out ends the process.
    std::process::exit(FAILED)
}

/// Small tables, so that files are written often.
pub fn store() -> store::Options {
    store::Options { memory: store::Memory::new(8 << 20, 2 << 20), ids_in_memory: 10_000, ..store::Options::default() }
}

/// Until the engine takes no more.
fn call(engine: &Engine, messages: impl Iterator<Item = (u64, Message)>) -> u64 {
    let handle = engine.handle();
    let at = handle.ask_blocking(|state| state.at()).expect("the engine answers").expect("a genesis");
    let mut under_way = VecDeque::new();
    let mut sent = 0;
    for (number, message) in messages {
        let Body::Trade(trade) = message.body else { continue };
        let request_id = Identifier::parse(&request_id(number)).expect("a name");
        let (actor, reason) = (trade.source.clone(), String::new());
        let inbound = Inbound { command: Asked::Trade(trade), origin: Origin::Call { request_id }, actor, reason, at };
        let Ok(pending) = handle.send_blocking(request(inbound)) else { break };
        under_way.push_back((number, pending));
        sent += 1;
        if under_way.len() == AT_ONCE {
            let (number, pending) = under_way.pop_front().expect("many");
            let Ok(answer) = pending.wait() else { break };
            println!("acknowledged {} {number}", answer.sequence);
        }
    }
    sent
}

pub fn request_id(number: u64) -> String {
    format!("trade-{number}")
}

fn feed(engine: &Engine, mut messages: impl Iterator<Item = (u64, Message)>) -> u64 {
    let intake = engine.handle().intake();
    let at = engine.handle().ask_blocking(|state| state.at()).expect("the engine answers").expect("a genesis");
    let mut sent = 0;
    loop {
        let next: Vec<_> = messages.by_ref().take(BATCH).collect();
        if next.is_empty() || intake.send(batch(&next, at)).is_err() {
            break;
        }
        sent += next.len() as u64;
        println!("taken {sent}");
    }
    sent
}

/// Messages with their offsets, as a consumer hands them over.
pub fn batch(messages: &[(u64, Message)], at: Timestamp) -> RawBatch {
    let topic = Identifier::parse(TOPIC).expect("a name");
    let mut batch = RawBatch::new(topic, 0);
    for (offset, message) in messages {
        batch.push(*offset, at, |bytes| message.encode(bytes));
    }
    batch
}

/// Starts a child.
pub fn command(log: &Path, witness: &Path, seed: u64, first: u64, way: Way) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg(ROLE).arg(log).arg(witness).args([seed.to_string(), first.to_string()]);
    command.arg(if way == Way::Calls { "calls" } else { "messages" }).stdin(Stdio::null());
    command
}

/// A child, seen by the parent.
pub struct Writer {
    child: Child,
    said: Receiver<Said>,
    errors: Arc<Mutex<String>>,
}

impl Writer {
    pub fn start(log: &Path, witness: &Path, seed: u64, first: u64, way: Way, disk: Option<&Disk>) -> Writer {
        let mut command = command(log, witness, seed, first, way);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(disk) = disk {
            disk.under(&mut command);
        }
        let mut child = command.spawn().expect("a child");
        let (tell, said) = channel();
        let output = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            for said in output.lines().map_while(Result::ok).filter_map(|line| read(&line)) {
                let _ = tell.send(said);
            }
        });
        let errors = keep(child.stderr.take().expect("piped"));
        Writer { child, said, errors }
    }

    /// What it says next; nothing when it has ended.
    pub fn next(&mut self) -> Option<Said> {
        match self.said.recv_timeout(LONG) {
            Ok(said) => Some(said),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it says nothing: {}", self.errors()),
        }
    }

    /// What it says next, if it says anything for so long.
    pub fn next_within(&mut self, time: Duration) -> Option<Said> {
        self.said.recv_timeout(time).ok()
    }

    /// What it still had to say, when it ends by itself; its exit code and its errors.
    pub fn wait_end(mut self) -> (Vec<Said>, i32, String) {
        let rest = std::iter::from_fn(|| self.next()).collect();
        let status = self.child.wait().expect("it ends");
        std::thread::sleep(Duration::from_millis(50));
        (rest, status.code().unwrap_or(-1), self.errors())
    }

    fn errors(&self) -> String {
        self.errors.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of a child.
pub fn read(line: &str) -> Option<Said> {
    let mut words = line.split(' ');
    let kind = words.next()?;
    let mut number = || words.next()?.parse().ok();
    match kind {
        "acknowledged" => Some(Said::Acknowledged { sequence: number()?, trade: number()? }),
        "taken" => Some(Said::Taken(number()?)),
        _ => None,
    }
}
