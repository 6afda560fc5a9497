//! The real service inside the demonstration: in this process, on a free port, with a log of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, Result};
use engine::{Clock, Engine, Options};
use model::timestamp::Timestamp;
use server::{Config, Running};
use tempfile::TempDir;
use testkit::flow::Flow;

use crate::fault::{failed, usage};

/// The clock of the week: where it stands is said by what is played.
#[derive(Clone)]
pub struct WeekClock(Arc<AtomicI64>);

impl WeekClock {
    fn new(at: Timestamp) -> WeekClock {
        WeekClock(Arc::new(AtomicI64::new(at.micros())))
    }

    /// It is now so late.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.micros(), Ordering::Relaxed);
    }

    fn as_clock(&self) -> Clock {
        let micros = self.0.clone();
        Clock::from_fn(move || Timestamp::from_micros(micros.load(Ordering::Relaxed)).unwrap_or(Timestamp::EPOCH))
    }
}

/// A service that runs.
pub struct Service {
    pub running: Running,
    pub address: String,
    /// The week's own time; with Kafka the brokers stamp, and the time is today's.
    pub clock: Option<WeekClock>,
    pub data: PathBuf,
    /// Deleted when dropped.
    temporary: Option<TempDir>,
}

impl Service {
    /// Creates a log for the flow and starts a service on it.
    pub async fn start(
        flow: &Flow,
        data: Option<&Path>,
        kafka: Option<&str>,
        (listen, console): (&str, &str),
    ) -> Result<Service> {
        let (data, temporary) = directory(data)?;
        let config = config(flow, &data, kafka, (listen, console))?;
        let week = kafka.is_none().then(|| WeekClock::new(flow.genesis().at));
        let (genesis, described) = (flow.genesis(), config.clone());
        let embedded = week.is_some();
        tokio::task::spawn_blocking(move || {
            if embedded {
                // With a genesis of the week: the log's time must not begin after it.
                Engine::start(Options::new(described.log_dir(), genesis).creating())?.stop()?;
                Ok(())
            } else {
                // Bound to the cluster, which must be asked.
                server::init(&described)
            }
        })
        .await?
        .context("creating the log")?;
        let clock = week.clone();
        let running = Running::start_with(&config, move |options| match clock {
            Some(clock) => Options { clock: clock.as_clock(), ..options },
            None => options,
        })
        .await?;
        let address = running.grpc_address().to_string();
        Ok(Service { running, address, clock: week, data, temporary })
    }

    /// Where the data stay, if they do.
    pub fn keep_data(&mut self) -> &Path {
        if let Some(temporary) = self.temporary.take() {
            // From now on nobody deletes it.
            let _ = temporary.keep();
        }
        &self.data
    }

    /// Ends in order; a temporary directory goes with it.
    pub async fn stop(self) -> Result<()> {
        self.running.stop().await
    }
}

/// An empty directory: the one that was named, or a new one.
fn directory(named: Option<&Path>) -> Result<(PathBuf, Option<TempDir>)> {
    let Some(named) = named else {
        let temporary =
            tempfile::Builder::new().prefix("quittance-demo-").tempdir().context("a directory for the data")?;
        return Ok((temporary.path().to_path_buf(), Some(temporary)));
    };
    if named.exists() && std::fs::read_dir(named).map(|mut entries| entries.next().is_some()).unwrap_or(true) {
        return Err(usage(format!(
            "{} is not an empty directory: the demonstration begins a log of its own",
            named.display()
        )));
    }
    Ok((named.to_path_buf(), None))
}

fn config(flow: &Flow, data: &Path, kafka: Option<&str>, (listen, console): (&str, &str)) -> Result<Config> {
    let genesis = flow.genesis();
    let domains: Vec<&str> = genesis.domains.iter().map(|domain| domain.as_str()).collect();
    let (data, domains) = (data.to_str().ok_or_else(|| failed("the directory's name is no text"))?, domains.join(","));
    let flags = [
        ("store.dir", data),
        ("house.id", genesis.house.as_str()),
        ("house.domains", &domains),
        ("grpc.listen", listen),
        ("http.listen", ""),
        ("console.listen", console),
        ("kafka.brokers", kafka.unwrap_or("")),
        // The week says when its days are cut off, not the clock on the wall.
        ("engine.timer", "false"),
        // In one process, on a loopback address: everybody of the week is played here.
        ("access.insecure_plaintext", "true"),
    ];
    Config::load(None, flags).map_err(|error| usage(error.to_string()))
}
