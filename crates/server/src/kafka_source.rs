//! Kafka, when it is configured: trades in, from the place that the log itself holds, and the answers to their senders out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use engine::Handle;
use kafka::{Brokers, Consumer, Source, State, StatusOptions, StatusPublisher};
use model::identifier::Identifier;
use store::Log;
use wire::pb::service::{SourceStanding, SourceState};

use crate::config::{Config, Kafka};

/// How long the brokers have to tell which cluster they are.
const ASK: Duration = Duration::from_secs(10);

/// Starts to consume; nothing without brokers. A broker that is not there yet is waited for.
pub(crate) fn start(config: &Kafka, log: &Log, shard: &Handle) -> Result<Option<Consumer>> {
    if config.brokers.is_empty() {
        return Ok(None);
    }
    let topic = Identifier::parse(&config.trades_topic)
        .with_context(|| format!("kafka.trades_topic = {}", config.trades_topic))?;
    let cursor = engine::cursor(log, &topic, config.partition)?;
    let source = Source {
        brokers: brokers(config),
        topic,
        partition: config.partition,
        partitions: config.partitions,
        // The cursor names it from the first record on; before that any cluster may be the right one.
        cluster: None,
        cursor,
        group: config.group.clone(),
    };
    Ok(Some(Consumer::start(source, shard.intake())?))
}

/// Starts to tell the front office how its trades stand; nothing without brokers or without a topic.
pub(crate) fn tell(config: &Config, store: store::Options, log: &Arc<Log>) -> Result<Option<StatusPublisher>> {
    let Kafka { status_topic, partition, .. } = &config.kafka;
    if config.kafka.brokers.is_empty() || status_topic.is_empty() {
        return Ok(None);
    }
    let dir = config.store.dir.join("trade-status");
    let options = StatusOptions {
        topic: status_topic.clone(),
        partition: *partition,
        source: format!("/quittance/shard/{partition}"),
        store,
        ..StatusOptions::new(brokers(&config.kafka), dir)
    };
    StatusPublisher::start(log.clone(), options).map(Some).context("telling the front office")
}

/// How the source stands, for those who ask how the service is.
pub(crate) fn standing(
    config: &Config,
    source: Option<Arc<Consumer>>,
) -> impl Fn() -> Vec<SourceStanding> + Send + Sync + use<> {
    let name = format!("{}/{}", config.kafka.trades_topic, config.kafka.partition);
    move || {
        let standing = source.iter().map(|source| {
            let (next_offset, behind) = source.progress();
            let (state, reason) = match source.state() {
                State::Waiting(what) => (SourceState::Waiting, what),
                State::Running => (SourceState::Running, String::new()),
                State::Halted(halt) => (SourceState::Halted, halt.to_string()),
                State::Stopped => (SourceState::Stopped, String::new()),
            };
            SourceStanding { name: name.clone(), state: state as i32, reason, next_offset, behind }
        });
        standing.collect()
    }
}

/// The id of the cluster, to be pinned in the genesis; nothing without brokers.
pub(crate) fn cluster(config: &Kafka) -> Result<Option<String>> {
    if config.brokers.is_empty() {
        return Ok(None);
    }
    let id = kafka::cluster_id(&brokers(config), ASK);
    id.map(Some).context(
        "the log is bound to one Kafka cluster for ever; set house.cluster to its id to go on without asking it",
    )
}

fn brokers(config: &Kafka) -> Brokers {
    let mut brokers = Brokers::new(config.brokers.clone());
    let settings = config.settings.iter().filter_map(|setting| setting.split_once('='));
    brokers.settings.extend(settings.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())));
    brokers
}
