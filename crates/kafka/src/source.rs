//! What is consumed, how that stands, and why it may stop for good.

use crate::brokers::Brokers;
use engine::SourceCursor;
use model::identifier::Identifier;
use thiserror::Error;

/// A partition that is a source of the shard.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where Kafka is.
    pub brokers: Brokers,
    /// The topic.
    pub topic: Identifier,
    /// The partition that is this shard's.
    pub partition: u32,
    /// How many partitions the topic must have: with another number keys lie elsewhere than they did, and the order of what
    /// settles together is gone.
    pub partitions: u32,
    /// The cluster's id as the genesis names it ([`crate::cluster_id`] told it then); `None`: the one the cursor names, if any.
    pub cluster: Option<String>,
    /// How far the log has it ([`engine::cursor`]); `None`: from the beginning.
    pub cursor: Option<SourceCursor>,
    /// Messages may be XML documents, each says so by its content type: of advices. Trades are not asked, which saves time.
    pub documents: bool,
    /// The name under which the position is committed to the broker, for displays of lag and nothing else.
    pub group: String,
}

impl Source {
    /// The only partition of a topic.
    pub fn new(brokers: Brokers, topic: Identifier, cursor: Option<SourceCursor>) -> Source {
        let group = "quittance-shard-0".to_owned();
        Source { brokers, topic, partition: 0, partitions: 1, cluster: None, cursor, documents: false, group }
    }

    /// What the cluster must be, if anybody said so before.
    pub(crate) fn expected_cluster(&self) -> Option<String> {
        let stored = self.cursor.as_ref().map(|cursor| &cursor.cluster).filter(|cluster| !cluster.is_empty());
        stored.or(self.cluster.as_ref()).cloned()
    }

    /// `topic/partition`, as messages name it.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.topic, self.partition)
    }
}

/// How a consumer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not reading, and trying to: what is in the way.
    Waiting(String),
    /// Reading.
    Running,
    /// It will not go on by itself.
    Halted(Halt),
    /// It was asked to stop, or the engine takes nothing more.
    Stopped,
}

/// Why a source is not read any further. Nothing is lost: what was consumed is in the log, what was not is not in the cursor.
/// A person has to act; queries are served meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Halt {
    /// Another Kafka.
    #[error(
        "SOURCE_DIVERGED: {bootstrap} is Kafka cluster {found}, but this log was fed by cluster {expected}. Correct the address, or \
         start with the directory that belongs to this cluster"
    )]
    OtherCluster {
        /// Which brokers were asked.
        bootstrap: String,
        /// By the log.
        expected: String,
        /// By the brokers.
        found: String,
    },

    /// The topic holds less than was consumed of it.
    #[error(
        "SOURCE_DIVERGED: {source_name} ends at offset {end}, but this log consumed it up to offset {next}. The topic was deleted and \
         created again, or the broker lost its tail. {}",
        diverged_advice()
    )]
    Shorter {
        /// Topic and partition.
        source_name: String,
        /// First offset the topic does not have.
        end: u64,
        /// First offset the log does not have.
        next: u64,
    },

    /// The last record consumed is not there any more, or is another one.
    #[error(
        "SOURCE_DIVERGED: the record at offset {offset} of {source_name} {what}, so this is not the topic that the log \
         consumed: it was deleted and created again, or the broker lost its tail and used the offsets again. {}",
        diverged_advice()
    )]
    Replaced {
        /// Topic and partition.
        source_name: String,
        /// Of the last record consumed.
        offset: u64,
        /// How it differs.
        what: &'static str,
    },

    /// Retention deleted what was not consumed.
    #[error(
        "SOURCE_EXPIRED: {source_name} begins at offset {begin}, and the log needs it from offset {needed} on (consumed up to {next}): \
         retention has deleted the records between. {}. Then set retention.ms=-1 on the topic, so that it does not happen again",
        lost(*begin, *next)
    )]
    Expired {
        /// Topic and partition.
        source_name: String,
        /// First offset there is.
        begin: u64,
        /// The last record consumed: it is compared before anything is taken.
        needed: u64,
        /// First offset the log does not have.
        next: u64,
    },

    /// Another number of partitions.
    #[error(
        "PARTITIONS_CHANGED: topic {topic} has {found} partitions and {expected} are expected: keys now lie elsewhere, so the order of \
         what settles together cannot be relied on. Correct the configuration if it is wrong; a topic cannot lose partitions, so \
         otherwise make a new one with {expected}, let the front offices send to it, and name it here"
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// By the configuration.
        expected: u32,
        /// By the broker.
        found: u32,
    },

    /// The topic is set up in a way that loses or reorders trades.
    #[error(
        "TOPIC_UNFIT: topic {topic} has {setting}={value}, it must be {wanted}: {because}. Change it (`quittance topics apply` shows what differs)"
    )]
    Unfit {
        /// The topic.
        topic: String,
        /// Which setting.
        setting: &'static str,
        /// As it is.
        value: String,
        /// As it must be.
        wanted: &'static str,
        /// What would go wrong.
        because: &'static str,
    },

    /// librdkafka does not take the settings.
    #[error("CONFIGURATION: {0}")]
    Settings(String),
}

impl Halt {
    /// The stable code at the beginning of the message, for alarms and runbooks.
    pub fn code(&self) -> &'static str {
        match self {
            Halt::OtherCluster { .. } | Halt::Shorter { .. } | Halt::Replaced { .. } => "SOURCE_DIVERGED",
            Halt::Expired { .. } => "SOURCE_EXPIRED",
            Halt::Partitions { .. } => "PARTITIONS_CHANGED",
            Halt::Unfit { .. } => "TOPIC_UNFIT",
            Halt::Settings(_) => "CONFIGURATION",
        }
    }
}

fn diverged_advice() -> &'static str {
    "Nothing of it was taken. Either bring the old topic back; or let the front offices send again, to a topic of another name, all that \
     may be missing, and name that topic in the configuration: what is in the log already is recognised as a duplicate by its id"
}

fn lost(begin: u64, next: u64) -> String {
    match begin.saturating_sub(next) {
        0 => "None of them was unconsumed, but with the last one gone nobody can prove that this is still the same topic: let the front \
              offices go on with a topic of another name, and name it in the configuration"
            .to_owned(),
        missing => format!(
            "Of these {missing} were never consumed: let the front offices send them again, to a topic of another name, and name that in the \
             configuration: what is in the log already is recognised as a duplicate by its id"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A person reads these at night: code first, then what happened, then what to do.
    #[test]
    fn halts_say_what_to_do() {
        let name = || "quittance.trades.v1/0".to_owned();
        let halts = [
            Halt::OtherCluster { bootstrap: "a:1".into(), expected: "x".into(), found: "y".into() },
            Halt::Shorter { source_name: name(), end: 3, next: 9 },
            Halt::Replaced { source_name: name(), offset: 8, what: "has another content" },
            Halt::Expired { source_name: name(), begin: 12, needed: 8, next: 9 },
            Halt::Partitions { topic: name(), expected: 1, found: 3 },
            Halt::Unfit {
                topic: name(),
                setting: "cleanup.policy",
                value: "compact".into(),
                wanted: "delete",
                because: "x",
            },
            Halt::Settings("x".into()),
        ];
        for halt in halts {
            let text = halt.to_string();
            assert!(text.starts_with(&format!("{}: ", halt.code())), "{text}");
            assert!(!text.contains("  "), "{text}");
        }
        let nothing_lost = Halt::Expired { source_name: name(), begin: 9, needed: 8, next: 9 }.to_string();
        assert!(nothing_lost.contains("None of them was unconsumed"), "{nothing_lost}");
    }
}
