//! `fold`: the whole decision path in memory on one core, and the replay of what came out of it.

use crate::clock::{Took, measure};
use crate::house;
use crate::report::Report;
use anyhow::{Context, Result, bail, ensure};
use clearing::{IdKey, Past, State};
use model::command::{Command, Inbound, Origin};
use model::event::Event;
use model::identifier::Identifier;
use model::record::{Content, FactContent, Outcome, RULES_VERSION, Record};
use model::timestamp::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::process::{Command as Process, Stdio};
use testkit::flow::{Flow, Mix, Shape, Step};

/// Messages as they would come from the broker: one buffer, and where each ends.
struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    at: Vec<Timestamp>,
}

impl Messages {
    fn iter(&self) -> impl Iterator<Item = (&[u8], Timestamp)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).zip(&self.at).map(|((start, end), at)| (&self.bytes[start..*end], *at))
    }

    fn len(&self) -> u64 {
        self.ends.len() as u64
    }
}

fn generate(flow: &Flow) -> (Vec<Inbound>, Messages) {
    let mut before = flow.reference();
    let mut messages = Messages { bytes: Vec::new(), ends: Vec::new(), at: Vec::new() };
    for item in flow.week() {
        match item.step {
            Step::Message(message) => {
                message.encode(&mut messages.bytes);
                messages.ends.push(messages.bytes.len());
                messages.at.push(item.at);
            }
            Step::Command(inbound) => before.push(inbound),
            _ => {}
        }
    }
    (before, messages)
}

/// The log of the run: stored bytes, and the ids that lead into it.
#[derive(Default)]
struct Log {
    /// In pieces, so that no growth copies what is there.
    pieces: Vec<Vec<u8>>,
    places: Vec<(u32, u32, u32)>,
    ids: HashMap<IdKey, u64>,
    chain: store::Hash,
}

const PIECE: usize = 1 << 20;

impl Log {
    fn record_bytes(&self, sequence: u64) -> Option<&[u8]> {
        let at = usize::try_from(sequence.checked_sub(1)?).ok()?;
        let (piece, start, end) = *self.places.get(at)?;
        Some(&self.pieces[piece as usize][start as usize..end as usize])
    }

    fn records(&self) -> u64 {
        self.places.len() as u64
    }

    fn byte_len(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }
}

impl Past for Log {
    fn sequence_of(&self, key: &IdKey) -> Option<u64> {
        self.ids.get(key).copied()
    }
    fn record(&self, sequence: u64) -> Option<Record> {
        wire::record::decode(self.record_bytes(sequence)?).ok()
    }
    fn payload_hash(&self, sequence: u64) -> Option<[u8; 32]> {
        wire::record::payload_hash(self.record_bytes(sequence)?)
    }
}

/// An engine without disk or threads.
struct Fold {
    state: State,
    log: Log,
    settled: u64,
    duplicates: u64,
    rejected: u64,
}

impl Fold {
    fn begin(flow: &Flow) -> Fold {
        let mut state = State::default();
        let genesis = flow.genesis();
        clearing::begin(&mut state, &genesis);
        let mut fold = Fold { state, log: Log::default(), settled: 0, duplicates: 0, rejected: 0 };
        let record = Record { sequence: 1, rules_version: RULES_VERSION, content: Content::Genesis(genesis) };
        fold.store(&record, None);
        fold
    }

    fn store(&mut self, record: &Record, raw: Option<&[u8]>) {
        let log = &mut self.log;
        if log.pieces.last().is_none_or(|piece| piece.len() + PIECE / 2 > piece.capacity()) {
            log.pieces.push(Vec::with_capacity(2 * PIECE));
        }
        let at = log.pieces.len() - 1;
        let piece = &mut log.pieces[at];
        let start = piece.len();
        wire::record::encode(record, raw.map(wire::record::Received::Protobuf), piece);
        let leaf = store::chain::leaf(&piece[start..]);
        log.chain = store::chain::link(&log.chain, &leaf);
        log.places.push((at as u32, start as u32, piece.len() as u32));
    }

    fn submit(&mut self, inbound: Inbound, raw: Option<&[u8]>) {
        let at = inbound.at;
        self.one(inbound, raw);
        while let Some(task) = clearing::next_task(&self.state) {
            let engine = Identifier::parse("engine").expect("is an identifier");
            let reason = String::new();
            let command = Command::Continue(task);
            self.one(Inbound { command, origin: Origin::Engine, actor: engine, reason, at }, None);
        }
    }

    fn one(&mut self, inbound: Inbound, raw: Option<&[u8]>) {
        let outcome = clearing::decide(&self.state, &inbound, &self.log);
        let sequence = self.state.sequence() + 1;
        let record = Record { sequence, rules_version: RULES_VERSION, content: Content::Decided { inbound, outcome } };
        for key in clearing::ids(&self.state, &record) {
            self.log.ids.insert(key, sequence);
        }
        self.store(&record, raw);
        let Content::Decided { inbound, outcome } = &record.content else { return };
        match outcome {
            Outcome::Accepted(events) => {
                let settled = events.iter().filter(|event| matches!(event, Event::InstructionsSettled { .. }));
                self.settled += settled.count() as u64;
            }
            Outcome::Duplicate { .. } => self.duplicates += 1,
            Outcome::Rejected(_) => self.rejected += 1,
        }
        clearing::apply(&mut self.state, sequence, inbound.at, &inbound.actor, record.events());
    }
}

fn trade(bytes: &[u8], at: Timestamp, topic: &Identifier, offset: u64) -> Result<Inbound> {
    let message = wire::trade::decode(bytes)?;
    Ok(Inbound {
        actor: message.source.clone(),
        command: Command::Trade(Box::new(message)),
        origin: Origin::Kafka { topic: topic.clone(), partition: 0, offset },
        reason: String::new(),
        at,
    })
}

struct Run {
    fold: Fold,
    took: Took,
    messages: u64,
}

fn play(seed: u64, shape: Shape) -> Result<(Run, Messages)> {
    let flow = Flow::new(seed, shape);
    let (before, messages) = generate(&flow);
    let topic = Identifier::parse("quittance.trades.v1").expect("is an identifier");
    let mut fold = Fold::begin(&flow);
    for inbound in before {
        let command = inbound.command.name();
        fold.submit(inbound, None);
        ensure!(fold.rejected == 0, "a set-up command ({command}) was rejected");
    }
    let (result, took) = measure(|| -> Result<()> {
        for (offset, (bytes, at)) in messages.iter().enumerate() {
            let inbound = trade(bytes, at, &topic, offset as u64)?;
            fold.submit(inbound, Some(bytes));
        }
        Ok(())
    });
    result?;
    let count = messages.len();
    Ok((Run { fold, took, messages: count }, messages))
}

/// Measures the ordinary flow.
///
/// # Errors
/// When a check fails.
pub fn run(seed: u64, count: u64, report: &mut Report) -> Result<()> {
    let (run, messages) = play(seed, Shape::bench(count))?;
    let (n, settled) = (run.messages, run.fold.settled);
    let decoded = measure(|| messages.iter().filter(|(bytes, _)| wire::trade::decode(bytes).is_ok()).count()).1;
    let (hashed, hash) = measure(|| {
        let records = (1..=run.fold.log.records()).filter_map(|at| run.fold.log.record_bytes(at));
        records.fold(store::Hash::default(), |chain, bytes| store::chain::link(&chain, &store::chain::leaf(bytes)))
    });
    let (replayed, replay) = measure(|| replay(&run.fold.log));
    let (replayed, events) = replayed?;
    check(&run.fold, &replayed)?;
    ensure!(hashed == run.fold.log.chain, "the chain of the stored bytes is another");
    let bytes = run.fold.log.byte_len() as f64 / settled.max(1) as f64;
    report.add("fold", "messages per CPU second", run.took.per_cpu_second(n), "1/s", "decode to hash, one core");
    report.add("fold", "CPU per message", run.took.cpu_us_each(n), "us", "");
    report.add("fold", "of it decode", decoded.cpu_us_each(n), "us", "measured alone");
    report.add("fold", "of it hash", hash.cpu_us_each(n), "us", "measured alone");
    report.add("fold", "CPU per settled trade", run.took.cpu_us_each(settled), "us", "");
    report.add("fold", "settled", settled as f64 * 200.0 / n as f64, "% of messages", "goal of the load: ≥ 70");
    report.add("fold", "duplicates", run.fold.duplicates as f64 * 100.0 / n as f64, "%", "");
    report.add("fold", "record bytes per settled trade", bytes, "B", "before compression");
    report.add("replay", "events per CPU second", replay.per_cpu_second(events), "1/s", "goal 3,000,000");
    report.add("replay", "records per CPU second", replay.per_cpu_second(run.fold.log.records()), "1/s", "");
    Ok(())
}

/// Measures the hot flow against the ordinary one, in turn.
///
/// # Errors
/// When a check fails.
pub fn hot(seed: u64, count: u64, report: &mut Report) -> Result<()> {
    let mut ratios = Vec::new();
    for round in 0..3 {
        let (plain, _) = play(seed + round, Shape::bench(count))?;
        check(&plain.fold, &replay(&plain.fold.log)?.0)?;
        let (hot, _) = play(seed + round, Shape::hot(count))?;
        check(&hot.fold, &replay(&hot.fold.log)?.0)?;
        ratios.push(hot.took.cpu_us_each(hot.messages) / plain.took.cpu_us_each(plain.messages));
    }
    ratios.sort_by(f64::total_cmp);
    report.add("hot", "CPU per message against the ordinary flow", ratios[1], "times", "median of 3; goal ≤ 1.1");
    Ok(())
}

/// Measures what an open instruction takes in memory, in a process of its own whose allocator gives back at once what is
/// freed: elsewhere the state would lie in what the generated messages left, and seem to take less than it does.
///
/// # Errors
/// When that process fails.
pub fn memory(seed: u64, open: u64, report: &mut Report) -> Result<()> {
    let output = Process::new(std::env::current_exe()?)
        .args(["bench", "--seed", &seed.to_string(), "state", &open.to_string()])
        .env("MIMALLOC_PURGE_DELAY", "0")
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the process that folds open instructions")?;
    ensure!(output.status.success(), "the process that folds open instructions failed");
    let each: f64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    report.add("memory", "state per open instruction", each, "B", "with its trade; goal ≤ 200");
    Ok(())
}

/// That process: prints the bytes that a state of so many open instructions takes for each.
///
/// # Errors
/// When a check fails.
pub fn state(seed: u64, open: u64) -> Result<()> {
    let shape = Shape { mix: Mix { one_sided: 10_000, ..Mix::default() }, trades: open, ..Shape::bench(open) };
    let (run, messages) = play(seed, shape)?;
    drop(messages);
    // Beside the one that it is a copy of.
    let before = house::resident();
    let (state, _) = replay(&run.fold.log)?;
    let grown = house::resident().saturating_sub(before);
    check(&run.fold, &state)?;
    let counts = state.open_counts();
    let count = counts.iter().find(|(kind, _)| *kind == "instructions").map_or(0, |(_, count)| *count);
    ensure!(count as u64 >= open * 99 / 100, "only {count} instructions are open");
    println!("{}", grown as f64 / count as f64);
    Ok(())
}

fn replay(log: &Log) -> Result<(State, u64)> {
    let mut state = State::default();
    let mut events = 0;
    for sequence in 1..=log.records() {
        let Some(bytes) = log.record_bytes(sequence) else { bail!("record {sequence} is missing") };
        let facts = wire::record::facts(bytes)?;
        match &facts.content {
            FactContent::Genesis(genesis) => clearing::begin(&mut state, genesis),
            FactContent::Outcome(outcome) => {
                let happened: &[Event] = if let Outcome::Accepted(happened) = outcome { happened } else { &[] };
                events += happened.len() as u64;
                clearing::apply(&mut state, facts.sequence, facts.at, &facts.actor, happened);
            }
        }
    }
    Ok((state, events))
}

/// Assets conserved, nothing settled twice, and the replay equal to what was folded.
fn check(fold: &Fold, replayed: &State) -> Result<()> {
    let balances = |state: &State| -> Vec<_> { state.balances().collect() };
    ensure!(balances(&fold.state) == balances(replayed), "the replay has other balances");
    ensure!(fold.state.open_counts() == replayed.open_counts(), "the replay has other open business");
    let mut by_asset: BTreeMap<_, i128> = BTreeMap::new();
    for (account, asset, amount) in balances(replayed) {
        let sign = if account.axis() == model::ledger::Axis::Ownership { 1 } else { -1 };
        *by_asset.entry((account.entity(), asset)).or_default() += sign * amount;
    }
    ensure!(by_asset.values().all(|sum| *sum == 0), "ownership and location differ");
    let mut settled = std::collections::BTreeSet::new();
    for sequence in 1..=fold.log.records() {
        let facts = wire::record::facts(fold.log.record_bytes(sequence).unwrap_or_default())?;
        if let FactContent::Outcome(Outcome::Accepted(events)) = &facts.content {
            for event in events {
                if let Event::InstructionsSettled { deliver, receive, .. } = event {
                    ensure!(settled.insert(*deliver) && settled.insert(*receive), "an instruction settled twice");
                }
            }
        }
    }
    Ok(())
}
