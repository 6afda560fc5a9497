//! The auditor: a second, independent reading of a log. It shares no code with what decided, folded, wrote or stored it: its own reader of the
//! stored bytes, its own fold in plain maps, and the invariants of the house by name ([`Invariant`]).
//!
//! Read in this order: [`chain`] (blocks, hashes), [`record`] and [`facts`] (what the bytes say), [`first`] (what a record tells alone, with
//! `books` and `ids` for its parts), [`fold`] (what must hold of it after all before, with `names`, `trades`, `people`, `limits` and
//! `margin`), [`disk`] and [`views`] (the tables beside the records).

mod books;
mod bytes;
pub mod chain;
pub mod disk;
mod exposure;
mod facts;
mod fault;
mod first;
pub mod fold;
mod ids;
mod limits;
mod margin;
mod names;
mod numbered;
mod people;
mod posting;
mod record;
mod report;
mod reversals;
pub mod source;
mod table;
pub mod topic;
mod trades;
pub mod views;

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use books::Moves;
use chain::{Batch, Follower, Hash};
use disk::Disk;
use fault::must;
use first::First;
use fold::Fold;
use source::{Export, Mark, Source};
use topic::Topic;
use views::Views;

pub use books::TrialLine;
pub use fault::{Fault, Invariant};
pub use fold::Counts;
pub use report::{Look, Report, Verdict, Violation};
pub use trades::Tally;

/// Telling how far it is: the last record folded.
pub type Progress<'a> = &'a mut dyn FnMut(u64);

/// What is known of the history besides the records.
#[derive(Default)]
struct Beside {
    disk: Option<Disk>,
    views: Option<Views>,
    marks: Vec<Mark>,
    /// Roots that somebody signed, by the size of the tree.
    roots: Vec<(u64, Hash)>,
}

/// What to hold a log against, beyond itself.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// Size and root of a checkpoint that was kept elsewhere.
    pub roots: Vec<(u64, Hash)>,
    /// The witness file; by default `<log>.witness` where there is one.
    pub witness: Option<std::path::PathBuf>,
    /// Leave the views out.
    pub no_views: bool,
}

/// Verifies the store of a data directory, or a copy of it, with its witness and views.
#[must_use]
pub fn store(data: &Path, against: &Against, progress: Progress<'_>) -> Report {
    // The views first: the log that is opened later is at least as far.
    let opened = || -> Result<(Disk, Beside), Fault> {
        let log = disk::log_dir(data);
        let views_dir = data.join("views");
        let views = if !against.no_views && views_dir.join("CURRENT").is_file() {
            Some(Views::open(&views_dir)?)
        } else {
            None
        };
        let witness = against.witness.clone().unwrap_or_else(|| {
            let mut path = log.clone().into_os_string();
            path.push(".witness");
            path.into()
        });
        let mut beside = Beside { views, roots: against.roots.clone(), ..Beside::default() };
        if let Some(views) = &mut beside.views {
            beside.marks.extend(views.marks()?);
        }
        // Before the log is opened: what it saw is on disk before it.
        beside.marks.extend(source::witness(&witness)?);
        let disk = Disk::open(&log)?;
        beside.marks.extend(disk.marks()?);
        beside.disk = Some(disk.clone());
        Ok((disk, beside))
    };
    let mut report = Report::default();
    let result = opened().and_then(|(mut disk, beside)| run(&mut disk, beside, &mut report, progress));
    report.end(result)
}

/// Verifies an exported log (`quittance log export --stored`).
#[must_use]
pub fn export(file: &Path, against: &Against, progress: Progress<'_>) -> Report {
    let mut report = Report::default();
    let beside = Beside { roots: against.roots.clone(), ..Beside::default() };
    let result = Export::open(file).and_then(|mut source| run(&mut source, beside, &mut report, progress));
    report.end(result)
}

/// Verifies the published topic.
#[must_use]
pub fn topic(brokers: &str, name: &str, partition: u32, against: &Against, progress: Progress<'_>) -> Report {
    let mut report = Report::default();
    let beside = Beside { roots: against.roots.clone(), ..Beside::default() };
    let result = Topic::open(brokers, name, partition).and_then(|mut source| {
        run(&mut source, beside, &mut report, progress)?;
        report.looked(Invariant::I19, report.counts.records);
        report.dropped = source.dropped;
        Ok(())
    });
    report.end(result)
}

/// A block with its chain checked, and what was remembered of places in it.
struct Checked {
    batch: Batch,
    /// The chain after the last record.
    chain: Hash,
    marks: Vec<(u64, Hash)>,
    roots: Vec<(u64, Hash)>,
    /// What its records move, and at which of them that makes no sense.
    moves: Moves,
    fault: Option<(u64, Fault)>,
}

/// A block, or at which record there is none.
type Next = Result<Checked, (u64, Fault)>;

/// Reads, unpacks and hashes on one thread, makes the first pass on another and the second on this one.
fn run(source: &mut dyn Source, beside: Beside, report: &mut Report, progress: Progress<'_>) -> Result<(), Fault> {
    let (mut fold, mut first, mut rows) = (Fold::default(), First::default(), 0);
    let folded = std::thread::scope(|scope| {
        let (checked_in, checked) = sync_channel::<Next>(8);
        let (passed_in, passed) = sync_channel::<Next>(8);
        scope.spawn(|| check(source, &beside, checked_in));
        scope.spawn(|| pass(checked, &beside, (&mut first, &mut rows), passed_in));
        for next in passed {
            let checked = next.map_err(|(sequence, fault)| {
                report.at = sequence;
                fault
            })?;
            take(checked, &beside, &mut fold, report)?;
            progress(report.at);
        }
        Ok(())
    });
    fold.first = first;
    report.looked(Invariant::I16, rows);
    report.counts = fold.counts;
    report.house.clone_from(&fold.house);
    (report.instructed, report.settled) = (fold.trades.instructed, fold.trades.settled);
    (report.cancelled, report.open) = (fold.trades.cancelled, fold.trades.open_tally());
    folded?;
    end(&beside, &fold, report)
}

/// Unpacks blocks and follows their chain until nobody wants another one.
fn check(source: &mut dyn Source, beside: &Beside, checked: SyncSender<Next>) {
    let mut follower = Follower::new(!beside.roots.is_empty());
    let read = source.each(&mut |batch| {
        let (mut marks, mut roots) = (Vec::new(), Vec::new());
        follower.take(&batch, &mut |at| {
            if beside.marks.iter().any(|mark| mark.sequence == at.sequence) {
                marks.push((at.sequence, at.chain));
            }
            if beside.roots.iter().any(|(size, _)| *size == at.sequence) {
                roots.extend(at.root().map(|root| (at.sequence, root)));
            }
        })?;
        let (chain, moves) = (follower.chain, Moves::default());
        Ok(checked.send(Ok(Checked { batch, chain, marks, roots, moves, fault: None })).is_ok())
    });
    if let Err(fault) = read {
        // Nobody is left to hear it when the fold has ended already.
        let _ = checked.send(Err((follower.sequence + 1, fault)));
    }
}

/// Makes the first pass over each block, and holds the views against the books where they stand.
fn pass(checked: Receiver<Next>, beside: &Beside, (first, rows): (&mut First, &mut u64), passed: SyncSender<Next>) {
    for mut next in checked {
        if let Ok(checked) = &mut next {
            for (sequence, bytes) in checked.batch.records() {
                let read = first.record(sequence, bytes, &mut checked.moves).and_then(|()| {
                    let stands = checked.marks.iter().any(|(at, _)| *at == sequence);
                    let Some(views) = beside.views.as_ref().filter(|_| stands) else { return Ok(()) };
                    *rows += views.check_at(sequence, &first.books)?;
                    Ok(())
                });
                if let Err(fault) = read {
                    checked.fault = Some((sequence, fault));
                    break;
                }
            }
        }
        if passed.send(next).is_err() {
            return;
        }
    }
}

fn take(mut checked: Checked, beside: &Beside, fold: &mut Fold, report: &mut Report) -> Result<(), Fault> {
    let mut moves = checked.moves.told();
    for (sequence, bytes) in checked.batch.records() {
        report.at = sequence;
        if let Some((_, fault)) = checked.fault.take_if(|(at, _)| *at == sequence) {
            return Err(fault);
        }
        fold.second(sequence, bytes, &mut moves)?;
    }
    for (sequence, chain) in &checked.marks {
        for mark in beside.marks.iter().filter(|mark| mark.sequence == *sequence) {
            must!(I11, mark.chain == *chain, "{} saw another history at record {sequence}", mark.who);
            report.looked(Invariant::I11, 1);
        }
    }
    for (size, root) in &checked.roots {
        let same = beside.roots.iter().filter(|(signed, _)| signed == size).all(|(_, signed)| signed == root);
        must!(I11, same, "the checkpoint over {size} records was signed over others");
        report.looked(Invariant::I11, 1);
    }
    (report.head, report.chain) = (report.at, checked.chain);
    Ok(())
}

/// What must hold of the whole.
fn end(beside: &Beside, fold: &Fold, report: &mut Report) -> Result<(), Fault> {
    must!(I10, report.head > 0, "there is not one record");
    for mark in &beside.marks {
        let there = mark.sequence <= report.head;
        must!(I11, there, "{} saw record {}, and the log ends at {}", mark.who, mark.sequence, report.head);
    }
    for (size, _) in &beside.roots {
        must!(I11, *size <= report.head, "a checkpoint over {size} records was signed, and there are {}", report.head);
    }
    report.trial_balance = fold.end()?;
    if let Some(disk) = &beside.disk {
        let head = disk.head()?;
        must!(
            I14,
            head == (report.head, report.chain),
            "the head is record {}, the last block ends with {}",
            head.0,
            report.head
        );
        disk.check(fold)?;
        report.looked(Invariant::I14, 1 + fold.sources.len() as u64);
    }
    let counts = fold.counts;
    report.looked(Invariant::I1, report.trial_balance.len() as u64);
    report.looked(Invariant::I2, counts.facts);
    report.looked(Invariant::I3, fold.first.books.balances.len() as u64);
    for invariant in [Invariant::I4, Invariant::I5, Invariant::I8] {
        report.looked(invariant, counts.postings);
    }
    for invariant in [Invariant::I6, Invariant::I7] {
        report.looked(invariant, report.instructed.count);
    }
    report.looked(Invariant::I10, counts.records);
    report.looked(Invariant::I12, fold.sources.len() as u64);
    report.looked(Invariant::I13, fold.first.ids.by_key.len() as u64);
    report.looked(Invariant::I15, counts.accepted);
    report.looked(Invariant::I20, counts.facts);
    report.looked(Invariant::I21, fold.limits.looked);
    report.looked(Invariant::I22, fold.margin.looked);
    Ok(())
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hash from its hexadecimal form.
#[must_use]
pub fn unhex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(hash)
}
