//! How fast the shard is: generated trades from memory through the intake into a real log, and what each stage costs.
//!
//! `cargo run -p engine --example throughput -- [messages] [messages in a batch] [bytes of a block] [directory]`

use engine::{Engine, Handle, Options, RawBatch, Request, recover, verify};
use model::command::{Command, Inbound, Origin};
use model::identifier::Identifier;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::flow::{Flow, Shape, Step, TOPIC};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let messages: u64 = arguments.next().map_or(1_000_000, |text| text.parse().expect("a number"));
    let at_once: usize = arguments.next().map_or(1_000, |text| text.parse().expect("a number"));
    let block_bytes: usize = arguments.next().map_or(512 << 10, |text| text.parse().expect("a number"));
    let base = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(base).expect("a directory");

    let flow = Flow::new(1, Shape::bench(messages));
    let options = Options {
        timer: false,
        block_bytes,
        block_records: 1 << 16,
        ..Options::new(dir.path().join("log"), flow.genesis())
    };
    let engine = Engine::start(options.clone().creating()).expect("starts");
    let handle = engine.handle();
    let mut pending = Vec::new();
    let mut submit = |inbound: Inbound| {
        let Inbound { command, origin, actor, reason, at } = inbound;
        let request = Request { command, origin, actor, reason, at: Some(at), raw_trade: None };
        pending.push(handle.send_blocking(request).expect("runs"));
    };
    flow.reference().into_iter().for_each(&mut submit);
    let mut batches = Vec::new();
    let mut batch = empty(at_once);
    for (offset, item) in flow.week().enumerate() {
        match item.step {
            Step::Message(message) => {
                batch.push(offset as u64, item.at, |bytes| message.encode(bytes));
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
    let loaded = Arc::new(AtomicBool::new(true));
    let caller = std::thread::spawn({
        let (handle, loaded) = (handle.clone(), loaded.clone());
        move || {
            let calls = (1_000_000..).take_while(|_| loaded.load(Ordering::Relaxed));
            calls.map(|line| (call(&handle, line), std::thread::sleep(Duration::from_millis(5))).0).collect::<Vec<_>>()
        }
    });
    for batch in batches {
        intake.send(batch).expect("runs");
    }
    let topic = Identifier::parse(TOPIC).expect("a name");
    while engine::cursor(&log, &topic, 0).expect("reads").is_none_or(|cursor| cursor.next_offset <= target) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = started.elapsed();
    loaded.store(false, Ordering::Relaxed);
    println!("a call under this load: {}", spread(caller.join().expect("ends")));
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

    let alone: Vec<Duration> = (0..200).map(|line| call(&handle, line)).collect();
    println!("a lone call: {}", spread(alone));
    let started = Instant::now();
    let callers: Vec<_> = (0..64)
        .map(|caller| {
            let handle = handle.clone();
            std::thread::spawn(move || (0..100).map(|line| call(&handle, 1_000 + caller * 100 + line)).collect())
        })
        .collect();
    let waits: Vec<Duration> =
        callers.into_iter().flat_map(|caller| -> Vec<Duration> { caller.join().expect("ends") }).collect();
    let rate = per_second(waits.len() as u64, started.elapsed());
    println!("64 callers: {rate} calls/s, {}", spread(waits));

    let from = log.newest_snapshot().expect("reads").map_or(1, |snapshot| snapshot.head().sequence);
    let (cpu, memory, started) = (process_cpu(), resident(), Instant::now());
    let state = recover(&log).expect("recovers");
    let (took, cpu, memory) = (started.elapsed(), process_cpu() - cpu, resident().saturating_sub(memory));
    println!(
        "recovery from record {from}: {took:.2?}, {} records/s, {:.2} us of CPU a record, {} MiB of memory",
        per_second(state.sequence() - from, took),
        cpu.as_secs_f64() * 1e6 / (state.sequence() - from) as f64,
        memory >> 20
    );
    let started = Instant::now();
    let mut snapshot = 0;
    state.write_snapshot(&mut |piece| snapshot += piece.len());
    println!("a snapshot in memory: {:.2?}, {} KiB", started.elapsed(), snapshot / 1024);
    drop(state);
    let (cpu, started) = (process_cpu(), Instant::now());
    let report = verify(&log, &mut |_| {}).expect("reads");
    let (took, cpu) = (started.elapsed(), process_cpu() - cpu);
    println!(
        "verification: {took:.2?}, {} records/s, {:.2} us of CPU a record, sound: {}",
        per_second(report.sequence, took),
        cpu.as_secs_f64() * 1e6 / report.sequence as f64,
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

/// How long a call takes that is refused: nothing but the way through the shard.
fn call(handle: &Handle, line: u64) -> Duration {
    let started = Instant::now();
    let request = Request {
        command: Command::Approve { proposal: 1, payload_hash: None },
        origin: Origin::File { line },
        actor: Identifier::parse("bench").expect("a name"),
        reason: String::new(),
        at: None,
        raw_trade: None,
    };
    handle.submit_blocking(request).expect("answers");
    started.elapsed()
}

fn spread(mut waits: Vec<Duration>) -> String {
    waits.sort_unstable();
    let at = |hundredth: usize| waits[(waits.len() - 1) * hundredth / 100];
    format!("p50 {:.2?}, p99 {:.2?}, worst {:.2?}", at(50), at(99), at(100))
}

fn empty(at_once: usize) -> RawBatch {
    let (bytes, messages) = (Vec::with_capacity(at_once * 400), Vec::with_capacity(at_once));
    RawBatch { bytes, messages, ..RawBatch::new(Identifier::parse(TOPIC).expect("a name"), 0) }
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

/// CPU time of the whole process, threads that have ended included.
fn process_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Memory of the process.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}
