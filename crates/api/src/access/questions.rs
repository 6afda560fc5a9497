//! What auditors and administrators asked: an append-only file of its own beside the log, chained like the log, a line of
//! JSON for each question. A question is on disk before it is answered, and is not answered when it cannot be written.
//!
//! One thread writes: what has come while the last sync ran goes with the next one.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::Clock;
use model::identifier::Identifier;
use serde_json::{Map, Value};
use store::chain;
use tokio::sync::oneshot;
use tonic::Status;
use tonic::codegen::Bytes;

use crate::failure;

/// Questions that wait for the writer; more wait outside.
const WAITING: usize = 256;
/// Request bytes that are written down; of longer ones their hash.
const KEPT: usize = 4 << 10;

/// One question.
pub(super) struct Question {
    pub(super) actor: Identifier,
    pub(super) method: String,
    pub(super) peer: String,
    pub(super) request: Bytes,
    /// What was known when, and which date, by name.
    pub(super) said: [(&'static str, Option<String>); 2],
}

/// The writer.
#[derive(Clone, Debug)]
pub struct Questions {
    sender: mpsc::SyncSender<(Question, oneshot::Sender<()>)>,
}

/// How far a file of questions is sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub questions: u64,
    pub chain: [u8; 32],
    /// Bytes of whole lines; what follows was never answered.
    pub bytes: u64,
}

impl Questions {
    /// The file's name in the data directory.
    pub const FILE: &str = "questions.ndjson";

    /// Writes to a file, which is made with the first question.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn new(path: PathBuf) -> std::io::Result<Questions> {
        let (sender, receiver) = mpsc::sync_channel(WAITING);
        std::thread::Builder::new().name("questions".to_owned()).spawn(move || run(&path, &receiver))?;
        Ok(Questions { sender })
    }

    /// Comes back when the question is on disk.
    pub(super) async fn write(&self, question: Question) -> Result<(), Status> {
        let unwritten = || failure::stopped("the question could not be written down, so it is not answered".to_owned());
        let (done, written) = oneshot::channel();
        // Full or gone: either way it is not on disk.
        self.sender.try_send((question, done)).map_err(|_| unwritten())?;
        written.await.map_err(|_| unwritten())
    }
}

/// The body of the thread. It ends with the service, or with the first fault: then nothing is answered any more.
fn run(path: &Path, receiver: &mpsc::Receiver<(Question, oneshot::Sender<()>)>) {
    let mut writer: Option<Writer> = None;
    while let Ok(first) = receiver.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(receiver.try_iter().take(WAITING)).collect();
        let written = match &mut writer {
            Some(writer) => writer.write(&batch),
            None => Writer::open(path).and_then(|opened| writer.insert(opened).write(&batch)),
        };
        if let Err(fault) = written {
            tracing::error!(path = %path.display(), fault, "questions can no longer be written down");
            return;
        }
        for (_, done) in batch {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }
}

struct Writer {
    file: File,
    head: Verified,
}

impl Writer {
    fn open(path: &Path) -> Result<Writer, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let file = OpenOptions::new().create(true).append(true).read(true).open(path).map_err(failed)?;
        let head = verify(path)?;
        // What follows the last whole line was being written when the power went.
        file.set_len(head.bytes).map_err(failed)?;
        if let Some(directory) = path.parent() {
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        }
        Ok(Writer { file, head })
    }

    fn write(&mut self, batch: &[(Question, oneshot::Sender<()>)]) -> Result<(), String> {
        let mut lines = String::new();
        for (question, _) in batch {
            let mut line = question.line(self.head.questions + 1);
            self.head.chain = linked(&self.head.chain, &line);
            self.head.questions += 1;
            line.insert("chain".to_owned(), hex(&self.head.chain).into());
            lines.push_str(&Value::Object(line).to_string());
            lines.push('\n');
        }
        let written = self.file.write_all(lines.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| error.to_string())
    }
}

impl Question {
    fn line(&self, number: u64) -> Map<String, Value> {
        let mut line = Map::new();
        line.insert("number".to_owned(), number.into());
        line.insert("at".to_owned(), Clock::system().now().to_string().into());
        line.insert("actor".to_owned(), self.actor.as_str().into());
        line.insert("method".to_owned(), self.method.as_str().into());
        line.insert("peer".to_owned(), self.peer.as_str().into());
        for (name, said) in &self.said {
            if let Some(said) = said {
                line.insert((*name).to_owned(), said.as_str().into());
            }
        }
        if self.request.len() <= KEPT {
            line.insert("request".to_owned(), STANDARD.encode(&self.request).into());
        } else {
            line.insert("request_hash".to_owned(), hex(&chain::leaf(&self.request)).into());
        }
        line
    }
}

fn linked(before: &[u8; 32], line: &Map<String, Value>) -> [u8; 32] {
    chain::link(before, &chain::leaf(Value::Object(line.clone()).to_string().as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks every line of a file: that it is numbered in order and linked to the one before. A file that is not there has
/// no questions.
///
/// # Errors
/// The first line that is not what was written.
pub fn verify(path: &Path) -> Result<Verified, String> {
    let mut head = Verified::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(head),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = reader.read_until(b'\n', &mut text).map_err(|error| format!("{}: {error}", path.display()))?;
        if read == 0 || text.last() != Some(&b'\n') {
            return Ok(head);
        }
        let number = head.questions + 1;
        let wrong = |what: &str| format!("question {number}: {what}");
        let parsed = serde_json::from_slice(&text[..read - 1]).ok();
        let Some(Value::Object(mut line)) = parsed else { return Err(wrong("no line of questions")) };
        // A field said twice would be read one way and hashed another.
        if Value::Object(line.clone()).to_string().as_bytes() != &text[..read - 1] {
            return Err(wrong("it is not as it was written"));
        }
        let said = line.remove("chain");
        if line.get("number").and_then(Value::as_u64) != Some(number) {
            return Err(wrong("the numbers do not follow one another"));
        }
        head.chain = linked(&head.chain, &line);
        if said.as_ref().and_then(Value::as_str) != Some(&hex(&head.chain)) {
            return Err(wrong("it is not linked to the one before: a line was changed, left out or put in"));
        }
        head.questions = number;
        head.bytes += read as u64;
    }
}
