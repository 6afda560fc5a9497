//! Kafka as the source of trades and advices, when it is configured: from the place that the log itself holds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use engine::Handle;
use kafka::{Brokers, Consumer, Source, State};
use model::identifier::Identifier;
use store::Log;
use wire::pb::service::{SourceStanding, SourceState};

use crate::config::Kafka;

/// How long the brokers have to tell which cluster they are.
const ASK: Duration = Duration::from_secs(10);

/// A topic that is consumed, and how it stands.
pub(crate) struct Consumed {
    name: String,
    pub consumer: Consumer,
}

/// Starts to consume trades and, where their topic is named, advices; nothing without brokers. A broker that is not there
/// yet is waited for.
pub(crate) fn start(config: &Kafka, log: &Log, shard: &Handle) -> Result<Vec<Consumed>> {
    if config.brokers.is_empty() {
        return Ok(Vec::new());
    }
    let topics = [("trades_topic", &config.trades_topic), ("advices_topic", &config.advices_topic)];
    let named = topics.into_iter().filter(|(key, topic)| *key == "trades_topic" || !topic.is_empty());
    named.map(|(key, topic)| consume(config, key, topic, log, shard)).collect()
}

fn consume(config: &Kafka, key: &str, topic: &str, log: &Log, shard: &Handle) -> Result<Consumed> {
    let topic = Identifier::parse(topic).with_context(|| format!("kafka.{key} = {topic}"))?;
    let cursor = engine::cursor(log, &topic, config.partition)?;
    let name = format!("{topic}/{}", config.partition);
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
    Ok(Consumed { name, consumer: Consumer::start(source, shard.intake())? })
}

/// How the sources stand, for those who ask how the service is.
pub(crate) fn standing(sources: Arc<Vec<Consumed>>) -> impl Fn() -> Vec<SourceStanding> + Send + Sync + use<> {
    move || {
        let standing = sources.iter().map(|Consumed { name, consumer }| {
            let (next_offset, behind) = consumer.progress();
            let (state, reason) = match consumer.state() {
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
