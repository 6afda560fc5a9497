//! What every publisher of the log has: a thread that can be stopped, and the wait until the brokers have what was sent.

use crate::brokers::Brokers;
use crate::error::Error;
use crate::produce::Producer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The longest wait for a record; also how long a request to stop may wait.
pub(crate) const WAIT: Duration = Duration::from_millis(200);
/// Between two sendings: what comes meanwhile goes together. A request for each block of the log would cost the brokers more than
/// all of what is in them, and who is answered here is no faster than this.
const PACE: Duration = Duration::from_millis(10);
/// How long the brokers are given for what was sent, before it is complained about.
const FLUSH: Duration = Duration::from_secs(5);

/// A publisher's thread. Dropping it stops it.
pub(crate) struct Worker {
    /// What it feeds, for people.
    what: &'static str,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Worker {
    /// Starts it; `stop` is what the body looks at.
    ///
    /// # Errors
    /// [`Error::Settings`] when there is no thread to be had.
    pub fn start(
        name: &str,
        what: &'static str,
        stop: Arc<AtomicBool>,
        body: impl FnOnce() -> Result<(), Error> + Send + 'static,
    ) -> Result<Worker, Error> {
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .map_err(|cause| Error::Settings { cause: format!("no thread for {what}: {cause}") })?;
        Ok(Worker { what, stop, thread: Some(thread) })
    }

    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Asks it to stop, and waits; what it ended with.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(_)) => Err(Error::Log { cause: format!("the thread of {} panicked", self.what) }),
            None => Ok(()),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// The way to the brokers, renewed when they gave something up.
pub(crate) struct Outlet {
    /// The topic, as complaints name it.
    name: String,
    brokers: Brokers,
    producer: Producer,
    stop: Arc<AtomicBool>,
    /// When something was sent last.
    sent: Option<Instant>,
}

impl Outlet {
    /// # Errors
    /// [`Error::Settings`].
    pub fn new(name: String, brokers: &Brokers, stop: Arc<AtomicBool>) -> Result<Outlet, Error> {
        Ok(Outlet { name, brokers: brokers.clone(), producer: Producer::patient(brokers)?, stop, sent: None })
    }

    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The first offset behind all that was sent and delivered here.
    pub fn delivered_to(&self) -> Option<u64> {
        self.producer.delivered_to()
    }

    /// Sends, and waits until the brokers have it, sending all of it again if they gave some of it up. False: asked to stop
    /// before that was certain.
    pub fn deliver(&mut self, send: impl Fn(&Producer) -> Result<(), Error>) -> Result<bool, Error> {
        if let Some(sent) = self.sent {
            thread::sleep(PACE.saturating_sub(sent.elapsed()));
        }
        send(&self.producer)?;
        let mut since = Instant::now();
        self.sent = Some(since);
        loop {
            // Short, so that a request to stop is heard.
            match self.producer.flush(WAIT) {
                Ok(()) => return Ok(true),
                Err(_) if self.stopping() => return Ok(false),
                Err(error) => {
                    if since.elapsed() >= FLUSH {
                        since = Instant::now();
                        tracing::warn!("the {} cannot be written: {error}", self.name);
                    }
                    if self.producer.failed() > 0 {
                        thread::sleep(WAIT);
                        // Counts and queue start anew.
                        self.producer = Producer::patient(&self.brokers)?;
                        send(&self.producer)?;
                    }
                }
            }
        }
    }
}
