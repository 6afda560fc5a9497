//! What the engine counts. Everything is told once a block, through handles made once.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use model::rejection::Reason;
use std::time::Duration;

use crate::status::BlockReport;

/// What a block's records came to.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub accepted: u64,
    pub duplicates: u64,
    pub quarantined: u64,
    /// The engine's own: long work and the timer.
    pub own: u64,
    /// Messages passed over because the log holds them.
    pub redelivered: u64,
    /// Few kinds in a block, and rare: searched in order.
    pub rejected: Vec<(Reason, u64)>,
}

impl Counts {
    pub fn reject(&mut self, reason: Reason) {
        match self.rejected.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => self.rejected.push((reason, 1)),
        }
    }
}

/// Handles of the registry.
pub(crate) struct Metrics {
    sequence: Gauge,
    accepted: Counter,
    duplicates: Counter,
    quarantined: Counter,
    own: Counter,
    redelivered: Counter,
    block_records: Histogram,
    block_bytes: Histogram,
    stored_bytes: Counter,
    commit_seconds: Histogram,
    calls_waiting: Gauge,
    chunks_waiting: Gauge,
    open: Vec<Gauge>,
}

impl Metrics {
    pub fn new(report: &BlockReport) -> Metrics {
        let records = |outcome: &'static str| counter!("quittance_engine_records_total", "outcome" => outcome);
        Metrics {
            sequence: gauge!("quittance_engine_sequence"),
            accepted: records("accepted"),
            duplicates: records("duplicate"),
            quarantined: counter!("quittance_engine_quarantined_total"),
            own: counter!("quittance_engine_own_records_total"),
            redelivered: counter!("quittance_engine_redelivered_total"),
            block_records: histogram!("quittance_engine_block_records"),
            block_bytes: histogram!("quittance_engine_block_bytes"),
            stored_bytes: counter!("quittance_engine_stored_bytes_total"),
            commit_seconds: histogram!("quittance_engine_commit_seconds"),
            calls_waiting: gauge!("quittance_engine_calls_waiting"),
            chunks_waiting: gauge!("quittance_engine_chunks_waiting"),
            open: report.open.iter().map(|(kind, _)| gauge!("quittance_engine_open", "kind" => *kind)).collect(),
        }
    }

    pub fn tell(&self, report: &BlockReport, counts: &Counts) {
        self.sequence.set(report.head.sequence as f64);
        self.block_records.record(report.records as f64);
        self.block_bytes.record(report.bytes as f64);
        self.stored_bytes.increment(report.stored_bytes as u64);
        self.commit_seconds.record(report.took);
        self.calls_waiting.set(report.calls_waiting as f64);
        self.chunks_waiting.set(report.chunks_waiting as f64);
        for (gauge, (_, count)) in self.open.iter().zip(&report.open) {
            gauge.set(*count as f64);
        }
        self.accepted.increment(counts.accepted);
        self.duplicates.increment(counts.duplicates);
        self.quarantined.increment(counts.quarantined);
        self.own.increment(counts.own);
        self.redelivered.increment(counts.redelivered);
        for (reason, count) in &counts.rejected {
            counter!("quittance_engine_rejected_total", "code" => reason.code()).increment(*count);
        }
    }
}

/// A snapshot was written.
pub(crate) fn snapshot_written(sequence: u64, bytes: u64, took: Duration) {
    gauge!("quittance_engine_snapshot_sequence").set(sequence as f64);
    gauge!("quittance_engine_snapshot_bytes").set(bytes as f64);
    histogram!("quittance_engine_snapshot_seconds").record(took);
}

/// A source begins to wait, or has waited, for those that follow the log.
pub(crate) fn intake_held(held: bool) {
    gauge!("quittance_engine_intake_held").set(f64::from(u8::from(held)));
    if held {
        counter!("quittance_engine_intake_holds_total").increment(1);
    }
}
