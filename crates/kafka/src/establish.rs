//! Before anything is read: is this the topic that the log was fed from, is all of it there, and may it be used?

use crate::admin;
use crate::batch::Place;
use crate::brokers::Quiet;
use crate::consumer::Pause;
use crate::error::Error;
use crate::source::{Halt, Source};
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use std::time::Duration;

/// For one question to the brokers. Short: a consumer that is asked to stop waits for it.
const QUESTION: Duration = Duration::from_secs(1);

/// What was found out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The first offset there is.
    pub begin: u64,
    /// The first offset there is not.
    pub end: u64,
}

/// Asks the brokers all that can be asked without reading. `cluster` is what the log or an earlier answer says.
pub(crate) fn check(
    source: &Source,
    place: Option<&Place>,
    cluster: &mut Option<String>,
    consumer: &BaseConsumer<Quiet>,
) -> Result<Bounds, Pause> {
    let client = consumer.client();
    check_partitions(source, client)?;
    check_cluster(source, cluster, client)?;
    check_settings(source)?;
    let bounds = bounds(source, client)?;
    match place {
        Some(place) => check_bounds(source, place, bounds)?,
        None if bounds.begin > 0 => tracing::warn!(
            source = source.name(),
            begin = bounds.begin,
            "the topic does not begin at offset 0: what was before was deleted by retention, and this log never had it"
        ),
        None => {}
    }
    Ok(bounds)
}

/// The topic is there, with the number of partitions we expect, and ours has a leader.
pub(crate) fn check_partitions(source: &Source, client: &Client<Quiet>) -> Result<(), Pause> {
    let topic = source.topic.as_str();
    let metadata = client.fetch_metadata(Some(topic), QUESTION).map_err(|cause| unreachable(source, &cause))?;
    let Some(found) = metadata.topics().iter().find(|each| each.name() == topic) else {
        return Err(Pause::Wait(format!("{} does not know topic {topic}", source.brokers.bootstrap)));
    };
    if let Some(error) = found.error() {
        return Err(Pause::Wait(trouble(source, error)));
    }
    let count = u32::try_from(found.partitions().len()).unwrap_or(u32::MAX);
    if count != source.partitions {
        let topic = topic.to_owned();
        return Err(Pause::Halt(Halt::Partitions { topic, expected: source.partitions, found: count }));
    }
    let ours = found.partitions().iter().find(|each| u32::try_from(each.id()) == Ok(source.partition));
    match ours.map(|partition| partition.error()) {
        Some(None) => Ok(()),
        Some(Some(error)) => Err(Pause::Wait(trouble(source, error))),
        None => Err(Pause::Wait(format!("topic {topic} has no partition {}", source.partition))),
    }
}

fn check_cluster(source: &Source, cluster: &mut Option<String>, client: &Client<Quiet>) -> Result<(), Pause> {
    let Some(found) = client.fetch_cluster_id(QUESTION) else {
        return Err(Pause::Wait(format!("{} does not tell its cluster id", source.brokers.bootstrap)));
    };
    let expected = cluster.get_or_insert_with(|| found.clone());
    if *expected == found {
        return Ok(());
    }
    let bootstrap = source.brokers.bootstrap.clone();
    Err(Pause::Halt(Halt::OtherCluster { bootstrap, expected: expected.clone(), found }))
}

/// A topic that forgets or whose stamps anybody may choose is not taken.
fn check_settings(source: &Source) -> Result<(), Pause> {
    let topic = source.topic.as_str();
    let client = admin::client(&source.brokers).map_err(|error| Pause::Halt(Halt::Settings(error.to_string())))?;
    let settings = match admin::settings(&client, topic) {
        Ok(settings) => settings,
        // The right to read a topic does not bring the right to see its settings.
        Err(Error::Refused { cause, .. }) => {
            tracing::warn!(
                topic,
                cause,
                "the settings of the topic cannot be seen: whether it keeps all records is not checked"
            );
            return Ok(());
        }
        Err(error) => return Err(Pause::Wait(error.to_string())),
    };
    let unfit = |setting, value: &String, wanted, because| {
        let topic = topic.to_owned();
        Err(Pause::Halt(Halt::Unfit { topic, setting, value: value.clone(), wanted, because }))
    };
    if let Some(policy) = settings.get("cleanup.policy")
        && policy.contains("compact")
    {
        return unfit(
            "cleanup.policy",
            policy,
            "delete",
            "compaction drops all but the last message of a key, and a key is a domain",
        );
    }
    if let Some(kind) = settings.get("message.timestamp.type")
        && kind != "LogAppendTime"
    {
        return unfit("message.timestamp.type", kind, "LogAppendTime", "a sender must not choose when its trade came");
    }
    if let Some(retention) = settings.get("retention.ms")
        && retention != "-1"
    {
        tracing::warn!(
            topic,
            retention,
            "the topic deletes records by age: a shard that is down for longer loses trades; set retention.ms=-1"
        );
    }
    Ok(())
}

fn bounds(source: &Source, client: &Client<Quiet>) -> Result<Bounds, Pause> {
    let partition = i32::try_from(source.partition).unwrap_or(i32::MAX);
    let (begin, end) = client
        .fetch_watermarks(source.topic.as_str(), partition, QUESTION)
        .map_err(|cause| unreachable(source, &cause))?;
    Ok(Bounds { begin: u64::try_from(begin).unwrap_or(0), end: u64::try_from(end).unwrap_or(0) })
}

/// The partition still holds the last record we consumed, as far as offsets tell.
fn check_bounds(source: &Source, place: &Place, bounds: Bounds) -> Result<(), Pause> {
    let source_name = source.name();
    let Place { next, .. } = *place;
    if bounds.end < next {
        return Err(Pause::Halt(Halt::Shorter { source_name, end: bounds.end, next }));
    }
    if bounds.begin >= next {
        return Err(Pause::Halt(Halt::Expired { source_name, begin: bounds.begin, needed: next - 1, next }));
    }
    Ok(())
}

fn unreachable(source: &Source, cause: &KafkaError) -> Pause {
    let cause = cause.rdkafka_error_code().map_or_else(|| cause.to_string(), |code| code.to_string());
    Pause::Wait(Error::Unreachable { bootstrap: source.brokers.bootstrap.clone(), cause }.to_string())
}

/// What stands in the way, and who can help.
fn trouble(source: &Source, error: RDKafkaRespErr) -> String {
    let topic = &source.topic;
    match RDKafkaErrorCode::from(error) {
        RDKafkaErrorCode::UnknownTopicOrPartition => {
            format!(
                "topic {topic} does not exist at {}; create it with `quittance topics apply`",
                source.brokers.bootstrap
            )
        }
        RDKafkaErrorCode::TopicAuthorizationFailed => format!("the right to read topic {topic} is missing; ask for it"),
        code => format!("topic {topic}: {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Brokers;
    use model::identifier::Identifier;

    fn halt(next: u64, begin: u64, end: u64) -> Option<&'static str> {
        let topic = Identifier::parse("t").expect("a name");
        let source = Source::new(Brokers::new("localhost:1"), topic, None);
        match check_bounds(&source, &Place { next, hash: [0; 32] }, Bounds { begin, end }) {
            Ok(()) => None,
            Err(Pause::Halt(halt)) => Some(halt.code()),
            Err(_) => unreachable!("only halts"),
        }
    }

    #[test]
    fn bounds_must_hold_the_last_record() {
        assert_eq!(halt(9, 0, 9), None);
        assert_eq!(halt(9, 8, 20), None);
        assert_eq!(halt(9, 0, 8), Some("SOURCE_DIVERGED"));
        assert_eq!(halt(9, 0, 0), Some("SOURCE_DIVERGED"));
        assert_eq!(halt(9, 9, 20), Some("SOURCE_EXPIRED"));
        assert_eq!(halt(9, 15, 20), Some("SOURCE_EXPIRED"));
    }
}
