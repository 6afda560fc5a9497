//! Opening a session: the checks, and where reading begins.

use super::{FENCE, Pause, Reading, Session, WAIT};
use crate::brokers::Quiet;
use crate::establish::{self, Bounds};
use crate::records::RecordsHalt;
use crate::records::header::Entry;
use crate::records::place::Place;
use crate::records::rule::Rule;
use crate::records::tail::{Item, Tail};
use crate::source::{Halt, Source};
use model::identifier::Identifier;
use rdkafka::consumer::BaseConsumer;
use std::time::Instant;
use store::Block;

impl Session<'_> {
    /// Checks cluster and topic, and begins to read: at the last block accepted, if it is still there, else at the beginning.
    pub(super) fn open(&mut self) -> Result<Reading, Pause> {
        let options = self.options;
        let settings = |error: crate::Error| Pause::Wait(error.to_string());
        let topic = Identifier::parse(&options.topic)
            .map_err(|_| Pause::Halt(RecordsHalt::Topic(Halt::Settings(format!("{} is no topic", options.topic)))))?;
        let mut source = Source::new(options.brokers.clone(), topic, None);
        (source.partition, source.partitions) = (options.partition, options.partitions);
        let consumer = Tail::client(&options.brokers).map_err(settings)?;
        let bounds = establish::check(&source, None, &mut self.cluster, &consumer).map_err(|pause| match pause {
            crate::consumer::Pause::Halt(halt) => Pause::Halt(RecordsHalt::Topic(halt)),
            crate::consumer::Pause::Stopped => Pause::Stopped,
            crate::consumer::Pause::Wait(why) | crate::consumer::Pause::Again(why) => Pause::Wait(why),
        })?;
        if let Some(place) = self.place.clone().filter(|place| place.offset < bounds.end) {
            let ours = self.replica.log().chain_at(place.last.sequence);
            if ours.is_ok_and(|chain| chain == Some(place.last.chain)) {
                let tail = Tail::assign(consumer, &options.topic, options.partition, place.offset).map_err(settings)?;
                if let Some(reading) = self.resume(tail, &place, bounds.end)? {
                    self.accepted(place.last.sequence);
                    return Ok(reading);
                }
                self.place = None;
                tracing::warn!(
                    topic = self.name,
                    "the last block read is not there any more: the topic is read from its beginning"
                );
                return self.begin(Tail::client(&options.brokers).map_err(settings)?, bounds);
            }
        }
        self.place = None;
        self.begin(consumer, bounds)
    }

    fn begin(&self, consumer: BaseConsumer<Quiet>, bounds: Bounds) -> Result<Reading, Pause> {
        let begin = bounds.begin;
        if begin > 0 {
            return Err(Pause::Halt(RecordsHalt::Expired { name: self.name.to_owned(), begin }));
        }
        let (topic, partition) = (&self.options.topic, self.options.partition);
        let tail = Tail::assign(consumer, topic, partition, 0).map_err(|error| Pause::Wait(error.to_string()))?;
        Ok(Reading { tail, rule: Rule::default(), fence: None, ended: bounds.end == 0, end: bounds.end })
    }

    /// The first message must be the block that was accepted last. `None` when it is another one.
    fn resume(&self, tail: Tail, place: &Place, end: u64) -> Result<Option<Reading>, Pause> {
        let deadline = Instant::now() + FENCE;
        while Instant::now() < deadline {
            self.unless_stopped()?;
            let same = tail.next(WAIT, |item| match item {
                Item::Record { offset, entry: Entry::Block { generation, stored } } => {
                    let head = Block::from_stored(stored).map(|block| block.head());
                    Ok(offset == place.offset
                        && generation == place.generation
                        && head.is_ok_and(|head| head == place.last))
                }
                Item::Record { .. } => Ok(false),
                // Nothing there, at or after it.
                Item::End => Ok(false),
                Item::Broken(why) => Err(Pause::Wait(why)),
            });
            match same {
                None => {}
                Some(Ok(true)) => {
                    let fence = Some((place.generation, String::new()));
                    let ended = place.offset + 1 >= end;
                    return Ok(Some(Reading { tail, rule: place.rule(), fence, ended, end }));
                }
                Some(Ok(false)) => return Ok(None),
                Some(Err(pause)) => return Err(pause),
            }
        }
        Err(Pause::Wait("the brokers send nothing".to_owned()))
    }
}
