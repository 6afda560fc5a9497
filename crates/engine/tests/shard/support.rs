//! What the tests share: a small flow played into a shard in memory, which says what every record must be.

use engine::{Engine, Handle, Intake, Options, Pace, RawBatch, Request};
use model::command::{Command, Inbound, Origin};
use model::identifier::Identifier;
use model::record::{Content, Genesis, Record};
use std::path::Path;
use std::time::Duration;
use store::{BlockBuilder, Head, Log};
use testkit::flow::{Desk, Flow, Shape, Step};
use testkit::memory::Shard;

pub use testkit::flow::TOPIC;

pub fn name(text: &str) -> Identifier {
    Identifier::parse(text).expect("a name")
}

/// Something that comes in, and the records that come of it.
#[derive(Clone, Debug)]
pub struct Input {
    pub inbound: Inbound,
    /// The bytes of a message; a call has none.
    pub raw: Option<Vec<u8>>,
    /// Its own record.
    pub sequence: u64,
    /// The last record it leaves behind.
    pub ends_at: u64,
}

/// A flow with all that must come of it.
pub struct Oracle {
    pub genesis: Genesis,
    pub inputs: Vec<Input>,
    pub shard: Shard,
    /// The chain after the last record.
    pub head: Head,
}

/// A week in which everything goes wrong that can.
pub fn oracle(seed: u64, trades: u64) -> Oracle {
    of_flow(&Flow::new(seed, Shape { trades, ..Shape::demo() }))
}

/// A market as small as can be: little reference data, so that it may be played step by step.
pub fn small_oracle(seed: u64, trades: u64) -> Oracle {
    of_flow(&Flow::new(seed, Shape { trades, members: 3, instruments: 2, days: 2, story: false, ..Shape::demo() }))
}

fn of_flow(flow: &Flow) -> Oracle {
    let genesis = flow.genesis();
    let mut shard = Shard::new(genesis.clone());
    let mut inputs = Vec::new();
    let mut put = |shard: &mut Shard, inbound: Inbound, raw: Option<Vec<u8>>| {
        let sequence = shard.submit(inbound.clone()).sequence;
        inputs.push(Input { inbound, raw, sequence, ends_at: shard.records().len() as u64 });
        sequence
    };
    for inbound in flow.reference() {
        put(&mut shard, inbound, None);
    }
    let mut desk = Desk::default();
    for item in flow.week() {
        let found = desk.command(&item, |source, id| shard.state().instruction_of(source, id));
        let Some(mut inbound) = found else { continue };
        let mut raw = None;
        if let (Step::Message(message), Origin::Kafka { offset, .. }) = (&item.step, &mut inbound.origin) {
            // Gaps, as a topic with transactions has them.
            *offset = 5 + *offset * 3;
            message.encode(raw.insert(Vec::new()));
        }
        let sequence = put(&mut shard, inbound, raw);
        desk.answered(&item, sequence);
    }
    let mut building = BlockBuilder::after(Head::EMPTY);
    let mut inputs_left = inputs.iter();
    let mut raw_of = |record: &Record| {
        let Content::Decided { inbound, .. } = &record.content else { return None };
        if *record.origin()? == Origin::Engine && matches!(inbound.command, Command::Continue(_)) {
            return None;
        }
        let input = inputs_left.next()?;
        input.raw.clone().filter(|_| matches!(inbound.command, Command::Trade(_)))
    };
    for record in shard.records() {
        let raw = raw_of(record);
        building
            .push_with(|out| wire::record::encode(record, raw.as_deref().map(wire::record::Received::Protobuf), out));
    }
    Oracle { genesis, inputs, shard, head: building.finish().head() }
}

/// Options under which the records depend on nothing but the order of what comes in.
pub fn options(dir: &Path, genesis: &Genesis) -> Options {
    Options {
        timer: false,
        pace: Pace::DRAIN,
        store: small_store(),
        snapshot_every: 0,
        ..Options::new(dir.join("log"), genesis.clone())
    }
}

/// A store that is opened and closed quickly.
pub fn small_store() -> store::Options {
    let memory = store::Memory::new(8 << 20, 16 << 20);
    store::Options { memory, ids_in_memory: 10_000, id_filter_bytes: 1 << 16, ..store::Options::default() }
}

pub fn request(inbound: &Inbound) -> Request {
    let Inbound { command, origin, actor, reason, at } = inbound.clone();
    Request { command, origin, actor, reason, at: Some(at), raw_trade: None }
}

/// One message as a batch of its own.
pub fn batch(inputs: &[&Input]) -> RawBatch {
    let mut batch = RawBatch::new(name(TOPIC), 0);
    for input in inputs {
        let (Some(raw), Origin::Kafka { offset, .. }) = (&input.raw, &input.inbound.origin) else { panic!("a call") };
        batch.push(*offset, input.inbound.at, |end| end.extend_from_slice(raw));
    }
    batch
}

/// Plays inputs in their order: calls without waiting for each, messages in batches of up to so many.
pub fn play(handle: &Handle, intake: &Intake, inputs: &[Input], at_once: usize) {
    let mut rest = inputs;
    while let Some(first) = rest.first() {
        let alike = |input: &&Input| input.raw.is_some() == first.raw.is_some();
        let count = rest.iter().take(at_once).take_while(alike).count();
        let (now, later) = rest.split_at(count);
        if first.raw.is_some() {
            intake.send(batch(&now.iter().collect::<Vec<_>>())).expect("the engine runs");
        } else {
            let pending: Vec<_> = now
                .iter()
                .map(|input| handle.send_blocking(request(&input.inbound)).expect("the engine runs"))
                .collect();
            for answer in pending {
                answer.wait().expect("the engine answers");
            }
        }
        // Calls overtake messages, so a change of lane waits.
        if later.first().is_some_and(|next| next.raw.is_some() != first.raw.is_some()) {
            wait_for(handle, now[count - 1].ends_at);
        }
        rest = later;
    }
    if let Some(last) = inputs.last() {
        wait_for(handle, last.ends_at);
    }
}

/// Waits until a record is on disk.
pub fn wait_for(handle: &Handle, sequence: u64) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while handle.head().borrow().sequence < sequence {
        assert!(handle.status().failed.is_none(), "{:?}", handle.status().failed);
        assert!(std::time::Instant::now() < deadline, "record {sequence} never came: {:?}", handle.status());
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Every record of a log.
pub fn records(log: &Log) -> Vec<Record> {
    let blocks = log.blocks_from(1).map(|block| block.expect("a sound block"));
    blocks
        .flat_map(|block| {
            block.iter().map(|(_, bytes)| wire::record::decode(bytes).expect("a record")).collect::<Vec<_>>()
        })
        .collect()
}

pub fn start(options: Options) -> Engine {
    Engine::start(options).expect("the engine starts")
}

/// A shard with the flow's reference data and its day open; returns the inputs that are still to come.
pub fn prepared(options: Options, oracle: &Oracle) -> (Engine, &[Input]) {
    let engine = start(options.creating());
    let first = oracle.inputs.iter().position(|input| input.raw.is_some()).expect("the flow has messages");
    let (before, after) = oracle.inputs.split_at(first);
    play(&engine.handle(), &engine.handle().intake(), before, 64);
    (engine, after)
}
