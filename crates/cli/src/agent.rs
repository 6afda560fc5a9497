//! `quittance agent`: the service in the other seat, as the CSD or custodian of other houses.

use anyhow::Result;
use clap::Args;

use crate::service::Settings;

/// Run the service as the agent of other houses: it settles what they instruct over Kafka, and advises them
#[derive(Args, Debug)]
#[command(
    after_help = "Its books are its own: `quittance init` makes its log, and its reference data says whose accounts it keeps, each\n\
    depot with a book of the same name. The other sides come by its own interface (`quittance submit`). It publishes no records and tells\n\
    no front office unless the configuration says so.\n\n\
    Example:\n  quittance init --data csd --house QCSD-AG --domain QCSD && quittance agent --data csd --id QCSD-AG \\\n    \
    --bank MYBANK/ALPHA=quittance.advices.v1 --kafka 127.0.0.1:9092 --listen 127.0.0.1:7410 --metrics 127.0.0.1:7411 --insecure-plaintext"
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
    #[command(flatten)]
    settings: Settings,
}

pub fn run(command: &Agent) -> Result<()> {
    let (banks, lot) = (command.bank.join(","), command.lot.unwrap_or(0).to_string());
    let flags = [
        ("agent.id", command.id.as_str()),
        ("agent.banks", &banks),
        ("agent.lot", &lot),
        // It is no house of the shared topics: those are its banks'.
        ("kafka.publish", "false"),
        ("kafka.trades_topic", ""),
        ("kafka.status_topic", ""),
        ("kafka.positions_topic", ""),
        ("kafka.instructions_topic", ""),
    ];
    server::run(&command.settings.load_over(&flags)?)
}
