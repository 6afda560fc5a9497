//! `promotion`: a primary that another process leads is killed with kill -9 under load, and the warm standby here is told
//! to take over; how long until it leads, how long until it settles a trade, and that nothing was lost that anybody was
//! told to be PUBLISHED.
//!
//! Broker, primary, standby, front office and callers share the machine.

use crate::broker::Broker;
use crate::house;
use crate::latency::load::{Load, Pace, produce};
use crate::report::Report;
use anyhow::{Context, Result, bail, ensure};
use kafka::{Brokers, TopicPlan, topics};
use model::event::Event;
use model::identifier::Identifier;
use model::record::{FactContent, Outcome};
use model::trade::Action;
use server::{Config, Running};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use store::Log;
use testkit::flow::{Body, Flow, Shape, Step};
use tokio::runtime::Runtime;
use tonic::Request;
use tonic::transport::Channel;
use wire::pb::service as pb;
use wire::pb::service::operator_service_client::OperatorServiceClient;
use wire::pb::service::trade_service_client::TradeServiceClient;
use wire::pb::trade::Trade;

/// The longest wait for anything.
const LONG: Duration = Duration::from_secs(120);
/// Trades acknowledged as PUBLISHED before the primary is killed, at least.
const ACKNOWLEDGED: usize = 20;

/// How many messages a second, and how long the primary takes them before it dies.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub rate: u64,
    pub seconds: u64,
    pub rounds: u32,
}

/// What one round took.
struct Round {
    led: Duration,
    settled: Duration,
    acknowledged: usize,
    /// Records that the primary had and the standby had to read at its fence.
    behind: u64,
}

/// Runs it.
///
/// # Errors
/// When a check fails: then there is no figure.
pub fn run(seed: u64, plan: Plan, report: &mut Report) -> Result<()> {
    let mut rounds = Vec::new();
    for round in 1..=plan.rounds.max(1) {
        eprintln!("promotion: round {round}, {} messages a second for {} s, then kill -9", plan.rate, plan.seconds);
        rounds.push(one(seed, plan)?);
    }
    let worst = |of: fn(&Round) -> Duration| rounds.iter().map(of).max().unwrap_or_default().as_secs_f64();
    let median = |of: fn(&Round) -> Duration| {
        let mut all: Vec<Duration> = rounds.iter().map(of).collect();
        all.sort_unstable();
        all[all.len() / 2].as_secs_f64()
    };
    let load = format!("at {} /s", plan.rate);
    let of = format!("of {}", rounds.len());
    report.add("promotion", format!("kill -9 until the standby leads, {load}"), median(|each| each.led), "s", &of);
    let settled = format!("kill -9 until it has settled a trade, {load}");
    report.add("promotion", settled.clone(), median(|each| each.settled), "s", &of);
    report.add("promotion", settled + ", slowest", worst(|each| each.settled), "s", "goal ≤ 5");
    let behind = rounds.iter().map(|each| each.behind).max().unwrap_or(0);
    report.add("promotion", "records read at the fence, most", behind as f64, "", "what a warm standby lacks");
    let acknowledged: usize = rounds.iter().map(|each| each.acknowledged).sum();
    report.add(
        "promotion",
        "trades told to be PUBLISHED before, all there after",
        acknowledged as f64,
        "",
        "none lost",
    );
    Ok(())
}

fn one(seed: u64, plan: Plan) -> Result<Round> {
    let broker = Broker::start()?;
    topics::apply(&Brokers::new(broker.address()), &TopicPlan::new(1))?;
    let dir = tempfile::tempdir()?;
    let (primary, standby) = (dir.path().join("primary"), dir.path().join("standby"));
    // Twice as long as the primary lives: the standby must find work.
    let flow = Flow::new(seed, shape(plan.rate * plan.seconds * 2));
    let load = Load::of(&flow)?;
    house::create(&primary.join("log"), &flow)?.stop()?;
    let (mut child, address) = spawn(&primary, &broker.address())?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let running = runtime.block_on(Running::start(&config(&standby, &broker.address(), true)?))?;
    let log = running.log();
    let own = format!("http://{}", running.grpc_address());
    let mut trades = trades(seed);
    runtime.block_on(warm(&address, &trades.split_off(trades.len() - ACKNOWLEDGED), &log))?;
    let messages = load.count();
    let pace = Pace::from_now(plan.rate);
    let producer = {
        let address = broker.address();
        thread::Builder::new().name("front-office".to_owned()).spawn(move || produce(&load, pace, &address))?
    };
    let deadline = pace.start + Duration::from_secs(plan.seconds);
    let acknowledged = runtime.block_on(acknowledge(&address, trades, deadline))?;
    let last = acknowledged.iter().map(|(_, sequence)| *sequence).max().unwrap_or(0);

    let began = Instant::now();
    child.kill()?;
    let before = log.head().sequence;
    let taken_over = runtime.block_on(promote(&own))?;
    let led = began.elapsed();
    first_settled(&log, taken_over)?;
    let settled = began.elapsed();
    child.wait()?;

    ensure!(taken_over >= last, "it leads from record {taken_over}, and record {last} was told to be PUBLISHED");
    runtime.block_on(all_there(&own, &acknowledged))?;
    let late = producer.join().map_err(|_| anyhow::anyhow!("the front office panicked"))?;
    late.context("the front office")?;
    consumed(&log, messages)?;
    drop(log);
    runtime.block_on(running.stop())?;
    same_history(&primary, &standby, taken_over)?;
    Ok(Round { led, settled, acknowledged: acknowledged.len(), behind: taken_over.saturating_sub(before) })
}

/// The ordinary load with fewer members and securities: every opening is a block of its own, which a standby has to read.
fn shape(messages: u64) -> Shape {
    Shape { members: 20, instruments: 50, ..Shape::bench(messages) }
}

/// Waits until the standby has what the primary published so far: the set-up, and one trade more.
async fn warm(address: &str, trades: &[Trade], standby: &Log) -> Result<()> {
    let mut client = TradeServiceClient::new(connect(address).await?);
    for trade in trades {
        let Some(receipt) = submit(&mut client, trade).await? else { continue };
        let deadline = Instant::now() + LONG;
        while standby.head().sequence < receipt.sequence {
            let at = standby.head().sequence;
            ensure!(Instant::now() < deadline, "the standby has {at} of {} records", receipt.sequence);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        return Ok(());
    }
    bail!("no trade was accepted")
}

/// The process that leads, and where it answers.
fn spawn(dir: &Path, brokers: &str) -> Result<(Child, String)> {
    let mut child = Process::new(std::env::current_exe()?)
        .args(["bench", "lead"])
        .arg(dir)
        .arg(brokers)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the process that leads")?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("the process has no output")?).read_line(&mut line)?;
    match line.trim().strip_prefix("leads at ") {
        Some(address) => Ok((child, address.to_owned())),
        None => bail!("the process that leads said {line:?}"),
    }
}

/// The process that is killed.
///
/// # Errors
/// When it cannot lead.
pub fn lead(dir: &Path, brokers: &str) -> Result<()> {
    let runtime = Runtime::new()?;
    let running = runtime.block_on(Running::start(&config(dir, brokers, false)?))?;
    println!("leads at http://{}", running.grpc_address());
    // Until it is killed.
    thread::sleep(Duration::from_secs(600));
    bail!("nobody killed this process")
}

fn config(dir: &Path, brokers: &str, reader: bool) -> Result<Config> {
    let dir = dir.to_string_lossy().into_owned();
    let flags = [
        ("store.dir", dir.as_str()),
        ("grpc.listen", "127.0.0.1:0"),
        ("grpc.timeout_seconds", "120"),
        ("http.listen", ""),
        ("console.listen", ""),
        ("engine.timer", "false"),
        ("access.insecure_plaintext", "true"),
        ("kafka.brokers", brokers),
        ("kafka.reader", if reader { "true" } else { "false" }),
    ];
    Ok(Config::from_layers(None, [], flags)?)
}

/// Trades that come by calls, beside those on the topic.
fn trades(seed: u64) -> Vec<Trade> {
    let flow = Flow::new(seed, shape(20_000));
    let messages =
        flow.week().filter_map(|item| if let Step::Message(message) = item.step { Some(message) } else { None });
    let trades = messages.filter_map(|message| match message.body {
        Body::Trade(trade) if trade.action == Action::New => Some(trade),
        _ => None,
    });
    let numbered = trades.enumerate().map(|(number, mut trade)| {
        trade.id = Identifier::parse(&format!("CALL-{number}")).expect("a name");
        trade.version = 1;
        wire::trade::into_wire(&trade)
    });
    numbered.collect()
}

async fn connect(address: &str) -> Result<Channel> {
    Ok(Channel::from_shared(address.to_owned())?.connect().await?)
}

fn by<T>(actor: &str, message: T) -> Result<Request<T>> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-quittance-actor", actor.parse()?);
    Ok(request)
}

async fn submit(client: &mut TradeServiceClient<Channel>, trade: &Trade) -> Result<Option<pb::Receipt>> {
    let mut request = by(
        &trade.source,
        pb::SubmitTradeRequest {
            trade: Some(trade.clone()),
            request_id: format!("call-{}", trade.id),
            reason: String::new(),
        },
    )?;
    request.metadata_mut().insert("x-quittance-ack", "published".parse()?);
    match client.submit_trade(request).await {
        Ok(response) => Ok(Some(response.into_inner().receipt.context("an answer has a receipt")?)),
        // The business says no, which the generator means now and then.
        Err(status) if status.code() == tonic::Code::FailedPrecondition => Ok(None),
        Err(status) => Err(status.into()),
    }
}

/// Submits trades one after the other until a moment, each answered when its record is PUBLISHED; those that were, each
/// with its record.
async fn acknowledge(address: &str, trades: Vec<Trade>, until: Instant) -> Result<Vec<(Trade, u64)>> {
    let mut client = TradeServiceClient::new(connect(address).await?);
    let mut acknowledged = Vec::new();
    for trade in trades {
        if Instant::now() > until && acknowledged.len() >= ACKNOWLEDGED {
            break;
        }
        if let Some(receipt) = submit(&mut client, &trade).await? {
            acknowledged.push((trade, receipt.sequence));
        }
    }
    ensure!(acknowledged.len() >= ACKNOWLEDGED, "only {} trades were acknowledged", acknowledged.len());
    Ok(acknowledged)
}

/// The record from which on the standby leads.
async fn promote(address: &str) -> Result<u64> {
    let mut client = OperatorServiceClient::new(connect(address).await?);
    let request = by("olga.operations", pb::PromoteRequest { reason: "the primary is gone".to_owned() })?;
    Ok(client.promote(request).await?.into_inner().sequence)
}

/// Waits until something settles after a record.
fn first_settled(log: &Log, after: u64) -> Result<()> {
    let (mut at, deadline) = (after, Instant::now() + LONG);
    while Instant::now() < deadline {
        if log.wait_past(at, Duration::from_millis(50)).sequence <= at {
            continue;
        }
        let block = log.block_holding(at + 1)?.context("a record below the head")?;
        for (sequence, bytes) in block.iter().filter(|(sequence, _)| *sequence > at) {
            let FactContent::Outcome(Outcome::Accepted(events)) = wire::record::facts(bytes)?.content else { continue };
            if events.iter().any(|event| matches!(event, Event::InstructionsSettled { .. })) {
                ensure!(sequence > after);
                return Ok(());
            }
        }
        at = block.head().sequence;
    }
    bail!("nothing settled within {} s", LONG.as_secs())
}

/// Each trade that was told to be PUBLISHED is known, by the same record.
async fn all_there(address: &str, acknowledged: &[(Trade, u64)]) -> Result<()> {
    let mut client = TradeServiceClient::new(connect(address).await?);
    for (trade, sequence) in acknowledged {
        let again = submit(&mut client, trade).await?.with_context(|| format!("{} is refused now", trade.id))?;
        ensure!(
            again.duplicate && again.sequence == *sequence,
            "{} was PUBLISHED as record {sequence} and is record {} now",
            trade.id,
            again.sequence
        );
    }
    Ok(())
}

/// Waits until all of the topic is durable.
fn consumed(log: &Log, messages: u64) -> Result<()> {
    let (topic, deadline) = (Identifier::parse(topics::TRADES)?, Instant::now() + LONG);
    loop {
        let next = engine::cursor(log, &topic, 0)?.map_or(0, |cursor| cursor.next_offset);
        if next >= messages {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "only {next} of {messages} messages are durable");
        let _ = log.wait_past(log.head().sequence, Duration::from_millis(50));
    }
}

/// Up to where the standby took over, both logs are the same; and the standby's, whole, is sound.
fn same_history(primary: &Path, standby: &Path, taken_over: u64) -> Result<()> {
    let open = |dir: &Path| Log::open_read_only(&dir.join("log"), &store::Options::default());
    let (ours, theirs) = (open(standby)?, open(primary)?);
    let shared = taken_over.min(theirs.head().sequence);
    ensure!(
        ours.chain_at(shared)? == theirs.chain_at(shared)?,
        "the standby's history differs from the primary's before record {shared}"
    );
    house::verified(&ours).map(drop)
}
