//! The service in a process of its own, so that it can be killed. This same test program, started with [`ROLE`] as its first argument.
//!
//! What it had taken when it died it has written to a small shared file before: the page cache survives `kill -9`. The parent lays it
//! beside what is durable.

use crate::service::{durable, flow, name, options};
use engine::Engine;
use kafka::{Brokers, Consumer, Source, State};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The first argument of a child.
pub const ROLE: &str = "shard-process";

/// The error codes of a child: the log does not open, the engine failed while running.
const NOT_OPENED: u8 = 3;
const FAILED: u8 = 4;

/// What a child notes down all the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Counts up as long as it lives.
    pub beats: u64,
    /// The first offset that was not yet handed to the engine.
    pub handed_over: u64,
    /// The last durable record it knew of.
    pub durable: u64,
    /// The first offset that was not yet durable.
    pub durable_offset: u64,
    /// 1 while it reads.
    pub reading: u64,
}

impl Counters {
    fn write(self, file: &File) {
        let words = [self.beats, self.handed_over, self.durable, self.durable_offset, self.reading];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        file.write_all_at(&bytes, 0).expect("the counters can be written");
    }

    fn read(path: &Path) -> Counters {
        let bytes = fs::read(path).unwrap_or_default();
        let word = |place: usize| {
            bytes.get(place * 8..place * 8 + 8).map_or(0, |b| u64::from_le_bytes(b.try_into().expect("eight")))
        };
        Counters { beats: word(0), handed_over: word(1), durable: word(2), durable_offset: word(3), reading: word(4) }
    }
}

/// The child. Arguments: directory, brokers, topic, file of counters. Reads lines: `ask N` is answered with `answer N`; the end of
/// its input stops it in order.
pub fn child(arguments: &[String]) -> ExitCode {
    let [dir, brokers, topic, counters] = arguments else { panic!("four arguments") };
    // For a new log only, and here is none.
    let genesis = flow(0, 1).genesis();
    let engine = match Engine::start(options(Path::new(dir), genesis)) {
        Ok(engine) => engine,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(NOT_OPENED);
        }
    };
    let cursor = engine::cursor(&engine.log(), &name(topic), 0).expect("the cursor is readable");
    let source = Source::new(Brokers::new(brokers), name(topic), cursor);
    let consumer = Arc::new(Consumer::start(source, engine.handle().intake()).expect("the settings are right"));
    let file = File::options().write(true).open(counters).expect("the file of counters is there");
    let (watched, log, failure, topic) = (consumer.clone(), engine.log(), engine.failure(), topic.clone());
    thread::spawn(move || {
        let mut said = None;
        for beats in 1.. {
            let state = watched.state();
            let reading = u64::from(state == State::Running);
            // In this order: what is handed over is never told too high, what is durable never too low.
            let handed_over = watched.progress().0;
            let (durable, durable_offset) = (log.head().sequence, durable(&log, &topic));
            Counters { beats, handed_over, durable, durable_offset, reading }.write(&file);
            if let Some(failure) = &*failure.borrow() {
                // As the service does: whoever finds out ends the process.
                eprintln!("error: {failure}");
                std::process::exit(FAILED.into());
            }
            if said.as_ref() != Some(&state) {
                println!("state {state:?}");
                said = Some(state);
            }
            thread::sleep(Duration::from_micros(500));
        }
    });
    let handle = engine.handle();
    for line in std::io::stdin().lines() {
        let line = line.expect("text");
        if let Some(number) = line.strip_prefix("ask ") {
            match handle.ask_blocking(|state| state.sequence()) {
                Ok(sequence) => println!("answer {number} {sequence}"),
                Err(error) => println!("refused {number} {error}"),
            }
        }
    }
    // Its thread above holds it as well: stopping the engine closes its way in, which ends it.
    match engine.stop() {
        Ok(()) => {
            println!("stopped");
            let _ = std::io::stdout().flush();
            drop(consumer);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(FAILED)
        }
    }
}

/// A child, seen by the parent.
pub struct ShardProcess {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Arc<Mutex<String>>,
    counters: PathBuf,
    pub started: Instant,
}

impl ShardProcess {
    pub fn start(dir: &Path, brokers: &str, topic: &str) -> ShardProcess {
        let mut counters = dir.as_os_str().to_owned();
        counters.push(".counters");
        let counters = PathBuf::from(counters);
        fs::write(&counters, [0; 40]).expect("a file of counters");
        let started = Instant::now();
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([ROLE.as_ref(), dir.as_os_str(), brokers.as_ref(), topic.as_ref(), counters.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a child");
        let (tell, lines) = channel();
        let output = BufReader::new(child.stdout.take().expect("piped"));
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let errors = Arc::new(Mutex::new(String::new()));
        let (mut stderr, kept) = (child.stderr.take().expect("piped"), errors.clone());
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut piece) {
                kept.lock().expect("nobody panics with it").push_str(&String::from_utf8_lossy(&piece[..length]));
            }
        });
        let input = child.stdin.take();
        ShardProcess { child, input, lines, errors, counters, started }
    }

    pub fn counters(&self) -> Counters {
        Counters::read(&self.counters)
    }

    /// Asks something that is answered when all it saw is on disk. False: no answer in time.
    pub fn ask(&mut self, number: u64, within: Duration) -> bool {
        let Some(input) = &mut self.input else { return false };
        if writeln!(input, "ask {number}").and_then(|()| input.flush()).is_err() {
            return false;
        }
        let deadline = Instant::now() + within;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.lines.recv_timeout(left) {
                Ok(line) if line.starts_with(&format!("answer {number} ")) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// `kill -9`, and what it had noted down.
    pub fn kill(mut self) -> Counters {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
        self.counters()
    }

    /// Stops it in order.
    pub fn stop(mut self) {
        drop(self.input.take());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}: {}", self.errors());
    }

    /// Waits until it ends by itself; its exit code and what it said.
    pub fn wait_end(&mut self, within: Duration) -> Option<(i32, String)> {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                // What it said last may still be in the pipe.
                thread::sleep(Duration::from_millis(100));
                return Some((status.code().unwrap_or(-1), self.errors()));
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    pub fn errors(&self) -> String {
        self.errors.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for ShardProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
