//! `quittance front-office`: a process of its own that publishes the demonstration week's trades to Kafka.
//!
//! Led by the demonstration through a pipe: a line `publish N` sends the messages before item N of the week, and is
//! answered with `published COUNT FIRST` (messages so far, offset of the first). Alone it sends all of them.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use kafka::{Brokers, Event, Outgoing, Producer, topics};
use testkit::flow::{Body, Item, Message, Step};

use crate::demo::plan::Plan;
use crate::fault::failed;
use crate::output::{figure, note};

/// How long the brokers may take for what was sent.
const DELIVERY: Duration = Duration::from_secs(60);

/// Publish the demonstration week's trades to Kafka
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  quittance front-office --kafka 127.0.0.1:9092 --seed 7")]
pub struct FrontOffice {
    /// host:port, with commas between
    #[arg(long, value_name = "BROKERS")]
    pub kafka: String,
    /// The same seed gives the same week
    #[arg(long, default_value_t = crate::demo::SEED)]
    pub seed: u64,
    /// A smaller week
    #[arg(long)]
    pub fast: bool,
    /// Publish when told to on stdin
    #[arg(long, hide = true)]
    pub led: bool,
}

pub fn run(command: FrontOffice) -> Result<()> {
    let plan = Plan::new(command.seed, command.fast);
    let mut office = Office::new(&command.kafka, plan.items)?;
    if !command.led {
        let all = office.items.len();
        office.publish(all)?;
        note(format!("{} messages published to {}", figure::count(office.sent), topics::TRADES));
        return Ok(());
    }
    // The leader's end is ours: the pipe closes with it.
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let before = line.strip_prefix("publish ").and_then(|number| number.parse().ok());
        office.publish(before.ok_or_else(|| failed(format!("told to {line:?}")))?)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "published {} {}", office.sent, office.first.load(Ordering::Acquire))?;
        out.flush()?;
    }
    Ok(())
}

struct Office {
    producer: Producer,
    items: Vec<Item>,
    next: usize,
    sent: u64,
    /// The offset of the first message; below zero until it is known.
    first: Arc<AtomicI64>,
    buffer: Vec<u8>,
}

impl Office {
    fn new(brokers: &str, items: Vec<Item>) -> Result<Office> {
        let first = Arc::new(AtomicI64::new(-1));
        let noted = first.clone();
        let producer = Producer::reporting(&Brokers::new(brokers), move |delivery| {
            if let (0, Ok((_, offset))) = (delivery.tag, delivery.outcome) {
                noted.store(offset, Ordering::Release);
            }
        })?;
        Ok(Office { producer, items, next: 0, sent: 0, first, buffer: Vec::new() })
    }

    /// Sends the messages before an item of the week, and waits until the brokers have them.
    fn publish(&mut self, before: usize) -> Result<()> {
        while self.next < before.min(self.items.len()) {
            if let Step::Message(message) = &self.items[self.next].step {
                self.buffer.clear();
                message.encode(&mut self.buffer);
                let (id, source) = name(message, self.next);
                let event = Event::protobuf(&id, "quittance.trade.v1", &source);
                let tag = usize::try_from(self.sent).context("too many messages")?;
                let key = message.key.as_str();
                // One shard, one partition.
                self.producer.send(&Outgoing {
                    topic: topics::TRADES,
                    partition: Some(0),
                    key,
                    payload: &self.buffer,
                    event,
                    tag,
                })?;
                self.sent += 1;
            }
            self.next += 1;
        }
        Ok(self.producer.flush(DELIVERY)?)
    }
}

/// The id of an event and who sends it.
fn name(message: &Message, place: usize) -> (String, String) {
    match &message.body {
        Body::Trade(trade) => {
            (format!("{}/{}/{}", trade.source, trade.id, trade.version), format!("/front-office/{}", trade.source))
        }
        Body::Bytes(_) => (format!("poison-{place}"), "/front-office/FO-LEGACY".to_owned()),
    }
}
