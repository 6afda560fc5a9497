//! `quittance stories`: a week told by reference. A front office, a bank and its agent, three processes on a real broker; what goes
//! wrong between them and how it is mended; and at the end two figures of different origin for everything, each difference zero.

mod documents;
mod office;
mod proofs;
mod seat;
mod week;

use anyhow::Result;
use clap::Args;
use kafka::{Brokers, Topic, TopicPlan};

use crate::demo::screen::{heading, line};
use crate::fault::failed;

/// Where everything of the stories goes, beside the topics of a real house.
pub const TRADES: &str = "quittance.stories.trades.v1";
pub const STATUS: &str = "quittance.stories.trade-status.v1";
pub const POSITIONS: &str = "quittance.stories.positions.v1";
pub const INSTRUCTIONS: &str = "quittance.stories.instructions.v1";
pub const ADVICES: &str = "quittance.stories.advices.v1";
pub const RECORDS: &str = "quittance.stories.records.v1";

/// A week told by reference: front office, bank and agent as processes of their own, over a broker
#[derive(Args, Debug)]
#[command(after_help = "Its topics (quittance.stories.…) must be empty. Exit code 1 when a tie-out does not hold.\n\n\
    Examples:\n  quittance stories --kafka 127.0.0.1:9092\n  quittance stories --kafka 127.0.0.1:9092 --xml")]
pub struct Stories {
    /// host:port, with commas between
    #[arg(long, value_name = "BROKERS")]
    kafka: String,
    /// Bank and agent speak ISO 20022 XML with one another instead of protobuf
    #[arg(long)]
    xml: bool,
    /// Be the front office: send what is said on stdin
    #[arg(long, hide = true)]
    office: bool,
}

pub async fn run(command: Stories) -> Result<()> {
    if command.office {
        return tokio::task::spawn_blocking(move || office::run(&command.kafka)).await?;
    }
    heading("Start");
    let brokers = Brokers::new(command.kafka.clone());
    let topics = vec![
        Topic::trades(TRADES),
        Topic::compacted(STATUS),
        Topic::compacted(POSITIONS),
        Topic::trades(INSTRUCTIONS),
        Topic::trades(ADVICES),
        Topic::records(RECORDS),
    ];
    let made = brokers.clone();
    let found = tokio::task::spawn_blocking(move || kafka::topics::apply(&made, &TopicPlan { topics })).await??;
    if let Some(old) = found.iter().find(|found| !found.is_new()) {
        return Err(failed(format!(
            "{} is there already: the stories want topics of their own (`deploy/kafka/kafka.sh wipe`)",
            old.topic
        )));
    }
    let dir = tempfile::Builder::new().prefix("quittance-stories-").tempdir()?;
    let mut stage = seat::Stage::start(&command.kafka, dir.path(), command.xml).await?;
    line(format!(
        "three processes: front office {}, bank {} (gRPC {}), agent {} (gRPC {})",
        stage.office.process(),
        stage.bank.process(),
        stage.bank.address,
        stage.agent.process(),
        stage.agent.address
    ));
    let played = week::play(&mut stage).await;
    let broken = match played {
        Ok(()) => proofs::print(&mut stage, &brokers, command.xml).await,
        Err(error) => Err(error),
    };
    if broken.is_err() {
        line(format!("the data stay in {}", dir.keep().display()));
    }
    stage.end().await?;
    match broken? {
        0 => Ok(()),
        broken => Err(failed(format!("{broken} tie-outs do not hold"))),
    }
}
