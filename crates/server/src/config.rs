//! Configuration: a TOML file, then the environment (`QUITTANCE__SECTION__KEY`), then flags; the later one wins. A command may have
//! defaults of its own beneath them all.
//!
//! Every key has a default and a line that says what it is for. A key that nobody knows is an error and not a default in disguise:
//! a misspelt limit would otherwise be no limit.

mod layers;
mod sections;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use layers::Layers;
use model::identifier::Identifier;
pub use sections::{Access, Agent, Config, Console, Engine, Grpc, House, Http, Kafka, Store, Telemetry};

/// Why a configuration is refused. Each says where the mistake stands.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: {cause}", path.display())]
    File { path: PathBuf, cause: String },
    /// A key that is not there.
    #[error("{origin}: there is no key {key}; {hint}")]
    UnknownKey { origin: String, key: String, hint: String },
    /// A value of another type.
    #[error("{origin}: {key} = {value}: {reason}")]
    Value { origin: String, key: String, value: String, reason: String },
    /// A value that makes no sense.
    #[error("{key} = {value}: {reason}")]
    Senseless { key: &'static str, value: String, reason: String },
}

impl Config {
    /// The effective configuration. `file` must exist when it is named; `flags` are pairs of a dotted key and a text.
    ///
    /// # Errors
    /// The first mistake, with the place where it stands.
    pub fn load<'a>(file: Option<&Path>, flags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Config, Error> {
        Config::from_layers(file, std::env::vars(), flags)
    }

    /// The same for a command whose defaults differ: pairs as flags are, beneath the file.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_over<'a>(
        defaults: &[(&str, &str)],
        file: Option<&Path>,
        flags: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Config, Error> {
        Config::layered(defaults, file, std::env::vars(), flags)
    }

    /// The same with another environment, for tests.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_layers<'a>(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Config, Error> {
        Config::layered(&[], file, environment, flags)
    }

    fn layered<'a>(
        defaults: &[(&str, &str)],
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Config, Error> {
        let mut layers = Layers::new();
        for (key, value) in defaults {
            layers.text(&format!("default of {key}"), key, value)?;
        }
        if let Some(path) = file {
            layers.file(path)?;
        }
        for (name, value) in environment {
            layers.variable(&name, &value)?;
        }
        for (key, value) in flags {
            layers.text(&format!("flag {key}"), key, value)?;
        }
        let config = layers.finish()?;
        config.check()?;
        Ok(config)
    }

    /// The effective configuration as a file that gives the same again, each key with what it is for. Secrets are left out.
    #[must_use]
    pub fn print(&self) -> String {
        let mut shown = self.clone();
        shown.kafka.settings = shown.kafka.settings.into_iter().map(without_secret).collect();
        let table = layers::table(&shown);
        let mut text = String::from("# Quittance. Environment: QUITTANCE__SECTION__KEY=value; flags win over both.\n");
        for (section, about, keys) in sections::ABOUT {
            let _ = write!(text, "\n#{about}\n[{section}]\n");
            for (key, about) in *keys {
                let value = table.get(*section).and_then(|section| section.get(*key));
                for line in about.lines() {
                    let _ = writeln!(text, "#{line}");
                }
                let _ = writeln!(text, "{key} = {}", value.map_or_else(String::new, ToString::to_string));
            }
        }
        text
    }

    /// The directory of the log.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.store.dir.join("log")
    }

    /// The directory of the views, a cache.
    #[must_use]
    pub fn views_dir(&self) -> PathBuf {
        self.store.dir.join("views")
    }

    /// Listeners without authentication that others than this machine's own users can reach.
    #[must_use]
    pub fn exposed(&self) -> Vec<&'static str> {
        let listeners = [("http.listen", &self.http.listen)];
        let outside = |listen: &str| listen.parse().is_ok_and(|address: SocketAddr| !address.ip().is_loopback());
        listeners.into_iter().filter(|(_, listen)| outside(listen)).map(|(key, _)| key).collect()
    }

    fn check(&self) -> Result<(), Error> {
        let senseless = |key: &'static str, value: &dyn ToString, reason: &str| {
            Err(Error::Senseless { key, value: value.to_string(), reason: reason.to_owned() })
        };
        let listeners = [
            ("grpc.listen", &self.grpc.listen),
            ("console.listen", &self.console.listen),
            ("http.listen", &self.http.listen),
        ];
        for (key, listen) in listeners {
            let optional = key != "grpc.listen" && listen.is_empty();
            if !optional && listen.parse::<SocketAddr>().is_err() {
                return senseless(
                    key,
                    listen,
                    "expected an address and a port, such as 127.0.0.1:7400 (port 0: any free one)",
                );
            }
        }
        if !["strict", "catch-up", "reset"].contains(&self.store.witness_check.as_str()) {
            return senseless("store.witness_check", &self.store.witness_check, "expected strict, catch-up or reset");
        }
        if !["published", "local"].contains(&self.kafka.ack.as_str()) {
            return senseless("kafka.ack", &self.kafka.ack, "expected published or local");
        }
        if self.kafka.reader && (self.kafka.brokers.is_empty() || !self.kafka.publish) {
            return senseless(
                "kafka.reader",
                &true,
                "a reader follows the records topic: it needs kafka.brokers and kafka.publish",
            );
        }
        if self.agent.id.is_empty() != self.agent.banks.is_empty() {
            return senseless(
                "agent.banks",
                &self.agent.banks.join(", "),
                "an agent has a name (agent.id) and banks, or neither",
            );
        }
        for bank in &self.agent.banks {
            if let Err(reason) = agent::Bank::parse(bank) {
                return senseless("agent.banks", bank, &reason);
            }
        }
        for domain in &self.kafka.instructions_as_xml {
            if let Err(reason) = Identifier::parse(domain) {
                return senseless("kafka.instructions_as_xml", domain, &reason.to_string());
            }
        }
        if !["text", "json"].contains(&self.telemetry.format.as_str()) {
            return senseless("telemetry.format", &self.telemetry.format, "expected text or json");
        }
        if !(0.0..=1.0).contains(&self.telemetry.sample_ratio) {
            return senseless("telemetry.sample_ratio", &self.telemetry.sample_ratio, "expected 0.0 to 1.0");
        }
        if self.store.compression == 0 || self.store.compression > 19 {
            return senseless(
                "store.compression",
                &self.store.compression,
                "expected a level of zstd: 1 to 19, or negative",
            );
        }
        if let Some(setting) = self.kafka.settings.iter().find(|setting| !setting.contains('=')) {
            return senseless("kafka.settings", setting, "expected name=value, as librdkafka names its settings");
        }
        for (key, value) in [
            ("engine.queue", u64::from(self.engine.queue)),
            ("grpc.max_connections", u64::from(self.grpc.max_connections)),
            ("grpc.max_connections_per_address", u64::from(self.grpc.max_connections_per_address)),
            ("console.max_connections", u64::from(self.console.max_connections)),
            ("grpc.max_streams", u64::from(self.grpc.max_streams)),
            ("grpc.max_readers", u64::from(self.grpc.max_readers)),
            ("grpc.max_message_kib", u64::from(self.grpc.max_message_kib)),
            ("grpc.max_header_kib", u64::from(self.grpc.max_header_kib)),
            ("grpc.timeout_seconds", u64::from(self.grpc.timeout_seconds)),
            ("grpc.heartbeat_seconds", u64::from(self.grpc.heartbeat_seconds)),
            ("grpc.keepalive_seconds", u64::from(self.grpc.keepalive_seconds)),
            ("grpc.in_flight_per_stream", u64::from(self.grpc.in_flight_per_stream)),
        ] {
            if value == 0 {
                return senseless(key, &value, "expected at least 1");
            }
        }
        Ok(())
    }
}

/// A setting of librdkafka for people to see.
fn without_secret(setting: String) -> String {
    match setting.split_once('=') {
        Some((name, _)) if ["password", "secret", "key", "pem", "token"].iter().any(|word| name.contains(word)) => {
            format!("{name}=***")
        }
        _ => setting,
    }
}

#[cfg(test)]
mod tests;
