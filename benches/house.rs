//! An engine with a flow's reference data in it, and what is asked of every run before it has a figure.

use anyhow::{Context, Result, ensure};
use engine::{Engine, Handle, Options, Request, VerifyReport};
use model::command::Inbound;
use model::record::Outcome;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use testkit::flow::{Flow, Step};

/// Creates a log with everything a flow's messages need.
pub fn create(dir: &Path, flow: &Flow) -> Result<Engine> {
    let options = Options { timer: false, ..Options::new(dir, flow.genesis()).creating() };
    let engine = Engine::start(options)?;
    let handle = engine.handle();
    for inbound in flow.reference() {
        submit(&handle, inbound)?;
    }
    let opening = flow.week().take_while(|item| !matches!(item.step, Step::Message(_)));
    for item in opening {
        if let Step::Command(inbound) = item.step {
            submit(&handle, inbound)?;
        }
    }
    Ok(engine)
}

/// Submits one command, which must be accepted.
pub fn submit(handle: &Handle, inbound: Inbound) -> Result<u64> {
    let Inbound { command, origin, actor, reason, at } = inbound;
    let name = command.name();
    let request = Request { command, origin, actor, reason, at: Some(at), raw_trade: None };
    let answer = handle.submit_blocking(request).with_context(|| format!("the command {name} has no answer"))?;
    ensure!(
        matches!(answer.outcome, Outcome::Accepted(_)),
        "the command {name} was not accepted: {:?}",
        answer.outcome
    );
    Ok(answer.sequence)
}

/// Refolds the whole log.
pub fn verified(log: &store::Log) -> Result<VerifyReport> {
    let report = engine::verify(log, &mut |_| {})?;
    if let Some(violation) = &report.violation {
        anyhow::bail!("record {}: {}", violation.sequence, violation.what);
    }
    Ok(report)
}

/// CPU time of the whole process so far: user and system, from the kernel's account (hundredths of a second).
pub fn process_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// CPU time of each thread so far, by name; threads of one name together (seconds, hundredths exact).
pub fn threads_cpu() -> BTreeMap<String, f64> {
    let mut threads = BTreeMap::new();
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return threads };
    for task in tasks.flatten() {
        let read = |file| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let nanos = read("schedstat").split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        let name = read("comm").trim().to_owned();
        // librdkafka and RocksDB number theirs.
        let kind = name.split([':', '/']).next().unwrap_or_default().trim_end_matches(char::is_numeric).to_owned();
        *threads.entry(kind).or_default() += nanos as f64 / 1e9;
    }
    threads
}

/// Resident bytes of this process.
pub fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}

/// Bytes of all files below a directory, as the disk counts them.
pub fn on_disk(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => on_disk(&entry.path()),
            Ok(meta) => meta.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}
