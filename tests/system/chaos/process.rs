//! A node in a process of its own: killed, stopped, woken up. This same test program, started with [`ROLE`] as its first argument.

use crate::node::{Node, Topics};
use crate::service::durable;
use kafka::{Brokers, RecordsState};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The first argument of a child.
pub const ROLE: &str = "node-process";
/// The exit code of a node that was superseded or failed otherwise.
const FAILED: u8 = 4;

const WORDS: usize = 10;

/// What a node notes down all the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// 0 waiting, 1 following, 2 fencing, 3 leading, 4 halted.
    pub state: u64,
    pub handed_over: u64,
    pub durable: u64,
    pub durable_offset: u64,
    pub imported: u64,
    pub backlog: u64,
    /// Record and the first eight bytes of the chain after it, known to be published.
    pub published: u64,
    pub chain: u64,
    pub consuming: u64,
}

impl Notes {
    fn words(self) -> [u64; WORDS] {
        let check = self.published ^ self.chain;
        [
            self.state,
            self.handed_over,
            self.durable,
            self.durable_offset,
            self.imported,
            self.backlog,
            self.published,
            self.chain,
            self.consuming,
            check,
        ]
    }

    fn read(path: &Path) -> Notes {
        let bytes = fs::read(path).unwrap_or_default();
        let word = |place: usize| {
            bytes.get(place * 8..place * 8 + 8).map_or(0, |b| u64::from_le_bytes(b.try_into().expect("eight")))
        };
        let whole = word(9) == word(6) ^ word(7);
        Notes {
            state: word(0),
            handed_over: word(1),
            durable: word(2),
            durable_offset: word(3),
            imported: word(4),
            backlog: word(5),
            // Read in the middle of a write: nothing is known to be published.
            published: if whole { word(6) } else { 0 },
            chain: word(7),
            consuming: word(8),
        }
    }
}

/// The first eight bytes of a chain.
pub fn short(chain: &store::Hash) -> u64 {
    u64::from_le_bytes(chain[..8].try_into().expect("eight"))
}

/// The child. Arguments: directory, brokers, topic of trades, of records, file of notes. It ends only by failing.
pub fn child(arguments: &[String]) -> ExitCode {
    let [dir, brokers, trades, records, notes] = arguments else { panic!("five arguments") };
    let topics = Topics { trades: trades.clone(), records: records.clone() };
    let mut node = match Node::start(&Brokers::new(brokers), Path::new(dir), &topics, false) {
        Ok(node) => node,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(FAILED);
        }
    };
    let file = File::options().write(true).open(notes).expect("the file of notes is there");
    let (log, mut known) = (node.engine.log(), (0, 0));
    let operator = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    loop {
        if let Some(suspect) = node.engine.handle().status().halted {
            // Killed twice over one message, which is not to blame: the operator has looked, and lets it go on.
            eprintln!("halted at {}: going on", suspect.place);
            let _ = operator.block_on(node.engine.handle().resume_retrying());
        }
        let state = match node.records.state() {
            RecordsState::Waiting(_) => 0,
            RecordsState::Following => 1,
            RecordsState::Fencing => 2,
            RecordsState::Leading(_) => 3,
            RecordsState::Halted(_) | RecordsState::Stopped => 4,
        };
        let consuming = u64::from(node.consume_if_leading());
        let counts = node.records.counts();
        if counts.published != known.0 {
            let chain = log.chain_at(counts.published).expect("reads").map_or(0, |chain| short(&chain));
            known = (counts.published, chain);
        }
        // In this order: where the offset is durable, the record that says so is no later than `durable`.
        let durable_offset = durable(&log, &topics.trades);
        let handed_over = node.consumer.as_ref().map_or(0, |consumer| consumer.progress().0);
        let now = Notes {
            state,
            handed_over,
            durable: log.head().sequence,
            durable_offset,
            imported: counts.imported,
            backlog: counts.backlog,
            published: known.0,
            chain: known.1,
            consuming,
        };
        let bytes: Vec<u8> = now.words().iter().flat_map(|word| word.to_le_bytes()).collect();
        file.write_all_at(&bytes, 0).expect("the notes can be written");
        if let Some(failure) = node.engine.handle().status().failed {
            eprintln!("error: {failure}");
            // As the service does: whoever finds out ends the process.
            std::process::exit(FAILED.into());
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// A child, seen by the parent.
pub struct NodeProcess {
    child: Child,
    notes: PathBuf,
    errors: PathBuf,
    pub dir: PathBuf,
}

impl NodeProcess {
    pub fn start(dir: &Path, brokers: &str, topics: &Topics) -> NodeProcess {
        let (notes, errors) = (beside(dir, ".notes"), beside(dir, ".errors"));
        fs::write(&notes, [0; WORDS * 8]).expect("a file of notes");
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args([ROLE.as_ref(), dir.as_os_str(), brokers.as_ref()])
            .args([&topics.trades, &topics.records])
            .arg(&notes)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors).expect("a file"))
            .spawn()
            .expect("a child");
        NodeProcess { child, notes, errors, dir: dir.to_path_buf() }
    }

    pub fn notes(&self) -> Notes {
        Notes::read(&self.notes)
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    pub fn errors(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }

    /// Waits until its notes say something; false when it ended or the time is over.
    pub fn wait(&mut self, within: Duration, holds: impl Fn(&Notes) -> bool) -> bool {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if holds(&self.notes()) {
                return true;
            }
            if !self.is_alive() {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// Waits until it has ended by itself; what it said.
    pub fn wait_end(&mut self, within: Duration) -> Option<String> {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if !self.is_alive() {
                return Some(self.errors());
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kills").success());
    }

    /// `kill -9`, and what it had noted down.
    pub fn kill(&mut self) -> Notes {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
        self.notes()
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn beside(dir: &Path, end: &str) -> PathBuf {
    let mut path = dir.as_os_str().to_owned();
    path.push(end);
    path.into()
}
