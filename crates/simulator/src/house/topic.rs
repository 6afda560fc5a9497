//! A partition of a topic: what was put there, how far it was handed over, how far decided.

use engine::RawBatch;
use model::command::{Command, Inbound};
use model::identifier::Identifier;
use model::timestamp::Timestamp;
use std::rc::Rc;
use testkit::flow::Random;

struct Message {
    offset: u64,
    bytes: Rc<Vec<u8>>,
    /// Nothing: it must be set aside.
    means: Option<Rc<Command>>,
    at: Timestamp,
}

pub(super) struct Topic {
    name: Identifier,
    partition: u32,
    messages: Vec<Message>,
    /// So many were handed to the engine …
    pub fed: usize,
    /// … and so many decided.
    decided: usize,
}

impl Topic {
    pub fn new(name: &str, partition: u32) -> Topic {
        let name = Identifier::parse(name).expect("a sound name");
        Topic { name, partition, messages: Vec::new(), fed: 0, decided: 0 }
    }

    pub fn name(&self) -> &Identifier {
        &self.name
    }

    pub fn partition(&self) -> u32 {
        self.partition
    }

    pub fn is(&self, name: &Identifier, partition: u32) -> bool {
        (&self.name, self.partition) == (name, partition)
    }

    /// Puts a message at the end, mostly right behind the last one: a topic with transactions has gaps.
    pub fn put(&mut self, bytes: Rc<Vec<u8>>, means: Option<Rc<Command>>, at: Timestamp, random: &mut Random) {
        let gap = if random.chance(500) { random.below(5) } else { 0 };
        let offset = self.messages.last().map_or(0, |last| last.offset + 1) + gap;
        self.messages.push(Message { offset, bytes, means, at });
    }

    pub fn is_fed(&self) -> bool {
        self.fed == self.messages.len()
    }

    pub fn is_decided(&self) -> bool {
        self.decided == self.messages.len()
    }

    /// The next messages to hand over.
    pub fn next(&mut self, most: usize) -> Option<RawBatch> {
        let end = self.messages.len().min(self.fed + most);
        let chosen = &self.messages[self.fed..end];
        if chosen.is_empty() {
            return None;
        }
        let mut batch = RawBatch::new(self.name.clone(), self.partition);
        for Message { offset, bytes, at, .. } in chosen {
            batch.push(*offset, *at, |end| end.extend_from_slice(bytes));
        }
        self.fed = end;
        Some(batch)
    }

    /// Whether a record is of the message that comes next, and says what that says.
    pub fn check(&mut self, offset: u64, inbound: &Inbound) -> Result<(), String> {
        let Some(next) = self.messages.get(self.decided) else {
            return Err(format!("offset {offset} of {} was decided before", self.name));
        };
        if next.offset != offset {
            return Err(format!("offset {offset} of {} where {} comes next", self.name, next.offset));
        }
        let same = match (&next.means, &inbound.command) {
            (Some(command), found) => **command == *found,
            (None, Command::Quarantine(kept)) => kept.bytes == *next.bytes,
            (None, _) => false,
        };
        if !same {
            return Err(format!("offset {offset} of {} was read as {:?}", self.name, inbound.command));
        }
        self.decided += 1;
        Ok(())
    }

    /// The offset after the last one that was decided; nothing when none was.
    pub fn cursor(&self) -> Option<u64> {
        self.decided.checked_sub(1).map(|last| self.messages[last].offset + 1)
    }

    /// A crash: goes on from where the log says.
    pub fn rewind(&mut self, cursor: Option<u64>) {
        let next = cursor.unwrap_or(0);
        self.fed = self.messages.partition_point(|message| message.offset < next);
        self.decided = self.fed;
    }
}
