//! Which cluster to talk to, and the librdkafka settings that every client of ours shares.

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use std::collections::BTreeMap;
use std::fmt;

/// Where Kafka is and how to get in.
#[derive(Clone, PartialEq, Eq)]
pub struct Brokers {
    /// `host:port`, several separated by commas.
    pub bootstrap: String,
    /// Settings of librdkafka beside ours: security, client id. They are set first, so none of ours can be loosened.
    pub settings: BTreeMap<String, String>,
}

impl Brokers {
    /// Brokers without settings of their own.
    pub fn new(bootstrap: impl Into<String>) -> Brokers {
        Brokers { bootstrap: bootstrap.into(), settings: BTreeMap::new() }
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.settings {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.bootstrap)
            // A misspelt topic is an error, never a new empty topic.
            .set("allow.auto.create.topics", "false")
            // Back within a second of the broker, not within ten.
            .set("reconnect.backoff.max.ms", "1000")
            .set_log_level(RDKafkaLogLevel::Info);
        config
    }
}

impl From<&str> for Brokers {
    fn from(bootstrap: &str) -> Brokers {
        Brokers::new(bootstrap)
    }
}

/// Without the values of the settings: passwords are among them.
impl fmt::Debug for Brokers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.settings.keys().collect();
        out.debug_struct("Brokers").field("bootstrap", &self.bootstrap).field("settings", &names).finish()
    }
}

/// Sends librdkafka's own lines to `tracing`. At debug only: what a person must know is said by this crate, once and in words.
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
    }
}

impl ConsumerContext for Quiet {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let mut brokers = Brokers::new("kafka:9092");
        brokers.settings.insert("sasl.password".into(), "hunter2".into());
        let text = format!("{brokers:?}");
        assert!(text.contains("sasl.password") && !text.contains("hunter2"), "{text}");
    }
}
