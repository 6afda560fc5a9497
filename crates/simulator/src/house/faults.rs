//! What goes wrong with the house, and what must hold when it stands again: nothing lost of which anybody was told, the
//! same chain, the same state, the same views.

use super::{House, Machine};
use crate::compare::{self, Difference};
use crate::input::Fault;
use model::record::{Content, Record};
use std::fs;
use std::path::{Path, PathBuf};
use store::{Head, Log, Views};
use testkit::flow::Random;

/// The newest file of the write-ahead log, with its length.
fn newest_wal(log: &Path) -> Option<(PathBuf, u64)> {
    let files = fs::read_dir(log).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let wal = files.filter(|path| path.extension().is_some_and(|end| end == "log")).max()?;
    let length = fs::metadata(&wal).ok()?.len();
    Some((wal, length))
}

impl House {
    pub(super) fn fault(&mut self, fault: Fault, random: &mut Random) -> Result<(), Difference> {
        match fault {
            Fault::Snapshot => {
                let written = self.machine().engine.snapshot();
                written.map_err(|error| format!("the snapshot cannot be written: {error}"))?;
                self.tally.fault(fault.name());
                Ok(())
            }
            Fault::ViewsStop => {
                self.tally.fault(fault.name());
                self.reopen_views()
            }
            Fault::ViewsRebuilt => self.rebuild_views(),
            _ => self.crash(fault, random),
        }
    }

    /// Brings the machine to where it is to die, and lets it die there. What cannot be brought about dies earlier.
    fn crash(&mut self, fault: Fault, random: &mut Random) -> Result<(), Difference> {
        for partition in 0..self.topics.len() {
            self.feed(partition, 5, random);
        }
        if fault == Fault::CrashBeforeDecision {
            self.tally.fault(fault.name());
            return self.restart(random);
        }
        for _ in 0..random.between(1, 12) {
            let enough = match fault {
                Fault::CrashBeforeBlock => self.machine().engine.uncut() > 0,
                _ => self.machine().engine.cut() > 0,
            };
            if enough || !self.turn()? {
                break;
            }
        }
        let died = match fault {
            Fault::CrashBeforeBlock if self.machine().engine.uncut() > 0 => fault,
            Fault::CrashBeforeWrite if self.machine().engine.cut() > 0 => fault,
            Fault::TornTail => return self.tear(random),
            Fault::CrashBeforeEffects if self.write() => fault,
            Fault::CrashAfterEffects if self.write() => {
                while self.tell()? {}
                fault
            }
            _ => Fault::CrashBeforeDecision,
        };
        self.tally.fault(died.name());
        self.restart(random)
    }

    /// The process dies while a block is written: some of its bytes never come to the disk.
    fn tear(&mut self, random: &mut Random) -> Result<(), Difference> {
        // What is on disk already is told first: a torn write is always the last one.
        while self.tell()? {}
        let (dir, witness) = (self.options.dir.clone(), self.options.store.witness_path(&self.options.dir));
        let kept = fs::read(&witness).map_err(|error| format!("the witness cannot be read: {error}"))?;
        let before = (newest_wal(&dir), self.on_disk);
        if !self.write() {
            self.tally.fault(Fault::CrashBeforeDecision.name());
            return self.restart(random);
        }
        self.machine = None;
        let after = newest_wal(&dir);
        match (before, after) {
            ((Some((old, from)), head), Some((new, to))) if old == new && to > from => {
                let file = fs::File::options().write(true).open(&new).map_err(|error| error.to_string())?;
                file.set_len(from + random.below(to - from)).map_err(|error| error.to_string())?;
                fs::write(&witness, kept).map_err(|error| error.to_string())?;
                self.on_disk = head;
                self.tally.fault(Fault::TornTail.name());
            }
            // The file was changed for a new one just now: nothing is torn.
            _ => self.tally.fault(Fault::CrashBeforeEffects.name()),
        }
        self.restart(random)
    }

    /// Everything in memory is gone; the machine starts again from its disk.
    fn restart(&mut self, random: &mut Random) -> Result<(), Difference> {
        self.machine = None;
        self.tally.restarts += 1;
        let mut machine = self.boot();
        if machine.engine.handle().status().halted.is_some() {
            // Twice dead at the same place: an operator looks at it, and lets it go on.
            self.tally.fault("halted start");
            drop(machine);
            let mut marker = self.options.dir.as_os_str().to_owned();
            marker.push(".crash");
            fs::remove_file(marker).map_err(|error| format!("the crash marker cannot be removed: {error}"))?;
            machine = self.boot();
        }
        let log = machine.engine.log();
        let head = log.head();
        self.count_snapshot(&log, head)?;
        self.machine = Some(machine);
        if head != self.on_disk {
            let written = self.on_disk.sequence;
            return Err(format!("record {written} was the last written, and the log comes back at {}", head.sequence));
        }
        if head.sequence < self.told {
            return Err(format!("record {} was told, and the log comes back at {}", self.told, head.sequence));
        }
        // Whoever follows from now on sees all that is on disk.
        self.told = head.sequence;
        self.recall(&log, head)?;
        let unknown: Vec<_> = std::mem::take(&mut self.calls);
        for topic in &mut self.topics {
            let stored = engine::cursor(&log, topic.name(), topic.partition()).map_err(|error| error.to_string())?;
            let stored = stored.map(|cursor| cursor.next_offset);
            if stored != topic.cursor() {
                return Err(format!("the cursor of {} is {stored:?}, not {:?}", topic.name(), topic.cursor()));
            }
            topic.rewind(stored);
        }
        // Who had no answer asks again, or has gone away.
        for call in unknown {
            if random.chance(5_000) {
                self.call(&call.id, &call.command, &"ines".parse().expect("a name"), "simulated");
            }
        }
        Ok(())
    }

    fn count_snapshot(&mut self, log: &Log, head: Head) -> Result<(), Difference> {
        let newest = log.newest_snapshot().map_err(|error| error.to_string())?;
        self.tally.fault(match newest.map(|snapshot| snapshot.head().sequence) {
            None => "restart without a snapshot",
            Some(sequence) if sequence < head.sequence => "restart with an old snapshot",
            Some(_) => "restart with the newest snapshot",
        });
        Ok(())
    }

    /// The bookkeeper forgets what is not on disk, and checks that what is there is what was decided.
    fn recall(&mut self, log: &Log, head: Head) -> Result<(), Difference> {
        let kept = self.records.len().min(head.sequence as usize);
        let (from, books) = self.base.clone();
        self.books = books;
        for topic in &mut self.topics {
            topic.rewind(Some(0));
        }
        let stored = records_after(log, from)?;
        let known = &self.records[from as usize..kept];
        if stored.len() != known.len() {
            return Err(format!("{} records come back after {from}, not {}", stored.len(), known.len()));
        }
        for (found, known) in stored.iter().zip(known) {
            if found != known {
                return Err(format!("record {} comes back as another: {found:?}", known.sequence));
            }
            let Content::Decided { inbound, .. } = &known.content else { continue };
            self.books.take(known.sequence, inbound);
        }
        self.records.truncate(kept);
        for record in &self.records {
            let Some(model::command::Origin::Kafka { topic, partition, offset }) = record.origin() else { continue };
            if let Some(found) = self.topics.iter_mut().find(|each| each.is(topic, *partition)) {
                found.rewind(Some(offset + 1));
            }
        }
        let Machine { engine, .. } = self.machine.as_ref().expect("it runs");
        compare::state(&self.books, engine.state()).map_err(|difference| format!("after a restart: {difference}"))
    }

    /// The follower stops where it is, without writing anything, and another one goes on.
    fn reopen_views(&mut self) -> Result<(), Difference> {
        let machine = self.machine.take().expect("it runs");
        let Machine { engine, intakes, views, follower } = machine;
        drop((views, follower));
        let (views, follower) = self.open_views(engine.log());
        self.machine = Some(Machine { engine, intakes, views, follower });
        self.follow()
    }

    /// Deletes the views: rebuilt from the first record they must be the same to the byte.
    fn rebuild_views(&mut self) -> Result<(), Difference> {
        self.settle()?;
        let failed = |error: projections::Error| format!("the views cannot be rebuilt: {error}");
        let digests = |house: &mut House| -> Result<_, Difference> {
            house.machine().follower.save().map_err(failed)?;
            house.machine().follower.folder().digests().map_err(failed)
        };
        let before = digests(self)?;
        let Machine { engine, intakes, views, follower } = self.machine.take().expect("it runs");
        drop((views, follower));
        Views::destroy(&self.dir.path().join("views")).map_err(|error| error.to_string())?;
        let (views, follower) = self.open_views(engine.log());
        self.machine = Some(Machine { engine, intakes, views, follower });
        self.follow()?;
        let after = digests(self)?;
        self.tally.fault(Fault::ViewsRebuilt.name());
        match before.iter().zip(&after).find(|(before, after)| before != after) {
            Some((before, _)) => {
                Err(format!("table {} of the view {} is rebuilt otherwise", before.table, before.view))
            }
            None => Ok(()),
        }
    }
}

/// The records that a log holds after one.
fn records_after(log: &Log, sequence: u64) -> Result<Vec<Record>, Difference> {
    let mut records = Vec::new();
    for block in log.blocks_from(sequence + 1) {
        let block = block.map_err(|error| error.to_string())?;
        for (at, bytes) in block.iter().filter(|(at, _)| *at > sequence) {
            records.push(wire::record::decode(bytes).map_err(|error| format!("record {at}: {error}"))?);
        }
    }
    Ok(records)
}
