//! What banks instruct, from the topic into the shard: in order, each message once.
//!
//! The place in the topic is noted when all before it is on disk; what comes again after a crash has its old answer, because every
//! command carries the message's reference as its request id.

use crate::instruct::{Order, commands, orders};
use crate::{AgentOptions, Error};
use engine::{Handle, Pending, Request};
use kafka::{Reader, Received};
use model::command::Origin;
use model::identifier::Identifier;
use model::outbound::OutboundInstruction;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The longest wait for a message; also how long a request to stop may wait.
const WAIT: Duration = Duration::from_millis(100);
/// So many answers are awaited at most before the place is noted.
const AT_ONCE: usize = 1_024;

/// The thread. Dropping it stops it.
pub(crate) struct Intake {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Intake {
    pub fn start(shard: Handle, options: AgentOptions) -> Result<Intake, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        let place = options.dir.join("instructions.place");
        let next = read_place(&place)?;
        let reading = Reading { shard, options, place, next, noted: next, waiting: Vec::new(), stop: stop.clone() };
        let thread = thread::Builder::new().name("instructions-in".to_owned()).spawn(move || reading.run());
        let thread = thread.map_err(|cause| kafka::Error::Settings { cause: format!("no thread: {cause}") })?;
        Ok(Intake { stop, thread: Some(thread) })
    }

    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What it ended with stands in the log.
            let _ = thread.join();
        }
    }
}

struct Reading {
    shard: Handle,
    options: AgentOptions,
    place: PathBuf,
    /// The next offset.
    next: u64,
    noted: u64,
    waiting: Vec<Pending>,
    stop: Arc<AtomicBool>,
}

impl Reading {
    fn run(mut self) {
        let mut complained = false;
        while !self.stop.load(Ordering::Relaxed) {
            match self.read() {
                Ok(()) => return,
                Err(Error::Kafka(error)) => {
                    if !complained {
                        tracing::warn!("instructions are waited for: {error}");
                    }
                    complained = true;
                    thread::sleep(WAIT);
                }
                Err(error) => return tracing::error!("no instructions are taken any more: {error}"),
            }
        }
    }

    /// Reads until asked to stop.
    fn read(&mut self) -> Result<(), Error> {
        let AgentOptions { brokers, instructions_topic: topic, partition, .. } = &self.options;
        let reader = Reader::new(brokers, topic, *partition, self.next)?;
        if let Some(begin) = reader.begin().filter(|begin| *begin > self.next) {
            return Err(Error::Lost { topic: topic.clone(), partition: *partition, begin, next: self.next });
        }
        while !self.stop.load(Ordering::Relaxed) {
            match reader.next(WAIT)? {
                Some(message) => {
                    self.take(&message)?;
                    self.next = message.offset + 1;
                    if self.waiting.len() >= AT_ONCE {
                        self.note()?;
                    }
                }
                None => self.note()?,
            }
        }
        self.note()
    }

    fn take(&mut self, received: &Received) -> Result<(), Error> {
        let read = message(received).and_then(|message| {
            let sender = message.sender.clone().ok_or("it does not say who sends it")?;
            let known = self.options.banks.iter().any(|bank| bank.house == sender);
            let orders = orders(&message, self.options.lot)?;
            if known { Ok((sender, message, orders)) } else { Err(format!("{sender} has no accounts here")) }
        });
        match read {
            Ok((sender, message, orders)) => self.order(&sender, &message, orders),
            Err(reason) => {
                // Nobody can be answered: it does not say whose it is. It stays in the topic.
                tracing::warn!(offset = received.offset, reason, "an instruction cannot be taken");
                metrics::counter!("quittance_agent_instructions_unreadable_total").increment(1);
                Ok(())
            }
        }
    }

    fn order(&mut self, sender: &Identifier, message: &OutboundInstruction, orders: Vec<Order>) -> Result<(), Error> {
        let commands = commands(sender, message, orders, |names| self.open(sender, names))?;
        for (request_id, command) in commands {
            let request = Request {
                command,
                origin: Origin::Call { request_id },
                actor: sender.clone(),
                reason: format!("instruction {}", message.reference),
                at: None,
                raw_trade: None,
            };
            self.waiting.push(self.shard.send_blocking(request)?);
        }
        metrics::counter!("quittance_agent_instructions_total").increment(1);
        Ok(())
    }

    /// Of some names those of open trades, each with its instruction where it has one.
    fn open(&self, sender: &Identifier, names: Vec<Identifier>) -> Result<Vec<(Identifier, Option<u64>)>, Error> {
        let sender = sender.clone();
        let open = self.shard.ask_blocking(move |state| {
            let open = names.into_iter().filter(|name| state.is_open(&sender, name));
            open.map(|name| (name.clone(), state.instruction_of(&sender, &name))).collect()
        });
        Ok(open?)
    }

    /// Waits until all that was taken is on disk, and notes the place.
    fn note(&mut self) -> Result<(), Error> {
        for pending in self.waiting.drain(..) {
            pending.wait()?;
        }
        if self.noted != self.next {
            let mut staged = self.place.clone().into_os_string();
            staged.push(".new");
            let written =
                fs::write(&staged, format!("{}\n", self.next)).and_then(|()| fs::rename(&staged, &self.place));
            written.map_err(|cause| file(&self.place, &cause.to_string()))?;
            self.noted = self.next;
        }
        Ok(())
    }
}

/// What a bank instructs, protobuf or ISO 20022 XML as the message itself says.
fn message(received: &Received) -> Result<OutboundInstruction, String> {
    if !kafka::is_xml(received.header(kafka::CONTENT_TYPE).as_bytes()) {
        return wire::settlement::decode_outbound(&received.payload).map_err(|error| error.to_string());
    }
    match iso20022::read(&received.payload).map_err(|error| error.to_string())? {
        iso20022::Message::Instruction(message) => Ok(*message),
        iso20022::Message::Advices(_) => Err("it is what an agent says, expected an instruction".to_owned()),
    }
}

fn read_place(path: &PathBuf) -> Result<u64, Error> {
    match fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map_err(|_| file(path, "it is no offset; delete it, and all is read again")),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(cause) => Err(file(path, &cause.to_string())),
    }
}

fn file(path: &std::path::Path, cause: &str) -> Error {
    kafka::Error::File { path: path.display().to_string(), cause: cause.to_owned() }.into()
}
