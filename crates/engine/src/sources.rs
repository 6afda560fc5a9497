//! The Kafka partitions the shard has heard of: how far each was consumed, on disk and beyond.

use crate::crash::Place;
use crate::cursor;
use crate::error::Error;
use crate::intake::RawBatch;
use model::identifier::Identifier;
use model::timestamp::Timestamp;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::{Cursor, Log};

/// One partition.
struct Source {
    topic: Identifier,
    partition: u32,
    name: Vec<u8>,
    /// The first offset that was not yet decided.
    next: u64,
    /// The last message decided since the last block was cut.
    last: Option<(Arc<RawBatch>, usize)>,
}

/// All partitions, and how far each intake says it has come.
pub(crate) struct Sources {
    cluster: String,
    list: Vec<Source>,
    through: Vec<Option<Timestamp>>,
}

impl Sources {
    /// As the last commit left them.
    pub fn load(log: &Log, cluster: &str) -> Result<Sources, Error> {
        let mut list = Vec::new();
        for (name, row) in log.cursors()? {
            if let (Some((topic, partition)), Some(cursor)) = (cursor::parse_name(&name), cursor::decode(&row)) {
                list.push(Source { topic, partition, name, next: cursor.next_offset, last: None });
            }
        }
        Ok(Sources { cluster: cluster.to_owned(), list, through: Vec::new() })
    }

    /// The number of a partition here.
    pub fn number(&mut self, topic: &Identifier, partition: u32) -> usize {
        let known = self.list.iter().position(|each| each.partition == partition && each.topic == *topic);
        known.unwrap_or_else(|| {
            let name = cursor::name(topic, partition);
            self.list.push(Source { topic: topic.clone(), partition, name, next: 0, last: None });
            self.list.len() - 1
        })
    }

    /// A message of a partition, as the crash marker names it.
    pub fn place(&self, number: usize, offset: u64) -> Place {
        let source = &self.list[number];
        Place::Kafka { topic: source.topic.clone(), partition: source.partition, offset }
    }

    /// Whether an offset was decided before.
    pub fn is_known(&self, number: usize, offset: u64) -> bool {
        offset < self.list[number].next
    }

    /// A message was decided.
    pub fn decided(&mut self, number: usize, batch: &Arc<RawBatch>, place: usize) {
        let source = &mut self.list[number];
        source.next = batch.messages[place].offset + 1;
        match &mut source.last {
            // Nearly always the same batch as before.
            Some((held, at)) if Arc::ptr_eq(held, batch) => *at = place,
            last => *last = Some((batch.clone(), place)),
        }
    }

    /// The cursors that moved since the last block: what its batch takes with it.
    pub fn moved(&mut self) -> Vec<Cursor> {
        let mut cursors = Vec::new();
        for source in &mut self.list {
            let Some((batch, place)) = source.last.take() else { continue };
            let message = &batch.messages[place];
            let hash = match message.oversize {
                Some((_, hash)) => hash,
                None => Sha256::digest(batch.raw(message)).into(),
            };
            cursors.push((source.name.clone(), cursor::encode(source.next, &hash, &self.cluster)));
        }
        cursors
    }

    /// An intake has handed over everything before an instant.
    pub fn consumed_through(&mut self, intake: usize, at: Timestamp) {
        if self.through.len() <= intake {
            self.through.resize(intake + 1, None);
        }
        self.through[intake] = self.through[intake].max(Some(at));
    }

    /// Whether each of so many intakes has handed over everything before an instant.
    pub fn all_through(&self, intakes: usize, at: Timestamp) -> bool {
        (0..intakes).all(|each| self.through.get(each).copied().flatten().is_some_and(|through| through >= at))
    }
}
