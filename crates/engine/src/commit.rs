//! The last stage: hashes a block into the chain, writes it with all that belongs to it in one synced batch, and only then tells anybody.

use crate::error::SubmitError;
use crate::handle::Answer;
use crate::metrics::{Counts, Metrics};
use crate::shared::Shared;
use crate::status::BlockReport;
use crate::step::Cut;
use crossbeam_channel::{Receiver, Sender};
use std::sync::Arc;
use std::time::Instant;
use store::{Block, Cursor, Head, Log};
use tokio::sync::{oneshot, watch};

/// Who waits for an answer.
pub(crate) type ReplyTo = oneshot::Sender<Result<Answer, SubmitError>>;

/// A block with its ids, cursors, and those who wait for it.
pub(crate) struct Work {
    pub cut: Cut,
    pub cursors: Vec<Cursor>,
    pub replies: Vec<(ReplyTo, Answer)>,
    pub traces: Traces,
    pub open: [(&'static str, usize); 7],
    pub calls_waiting: usize,
    pub chunks_waiting: usize,
}

/// The sampled traces that a block belongs to.
#[derive(Default)]
pub(crate) struct Traces {
    /// W3C trace contexts of messages.
    pub parents: Vec<Box<str>>,
    /// Spans of calls in this process.
    pub spans: Vec<tracing::Id>,
}

/// At most so many links to one block's span.
pub(crate) const MOST_LINKS: usize = 32;

/// The body of the thread. Ends when the middle stage is gone, or with the first error, which it reports.
pub(crate) fn run(
    work: &Receiver<Work>,
    done: &Sender<u64>,
    log: &Arc<Log>,
    head: &watch::Sender<Head>,
    shared: &Shared,
) {
    let metrics = Metrics::new(&shared.report());
    for work in work {
        if shared.is_abandoned() {
            return;
        }
        let Work { cut, cursors, replies, traces, open, calls_waiting, chunks_waiting } = work;
        let span = span(&cut, &traces);
        let entered = span.enter();
        let started = Instant::now();
        let block = Block::linked(cut.records, log.head().chain);
        let committed = match log.commit(&block, &cut.ids, &cursors) {
            Ok(committed) => committed,
            Err(error) => {
                shared.fail("commit", error.to_string());
                return;
            }
        };
        let report = BlockReport {
            head: committed.head,
            records: block.len(),
            bytes: committed.raw_bytes,
            stored_bytes: committed.stored_bytes,
            took: started.elapsed(),
            open,
            calls_waiting,
            chunks_waiting,
        };
        drop(entered);
        // First the followers, so that whoever has an answer finds its record; then the middle stage, which may be waiting
        // for room and answers questions; then those who asked for something.
        head.send_replace(report.head);
        let gone = done.send(report.head.sequence).is_err();
        tell(&metrics, shared, report, &cut.counts);
        for (reply, answer) in replies {
            // Who has gone away does not want it.
            let _ = reply.send(Ok(answer));
        }
        if gone {
            return;
        }
    }
}

fn tell(metrics: &Metrics, shared: &Shared, report: BlockReport, counts: &Counts) {
    metrics.tell(&report, counts);
    shared.set_report(report);
}

fn span(cut: &Cut, traces: &Traces) -> tracing::Span {
    let records = &cut.records;
    let span = tracing::info_span!(
        "commit",
        first = records.first(),
        last = records.last(),
        bytes = records.byte_len(),
        traces = tracing::field::Empty
    );
    if !span.is_disabled() {
        if !traces.parents.is_empty() {
            span.record("traces", traces.parents.join(","));
        }
        for id in &traces.spans {
            span.follows_from(id);
        }
    }
    span
}
