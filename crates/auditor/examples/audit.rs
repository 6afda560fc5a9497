//! Times an audit without anything around it: `audit DIRECTORY` (a data directory), the figure of docs/PROOF.md.

use std::path::Path;
use std::time::Instant;

use auditor::{Against, Verdict};

fn main() {
    let dir = std::env::args().nth(1).expect("a data directory");
    let started = Instant::now();
    let report = auditor::store(Path::new(&dir), &Against::default(), &mut |_| {});
    let seconds = started.elapsed().as_secs_f64();
    println!("{:#}", report.to_json());
    let counts = report.counts;
    let rate = |count: u64| count as f64 / seconds / 1e6;
    eprintln!(
        "{} records, {} facts, {} postings in {seconds:.2} s: {:.2} M records/s, {:.2} M facts/s",
        counts.records,
        counts.facts,
        counts.postings,
        rate(counts.records),
        rate(counts.facts)
    );
    assert_eq!(report.verdict, Verdict::Good);
}
