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
pub(crate) fn run(work: &Receiver<Work>, committer: &Committer) {
    for work in work {
        if committer.shared.is_abandoned() {
            return;
        }
        let Some(written) = committer.write(work) else { return };
        if !committer.tell(written) {
            return;
        }
    }
}

/// Writes blocks, and tells of what is on disk.
pub(crate) struct Committer {
    log: Arc<Log>,
    head: watch::Sender<Head>,
    done: Sender<u64>,
    shared: Arc<Shared>,
    metrics: Metrics,
}

/// A block that is on disk, of which nobody knows yet.
pub(crate) struct Written {
    report: BlockReport,
    counts: Counts,
    replies: Vec<(ReplyTo, Answer)>,
}

impl Committer {
    pub fn new(log: Arc<Log>, head: watch::Sender<Head>, done: Sender<u64>, shared: Arc<Shared>) -> Committer {
        let metrics = Metrics::new(&shared.report());
        Committer { log, head, done, shared, metrics }
    }

    /// Hashes a block into the chain and writes it. `None` when that failed: nothing more may be committed.
    pub fn write(&self, work: Work) -> Option<Written> {
        let Work { cut, cursors, replies, traces, open, calls_waiting, chunks_waiting } = work;
        let _entered = span(&cut, &traces).entered();
        let started = Instant::now();
        let block = Block::linked(cut.records, self.log.head().chain);
        let committed = match self.shared.while_writing(|| self.log.commit(&block, &cut.ids, &cursors)) {
            Ok(committed) => committed,
            Err(error) => {
                self.shared.fail_by("commit", &error);
                return None;
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
        Some(Written { report, counts: cut.counts, replies })
    }

    /// Tells of a block that is on disk; `false` when the middle stage is gone.
    pub fn tell(&self, written: Written) -> bool {
        let Written { report, counts, replies } = written;
        // First the followers, so that whoever has an answer finds its record; then the middle stage, which may be waiting
        // for room and answers questions; then those who asked for something.
        self.head.send_replace(report.head);
        let there = self.done.send(report.head.sequence).is_ok();
        self.metrics.tell(&report, &counts);
        self.shared.set_report(report);
        for (reply, answer) in replies {
            // Who has gone away does not want it.
            let _ = reply.send(Ok(answer));
        }
        there
    }
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
