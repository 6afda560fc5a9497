//! Proving a log: every record folded again from the genesis, with the books kept a second time beside the state.

mod audit;

use crate::error::{Error, panic_text};
use crate::recovery::{Progress, fold, for_each_block, read_snapshot};
use audit::Audit;
use clearing::{SNAPSHOT_VERSION, State};
use model::record::{FactContent, Facts, Outcome};
use sha2::{Digest, Sha256};
use std::panic::{AssertUnwindSafe, catch_unwind};
use store::{Head, Log};

/// How many, and of how much in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Instructions.
    pub count: u64,
    /// Their quantities added up, whatever the instrument.
    pub quantity: i128,
}

/// The first thing found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The record at which it shows.
    pub sequence: u64,
    /// What, with the figures.
    pub what: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// The last record folded; the head of the log when all is well.
    pub sequence: u64,
    /// Blocks read, each unpacked and hashed again.
    pub blocks: u64,
    /// Records that say yes, no, and "as before".
    pub accepted: u64,
    /// The business said no.
    pub rejected: u64,
    /// Asked before.
    pub duplicates: u64,
    /// Facts, and movements in them.
    pub events: u64,
    /// Each record's movements balance for each entity and asset.
    pub postings: u64,
    /// Instructions issued …
    pub instructed: Tally,
    /// … of them settled …
    pub settled: Tally,
    /// … cancelled …
    pub cancelled: Tally,
    /// … and open.
    pub open: Tally,
    /// Entities and assets of which ownership equals location at the end.
    pub balances: u64,
    /// The snapshot that was compared with the fold at its sequence.
    pub snapshot: Option<u64>,
    /// What is wrong, when something is.
    pub violation: Option<Violation>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.violation.is_none()
    }
}

/// Reads a log from its first record and checks all that it promises: the chain, the balance of every record, what
/// balances may not fall below, that every instruction ends at most once and none is lost, the two axes of the stock
/// record, the newest snapshot against the fold, and the head. Ends at the first violation.
///
/// # Errors
/// When the log cannot be read; damage is no error but a violation.
pub fn verify(log: &Log, progress: &mut dyn FnMut(Progress)) -> Result<VerifyReport, Error> {
    let head = log.head();
    let snapshot = snapshot_digest(log)?;
    let mut check = Check { state: State::default(), audit: Audit::default(), report: VerifyReport::default() };
    let mut chain = store::chain::ORIGIN;
    let read = for_each_block(log, 1, &mut |block| {
        check.report.blocks += 1;
        for facts in &block.facts {
            let sequence = facts.sequence;
            if let Err(what) = check.record(facts) {
                check.report.violation = Some(Violation { sequence, what });
                return Ok(false);
            }
            check.report.sequence = sequence;
            if let Some((at, digest)) = &snapshot
                && *at == sequence
            {
                check.report.snapshot = Some(sequence);
                if *digest != Some(digest_of(&check.state)) {
                    let what = match digest {
                        Some(_) => "the snapshot at this record is not the fold of the log".to_owned(),
                        None => {
                            "the snapshot at this record cannot be read, though its bytes are what they were".to_owned()
                        }
                    };
                    check.report.violation = Some(Violation { sequence, what });
                    return Ok(false);
                }
            }
        }
        chain = block.chain;
        let sequence = check.report.sequence;
        progress(Progress { from: 0, sequence, to: head.sequence });
        Ok(sequence < head.sequence)
    });
    match read {
        Ok(()) => {}
        Err(Error::Record { sequence, cause }) => check.report.violation = Some(Violation { sequence, what: cause }),
        Err(Error::Store(error @ store::Error::Corrupt { .. })) => {
            let sequence = check.report.sequence + 1;
            check.report.violation = Some(Violation { sequence, what: error.to_string() });
        }
        Err(error) => return Err(error),
    }
    if check.report.is_sound()
        && let Err(what) = check.end(head, chain)
    {
        check.report.violation = Some(Violation { sequence: check.report.sequence, what });
    }
    Ok(check.report)
}

struct Check {
    state: State,
    audit: Audit,
    report: VerifyReport,
}

impl Check {
    fn record(&mut self, facts: &Facts) -> Result<(), String> {
        if let Some(last) = self.state.at()
            && facts.at < last
        {
            return Err(format!("it is stamped {} and the one before {last}: time goes back", facts.at));
        }
        self.count(facts);
        let state = &mut self.state;
        // Folding asserts what must hold; what it finds is a violation like any other.
        catch_unwind(AssertUnwindSafe(|| fold(state, facts)))
            .map_err(|panic| format!("it cannot be folded: {}", panic_text(&*panic)))?
            .map_err(|error| error.to_string())?;
        self.audit.record(facts, &self.state, &mut self.report)
    }

    fn count(&mut self, facts: &Facts) {
        match &facts.content {
            FactContent::Outcome(Outcome::Accepted(events)) => {
                self.report.accepted += 1;
                self.report.events += events.len() as u64;
            }
            FactContent::Outcome(Outcome::Rejected(_)) => self.report.rejected += 1,
            FactContent::Outcome(Outcome::Duplicate { .. }) => self.report.duplicates += 1,
            FactContent::Genesis(_) => {}
        }
    }

    fn end(&mut self, head: Head, chain: store::Hash) -> Result<(), String> {
        if (self.report.sequence, chain) != (head.sequence, head.chain) {
            let folded = self.report.sequence;
            return Err(format!(
                "the blocks end at record {folded}, the head says {}, or their chains differ",
                head.sequence
            ));
        }
        self.state.recount_limits()?;
        self.audit.end(&self.state, &mut self.report)
    }
}

/// A snapshot's place and the hash of the state it restores; `None` for one of this release that cannot be read.
type SnapshotDigest = (u64, Option<[u8; 32]>);

/// That of the newest one, unless another release wrote it: a start would fold the log instead.
fn snapshot_digest(log: &Log) -> Result<Option<SnapshotDigest>, Error> {
    let Some(snapshot) = log.newest_snapshot()?.filter(|snapshot| snapshot.version() == SNAPSHOT_VERSION) else {
        return Ok(None);
    };
    let state = read_snapshot(&snapshot)?;
    Ok(Some((snapshot.head().sequence, state.map(|state| digest_of(&state)))))
}

/// A hash of a whole state: of the bytes its snapshot would have.
fn digest_of(state: &State) -> [u8; 32] {
    let mut hash = Sha256::new();
    state.write_snapshot(&mut |piece| hash.update(piece));
    hash.finalize().into()
}
