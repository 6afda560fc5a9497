//! The house at rest: nothing is under way any more, and everything is compared.

use super::House;
use crate::compare::{self, Difference};
use crate::input::PARTITIONS;
use testkit::flow::Random;

impl House {
    /// Lets everything come to rest: all is read, decided, on disk, told and folded; then everything is compared.
    pub fn settle(&mut self) -> Result<(), Difference> {
        let mut random = Random::new(1);
        for partition in 0..PARTITIONS.len() {
            while !self.topics[partition].is_fed() {
                self.feed(partition, 50, &mut random);
            }
            let now = self.now();
            self.machine().intakes[partition].consumed_through(now).expect("the engine takes messages");
        }
        self.machine().engine.decode();
        while self.turn()? || self.write() || self.tell()? {}
        if let Some(call) = self.calls.first() {
            return Err(format!("the call {} is never answered", call.id));
        }
        if let Some(topic) = self.topics.iter().find(|topic| !topic.is_decided()) {
            return Err(format!("messages of {} are never decided", topic.name()));
        }
        if self.told != self.records.len() as u64 {
            let (records, told) = (self.records.len(), self.told);
            let engine = &self.machine().engine;
            let (uncut, cut, failed) = (engine.uncut(), engine.cut(), engine.handle().status().failed);
            return Err(format!(
                "{records} records, told of {told}; {uncut} in no block, {cut} blocks cut, {failed:?}"
            ));
        }
        self.follow()?;
        self.tally.views_compared += 1;
        let machine = self.machine.as_ref().expect("it runs");
        compare::views(&self.books, &machine.views)
            .map_err(|difference| format!("after record {}: {difference}", self.records.len()))
    }
}
