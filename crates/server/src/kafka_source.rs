//! Kafka, when it is configured: trades in, from the place that the log itself holds, and the answers to their senders out.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context as _, Result};
use engine::{Handle, Intake};
use kafka::{Brokers, Consumer, Source, State, StatusOptions, StatusPublisher};
use model::identifier::Identifier;
use projections::{Bound, Projections};
use store::Log;
use tokio::sync::watch;
use wire::pb::service::{SourceStanding, SourceState};

use crate::config::{Config, Kafka};

/// How long the brokers have to tell which cluster they are.
const ASK: Duration = Duration::from_secs(10);

/// The way in for trades; nothing without brokers. From now on cut-offs wait for it.
pub(crate) fn intake(config: &Kafka, shard: &Handle) -> Option<Intake> {
    (!config.brokers.is_empty()).then(|| shard.intake())
}

/// The same, waiting for the views while they are further behind than the configuration allows; nothing else waits. `ending`
/// tells that the service ends, when nobody waits any more.
pub(crate) fn waiting_for(
    views: &Projections,
    intake: Intake,
    config: &Kafka,
    shard: &Handle,
    ending: watch::Receiver<bool>,
) -> Intake {
    if config.views_behind == 0 {
        return intake;
    }
    let (bound, head) = (Bound::new(views.clone(), config.views_behind), shard.head());
    intake.held_while(move || !*ending.borrow() && bound.is_exceeded(head.borrow().sequence))
}

/// Starts to consume from where the log stands. A broker that is not there yet is waited for.
fn start(config: &Kafka, log: &Log, intake: Intake) -> Result<Consumer> {
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
    Ok(Consumer::start(source, intake)?)
}

/// What only a leader has: trades come in, and their senders are told how they stand.
#[derive(Default)]
pub(crate) struct Leading {
    source: OnceLock<Consumer>,
    statuses: Mutex<Option<StatusPublisher>>,
}

impl Leading {
    /// Starts both, as far as they are configured.
    pub(crate) fn begin(
        &self,
        config: &Config,
        store: store::Options,
        log: &Arc<Log>,
        intake: Option<Intake>,
    ) -> Result<()> {
        *self.statuses.lock().unwrap_or_else(PoisonError::into_inner) = tell(config, store, log)?;
        if let Some(intake) = intake {
            // Nobody else sets it.
            let _ = self.source.set(start(&config.kafka, log, intake)?);
        }
        Ok(())
    }

    /// The same when a follower leads at last: nobody waits for its answer any more.
    pub(crate) fn begin_late(&self, config: &Config, store: store::Options, log: &Weak<Log>, intake: Option<Intake>) {
        let Some(log) = log.upgrade() else { return };
        if let Err(error) = self.begin(config, store, &log, intake) {
            tracing::error!("trades are not consumed or not answered: {error:#}");
        }
    }

    /// The consumer of trades, while this service leads.
    pub(crate) fn source(&self) -> Option<&Consumer> {
        self.source.get()
    }

    /// Ends the telling, and asks the consumer to end; stopping the engine ends its last wait.
    pub(crate) fn end(&self) {
        drop(self.statuses.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(source) = self.source() {
            source.begin_stop();
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

/// How the source stands, for those who ask how the service is.
pub(crate) fn standing(
    config: &Config,
    leading: Arc<Leading>,
) -> impl Fn() -> Vec<SourceStanding> + Send + Sync + use<> {
    let name = format!("{}/{}", config.kafka.trades_topic, config.kafka.partition);
    move || {
        let standing = leading.source().into_iter().map(|source| {
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

pub(crate) fn brokers(config: &Kafka) -> Brokers {
    let mut brokers = Brokers::new(config.brokers.clone());
    let settings = config.settings.iter().filter_map(|setting| setting.split_once('='));
    brokers.settings.extend(settings.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())));
    brokers
}
