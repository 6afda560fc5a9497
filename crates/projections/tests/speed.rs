//! How fast the views fold. Asserts no time, and counts the processor's rather than
//! the clock's, since other work may run beside it: `cargo test -p projections --test speed -- --ignored --nocapture` prints rates.

mod stream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::command::{Command, Inbound, Origin, Task};
use model::event::Event;
use model::index::{AccountIx, BookIx, InstrumentIx, PartyIx};
use model::record::{Content, FactContent, Facts, Record};
use model::trade::{Side, Terms};
use projections::{At, Projections, Runner, RunnerOptions};
use store::{BlockBuilder, Log, Options, Views};
use stream::random::Random;
use stream::{Stream, capture, day, head, issue, settled, terms};

const MESSAGES: u64 = 500_000;
const MEMBERS: u64 = 200;
const INSTRUMENTS: u64 = 2_000;
/// Messages between the two sides of a trade.
const APART: usize = 1_000;

fn side(random: &mut Random, side: Side, of: &(u32, u32, u32)) -> Terms {
    let (seller, buyer, instrument) = *of;
    let (party, counterparty) = if side == Side::Sell { (seller, buyer) } else { (buyer, seller) };
    let quantity = 100 + random.below(100_000) as i64;
    Terms {
        party: PartyIx(party),
        counterparty: PartyIx(counterparty),
        book: BookIx(party * 4 + random.below(4) as u32),
        instrument: InstrumentIx(instrument),
        quantity,
        net: quantity * 101,
        gross: quantity * 101,
        depot: Some(AccountIx(party * 2)),
        nostro: Some(AccountIx(party * 2 + 1)),
        ..terms(side, quantity, quantity)
    }
}

/// Few have most of the business: a tenth of them 46 %, as u³ has it.
fn skewed(random: &mut Random, of: u64) -> u32 {
    let u = random.below(1 << 16);
    ((u * u / (1 << 16) * u * of) >> 32) as u32
}

/// One side, then many messages later the other: nine of ten pairs match and settle at once, one matches and waits.
fn flow(stream: &mut Stream) {
    let mut random = Random(1);
    let mut first_sides = std::collections::VecDeque::new();
    for number in 1..=MESSAGES {
        if first_sides.len() < APART || random.below(2) == 0 {
            let of = (skewed(&mut random, MEMBERS), skewed(&mut random, MEMBERS), skewed(&mut random, INSTRUMENTS));
            let sell = side(&mut random, Side::Sell, &of);
            stream.accept(vec![capture(number, &sell, &[]), issue(number, number, &sell)]);
            first_sides.push_back((number, sell, of));
            continue;
        }
        let Some((deliver, sell, of)) = first_sides.pop_front() else { continue };
        let buy = Terms { quantity: sell.quantity, net: sell.net, ..side(&mut random, Side::Buy, &of) };
        let mut events = vec![capture(number, &buy, &[]), issue(number, number, &buy)];
        let at_once = random.below(10) > 0;
        let reasons = (!at_once).then_some((model::instruction::code::FUTU, model::instruction::code::FUTU));
        events.push(Event::InstructionsMatched { deliver, receive: number, amount: sell.net, reasons });
        if at_once {
            events.push(settled((deliver, &sell), (number, &buy), sell.net, day("2026-03-04")));
        }
        stream.accept(events);
    }
}

/// Time on the clock, of this thread on a processor, and of the whole process.
#[derive(Clone, Copy, Default)]
struct Spent {
    clock: Duration,
    thread: Duration,
    process: Duration,
}

struct Meter(Instant, Spent);

impl Meter {
    fn begin() -> Meter {
        Meter(Instant::now(), Spent { clock: Duration::ZERO, thread: thread_time(), process: process_time() })
    }

    fn read(&self) -> Spent {
        Spent {
            clock: self.0.elapsed(),
            thread: thread_time() - self.1.thread,
            process: process_time() - self.1.process,
        }
    }
}

fn thread_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

fn process_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = text.rsplit(')').next().unwrap_or_default().split(' ').skip(12).take(2);
    Duration::from_millis(ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

fn report(what: &str, count: u64, spent: Spent) {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    let rate = count as f64 / spent.thread.as_secs_f64();
    let (clock, thread, process) = (each(spent.clock), each(spent.thread), each(spent.process));
    println!(
        "{what:<46} us each: clock {clock:>6.2} thread {thread:>6.2} process {process:>6.2}; {rate:>9.0}/s of the thread"
    );
}

fn open(dir: &std::path::Path) -> (Projections, projections::Folder) {
    Projections::open(Arc::new(Views::open(&dir.join("views"), &Options::default()).unwrap())).unwrap()
}

#[test]
#[ignore = "prints rates"]
fn rates() {
    let mut stream = Stream::begin();
    flow(&mut stream);
    let count = stream.last();

    let dir = tempfile::tempdir().unwrap();
    let (_views, mut folder) = open(dir.path());
    let begun = Meter::begin();
    for facts in stream.facts.chunks(256) {
        folder.fold(facts);
    }
    report("fold, four views, nothing written", count, begun.read());
    let begun = Meter::begin();
    folder.save(head(count)).unwrap();
    report("write all of it at the end", count, begun.read());
    drop((_views, folder));

    let dir = tempfile::tempdir().unwrap();
    let (views, mut folder) = open(dir.path());
    let begun = Meter::begin();
    let mut writing = Spent::default();
    for (index, facts) in stream.facts.chunks(20_000).enumerate() {
        for facts in facts.chunks(256) {
            folder.fold(facts);
        }
        let before = Meter::begin();
        folder.save_now_and_then(head(((index + 1) * 20_000).min(count as usize) as u64)).unwrap();
        let spent = before.read();
        writing.clock += spent.clock;
        writing.thread += spent.thread;
        writing.process += spent.process;
    }
    report("fold and write every 20,000", count, begun.read());
    report("  of which writing", count, writing);
    println!("instructions in memory: {}", views.instructions_in_memory());
    drop((views, folder));
    if std::env::var_os("PROFILE").is_some() {
        return;
    }
    let bytes: u64 =
        std::fs::read_dir(dir.path().join("views")).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("bytes on disk for each message: {}", bytes / MESSAGES);

    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path(), &stream.facts);
    let begun = Meter::begin();
    let mut read = 0;
    for block in log.blocks_from(1) {
        for (_, bytes) in block.unwrap().iter() {
            read += wire::record::facts(bytes).unwrap().sequence & 1;
        }
    }
    report(&format!("read and decode alone ({read})"), count, begun.read());
    let (views, folder) = open(dir.path());
    let begun = Meter::begin();
    let runner = Runner::start(log, folder, RunnerOptions::default()).unwrap();
    views.summary(At::least(count, Duration::from_secs(600))).unwrap();
    report("runner: read, decode, fold, write every 20,000", count, begun.read());
    drop(runner);
    drop(views);
    let begun = Instant::now();
    let (views, _folder) = open(dir.path());
    println!("open again: {:?}, {} instructions in memory", begun.elapsed(), views.instructions_in_memory());
}

fn log(dir: &std::path::Path, facts: &[Facts]) -> Arc<Log> {
    let log = Log::create(&dir.join("log"), &Options::default()).unwrap();
    let mut builder = BlockBuilder::after(log.head());
    for block in facts.chunks(2_000) {
        for facts in block {
            let content = match facts.content.clone() {
                FactContent::Genesis(genesis) => Content::Genesis(genesis),
                FactContent::Outcome(outcome) => {
                    let command = Command::Continue(Task::Retry);
                    let (actor, at) = (facts.actor.clone(), facts.at);
                    Content::Decided {
                        inbound: Inbound { command, origin: Origin::Engine, actor, reason: String::new(), at },
                        outcome,
                    }
                }
            };
            let record = Record { sequence: facts.sequence, rules_version: 1, content };
            builder.push_with(|bytes| wire::record::encode(&record, None, bytes));
        }
        log.commit(&builder.finish(), &[], &[]).unwrap();
    }
    Arc::new(log)
}
