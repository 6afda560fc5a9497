//! The other seat: the engine as the agent (a CSD or custodian) of other houses.
//!
//! Its books are its own: a log, a store, accounts of banks and of everybody they trade with, one internal settlement
//! domain. What banks instruct ([`instruct`]) comes from the instructions topic and becomes trades of that domain, known by the bank's own
//! reference; the other sides come by its own interface. What becomes of them goes back as advices ([`advices`]), a follower of its
//! log. So a bank's mirrors and the agent's balances are two bookkeepers' figures.

pub mod advices;
mod instruct;
mod intake;

use engine::Handle;
use kafka::{Brokers, Feed, FeedOptions};
use model::identifier::Identifier;
use std::path::PathBuf;
use std::sync::Arc;
use store::Log;

/// A house whose accounts we keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bank {
    /// As it signs its instructions.
    pub house: Identifier,
    /// Its legal entities, as our reference data has them.
    pub parties: Vec<Identifier>,
    /// The topic on which it hears from us.
    pub advices_topic: String,
}

impl Bank {
    /// `HOUSE/PARTY+PARTY=TOPIC`; without parties: the one that is called like the house.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Bank, String> {
        let wrong = |what: String| format!("{text}: {what}; write HOUSE/PARTY+PARTY=TOPIC");
        let name = |text: &str| Identifier::parse(text).map_err(|error| wrong(error.to_string()));
        let (who, topic) = text.split_once('=').ok_or_else(|| wrong("no topic".to_owned()))?;
        let (house, parties) = who.split_once('/').unwrap_or((who, who));
        let parties = parties.split('+').map(name).collect::<Result<_, _>>()?;
        if topic.is_empty() {
            return Err(wrong("no topic".to_owned()));
        }
        Ok(Bank { house: name(house)?, parties, advices_topic: topic.to_owned() })
    }
}

/// How an agent is run.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// How it signs: the sender of every advice.
    pub id: Identifier,
    /// Where Kafka is.
    pub brokers: Brokers,
    /// What banks instruct.
    pub instructions_topic: String,
    /// The partition of all its topics.
    pub partition: u32,
    /// Whose instructions it takes.
    pub banks: Vec<Bank>,
    /// Instructions of more than this settle in parts of at most so much; 0: whole.
    pub lot: u64,
    /// Banks hear from it by ISO 20022 XML instead of protobuf. What they instruct may be either, as each message says.
    pub xml: bool,
    /// Where it notes how far it has come.
    pub dir: PathBuf,
}

/// Why an agent does not start, or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kafka, or a file of our own.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// The shard.
    #[error("the agent's shard takes nothing more: {0}")]
    Shard(#[from] engine::SubmitError),
    /// Instructions were deleted before they were read.
    #[error("{topic}/{partition} begins at offset {begin}, and {next} was to be read next: instructions are lost")]
    Lost {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The first offset there is.
        begin: u64,
        /// The first offset not read.
        next: u64,
    },
}

/// A running agent. Dropping it stops it.
pub struct Agent {
    intake: intake::Intake,
    feeds: Vec<Feed>,
}

impl Agent {
    /// Starts to take instructions into a shard, and to tell of its log. Needs no broker to start.
    ///
    /// # Errors
    /// [`Error::Kafka`].
    pub fn start(shard: Handle, log: &Arc<Log>, options: &AgentOptions) -> Result<Agent, Error> {
        let feeds = options.banks.iter().map(|bank| {
            let feed = FeedOptions {
                what: "advices",
                brokers: options.brokers.clone(),
                topic: bank.advices_topic.clone(),
                partition: options.partition,
                source: format!("/agent/{}/{}", options.id, bank.house),
                kind: "quittance.advice.v1",
                place: options.dir.join(format!("advices-{}.place", bank.house)),
                through: None,
            };
            let advices = advices::Advices::new(options.id.clone(), bank.clone());
            Feed::start(log.clone(), feed, if options.xml { advices.as_xml() } else { advices })
        });
        let feeds = feeds.collect::<Result<_, _>>()?;
        Ok(Agent { intake: intake::Intake::start(shard, options.clone())?, feeds })
    }

    /// Whether all of it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.intake.is_running() && self.feeds.iter().all(Feed::is_running)
    }

    /// The last record that every bank was told of.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.feeds.iter().map(Feed::fed).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
