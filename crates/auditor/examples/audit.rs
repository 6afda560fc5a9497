//! Times an audit without anything around it: `audit DIRECTORY` (a data directory), the figure of docs/PROOF.md.

use std::path::Path;
use std::time::Instant;

use auditor::{Against, Verdict};

fn main() {
    let dir = std::env::args().nth(1).expect("a data directory");
    let started = Instant::now();
    let report = auditor::store(Path::new(&dir), &Against::default(), &mut |_| {});
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu());
    println!("{:#}", report.to_json());
    let counts = report.counts;
    let rate = |count: u64| count as f64 / seconds / 1e6;
    eprintln!(
        "{} records, {} facts, {} postings in {seconds:.2} s ({cpu:.2} s of CPU): {:.2} M records/s, {:.2} M facts/s",
        counts.records,
        counts.facts,
        counts.postings,
        rate(counts.records),
        rate(counts.facts)
    );
    assert_eq!(report.verdict, Verdict::Good);
}

/// CPU time of this process, in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<f64>().ok()).sum::<f64>() / 100.0
}
