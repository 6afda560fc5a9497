//! What is done to the shard, and what was hit by it.

use super::checker::{Findings, each_message};
use super::process::{NodeProcess, Notes};
use super::proxy::Proxy;
use super::{LONG, wait};
use crate::Rig;
use crate::node::{Topics, place};
use crate::service::durable;
use rdkafka::config::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use store::{Log, Options};
use testkit::flow::Random;

/// How long a moment is waited for that comes by chance.
const MOMENT: Duration = Duration::from_secs(3);

/// One thing that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of the engine when it has more in hand than is durable.
    LoadedKill,
    /// `kill -9` whatever it does.
    RandomKill,
    /// `kill -9` when the log has more than the topic.
    BacklogKill,
    /// `kill -9` between the fence and its coming back.
    FencingKill,
    /// Another engine leads while the first one lives.
    TwoEngines,
    /// The engine is stopped, another one leads, and it is woken up.
    Zombie,
    /// The host is lost: a new one has nothing but the topic.
    LostDirectory,
    /// `kill -9` of the broker.
    BrokerKill,
    /// A connection is cut between a block's arrival and its acknowledgement.
    Cut,
    /// `kill -9` of the front office, as far as its producer goes.
    OfficeKill,
    /// A block that an old engine sent arrives now.
    LateBlock,
}

/// What was done and hit.
#[derive(Debug, Default)]
pub struct Tally {
    pub kills: u64,
    pub in_flight: u64,
    pub with_backlog: u64,
    pub inside_fencing: u64,
    pub superseded: u64,
    pub zombies: u64,
    pub lost_directories: u64,
    pub broker_kills: u64,
    pub cuts: u64,
    pub office_kills: u64,
    pub imported: u64,
    pub republished: u64,
    pub late_sent: u64,
}

pub struct Nemesis<'a> {
    rig: &'a Rig,
    proxy: &'a Proxy,
    topics: &'a Topics,
    dirs: [PathBuf; 2],
    /// Which directory the leader is on.
    which: usize,
    leader: NodeProcess,
    /// What processes knew to be published: record and chain.
    acknowledged: Vec<(u64, u64)>,
    pub tally: Tally,
}

impl<'a> Nemesis<'a> {
    pub fn new(rig: &'a Rig, proxy: &'a Proxy, topics: &'a Topics, dirs: [PathBuf; 2]) -> Nemesis<'a> {
        let leader = NodeProcess::start(&dirs[0], &proxy.address(), topics);
        let (acknowledged, tally) = (Vec::new(), Tally::default());
        let mut nemesis = Nemesis { rig, proxy, topics, dirs, which: 0, leader, acknowledged, tally };
        nemesis.wait_leading();
        nemesis
    }

    pub fn strike(&mut self, fault: Fault, crash: &AtomicBool, random: &mut Random) {
        match fault {
            Fault::LoadedKill => {
                // At work, and not at its first message: two deaths there would rightly halt it.
                let begun = self.leader.notes().durable_offset;
                self.leader.wait(MOMENT, |notes| notes.durable_offset > begun);
                self.leader.wait(MOMENT, |notes| notes.handed_over > notes.durable_offset);
                self.kill();
                self.lead(self.which);
            }
            Fault::RandomKill => {
                thread::sleep(Duration::from_millis(random.below(1_000)));
                self.kill();
                self.lead(random.below(2) as usize);
            }
            Fault::BacklogKill => self.kill_with_backlog(random),
            Fault::FencingKill => self.kill_inside_fencing(),
            Fault::TwoEngines => self.two_engines(),
            Fault::Zombie => self.zombie(),
            Fault::LostDirectory => {
                self.kill();
                let dir = self.dirs[self.which].clone();
                let mut witness = dir.as_os_str().to_owned();
                witness.push(".witness");
                fs::remove_dir_all(&dir).expect("removes");
                let _ = (fs::remove_file(witness), fs::remove_file(place(&dir)));
                self.tally.lost_directories += 1;
                self.lead(self.which);
            }
            Fault::BrokerKill => {
                self.rig.broker.kill();
                self.tally.broker_kills += 1;
                thread::sleep(Duration::from_millis(random.below(400)));
                self.rig.broker.start();
                self.wait_leading();
            }
            Fault::Cut => self.cut(),
            Fault::OfficeKill => {
                crash.store(true, Ordering::Release);
                wait("the front office dies", || !crash.load(Ordering::Acquire), &String::new);
                self.tally.office_kills += 1;
            }
            Fault::LateBlock => self.late_block(),
        }
    }

    /// Calm: the leader takes all that was sent and publishes it; its directory, and what was known to be published before.
    pub fn calm(mut self, end: u64) -> (PathBuf, Vec<(u64, u64)>, Tally) {
        self.wait_leading();
        let done = |notes: &Notes| notes.durable_offset >= end && notes.published >= notes.durable;
        let leader = &self.leader;
        wait("all is consumed and published", || done(&leader.notes()), &|| {
            format!("{:?} {}", leader.notes(), leader.errors())
        });
        let notes = self.leader.kill();
        self.remember(notes);
        (self.leader.dir.clone(), self.acknowledged, self.tally)
    }

    /// Starts an engine on a directory and waits until it leads. One that met another on its way is started again.
    fn lead(&mut self, which: usize) {
        self.which = which;
        self.leader = NodeProcess::start(&self.dirs[which], &self.proxy.address(), self.topics);
        self.wait_leading();
    }

    fn wait_leading(&mut self) {
        let deadline = Instant::now() + LONG;
        // State and consumption: without the second it leads nothing.
        while !self.leader.wait(LONG, |notes| notes.state == 3 && notes.consuming == 1) {
            let said = self.leader.errors();
            assert!(said.contains("SUPERSEDED") && Instant::now() < deadline, "{:?} {said}", self.leader.notes());
            self.leader = NodeProcess::start(&self.dirs[self.which], &self.proxy.address(), self.topics);
        }
    }

    fn kill(&mut self) -> Notes {
        let notes = self.leader.kill();
        let log = Log::open_read_only(&self.leader.dir, &Options::default()).expect("the log opens after a kill");
        self.tally.kills += 1;
        self.tally.in_flight += u64::from(notes.handed_over > durable(&log, &self.topics.trades));
        self.tally.with_backlog += u64::from(notes.published > 0 && log.head().sequence > notes.published);
        self.tally.inside_fencing += u64::from(notes.state == 2);
        assert!(log.head().sequence >= notes.durable, "it knew record {} to be durable", notes.durable);
        self.remember(notes);
        notes
    }

    fn remember(&mut self, notes: Notes) {
        if notes.published > 0 && notes.chain != 0 {
            self.acknowledged.push((notes.published, notes.chain));
        }
        self.tally.imported += notes.imported;
        self.tally.republished += notes.backlog;
    }

    /// What it publishes is held up on its way, so that it decides more than others know of.
    fn kill_with_backlog(&mut self, random: &mut Random) {
        self.proxy.hold(true);
        self.leader.wait(LONG, |notes| notes.published > 0 && notes.durable > notes.published);
        self.kill();
        // What was held goes on its way now, and races with the next one's fence.
        self.proxy.hold(false);
        // On the same directory the backlog is published; on the other one the same trades are decided again.
        self.lead(if random.below(3) == 0 { 1 - self.which } else { self.which });
    }

    fn kill_inside_fencing(&mut self) {
        self.kill();
        self.proxy.hold(true);
        self.leader = NodeProcess::start(&self.dirs[self.which], &self.proxy.address(), self.topics);
        let fencing = self.leader.wait(LONG, |notes| notes.state == 2);
        assert!(fencing, "it comes to its fence: {:?} {}", self.leader.notes(), self.leader.errors());
        self.kill();
        self.proxy.hold(false);
        self.lead(self.which);
    }

    fn two_engines(&mut self) {
        let dir = self.dirs[1 - self.which].clone();
        let newer = NodeProcess::start(&dir, &self.proxy.address(), self.topics);
        let mut older = std::mem::replace(&mut self.leader, newer);
        self.which = 1 - self.which;
        self.wait_leading();
        self.ends_superseded(&mut older);
    }

    fn zombie(&mut self) {
        self.leader.signal("-STOP");
        let dir = self.dirs[1 - self.which].clone();
        let newer = NodeProcess::start(&dir, &self.proxy.address(), self.topics);
        let mut older = std::mem::replace(&mut self.leader, newer);
        self.which = 1 - self.which;
        self.wait_leading();
        older.signal("-CONT");
        self.ends_superseded(&mut older);
        self.tally.zombies += 1;
    }

    fn ends_superseded(&mut self, older: &mut NodeProcess) {
        let said = older.wait_end(LONG).unwrap_or_else(|| panic!("it goes on beside another: {:?}", older.notes()));
        assert!(said.contains("SUPERSEDED"), "{said}");
        self.remember(older.notes());
        self.tally.superseded += 1;
    }

    fn cut(&mut self) {
        let before = self.proxy.cuts_done();
        self.proxy.cut();
        let proxy = self.proxy;
        wait("an acknowledgement is cut off", || proxy.cuts_done() > before, &String::new);
        self.tally.cuts += 1;
        self.wait_leading();
    }

    /// A message of an engine that is gone, that lay somewhere on its way.
    fn late_block(&mut self) {
        let mut first = None;
        each_message(&self.rig.broker.brokers(), &self.topics.records, |_, kind, generation, payload| {
            if kind == "quittance.block.v1" && first.is_none() {
                first = Some((generation.to_owned(), payload.to_vec()));
            }
        });
        let Some((generation, payload)) = first else { return };
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", self.rig.broker.address()).create().expect("a producer");
        let headers = OwnedHeaders::new()
            .insert(Header { key: "ce_type", value: Some("quittance.block.v1") })
            .insert(Header { key: "ce_generation", value: Some(&generation) });
        let record =
            BaseRecord::<str, [u8]>::to(&self.topics.records).partition(0).key("").payload(&payload).headers(headers);
        producer.send(record).map_err(|(error, _)| error).expect("taken");
        producer.flush(Duration::from_secs(60)).expect("delivered");
        self.tally.late_sent += 1;
    }
}

impl Tally {
    pub fn broker_faults(&self) -> u64 {
        self.broker_kills + self.cuts
    }

    pub fn report(&self, found: &Findings, sent_again: u64, acknowledged: usize, took: Duration) {
        println!(
            "    {} kills in {:.0} s: {} with a block in flight, {} with an unpublished backlog, {} inside fencing; {} superseded, {} of them \
             zombies; {} directories lost",
            self.kills,
            took.as_secs_f32(),
            self.in_flight,
            self.with_backlog,
            self.inside_fencing,
            self.superseded,
            self.zombies,
            self.lost_directories
        );
        println!(
            "    {} broker kills, {} acknowledgements cut off, {} front offices killed ({sent_again} messages sent again)",
            self.broker_kills, self.cuts, self.office_kills
        );
        println!(
            "    blocks: {} imported, {} republished; topic: {} messages, {} fences, {} blocks accepted, {} dropped as late, {} as sent again",
            self.imported, self.republished, found.messages, found.fences, found.accepted, found.late, found.again
        );
        println!(
            "    {acknowledged} times a process knew what was published, and all of it is; record {} is the last",
            found.last
        );
    }

    /// A run that hit nothing proves nothing.
    pub fn demand(&self, found: &Findings) {
        for (what, count) in [
            ("kills with a block in flight", self.in_flight),
            ("kills with an unpublished backlog", self.with_backlog),
            ("kills inside fencing", self.inside_fencing),
            ("engines superseded", self.superseded),
            ("zombies", self.zombies),
            ("broker kills", self.broker_kills),
            ("acknowledgements cut off", self.cuts),
            ("front offices killed", self.office_kills),
            ("blocks imported", self.imported),
            ("blocks republished", self.republished),
            ("blocks dropped", found.late + found.again),
            ("blocks accepted", found.accepted),
        ] {
            assert!(count > 0, "no {what}");
        }
    }
}
