//! `quittance serve`, `init` and `config`: the service itself, and what it runs with.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use model::identifier::Identifier;
use server::Config;

use crate::fault::usage;
use crate::fold::identifier;
use crate::output::note;

/// A configuration file and what flags say over it.
#[derive(Args, Debug)]
pub struct Settings {
    /// A TOML file; `quittance config print` writes one
    #[arg(long, env = "QUITTANCE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory (store.dir)
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Where gRPC listens (grpc.listen)
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Kafka as the source of trades (kafka.brokers): host:port, with commas between
    #[arg(long, value_name = "BROKERS")]
    kafka: Option<String>,
    /// Where /metrics, /healthz and /readyz are (http.listen)
    #[arg(long, value_name = "ADDR")]
    metrics: Option<String>,
    /// Where the console is, for a browser (console.listen): http://127.0.0.1:7402 unless said otherwise; empty: nowhere
    #[arg(long, value_name = "ADDR")]
    console: Option<String>,
    /// Only follow what another engine publishes, until `quittance promote` (kafka.reader)
    #[arg(long)]
    reader: bool,
    /// No TLS, and callers are who they say they are: for trying out, on a loopback address only (access.insecure_plaintext)
    #[arg(long)]
    insecure_plaintext: bool,
    /// Any other key: --set engine.timer=false
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Settings {
    /// The effective configuration: file, then environment (QUITTANCE__SECTION__KEY), then flags.
    pub fn load(&self) -> Result<Config> {
        self.load_over(&[], &[])
    }

    /// The same for a command with defaults of its own, and flags of its own: these yield to --set alone.
    pub fn load_over<'a>(&'a self, defaults: &[(&str, &str)], said: &[(&'a str, &'a str)]) -> Result<Config> {
        let mut flags = said.to_vec();
        let named = [
            ("store.dir", &self.data),
            ("grpc.listen", &self.listen),
            ("kafka.brokers", &self.kafka),
            ("http.listen", &self.metrics),
            ("console.listen", &self.console),
        ];
        flags.extend(named.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))));
        if self.reader {
            flags.push(("kafka.reader", "true"));
        }
        if self.insecure_plaintext {
            flags.push(("access.insecure_plaintext", "true"));
        }
        for text in &self.set {
            flags.push(text.split_once('=').ok_or_else(|| usage(format!("--set {text}: write KEY=VALUE")))?);
        }
        Config::load_over(defaults, self.config.as_deref(), flags).map_err(|error| usage(error.to_string()))
    }
}

/// Run the service
#[derive(Args, Debug)]
#[command(after_help = "A log must be there: `quittance init` creates one. SIGTERM and Ctrl-C end it in order.\n\
    The console is at http://127.0.0.1:7402, with --insecure-plaintext; with a certificate at https on that port.\n\n\
    Examples:\n  quittance init --data quittance-data --house ALPHA && quittance serve --data quittance-data --insecure-plaintext\n  \
    quittance serve --config quittance.toml --kafka 127.0.0.1:9092")]
pub struct Serve {
    #[command(flatten)]
    settings: Settings,
}

/// Create an empty log with its genesis
#[derive(Args, Debug)]
#[command(after_help = "What the genesis says holds for ever. With --kafka the log is bound to that cluster.\n\n\
    Examples:\n  quittance init --data quittance-data --house ALPHA\n  \
    quittance init --data quittance-data --house ALPHA --domain QCSD --kafka 127.0.0.1:9092")]
pub struct Init {
    /// The data directory; it must be empty or missing
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The house whose books these are
    #[arg(long, value_parser = identifier, value_name = "ID")]
    house: Identifier,
    /// The settlement domains this shard owns; none: all
    #[arg(long, value_parser = identifier, value_name = "ID")]
    domain: Vec<Identifier>,
    /// Number of the shard
    #[arg(long, default_value_t = 0)]
    shard: u32,
    /// Bind the log to this Kafka cluster
    #[arg(long, value_name = "BROKERS")]
    kafka: Option<String>,
    /// Leave the log empty: it was lost, and `serve` fills it from the records topic
    #[arg(long, conflicts_with_all = ["kafka", "domain"])]
    from_topic: bool,
    /// A TOML file for the rest
    #[arg(long, env = "QUITTANCE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The configuration
#[derive(Args, Debug)]
pub struct Configure {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// The effective configuration as a file, every key with what it is for
    #[command(after_help = "Examples:\n  quittance config print > quittance.toml\n  \
        QUITTANCE__GRPC__LISTEN=0.0.0.0:7400 quittance config print --set engine.timer=false")]
    Print {
        #[command(flatten)]
        settings: Settings,
    },
}

pub fn serve(command: Serve) -> Result<()> {
    server::run(&command.settings.load()?)
}

pub fn init(command: Init) -> Result<()> {
    let mut config = Config::load(command.config.as_deref(), []).map_err(|error| usage(error.to_string()))?;
    config.store.dir = command.data;
    config.house.id = command.house.to_string();
    config.house.shard = command.shard;
    config.house.domains = command.domain.iter().map(ToString::to_string).collect();
    if let Some(brokers) = command.kafka {
        config.kafka.brokers = brokers;
    }
    if command.from_topic {
        server::init_from_topic(&config)?;
        note("an empty log is there: `quittance serve` with the same Kafka fills it from the records topic");
        return Ok(());
    }
    server::init(&config)?;
    let dir = config.store.dir.display();
    note(format!(
        "a new log of {} is in {dir}; run it with `quittance serve --data {dir} --insecure-plaintext`, or with a certificate (`quittance config print`, [access])",
        config.house.id
    ));
    Ok(())
}

pub fn configure(command: Configure) -> Result<()> {
    match command.verb {
        Verb::Print { settings } => print!("{}", settings.load()?.print()),
    }
    Ok(())
}

/// The log and the views in a data directory, wherever it was put.
pub fn views_dir(data: &Path) -> PathBuf {
    data.join("views")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_default_address_is_the_servers() {
        assert_eq!(server::Config::default().grpc.listen, crate::connection::DEFAULT_ADDRESS);
    }
}
