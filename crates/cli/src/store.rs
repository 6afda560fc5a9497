//! `quittance store`: what is done to a log that no server runs on, when the records topic knows better.

use anyhow::Result;
use clap::{Args, Subcommand};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::output::{figure, note};
use crate::progress;
use crate::service::Settings;

/// The log on disk against the records topic
#[derive(Args, Debug)]
pub struct Store {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Replace a log that has DIVERGED by the topic's history; what only the log has is moved aside and reported
    #[command(
        after_help = "No server may run on the directory. The old log stays beside the new one, its orphaned records as JSON lines.\n\n\
        Example:\n  quittance store adopt-topic --data quittance-data --kafka 127.0.0.1:9092"
    )]
    AdoptTopic {
        #[command(flatten)]
        settings: Settings,
    },
}

pub fn run(command: Store) -> Result<()> {
    let Verb::AdoptTopic { settings } = command.verb;
    let bar = progress::counted(0, "records");
    bar.set_message("taking over");
    let adopted = server::adopt_topic(&settings.load()?, &mut |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let Some(adopted) = adopted else {
        note("log and topic agree: nothing was done");
        return Ok(());
    };
    println!(
        "{} records after record {} were only in this log; they are in {}",
        figure::count(adopted.orphaned),
        figure::count(adopted.common),
        adopted.tail.display()
    );
    for (kind, count) in kinds(&adopted.tail)? {
        println!("  {:>9}  {kind}", figure::count(count));
    }
    println!("the old log is in {}", adopted.old.display());
    println!("the log is the topic's now, up to record {}", figure::count(adopted.head.sequence));
    Ok(())
}

/// How many of each command are among the orphaned records.
fn kinds(path: &Path) -> Result<BTreeMap<String, u64>> {
    let mut kinds = BTreeMap::new();
    for line in BufReader::new(File::open(path)?).lines() {
        let record: serde_json::Value = serde_json::from_str(&line?)?;
        let command = record.pointer("/decided/command").and_then(|command| command.as_object());
        let kind = command.and_then(|command| command.keys().next()).map_or("other", String::as_str);
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    Ok(kinds)
}
