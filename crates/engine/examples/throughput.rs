//! How fast the shard is: generated trades from memory through the intake into a real log, and what each stage costs.
//!
//! `cargo run -p engine --example throughput -- [messages] [messages in a batch] [directory]`

use engine::{Clock, Engine, Options, RawBatch, RawMessage, Request, recover, verify};
use model::identifier::Identifier;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use testkit::flow::{Flow, Shape, Step, TOPIC};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let messages: u64 = arguments.next().map_or(1_000_000, |text| text.parse().expect("a number"));
    let at_once: usize = arguments.next().map_or(1_000, |text| text.parse().expect("a number"));
    let base = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(base).expect("a directory");

    let flow = Flow::new(1, Shape::bench(messages));
    let options = Options { timer: false, ..Options::new(dir.path().join("log"), flow.genesis()) };
    let options = Options { clock: Clock::system(), ..options };
    let engine = Engine::start(options.clone().creating()).expect("starts");
    let handle = engine.handle();
    let mut pending = Vec::new();
    let mut submit = |inbound: model::command::Inbound| {
        let model::command::Inbound { command, origin, actor, reason, at } = inbound;
        let request = Request { command, origin, actor, reason, at: Some(at), raw_trade: None };
        pending.push(handle.send_blocking(request).expect("runs"));
    };
    flow.reference().into_iter().for_each(&mut submit);
    let mut batches = Vec::new();
    let mut batch = empty(at_once);
    for (offset, item) in flow.week().enumerate() {
        match item.step {
            Step::Message(message) => {
                let start = batch.bytes.len();
                message.encode(&mut batch.bytes);
                batch.messages.push(RawMessage {
                    start: start as u32,
                    len: (batch.bytes.len() - start) as u32,
                    offset: offset as u64,
                    at: item.at,
                    oversize: None,
                    traceparent: None,
                });
                if batch.messages.len() == at_once {
                    batches.push(std::mem::replace(&mut batch, empty(at_once)));
                }
            }
            Step::Command(inbound) => submit(inbound),
            other => panic!("not in a bench: {other:?}"),
        }
    }
    batches.push(batch);
    for answer in pending {
        answer.wait().expect("answers");
    }
    let sent: usize = batches.iter().map(|batch| batch.messages.len()).sum();
    let bytes: usize = batches.iter().map(|batch| batch.bytes.len()).sum();
    println!("{sent} messages of {} bytes on average, {at_once} in a batch", bytes / sent);
    let target = batches.iter().rev().find_map(|batch| batch.messages.last()).map_or(0, |last| last.offset);

    let log = engine.log();
    let (head, cpu, started) = (log.head().sequence, cpu_by_thread(), Instant::now());
    let intake = handle.intake();
    for batch in batches {
        intake.send(batch).expect("runs");
    }
    let topic = Identifier::parse(TOPIC).expect("a name");
    while engine::cursor(&log, &topic, 0).expect("reads").is_none_or(|cursor| cursor.next_offset <= target) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = started.elapsed();
    // The cursor is on disk a moment before the head is told.
    std::thread::sleep(Duration::from_millis(20));
    let records = log.head().sequence - head;
    let per_second = |count: u64, took: Duration| (count as f64 / took.as_secs_f64()).round();
    println!(
        "{records} records in {took:.2?}: {} messages/s, {} records/s",
        per_second(sent as u64, took),
        per_second(records, took)
    );
    for (thread, used) in cpu_by_thread() {
        let used = used.saturating_sub(cpu.get(&thread).copied().unwrap_or_default());
        if used > Duration::from_millis(10) {
            println!("  {thread:<16} {:>6.3} us of CPU a message", used.as_secs_f64() * 1e6 / sent as f64);
        }
    }
    let blocks: Vec<(usize, usize)> = log
        .blocks_from(head + 1)
        .map(|block| block.expect("sound"))
        .map(|block| (block.len(), block.byte_len()))
        .collect();
    let bytes: usize = blocks.iter().map(|(_, bytes)| bytes).sum();
    println!(
        "  {} blocks of {} records and {} KiB on average; {} bytes a record",
        blocks.len(),
        records as usize / blocks.len(),
        bytes / blocks.len() / 1024,
        bytes / records as usize
    );
    println!("  last commit: {:?}; open: {:?}", handle.status().block.took, handle.status().block.open);

    // A lone call at a time, on the loaded state.
    let mut waits: Vec<Duration> = (0..200)
        .map(|number| {
            let started = Instant::now();
            let request = Request {
                command: model::command::Command::Approve { proposal: 1 },
                origin: model::command::Origin::File { line: number },
                actor: Identifier::parse("bench").expect("a name"),
                reason: String::new(),
                at: None,
                raw_trade: None,
            };
            handle.submit_blocking(request).expect("answers");
            started.elapsed()
        })
        .collect();
    waits.sort_unstable();
    println!("a lone call: p50 {:?}, p99 {:?}", waits[waits.len() / 2], waits[waits.len() * 99 / 100]);

    let started = Instant::now();
    let state = recover(&log).expect("recovers");
    println!(
        "recovery without a snapshot: {:.2?}, {} records/s",
        started.elapsed(),
        per_second(state.sequence(), started.elapsed())
    );
    let started = Instant::now();
    let mut snapshot = 0;
    state.write_snapshot(&mut |piece| snapshot += piece.len());
    println!("a snapshot in memory: {:.2?}, {} KiB", started.elapsed(), snapshot / 1024);
    drop(state);
    let started = Instant::now();
    let report = verify(&log, &mut |_| {}).expect("reads");
    println!(
        "verification: {:.2?}, {} records/s, sound: {}",
        started.elapsed(),
        per_second(report.sequence, started.elapsed()),
        report.is_sound()
    );
    if let Some(violation) = &report.violation {
        println!("  {violation:?}");
    }
    drop(log);
    let started = Instant::now();
    engine.stop().expect("stops");
    println!("stop with a snapshot: {:.2?}", started.elapsed());
    let started = Instant::now();
    let engine = Engine::start(options).expect("starts");
    println!("start from the snapshot: {:.2?}", started.elapsed());
    drop(engine);
}

fn empty(at_once: usize) -> RawBatch {
    RawBatch {
        topic: Identifier::parse(TOPIC).expect("a name"),
        partition: 0,
        bytes: Vec::with_capacity(at_once * 400),
        messages: Vec::with_capacity(at_once),
    }
}

/// CPU time of this process by the name of the thread.
fn cpu_by_thread() -> BTreeMap<String, Duration> {
    let mut used = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let Ok(sched) = std::fs::read_to_string(task.path().join("schedstat")) else { continue };
        let name = stat.split(['(', ')']).nth(1).unwrap_or("?").to_owned();
        let nanos = sched.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0);
        *used.entry(name).or_default() += Duration::from_nanos(nanos);
    }
    used
}
