//! Views made apart from a server: folded from records in memory or from a log, into a directory that is thrown away or kept.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, Result};
use model::record::{Facts, Record};
use projections::{At, Folder, PageRequest, Projections};
use serde::Serialize;
use store::{Head, Log, Memory, Options, Views};
use wire::pb::record::LotMethod;
use wire::pb::view::{BalanceFilter, CashFilter, InstructionFilter, PositionFilter};

use crate::fault::failed;

/// Records folded at once.
const STEP: usize = 1_024;

/// Views in a directory of their own, gone when dropped.
pub struct Scratch {
    pub projections: Projections,
    pub folder: Folder,
    // Dropped last: the views lie in it.
    _dir: tempfile::TempDir,
}

impl Scratch {
    pub fn new() -> Result<Scratch> {
        let dir = tempfile::Builder::new().prefix("quittance-views-").tempdir().context("a directory for the views")?;
        let (projections, folder) = Projections::open(Arc::new(Views::open(&dir.path().join("views"), &options())?))?;
        Ok(Scratch { projections, folder, _dir: dir })
    }
}

/// How the databases are opened for work that is done alone and soon over.
pub fn options() -> Options {
    Options { memory: Memory::new(64 << 20, 64 << 20), ring_bytes: 1 << 20, ..Options::default() }
}

/// Folds what a log holds after what the views have, up to a record, and writes the rows as they are there.
pub fn follow(log: &Log, folder: &mut Folder, to: u64, mut tell: impl FnMut(u64)) -> Result<()> {
    let Some(after) = folder.sequence() else { return Err(failed("every view has stopped")) };
    let mut facts: Vec<Facts> = Vec::with_capacity(STEP);
    for block in log.blocks_from(after + 1) {
        let block = block?;
        for (sequence, bytes) in block.iter().filter(|(sequence, _)| *sequence > after && *sequence <= to) {
            facts.push(wire::record::facts(bytes).with_context(|| format!("record {sequence} cannot be read"))?);
            if facts.len() == STEP {
                folder.fold(&facts);
                facts.clear();
            }
        }
        tell(block.last().min(to));
        if block.last() >= to {
            break;
        }
    }
    folder.fold(&facts);
    let chain = log.chain_at(to)?.ok_or_else(|| failed(format!("the log does not reach record {to}")))?;
    Ok(folder.save(Head { sequence: to, chain })?)
}

/// Every row of the views, a line each: `{"view":"instruction", …}`.
pub fn print(out: &mut impl Write, records: &[Record]) -> Result<()> {
    let mut scratch = Scratch::new()?;
    let (mut facts, mut bytes) = (Vec::with_capacity(STEP), Vec::new());
    for step in records.chunks(STEP) {
        for record in step {
            bytes.clear();
            wire::record::encode(record, None, &mut bytes);
            facts.push(wire::record::facts(&bytes)?);
        }
        scratch.folder.fold(&facts);
        facts.clear();
    }
    let views = &scratch.projections;
    for line in views.summary(At::NOW)?.lines {
        row(out, "summary", &line)?;
    }
    pages(|token| {
        let page = views.instructions(&InstructionFilter::default(), page(token), At::NOW)?;
        page.instructions.iter().try_for_each(|each| row(out, "instruction", each))?;
        Ok(page.next_page_token)
    })?;
    pages(|token| {
        let page = views.loose_trades(page(token), At::NOW)?;
        page.trades.iter().try_for_each(|each| row(out, "trade", each))?;
        Ok(page.next_page_token)
    })?;
    pages(|token| {
        let page = views.cash(&CashFilter::default(), page(token), At::NOW)?;
        page.ladders.iter().try_for_each(|each| row(out, "cash", each))?;
        Ok(page.next_page_token)
    })?;
    pages(|token| {
        let page = views.balances(&BalanceFilter::default(), page(token), At::NOW)?;
        page.balances.iter().try_for_each(|each| row(out, "balance", each))?;
        Ok(page.next_page_token)
    })?;
    for line in views.tie_outs(At::NOW)?.lines {
        row(out, "tie-out", &line)?;
    }
    pages(|token| {
        let filter = PositionFilter { with_flat: true, ..PositionFilter::default() };
        let page = views.positions(&filter, LotMethod::Unspecified, page(token), At::NOW)?;
        for each in &page.positions {
            // In full once more, since a list has no lots.
            let full = views.position(&each.book, &each.instrument, LotMethod::Unspecified, At::NOW)?.value;
            full.iter()
                .filter(|line| line.currency == each.currency)
                .try_for_each(|line| row(out, "position", line))?;
        }
        Ok(page.next_page_token)
    })?;
    Ok(())
}

fn page(token: &str) -> PageRequest<'_> {
    PageRequest { size: PageRequest::MAX_SIZE, token }
}

fn pages(mut next: impl FnMut(&str) -> Result<String>) -> Result<()> {
    let mut token = next("")?;
    while !token.is_empty() {
        token = next(&token)?;
    }
    Ok(())
}

fn row(out: &mut impl Write, view: &'static str, row: &impl Serialize) -> Result<()> {
    #[derive(Serialize)]
    struct Row<'a, T> {
        view: &'static str,
        #[serde(flatten)]
        row: &'a T,
    }
    Ok(writeln!(out, "{}", serde_json::to_string(&Row { view, row })?)?)
}
