//! `kill -9` at random moments under live load, again and again; then every message sent has exactly one outcome, the log verifies,
//! and it is to the byte the log of a service that was never killed.

use crate::audit;
use crate::front_office::{FrontOffice, List};
use crate::service::{Service, durable, flow, prepare, until};
use crate::shard_process::ShardProcess;
use crate::{Rig, Verdict};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use store::{Log, Options};
use testkit::flow::{Flow, Item, Random, Step};

const KILLS: u64 = 25;
/// Messages a second, in portions. More than the service takes while it is being killed, less than it can.
const RATE: u64 = 4_000;
/// More than are ever sent: the load ends with the kills.
const MESSAGES: u64 = 400_000;
/// The longest wait for an answer that still counts as one.
const ANSWER: Duration = Duration::from_secs(3);
/// The longest start.
const READY: Duration = Duration::from_secs(60);

/// What was seen.
#[derive(Default)]
struct Tally {
    /// By moment.
    kills: [u64; 3],
    /// Of them those that hit records which were handed to the engine and were not durable.
    in_flight: [u64; 3],
    records_in_flight: u64,
    /// Those that hit a process that had not begun to read.
    starting: u64,
    /// Questions asked of a live process that was not killed meanwhile.
    asked: u64,
    answered: u64,
    /// From the start of a process until it read.
    ready: Vec<Duration>,
}

pub fn under_load(rig: &Rig) -> Verdict {
    let topic = rig.broker.new_topic("kills");
    let dir = tempfile::tempdir().expect("a directory");
    let flow = flow(rig.seed, MESSAGES);
    let path = dir.path().join("log");
    let week = prepare(&path, &flow);
    let stop = Arc::new(AtomicBool::new(false));
    let office = FrontOffice::new(&rig.broker.brokers(), &topic);
    let load = load(office, week, stop.clone());

    let mut random = Random::new(rig.seed);
    let mut tally = Tally::default();
    for kill in 0..KILLS {
        let moment = [Moment::Early, Moment::Random, Moment::Loaded, Moment::Random, Moment::Loaded][kill as usize % 5];
        live_and_die(rig, &path, &topic, moment, &mut random, &mut tally);
    }
    stop.store(true, Ordering::Relaxed);
    let list = load.join().expect("the front office lives");
    catch_up_and_stop(rig, &path, &topic, list.sent.len() as u64);
    tally.report();

    let log = Log::open_read_only(&path, &Options::default()).expect("the log opens");
    audit::exactly_one_outcome_each(&list, &audit::outcomes(&log, &topic));
    audit::sound(&log);
    same_as_never_killed(rig, &flow, &topic, &log, list.sent.len() as u64);
    tally.demand();
    Verdict::Passed
}

/// Sends in the background, at an even rate, until told to stop.
fn load(
    mut office: FrontOffice,
    week: impl Iterator<Item = Item> + Send + 'static,
    stop: Arc<AtomicBool>,
) -> JoinHandle<List> {
    thread::spawn(move || {
        let began = Instant::now();
        for item in week {
            let Step::Message(message) = &item.step else { continue };
            office.send(message);
            while office.count() as u128 * 1_000 > began.elapsed().as_millis() * u128::from(RATE) {
                thread::sleep(Duration::from_millis(5));
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        office.close()
    })
}

/// When a process is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Around its recovery.
    Early,
    /// At work, whatever it does.
    Random,
    /// At work, when it says that it has more in hand than is durable.
    Loaded,
}

/// One life of the service: started, asked things, killed.
fn live_and_die(rig: &Rig, dir: &Path, topic: &str, moment: Moment, random: &mut Random, tally: &mut Tally) {
    let life = Duration::from_millis(20 + random.below(if moment == Moment::Early { 400 } else { 1_500 }));
    let mut process = ShardProcess::start(dir, &rig.broker.address(), topic);
    let mut end = (moment == Moment::Early).then(|| process.started + life);
    let (mut ready, mut number) = (None, 0);
    loop {
        assert!(process.is_alive(), "it died by itself: {}", process.errors());
        let now = Instant::now();
        if end.is_some_and(|end| now >= end) {
            break;
        }
        if ready.is_none() {
            if process.counters().reading == 1 {
                ready = Some(process.started.elapsed());
                end.get_or_insert(now + life);
            }
            assert!(process.started.elapsed() < READY, "it does not come to reading: {}", process.errors());
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        let left = end.map_or(ANSWER, |end| end - now);
        number += 1;
        let answered = process.ask(number, left.min(ANSWER));
        // A question that the kill overtook is no question.
        if answered || left > ANSWER {
            tally.asked += 1;
            tally.answered += u64::from(answered);
        }
        thread::sleep(left.min(Duration::from_millis(10)));
    }
    if moment == Moment::Loaded {
        let busy = || {
            let counters = process.counters();
            counters.handed_over > counters.durable_offset
        };
        let deadline = Instant::now() + ANSWER;
        while !busy() && Instant::now() < deadline {
            thread::yield_now();
        }
    }
    let counters = process.kill();
    let log = Log::open_read_only(dir, &Options::default()).expect("the log opens after a kill");
    let durable = durable(&log, topic);
    match ready {
        None => tally.starting += 1,
        Some(after) => tally.ready.push(after),
    }
    tally.kills[moment as usize] += 1;
    if counters.handed_over > durable {
        tally.in_flight[moment as usize] += 1;
        tally.records_in_flight += counters.handed_over - durable;
    }
    assert!(log.head().sequence >= counters.durable, "it knew record {} to be durable", counters.durable);
    assert!(durable >= counters.durable_offset, "it knew offset {} to be durable", counters.durable_offset);
}

fn catch_up_and_stop(rig: &Rig, dir: &Path, topic: &str, end: u64) {
    let process = ShardProcess::start(dir, &rig.broker.address(), topic);
    let describe = || format!("{:?} {}", process.counters(), process.errors());
    until("the service has caught up", Duration::from_secs(60), || process.counters().handed_over >= end, &describe);
    process.stop();
    let log = Log::open_read_only(dir, &Options::default()).expect("the log opens");
    assert_eq!(durable(&log, topic), end, "all that was handed over is durable after a stop in order");
}

/// The same topic into a new log, undisturbed: the same chain.
fn same_as_never_killed(rig: &Rig, flow: &Flow, topic: &str, killed: &Log, end: u64) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    drop(prepare(&path, flow));
    let began = Instant::now();
    let service = Service::start(rig, &path, topic);
    service.wait_durable(topic, end, Duration::from_secs(60));
    let rate = end as f64 / began.elapsed().as_secs_f64();
    let engine = service.stop_consumer();
    let (straight, killed) = (engine.log().head(), killed.head());
    assert_eq!(straight, killed, "the log of the killed service is not that of one that was never killed");
    engine.stop().expect("stops in order");
    println!(
        "    the chain after record {} is that of a run without a kill (which took {rate:.0} messages/s)",
        straight.sequence
    );
}

impl Tally {
    fn report(&self) {
        let mut ready = self.ready.clone();
        ready.sort();
        let at = |part: f64| ready.get(((ready.len() as f64 - 1.0) * part) as usize).map_or(0, Duration::as_millis);
        let [early, chance, loaded] = self.kills;
        let hit = self.in_flight;
        println!(
            "    {KILLS} kills, of them with records in flight: {} of {early} around recovery, {} of {chance} at random, {} of {loaded} under \
             load; {} records were in flight, {} kills came before it had begun to read",
            hit[0], hit[1], hit[2], self.records_in_flight, self.starting
        );
        println!(
            "    {} of {} questions answered outside kills; reading after {} ms (median), {} ms (longest)",
            self.answered,
            self.asked,
            at(0.5),
            at(1.0)
        );
    }

    /// A test that killed nothing at work, or a service that hardly lived, proves nothing.
    fn demand(&self) {
        assert!(self.in_flight.iter().sum::<u64>() > 0, "no kill hit a block in flight");
        assert!(self.asked >= KILLS, "only {} questions were asked", self.asked);
        assert!(
            self.answered * 10 >= self.asked * 9,
            "only {} of {} questions were answered",
            self.answered,
            self.asked
        );
    }
}
