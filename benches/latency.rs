//! `latency`: the whole service under a steady load that does not wait for it. Each message has an instant at which it is
//! meant to be produced; from then on counts how long it takes until it is durable, until a subscriber over gRPC has seen
//! it, and what a point query takes meanwhile. Who is late in producing is late in the figures as well.
//!
//! Broker, service, front office, subscriber and questioner share the machine.

mod clients;
mod lag;
pub mod load;

use crate::broker::Broker;
use crate::house;
use crate::report::Report;
use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use kafka::{Brokers, TopicPlan, topics};
use load::{Load, Pace};
use model::identifier::Identifier;
use server::{Config, Running};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use store::Log;
use tempfile::tempdir;
use testkit::flow::{Flow, Shape};

/// Before this nothing counts: connections, caches, the first files, and the broker, whose code is compiled as it runs.
const WARM: Duration = Duration::from_secs(10);
/// The longest wait for what was sent.
const LONG: Duration = Duration::from_secs(120);

/// Microseconds, three digits exact.
pub type Times = Histogram<u64>;

/// An empty histogram, to a quarter of an hour.
pub fn times() -> Times {
    Histogram::new_with_bounds(1, 900_000_000, 3).expect("sound bounds")
}

/// How many messages a second, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub rate: u64,
    pub seconds: u64,
}

/// What threads and clients share.
pub struct Shared {
    pub load: Load,
    pub pace: Pace,
    /// Messages that are durable.
    pub durable: AtomicU64,
    pub stop: AtomicBool,
}

/// Runs it.
///
/// # Errors
/// When a check fails: then there is no figure.
pub fn run(seed: u64, plan: Plan, report: &mut Report) -> Result<()> {
    let Plan { rate, seconds } = plan;
    eprintln!("latency: {rate} messages a second for {seconds} s");
    let broker = Broker::start()?;
    let brokers = Brokers::new(broker.address());
    topics::apply(&brokers, &TopicPlan::new(1))?;
    let flow = Flow::new(seed, Shape::bench(rate * (seconds + WARM.as_secs())));
    let load = Load::of(&flow)?;
    let dir = tempdir()?;
    house::create(&dir.path().join("log"), &flow)?.stop()?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let config = config(dir.path(), &broker.address())?;
    let running = runtime.block_on(Running::start(&config))?;
    let address = format!("http://{}", running.grpc_address());
    let log = running.log();
    let shared =
        Arc::new(Shared { load, pace: Pace::from_now(rate), durable: AtomicU64::new(0), stop: AtomicBool::new(false) });
    let watcher = runtime.block_on(clients::watch(address.clone(), shared.clone()))?;
    let questioner = runtime.block_on(clients::question(address, shared.clone()))?;
    let lagging = {
        let (log, views, shared) = (log.clone(), running.views(), shared.clone());
        thread::Builder::new().name("lag".to_owned()).spawn(move || lag::watch(&log, &views, &shared))?
    };
    let (cpu, began) = (house::process_cpu(), Instant::now());
    let producer = {
        let (shared, address) = (shared.clone(), broker.address());
        thread::Builder::new()
            .name("front-office".to_owned())
            .spawn(move || load::produce(&shared.load, shared.pace, &address))?
    };
    let durable = follow(&log, &shared)?;
    let took = began.elapsed();
    let cpu = (house::process_cpu() - cpu).as_secs_f64();
    let late = producer.join().map_err(|_| anyhow::anyhow!("the front office panicked"))??;
    shared.stop.store(true, Ordering::Release);
    let (seen, asked) = runtime.block_on(async { (watcher.await, questioner.await) });
    let (seen, asked) = (seen??, asked??);
    let lag = lagging.join().map_err(|_| anyhow::anyhow!("who watches the views panicked"))?;
    runtime.block_on(running.stop())?;
    drop(log);
    let log =
        Log::open(&config.log_dir(), &store::Options::default()).context("cannot open the log that was just closed")?;
    let proof = house::verified(&log)?;
    let count = shared.load.count();
    ensure!(proof.settled.count * 100 >= count * 70, "only {} of {count} instructions settled", proof.settled.count);

    let load = format!("at {} k/s", rate / 1_000);
    tell(report, &format!("intended to durable, {load}"), &durable, "p50 3, p99 10, p99.9 30 ms");
    tell(report, &format!("intended to seen by a subscriber, {load}"), &seen, "the same");
    tell(report, &format!("point query over gRPC, {load}"), &asked, "p99 5 ms");
    tell(report, &format!("views behind what is durable, {load}"), &lag, "");
    tell(report, &format!("producer behind its plan, {load}"), &late, "");
    let achieved = count as f64 / took.as_secs_f64();
    report.add("latency", format!("messages made durable, {load}"), achieved, "1/s", "until the last");
    report.add(
        "latency",
        format!("CPU of service and clients, {load}"),
        cpu / took.as_secs_f64(),
        "cores",
        "without the broker",
    );
    Ok(())
}

fn config(dir: &Path, brokers: &str) -> Result<Config> {
    let dir = dir.to_string_lossy().into_owned();
    let flags = [
        ("store.dir", dir.as_str()),
        ("grpc.listen", "127.0.0.1:0"),
        ("http.listen", ""),
        ("console.listen", ""),
        ("engine.timer", "false"),
        ("access.insecure_plaintext", "true"),
        ("kafka.brokers", brokers),
    ];
    Ok(Config::from_layers(None, [], flags)?)
}

/// Notes when each message is durable, until all are.
fn follow(log: &Log, shared: &Shared) -> Result<Times> {
    let (mut times, mut next) = (times(), 0);
    let topic = Identifier::parse(topics::TRADES)?;
    let count = shared.load.count();
    let deadline = shared.pace.intended(count) + LONG;
    while next < count {
        let head = log.head().sequence;
        let now = Instant::now();
        let durable = engine::cursor(log, &topic, 0)?.map_or(0, |cursor| cursor.next_offset);
        for message in next..durable {
            note(&mut times, shared.pace, message, now);
        }
        next = durable.max(next);
        shared.durable.store(next, Ordering::Release);
        ensure!(
            now < deadline,
            "only {next} of {count} messages are durable {} s after the last was due",
            LONG.as_secs()
        );
        let _ = log.wait_past(head, Duration::from_millis(50));
    }
    Ok(times)
}

/// Counts how late something is known of a message, once the run is warm.
pub fn note(times: &mut Times, pace: Pace, message: u64, now: Instant) {
    let intended = pace.intended(message);
    if intended >= pace.start + WARM {
        let micros = now.saturating_duration_since(intended).as_micros();
        times.saturating_record(u64::try_from(micros).unwrap_or(u64::MAX).max(1));
    }
}

fn tell(report: &mut Report, what: &str, times: &Times, goal: &str) {
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let millis = times.value_at_quantile(quantile) as f64 / 1_000.0;
        let note =
            if goal.is_empty() { format!("of {}", times.len()) } else { format!("of {}; goal {goal}", times.len()) };
        report.add("latency", format!("{what}, {name}"), millis, "ms", &note);
    }
}
