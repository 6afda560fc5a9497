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

/// The views that are printed.
pub const VIEWS: [&str; 7] = ["summary", "instruction", "trade", "cash", "balance", "tie-out", "position"];

/// Every row of the views of some records, a line each: `{"view":"instruction", …}`.
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
    Printer { out, at: At::NOW, known_at: None }.print(&scratch.projections, &VIEWS)
}

/// Prints rows, each with the record on which it stands if that is to be said.
pub struct Printer<'a, W> {
    pub out: &'a mut W,
    pub at: At,
    pub known_at: Option<u64>,
}

impl<W: Write> Printer<'_, W> {
    /// Every row of some views, a line each.
    pub fn print(&mut self, views: &Projections, wanted: &[&str]) -> Result<()> {
        let at = self.at;
        for view in wanted {
            match *view {
                "summary" => views.summary(at)?.lines.iter().try_for_each(|line| self.row("summary", line))?,
                "instruction" => pages(|token| {
                    let page = views.instructions(&InstructionFilter::default(), page(token), at)?;
                    page.instructions.iter().try_for_each(|each| self.row("instruction", each))?;
                    Ok(page.next_page_token)
                })?,
                "trade" => pages(|token| {
                    let page = views.loose_trades(page(token), at)?;
                    page.trades.iter().try_for_each(|each| self.row("trade", each))?;
                    Ok(page.next_page_token)
                })?,
                "cash" => pages(|token| {
                    let page = views.cash(&CashFilter::default(), page(token), at)?;
                    page.ladders.iter().try_for_each(|each| self.row("cash", each))?;
                    Ok(page.next_page_token)
                })?,
                "balance" => pages(|token| {
                    let page = views.balances(&BalanceFilter::default(), page(token), at)?;
                    page.balances.iter().try_for_each(|each| self.row("balance", each))?;
                    Ok(page.next_page_token)
                })?,
                "tie-out" => views.tie_outs(at)?.lines.iter().try_for_each(|line| self.row("tie-out", line))?,
                _ => self.positions(views)?,
            }
        }
        Ok(())
    }

    fn positions(&mut self, views: &Projections) -> Result<()> {
        pages(|token| {
            let filter = PositionFilter { with_flat: true, ..PositionFilter::default() };
            let page = views.positions(&filter, LotMethod::Unspecified, page(token), self.at)?;
            for each in &page.positions {
                // In full once more, since a list has no lots.
                let full = views.position(&each.book, &each.instrument, LotMethod::Unspecified, self.at)?.value;
                full.iter()
                    .filter(|line| line.currency == each.currency)
                    .try_for_each(|line| self.row("position", line))?;
            }
            Ok(page.next_page_token)
        })
    }

    fn row(&mut self, view: &'static str, row: &impl Serialize) -> Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Row<'a, T> {
            view: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            known_at: Option<u64>,
            #[serde(flatten)]
            row: &'a T,
        }
        Ok(writeln!(self.out, "{}", serde_json::to_string(&Row { view, known_at: self.known_at, row })?)?)
    }
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
