//! How fast: `cargo test -p wire speed -- --ignored --nocapture`. Nothing is asserted: other work runs beside it.
//! `SPEED="trade: decode"` before it measures only what is so named, for a profiler.

use crate::sample;
use prost::Message as _;
use std::hint::black_box;
use std::time::Instant;
use wire::{pb, record, trade};

/// Nanoseconds of one call: the best of short rounds, since others take the core away, and their median.
fn measure<T>(what: &str, bytes: usize, mut call: impl FnMut() -> T) {
    const CALLS: u32 = 500;
    if std::env::var("SPEED").is_ok_and(|only| !what.contains(&only)) {
        return;
    }
    let mut rounds: Vec<f64> = (0..400)
        .map(|_| {
            let start = Instant::now();
            (0..CALLS).for_each(|_| drop(black_box(call())));
            start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{what:<44} {:>6.0} ns (median {:.0})  {bytes:>5} B", rounds[0], rounds[rounds.len() / 2]);
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    let message = sample::trade();
    let mut raw = Vec::new();
    trade::encode(&message, &mut raw);
    let mut out = Vec::with_capacity(4096);
    measure("trade: decode", raw.len(), || trade::decode(black_box(&raw)).unwrap());
    measure("trade: prost's decode alone", raw.len(), || pb::trade::Trade::decode(&*raw).unwrap());
    measure("trade: encode", raw.len(), || {
        out.clear();
        trade::encode(black_box(&message), &mut out);
    });
    measure("trade: clone (what its names cost)", 0, || black_box(&message).clone());
    for (name, record) in [("captured", sample::captured()), ("settled", sample::settled())] {
        let mut bytes = Vec::new();
        record::encode(&record, Some(record::Received::Protobuf(&raw)), &mut bytes);
        let events = record.events().len();
        println!(
            "{name}: {events} events, {} postings",
            record.events().iter().map(|e| e.postings().len()).sum::<usize>()
        );
        measure(&format!("{name}: encode with raw trade"), bytes.len(), || {
            out.clear();
            record::encode(black_box(&record), Some(record::Received::Protobuf(&raw)), &mut out);
        });
        measure(&format!("{name}: encode"), bytes.len(), || {
            out.clear();
            record::encode(black_box(&record), None, &mut out);
        });
        measure(&format!("{name}: facts"), bytes.len(), || record::facts(black_box(&bytes)).unwrap());
        measure(&format!("{name}: decode"), bytes.len(), || record::decode(black_box(&bytes)).unwrap());
        measure(&format!("{name}: prost's decode alone"), bytes.len(), || pb::record::Record::decode(&*bytes).unwrap());
        measure(&format!("{name}: sequence_and_at"), bytes.len(), || {
            record::sequence_and_at(black_box(&bytes)).unwrap()
        });
        let facts = record::facts(&bytes).unwrap();
        measure(&format!("{name}: clone of its facts (allocations)"), 0, || black_box(&facts).clone());
    }
    let line = wire::json::inbound_to_line(&model::command::Inbound {
        command: model::command::Command::Trade(Box::new(message)),
        origin: model::command::Origin::File { line: 1 },
        actor: sample::id("x"),
        reason: String::new(),
        at: sample::at(),
    });
    measure("json: a line with a trade", line.len(), || wire::json::inbound_from_line(&line, 1).unwrap());
}
