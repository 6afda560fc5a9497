//! The configuration as each part of the service takes it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use api::{Limits, Transport};
use engine::Options;
use model::identifier::Identifier;
use model::record::Genesis;
use model::timestamp::Timestamp;
use projections::PastOptions;
use store::{Memory, WitnessCheck};

use crate::config::{Config, Console, Grpc, Store};
use crate::listener::Most;

/// The store's, with memory of its own: log and views take clones and share it.
pub(crate) fn store(config: &Store) -> store::Options {
    let mebibytes = |count: u32| (count as usize) << 20;
    store::Options {
        memory: Memory::new(mebibytes(config.cache_mib), mebibytes(config.write_buffer_mib)),
        ring_bytes: mebibytes(config.ring_mib),
        compression: config.compression,
        background_jobs: config.background_jobs,
        witness: Some(config.witness.clone()).filter(|path| !path.as_os_str().is_empty()),
        witness_check: match config.witness_check.as_str() {
            "catch-up" => WitnessCheck::CatchUp,
            "reset" => WitnessCheck::Reset,
            _ => WitnessCheck::Strict,
        },
        ..store::Options::default()
    }
}

/// Views of earlier records.
pub(crate) fn past(config: &Config, store: store::Options) -> PastOptions {
    PastOptions {
        dir: config.store.dir.join("past"),
        kept: config.past.kept as usize,
        bytes: u64::from(config.past.mib) << 20,
        store,
    }
}

/// The shard's. The genesis counts only when the log is created.
pub(crate) fn engine(config: &Config, store: store::Options) -> Result<Options> {
    let mut options = Options::new(config.log_dir(), genesis(config)?);
    let advices = &config.kafka.advices_topic;
    if !advices.is_empty() {
        options.advices_topic =
            Identifier::parse(advices).with_context(|| format!("kafka.advices_topic = {advices}"))?;
    }
    Ok(Options {
        queue: config.engine.queue as usize,
        snapshot_every: config.engine.snapshot_every,
        snapshot_on_stop: config.engine.snapshot_on_stop,
        timer: config.engine.timer,
        store,
        ..options
    })
}

/// What the log would be of.
fn genesis(config: &Config) -> Result<Genesis> {
    let domain = |text: &String| Identifier::parse(text).with_context(|| format!("house.domains: {text}"));
    let micros = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros();
    Ok(Genesis {
        format: 1,
        house: Identifier::parse(&config.house.id).with_context(|| format!("house.id = {}", config.house.id))?,
        shard: config.house.shard,
        domains: config.house.domains.iter().map(domain).collect::<Result<_>>()?,
        cluster: Some(config.house.cluster.clone()).filter(|cluster| !cluster.is_empty()),
        at: Timestamp::from_micros(i64::try_from(micros).unwrap_or_default()).unwrap_or(Timestamp::EPOCH),
    })
}

/// What a call may cost.
pub(crate) fn limits(config: &Grpc) -> Limits {
    Limits {
        message_bytes: (config.max_message_kib as usize) << 10,
        wait: seconds(config.wait_seconds),
        heartbeat: seconds(config.heartbeat_seconds),
        in_flight_per_stream: config.in_flight_per_stream as usize,
        readers: config.max_readers as usize,
    }
}

/// What a connection may cost.
pub(crate) fn transport(config: &Grpc) -> Transport {
    Transport {
        streams: config.max_streams,
        header_bytes: config.max_header_kib << 10,
        timeout: seconds(config.timeout_seconds),
        max_age: seconds(config.max_age_seconds),
        age_grace: seconds(config.age_grace_seconds),
        keepalive: seconds(config.keepalive_seconds),
    }
}

/// Connections of callers.
pub(crate) fn callers(config: &Grpc) -> Most {
    Most { all: config.max_connections, of_one: config.max_connections_per_address }
}

/// Connections of browsers. Behind a proxy all of them come from one address.
pub(crate) fn browsers(config: &Console) -> Most {
    Most { all: config.max_connections, of_one: config.max_connections }
}

/// Connections of those who ask whether it lives and fetch its metrics: a handful.
pub(crate) const OF_OPERATIONS: Most = Most { all: 64, of_one: 32 };

pub(crate) fn seconds(count: u32) -> Duration {
    Duration::from_secs(u64::from(count))
}
