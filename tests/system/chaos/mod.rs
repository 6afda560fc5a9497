//! Chaos: engines killed, stopped and woken up, two on one shard, directories lost, brokers killed, acknowledgements cut off, front
//! offices killed; under live load. Then the topic is read by a checker of its own, and each trade that was sent has one outcome.
//!
//! The test run has a few of each. `make chaos` (QUITTANCE_CHAOS=200) goes on until 200 engines and a quarter as many brokers or
//! connections died.

mod checker;
mod nemesis;
pub mod process;
mod proxy;

use crate::audit;
use crate::broker::Broker;
use crate::front_office::{FrontOffice, List};
use crate::node::Topics;
use crate::service::{flow, prepare, until};
use crate::{Rig, Verdict};
use nemesis::{Fault, Nemesis};
use proxy::Proxy;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use store::{Log, Options};
use testkit::flow::{Item, Random, Step};

/// Messages a second, in portions.
const RATE: u64 = 400;
/// More than are ever sent.
const MESSAGES: u64 = 3_000_000;
/// The longest wait for anything; a machine may be busy with other things.
const LONG: Duration = Duration::from_secs(120);

/// One of each, and those that need chance a few times.
const SMALL: &[Fault] = &[
    Fault::LoadedKill,
    Fault::BacklogKill,
    Fault::FencingKill,
    Fault::Cut,
    Fault::TwoEngines,
    Fault::LoadedKill,
    Fault::OfficeKill,
    Fault::BrokerKill,
    Fault::Zombie,
    Fault::LostDirectory,
    Fault::LateBlock,
    Fault::BacklogKill,
    Fault::LoadedKill,
];
/// What a full run draws from.
const DRAWN: &[Fault] = &[
    Fault::LoadedKill,
    Fault::LoadedKill,
    Fault::RandomKill,
    Fault::RandomKill,
    Fault::BacklogKill,
    Fault::FencingKill,
    Fault::TwoEngines,
    Fault::Zombie,
    Fault::Cut,
    Fault::BrokerKill,
    Fault::OfficeKill,
    Fault::LostDirectory,
    Fault::LateBlock,
];
/// Tries of a fault whose moment is hit by chance.
const TRIES: u64 = 12;

/// When a long run ends.
struct Goal {
    kills: u64,
    broker_faults: u64,
}

/// The load, in a thread of its own.
struct Load {
    stop: Arc<AtomicBool>,
    /// The front office is to die.
    crash: Arc<AtomicBool>,
    sent_again: Arc<AtomicU64>,
    thread: JoinHandle<List>,
}

pub fn chaos(rig: &Rig) -> Verdict {
    let (proxy, run) = Proxy::listen();
    let (broker, listens) = Broker::proxied(proxy.port());
    broker.start();
    run(listens);
    let rig = &Rig { broker, seed: rig.seed, metrics: rig.metrics.clone() };
    let topics = Topics::new(rig, "chaos");
    let dir = tempfile::tempdir().expect("a directory");
    let dirs = [dir.path().join("one"), dir.path().join("other")];
    let week = prepare(&dirs[0], &flow(rig.seed, MESSAGES));
    let load = load(FrontOffice::new(&rig.broker.brokers(), &topics.trades).keeping_bytes(), week, rig);

    let kills =
        std::env::var("QUITTANCE_CHAOS").ok().map(|text| text.parse().expect("QUITTANCE_CHAOS is a number of kills"));
    let mut nemesis = Nemesis::new(rig, &proxy, &topics, dirs);
    let mut random = Random::new(rig.seed);
    let began = Instant::now();
    // Of each at least one, whatever is drawn after that.
    SMALL.iter().for_each(|fault| nemesis.strike(*fault, &load.crash, &mut random));
    if let Some(kills) = kills {
        let goal = Goal { kills, broker_faults: kills / 4 };
        while nemesis.tally.kills < goal.kills || nemesis.tally.broker_faults() < goal.broker_faults {
            let fault = if nemesis.tally.kills >= goal.kills {
                [Fault::Cut, Fault::BrokerKill][random.below(2) as usize]
            } else {
                DRAWN[random.below(DRAWN.len() as u64) as usize]
            };
            nemesis.strike(fault, &load.crash, &mut random);
            progress(&goal, &nemesis, began);
        }
    }
    for _ in 0..TRIES {
        if nemesis.tally.in_flight > 0 {
            break;
        }
        nemesis.strike(Fault::LoadedKill, &load.crash, &mut random);
    }
    load.stop.store(true, Ordering::Release);
    let list = load.thread.join().expect("the front office lives");
    let end = list.offsets.iter().flatten().max().map_or(0, |last| last + 1);
    let (path, acknowledged, tally) = nemesis.calm(end);

    let log = Log::open_read_only(&path, &Options::default()).expect("the log opens");
    let found = checker::check(rig, &rig.broker.brokers(), &topics, &log);
    for (sequence, chain) in &acknowledged {
        let now = log.chain_at(*sequence).expect("reads").map(|chain| process::short(&chain));
        assert_eq!(now, Some(*chain), "record {sequence} was known to be published and is another one now");
    }
    audit::exactly_one_outcome_by_id(&list, &log, &topics.trades);
    audit::sound(&log);
    tally.report(&found, load.sent_again.load(Ordering::Acquire), acknowledged.len(), began.elapsed());
    tally.demand(&found);
    Verdict::Passed
}

/// Sends at an even rate until told to stop; dies when told to, and comes back.
fn load(mut office: FrontOffice, week: impl Iterator<Item = Item> + Send + 'static, rig: &Rig) -> Load {
    let (stop, crash, sent_again) = <(Arc<AtomicBool>, Arc<AtomicBool>, Arc<AtomicU64>)>::default();
    let (stopped, crashes, again, brokers) = (stop.clone(), crash.clone(), sent_again.clone(), rig.broker.brokers());
    let thread = thread::spawn(move || {
        for item in week {
            let Step::Message(message) = &item.step else { continue };
            office.send(message);
            if office.count().is_multiple_of(20) {
                thread::sleep(Duration::from_millis(20 * 1_000 / RATE));
            }
            if crashes.swap(false, Ordering::AcqRel) {
                let (back, count) = office.crash(&brokers);
                again.fetch_add(count as u64, Ordering::AcqRel);
                office = back;
            }
            if stopped.load(Ordering::Acquire) {
                break;
            }
        }
        office.close()
    });
    Load { stop, crash, sent_again, thread }
}

/// A bar on a terminal, else a line now and then.
fn progress(goal: &Goal, nemesis: &Nemesis<'_>, began: Instant) {
    let (kills, faults) = (nemesis.tally.kills, nemesis.tally.broker_faults());
    let done = kills.min(goal.kills) + faults.min(goal.broker_faults);
    let width = (done * 30 / (goal.kills + goal.broker_faults)) as usize;
    let text = format!(
        "{}{} {kills} of {} kills, {faults} of {} broker faults, {} s",
        "━".repeat(width),
        "─".repeat(30 - width),
        goal.kills,
        goal.broker_faults,
        began.elapsed().as_secs()
    );
    if std::io::stderr().is_terminal() {
        eprint!("\r    {text} ");
        let _ = std::io::stderr().flush();
    } else if done.is_multiple_of(25) {
        println!("    {text}");
    }
}

/// Waits for something with the longest patience.
fn wait(what: &str, holds: impl FnMut() -> bool, describe: &dyn Fn() -> String) {
    until(what, LONG, holds, describe);
}
