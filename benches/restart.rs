//! `restart`: another process fills a log and is killed with kill -9; how long until a start of ours settles a trade.

use crate::house;
use crate::report::Report;
use anyhow::{Context, Result, bail, ensure};
use engine::{Engine, Options, RawBatch};
use model::command::{Command, Origin};
use model::event::Event;
use model::identifier::Identifier;
use model::record::Outcome;
use model::trade::{Side, TradeMessage};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};
use testkit::flow::{Body, Flow, Mix, Shape, Step};

const BATCH: usize = 1 << 20;

/// A flow in which about as many trades settle as are asked for, and then as many instructions stay open.
fn shapes(trades: u64, open: u64) -> (Shape, Shape) {
    let history = Shape {
        mix: Mix { sent_twice: 0, one_sided: 0, short_securities: 0, ..Mix::default() },
        trades,
        ..Shape::bench(2 * trades)
    };
    let one_sided = Shape { mix: Mix { one_sided: 10_000, ..Mix::default() }, trades: open, ..Shape::bench(open) };
    (history, one_sided)
}

/// Runs it once.
///
/// # Errors
/// When the other process cannot be run, or a check fails.
pub fn run(seed: u64, trades: u64, open: u64, report: &mut Report) -> Result<()> {
    eprintln!("restart: another process settles {trades} trades and leaves {open} instructions open");
    let dir = tempfile::tempdir()?;
    let log_dir = dir.path().join("log");
    let own = std::env::current_exe()?;
    let mut child = Process::new(own)
        .args(["bench", "--seed", &seed.to_string(), "fill"])
        .arg(&log_dir)
        .args([trades.to_string(), open.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the process that fills the log")?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("the process has no output")?).read_line(&mut line)?;
    child.kill()?;
    child.wait()?;
    ensure!(line.starts_with("filled "), "the process that fills the log said {line:?}");
    let per_open: f64 = line.trim().rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN);

    let (history, _) = shapes(trades, open);
    let flow = Flow::new(seed, history);
    let start = Instant::now();
    let engine = Engine::start(Options { timer: false, ..Options::new(&log_dir, flow.genesis()) })?;
    let opened = start.elapsed();
    settle_one(&engine, &flow)?;
    let settled = start.elapsed();
    let log = engine.log();
    engine.stop()?;
    house::verified(&log)?;
    let size = format!("{} trades settled, {} open", thousands(trades), thousands(open));
    report.add(
        "restart",
        format!("to the first settled trade: {size}"),
        settled.as_secs_f64(),
        "s",
        "after kill -9; goal ≤ 2",
    );
    report.add("restart", format!("of it until open: {size}"), opened.as_secs_f64(), "s", "");
    // After a long history the allocator has room from before: then nothing can be told from the process.
    if per_open > 0.0 {
        let what = format!("process per open instruction: {size}");
        report.add("memory", what, per_open, "B", "with what the log holds back");
    }
    Ok(())
}

fn thousands(count: u64) -> String {
    if count.is_multiple_of(1_000_000) { format!("{}M", count / 1_000_000) } else { format!("{}k", count / 1_000) }
}

/// The process that is killed.
///
/// # Errors
/// When the log cannot be filled.
pub fn fill(seed: u64, dir: &Path, trades: u64, open: u64) -> Result<()> {
    let (history, one_sided) = shapes(trades, open);
    let flow = Flow::new(seed, history);
    let engine = house::create(dir, &flow)?;
    let sent = send(&engine, &flow, 0, "")?;
    wait(&engine, sent)?;
    let before = house::resident();
    let all = send(&engine, &Flow::new(seed, one_sided), sent, "open-")?;
    wait(&engine, all)?;
    let grown = house::resident().saturating_sub(before);
    println!("filled {} {}", all, grown as f64 / open.max(1) as f64);
    // Until it is killed.
    std::thread::sleep(Duration::from_secs(600));
    bail!("nobody killed this process")
}

fn topic() -> Identifier {
    Identifier::parse("quittance.trades.v1").expect("is an identifier")
}

/// Hands a flow's messages to the intake as a consumer would; the offset after the last.
fn send(engine: &Engine, flow: &Flow, from: u64, prefix: &str) -> Result<u64> {
    let intake = engine.handle().intake();
    let mut offset = from;
    let mut batch = RawBatch::new(topic(), 0);
    for item in flow.week() {
        let Step::Message(mut message) = item.step else { continue };
        if let Body::Trade(trade) = &mut message.body {
            trade.id = Identifier::parse(&format!("{prefix}{}", trade.id))?;
        }
        batch.push(offset, item.at, |bytes| message.encode(bytes));
        offset += 1;
        if batch.bytes.len() >= BATCH {
            intake.send(std::mem::replace(&mut batch, RawBatch::new(topic(), 0)))?;
        }
    }
    if !batch.messages.is_empty() {
        intake.send(batch)?;
    }
    Ok(offset)
}

fn wait(engine: &Engine, offset: u64) -> Result<()> {
    let log = engine.log();
    while engine::cursor(&log, &topic(), 0)?.is_none_or(|cursor| cursor.next_offset < offset) {
        let _ = log.wait_past(log.head().sequence, Duration::from_millis(100));
        ensure!(engine.failure().borrow().is_none(), "the engine failed");
    }
    Ok(())
}

/// Sends both sides of one new trade and sees them settle.
fn settle_one(engine: &Engine, flow: &Flow) -> Result<()> {
    let sides: Vec<TradeMessage> = flow
        .week()
        .filter_map(|item| match item.step {
            Step::Message(message) => match message.body {
                Body::Trade(trade) => Some(*trade),
                Body::Bytes(_) => None,
            },
            _ => None,
        })
        .take(4_000)
        .collect();
    let side = |side| sides.iter().find(|trade| trade.details.as_ref().is_some_and(|details| details.side == side));
    let sell = side(Side::Sell).context("the flow sells nothing")?;
    let details = sell.details.as_ref().context("a new trade has details")?;
    let buy = sides
        .iter()
        .find(|other| {
            other.details.as_ref().is_some_and(|theirs| {
                theirs.side == Side::Buy
                    && theirs.party == details.counterparty
                    && theirs.quantity == details.quantity
                    && theirs.counterparty == details.party
                    && theirs.instrument == details.instrument
            })
        })
        .context("the other side does not come within the first messages")?;
    let handle = engine.handle();
    for (at, trade) in [sell, buy].into_iter().enumerate() {
        let mut trade = trade.clone();
        trade.id = Identifier::parse(&format!("after-{at}"))?;
        let request = engine::Request {
            actor: trade.source.clone(),
            command: Command::Trade(Box::new(trade)),
            origin: Origin::Call { request_id: Identifier::parse(&format!("after-{at}"))? },
            reason: String::new(),
            at: None,
            raw_trade: None,
        };
        let answer = handle.submit_blocking(request)?;
        let Outcome::Accepted(events) = &answer.outcome else {
            bail!("the trade after the restart: {:?}", answer.outcome)
        };
        let settled = events.iter().any(|event| matches!(event, Event::InstructionsSettled { .. }));
        ensure!(settled == (at == 1), "the trade after the restart did not settle when its second side came");
    }
    Ok(())
}
