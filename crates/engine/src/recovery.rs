//! How a state comes back: the newest snapshot, and the records after it folded. Nothing is decided again.

use crate::error::Error;
use clearing::{SNAPSHOT_VERSION, State};
use crossbeam_channel::bounded;
use model::record::{Content, FactContent, Facts, Outcome, Record};
use std::time::Instant;
use store::{Block, Hash, Head, Log, Snapshot};

/// How far a long read of the log has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where it began.
    pub from: u64,
    /// The last record read.
    pub sequence: u64,
    /// Where it ends.
    pub to: u64,
}

/// Brings back the state that a log stands for.
///
/// # Errors
/// When the log cannot be read.
pub fn recover(log: &Log) -> Result<State, Error> {
    recover_with(log, &mut |_| {})
}

/// The same, telling after each block how far it is.
///
/// # Errors
/// When the log cannot be read.
pub fn recover_with(log: &Log, progress: &mut dyn FnMut(Progress)) -> Result<State, Error> {
    recover_from_snapshot(log, progress).map(|(state, _)| state)
}

/// The same with the sequence of the snapshot it began with, 0 when with none.
pub(crate) fn recover_from_snapshot(log: &Log, progress: &mut dyn FnMut(Progress)) -> Result<(State, u64), Error> {
    let started = Instant::now();
    let mut state = newest_snapshot(log)?.unwrap_or_default();
    let from = state.sequence();
    fold_to(&mut state, log, log.head(), progress)?;
    let (to, took) = (state.sequence(), started.elapsed());
    tracing::info!(snapshot = from, head = to, ?took, "the state is recovered");
    Ok((state, from))
}

/// The state as it was after a record: from the newest snapshot not after it, or from the genesis. Nothing when the log does
/// not reach the record, or when `go_on` says no.
///
/// # Errors
/// When the log cannot be read.
pub fn recover_at(log: &Log, sequence: u64, go_on: &mut dyn FnMut(Progress) -> bool) -> Result<Option<State>, Error> {
    let snapshot = log.newest_snapshot_through(sequence)?;
    let read = snapshot.as_ref().map(read_snapshot).transpose()?.flatten();
    let mut state = read.unwrap_or_default();
    let from = state.sequence();
    if from == sequence {
        return Ok(Some(state));
    }
    for_each_block(log, from + 1, &mut |block| {
        let after = state.sequence();
        for facts in block.facts.iter().filter(|facts| facts.sequence > after && facts.sequence <= sequence) {
            fold(&mut state, facts)?;
        }
        let at = state.sequence();
        Ok(go_on(Progress { from, sequence: at, to: sequence }) && at < sequence)
    })?;
    Ok(Some(state).filter(|state| state.sequence() == sequence))
}

/// The state of the newest snapshot that can be used.
fn newest_snapshot(log: &Log) -> Result<Option<State>, Error> {
    let Some(snapshot) = log.newest_snapshot()? else { return Ok(None) };
    read_snapshot(&snapshot)
}

/// The state a snapshot holds; `None` when this release cannot use it: then the log is folded instead.
pub(crate) fn read_snapshot(snapshot: &Snapshot<'_>) -> Result<Option<State>, Error> {
    let (sequence, version) = (snapshot.head().sequence, snapshot.version());
    if version != SNAPSHOT_VERSION {
        tracing::warn!(sequence, version, known = SNAPSHOT_VERSION, "a snapshot of another release is passed over");
        return Ok(None);
    }
    let mut broken = None;
    let pieces = snapshot.pieces().map_while(|piece| piece.map_err(|error| broken = Some(error)).ok());
    let read = State::read_snapshot(pieces);
    if let Some(error) = broken {
        return Err(error.into());
    }
    match read {
        Ok(state) if state.sequence() == sequence => Ok(Some(state)),
        Ok(state) => {
            let found = state.sequence();
            tracing::error!(sequence, found, "a snapshot is of another record than it says: it is passed over");
            Ok(None)
        }
        Err(error) => {
            tracing::error!(sequence, %error, "a snapshot is passed over");
            Ok(None)
        }
    }
}

/// Folds the records after the state up to a head.
pub(crate) fn fold_to(
    state: &mut State,
    log: &Log,
    head: Head,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let from = state.sequence();
    if from >= head.sequence {
        return Ok(());
    }
    for_each_block(log, from + 1, &mut |block| {
        let after = state.sequence();
        for facts in block.facts.iter().filter(|facts| facts.sequence > after && facts.sequence <= head.sequence) {
            fold(state, facts)?;
        }
        progress(Progress { from, sequence: state.sequence(), to: head.sequence });
        Ok(state.sequence() < head.sequence)
    })
}

/// A block as a fold reads it.
pub(crate) struct FactBlock {
    pub facts: Vec<Facts>,
    /// The chain after it.
    pub chain: Hash,
}

/// Reads blocks from the one that holds `from`, in order, until `take` wants no more. They are unpacked and hashed on one
/// thread, decoded on another, and folded on the caller's.
pub(crate) fn for_each_block(
    log: &Log,
    from: u64,
    take: &mut dyn FnMut(FactBlock) -> Result<bool, Error>,
) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let (blocks_in, blocks) = bounded(4);
        let (facts_in, facts) = bounded(4);
        // Both end when nobody takes what they send.
        let read = move || drop(log.blocks_from(from).try_for_each(|block| blocks_in.send(block)));
        let decode =
            move || drop(blocks.iter().map(|block| decode(&block?)).try_for_each(|block| facts_in.send(block)));
        let spawn = |name: &str| std::thread::Builder::new().name(name.to_owned());
        spawn("fold-read").spawn_scoped(scope, read).map_err(Error::Thread)?;
        spawn("fold-decode").spawn_scoped(scope, decode).map_err(Error::Thread)?;
        for block in facts {
            if !take(block?)? {
                break;
            }
        }
        Ok(())
    })
}

fn decode(block: &Block) -> Result<FactBlock, Error> {
    let decode = |(sequence, bytes)| {
        let unreadable = |cause: String| Error::Record { sequence, cause };
        let facts = wire::record::facts(bytes).map_err(|error| unreadable(error.to_string()))?;
        match (facts.sequence == sequence, &facts.content) {
            (false, _) => Err(unreadable(format!("it says it is record {}", facts.sequence))),
            (true, FactContent::Genesis(_)) if sequence > 1 => Err(unreadable("a second genesis".to_owned())),
            (true, FactContent::Outcome(_)) if sequence == 1 => Err(unreadable("it is not a genesis".to_owned())),
            (true, _) => Ok(facts),
        }
    };
    Ok(FactBlock { facts: block.iter().map(decode).collect::<Result<_, _>>()?, chain: block.chain() })
}

/// Folds a record with its command, of which the caller has checked that it is the next.
pub(crate) fn fold_record(state: &mut State, record: &Record) {
    match &record.content {
        Content::Genesis(genesis) => clearing::begin(state, genesis),
        Content::Decided { inbound, .. } => {
            clearing::apply(state, record.sequence, inbound.at, &inbound.actor, record.events());
        }
    }
}

/// Folds one record.
pub(crate) fn fold(state: &mut State, facts: &Facts) -> Result<(), Error> {
    let sequence = facts.sequence;
    if state.sequence() + 1 != sequence {
        return Err(Error::Record { sequence, cause: format!("the state stands at record {}", state.sequence()) });
    }
    let events = match &facts.content {
        FactContent::Genesis(genesis) => {
            clearing::begin(state, genesis);
            return Ok(());
        }
        FactContent::Outcome(Outcome::Accepted(events)) => events.as_slice(),
        FactContent::Outcome(Outcome::Rejected(_) | Outcome::Duplicate { .. }) => &[],
    };
    clearing::apply(state, sequence, facts.at, &facts.actor, events);
    Ok(())
}
