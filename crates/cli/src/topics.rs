//! `quittance topics`: Kafka's topics as the service needs them.

use anyhow::Result;
use clap::{Args, Subcommand};
use kafka::Brokers;
use kafka::topics::{Found, FoundState, TopicPlan, apply, show};
use serde::Serialize;

use crate::fault::failed;
use crate::output::{self, Cell, Column, Format, Mark, column};

/// Kafka's topics: make them, or say how they are
#[derive(Args, Debug)]
pub struct Topics {
    /// host:port, with commas between
    #[arg(long, global = true, env = "QUITTANCE_KAFKA", default_value = "127.0.0.1:9092", value_name = "BROKERS")]
    kafka: String,
    /// One partition for each shard
    #[arg(long, global = true, default_value_t = 1)]
    shards: u32,
    /// How to print the answer
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Make what is missing; what is there is compared and never changed
    #[command(after_help = "Example:\n  quittance topics apply --kafka 127.0.0.1:9092")]
    Apply,
    /// Say how they are
    #[command(after_help = "Example:\n  quittance topics show --kafka 127.0.0.1:9092")]
    Show,
}

pub fn run(command: Topics) -> Result<()> {
    let (brokers, plan) = (Brokers::new(command.kafka), TopicPlan::new(command.shards));
    let found = match command.verb {
        Verb::Apply => apply(&brokers, &plan)?,
        Verb::Show => show(&brokers, &plan)?,
    };
    let rows: Vec<Row> = found.iter().map(Row::from).collect();
    let wrong = found.iter().filter(|found| !found.is_right()).count();
    output::list(command.output, LIST, rows, "no topics are planned")?;
    match wrong {
        0 => Ok(()),
        _ => Err(failed(format!("{wrong} of {} topics are not as they should be", found.len()))),
    }
}

#[derive(Serialize)]
struct Row {
    topic: String,
    state: &'static str,
    differences: String,
}

impl From<&Found> for Row {
    fn from(found: &Found) -> Row {
        let (state, differences) = match &found.state {
            FoundState::Created => ("created", String::new()),
            FoundState::Missing => ("missing", String::new()),
            FoundState::Right => ("right", String::new()),
            FoundState::Differs(differences) => {
                let each =
                    differences.iter().map(|one| format!("{} is {}, should be {}", one.what, one.is, one.should_be));
                ("differs", each.collect::<Vec<_>>().join("; "))
            }
        };
        Row { topic: found.topic.clone(), state, differences }
    }
}

const LIST: &[Column<Row>] = &[
    column("topic", |each| Cell::text(&each.topic)),
    column("state", |each| {
        let good = matches!(each.state, "created" | "right");
        Cell::Marked(each.state.to_owned(), if good { Mark::Good } else { Mark::Bad })
    }),
    column("differences", |each| Cell::text(&each.differences)),
];
