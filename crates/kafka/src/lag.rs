//! How far behind a consumer is: for people, never for decisions.

use crate::source::Source;
use std::sync::atomic::{AtomicU64, Ordering};

/// Position and end of a partition, and the metrics that show them.
pub(crate) struct Lag {
    next: AtomicU64,
    end: AtomicU64,
    behind: metrics::Gauge,
    position: metrics::Gauge,
    received: metrics::Counter,
    bytes: metrics::Counter,
    oversize: metrics::Counter,
    unstamped: metrics::Counter,
    begun: metrics::Counter,
}

impl Lag {
    pub(crate) fn new(source: &Source) -> Lag {
        let labels = [("topic", source.topic.as_str().to_owned()), ("partition", source.partition.to_string())];
        let next = source.cursor.as_ref().map_or(0, |cursor| cursor.next_offset);
        Lag {
            next: AtomicU64::new(next),
            end: AtomicU64::new(next),
            behind: metrics::gauge!("quittance_kafka_lag_records", &labels),
            position: metrics::gauge!("quittance_kafka_offset", &labels),
            received: metrics::counter!("quittance_kafka_records_total", &labels),
            bytes: metrics::counter!("quittance_kafka_bytes_total", &labels),
            oversize: metrics::counter!("quittance_kafka_oversize_total", &labels),
            unstamped: metrics::counter!("quittance_kafka_unstamped_total", &labels),
            begun: metrics::counter!("quittance_kafka_sessions_total", &labels),
        }
    }

    /// Reading begins at an offset.
    pub(crate) fn begin(&self, next: u64, end: u64) {
        self.begun.increment(1);
        self.show(next, Some(end));
    }

    /// A batch was handed over.
    pub(crate) fn received(&self, records: usize, bytes: usize, oversize: u64, unstamped: u64) {
        self.received.increment(records as u64);
        self.bytes.increment(bytes as u64);
        self.oversize.increment(oversize);
        self.unstamped.increment(unstamped);
    }

    /// How far it has come; `end` as the broker last said.
    pub(crate) fn show(&self, next: u64, end: Option<u64>) {
        let end = end.unwrap_or_else(|| self.end.load(Ordering::Relaxed)).max(next);
        self.next.store(next, Ordering::Relaxed);
        self.end.store(end, Ordering::Relaxed);
        // A gauge is a float: exact up to 2^53.
        self.position.set(next as f64);
        self.behind.set((end - next) as f64);
    }

    /// Next offset and records still to come.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let next = self.next.load(Ordering::Relaxed);
        (next, self.end.load(Ordering::Relaxed).saturating_sub(next))
    }
}
