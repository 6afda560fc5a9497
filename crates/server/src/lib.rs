//! The service put together: configuration, telemetry, start and end. The program `quittance` only calls it.
//!
//! [`Running::start`] goes from the disk upwards (log and shard, views, Kafka, callers), [`Running::stop`] the other way. Nothing
//! below knows whether trades come from Kafka or from gRPC: that is decided here, by the configuration.

mod access;
mod calls;
pub mod config;
mod console;
mod full_disk;
mod herald;
mod kafka_source;
mod listener;
mod open_files;
mod operations;
mod publishing;
mod running;
mod settings;
pub mod telemetry;

use anyhow::{Context as _, Result, bail};
use engine::Engine;
use running::Trouble;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub use api::access::questions;
pub use api::{EFFECTIVE_AT, KNOWN_AT};
pub use config::Config;
pub use running::Running;

/// How long threads that still read may take when the process ends.
const LAST: std::time::Duration = std::time::Duration::from_secs(2);

/// Creates the log that the configuration describes, with its genesis. Nothing may be there yet. With Kafka configured, the log is
/// bound to that cluster.
///
/// # Errors
/// When something is there already, or the disk or Kafka refuses. Blocks: not from asynchronous code.
pub fn init(config: &Config) -> Result<()> {
    let mut config = config.clone();
    if config.house.cluster.is_empty() {
        config.house.cluster = kafka_source::cluster(&config.kafka)?.unwrap_or_default();
    }
    let options = settings::engine(&config, settings::store(&config.store))?.creating();
    let dir = options.dir.clone();
    let engine = Engine::start(options).with_context(|| format!("no log was created in {}", dir.display()))?;
    engine.stop()?;
    Ok(())
}

/// Creates an empty log to be filled from the records topic, in place of one that was lost. What the old log's witness saw, if it is
/// still there, must come back.
///
/// # Errors
/// When something is there already, or the disk refuses.
pub fn init_from_topic(config: &Config) -> Result<()> {
    let stored = store::Options { witness_check: store::WitnessCheck::CatchUp, ..settings::store(&config.store) };
    let dir = config.log_dir();
    store::Log::create(&dir, &stored).with_context(|| format!("no log was created in {}", dir.display()))?;
    Ok(())
}

/// Replaces a log that has diverged by the history of the records topic, and says what was moved aside; nothing when they agree.
///
/// # Errors
/// When the log is in use or the topic cannot be read; the log is then as it was.
pub fn adopt_topic(config: &Config, progress: &mut dyn FnMut(u64, u64)) -> Result<Option<kafka::records::Adopted>> {
    publishing::adopt(config, progress)
}

/// Serves until SIGTERM or SIGINT, then ends in order; a second signal ends it at once. Sets up the telemetry of the process.
///
/// # Errors
/// What kept it from starting, or why it had to end: the caller exits with a failure then.
pub fn run(config: &Config) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting threads")?;
    let served = runtime.block_on(async {
        let _telemetering = telemetry::install(&config.telemetry)?;
        open_files::suffice(config)?;
        for key in config.exposed() {
            tracing::warn!(key, "not a loopback address: what it says has no authentication");
        }
        serve(config).await
    });
    runtime.shutdown_timeout(LAST);
    served
}

async fn serve(config: &Config) -> Result<()> {
    let mut end = Ending::watch()?;
    let running = loop {
        let mut running = tokio::select! {
            started = Running::start(config) => started?,
            name = end.asked() => {
                tracing::info!(signal = name, "asked to end while starting");
                return Ok(());
            }
        };
        let trouble = tokio::select! {
            trouble = running.trouble() => trouble,
            name = end.asked() => {
                tracing::info!(signal = name, "asked to end: finishing what was taken");
                break running;
            }
        };
        match trouble {
            Trouble::Full(why) => full_disk::tell(&why),
            Trouble::Broken(error) => return Err(error.context("the service had to end")),
        }
        tokio::select! {
            () = full_disk::space(config) => full_disk::end(running).await,
            name = end.asked() => {
                tracing::info!(signal = name, "asked to end while the disk is full");
                full_disk::end(running).await;
                return Ok(());
            }
        }
    };
    tokio::select! {
        stopped = running.stop() => stopped,
        name = end.asked() => bail!("ended at once by a second {name}; what was acknowledged is on disk"),
    }
}

/// The signals that ask a process to end.
struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Ending {
    fn watch() -> Result<Ending> {
        Ok(Ending { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The name of the next one.
    async fn asked(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
