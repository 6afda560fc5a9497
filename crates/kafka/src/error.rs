//! What can go wrong when talking to Kafka other than by reading a source (for that see [`crate::Halt`]).

use rdkafka::error::KafkaError;
use thiserror::Error as ThisError;

/// An error, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum Error {
    /// The settings are not what librdkafka takes.
    #[error(
        "Kafka settings are refused: {cause}; correct them in the configuration (names as in librdkafka's CONFIGURATION.md)"
    )]
    Settings {
        /// What librdkafka says.
        cause: String,
    },

    /// Nobody answers.
    #[error(
        "no Kafka broker answers at {bootstrap} ({cause}); start it (deploy/kafka/kafka.sh start), or correct the address"
    )]
    Unreachable {
        /// Where.
        bootstrap: String,
        /// What librdkafka says.
        cause: String,
    },

    /// The broker refuses.
    #[error("Kafka refuses {doing}: {cause}")]
    Refused {
        /// What was asked.
        doing: String,
        /// What the broker says.
        cause: String,
    },

    /// A topic of trades that forgets.
    #[error(
        "topic {topic} has cleanup.policy={policy}: a compacted topic drops messages, and with them trades. It is not taken as it is: \
         move its messages to a topic with cleanup.policy=delete and retention.ms=-1, or delete it if it holds nothing of worth, \
         then apply again"
    )]
    Compacted {
        /// The topic.
        topic: String,
        /// What its policy is.
        policy: String,
    },

    /// A message can never be delivered.
    #[error("a message for {topic} cannot be sent: {cause}")]
    Send {
        /// The topic.
        topic: String,
        /// What librdkafka says.
        cause: String,
    },

    /// Messages were given up or still wait.
    #[error(
        "{failed} messages were not delivered and {waiting} still wait: {cause}; send again what was not confirmed (the service knows what it had)"
    )]
    Undelivered {
        /// Given up.
        failed: u64,
        /// On their way.
        waiting: u64,
        /// Why the first was given up.
        cause: String,
    },

    /// The log cannot be read.
    #[error("the log cannot be followed: {cause}")]
    Log {
        /// What the store or the decoder says.
        cause: String,
    },

    /// A file of our own.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: String,
        /// What the system says.
        cause: String,
    },
}

impl Error {
    pub(crate) fn settings(cause: KafkaError) -> Error {
        Error::Settings { cause: cause.to_string() }
    }
}
