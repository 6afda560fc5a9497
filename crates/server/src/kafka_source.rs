//! Kafka, when it is configured: trades and advices in, from the place that the log itself holds; the answers to the front
//! office and the instructions to agents out.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use agent::{Agent, AgentOptions, Bank};
use anyhow::{Context as _, Result};
use engine::{Handle, Intake};
use kafka::{Brokers, Consumer, Feed, FeedTo, Source, State, StatusOptions, StatusPublisher};
use model::identifier::Identifier;
use projections::{Bound, Projections};
use store::Log;
use tokio::sync::watch;
use wire::pb::service::{SourceStanding, SourceState};

use crate::config::{Config, Kafka};

/// How long the brokers have to tell which cluster they are.
const ASK: Duration = Duration::from_secs(10);

/// A topic that is to be consumed: the setting that names it, its name, and the way in.
pub(crate) struct Inlet {
    key: &'static str,
    topic: String,
    intake: Intake,
}

/// The ways in for trades and advices, where their topics are named; none without brokers. From now on cut-offs wait for
/// them.
pub(crate) fn inlets(config: &Kafka, shard: &Handle) -> Vec<Inlet> {
    if config.brokers.is_empty() {
        return Vec::new();
    }
    let topics = [("trades_topic", &config.trades_topic), ("advices_topic", &config.advices_topic)];
    let named = topics.into_iter().filter(|(_, topic)| !topic.is_empty());
    named.map(|(key, topic)| Inlet { key, topic: topic.clone(), intake: shard.intake() }).collect()
}

/// A topic that is consumed, and how it stands.
struct Consumed {
    name: String,
    consumer: Consumer,
}

/// The same, waiting for the views while they are further behind than the configuration allows; nothing else waits. `ending`
/// tells that the service ends, when nobody waits any more.
pub(crate) fn waiting_for(
    views: &Projections,
    inlet: Inlet,
    config: &Kafka,
    shard: &Handle,
    ending: watch::Receiver<bool>,
) -> Inlet {
    if config.views_behind == 0 {
        return inlet;
    }
    let (bound, head) = (Bound::new(views.clone(), config.views_behind), shard.head());
    let held = move || !*ending.borrow() && bound.is_exceeded(head.borrow().sequence);
    Inlet { intake: inlet.intake.held_while(held), ..inlet }
}

/// Starts to consume from where the log stands. A broker that is not there yet is waited for.
fn consume(config: &Kafka, log: &Log, inlet: Inlet) -> Result<Consumed> {
    let Inlet { key, topic, intake } = inlet;
    let topic = Identifier::parse(&topic).with_context(|| format!("kafka.{key} = {topic}"))?;
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
        documents: key == "advices_topic",
        group: config.group.clone(),
    };
    Ok(Consumed { name, consumer: Consumer::start(source, intake)? })
}

/// What only a leader has: trades and advices come in, the front office is told how its trades stand and what is free to
/// trade, and agents what to do.
#[derive(Default)]
pub(crate) struct Leading {
    sources: OnceLock<Vec<Consumed>>,
    statuses: Mutex<Option<StatusPublisher>>,
    /// Instructions and positions, each with its name.
    feeds: Mutex<Vec<(&'static str, Feed)>>,
    agent: Mutex<Option<Agent>>,
}

/// What it begins with.
pub(crate) struct Start {
    pub shard: Handle,
    pub store: store::Options,
    pub inlets: Vec<Inlet>,
    /// How far the records are published; nothing where they are not.
    pub published: Option<watch::Receiver<u64>>,
}

impl Leading {
    /// Starts all of it, as far as it is configured.
    pub(crate) fn begin(&self, config: &Config, start: Start, log: &Arc<Log>) -> Result<()> {
        let Start { shard, store, inlets, published } = start;
        *self.statuses.lock().unwrap_or_else(PoisonError::into_inner) = tell(config, store, log)?;
        let instructions = instruct(config, log, published.clone())?.map(|feed| ("instructions", feed));
        let positions = tell_positions(config, log, published)?.map(|feed| ("positions", feed));
        *self.feeds.lock().unwrap_or_else(PoisonError::into_inner) =
            instructions.into_iter().chain(positions).collect();
        *self.agent.lock().unwrap_or_else(PoisonError::into_inner) = settle_for_others(config, shard, log)?;
        let sources = inlets.into_iter().map(|inlet| consume(&config.kafka, log, inlet));
        // Nobody else sets it.
        let _ = self.sources.set(sources.collect::<Result<_>>()?);
        Ok(())
    }

    /// The same when a follower leads at last: nobody waits for its answer any more.
    pub(crate) fn begin_late(&self, config: &Config, start: Start, log: &Weak<Log>) {
        let Some(log) = log.upgrade() else { return };
        if let Err(error) = self.begin(config, start, &log) {
            tracing::error!("trades are not consumed or not answered: {error:#}");
        }
    }

    fn sources(&self) -> &[Consumed] {
        self.sources.get().map_or(&[], Vec::as_slice)
    }

    /// The consumer of trades, while this service leads.
    pub(crate) fn source(&self) -> Option<&Consumer> {
        self.sources().first().map(|trades| &trades.consumer)
    }

    /// How the feeds stand: these are records, the next to be told of and how many wait for it.
    fn told(&self, log: &Log) -> Vec<SourceStanding> {
        let standing = |(name, feed): &(&str, Feed)| {
            let (runs, fed) = (feed.is_running(), feed.fed());
            let state = if runs { SourceState::Running } else { SourceState::Halted };
            let reason = if runs { String::new() } else { "ended: see the service's log".to_owned() };
            let behind = log.head().sequence.saturating_sub(fed);
            SourceStanding { name: (*name).to_owned(), state: state as i32, reason, next_offset: fed + 1, behind }
        };
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner).iter().map(standing).collect()
    }

    /// Ends the telling, and asks the consumers to end; stopping the engine ends their last wait.
    pub(crate) fn end(&self) {
        drop(self.statuses.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner).clear();
        drop(self.agent.lock().unwrap_or_else(PoisonError::into_inner).take());
        for source in self.sources() {
            source.consumer.begin_stop();
        }
    }
}

/// Starts to tell the front office how its trades stand; nothing without brokers or without a topic.
fn tell(config: &Config, store: store::Options, log: &Arc<Log>) -> Result<Option<StatusPublisher>> {
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

/// Starts to tell agents what to do; nothing without brokers or without a topic.
fn instruct(config: &Config, log: &Arc<Log>, published: Option<watch::Receiver<u64>>) -> Result<Option<Feed>> {
    let as_xml = config.kafka.instructions_as_xml.iter().map(|domain| Identifier::parse(domain));
    let as_xml = as_xml.collect::<Result<Vec<_>, _>>().context("kafka.instructions_as_xml")?;
    let to = feed_to(config, &config.kafka.instructions_topic, "instructions.place", published);
    let feed = to.map(|to| kafka::instructions_out::publish(log.clone(), to, as_xml)).transpose();
    feed.context("telling agents what to do")
}

/// Starts to tell what is held and how much of it is free; nothing without brokers or without a topic.
fn tell_positions(config: &Config, log: &Arc<Log>, published: Option<watch::Receiver<u64>>) -> Result<Option<Feed>> {
    let to = feed_to(config, &config.kafka.positions_topic, "positions.place", published);
    let feed = to.map(|to| kafka::positions_out::publish(log.clone(), to)).transpose();
    feed.context("telling what is free to trade")
}

fn feed_to(config: &Config, topic: &str, place: &str, through: Option<watch::Receiver<u64>>) -> Option<FeedTo> {
    if config.kafka.brokers.is_empty() || topic.is_empty() {
        return None;
    }
    let to = FeedTo::new(brokers(&config.kafka), topic, config.store.dir.join(place));
    Some(FeedTo { partition: config.kafka.partition, through, ..to })
}

/// Starts to settle what other houses instruct; nothing where this service is nobody's agent.
fn settle_for_others(config: &Config, shard: Handle, log: &Arc<Log>) -> Result<Option<Agent>> {
    if config.kafka.brokers.is_empty() || config.agent.id.is_empty() {
        return Ok(None);
    }
    let banks = config.agent.banks.iter().map(|bank| Bank::parse(bank).map_err(anyhow::Error::msg));
    let options = AgentOptions {
        id: Identifier::parse(&config.agent.id).with_context(|| format!("agent.id = {}", config.agent.id))?,
        brokers: brokers(&config.kafka),
        instructions_topic: config.agent.instructions_topic.clone(),
        partition: config.kafka.partition,
        banks: banks.collect::<Result<_>>()?,
        lot: config.agent.lot,
        xml: config.agent.xml,
        dir: config.store.dir.clone(),
    };
    Agent::start(shard, log, &options).map(Some).context("settling for others")
}

/// How the sources stand, for those who ask how the service is.
pub(crate) fn standing(leading: Arc<Leading>, log: Arc<Log>) -> impl Fn() -> Vec<SourceStanding> + Send + Sync + use<> {
    move || {
        let standing = leading.sources().iter().map(|Consumed { name, consumer }| {
            let (next_offset, behind) = consumer.progress();
            let (state, reason) = match consumer.state() {
                State::Waiting(what) => (SourceState::Waiting, what),
                State::Running => (SourceState::Running, String::new()),
                State::Halted(halt) => (SourceState::Halted, halt.to_string()),
                State::Stopped => (SourceState::Stopped, String::new()),
            };
            SourceStanding { name: name.clone(), state: state as i32, reason, next_offset, behind }
        });
        standing.chain(leading.told(&log)).collect()
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

pub(crate) fn brokers(config: &Kafka) -> Brokers {
    let mut brokers = Brokers::new(config.brokers.clone());
    let settings = config.settings.iter().filter_map(|setting| setting.split_once('='));
    brokers.settings.extend(settings.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())));
    brokers
}
