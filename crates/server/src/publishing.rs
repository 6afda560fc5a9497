//! The records topic in the service: who leads, who follows, and what the parts are told of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use api::{Backend, Publication};
use engine::{Engine, Handle};
use kafka::records::Adopted;
use kafka::{Records, RecordsOptions, RecordsState};
use model::record::Genesis;
use store::Log;
use wire::pb::service::{SourceStanding, SourceState};

use crate::config::Config;
use crate::operations::Condition;
use crate::{kafka_source, settings};

/// How long an end in order waits for the last records to be published.
const LAST: Duration = Duration::from_secs(5);

/// Whether records are published or followed at all.
pub(crate) fn is_on(config: &Config) -> bool {
    config.kafka.publish && !config.kafka.brokers.is_empty()
}

/// The options of an engine that follows until its records do not.
pub(crate) fn follow(config: &Config, mut options: engine::Options) -> engine::Options {
    if !is_on(config) {
        return options;
    }
    options.follow = true;
    if options.store.witness_check == store::WitnessCheck::Strict {
        // What is missing here may be in the topic; before it leads, all that the witness saw must be there.
        options.store.witness_check = store::WitnessCheck::CatchUp;
    }
    // A reader has no history of its own, so an empty directory is nothing lost.
    options.create = config.kafka.reader && !options.dir.exists();
    options
}

/// Starts to follow or publish; nothing when that is not configured.
pub(crate) fn start(config: &Config, engine: &Engine, genesis: Option<&Genesis>) -> Result<Option<Arc<Records>>> {
    if !is_on(config) {
        return Ok(None);
    }
    Ok(Some(Arc::new(Records::start(engine.replica(), options(config, genesis))?)))
}

fn options(config: &Config, genesis: Option<&Genesis>) -> RecordsOptions {
    let kafka = &config.kafka;
    RecordsOptions {
        topic: kafka.records_topic.clone(),
        partition: kafka.partition,
        partitions: kafka.partitions,
        cluster: genesis.and_then(|genesis| genesis.cluster.clone()),
        reader: kafka.reader,
        ..RecordsOptions::new(kafka_source::brokers(kafka), config.store.dir.join("records.place"))
    }
}

/// Tells the calls what they may wait for.
pub(crate) fn tell(config: &Config, records: &Arc<Records>, backend: &Backend) {
    let order = Arc::downgrade(records);
    backend.publish(Publication {
        published: records.published(),
        by_default: config.kafka.ack == "published",
        wait: settings::seconds(config.grpc.timeout_seconds) * 9 / 10,
        promote: Box::new(move || {
            if let Some(records) = order.upgrade() {
                records.promote();
            }
        }),
    });
}

/// Waits until the log holds a record: without one there is nothing to be asked.
pub(crate) async fn first_record(
    records: &Records,
    log: &Log,
    shard: &Handle,
    backend: &Backend,
    condition: &Condition,
) -> Result<()> {
    while log.head().sequence == 0 {
        let text = format!("the log is empty: {}", describe(&records.state()));
        backend.preparing(text.clone());
        condition.not_ready(text);
        look(shard).await?;
    }
    Ok(())
}

/// Waits until the shard leads, or follows where it is only to read.
pub(crate) async fn settled(config: &Config, records: &Records, shard: &Handle) -> Result<()> {
    loop {
        match records.state() {
            RecordsState::Leading(_) => return Ok(()),
            RecordsState::Following if config.kafka.reader => return Ok(()),
            _ => look(shard).await?,
        }
    }
}

/// Waits until the shard leads.
pub(crate) async fn leads(records: &Records, shard: &Handle) -> bool {
    loop {
        match records.state() {
            RecordsState::Leading(_) => return true,
            RecordsState::Halted(_) | RecordsState::Stopped => return false,
            _ if look(shard).await.is_err() => return false,
            _ => {}
        }
    }
}

async fn look(shard: &Handle) -> Result<()> {
    match shard.status().failed {
        Some(failure) => Err(anyhow!((*failure).clone())),
        None => {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(())
        }
    }
}

/// Ends in order: what is in the log is published first, if that can be had soon.
pub(crate) async fn stop(records: Arc<Records>, log: &Log) {
    let mut published = records.published();
    if matches!(records.state(), RecordsState::Leading(_)) {
        let all = published.wait_for(|through| *through >= log.head().sequence);
        if tokio::time::timeout(LAST, all).await.is_err() {
            tracing::warn!("the last records are not published yet: the next start publishes them");
        }
    }
    // A call that was cut off may hold it for a moment more, so it is not left to its last holder.
    let mut state = records.watch();
    records.begin_stop();
    let ended = state.wait_for(|state| matches!(state, RecordsState::Stopped | RecordsState::Halted(_)));
    if tokio::time::timeout(LAST, ended).await.is_err() {
        tracing::warn!("the records topic does not end in time");
    }
}

/// Why the service is not ready, as far as the records topic is concerned.
pub(crate) fn obstacle(config: &Config, records: &Records) -> Option<String> {
    match records.state() {
        RecordsState::Leading(_) => None,
        RecordsState::Following if config.kafka.reader => None,
        state => Some(describe(&state)),
    }
}

/// How the topic stands, for those who ask how the service is.
pub(crate) fn standing(config: &Config, records: &Records, log: &Log) -> SourceStanding {
    let (counts, state) = (records.counts(), records.state());
    let kind = match &state {
        RecordsState::Waiting(_) => SourceState::Waiting,
        RecordsState::Following | RecordsState::Fencing | RecordsState::Leading(_) => SourceState::Running,
        RecordsState::Halted(_) => SourceState::Halted,
        RecordsState::Stopped => SourceState::Stopped,
    };
    SourceStanding {
        name: format!("{}/{}", config.kafka.records_topic, config.kafka.partition),
        state: kind as i32,
        reason: describe(&state),
        // Here these are records and not messages: the next to be published, and how many wait for it.
        next_offset: counts.published + 1,
        behind: log.head().sequence.saturating_sub(counts.published),
    }
}

fn describe(state: &RecordsState) -> String {
    match state {
        RecordsState::Waiting(why) => format!("waits for the records topic: {why}"),
        RecordsState::Following => "follows the records topic".to_owned(),
        RecordsState::Fencing => "reads the records topic up to its fence".to_owned(),
        RecordsState::Leading(generation) => format!("leads the shard, generation {generation}"),
        RecordsState::Halted(halt) => halt.to_string(),
        RecordsState::Stopped => "stopped".to_owned(),
    }
}

/// Replaces a log that has diverged by the history of the records topic; see [`kafka::records::adopt`].
pub(crate) fn adopt(config: &Config, progress: &mut dyn FnMut(u64, u64)) -> Result<Option<Adopted>> {
    if !is_on(config) {
        bail!("there is no records topic to take over: it needs kafka.brokers and kafka.publish");
    }
    let engine = settings::engine(config, settings::store(&config.store))?;
    Ok(kafka::records::adopt(&options(config, None), &engine, progress)?)
}
