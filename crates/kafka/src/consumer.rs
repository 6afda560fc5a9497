//! The consumer of a source: a thread that reads a partition into the engine for as long as it may.
//!
//! It has no group and no rebalance: the partition is assigned from the place that the log itself holds. Whatever interrupts it,
//! it begins again the same way as after a start, with all checks; so a broker that comes back with another past is noticed
//! whether the service was up or down meanwhile.

use crate::batch::Place;
use crate::error::Error;
use crate::follow::Session;
use crate::lag::Lag;
use crate::source::{Halt, Source, State};
use engine::Intake;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Between two attempts.
const RETRY: Duration = Duration::from_millis(250);
/// Between two lines of the log about the same trouble.
const REPEAT: Duration = Duration::from_secs(5);

/// A running consumer. Dropping it stops it.
pub struct Consumer {
    stop: Arc<AtomicBool>,
    lag: Arc<Lag>,
    state: watch::Receiver<State>,
    thread: Option<JoinHandle<()>>,
}

/// Why reading ended.
pub(crate) enum Pause {
    /// Asked to, or the engine takes nothing more.
    Stopped,
    /// For good.
    Halt(Halt),
    /// Something is missing: try again in a moment.
    Wait(String),
    /// Begin again at once.
    Again(String),
}

impl Consumer {
    /// Starts to consume. Returns at once: brokers and topic may come later, see [`Consumer::state`].
    ///
    /// # Errors
    /// [`Error::Settings`] when librdkafka does not take the settings.
    pub fn start(source: Source, intake: Intake) -> Result<Consumer, Error> {
        // Only to have wrong settings refused here, where somebody looks.
        Session::client(&source)?;
        let stop = Arc::new(AtomicBool::new(false));
        let lag = Arc::new(Lag::new(&source));
        let (tell, state) = watch::channel(State::Waiting("starting".to_owned()));
        let name = format!("kafka-{}", source.partition);
        let body = Body { source, intake, stop: stop.clone(), lag: lag.clone(), tell };
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || body.run())
            .map_err(|cause| Error::Settings { cause: format!("no thread for the consumer: {cause}") })?;
        Ok(Consumer { stop, lag, state, thread: Some(thread) })
    }

    /// How it stands.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Tells each change of state.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// The first offset that was not yet handed to the engine, and how many records are still to come, as far as is known.
    pub fn progress(&self) -> (u64, u64) {
        self.lag.progress()
    }

    /// Asks it to stop, and does not wait.
    pub fn begin_stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Stops it and waits until it has; tells how it stood. It may be waiting for room in the engine, and a halted engine makes
    /// none: then stop the engine first, which ends the wait.
    pub fn stop(mut self) -> State {
        self.join();
        self.state()
    }

    fn join(&mut self) {
        self.begin_stop();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported there, and the state does not say `Stopped`.
            let _ = thread.join();
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.join();
    }
}

/// What the thread has.
struct Body {
    source: Source,
    intake: Intake,
    stop: Arc<AtomicBool>,
    lag: Arc<Lag>,
    tell: watch::Sender<State>,
}

/// Says the same thing once every few seconds.
struct Complaint {
    why: String,
    since: Instant,
    said: Option<Instant>,
}

impl Body {
    fn run(self) {
        let source_name = self.source.name();
        let cursor = self.source.cursor.as_ref();
        let mut place = cursor.map(|cursor| Place { next: cursor.next_offset, hash: cursor.last_hash });
        let mut cluster = self.source.expected_cluster();
        let mut complaint: Option<Complaint> = None;
        let last = loop {
            let session = Session {
                source: &self.source,
                intake: &self.intake,
                stop: &self.stop,
                lag: &self.lag,
                running: &|| {
                    self.tell.send_replace(State::Running);
                },
            };
            let began = Instant::now();
            let pause = session.run(&mut place, &mut cluster);
            if *self.tell.borrow() == State::Running {
                // It got as far as reading: what was complained of before is over.
                complaint = None;
            }
            match pause {
                Pause::Stopped => break State::Stopped,
                Pause::Halt(halt) => {
                    tracing::error!(source = source_name, code = halt.code(), "the source is halted: {halt}");
                    break State::Halted(halt);
                }
                Pause::Again(why) => {
                    tracing::info!(source = source_name, "reading is interrupted and begins again: {why}");
                    self.tell.send_replace(State::Waiting(why));
                    if began.elapsed() < RETRY {
                        self.sleep();
                    }
                }
                Pause::Wait(why) => {
                    Complaint::about(&mut complaint, why.clone()).say(&source_name);
                    self.tell.send_replace(State::Waiting(why));
                    self.sleep();
                }
            }
        };
        self.tell.send_replace(last);
    }

    fn sleep(&self) {
        let until = Instant::now() + RETRY;
        while !self.stop.load(Ordering::Relaxed) && Instant::now() < until {
            thread::sleep(Duration::from_millis(25));
        }
    }
}

impl Complaint {
    fn about(current: &mut Option<Complaint>, why: String) -> &mut Complaint {
        match current {
            Some(complaint) => {
                if complaint.why != why {
                    complaint.why = why;
                    complaint.said = None;
                }
                complaint
            }
            None => current.insert(Complaint { why, since: Instant::now(), said: None }),
        }
    }

    fn say(&mut self, source: &str) {
        if self.said.is_none_or(|said| said.elapsed() >= REPEAT) {
            self.said = Some(Instant::now());
            let seconds = self.since.elapsed().as_secs();
            tracing::warn!(source, seconds, "waiting for Kafka: {}", self.why);
        }
    }
}
