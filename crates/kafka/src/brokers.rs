//! Which cluster to talk to, and the librdkafka settings that every client of ours shares.

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

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
#[derive(Default)]
pub(crate) struct Quiet {
    another_topic: AtomicBool,
}

impl Quiet {
    /// Whether a topic was replaced by another one of its name since this was asked last.
    ///
    /// librdkafka notices, and goes on in the new topic at the old offset: what lies before it would be skipped without a word
    /// (`rdkafka_topic.c` says that an offset reset is still to be triggered there). It says so only in a line of its log, for clients with
    /// `debug=metadata`. The system test `topic_recreated_while_running` holds that the line is still there.
    pub(crate) fn another_topic(&self) -> bool {
        self.another_topic.swap(false, Ordering::Relaxed)
    }
}

/// The line is `Topic <name> changed id from <base64> to <base64>`. The first id of a session replaces zeros, which are written `A`.
fn tells_another_topic(message: &str) -> bool {
    let ids = message.split_once(" changed id from ").and_then(|(_, ids)| ids.split_once(" to "));
    ids.is_some_and(|(before, _)| before.bytes().any(|byte| !matches!(byte, b'A' | b'=')))
}

impl ClientContext for Quiet {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        if tells_another_topic(message) {
            self.another_topic.store(true, Ordering::Relaxed);
        }
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
    fn a_replaced_topic_is_told_from_a_new_one() {
        let line = |before| format!("[thrd:main]: Topic t changed id from {before} to x7nSv1ZaT2GJCvzQkM0uAQ");
        assert!(tells_another_topic(&line("Q0BqjVG7Qqau3MWyL1jCkQ")));
        assert!(!tells_another_topic(&line("AAAAAAAAAAAAAAAAAAAAAA")));
        assert!(!tells_another_topic("[thrd:main]: Topic t partition count changed from 1 to 2"));
    }

    #[test]
    fn secrets_are_not_printed() {
        let mut brokers = Brokers::new("kafka:9092");
        brokers.settings.insert("sasl.password".into(), "hunter2".into());
        let text = format!("{brokers:?}");
        assert!(text.contains("sasl.password") && !text.contains("hunter2"), "{text}");
    }
}
