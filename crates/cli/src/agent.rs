//! `quittance agent`: the service in the other seat, as the CSD or custodian of other houses.

use anyhow::Result;
use clap::Args;
use server::Config;

use crate::service::Settings;

/// Run the service as the agent of other houses: it settles what they instruct over Kafka, and advises them
#[derive(Args, Debug)]
#[command(
    after_help = "Its books are its own: `quittance init` makes its log, and its reference data says whose accounts it keeps, each\n\
    depot with a book of the same name. The other sides come by its own interface (`quittance submit --server http://127.0.0.1:7410`).\n\
    It runs beside `quittance serve` on one machine: it listens at 7410 and 7411, has no console, publishes no records and tells no\n\
    front office unless the configuration says so.\n\n\
    Example:\n  quittance init --data csd --house QCSD-AG --domain QCSD && quittance agent --data csd --id QCSD-AG \\\n    \
    --bank MYBANK/ALPHA=quittance.advices.v1 --kafka 127.0.0.1:9092 --insecure-plaintext"
)]
pub struct Agent {
    /// How it signs its advices (agent.id)
    #[arg(long, value_name = "ID")]
    id: String,
    /// A house it settles for: HOUSE/PARTY+PARTY=TOPIC, the topic on which it hears from us (agent.banks); may be repeated
    #[arg(long, value_name = "BANK", required = true)]
    bank: Vec<String>,
    /// Instructions of more than this settle in parts of at most so much (agent.lot)
    #[arg(long, value_name = "QUANTITY")]
    lot: Option<u64>,
    /// Tell the houses by ISO 20022 XML instead of protobuf; what they instruct is read as it comes, either way (agent.xml)
    #[arg(long)]
    xml: bool,
    #[command(flatten)]
    settings: Settings,
}

/// What differs from a house's own service: the topics are its banks', and beside a bank on one machine it listens elsewhere.
const DEFAULTS: [(&str, &str); 8] = [
    ("grpc.listen", "127.0.0.1:7410"),
    ("http.listen", "127.0.0.1:7411"),
    ("console.listen", ""),
    ("kafka.publish", "false"),
    ("kafka.trades_topic", ""),
    ("kafka.status_topic", ""),
    ("kafka.positions_topic", ""),
    ("kafka.instructions_topic", ""),
];

pub fn run(command: &Agent) -> Result<()> {
    server::run(&command.config()?)
}

impl Agent {
    fn config(&self) -> Result<Config> {
        let (banks, lot) = (self.bank.join(","), self.lot.map(|lot| lot.to_string()));
        let mut flags = vec![("agent.id", self.id.as_str()), ("agent.banks", &banks)];
        flags.extend(self.xml.then_some(("agent.xml", "true")));
        flags.extend(lot.as_deref().map(|lot| ("agent.lot", lot)));
        self.settings.load_over(&DEFAULTS, &flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        agent: Agent,
    }

    fn config(more: &[&str]) -> Config {
        let line = ["agent", "--id", "QCSD-AG", "--bank", "MYBANK/ALPHA=quittance.advices.v1"];
        let line = Line::try_parse_from(line.iter().chain(more).copied()).expect("a sound line");
        line.agent.config().expect("a sound configuration")
    }

    #[test]
    fn an_agent_runs_beside_a_bank_as_both_come() {
        let (bank, agent) = (Config::default(), config(&[]));
        let listens = |config: &Config| {
            let all = [&config.grpc.listen, &config.http.listen, &config.console.listen];
            all.into_iter().filter(|listen| !listen.is_empty()).cloned().collect::<Vec<_>>()
        };
        assert!(listens(&agent).iter().all(|each| !listens(&bank).contains(each)), "{:?}", listens(&agent));
        assert_eq!((agent.console.listen.as_str(), agent.kafka.publish), ("", false));
        let kafka = &agent.kafka;
        let topics = [&kafka.trades_topic, &kafka.status_topic, &kafka.positions_topic, &kafka.instructions_topic];
        assert!(topics.iter().all(|topic| topic.is_empty()), "it writes none of its bank's topics: {topics:?}");
    }

    #[test]
    fn what_a_file_or_a_flag_says_holds() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("agent.toml");
        let text = "[console]\nlisten = \"127.0.0.1:7412\"\n[agent]\nlot = 7\n[kafka]\npublish = true\n";
        std::fs::write(&file, text).expect("writes");
        let file = file.to_str().expect("text");
        let agent = config(&["--config", file, "--listen", "127.0.0.1:7999"]);
        assert_eq!((agent.console.listen.as_str(), agent.grpc.listen.as_str()), ("127.0.0.1:7412", "127.0.0.1:7999"));
        assert_eq!((agent.agent.lot, agent.kafka.publish), (7, true));
        assert_eq!(config(&["--config", file, "--lot", "9"]).agent.lot, 9);
    }
}
