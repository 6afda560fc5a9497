//! Every scenario of the business is read by the auditor, and nothing in it is called a violation: external domains, breaks, reversals,
//! amendments, approvals, grants. And the generated week, against the figures of the state that decided it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use auditor::fold::Fold;
use model::command::{Command, Origin};
use model::event::Event;
use model::identifier::CurrencyCode;
use model::index::Asset;
use model::ledger::Axis;
use model::record::{Content, Outcome};
use prost::Message as _;
use testkit::flow::{Flow, Shape, play, play_with};
use testkit::memory::Shard;
use testkit::scenario::{Mode, Script, player};
use wire::pb::record::record::Content as Kind;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder of scenarios") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
}

/// Folds a shard's records; what is violated, if anything.
fn audit(shard: &Shard) -> Result<Fold, String> {
    let mut fold = Fold::default();
    for (place, bytes) in shard.bytes().enumerate() {
        let sequence = place as u64 + 1;
        let read = fold.record(sequence, &bytes);
        read.map_err(|fault| format!("record {sequence}: {fault:?}\n{:?}", shard.records()[place]))?;
    }
    fold.end().map_err(|fault| format!("{fault:?}"))?;
    Ok(fold)
}

#[test]
fn every_scenario_is_sound() {
    let mut found = Vec::new();
    files(&root(), &mut found);
    found.sort();
    assert!(found.len() > 50, "{} scenarios", found.len());
    let mut faults = Vec::new();
    let include = |name: &str| std::fs::read_to_string(root().join(name).with_extension("setup")).ok();
    for path in found {
        let text = std::fs::read_to_string(&path).expect("a scenario is a text");
        let script = Script::parse(&path.display().to_string(), &text).expect("it parses");
        let mut player = player(Mode::Straight);
        player.play(&script, &include).expect("it plays");
        if let Err(fault) = audit(player.stage().shard()) {
            faults.push(format!("{}: {fault}", path.display()));
        }
    }
    assert!(faults.is_empty(), "{} scenarios are said to be violated:\n{}", faults.len(), faults.join("\n"));
}

/// What is wrong with a fact; false where it has no such thing.
type Bend = fn(&mut Event) -> bool;

/// Each breaks what a settlement or its reversal says, and nothing that would be noticed without it.
const BENDS: [(&str, Bend); 4] = [
    ("more is turned round than was booked, though it balances", |event| {
        let Event::Reversed { postings, .. } = event else { return false };
        // A book and the place where it lies, both by one.
        let asset = postings[0].asset;
        postings.iter_mut().filter(|posting| posting.asset == asset).for_each(|posting| posting.amount += 1);
        true
    }),
    ("a reversal belongs to another day", |event| {
        let Event::Reversed { trades, .. } = event else { return false };
        trades.first_mut().map(|trade| trade.trade_date = trade.trade_date.add_days(-1).expect("a day")).is_some()
    }),
    ("a settlement names another trade", |event| {
        let Event::InstructionsSettled { receive_trade: Some(named), .. } = event else { return false };
        named.trade += 1;
        true
    }),
    ("an agent's settlement names another day", |event| {
        let Event::InstructionConfirmed { trade: Some(named), .. } = event else { return false };
        named.trade_date = named.trade_date.add_days(1).expect("a day");
        true
    }),
];

#[test]
fn a_settlement_and_its_reversal_must_be_exact() {
    let mut found = Vec::new();
    files(&root(), &mut found);
    let include = |name: &str| std::fs::read_to_string(root().join(name).with_extension("setup")).ok();
    let mut tried = BTreeMap::new();
    for path in found {
        let script = Script::parse("", &std::fs::read_to_string(&path).expect("a text")).expect("it parses");
        let mut player = player(Mode::Straight);
        player.play(&script, &include).expect("it plays");
        for (what, bend) in BENDS {
            let mut fold = Fold::default();
            for (bytes, record) in player.stage().shard().bytes().zip(player.stage().shard().records()) {
                let mut bent = record.clone();
                if let Content::Decided { outcome: Outcome::Accepted(events), .. } = &mut bent.content
                    && events.iter_mut().any(bend)
                {
                    let mut bytes = Vec::new();
                    wire::record::encode(&bent, None, &mut bytes);
                    let taken = fold.record(record.sequence, &bytes);
                    assert!(taken.is_err(), "{what}: {}: record {}", path.display(), record.sequence);
                    *tried.entry(what).or_insert(0) += 1;
                    break;
                }
                fold.record(record.sequence, &bytes).expect("sound");
            }
        }
    }
    assert!(tried.len() == BENDS.len() && tried.values().all(|scenarios| *scenarios > 1), "{tried:?}");
}

/// Two implementations, one balance: what lies everywhere in a currency.
#[test]
fn the_trial_balance_is_that_of_the_state() {
    let flow = Flow::new(11, Shape::demo());
    let mut shard = Shard::new(flow.genesis());
    assert_eq!(play(&flow, &mut shard).len(), 0, "the week goes as it should");
    let lines = audit(&shard).and_then(|fold| fold.end().map_err(|fault| format!("{fault:?}"))).expect("sound");
    for code in ["EUR", "USD", "GBP"] {
        let asset = Asset::currency(CurrencyCode::parse(code).expect("a currency"));
        let balances = shard.state().balances();
        let located = balances.filter(|(account, own, _)| account.axis() == Axis::Location && *own == asset);
        let total: i128 = located.map(|(_, _, amount)| amount).sum();
        let line = lines.iter().find(|line| line.asset == code).expect("a line for it");
        assert_eq!(line.location, total.to_string(), "{code}");
    }
}

/// The auditor counts limits by itself: the week with them is sound, and each figure of them bent by one is found.
#[test]
fn limits_are_counted_a_second_time() {
    let flow = Flow::new(11, Shape { trades: 600, ..Shape::demo() });
    let mut shard = Shard::new(flow.genesis());
    assert_eq!(play_with(&flow, &mut shard, |first| flow.limits(first)).len(), 0, "the week goes as it should");
    audit(&shard).expect("sound");
    let mut tried = [0; 6];
    for (which, tried) in tried.iter_mut().enumerate() {
        let mut fold = Fold::default();
        for (bytes, record) in shard.bytes().zip(shard.records()) {
            let mut bent = record.clone();
            if let Content::Decided { outcome: Outcome::Accepted(events), .. } = &mut bent.content {
                for event in events {
                    let figure = match event {
                        Event::LimitReserved(reserved) if which == 0 && reserved.amount != 0 => &mut reserved.amount,
                        Event::HoldingReserved(reserved) if which == 4 && reserved.amount != 0 => &mut reserved.amount,
                        Event::HoldingReserved(reserved) if which == 5 => &mut reserved.quantity,
                        Event::LimitBreached(breach) if which == 1 => &mut breach.used,
                        Event::LimitBreached(breach) if which == 2 => &mut breach.limit,
                        Event::LimitCured(cure) if which == 3 => &mut cure.used,
                        _ => continue,
                    };
                    *figure += 1;
                    *tried += 1;
                    break;
                }
            }
            if bent == *record {
                fold.record(record.sequence, &bytes).expect("sound");
                continue;
            }
            let mut bytes = Vec::new();
            wire::record::encode(&bent, None, &mut bytes);
            assert!(fold.record(record.sequence, &bytes).is_err(), "{which} at record {}", record.sequence);
            break;
        }
    }
    assert_eq!(tried, [1; 6]);
}

/// The document that an agent sent stands beside what it says, and nowhere else.
#[test]
fn a_document_stands_beside_an_agents_word_only() {
    let (mut found, mut beside, mut elsewhere) = (Vec::new(), 0, 0);
    files(&root().join("external"), &mut found);
    let include = |name: &str| std::fs::read_to_string(root().join(name).with_extension("setup")).ok();
    for path in found {
        let script = Script::parse("", &std::fs::read_to_string(&path).expect("a text")).expect("it parses");
        let mut player = player(Mode::Straight);
        player.play(&script, &include).expect("it plays");
        let mut fold = Fold::default();
        for (bytes, record) in player.stage().shard().bytes().zip(player.stage().shard().records()) {
            let with = |document: &[u8]| {
                let mut generated = wire::pb::record::Record::decode(&bytes[..]).expect("a record");
                let Some(Kind::Decided(decided)) = &mut generated.content else { return bytes.clone() };
                decided.document = document.to_vec();
                generated.encode_to_vec()
            };
            let Content::Decided { inbound, .. } = &record.content else {
                fold.record(record.sequence, &bytes).expect("sound");
                continue;
            };
            let taken = match (&inbound.command, &inbound.origin) {
                (Command::Advice(_), Origin::Kafka { .. }) => {
                    beside += 1;
                    assert!(fold.record(record.sequence, &with(b"no XML")).is_err());
                    with(b"\xef\xbb\xbf <Said>as it was</Said>")
                }
                _ => {
                    elsewhere += 1;
                    assert!(fold.record(record.sequence, &with(b"<Said/>")).is_err());
                    bytes
                }
            };
            fold.record(record.sequence, &taken).expect("sound");
        }
    }
    assert!(beside > 20 && elsewhere > 20, "{beside} {elsewhere}");
}
