//! Our topics: what they must be like, and making them so.

use crate::admin;
use crate::brokers::Brokers;
use crate::error::Error;
use rdkafka::admin::{NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use std::collections::BTreeMap;

/// Trades, in.
pub const TRADES: &str = "quittance.trades.v1";
/// Advices of agents, in.
pub const ADVICES: &str = "quittance.advices.v1";
/// What agents are told to do, out; an agent reads it.
pub const INSTRUCTIONS: &str = "quittance.instructions.v1";
/// Blocks of records, out.
pub const RECORDS: &str = "quittance.records.v1";
/// Bytes that a block may have in [`RECORDS`]: many times what the engine cuts, since a command may leave much behind.
pub const MAX_BLOCK: u32 = 64 << 20;
/// What could not be read, out.
pub const QUARANTINE: &str = "quittance.quarantine.v1";
/// How each trade stands, out: the last message of a key holds.
pub const TRADE_STATUS: &str = "quittance.trade-status.v1";
/// What books and depots hold and how much of it is free, out: the last message of a key holds.
pub const POSITIONS: &str = "quittance.positions.v1";

/// The same as a setting.
const MAX_BLOCK_TEXT: &str = "67108864";

/// The topics that are to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPlan {
    /// In the order in which they are made.
    pub topics: Vec<Topic>,
}

/// A topic as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// One for each shard.
    pub partitions: u32,
    /// Copies; `None`: as the brokers are set up.
    pub replication: Option<u32>,
    /// What its settings must be.
    pub settings: BTreeMap<&'static str, &'static str>,
    /// Losing a message of it is losing a trade, or a word of or to an agent: it is refused when compacted.
    pub holds_trades: bool,
}

/// How a topic was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub topic: String,
    /// What was found, or done.
    pub state: FoundState,
}

/// What was found, or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundState {
    /// It was not there and has been made.
    Created,
    /// It was not there; it is only looked at.
    Missing,
    /// It is as it should be.
    Right,
    /// It is there, and differs. It is not changed: what it holds may depend on how it is.
    Differs(Vec<Difference>),
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// A setting, or `partitions`.
    pub what: String,
    /// As it is.
    pub is: String,
    /// As it should be.
    pub should_be: String,
}

impl TopicPlan {
    /// All topics of a service with so many shards.
    pub fn new(shards: u32) -> TopicPlan {
        let topics = vec![
            Topic::trades(TRADES),
            Topic::trades(ADVICES),
            Topic::trades(INSTRUCTIONS),
            Topic::records(RECORDS),
            Topic::kept(QUARANTINE),
            Topic::compacted(TRADE_STATUS),
            Topic::compacted(POSITIONS),
        ];
        TopicPlan { topics: topics.into_iter().map(|topic| Topic { partitions: shards, ..topic }).collect() }
    }
}

impl Topic {
    /// A topic of trades with one partition: nothing is ever deleted, and the broker stamps.
    pub fn trades(name: &str) -> Topic {
        Topic { holds_trades: true, ..Topic::kept(name) }
    }

    /// A topic of which only the last message of each key need be kept.
    pub fn compacted(name: &str) -> Topic {
        let kept = Topic::kept(name);
        let settings = kept.settings.into_iter().chain([("cleanup.policy", "compact")]).collect();
        Topic { settings, ..kept }
    }

    /// A topic of blocks with one partition: nothing is ever deleted, and a block fits.
    pub fn records(name: &str) -> Topic {
        let mut topic = Topic::kept(name);
        topic.settings.insert("max.message.bytes", MAX_BLOCK_TEXT);
        topic
    }

    /// A topic of which nothing is ever deleted.
    fn kept(name: &str) -> Topic {
        let settings = BTreeMap::from([
            ("cleanup.policy", "delete"),
            ("retention.ms", "-1"),
            ("retention.bytes", "-1"),
            ("message.timestamp.type", "LogAppendTime"),
        ]);
        Topic { name: name.to_owned(), partitions: 1, replication: None, settings, holds_trades: false }
    }
}

impl Found {
    /// Whether it was made just now.
    pub fn is_new(&self) -> bool {
        self.state == FoundState::Created
    }

    /// Whether it is as the plan wants it.
    pub fn is_right(&self) -> bool {
        matches!(self.state, FoundState::Created | FoundState::Right)
    }
}

/// Makes the topics that are missing and says how the others differ.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Refused`], and [`Error::Compacted`] before anything is made.
pub fn apply(brokers: &Brokers, plan: &TopicPlan) -> Result<Vec<Found>, Error> {
    let mut found = show(brokers, plan)?;
    let client = admin::client(brokers)?;
    for (topic, found) in plan.topics.iter().zip(&mut found) {
        if found.state == FoundState::Missing {
            create(&client, topic)?;
            found.state = FoundState::Created;
        }
    }
    Ok(found)
}

/// Says how the topics are, and changes nothing.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Refused`], [`Error::Compacted`].
pub fn show(brokers: &Brokers, plan: &TopicPlan) -> Result<Vec<Found>, Error> {
    let client = admin::client(brokers)?;
    let metadata = client.inner().fetch_metadata(None, admin::ANSWER).map_err(|cause| Error::Unreachable {
        bootstrap: brokers.bootstrap.clone(),
        cause: cause.rdkafka_error_code().map_or_else(|| cause.to_string(), |code| code.to_string()),
    })?;
    plan.topics
        .iter()
        .map(|topic| {
            let there = metadata.topics().iter().find(|there| there.name() == topic.name);
            let state = match there {
                None => FoundState::Missing,
                Some(there) => {
                    let settings = admin::settings(&client, &topic.name)?;
                    let policy = settings.get("cleanup.policy").cloned().unwrap_or_default();
                    if topic.holds_trades && policy.contains("compact") {
                        return Err(Error::Compacted { topic: topic.name.clone(), policy });
                    }
                    compare(topic, there.partitions().len(), &settings)
                }
            };
            Ok(Found { topic: topic.name.clone(), state })
        })
        .collect()
}

fn compare(topic: &Topic, partitions: usize, settings: &BTreeMap<String, String>) -> FoundState {
    let mut differences = Vec::new();
    let mut check = |what: &str, is: String, should_be: String| {
        if is != should_be {
            differences.push(Difference { what: what.to_owned(), is, should_be });
        }
    };
    check("partitions", partitions.to_string(), topic.partitions.to_string());
    for (name, should_be) in &topic.settings {
        let is = settings.get(*name).cloned().unwrap_or_else(|| "not set".to_owned());
        check(name, is, (*should_be).to_owned());
    }
    if differences.is_empty() { FoundState::Right } else { FoundState::Differs(differences) }
}

fn create(client: &rdkafka::admin::AdminClient<crate::brokers::Quiet>, topic: &Topic) -> Result<(), Error> {
    let refused = |cause: String| Error::Refused { doing: format!("to create topic {}", topic.name), cause };
    // -1 is Kafka's own word for "as the brokers are set up".
    let replication =
        topic.replication.map_or(Ok(-1), i32::try_from).map_err(|_| refused("too many replicas".to_owned()))?;
    let partitions = i32::try_from(topic.partitions).map_err(|_| refused("too many partitions".to_owned()))?;
    let mut new = NewTopic::new(&topic.name, partitions, TopicReplication::Fixed(replication));
    for (name, value) in &topic.settings {
        new = new.set(name, value);
    }
    let answers =
        admin::wait(client.create_topics([&new], &admin::options())).map_err(|error| refused(error.to_string()))?;
    match answers.into_iter().next() {
        Some(Ok(_)) => Ok(()),
        // Somebody was faster; what he made is compared the next time.
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((_, code))) => Err(refused(code.to_string())),
        None => Err(refused("no answer".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_has_one_partition_for_each_shard_and_deletes_nothing() {
        for topic in TopicPlan::new(3).topics {
            assert_eq!(topic.partitions, 3, "{}", topic.name);
            assert_eq!(topic.settings["retention.ms"], "-1");
            assert_eq!(topic.settings["message.timestamp.type"], "LogAppendTime");
            assert_eq!(topic.holds_trades, [TRADES, ADVICES, INSTRUCTIONS].contains(&topic.name.as_str()));
        }
    }

    #[test]
    fn a_block_fits_into_the_records_topic() {
        assert_eq!(MAX_BLOCK_TEXT, MAX_BLOCK.to_string());
        assert_eq!(Topic::records(RECORDS).settings["max.message.bytes"], MAX_BLOCK_TEXT);
    }

    #[test]
    fn differences_are_named() {
        let topic = Topic::trades(TRADES);
        let as_planned = |(name, value): (&&str, &&str)| ((*name).to_owned(), (*value).to_owned());
        let mut settings: BTreeMap<String, String> = topic.settings.iter().map(as_planned).collect();
        assert_eq!(compare(&topic, 1, &settings), FoundState::Right);
        settings.insert("retention.ms".into(), "604800000".into());
        let FoundState::Differs(differences) = compare(&topic, 2, &settings) else { panic!("it differs") };
        let names: Vec<_> = differences.iter().map(|each| each.what.as_str()).collect();
        assert_eq!(names, ["partitions", "retention.ms"]);
        assert_eq!(differences[1].should_be, "-1");
    }
}
